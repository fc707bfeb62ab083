//! Text as its bare words, to tell whether two questions, or two words, mean the same.

/// The words alone, in lower case, a space between them.
pub fn bare_words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join(" ")
}

/// A noun without its plural: `albums`, `companies`. Irregular ones stay.
pub fn singular(word: &str) -> String {
    let lower = word.to_lowercase();
    const AS_THEY_ARE: [&str; 6] = ["series", "species", "news", "status", "bus", "analysis"];
    if AS_THEY_ARE.contains(&lower.as_str()) || lower.chars().count() < 4 {
        return lower;
    }
    if let Some(root) = lower.strip_suffix("ies") {
        let ends_in_ie = matches!(lower.as_str(), "movies" | "cookies" | "calories");
        return format!("{root}{}", if ends_in_ie { "ie" } else { "y" });
    }
    for ending in ["ches", "shes", "sses", "xes"] {
        if lower.ends_with(ending) {
            return lower[..lower.len() - 2].to_string();
        }
    }
    match lower.strip_suffix('s') {
        Some(root) if !root.ends_with(['s', 'u', 'i']) => root.to_string(),
        _ => lower,
    }
}

/// What records of one kind are called, one word for all its forms: no real
/// word, to be compared only.
pub fn kind_of_record(word: &str) -> String {
    let root = singular(word);
    let root = root.strip_suffix('e').unwrap_or(&root);
    match root.strip_suffix('y') {
        Some(root) => format!("{root}i"),
        None => root.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_noun_are_one_kind() {
        let check = |one: &str, many: &str| {
            assert_eq!(kind_of_record(one), kind_of_record(many), "{one}, {many}");
        };
        check("artist", "Artists");
        check("movie", "movies");
        check("company", "companies");
        check("address", "addresses");
        check("box", "boxes");
        check("series", "series");
        check("status", "statuses");
        check("house", "houses");
        check("key", "keys");
        assert_ne!(kind_of_record("album"), kind_of_record("artist"));
        assert_eq!(singular("playlists"), "playlist");
        assert_eq!(singular("Movies"), "movie");
    }
}
