//! What says nothing about the kind of question is taken out before it is
//! compared: names of records, spans of time, values that most tools take.
//! They would pull towards examples that happen to have the same.

use super::arguments::is_stop;
use crate::domain::{Catalogue, ParameterKind, ToolSpec};
use regex::Regex;
use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

/// Tools that must take a value, and so many of all.
const FEWEST_TOOLS: usize = 3;
/// Values that are known at most.
const MOST_VALUES: usize = 1_000;

/// Letters of a word that is worth mending; of a shorter one too many are near.
const MENDED_LETTERS: usize = 5;

/// Takes values out of questions, and mends words that are misspelt.
#[derive(Clone, Default)]
pub(super) struct Mask {
    /// Words of the catalogue, in small letters.
    words: HashSet<String>,
    /// The values that most tools of a catalogue take, such as the regions of sales.
    values: Option<Regex>,
}

impl Mask {
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let mut common: Vec<&str> = Vec::new();
        for value in catalogue.tools.iter().flat_map(choices) {
            if common.len() == MOST_VALUES {
                break;
            }
            let taking = |tool: &&ToolSpec| choices(tool).any(|own| own == value);
            let count = catalogue.tools.iter().filter(taking).count();
            if count >= FEWEST_TOOLS
                && 2 * count > catalogue.tools.len()
                && !common.contains(&value)
            {
                common.push(value);
            }
        }
        let values: Vec<String> = common.into_iter().map(regex::escape).collect();
        let pattern = format!(
            r"(?i)\b(?:(?:in|for|of)\s+)?(?:the\s+)?(?:{})\b",
            values.join("|")
        );
        Self {
            words: words_of(catalogue),
            // A pattern that is too large masks nothing.
            values: (!values.is_empty())
                .then(|| Regex::new(&pattern).ok())
                .flatten(),
        }
    }

    /// The question without them; as it is where nothing else is in it.
    pub(super) fn masked(&self, question: &str) -> String {
        static SPAN: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(concat!(
                r"(?i)\b(?:(?:in|for|of|from|over)\s+)?(?:the\s+)?(?:",
                r"(?:this|last|previous|past|current)\s+(?:hour|day|week|month|quarter|year)",
                r"|(?:last|past)\s+\d{1,3}\s+(?:hours|days|weeks|months)",
                r"|yesterday|today)\b",
            ))
            .expect("a constant pattern that the tests compile")
        });
        let mut rest = SPAN.replace_all(question, "").into_owned();
        if let Some(values) = &self.values {
            rest = values.replace_all(&rest, "").into_owned();
        }
        let is_empty = !rest.contains(char::is_alphanumeric);
        let words = if is_empty { question } else { &rest };
        words
            .split_whitespace()
            .map(|word| match is_record(word) {
                true => "number".into(),
                false => self.mended(word),
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The catalogue's word that was meant: with two letters swapped, or one
    /// forgotten within it. Other slips make other words of the language.
    fn mended<'a>(&self, word: &'a str) -> Cow<'a, str> {
        let plain = word.chars().all(|c| c.is_ascii_lowercase());
        if !plain || word.len() < MENDED_LETTERS || self.words.contains(word) {
            return word.into();
        }
        let mut meant = self.words.iter().filter(|known| is_slip(word, known));
        match (meant.next(), meant.next()) {
            (Some(known), None) => known.clone().into(),
            _ => word.into(),
        }
    }
}

fn words_of(catalogue: &Catalogue) -> HashSet<String> {
    let texts = catalogue.tools.iter().flat_map(|tool| {
        let said = [&tool.description];
        said.into_iter().chain(&tool.examples).chain(&tool.synonyms)
    });
    texts
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .map(str::to_lowercase)
        .filter(|word| word.len() >= MENDED_LETTERS && word.is_ascii() && !is_stop(word))
        .collect()
}

/// Whether `typed` is `known` with two letters swapped or one left out before its end.
fn is_slip(typed: &str, known: &str) -> bool {
    let (typed, known) = (typed.as_bytes(), known.as_bytes());
    let same = typed.iter().zip(known).take_while(|(a, b)| a == b).count();
    if same == 0 || same == typed.len() {
        return false;
    }
    let swapped = || {
        typed.len() == known.len()
            && typed.get(same) == known.get(same + 1)
            && typed.get(same + 1) == known.get(same)
            && typed.get(same + 2..) == known.get(same + 2..)
    };
    let forgotten = || typed.len() + 1 == known.len() && typed.get(same..) == known.get(same + 1..);
    swapped() || forgotten()
}

fn choices(tool: &ToolSpec) -> impl Iterator<Item = &str> {
    tool.parameters
        .iter()
        .filter_map(|parameter| match &parameter.kind {
            ParameterKind::Choice { values } => Some(values),
            _ => None,
        })
        .flatten()
        .map(String::as_str)
}

fn is_record(word: &str) -> bool {
    word.contains('-')
        && word.chars().any(|c| c.is_ascii_digit())
        && word.chars().next().is_some_and(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Parameter, ToolKind};

    fn tool(name: &str, choices: &[&str]) -> ToolSpec {
        ToolSpec {
            name: name.into(),
            description: String::new(),
            kind: ToolKind::Query,
            parameters: vec![Parameter {
                kind: ParameterKind::Choice {
                    values: choices.iter().map(|value| value.to_string()).collect(),
                },
                name: "one_of".into(),
                default: None,
                optional: true,
                description: String::new(),
            }],
            examples: Vec::new(),
            synonyms: Vec::new(),
            chain: None,
        }
    }

    #[test]
    fn records_spans_of_time_and_common_values_do_not_lead_to_a_route() {
        let mask = Mask::of(&Catalogue {
            tools: vec![
                tool("revenue", &["DACH", "Nordics"]),
                tool("orders", &["DACH", "Nordics"]),
                tool("refunds", &["DACH", "Nordics"]),
                tool("tickets", &["open", "closed"]),
            ],
            schemas: Vec::new(),
            version: None,
        });
        let check = |question: &str, expected: &str| assert_eq!(mask.masked(question), expected);
        check("status of ORD-10023", "status of number");
        check("top 3 reps in the last 7 days", "top 3 reps");
        check("sales of last week by region", "sales by region");
        check("Refunds in the nordics this quarter?", "Refunds ?");
        check("how many tickets are open", "how many tickets are open");
        check("DACH last week", "DACH last week");
    }

    #[test]
    fn slips_of_the_finger_are_mended_by_the_words_of_the_catalogue() {
        let mut sales = tool("sales", &[]);
        sales.examples = vec!["average price of our items per quarter, placed orders".into()];
        let mask = Mask::of(&Catalogue {
            tools: vec![sales],
            schemas: Vec::new(),
            version: None,
        });
        let check = |word: &str, expected: &str| assert_eq!(mask.masked(word), expected);
        check("itmes", "items");
        check("averge", "average");
        check("quater", "quarter");
        check("place", "place");
        check("older", "older");
        check("item", "item");
        check("Itmes", "Itmes");
        check("prcie", "price");
        check("parts", "parts");
        check("größe", "größe");
    }
}
