//! A passage as blocks: whole where it is short, else the part around the
//! sentence that answers. Lists, tables and code are never cut.

use super::{
    composing::day,
    injection::orders,
    passage::{Form, Unit, units},
};
use crate::{
    domain::{Block, Inline, Message, SourceKind, reply},
    ports::Hit,
};

/// A passage up to this many words is quoted whole.
const WHOLE_WORDS: usize = 110;

/// Words that quoting the passage takes, at most.
pub(super) fn word_count(hit: &Hit) -> usize {
    hit.text.split_whitespace().count().min(WHOLE_WORDS)
}

pub(super) fn fits_whole(hit: &Hit) -> bool {
    hit.text.split_whitespace().count() <= WHOLE_WORDS
}

/// The passage under a line that names its source. `earlier` is the passage
/// quoted just before, so that a document is named once.
pub(super) fn quotation(n: usize, hit: &Hit, best: usize, earlier: Option<&Hit>) -> Message {
    let dated = hit.date.map(|date| day(&date));
    let mut message = match earlier {
        None => vec![reply::quoted_lead(&heading(hit), dated.as_deref())],
        Some(earlier) if earlier.document == hit.document => Vec::new(),
        Some(_) => vec![reply::also_lead(&heading(hit), dated.as_deref())],
    };
    // What is about something else is told by all of the passage.
    let orders = orders(&hit.text, &hit.title);
    let (orders, words): (Vec<Unit>, Vec<Unit>) = around(units(&hit.text), best)
        .into_iter()
        .partition(|unit| orders.contains(&unit.words));
    let mut blocks = blocks(&words);
    cite(&mut blocks, n, hit);
    message.extend(blocks);
    if !orders.is_empty() {
        message.push(Block::notice(reply::orders_left_out()));
    }
    message
}

fn heading(hit: &Hit) -> String {
    match hit.kind {
        SourceKind::Tickets => format!("{} {}", hit.document, hit.title),
        _ => hit.title.clone(),
    }
}

/// All units of a short passage; of a long one the paragraphs around the best
/// unit, nearest first, as long as the words last.
fn around(all: Vec<Unit>, best: usize) -> Vec<Unit> {
    let words = |unit: &Unit| unit.words.split_whitespace().count();
    let Some(centre) = all.get(best).map(|unit| unit.paragraph) else {
        return all;
    };
    let mut paragraphs: Vec<usize> = all.iter().map(|unit| unit.paragraph).collect();
    paragraphs.dedup();
    paragraphs.sort_by_key(|paragraph| paragraph.abs_diff(centre));
    let mut left = WHOLE_WORDS;
    let mut kept = Vec::new();
    for paragraph in paragraphs {
        let size: usize = all
            .iter()
            .filter(|unit| unit.paragraph == paragraph)
            .map(words)
            .sum();
        if size > left && paragraph != centre {
            break;
        }
        left = left.saturating_sub(size);
        kept.push(paragraph);
    }
    all.into_iter()
        .filter(|unit| kept.contains(&unit.paragraph))
        .collect()
}

/// Units that belong together become one block.
fn blocks(units: &[Unit]) -> Message {
    units
        .chunk_by(|a, b| a.paragraph == b.paragraph)
        .map(|paragraph| match &paragraph[0].form {
            Form::Sentence => {
                let sentences: Vec<&str> =
                    paragraph.iter().map(|unit| unit.words.as_str()).collect();
                Block::Quote {
                    text: vec![Inline::text(sentences.join(" "))],
                }
            }
            Form::Item { ordered } => Block::List {
                ordered: *ordered,
                items: paragraph
                    .iter()
                    .map(|unit| vec![Inline::text(unit.words.clone())])
                    .collect(),
            },
            Form::Table { header, rows } => Block::Table {
                caption: String::new(),
                header: header.clone(),
                rows: rows.clone(),
            },
            Form::Code { language, text } => Block::Code {
                language: language.clone(),
                text: text.clone(),
            },
        })
        .collect()
}

/// The number stands in the first block that can carry it; before a table or
/// code that comes first, the section's name carries it.
fn cite(blocks: &mut Message, n: usize, hit: &Hit) {
    match blocks.first_mut() {
        Some(Block::Quote { text }) => text.push(Inline::Cite { n }),
        _ => {
            let section = hit
                .section
                .rsplit(" > ")
                .next()
                .filter(|name| !name.is_empty());
            let name = section.unwrap_or(&hit.title).to_string();
            blocks.insert(
                0,
                Block::Quote {
                    text: vec![Inline::text(name), Inline::Cite { n }],
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(markdown: &str, best: usize) -> Vec<String> {
        around(units(markdown), best)
            .into_iter()
            .map(|unit| unit.words)
            .collect()
    }

    #[test]
    fn short_passage_is_kept_whole() {
        assert_eq!(kept("One. Two.\n\nThree.", 0), ["One.", "Two.", "Three."]);
    }

    #[test]
    fn long_passage_is_cut_around_the_answer_at_paragraphs() {
        let filler = "word ".repeat(80);
        let passage = format!("{filler}.\n\nBefore it.\n\nThe answer.\n\nAfter it.\n\n{filler}.");
        let best = units(&passage)
            .iter()
            .position(|unit| unit.words == "The answer.")
            .expect("it is there");
        let kept = kept(&passage, best);
        assert!(
            kept.contains(&"The answer.".to_string()) && kept.contains(&"Before it.".to_string())
        );
        assert!(kept.len() < 5, "{kept:?}");
    }
}
