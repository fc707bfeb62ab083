//! What a text says yes and no to: negated words, and pairs of opposites.

use crate::pipeline::arguments::{Word, stem};
use std::{collections::HashMap, sync::LazyLock};

/// Words that turn what follows into its opposite.
const NEGATORS: [&str; 12] = [
    "not", "no", "never", "none", "neither", "nor", "without", "cannot", "nobody", "nothing",
    "hardly", "can't",
];
/// Words that turn what is said beside them into its opposite.
const DENIALS: [&str; 19] = [
    "forbidden",
    "prohibited",
    "impossible",
    "excluded",
    "excludes",
    "exclude",
    "excluding",
    "ineligible",
    "unavailable",
    "disallowed",
    "barred",
    "banned",
    "lack",
    "lacks",
    "lacked",
    "exempt",
    "refuse",
    "forbids",
    "prohibits",
];
/// Words that split a sentence into what holds and what does not.
const EXCEPTIONS: [&str; 8] = [
    "except",
    "unless",
    "only",
    "but",
    "otherwise",
    "elsewhere",
    "apart",
    "instead",
];
/// Words that a negator reaches over.
const REACH: usize = 4;

/// Two sides of one thing.
const OPPOSITES: &[(&[&str], &[&str])] = &[
    (
        &["before", "prior", "ahead"],
        &["after", "following", "once", "afterwards"],
    ),
    (
        &[
            "increase", "rise", "rose", "risen", "grow", "grew", "grown", "raise", "gain", "climb",
            "up", "higher", "more", "larger", "bigger",
        ],
        &[
            "decrease", "drop", "fall", "fell", "fallen", "sank", "shrink", "shrank", "reduce",
            "lower", "decline", "down", "less", "fewer", "smaller",
        ],
    ),
    (
        &["highest", "most", "largest", "strongest", "best"],
        &["lowest", "least", "smallest", "weakest", "worst"],
    ),
    (
        &["include", "including", "included", "cover", "contain"],
        &["exclude", "excluding", "excluded", "except", "omit"],
    ),
    (
        &[
            "allow", "permit", "may", "can", "able", "eligible", "possible",
        ],
        &[
            "forbid",
            "forbidden",
            "prohibit",
            "prohibited",
            "disallow",
            "disallowed",
            "ban",
            "banned",
            "ineligible",
            "impossible",
            "unable",
        ],
    ),
    (
        &[
            "required",
            "require",
            "must",
            "mandatory",
            "obligatory",
            "compulsory",
        ],
        &["optional", "voluntary", "optionally"],
    ),
    (&["always"], &["never", "rarely", "seldom"]),
    (
        &["all", "every", "each", "any"],
        &["none", "nobody", "nothing"],
    ),
    (
        &["enable", "enabled", "activate", "active", "on"],
        &["disable", "disabled", "deactivate", "inactive", "off"],
    ),
    (
        &["open", "opens", "opened"],
        &["close", "closes", "closed", "shut"],
    ),
    (
        &["start", "begin", "began", "begun", "starts", "begins"],
        &["end", "ends", "stop", "finish"],
    ),
    (&["earlier", "sooner", "early"], &["later", "late"]),
    (&["first", "earliest"], &["last", "final", "latest"]),
    (&["longer", "longest"], &["shorter", "shortest"]),
    (&["faster", "quicker", "fastest"], &["slower", "slowest"]),
    (
        &["internal", "internally", "inside", "within"],
        &["external", "externally", "outside"],
    ),
    (
        &["public", "publicly"],
        &["private", "privately", "confidential"],
    ),
    (
        &[
            "accept", "accepted", "accepts", "approve", "approved", "approves",
        ],
        &[
            "reject", "rejected", "rejects", "refuse", "refused", "deny", "denied", "decline",
            "declined",
        ],
    ),
    (
        &["success", "succeed", "succeeded", "pass", "passed"],
        &["failure", "fail", "failed"],
    ),
    (&["automatic", "automatically"], &["manual", "manually"]),
    (&["temporary", "temporarily"], &["permanent", "permanently"]),
    (&["same", "identical"], &["different", "separate"]),
    (&["paid"], &["unpaid"]),
    (&["encrypted"], &["unencrypted", "plaintext"]),
    (&["with"], &["without"]),
    (&["new", "newer", "newest"], &["old", "older", "oldest"]),
    (&["online"], &["offline"]),
    (&["free"], &["charged", "chargeable", "billed"]),
    (&["full", "fully"], &["partial", "partially", "empty"]),
    (
        &["add", "added"],
        &["remove", "removed", "delete", "deleted"],
    ),
    (&["buy", "bought", "purchase"], &["sell", "sold"]),
    (&["upgrade", "upgraded"], &["downgrade", "downgraded"]),
    (
        &["connected", "connect", "plugged"],
        &["disconnected", "disconnect", "unplugged"],
    ),
    (&["locked", "lock"], &["unlocked", "unlock"]),
    (&["shared", "share"], &["unshared"]),
    (&["left"], &["right"]),
    (&["upper", "top"], &["bottom"]),
    (&["hot", "warm"], &["cold", "cool"]),
    (&["wet"], &["dry"]),
    (&["refundable"], &["non-refundable", "nonrefundable"]),
    (&["taxable"], &["tax-free", "non-taxable"]),
];

/// A side of a pair of opposites: the pair, and which side.
type Sides = HashMap<String, Vec<(usize, bool)>>;

fn sides() -> &'static Sides {
    static SIDES: LazyLock<Sides> = LazyLock::new(|| {
        let mut sides = Sides::new();
        for (pair, (one, other)) in OPPOSITES.iter().enumerate() {
            for (words, side) in [(one, true), (other, false)] {
                for word in *words {
                    sides
                        .entry(word.to_string())
                        .or_default()
                        .push((pair, side));
                    let entry = sides.entry(stem(word)).or_default();
                    if !entry.contains(&(pair, side)) {
                        entry.push((pair, side));
                    }
                }
            }
        }
        sides
    });
    &SIDES
}

/// Yes and no of one sentence.
#[derive(Clone, Debug, Default)]
pub(super) struct Polarity {
    /// By word: whether it is negated.
    negated: Vec<bool>,
    /// Negators and denials.
    count: usize,
    /// It holds for some and not for others.
    excepts: bool,
    /// Pair of opposites, its side with negation taken into account.
    said: Vec<(usize, bool)>,
}

impl Polarity {
    pub(super) fn of(words: &[Word]) -> Self {
        let mut negated = vec![false; words.len()];
        let mut count = 0;
        for (at, word) in words.iter().enumerate() {
            let next = words.get(at + 1).map_or("", |word| word.lower.as_str());
            if is_negator(&word.lower) && !is_no_negation(&word.lower, next) {
                count += 1;
                let clause = words[at + 1..].iter().take_while(|word| !ends_clause(word));
                for (far, _) in clause.enumerate().take(REACH + 2) {
                    if words[at + 1..at + 1 + far]
                        .iter()
                        .filter(|word| word.is_content())
                        .count()
                        < REACH
                    {
                        negated[at + 1 + far] ^= true;
                    }
                }
            } else if DENIALS.contains(&word.lower.as_str()) {
                count += 1;
                let before = words[..at]
                    .iter()
                    .rev()
                    .take_while(|word| !ends_clause(word))
                    .count();
                let after = words[at + 1..]
                    .iter()
                    .take_while(|word| !ends_clause(word))
                    .count();
                let clause = negated.iter_mut().enumerate().skip(at - before);
                for (place, negated) in clause.take(before + after + 1) {
                    *negated ^= place != at;
                }
            }
        }
        let mut said = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let known = sides().get(&word.lower).or_else(|| sides().get(&word.stem));
            for (pair, side) in known.into_iter().flatten() {
                let denied = DENIALS.contains(&word.lower.as_str());
                let side = *side ^ (negated[at] && !denied);
                if !said.contains(&(*pair, side)) {
                    said.push((*pair, side));
                }
            }
        }
        Self {
            excepts: words
                .iter()
                .any(|word| EXCEPTIONS.contains(&word.lower.as_str())),
            negated,
            count,
            said,
        }
    }

    /// Whether a claim says no where the source says yes, or the other way round.
    pub(super) fn contradicts(&self, words: &[Word], source: &Polarity, there: &[Word]) -> bool {
        let opposite = !self.excepts
            && !source.excepts
            && self.said.iter().any(|(pair, side)| {
                source.said.contains(&(*pair, !side))
                    && !source.said.contains(&(*pair, *side))
                    && !self.said.contains(&(*pair, !side))
            });
        opposite || self.count % 2 != source.count % 2 && self.turns(words, source, there)
    }

    /// Some word that both have is negated in one only.
    fn turns(&self, words: &[Word], source: &Polarity, there: &[Word]) -> bool {
        words.iter().enumerate().any(|(at, word)| {
            let mut known = there
                .iter()
                .enumerate()
                .filter(|(_, other)| word.is_content() && other.stem == word.stem)
                .map(|(place, _)| source.negated[place])
                .peekable();
            known.peek().is_some() && known.all(|negated| negated != self.negated[at])
        })
    }
}

fn is_negator(lower: &str) -> bool {
    NEGATORS.contains(&lower) || lower.ends_with("n't") || lower.ends_with("n’t")
}

/// "Not only", "no later than", "no longer" beside an amount, "whether or not".
fn is_no_negation(lower: &str, next: &str) -> bool {
    const GOES_ON: [&str; 14] = [
        "only",
        "later",
        "more",
        "less",
        "fewer",
        "earlier",
        "just",
        "necessarily",
        "older",
        "younger",
        "longer",
        "higher",
        "larger",
        "lower",
    ];
    matches!(lower, "not" | "no") && GOES_ON.contains(&next)
}

fn ends_clause(word: &Word) -> bool {
    matches!(
        word.lower.as_str(),
        "," | ";"
            | ":"
            | "."
            | "but"
            | "unless"
            | "while"
            | "although"
            | "because"
            | "if"
            | "("
            | ")"
            | "-"
            | "–"
            | "—"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::arguments::words;

    #[test]
    fn yes_and_no_are_told_apart() {
        let check = |claim: &str, source: &str, expected: bool| {
            let (claim, source) = (words(claim), words(source));
            let (own, other) = (Polarity::of(&claim), Polarity::of(&source));
            let found = own.contradicts(&claim, &other, &source);
            assert_eq!(found, expected, "{claim:?} {source:?}");
        };
        let source = "Customers may return a terminal within 30 days.";
        check("A terminal can be returned in that time", source, false);
        check("A terminal can't be returned", source, true);
        check("Customers must not return a terminal", source, true);
        check("It is forbidden to return a terminal", source, true);
        check(
            "Returns are always accepted",
            "Returns are never accepted",
            true,
        );
        check(
            "Report it before the visit",
            "Report it after the visit",
            true,
        );
        check(
            "Passwords must never be shared",
            "Do not share passwords",
            false,
        );
        check(
            "Sharing passwords is prohibited",
            "Do not share passwords",
            false,
        );
        check("Revenue rose", "Revenue fell", true);
        check("Revenue did not rise", "Revenue fell", false);
        check("Breakfast is excluded", "The rate includes breakfast", true);
        check(
            "The training is optional",
            "The training is mandatory",
            true,
        );
    }
}
