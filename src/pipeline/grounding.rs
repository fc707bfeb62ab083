//! Words that questions and evidence share, and how sure an answer is.

use crate::domain::Confidence;
use std::collections::HashSet;
use unicode_segmentation::UnicodeSegmentation;

/// Below this probability nothing found answers the question. Chosen on the
/// tuning part of the gold questions; `benches/README.md` has the figures.
const ANSWERED: f32 = 0.5;
const LIKELY: f32 = 0.65;
const SURE: f32 = 0.85;

/// How sure an answer is that answers with this probability; none: not at all.
pub fn confidence(probability: f32) -> Option<Confidence> {
    match probability {
        p if p < ANSWERED => None,
        p if p < LIKELY => Some(Confidence::Low),
        p if p < SURE => Some(Confidence::Medium),
        _ => Some(Confidence::High),
    }
}

/// Share of the question's content words that occur in the text, by word stem,
/// forgiving one slip of the finger in long words.
pub fn coverage(question: &str, text: &str) -> f32 {
    let asked = content_words(question);
    if asked.is_empty() {
        return 0.0;
    }
    let there = word_set(text);
    let covered = asked.iter().filter(|word| has_word(&there, word)).count();
    covered as f32 / asked.len() as f32
}

/// The words of a text, stemmed.
pub fn word_set(text: &str) -> HashSet<String> {
    text.unicode_words().map(stem).collect()
}

/// Whether this stem, or one that differs by a slip of the finger, is among the words.
fn has_word(words: &HashSet<String>, stem: &str) -> bool {
    words.contains(stem) || misspelt_in(stem, words)
}

/// The words of a question that carry its meaning, stemmed, each once.
pub fn content_words(question: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in question.unicode_words() {
        let lower = word.to_lowercase();
        let stem = stem(&lower);
        if !STOP_WORDS.contains(&lower.as_str())
            && lower.chars().count() > 1
            && !words.contains(&stem)
        {
            words.push(stem);
        }
    }
    words
}

fn misspelt_in(word: &str, there: &HashSet<String>) -> bool {
    word.chars().count() >= 5
        && there
            .iter()
            .any(|known| known.len() >= 4 && strsim::osa_distance(word, known) <= 1)
}

/// The plain English endings taken off. Both sides go through the same, so
/// it need not be a real stem, only the same one.
fn stem(word: &str) -> String {
    let word = word.to_lowercase();
    for (ending, put) in [
        ("ies", "y"),
        ("ing", ""),
        ("edly", ""),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
        ("ly", ""),
    ] {
        if let Some(root) = word.strip_suffix(ending)
            && root.chars().count() >= 3
            && !(ending == "s" && root.ends_with('s'))
        {
            return format!("{root}{put}").trim_end_matches('e').to_string();
        }
    }
    word.trim_end_matches('e').to_string()
}

const STOP_WORDS: &[&str] = &[
    "a", "an", "the", "and", "or", "but", "if", "of", "to", "in", "on", "at", "by", "for", "from",
    "with", "about", "as", "into", "over", "under", "is", "are", "was", "were", "be", "been",
    "being", "am", "do", "does", "did", "done", "have", "has", "had", "can", "could", "should",
    "would", "may", "might", "must", "will", "shall", "i", "me", "my", "we", "us", "our", "you",
    "your", "he", "she", "it", "its", "they", "them", "their", "this", "that", "these", "those",
    "there", "here", "what", "which", "who", "whom", "whose", "when", "where", "why", "how",
    "much", "many", "long", "any", "some", "no", "not", "so", "than", "then", "too", "very",
    "just", "also", "please", "pls", "plz", "tell", "know", "find", "get", "got", "give", "need",
    "want", "like", "say", "says", "mean", "means", "happen", "happens", "whats", "hows", "wheres",
    "whos", "im", "ive", "dont", "cant", "u", "ur", "r", "again", "up", "out", "let", "go", "use",
    "make", "work", "thing",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_words_are_what_the_question_is_about() {
        assert_eq!(
            content_words("How long does a customer have to return the terminals?"),
            ["customer", "return", "terminal"]
        );
    }

    #[test]
    fn coverage_forgives_endings_and_slips() {
        let passage = "Customers may return terminals within 30 days.";
        assert_eq!(coverage("customer returning a terminal", passage), 1.0);
        assert_eq!(coverage("retrun terminal", passage), 1.0);
        assert_eq!(coverage("vacation carry over", passage), 0.0);
        assert_eq!(coverage("what is it", passage), 0.0);
    }
}
