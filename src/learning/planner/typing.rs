//! How people type: their case, their haste, their slips.

use rand::{RngExt, rngs::Xoshiro256PlusPlus};

/// One person's way of typing one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As it was written.
    Careful,
    /// With a capital at the beginning and a mark at the end.
    Formal,
    /// Lower case, no marks, short forms, now and then a slip.
    Hasty,
    Loud,
}

impl Style {
    pub(super) fn pick(random: &mut Xoshiro256PlusPlus) -> Self {
        match random.random_range(0..100) {
            0..45 => Style::Careful,
            45..65 => Style::Formal,
            65..98 => Style::Hasty,
            _ => Style::Loud,
        }
    }

    /// Words between values.
    pub(super) fn words(self, text: &str, random: &mut Xoshiro256PlusPlus) -> String {
        match self {
            Style::Hasty => hasty(text, random),
            Style::Loud => text.to_uppercase(),
            Style::Careful | Style::Formal => text.to_string(),
        }
    }

    /// The whole question, values among it.
    pub(super) fn whole(self, text: &str) -> String {
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        match self {
            Style::Formal => {
                let mut letters = text.chars();
                let first: String = letters
                    .next()
                    .into_iter()
                    .flat_map(char::to_uppercase)
                    .collect();
                let rest = letters.as_str().trim_end_matches(['?', '.', '!']);
                format!("{first}{rest}?")
            }
            Style::Hasty => text.trim_end_matches(['?', '.', '!']).to_string(),
            Style::Careful | Style::Loud => text,
        }
    }
}

/// A sentence without values, typed by somebody.
pub(super) fn typed(text: &str, random: &mut Xoshiro256PlusPlus) -> String {
    let style = Style::pick(random);
    style.whole(&style.words(text, random))
}

/// Blanks at both ends stay: values stand there.
fn hasty(text: &str, random: &mut Xoshiro256PlusPlus) -> String {
    const SHORT: [(&str, &str); 10] = [
        ("you", "u"),
        ("are", "r"),
        ("and", "n"),
        ("please", "pls"),
        ("what", "wat"),
        ("with", "w/"),
        ("people", "ppl"),
        ("customers", "custs"),
        ("because", "bc"),
        ("number", "nr"),
    ];
    let lower = text.to_lowercase();
    let parts = lower.split(' ').map(|word| {
        let bare = word.trim_matches(['?', '!', '.', ',']);
        let short = SHORT.iter().find(|(long, _)| *long == bare);
        match short {
            Some((_, short)) if random.random_range(0..3) == 0 => short.to_string(),
            _ if random.random_range(0..9) == 0 => slip(bare, random),
            _ => bare.to_string(),
        }
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// A letter too few, one twice, or two exchanged.
fn slip(word: &str, random: &mut Xoshiro256PlusPlus) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 5 || !letters.iter().all(|c| c.is_alphabetic()) {
        return word.to_string();
    }
    let at = random.random_range(1..letters.len() - 1);
    match random.random_range(0..3) {
        0 => {
            letters.remove(at);
        }
        1 => letters.insert(at, letters[at]),
        _ => letters.swap(at, at + 1),
    }
    letters.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn formal_question_has_a_capital_and_a_mark() {
        let formal = |text: &str| Style::Formal.whole(text);
        assert_eq!(formal("revenue  last week"), "Revenue last week?");
        assert_eq!(formal("écoles?"), "Écoles?");
        assert_eq!(formal(""), "?");
    }

    #[test]
    fn slip_is_one_step_away() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        for _ in 0..200 {
            let slipped = slip("terminals", &mut random);
            assert!(
                strsim::osa_distance(&slipped, "terminals") <= 1,
                "{slipped}"
            );
        }
        assert_eq!(slip("DACH", &mut random), "DACH");
    }
}
