//! Names of people: those that the configuration lists, those that begin with
//! a common first name, and those that the words around them tell.

use super::{Found, stands_alone};
use crate::domain::Sensitive;
use fake::locales::{DE_DE, Data, EN, FR_FR, IT_IT, PT_BR, PT_PT};
use regex::{Regex, RegexBuilder};
use std::{collections::HashSet, ops::Range, sync::LazyLock};

/// What the company knows of names.
#[derive(Debug, Default)]
pub struct Names {
    listed: Option<Regex>,
}

impl Names {
    /// `listed`: names that are found in any case, wherever they stand alone.
    pub fn new(listed: &[String]) -> Self {
        let words = listed.iter().map(|name| name.trim());
        let words: Vec<String> = words
            .filter(|name| !name.is_empty())
            .map(|name| regex::escape(name).replace(' ', r"\s+"))
            .collect();
        let pattern = RegexBuilder::new(&words.join("|"))
            .case_insensitive(true)
            .build();
        Self {
            // Too many names for one pattern are as good as none; the limit is megabytes.
            listed: pattern.ok().filter(|_| !words.is_empty()),
        }
    }

    pub(super) fn find(&self, text: &str, found: &mut Vec<Found>) {
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut push = |span: Range<usize>| {
            let first = text[span.clone()].split(' ').next().unwrap_or_default();
            if !BEGINNINGS.contains(&first.to_lowercase().as_str()) {
                spans.push(span);
            }
        };
        if let Some(listed) = &self.listed {
            let spans = listed.find_iter(text).map(|name| name.range());
            spans
                .filter(|span| stands_alone(text, span))
                .for_each(&mut push);
        }
        for pattern in TOLD.iter() {
            for parts in pattern.captures_iter(text) {
                if let Some(name) = parts.name("name") {
                    push(name.range());
                }
            }
        }
        for run in CAPITALISED.find_iter(text) {
            known_in_run(text, run.range(), &mut push);
        }
        spans.extend(again(text, &spans));
        let kind = Sensitive::Person;
        found.extend(spans.into_iter().map(|span| Found { kind, span }));
    }
}

/// Where a part of a full name stands by itself: whoever was `Ada Obi` above is
/// `Obi` below.
fn again(text: &str, names: &[Range<usize>]) -> Vec<Range<usize>> {
    let full = names.iter().map(|span| &text[span.clone()]);
    let full = full.filter(|name| name.contains(' '));
    let parts: HashSet<&str> = full
        .flat_map(|name| name.split(' '))
        .filter(|part| part.chars().count() > 2 && part.starts_with(char::is_uppercase))
        .filter(|part| !ORDINARY.contains(&part.to_lowercase().as_str()))
        .collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let words = ONE_WORD.find_iter(text);
    let again = words.filter(|word| parts.contains(word.as_str()));
    again.map(|word| word.range()).collect()
}

static ONE_WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(WORD).expect("is a pattern"));

/// Words that begin a sentence and are no names.
#[rustfmt::skip]
const BEGINNINGS: [&str; 72] = [
    "a", "all", "an", "and", "any", "as", "at", "but", "by", "customer", "customers", "each", "every", "everybody",
    "everyone", "for", "from", "he", "her", "here", "his", "how", "i", "if", "in", "is", "it", "its", "management",
    "most", "my", "nobody", "no", "not", "now", "of", "on", "one", "or", "our", "people", "please", "she", "so",
    "some", "somebody", "someone", "support", "that", "the", "their", "them", "then", "there", "these", "they",
    "this", "those", "to", "we", "what", "when", "where", "which", "who", "why", "with", "yes", "you", "your",
    "marketing", "engineering",
];

/// First names of six languages, in small letters; words that are more often
/// something else are left out.
static FIRST_NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let lists = [
        EN::NAME_FIRST_NAME,
        DE_DE::NAME_FIRST_NAME,
        FR_FR::NAME_FIRST_NAME,
        IT_IT::NAME_FIRST_NAME,
        PT_BR::NAME_FIRST_NAME,
        PT_PT::NAME_FIRST_NAME,
    ];
    let names = lists.into_iter().flatten().map(|name| name.to_lowercase());
    names
        .filter(|name| !ORDINARY.contains(&name.as_str()))
        .collect()
});

/// First names that are words, places or products as well.
#[rustfmt::skip]
const ORDINARY: [&str; 193] = [
    "al", "alaska", "alba", "alta", "amber", "america", "angel", "april", "arch", "art", "asia",
    "august", "augusta", "aurora", "austin", "autumn", "avery", "axel", "baby", "bell", "berry",
    "bill", "blaze", "brain", "brook", "brooks", "brown", "buck", "bud", "buster", "carmine",
    "chad", "chance", "charity", "chase", "christ", "christian", "clay", "cleveland", "cloud",
    "columbus", "company", "coy", "crystal", "dakota", "dale", "dallas", "dan", "dawn", "dean",
    "dell", "delta", "destiny", "diamond", "dock", "earl", "earnest", "easter", "ebony", "eden",
    "ellis", "else", "emerald", "era", "faith", "fern", "florida", "ford", "forest", "foster",
    "freeman", "gage", "gay", "general", "genesis", "german", "golden", "grant", "green", "guy",
    "hail", "harmony", "haven", "heaven", "holly", "hope", "hunter", "in", "issue", "ivory", "ivy",
    "jade", "jewel", "jordan", "joy", "judge", "june", "junior", "justice", "kenya", "king", "lake",
    "lane", "london", "love", "loyal", "lucky", "major", "mark", "max", "may", "melody", "mercedes",
    "mercy", "merit", "meta", "milan", "miles", "miller", "miracle", "missouri", "misty", "montana",
    "name", "nash", "noble", "norma", "nova", "opal", "oral", "orion", "pansy", "paris", "pat",
    "patience", "pearl", "pierce", "pink", "porter", "precious", "price", "prince", "princess",
    "queen", "raven", "ray", "reed", "rex", "river", "robin", "rocky", "rod", "roman", "rose",
    "rosemary", "royal", "ruby", "rusty", "sage", "santa", "serenity", "sierra", "sim", "sincere",
    "sister", "sky", "skye", "sterling", "stone", "summer", "sunny", "sydney", "talon", "theo",
    "toy", "trace", "trinity", "true", "turner", "unique", "urban", "valentine", "van", "victor",
    "violet", "virginia", "vita", "viva", "ward", "webster", "will", "willow", "winter",
];

const WORD: &str = r"\p{Lu}[\p{Ll}\p{M}]+(?:['’-]\p{Lu}[\p{Ll}\p{M}]+)*";

/// One to five words that begin with a capital, with initials and particles between.
static CAPITALISED: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = format!(
        r"{WORD}(?:[ ](?:(?:\p{{Lu}}\.?|van|von|de|der|den|da|dos|del|di|la|le|bin|al)[ ]){{0,2}}(?:{WORD}|(?:Mc|Mac|O['’]){WORD})){{0,4}}"
    );
    Regex::new(&pattern).expect("is a pattern")
});

/// A common first name with what follows it in the run; alone only where it is
/// no first word of a sentence, which may be any word.
fn known_in_run(text: &str, run: Range<usize>, push: &mut impl FnMut(Range<usize>)) {
    let words: Vec<Range<usize>> = {
        let mut at = run.start;
        let parts = text[run.clone()].split(' ').map(move |word| {
            let span = at..at + word.len();
            at += word.len() + 1;
            span
        });
        parts.collect()
    };
    let first = words.iter().position(|span| {
        let word = text[span.clone()].to_lowercase();
        FIRST_NAMES.contains(&word)
    });
    let Some(first) = first else {
        return;
    };
    let rest = &words[first..];
    let last = rest[rest.len().min(4) - 1].end;
    if rest.len() > 1 || !begins_sentence(text, rest[0].start) {
        push(rest[0].start..last);
    }
}

fn begins_sentence(text: &str, at: usize) -> bool {
    let before = text[..at].trim_end_matches([' ', '\t', '"', '“', '*', '_', '#', '-', '>']);
    before.is_empty() || before.ends_with(['.', '!', '?', ':', '\n'])
}

/// Words that only names stand behind or before.
static TOLD: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let initial = r"(?:[ ]\p{Lu}(?:\.|\b))?";
    let name = format!("(?<name>{WORD}{initial}(?:[ ]{WORD}){{0,3}})");
    let full = format!("(?<name>{WORD}{initial}(?:[ ]{WORD}){{1,3}})");
    let patterns = [
        // Mr. Ng, Dr Ruiz, Frau Weber.
        format!(
            r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Herr|Frau|Mme|Mlle|Monsieur|Madame|Señor|Señora|Sr|Sra)\b\.?[ ]{name}"
        ),
        // My name is Ada; people call me Ada; she is called Ada Obi.
        format!(
            r"(?i:\b(?:name(?:[ ]is|'s)|call(?:s|ed)?[ ](?:me|him|her)|was[ ]called|is[ ]called|named|i['’]m|i[ ]am|this[ ]is|it['’]s[ ]under))[ ]{name}"
        ),
        // Name: Ada Obi; Customer: Ada; From: Ada Obi <ada@…>.
        format!(
            r"(?im:(?:^|[|,;(]\s*)(?:full[ ]|first[ ]|last[ ]|sur|family[ ])?(?:name|customer|contact|client|user|patient|employee|author|owner|assignee|reporter|from|to|cc|attn|signed))[ ]?[:=][ ]*{name}"
        ),
        // Dear Ada; Hi Ada,
        format!(
            r"(?m:^)\s*(?i:dear|hi|hello|hey|regards,|sincerely,|thanks,|cheers,|yours,)\s+{name}\s*[,!\n]"
        ),
        // says Ada Obi; by Ada Obi; the assistant to Ada Obi.
        format!(
            r"\b(?:by|says|said|says:|asked|replied|wrote|starring|with|contact|contacted|meet|met|ask|assistant[ ]to|tribute[ ]to|thanks[ ]to|producer|director|manager|engineer|colleague|customer|daughter|son|wife|husband|brother|sister|mother|father)[ ,]+{full}"
        ),
        format!(r"\b(?:says|said|asked|replied|wrote)[ ,]+{name}"),
        // Ada Obi says; Ada lives at.
        format!(
            r"{name},?[ ](?:says|said|asked|replied|wrote|lives|lived|called|phoned|emailed|was[ ]born|is[ ]born|moved|married|works[ ](?:at|for)|worked[ ](?:at|for)|joined)\b"
        ),
        // A name at the head of an address or a signature.
        format!(r"(?m:^){full}[ ]*\n+(?:[^\n]*\n+){{0,2}}?[^\n]*(?:@|\d{{3,}})"),
    ];
    let compiled = patterns
        .iter()
        .map(|pattern| Regex::new(pattern).expect("is a pattern"));
    compiled.collect()
});
