//! The words that only names stand behind or before.
//!
//! Promise: each place is looked at once, in windows of a fixed size, so the
//! cost grows with the number of words that begin with a capital.

use regex::Regex;
use std::{ops::Range, sync::LazyLock};

/// A word of a name: `Obi`, `Thornton-Lee`, `O'Neil`, `McKay`.
pub(super) const WORD: &str =
    r"(?:Mc|Mac|[OD]['’])?\p{Lu}[\p{Ll}\p{M}]+(?:['’-]\p{Lu}[\p{Ll}\p{M}]+)*";

/// An initial or a particle between words of a name.
pub(super) const BETWEEN: &str =
    r"(?:\p{Lu}\.?|van|von|de|der|den|da|dos|del|di|la|le|bin|al|ten|ter|af)";

/// The longest text before or behind that is looked at, in bytes.
const WINDOW: usize = 128;

/// What people do and products do not.
const SAY: &str = "says|said|asked|asks|replied|wrote|writes|explained|explains|added|told|tells|announced|noted|thinks|believes|hopes|complained|apologi[sz]ed|agreed|laughed|smiled";

const LIVE: &str = r"lives|lived|called|phoned|emailed|was[ ]born|is[ ]born|moved|married|works[ ](?:at|for|with)|worked[ ](?:at|for|with)|joined|retired|resigned|graduated|studied|studies|grew[ ]up|is[ ]married|is[ ]on[ ](?:holiday|leave|vacation)";

/// Only of full names: a product begins and speaks as well.
const DO: &str = r"began|started|spent|wants|needs|likes|loves|hates|led|leads|founded|will[ ](?:be[ ])?(?:talk|talking|speak|speaking|present|presenting|join|joining|attend|attending|visit|visiting)|is[ ](?:speaking|talking|presenting|joining|attending|visiting|very|so)";

const ROLE: &str = r"(?:CEO|CTO|CFO|COO|CIO|VP|president|chair(?:man|woman|person)?|founder|co-founder|director|producer|manager|engineer|developer|designer|analyst|consultant|accountant|lawyer|attorney|nurse|teacher|technician|assistant|secretary|colleague|coworker|co-worker|boss|supervisor|representative|agent|editor|author|writer|singer|actor|actress|artist|coach|partner|friend|neighbou?r|customer|client|patient|tenant|daughter|son|wife|husband|brother|sister|mother|father|uncle|aunt|cousin|head[ ]of[ ]\p{L}+|lead)";

/// The text before a place.
pub(super) struct Before<'t>(&'t str);

impl<'t> Before<'t> {
    pub(super) fn of(text: &'t str, at: usize) -> Self {
        Self(&text[text.floor_char_boundary(at.saturating_sub(WINDOW))..at])
    }

    /// Whether a name of so many words follows.
    pub(super) fn tells(&self, words: usize) -> bool {
        BEFORE_ANY.is_match(self.0) || (words > 1 && BEFORE_FULL.is_match(self.0))
    }
}

/// The text behind a place.
pub(super) struct Behind<'t>(&'t str);

impl<'t> Behind<'t> {
    pub(super) fn of(text: &'t str, at: usize) -> Self {
        Self(&text[at..text.ceil_char_boundary((at + WINDOW).min(text.len()))])
    }

    /// Whether a name of so many words went before.
    pub(super) fn tells(&self, words: usize) -> bool {
        BEHIND_ANY.is_match(self.0) || (words > 1 && BEHIND_FULL.is_match(self.0))
    }
}

/// Whether what stands before and what stands behind tell a name together.
pub(super) fn around(text: &str, span: Range<usize>, words: usize) -> bool {
    let (before, behind) = (Before::of(text, span.start), Behind::of(text, span.end));
    AROUND.iter().any(|(least, front, back)| {
        words >= *least && back.is_match(behind.0) && front.is_match(before.0)
    })
}

/// My name is ada obi.
pub(super) fn introduced_small(text: &str) -> impl Iterator<Item = Range<usize>> {
    static INTRODUCED: LazyLock<Regex> = LazyLock::new(|| {
        compile(
            r"\b(?i:my|her|his|their|maiden|first|last|full|family) (?:sur)?name(?: is|'s|’s|:) (?<name>\p{Ll}{3,}(?: \p{Ll}{2,}){0,2})\s*(?:$|[.,!?;\n])",
        )
    });
    let found = INTRODUCED.captures_iter(text);
    found.filter_map(|parts| Some(parts.name("name")?.range()))
}

fn compile(pattern: &str) -> Regex {
    Regex::new(pattern).expect("is a pattern")
}

fn any_of(patterns: &[String]) -> String {
    patterns.join("|")
}

/// Before any name.
static BEFORE_ANY: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        // Mr. Ng, Dr Ruiz, Frau Weber.
        r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Madam|Lady|Lord|Rev|Capt|Sgt|Lt|Sen|Gov|Herr|Frau|Fru|Mme|Mlle|Monsieur|Madame|Señor|Señora|Sr|Sra|Signor|Signora|Mevrouw|Meneer|Pan|Pani)\.? ".into(),
        // My name is Ada; people call me Ada; she is called Ada Obi.
        r"(?i:\b(?:name(?: is|'s|’s)|call(?:s|ed)? (?:me|him|her)|was called|is called|named|i['’]m|i am|this is|speaking to|it['’]s under)) ".into(),
        // What is your name? User: Ada Obi.
        r#"(?i:\bname\b[^?\n]{0,40}\?)["”]?\s{1,3}(?:\p{Lu}?\p{Ll}{1,12}: ?|[-–] ?)?"#.into(),
        // Name: Ada Obi; Customer: Ada; From: Ada Obi <ada@…>.
        r"(?i:(?:\A|\n|[|,;(]\s{0,3})(?:full |first |last |sur|family )?(?:name|customer|contact|client|user|patient|employee|author|owner|assignee|reporter|requester|approver|manager|from|to|cc|bcc|attn|signed|signature)) ?[:=] {0,3}".into(),
        r"\b(?:says|said|asked|replied|wrote)[ ,] ?".into(),
    ];
    compile(&format!("(?:{})$", any_of(&patterns)))
});

/// Before a name of two words and more.
static BEFORE_FULL: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        r"\b(?:President|Senator|Judge|Captain|Doctor|Officer|Nurse|Pastor|Uncle|Aunt) ".into(),
        // The name is wrong, please change it to Ada Obi.
        r"(?i:\bname\b[^\n]{0,60}\b(?:change|correct|update|set|rename) (?:it|that|this)? ?(?:to|into|as)) ".into(),
        // says Ada Obi; by Ada Obi; the assistant to Ada Obi.
        format!(r"\b(?:by|{SAY}|starring|with|contact|contacted|meet|met|ask|assistant to|tribute to|thanks to)[ ,] ?"),
        // Manager Ada Obi; our director, Ada Obi.
        format!(r"\b(?i:{ROLE})(?: |, )"),
        // on behalf of Ada Obi; assigned to Ada Obi.
        r"(?i:\b(?:cc|attn|c/o|on behalf of|(?:spoke|speak|spoken|talked|talk) (?:to|with)|follow(?:ed)? up with|assigned to|forwarded to|report(?:s|ed)? to|reach out to|introduced? you to|transfer(?:red)? to|belongs to|hired|invited|promoted|payable to|add))(?:: ?| )".into(),
    ];
    compile(&format!("(?:{})$", any_of(&patterns)))
});

/// Behind any name.
static BEHIND_ANY: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        // Ada Obi says; Ada lives at.
        format!(r",? (?:{SAY}|{LIVE})\b"),
        // Ada's daughter.
        r"['’]s (?:kid|kids|child|children|son|daughter|wife|husband|mother|father|mom|mum|dad|brother|sister|boss|birthday|wedding|surgery|passport|salary)\b".into(),
        r" is from \p{Lu}".into(),
    ];
    compile(&format!("^(?:{})", any_of(&patterns)))
});

/// Behind a name of two words and more.
static BEHIND_FULL: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        format!(r" (?:{DO})\b"),
        // Ada Obi, the director; Ada Obi (CEO).
        format!(r" ?[,(–-] ?(?i:(?:the|our|an?|my|his|her) )?(?:[\p{{L}}-]+ ){{0,3}}(?i:{ROLE})\b"),
        // Ada Obi, the Cinematographer, said.
        format!(r", (?:the|our|an?|my|his|her|their) [^,\n]{{3,40}}, (?:{SAY})\b"),
        // Ada Obi as a beneficiary.
        format!(r" as (?:(?:an?|the|my|our|his|her|their|its) )?(?:new )?(?i:beneficiary|guardian|owner|admin|administrator|member|contact|reviewer|approver|assignee|user|witness|signatory|heir|{ROLE})\b"),
        // Ada Obi of Example Inc.
        r" (?:of|from|at) (?:\p{Lu}[\p{L}&.-]+ ){1,4}(?:Inc|LLC|Ltd|GmbH|Corp|AG|SA|Company|Corporation|Group|Bank|University)\b".into(),
    ];
    compile(&format!("^(?:{})", any_of(&patterns)))
});

/// How many words at least, what stands before and what stands behind.
static AROUND: LazyLock<Vec<(usize, Regex, Regex)>> = LazyLock::new(|| {
    let pairs = [
        // Dear Ada; Hi Ada,
        (
            1,
            r"(?:\A|\n)\s{0,8}(?i:dear|hi|hello|hey|good (?:morning|evening|afternoon)|regards,|sincerely,|thanks,|cheers,|yours,)\s{1,3}$",
            r"^\s{0,3}(?:[,!\n]|$)",
        ),
        // Kind regards, / Ada
        (
            1,
            r"(?:\A|\n)[^\n]{0,24}\b(?i:regards|sincerely|faithfully|truly|thanks|thank you|cheers|wishes|yours|best|love),? ?\n\s{0,8}$",
            r"^ {0,3}(?:\n|$)",
        ),
        // "Ada, can I …"
        (
            1,
            r"(?:\A|\n|[.!?]\s)[\p{Pi}\x22]?$",
            r"^, (?i:can (?:i|you|we)|could (?:i|you|we)|would you|will you|may i|are you|do you|did you|have you|thank you|thanks)\b",
        ),
        // Ada: "Who are you?"
        (1, r"(?:\A|\n)$", r#"^: ?["“„«]"#),
        // Billing address: Ada Obi.
        (
            2,
            r"(?i:\b(?:address|deliver(?:ed)? to|ship(?:ped)? to|bill(?:ed)? to|recipient))\s?:\s{0,3}$",
            r"^ {0,3}(?:[,;\n]|$)",
        ),
        // A name at the head of an address or a signature, quoted or not.
        (
            2,
            r"(?:\A|\n)[^\p{L}\d\n]{0,5}$",
            r"^ {0,3}\n+(?:[^\n]*\n+){0,2}?[^\n]*(?:@|\d{3,})",
        ),
    ];
    let compiled = pairs.map(|(words, front, back)| (words, compile(front), compile(back)));
    compiled.into()
});
