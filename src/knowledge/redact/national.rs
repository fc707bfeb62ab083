//! Numbers by which states know people. A form that nothing else has is found
//! anywhere; plain digits only where their check digits fit and the words
//! before say what they are.

use super::{
    Found, before,
    checksums::{luhn, verhoeff, weighted},
    digits, stands_alone,
};
use crate::domain::Sensitive;
use regex::Regex;
use std::sync::LazyLock;

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    for Form {
        pattern,
        is_valid,
        words,
    } in FORMS.iter()
    {
        for candidate in pattern.find_iter(text) {
            let span = candidate.range();
            let is_named = || {
                let words = words.as_ref();
                words.is_none_or(|words| words.is_match(before(text, span.start, 60)))
            };
            if stands_alone(text, &span) && is_valid(candidate.as_str()) && is_named() {
                let kind = Sensitive::NationalId;
                found.push(Found { kind, span });
            }
        }
    }
}

struct Form {
    pattern: Regex,
    is_valid: fn(&str) -> bool,
    /// One of these must stand before it.
    words: Option<Regex>,
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let form = |pattern: &str, is_valid, words: Option<&str>| Form {
        pattern: Regex::new(pattern).expect("is a pattern"),
        is_valid,
        words: words.map(|words| Regex::new(&format!(r"(?i)(?:{words})")).expect("is a pattern")),
    };
    vec![
        // United States: social security, taxpayer.
        form(r"\d{3}-\d{2}-\d{4}", us_ssn, None),
        form(
            r"\d{3} ?\d{2} ?\d{4}",
            us_ssn,
            Some(r"\bssn\b|social security"),
        ),
        // United States: driver's licences, each state with its own form.
        form(
            r"[A-Z]{0,2}\d[\d-]{4,18}\d",
            |_| true,
            Some(r"driver'?s?'? ?licen[cs]e|driving licen[cs]e"),
        ),
        // Passports.
        form(r"[A-Z]{0,2}\d{6,9}[A-Z]?", |_| true, Some(r"passport")),
        // United Kingdom: National Insurance.
        form(
            r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
            |_| true,
            None,
        ),
        // United Kingdom: NHS.
        form(r"\d{3}[ -]?\d{3}[ -]?\d{4}", uk_nhs, Some(r"\bnhs\b")),
        // Canada.
        form(
            r"\d{3}[ -]?\d{3}[ -]?\d{3}",
            |s| luhn(&digits(s)),
            Some(r"\bsin\b|social insurance"),
        ),
        // Germany: tax id.
        form(
            r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
            german_tax,
            Some(r"steuer|tax id|\btin\b|identifikationsnummer"),
        ),
        // France: INSEE.
        form(
            r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}",
            french_insee,
            None,
        ),
        // Spain: DNI and NIE.
        form(r"[XYZ\d][- ]?\d{7}[- ]?[A-HJ-NP-TV-Z]", spanish_dni, None),
        // Italy: codice fiscale.
        form(
            r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]",
            |_| true,
            None,
        ),
        // Netherlands: BSN.
        form(r"\d{9}", dutch_bsn, Some(r"\bbsn\b|burgerservice|sofi")),
        // Belgium.
        form(r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", belgian, None),
        // Switzerland: AHV.
        form(r"756\.\d{4}\.\d{4}\.\d{2}", ean_13, None),
        // Sweden; Finland; Norway; Denmark.
        form(r"(?:19|20)?\d{6}[-+]\d{4}", swedish, None),
        form(r"\d{6}[-+A-FYXWVU]\d{3}[0-9A-FHJ-NPR-Y]", finnish, None),
        form(
            r"\d{6} ?\d{5}",
            norwegian,
            Some(r"fødselsnummer|personnummer|national id|\bid number"),
        ),
        form(
            r"\d{6}-?\d{4}",
            |s| is_day(&digits(s)),
            Some(r"\bcpr\b|personnummer"),
        ),
        // Poland: PESEL.
        form(r"\d{11}", polish, Some(r"pesel|national id|\bid number")),
        // India: Aadhaar and PAN.
        form(
            r"[2-9]\d{3} ?\d{4} ?\d{4}",
            |s| verhoeff(&digits(s)),
            Some(r"aadhaar|uidai"),
        ),
        form(
            r"[A-Z]{3}[ABCFGHJLPT][A-Z]\d{4}[A-Z]",
            |_| true,
            Some(r"\bpan\b|tax"),
        ),
        // Brazil: CPF.
        form(r"\d{3}\.\d{3}\.\d{3}-\d{2}", brazilian, None),
        // Australia: tax file number.
        form(
            r"\d{3} ?\d{3} ?\d{3}",
            australian,
            Some(r"\btfn\b|tax file"),
        ),
    ]
});

/// No area 000, 666 or 9xx, no group 00, no serial 0000.
fn us_ssn(text: &str) -> bool {
    let d = digits(text);
    let part = |range: std::ops::Range<usize>| {
        d[range]
            .iter()
            .fold(0u32, |n, digit| n * 10 + u32::from(*digit))
    };
    let (area, group, serial) = (part(0..3), part(3..5), part(5..9));
    !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0
}

fn uk_nhs(text: &str) -> bool {
    let d = digits(text);
    let check = 11 - weighted(&d[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    check % 11 == u32::from(d[9])
}

/// ISO 7064 mod 11,10.
fn german_tax(text: &str) -> bool {
    let d = digits(text);
    let product = d[..10].iter().fold(10u32, |product, digit| {
        let sum = match (u32::from(*digit) + product) % 10 {
            0 => 10,
            sum => sum,
        };
        sum * 2 % 11
    });
    d[0] != 0 && (11 - product) % 10 == u32::from(d[10])
}

fn french_insee(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let number = plain.replace("2A", "19").replace("2B", "18");
    let (Some(body), Some(key)) = (number.get(..13), number.get(13..15)) else {
        return false;
    };
    match (body.parse::<u64>(), key.parse::<u64>()) {
        (Ok(body), Ok(key)) => 97 - body % 97 == key,
        _ => false,
    }
}

fn spanish_dni(text: &str) -> bool {
    const LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";
    let mut plain: Vec<char> = text.chars().filter(|c| c.is_alphanumeric()).collect();
    let letter = plain.pop();
    if let Some(first) = plain.first_mut() {
        *first = match *first {
            'X' => '0',
            'Y' => '1',
            'Z' => '2',
            digit => digit,
        };
    }
    let number: String = plain.into_iter().collect();
    let number = number.parse::<usize>();
    number.is_ok_and(|number| letter == Some(char::from(LETTERS[number % 23])))
}

fn dutch_bsn(text: &str) -> bool {
    let d = digits(text);
    let sum = weighted(&d[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    let last = u32::from(d[8]);
    sum != 0 && sum % 11 == last
}

fn belgian(text: &str) -> bool {
    let number = |text: &str| -> Option<u64> {
        let plain: String = text.chars().filter(char::is_ascii_digit).collect();
        plain.parse().ok()
    };
    let Some(whole) = number(text) else {
        return false;
    };
    let (body, check) = (whole / 100, whole % 100);
    // Those born from 2000 on have a 2 in front.
    [body, body + 2_000_000_000]
        .iter()
        .any(|body| 97 - body % 97 == check)
}

fn ean_13(text: &str) -> bool {
    let d = digits(text);
    weighted(&d, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

fn swedish(text: &str) -> bool {
    let d = digits(text);
    let d = &d[d.len() - 10..];
    let day = d[4] * 10 + d[5];
    let month = d[2] * 10 + d[3];
    // A coordination number has 60 added to its day.
    (1..=12).contains(&month) && matches!(day, 1..=31 | 61..=91) && luhn(d)
}

fn finnish(text: &str) -> bool {
    const SIGNS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let Some((body, sign)) = text
        .char_indices()
        .next_back()
        .map(|(at, c)| (&text[..at], c))
    else {
        return false;
    };
    let d = digits(&format!("{}{}", &body[..6], &body[7..]));
    let number = d
        .iter()
        .fold(0usize, |n, digit| n * 10 + usize::from(*digit));
    is_day(&d) && char::from(SIGNS[number % 31]) == sign
}

fn norwegian(text: &str) -> bool {
    let d = digits(text);
    let first = weighted(&d[..9], &[3, 7, 6, 1, 8, 9, 4, 5, 2]);
    let second = weighted(&d[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    let fits = |sum: u32, digit: u8| (11 - sum % 11) % 11 == u32::from(digit);
    fits(first, d[9]) && fits(second, d[10])
}

fn polish(text: &str) -> bool {
    let d = digits(text);
    weighted(&d, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

fn brazilian(text: &str) -> bool {
    let d = digits(text);
    let check = |n: usize| {
        let weights: Vec<u32> = (2..=n as u32 + 1).rev().collect();
        weighted(&d[..n], &weights) * 10 % 11 % 10 == u32::from(d[n])
    };
    d.iter().any(|digit| *digit != d[0]) && check(9) && check(10)
}

fn australian(text: &str) -> bool {
    weighted(&digits(text), &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

/// Begins with the day and month of a birth.
fn is_day(digits: &[u8]) -> bool {
    let (day, month) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3]);
    (1..=31).contains(&day) && (1..=12).contains(&month)
}
