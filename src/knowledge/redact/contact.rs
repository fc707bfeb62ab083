//! E-mail addresses, IP addresses and phone numbers.

use super::{Found, after, before, digits, stands_alone};
use crate::domain::Sensitive;
use regex::Regex;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
    sync::LazyLock,
};

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut push = |kind, span| found.push(Found { kind, span });
    for address in EMAIL.find_iter(text) {
        push(Sensitive::Email, address.range());
    }
    for candidate in CANDIDATE_IP.find_iter(text) {
        if is_ip(text, candidate.range()) {
            push(Sensitive::IpAddress, candidate.range());
        }
    }
    for pattern in [&*INTERNATIONAL, &*NATIONAL, &*ANY_GROUPS] {
        for candidate in pattern.find_iter(text) {
            if is_phone(text, candidate.range()) {
                push(Sensitive::Phone, candidate.range());
            }
        }
    }
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b[\p{L}\p{N}][\p{L}\p{N}._%+'-]*@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}{2,24}\b")
        .expect("is a pattern")
});

static CANDIDATE_IP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{0,4})",
    )
    .expect("is a pattern")
});

static SPEAKS_OF_VERSIONS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)(?:version|release|build|\bv)[ .]?$").expect("is a pattern"));

/// An address that leads to somebody: not this machine, not "every address".
fn is_ip(text: &str, span: Range<usize>) -> bool {
    let written = &text[span.clone()];
    let is_somebodys = match written.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => {
            v4 != Ipv4Addr::UNSPECIFIED && !v4.is_loopback() && v4 != Ipv4Addr::BROADCAST
        }
        // A time such as `10:20:30` is no address, `::` is nobody's.
        Ok(IpAddr::V6(v6)) => {
            v6 != Ipv6Addr::UNSPECIFIED && v6 != Ipv6Addr::LOCALHOST && written.len() > 5
        }
        Err(_) => false,
    };
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let ahead = text[..span.start].chars().next_back();
    let mut behind = text[span.end..].chars();
    // `1.2.3.4.5` is the version of something; a full stop ends a sentence.
    let goes_on = match behind.next() {
        Some('.') => behind.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => joins(c),
        None => false,
    };
    is_somebodys
        && !goes_on
        && !ahead.is_some_and(|c| joins(c) || c == '.' || c == ':')
        && !SPEAKS_OF_VERSIONS.is_match(before(text, span.start, 12))
}

/// `+41 (0)96 471 07 95`, `0049 30 901820`, `001-253-555-0136`.
static INTERNATIONAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x) (?:\(?\+|\(?\b00)[1-9]\d{0,2}\)?(?:[\x20.\-/]?\(?\d{1,5}\)?){2,6}
        (?:[\x20,]{0,2}(?:x|ext\.?|extension|Durchwahl)\x20?\d{1,6})?",
    )
    .expect("is a pattern")
});

/// Forms that hardly anything else has: `(602) 272-9781`, `602-272-9781`,
/// `03.93.92.16.85`, `07700 063 966`.
static NATIONAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        (?: (?:\b1[\x20.\-])?\(\d{1,5}(?:[\x20\-]\d{1,3})?\)[\x20\-]?\d{2,4}[\x20.\-]?\d{2,6}(?:[\x20.\-]\d{2,4}){0,2}
          | \b(?:1[\x20.\-])?\d{3}[.\-]\d{3}[.\-]\d{4}
          | \b[2-9]\d{2}\x20[2-9]\d{2}[\x20\-]\d{4}
          | \b0[1-9]\d{0,3}[/\-]\d{5,8}
          | \b0[1-9]\d{0,2}[\x20\-]\d{3,4}[\x20\-]\d{2,4}(?:[\x20\-]\d{2,4})?
          | \b0\d(?:[\x20.\-]\d{2}){4}
          | \b0\d{2,4}[\x20/\-]\d{3,4}\x20?\d{2,4}(?:\x20\d{2,4})?
          | \b0\d{3}(?:\x20\d{2}){3}
        )(?:[\x20,]{0,2}(?:x|ext\.?|extension|Durchwahl)\x20?\d{1,6})?",
    )
    .expect("is a pattern")
});

/// Seven digits and more in any groups: a phone number where the words say so.
static ANY_GROUPS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\(?\d(?:[ .\-/()]{0,2}\d){6,14}(?:[ ,]{0,2}(?:x|ext\.?|extension) ?\d{1,6})?")
        .expect("is a pattern")
});

static SPEAKS_OF_PHONES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) \b(?: phone | telephone | tel | mobile | cell(?:phone|ular)? | fax | hotline | landline
            | whatsapp | sms | messages?\x20to | texts?\x20to | dial | ring | call(?:ed|ing)?(?:\x20(?:me|us|him|her|them))?(?:\x20(?:at|on|under))?
            | (?:my|his|her|our|their|your|contact|new|home|work|private|personal|emergency)\x20number | reach(?:\x20(?:me|us|him|her|them))?
            | desk | office | direct\x20line | registered | telefon | handy | mobil | téléphone | portable
            | teléfono | móvil | telefono | cellulare | telefone | telefoon
            | tlf | tfn | puh | puhelin | telef | gsm | natel | komórka | mobiel | mobilnummer )
        [^\n\d]{0,24}$",
    )
    .expect("is a pattern")
});

/// `082 490 1693-Office`, `555 0100 (mobile)`.
static NAMED_BEHIND: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s?[-–(,]\s?(?:office|fax|mobile|cell|phone|desk|home|work)\b")
        .expect("is a pattern")
});

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"^(?:(?:19|20)\d{2}[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d{2})\b",
    )
    .expect("is a pattern")
});

fn is_phone(text: &str, span: Range<usize>) -> bool {
    let written = &text[span.clone()];
    let number = written.split(['x', 'e']).next().unwrap_or(written);
    let count = digits(number).len();
    if !(7..=15).contains(&count) || !stands_alone(text, &span) || DATE.is_match(written) {
        return false;
    }
    let is_plain = written
        .chars()
        .all(|c| c.is_ascii_digit() || " .-/()".contains(c));
    let has_form = [&*INTERNATIONAL, &*NATIONAL].iter().any(|form| {
        let found = form.find(written);
        found.is_some_and(|found| found.range() == (0..written.len()))
    });
    let is_named = SPEAKS_OF_PHONES.is_match(before(text, span.start, 48))
        || NAMED_BEHIND.is_match(after(text, span.end, 16));
    // An amount or a version goes on behind a point or a comma.
    let goes_on = text[span.end..].starts_with(['.', ',', '-', '/', ':'])
        && text[span.end + 1..].starts_with(|c: char| c.is_ascii_digit());
    let is_part = text[..span.start].ends_with(['.', ',', '-', '/', ':', '#', '$', '€', '£']);
    (has_form && !goes_on && !is_part) || (is_plain && is_named && !goes_on)
}
