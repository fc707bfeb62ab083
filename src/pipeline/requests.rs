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
