//! The words of a question with their places, and the cues that a parameter
//! gives: the words of its name and description.

use crate::domain::Parameter;
use regex::Regex;
use std::{collections::HashSet, ops::Range, sync::LazyLock};

/// A word, a number or a sign, as it stands in the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    pub range: Range<usize>,
    pub lower: String,
    pub stem: String,
}

impl Word {
    /// It begins with a capital letter.
    pub fn is_capital(&self, text: &str) -> bool {
        text[self.range.clone()]
            .chars()
            .next()
            .is_some_and(char::is_uppercase)
    }

    pub fn is_word(&self) -> bool {
        self.lower.chars().next().is_some_and(char::is_alphabetic)
    }

    pub fn is_number(&self) -> bool {
        self.lower
            .chars()
            .next()
            .is_some_and(|c| c.is_ascii_digit())
    }

    /// It carries meaning: no filler, no common verb of asking.
    pub fn is_content(&self) -> bool {
        self.is_word() && !is_stop(&self.lower)
    }
}

/// The text in words; signs are words of their own.
pub fn words(text: &str) -> Vec<Word> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"\d[\d,.']*\d|\d|\.?[\p{L}_][\p{L}\p{N}_]*(?:[-'’&][\p{L}\p{N}_]+)*(?:\.(?:\p{L}\.)+)?[+#]?|[^\s]",
        )
    });
    WORD.find_iter(text)
        .map(|found| {
            let lower = found.as_str().to_lowercase();
            Word {
                range: found.range(),
                stem: stem(&lower),
                lower,
            }
        })
        .collect()
}

/// Endings taken off, so that `sides` meets `side` and `travelled` `travel`.
/// Both sides of a comparison go through the same, so it need not be a real stem.
pub fn stem(word: &str) -> String {
    let word = ["'s", "’s", "'"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))
        .unwrap_or(word);
    let singular = without_ending(word, &[("ies", "y"), ("sses", "ss"), ("s", "")]);
    let root = without_ending(
        &singular,
        &[
            ("isation", "iz"),
            ("ization", "iz"),
            ("ation", "at"),
            ("ise", "iz"),
            ("ize", "iz"),
            ("ized", "iz"),
            ("ised", "iz"),
            ("ing", ""),
            ("ed", ""),
        ],
    );
    root.trim_end_matches('e').to_string()
}

fn without_ending(word: &str, endings: &[(&str, &str)]) -> String {
    for (ending, put) in endings {
        if let Some(root) = word.strip_suffix(ending)
            && root.chars().count() >= 3
            && !(*ending == "s" && root.ends_with(['s', 'u', 'i']))
        {
            let doubled = put.is_empty() && *ending != "s" && {
                let mut back = root.chars().rev();
                let last = back.next();
                last == back.next() && !matches!(last, Some('l' | 's'))
            };
            let mut root = root.to_string();
            if doubled {
                root.pop();
            }
            return root + put;
        }
    }
    word.to_string()
}

/// What a parameter is called and said to be.
#[derive(Clone, Debug, Default)]
pub struct Cues {
    /// Stems of its name; for a field of an object also of the object's.
    pub name: Vec<String>,
    /// Stems of its description, without those of its examples and default.
    pub about: Vec<String>,
    /// Name and description in lower case, as one text.
    pub text: String,
}

impl Cues {
    pub fn of(parameter: &Parameter) -> Self {
        let name = name_words(&parameter.name);
        let said = without_examples(&parameter.description);
        Self {
            text: format!(
                "{} {}",
                name.join(" "),
                parameter.description.to_lowercase()
            ),
            name: name.iter().map(|word| stem(word)).collect(),
            about: content_stems(&said),
        }
    }

    /// One of these stands in the name.
    pub fn is_named(&self, stems: &[&str]) -> bool {
        self.name.iter().any(|word| stems.contains(&word.as_str()))
    }

    /// One of these stands in the name or the description.
    pub fn speaks_of(&self, stems: &[&str]) -> bool {
        self.is_named(stems) || self.about.iter().any(|word| stems.contains(&word.as_str()))
    }

    /// What it tells that this word stands near a value: 1 for a word of the
    /// name, less for one of the description.
    pub fn weight(&self, stem: &str) -> f32 {
        /// Words of names that tell nothing alone.
        const VAGUE: [&str; 13] = [
            "nam", "valu", "number", "num", "id", "typ", "info", "list", "data", "the", "of", "in",
            "to",
        ];
        let in_name = self.name.iter().any(|word| alike(word, stem));
        if stem.contains('-') && !in_name {
            let parts = stem.split('-').map(|part| self.weight(part));
            return parts.fold(0.0, f32::max);
        }
        if in_name {
            if VAGUE.contains(&stem) { 0.4 } else { 1.0 }
        } else if self.about.iter().any(|word| alike(word, stem)) {
            0.4
        } else {
            0.0
        }
    }
}

/// The same word, one that the other begins with (`temp` and `temperature`), or a slip of the finger.
fn alike(a: &str, b: &str) -> bool {
    let (short, long) = (a.len().min(b.len()), a.len().max(b.len()));
    a == b
        || (short >= 4 && (a.starts_with(b) || b.starts_with(a)))
        || (short >= 7 && long - short <= 1 && strsim::osa_distance(a, b) <= 1)
}

/// `fromDate2` is `from date`; `h2o` stays.
pub fn name_words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphabetic() {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// A description without the values that it gives: `e.g.` and what stands in quotation marks.
pub fn without_values(description: &str) -> String {
    static VALUES: LazyLock<Regex> =
        LazyLock::new(|| regex(r#"\(?e\.\s?g[^.;)]*|'[^']{1,40}'|"[^"]{1,40}"|default.*"#));
    VALUES.replace_all(description, "").into_owned()
}

/// A description without what follows "for example" or "default": those words
/// are values, not what the parameter is about.
pub fn without_examples(description: &str) -> String {
    static EXAMPLES: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"(?:,?\s*\(?\b(?:e\.\s?g\b|i\.e\b|for example|for instance|such as|like|example:?|options?( are| include)?:|default)).*",
        )
    });
    EXAMPLES.replace_all(description, "").into_owned()
}

pub fn content_stems(text: &str) -> Vec<String> {
    words(text)
        .into_iter()
        .filter(|word| word.is_content() && word.lower.len() > 1)
        .map(|word| word.stem)
        .collect()
}

pub fn is_stop(lower: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP.split_whitespace().collect());
    WORDS.contains(lower)
}

/// Fillers, and verbs of asking and finding, which name no value.
const STOP: &str = "\
    a an the and or but if of to in on at by for from with without about as into over under \
    above below between than within during after before until since through via per near nearby \
    around against toward towards across using given including is are was were be been being am \
    do does did done have has had having can could should would may might must will shall i me \
    my we us our you your he she it its they them their this that these those there here what \
    which who whom whose when where why how what's who's where's how's it's i'm i'd i've don't \
    much many any some no not so then too also just only very more most less least all each \
    every both please pls tell know find get give show list need want like look looking search \
    fetch retrieve provide calculate compute determine estimate evaluate identify analyze \
    analyse check compare convert create generate make book order buy play solve predict perform \
    run use used take takes took help let go start starting starts called named titled located \
    released offering offers currently right now assuming based considering i.e e.g up out off \
    got say says happened compose design plan recommend suggest send update change set add draw \
    train simulate sort mix adjust prepare selling serving featuring containing wearing \
    specifically related associated while because other another same such whether along upon \
    one's lore hey hi";

/// Whether these words stand in the text, whole.
pub fn word_in(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + words.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

pub fn regex(pattern: &str) -> Regex {
    Regex::new(&format!("(?i){pattern}")).expect("the pattern is a constant that the tests compile")
}
