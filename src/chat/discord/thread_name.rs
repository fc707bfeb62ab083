//! The name of the thread that a question becomes: its first words.

use super::markdown::{cut, printable};

/// Discord's limit is 100 characters.
const LIMIT: usize = 90;
const NAMELESS: &str = "Answer";

/// The question stands in the channel already, so its words give nothing away.
pub fn thread_name(question: &str) -> String {
    let words = question.split_whitespace().filter(|word| !is_mention(word));
    let name = printable(&words.collect::<Vec<_>>().join(" "));
    let first = cut(&name, LIMIT)[0].trim();
    match first {
        "" => NAMELESS.into(),
        first if first.len() < name.trim().len() => format!("{first}…"),
        first => first.into(),
    }
}

fn is_mention(word: &str) -> bool {
    word.starts_with('<') && word.ends_with('>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_bears_the_first_words_of_its_question() {
        let check = |question: &str, name: &str| assert_eq!(thread_name(question), name);
        check(
            "<@1> how many orders\nyesterday?",
            "how many orders yesterday?",
        );
        check("<@1>", "Answer");
        check("", "Answer");
        let long = thread_name(&"word ".repeat(100));
        assert!(
            long.ends_with("word…") && long.chars().count() <= 100,
            "{long}"
        );
    }
}
