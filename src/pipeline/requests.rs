//! What a question asks for, told by its words alone: a comparison, a rule.

use crate::domain::Style;

pub(super) fn is_analytical(text: &str) -> bool {
    const SIGNS: [&str; 17] = [
        "top ",
        "best",
        "worst",
        "average",
        "avg",
        "mean",
        "compare",
        "versus",
        " vs",
        "trend",
        "by region",
        "per ",
        "total",
        "most",
        "highest",
        "lowest",
        "rank",
    ];
    let text = text.to_lowercase();
    SIGNS.iter().any(|sign| text.contains(sign))
}

pub(super) fn style_of(text: &str) -> Style {
    let text = text.to_lowercase();
    let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if starts(&["how do", "how to", "how can", "steps"]) || text.contains("step by step") {
        Style::List
    } else if starts(&[
        "who", "when", "how long", "how much", "how many", "is ", "are ", "can ", "does ",
    ]) {
        Style::Brief
    } else {
        Style::Explanation
    }
}

/// "May I", "who approves", "why": answered by a page, whatever figures it names.
pub(super) fn asks_for_a_rule(text: &str) -> bool {
    const SIGNS: [&str; 20] = [
        " can ",
        " may ",
        " must ",
        " should ",
        " have to ",
        " why ",
        " how do i ",
        " how to ",
        " approve",
        " sign off ",
        " signed off ",
        " allowed ",
        " policy ",
        " rule",
        " do we say ",
        " what happens ",
        " supposed to ",
        " window ",
        " deadline ",
        " entitled ",
    ];
    let text = format!(" {} ", text.to_lowercase().replace(['?', ',', '.'], " "));
    // "Can you find" is a polite request, not a question of what one may do.
    let text = text
        .replace(" can you ", " ")
        // "Should have been" tells what was expected, and asks for what is.
        .replace(" should have ", " ")
        .replace(" can i find ", " ")
        .replace(" can i get ", " ");
    SIGNS.iter().any(|sign| text.contains(sign))
}

/// "What is my account number", and neither "thanks, my friend" nor "do you like my name".
pub(super) fn asks_for_own(text: &str) -> bool {
    let text = text.to_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let asks = words
        .first()
        .is_some_and(|word| matches!(*word, "what" | "whats" | "which" | "who" | "where" | "when"));
    asks && words.contains(&"my") && !words.iter().any(|word| matches!(*word, "you" | "your"))
}

/// "Is A better than B?"
pub(super) fn compares(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    words.any(|word| {
        matches!(
            word,
            "than" | "vs" | "versus" | "compare" | "compared" | "between"
        )
    })
}

/// "Show me the query", "which endpoint was that?": what the last answer came from.
pub fn asks_for_statements(text: &str) -> bool {
    const THINGS: [&str; 9] = [
        "query",
        "queries",
        "sql",
        "statement",
        "statements",
        "endpoint",
        "endpoints",
        "logql",
        "request",
    ];
    const WORDS: &str = "show me the see can i we you please pls what which was were is that this it \
        for your did run used use ran exact again behind get give could also and tell how";
    const MOST: usize = 9;
    let text = text.to_lowercase();
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let known = |word: &&str| THINGS.contains(word) || WORDS.split_whitespace().any(|w| w == *word);
    words.len() <= MOST && words.iter().any(|word| THINGS.contains(word)) && words.iter().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_came_from_is_asked_for_in_few_words() {
        let check = |text: &str, expected: bool| {
            assert_eq!(asks_for_statements(text), expected, "{text}");
        };
        check("show me the query", true);
        check("which SQL did you run?", true);
        check("can I see the endpoint please", true);
        check("what was the query behind that", true);
        check("sql?", true);
        check("show me the request of Bakery Zero", false);
        check("how do I write a SQL query for late parcels", false);
        check("which queries are slow today", false);
        check("show me the refunds", false);
    }

    #[test]
    fn what_is_ones_own_is_no_small_talk() {
        let check = |text: &str, expected: bool| assert_eq!(asks_for_own(text), expected, "{text}");
        check("what is my account number", true);
        check("thanks my friend", false);
        check("what do you think of my name", false);
        check("sorry, my mistake", false);
    }
}
