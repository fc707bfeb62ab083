//! Text as its bare words, to tell whether two questions are the same.

/// The words alone, in lower case, a space between them.
pub fn bare_words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join(" ")
}
