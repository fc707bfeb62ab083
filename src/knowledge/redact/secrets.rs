//! Passwords, keys and tokens: by the forms that providers document, by what
//! they are assigned to, and by looking like nothing but chance.

use super::{Found, before};
use crate::domain::Sensitive;
use regex::{Regex, RegexSet, RegexSetBuilder};
use std::{collections::BTreeSet, ops::Range, sync::LazyLock};

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut push = |span: Range<usize>| {
        let kind = Sensitive::Secret;
        found.push(Found { kind, span });
    };
    for form in PROVIDERS.matches(text) {
        for token in PROVIDER[form].find_iter(text) {
            push(token.range());
        }
    }
    for pattern in [&*IN_ADDRESS, &*BEARER] {
        for parts in pattern.captures_iter(text) {
            push(parts.name("secret").map_or(0..0, |secret| secret.range()));
        }
    }
    for parts in ASSIGNED.captures_iter(text) {
        if let Some(value) = parts
            .name("secret")
            .filter(|value| is_no_placeholder(value.as_str()))
        {
            push(value.range());
        }
    }
    for candidate in LONG_WORD.find_iter(text) {
        if looks_like_chance(candidate.as_str()) && !is_in_address(text, candidate.start()) {
            push(candidate.range());
        }
    }
}

/// As the providers document them, or as their programs print them.
const FORMS: [&str; 58] = [
    // PEM and OpenSSH, PuTTY, age.
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    r"PuTTY-User-Key-File-\d: [\s\S]*?Private-MAC: [0-9a-f]+",
    r"\bAGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}\b",
    // A signed web token.
    r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{10,}",
    // Amazon.
    r"\b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z2-7]{16}\b",
    r"(?i)\baws[\w .-]{0,20}secret[\w .-]{0,20}['\x22:= ]{1,5}[A-Za-z0-9/+=]{40}\b",
    // Google.
    r"\bAIza[\w-]{35}",
    r"\bGOCSPX-[\w-]{28}",
    r"\bya29\.[\w-]{20,}",
    // Microsoft.
    r"\bAccountKey=[A-Za-z0-9+/]{86}==",
    r"\bSharedAccessKey=[A-Za-z0-9+/]{43}=",
    r"\b[\w~.-]{3}[78]Q~[\w~.-]{31,34}",
    r"\bsig=[A-Za-z0-9%]{43,63}%3[dD]",
    // GitHub, GitLab, Bitbucket and Atlassian.
    r"\bgh[pousr]_[A-Za-z0-9]{36,251}\b",
    r"\bgithub_pat_\w{22,243}\b",
    r"\bgl(?:pat|dt|rt|ptt|ft|soat|agent|oas|cbt|imt|ffct)-[\w-]{20,}",
    r"\bATATT3[\w=-]{60,}",
    r"\bATBB[A-Za-z0-9]{24,}",
    // Slack, Discord, Telegram.
    r"\bxox[abeoprs](?:\.xox[bp])?-[\w-]{10,}",
    r"\bxapp-\d-[A-Z0-9]+-\d+-[a-f0-9]+",
    r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{20,}",
    r"\b[MNO][A-Za-z\d_-]{22,27}\.[\w-]{6}\.[\w-]{27,40}",
    r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]{60,}",
    r"\b\d{8,10}:AA[\w-]{33}",
    // Payments.
    r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}",
    r"\bwhsec_[A-Za-z0-9+/=]{24,}",
    r"\bsq0(?:atp|csp|idp)-[\w-]{22,43}",
    r"\bEAAA[\w-]{60}",
    r"\baccess_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
    // Language models.
    r"\bsk-(?:proj-|svcacct-|admin-|ant-(?:api|admin)\d\d-|or-v1-)?[\w-]{20,}",
    r"\bhf_[A-Za-z0-9]{30,}",
    r"\bgsk_[A-Za-z0-9]{40,}",
    r"\br8_[A-Za-z0-9]{37}\b",
    r"\bpplx-[A-Za-z0-9]{40,}",
    // Package registries.
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bpypi-AgE[\w-]{50,}",
    r"\bcio[A-Za-z0-9]{32}\b",
    r"\brubygems_[a-f0-9]{48}\b",
    r"\bdckr_(?:pat|oat)_[\w-]{27,}",
    // Mail and messages.
    r"\bSG\.[\w-]{22}\.[\w-]{43}",
    r"\bkey-[0-9a-f]{32}\b",
    r"\b[0-9a-f]{32}-us\d{1,2}\b",
    r"\bxkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}\b",
    r"\b(?:SK|AC)[0-9a-f]{32}\b",
    // Clouds and those who run things.
    r"\bdo[opr]_v1_[a-f0-9]{64}\b",
    r"\bhv[sbr]\.[\w-]{24,}",
    r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}",
    r"\bNRAK-[A-Z0-9]{27}\b",
    r"\bgl(?:sa|c)_[\w+/=]{32,}",
    r"\bdapi[a-f0-9]{32}\b",
    r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,}",
    r"\bHRKU-[\w-]{36,}",
    // Work and shops.
    r"\blin_(?:api|oauth)_[A-Za-z0-9]{40,}",
    r"\b(?:secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{46})\b",
    r"\bPMAK-[a-f0-9]{24}-[a-f0-9]{34}\b",
    r"\bfigd_[\w-]{40,}",
    r"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{64}\b",
    r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b",
];

/// Tokens are ASCII: classes of all of Unicode would make the patterns huge and slow.
fn ascii(form: &str) -> String {
    form.replace(r"\w", "[0-9A-Za-z_]")
        .replace(r"\d", "[0-9]")
        .replace(r"\b", r"(?-u:\b)")
}

/// One pass tells which forms occur at all; mostly none does.
static PROVIDERS: LazyLock<RegexSet> = LazyLock::new(|| {
    let set = RegexSetBuilder::new(FORMS.map(ascii))
        .size_limit(64 << 20)
        .dfa_size_limit(16 << 20)
        .build();
    set.expect("are patterns")
});

static PROVIDER: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compiled = FORMS.map(|form| Regex::new(&ascii(form)).expect("is a pattern"));
    compiled.into()
});

/// The password in `postgres://shop:hunter2@db/`.
static IN_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@]{0,64}:(?<secret>[^\s/@<>{}$*]{3,128})@[\w\[]",
    )
    .expect("is a pattern")
});

static BEARER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\bauthorization['\x22]?\s*[:=]\s*['\x22]?(?:bearer|basic|token)\s+(?<secret>[\w~+/.=-]{12,})")
        .expect("is a pattern")
});

/// `DB_PASSWORD=…`, `"api_key": "…"`, `password is …`.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?ix)
        (?: \b | _ )
        (?: pass(?:word|wd|phrase|code)? | pwd | secret | token | credentials?
          | (?: api | access | auth | client | private | secret | signing | encryption | master | account | license )
            [_\-.\x20]? (?: key | token | secret ) )
        (?: [_\-]? (?: value | prod | dev | test | live ) )?
        ['"]? \s* (?: := | => | = | : | \bis\b ) \s*
        ["'`]? (?<secret> [^\s"'`,;)\]}]{6,200} )"#,
    )
    .expect("is a pattern")
});

/// Whether a value is worth hiding: documentation says `<your token>`,
/// `${TOKEN}` or `changeme`, and "the token is refused" says nothing.
fn is_no_placeholder(value: &str) -> bool {
    let lower = value.to_lowercase();
    let is_pattern = value.starts_with(['<', '$', '%', '{', '[', '*', '(', '…'])
        || [
            "xxx",
            "***",
            "...",
            "example",
            "changeme",
            "your",
            "placeholder",
            "redacted",
        ]
        .iter()
        .any(|word| lower.contains(word));
    let classes = [
        value.chars().any(|c| c.is_ascii_lowercase()),
        value.chars().any(|c| c.is_ascii_uppercase()),
        value.chars().any(|c| c.is_ascii_digit()),
        value.chars().any(|c| c.is_ascii_punctuation()),
    ];
    // A plain word, such as `required`, has one class.
    !is_pattern && classes.iter().filter(|has| **has).count() >= 2 && distinct(value) >= 5
}

static LONG_WORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_=-]{32,512}").expect("is a pattern"));

/// Letters of both cases and digits, spread as chance spreads them. Hashes in
/// hex and UUIDs name things and are no secrets; words and paths have few
/// changes between letters and digits.
fn looks_like_chance(word: &str) -> bool {
    let word = word.trim_end_matches('=');
    if word.len() < 32 || word.matches('/').count() > 2 || word.matches(['-', '_']).count() > 3 {
        return false;
    }
    let has = |test: fn(&char) -> bool| word.chars().filter(test).count();
    let (lower, upper, digits) = (
        has(char::is_ascii_lowercase),
        has(char::is_ascii_uppercase),
        has(char::is_ascii_digit),
    );
    let class = |c: char| {
        (
            c.is_ascii_lowercase(),
            c.is_ascii_uppercase(),
            c.is_ascii_digit(),
        )
    };
    let letters: Vec<char> = word.chars().collect();
    let changes = letters
        .windows(2)
        .filter(|pair| class(pair[0]) != class(pair[1]))
        .count();
    lower >= 5 && upper >= 5 && digits >= 2 && changes * 3 >= letters.len() && entropy(word) >= 4.2
}

/// Web addresses name documents by chance; without them a link leads nowhere.
fn is_in_address(text: &str, at: usize) -> bool {
    let line = before(text, at, 400);
    let ends = |c: char| c.is_whitespace() || "()<>[]\"'`".contains(c);
    let word = line.rsplit(ends).next().unwrap_or_default();
    word.contains("://") || word.starts_with(['/', '#', '?']) || word.starts_with("www.")
}

/// Bits a character, by how often each occurs.
fn entropy(word: &str) -> f64 {
    let mut counts = [0u32; 128];
    for byte in word.bytes().filter(u8::is_ascii) {
        counts[usize::from(byte)] += 1;
    }
    let length = word.len() as f64;
    let shares = counts
        .iter()
        .filter(|n| **n > 0)
        .map(|n| f64::from(*n) / length);
    shares.map(|share| -share * share.log2()).sum()
}

fn distinct(value: &str) -> usize {
    value.chars().collect::<BTreeSet<_>>().len()
}
