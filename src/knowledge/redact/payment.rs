//! Card numbers and IBANs, by their check digits.

use super::{Found, before, checksums, digits, stands_alone};
use crate::domain::Sensitive;
use regex::Regex;
use std::{ops::Range, sync::LazyLock};

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for span in CANDIDATE_CARD.find_iter(text).map(|found| found.range()) {
        if stands_alone(text, &span) && is_card(text, &span) {
            found.push(Found {
                kind: Sensitive::Card,
                span,
            });
        }
    }
    for candidate in CANDIDATE_IBAN.find_iter(text) {
        if let Some(length) = iban_length(candidate.as_str()) {
            let span = candidate.start()..candidate.start() + length;
            if stands_alone(text, &span) {
                let kind = Sensitive::Iban;
                found.push(Found { kind, span });
            }
        }
    }
}

/// 12 to 19 digits, in groups of any length.
static CANDIDATE_CARD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d(?:[ -]?\d){11,18}").expect("is a pattern"));

static SPEAKS_OF_CARDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:card|cc|credit|debit|visa|master ?card|amex|maestro|pan)\b")
        .expect("is a pattern")
});

/// The check digit alone lets one number in ten pass: an issuer's range must fit
/// as well, or the words before must speak of a card.
fn is_card(text: &str, span: &Range<usize>) -> bool {
    let digits = digits(&text[span.clone()]);
    if digits.iter().all(|digit| *digit == digits[0]) {
        return false;
    }
    let is_named = || SPEAKS_OF_CARDS.is_match(before(text, span.start, 60));
    checksums::luhn(&digits) && (is_issued(&digits) || is_named())
}

/// Ranges of the large networks and the lengths of their numbers.
fn is_issued(digits: &[u8]) -> bool {
    let first = |n: usize| digits[..n].iter().fold(0u32, |n, d| n * 10 + u32::from(*d));
    let (two, three, four) = (first(2), first(3), first(4));
    match digits.len() {
        // American Express; JCB's old numbers.
        15 => matches!(two, 34 | 37) || matches!(four, 1800 | 2131),
        // Diners Club.
        14 => matches!(two, 36 | 38 | 39) || matches!(three, 300..=305),
        // Visa; Mastercard; Discover; JCB; UnionPay.
        16 => {
            digits[0] == 4
                || matches!(two, 51..=55 | 62 | 65)
                || matches!(four, 2221..=2720 | 6011 | 3528..=3589)
                || matches!(three, 644..=649)
        }
        19 => digits[0] == 4,
        _ => false,
    }
}

static CANDIDATE_IBAN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}").expect("is a pattern")
});

/// Bytes of the IBAN that `text` begins with: as many letters and digits as its
/// country writes, with a checksum that fits.
fn iban_length(text: &str) -> Option<usize> {
    let country = text.get(..2)?.to_uppercase();
    let (_, wanted) = IBAN_LENGTHS.iter().find(|(known, _)| *known == country)?;
    let places = text.char_indices().filter(|(_, c)| c.is_alphanumeric());
    let (last, _) = places.clone().nth(wanted - 1)?;
    let letters: Vec<char> = places.take(*wanted).map(|(_, c)| c).collect();
    let turned = letters[4..].iter().chain(&letters[..4]).copied();
    (checksums::mod_97(turned) == Some(1)).then_some(last + 1)
}

/// Letters and digits of an IBAN by country (the SWIFT registry).
#[rustfmt::skip]
const IBAN_LENGTHS: [(&str, usize); 79] = [
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22),
    ("BH", 22), ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22),
    ("DK", 18), ("DO", 28), ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18), ("FO", 18), ("FR", 27),
    ("GB", 22), ("GE", 22), ("GI", 23), ("GL", 18), ("GR", 27), ("GT", 28), ("HR", 21), ("HU", 28),
    ("IE", 22), ("IL", 23), ("IQ", 23), ("IS", 26), ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20),
    ("LB", 28), ("LC", 32), ("LI", 21), ("LT", 20), ("LU", 20), ("LV", 21), ("LY", 25), ("MC", 27),
    ("MD", 24), ("ME", 22), ("MK", 19), ("MR", 27), ("MT", 31), ("MU", 30), ("NL", 18), ("NO", 15),
    ("PK", 24), ("PL", 28), ("PS", 29), ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22), ("SA", 24),
    ("SC", 31), ("SD", 18), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27), ("ST", 25), ("SV", 28),
    ("TL", 23), ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("VG", 24), ("XK", 20),
];
