//! A passage taken apart into what can be quoted: sentences, and the lists,
//! tables and code blocks that only make sense whole.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use unicode_segmentation::UnicodeSegmentation;

/// One quotable piece, in reading order.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    pub form: Form,
    /// The words alone, for comparing with the question.
    pub words: String,
    /// Units of one paragraph share a number; neighbours read well together.
    pub paragraph: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Form {
    Sentence,
    /// One item of a list; `of` names the list by the paragraph it stands in.
    Item {
        ordered: bool,
    },
    Table {
        header: Vec<String>,
        rows: Vec<Vec<String>>,
    },
    Code {
        language: String,
        text: String,
    },
}

/// Takes a Markdown passage apart. Plain text is one Markdown paragraph a line group.
pub fn units(markdown: &str) -> Vec<Unit> {
    let mut reader = Reader::default();
    for event in Parser::new_ext(
        markdown,
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH,
    ) {
        reader.read(event);
    }
    reader.flush();
    reader.units
}

#[derive(Default)]
struct Reader {
    units: Vec<Unit>,
    text: String,
    paragraph: usize,
    lists: Vec<bool>,
    code: Option<String>,
    in_heading: bool,
    table: Option<(Vec<String>, Vec<Vec<String>>)>,
    row: Vec<String>,
}

impl Reader {
    fn read(&mut self, event: Event) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                self.flush();
                self.in_heading = true;
            }
            Event::End(TagEnd::Heading(_)) => {
                // The heading stands in the section path already.
                self.text.clear();
                self.in_heading = false;
            }
            Event::Start(Tag::List(start)) => {
                self.flush();
                if self.lists.is_empty() {
                    self.paragraph += 1;
                }
                self.lists.push(start.is_some());
            }
            Event::End(TagEnd::List(_)) => {
                self.flush();
                self.lists.pop();
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                self.flush();
                self.code = Some(match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => String::new(),
                });
            }
            Event::End(TagEnd::CodeBlock) => {
                let language = self.code.take().unwrap_or_default();
                let text = std::mem::take(&mut self.text).trim_end().to_string();
                self.push(
                    Form::Code {
                        language,
                        text: text.clone(),
                    },
                    text,
                );
            }
            Event::Start(Tag::Table(_)) => {
                self.flush();
                self.table = Some((Vec::new(), Vec::new()));
            }
            Event::End(TagEnd::TableCell) => self
                .row
                .push(std::mem::take(&mut self.text).trim().to_string()),
            Event::End(TagEnd::TableHead) => {
                if let Some((header, _)) = &mut self.table {
                    *header = std::mem::take(&mut self.row);
                }
            }
            Event::End(TagEnd::TableRow) => {
                if let Some((_, rows)) = &mut self.table {
                    rows.push(std::mem::take(&mut self.row));
                }
            }
            Event::End(TagEnd::Table) => {
                if let Some((header, rows)) = self.table.take() {
                    let words = std::iter::once(&header)
                        .chain(&rows)
                        .map(|row| row.join(" "))
                        .collect::<Vec<_>>()
                        .join(". ");
                    self.push(Form::Table { header, rows }, words);
                }
            }
            Event::End(TagEnd::Item | TagEnd::Paragraph | TagEnd::HtmlBlock) => self.flush(),
            Event::Text(text) | Event::Code(text) | Event::InlineHtml(text) => {
                self.text.push_str(&text)
            }
            Event::SoftBreak | Event::HardBreak => self.text.push(' '),
            _ => {}
        }
    }

    /// Ends the running paragraph or item.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() || self.in_heading {
            return;
        }
        match self.lists.last() {
            Some(&ordered) => self.units.push(Unit {
                form: Form::Item { ordered },
                words: text,
                paragraph: self.paragraph,
            }),
            None => {
                self.paragraph += 1;
                for sentence in sentences(&text) {
                    self.units.push(Unit {
                        form: Form::Sentence,
                        words: sentence,
                        paragraph: self.paragraph,
                    });
                }
            }
        }
    }

    fn push(&mut self, form: Form, words: String) {
        self.paragraph += 1;
        self.units.push(Unit {
            form,
            words,
            paragraph: self.paragraph,
        });
    }
}

/// Sentences by Unicode's rules (UAX 29), put together again where the rules
/// cut inside an abbreviation.
pub fn sentences(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for piece in text.unicode_sentences() {
        match found.last_mut() {
            Some(last) if ends_in_abbreviation(last) => last.push_str(piece),
            _ => found.push(piece.to_string()),
        }
    }
    found
        .into_iter()
        .map(|sentence| sentence.trim().to_string())
        .filter(|sentence| !sentence.is_empty())
        .collect()
}

fn ends_in_abbreviation(sentence: &str) -> bool {
    let word = sentence.trim_end().rsplit(' ').next().unwrap_or_default();
    matches!(
        word,
        "e.g."
            | "i.e."
            | "etc."
            | "Mr."
            | "Ms."
            | "Dr."
            | "Prof."
            | "Mrs."
            | "No."
            | "approx."
            | "incl."
            | "vs."
            | "St."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(markdown: &str) -> Vec<String> {
        units(markdown).into_iter().map(|unit| unit.words).collect()
    }

    #[test]
    fn paragraph_becomes_sentences() {
        assert_eq!(
            words(
                "## Window\n\nCustomers have 30 days. After that, ask e.g. Support.\nIt costs 4.50 EUR."
            ),
            [
                "Customers have 30 days.",
                "After that, ask e.g. Support.",
                "It costs 4.50 EUR."
            ]
        );
    }

    #[test]
    fn list_items_share_a_paragraph() {
        let units = units("Do this:\n\n1. Stop `sync`.\n2. Start it.\n");
        assert_eq!(units.len(), 3);
        assert_eq!(units[1].form, Form::Item { ordered: true });
        assert_eq!(units[1].paragraph, units[2].paragraph);
        assert_ne!(units[0].paragraph, units[1].paragraph);
        assert_eq!(units[1].words, "Stop sync.");
    }

    #[test]
    fn table_and_code_stay_whole() {
        let units = units("| Tier | Price |\n|---|---|\n| Basic | 9 |\n\n```sh\nrm -f x\n```\n");
        assert_eq!(
            units[0].form,
            Form::Table {
                header: vec!["Tier".into(), "Price".into()],
                rows: vec![vec!["Basic".into(), "9".into()]]
            }
        );
        assert_eq!(
            units[1].form,
            Form::Code {
                language: "sh".into(),
                text: "rm -f x".into()
            }
        );
    }
}
