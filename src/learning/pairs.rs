//! Questions made from documents, for training the reader.
//!
//! A heading says what its section answers. So some headings are taken out of
//! a page, a neutral one is put in their place, and they are asked as people
//! ask: as they stand, as a question, and typed in a hurry. Nothing is random:
//! the same pages give the same questions.

use sha2::{Digest, Sha256};

/// A page whose chosen headings are gone, and what they asked.
#[derive(Clone, Debug, PartialEq)]
pub struct BlankedPage {
    pub text: String,
    pub questions: Vec<Asked>,
}

/// A question, and the neutral heading of the section that answers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub question: String,
    pub form: Form,
    /// `Section 7`, as it stands in the blanked page.
    pub section: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The heading as it stands.
    Heading,
    /// Put into a question.
    Question,
    /// Lower case, short forms, slips of the finger.
    Typed,
}

/// Takes about half of the headings of a Markdown page out. Those that stay
/// make sure that headings still count.
pub fn blank_headings(title: &str, markdown: &str) -> BlankedPage {
    let mut page = BlankedPage {
        text: String::new(),
        questions: Vec::new(),
    };
    let mut in_code = false;
    for (n, line) in markdown.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        let marks = line.len() - line.trim_start_matches('#').len();
        let heading = line[marks..].trim().trim_end_matches('#').trim();
        let is_heading = !in_code && (2..=6).contains(&marks) && line[marks..].starts_with(' ');
        if is_heading && asks_something(heading) && draw(heading, n).is_multiple_of(2) {
            let section = format!("Section {}", n + 1);
            page.text
                .push_str(&format!("{} {section}\n", &line[..marks]));
            page.questions.extend(ask(heading, title, &section));
        } else {
            page.text.push_str(line);
            page.text.push('\n');
        }
    }
    page
}

/// The heading in three forms. One that says little alone is asked with the page's title.
fn ask(heading: &str, title: &str, section: &str) -> [Asked; 3] {
    const FRAMES: [&str; 6] = [
        "How does {} work?",
        "What do I need to know about {}?",
        "Is there a rule for {}?",
        "Where do I find out about {}?",
        "What about {}?",
        "Tell me about {}",
    ];
    let plain = if heading.split_whitespace().count() < 3 {
        format!("{heading} {title}")
    } else {
        heading.to_string()
    };
    let frame = FRAMES[draw(&plain, 1) % FRAMES.len()];
    let is_question = plain.ends_with('?');
    let question = if is_question {
        plain.clone()
    } else {
        frame.replace("{}", &plain)
    };
    let typed = type_in_a_hurry(if draw(&plain, 2).is_multiple_of(2) {
        &plain
    } else {
        &question
    });
    [
        (plain, Form::Heading),
        (question, Form::Question),
        (typed, Form::Typed),
    ]
    .map(|(question, form)| Asked {
        question,
        form,
        section: section.to_string(),
    })
}

/// Lower case, no punctuation, short forms; now and then a letter too few or two exchanged.
fn type_in_a_hurry(text: &str) -> String {
    const SHORT: [(&str, &str); 8] = [
        ("you", "u"),
        ("your", "ur"),
        ("are", "r"),
        ("and", "n"),
        ("please", "pls"),
        ("what", "wat"),
        ("without", "w/o"),
        ("people", "ppl"),
    ];
    const DROPPED: [&str; 6] = ["the", "a", "an", "do", "does", "is"];
    let mut words = Vec::new();
    for (n, word) in text.to_lowercase().split_whitespace().enumerate() {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric());
        if word.is_empty() || DROPPED.contains(&word) {
            continue;
        }
        let short = SHORT.iter().find(|(long, _)| *long == word);
        words.push(match short {
            Some((_, short)) => short.to_string(),
            None if draw(word, n).is_multiple_of(5) => slip(word),
            None => word.to_string(),
        });
    }
    words.join(" ")
}

fn slip(word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 5 {
        return word.to_string();
    }
    let at = 1 + draw(word, 3) % (letters.len() - 3);
    if draw(word, 4).is_multiple_of(2) {
        letters.remove(at);
    } else {
        letters.swap(at, at + 1);
    }
    letters.into_iter().collect()
}

/// Template marks and numbers alone ask nothing.
fn asks_something(heading: &str) -> bool {
    !heading.contains(['<', '{']) && heading.chars().filter(|c| c.is_alphabetic()).count() >= 4
}

/// A number that looks random and is the same every time.
fn draw(text: &str, n: usize) -> usize {
    let digest = Sha256::digest(format!("{n} {text}"));
    usize::from(u16::from_le_bytes([digest[0], digest[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Hello.\n\n## Bringing your own laptop\n\nYou may.\n\n\
        ## When the screen is broken\n\nCall.\n\n## Returning the terminal\n\nWithin 30 days.\n\n\
        ## Paying people without an account\n\nCash.\n\n```\n## not a heading\n```\n";

    #[test]
    fn blanked_heading_is_asked_and_no_longer_stands_in_the_page() {
        let page = blank_headings("Equipment", PAGE);
        assert!(!page.questions.is_empty());
        for asked in &page.questions {
            assert!(page.text.contains(&format!("## {}\n", asked.section)));
            let is_there = page.text.contains(&format!("## {}\n", asked.question));
            assert!(!is_there, "{}", asked.question);
        }
        assert!(page.text.contains("Within 30 days.") && page.text.contains("## not a heading"));
        assert_eq!(page, blank_headings("Equipment", PAGE));
    }

    #[test]
    fn typed_form_reads_like_a_chat_message() {
        assert_eq!(
            type_in_a_hurry("What do you need without the account?"),
            "wat u need w/o account"
        );
        let slipped = slip("terminal");
        assert_ne!(slipped, "terminal");
        assert!(strsim::osa_distance(&slipped, "terminal") == 1, "{slipped}");
    }

    #[test]
    fn headings_of_marks_and_numbers_ask_nothing() {
        let page = blank_headings(
            "T",
            "## 1.2\n\n## <%= title %>\n\n## {{ x.title }}\n\n#\n##\n",
        );
        assert_eq!(page.questions, []);
    }
}
