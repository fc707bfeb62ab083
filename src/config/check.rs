//! What serde can't see: ranges, names that point to nothing, names given twice.

use super::{CommandScope, Config, load::Faults};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashSet;

/// Adds a fault for each.
pub(super) fn check(name: &str, config: &Config, faults: &mut Faults) {
    let mut range = |key: &str, value: u64, from: u64, to: u64| {
        if !(from..=to).contains(&value) {
            faults.add(format!(
                "{name}: `{key}` is {value}, expected {from} to {to}"
            ));
        }
    };
    range(
        "retrieval.chunk_tokens",
        config.retrieval.chunk_tokens as u64,
        32,
        512,
    );
    range(
        "retrieval.overlap_tokens",
        config.retrieval.overlap_tokens as u64,
        0,
        config.retrieval.chunk_tokens as u64 / 2,
    );
    range(
        "retrieval.candidates",
        config.retrieval.candidates as u64,
        1,
        1_000,
    );
    range(
        "limits.questions_per_hour",
        config.limits.questions_per_hour.into(),
        1,
        1_000_000,
    );
    range(
        "limits.concurrent_questions",
        config.limits.concurrent_questions as u64,
        1,
        256,
    );
    range(
        "limits.answer_timeout_ms",
        config.limits.answer_timeout_ms,
        1_000,
        600_000,
    );
    range(
        "limits.tool_timeout_ms",
        config.limits.tool_timeout_ms,
        100,
        600_000,
    );
    range(
        "limits.convert_timeout_ms",
        config.limits.convert_timeout_ms,
        100,
        600_000,
    );
    range(
        "limits.tool_rows",
        config.limits.tool_rows as u64,
        1,
        100_000,
    );
    range(
        "limits.tool_bytes",
        config.limits.tool_bytes as u64,
        1_024,
        64 << 20,
    );
    range(
        "limits.sql_cost",
        config.limits.sql_cost,
        1,
        1_000_000_000_000,
    );
    range("ocr.pages", config.ocr.pages as u64, 1, 10_000);
    range("ocr.timeout_ms", config.ocr.timeout_ms, 1_000, 3_600_000);
    let generator = &config.generator;
    for (key, value, from, to) in [
        ("generator.slots", generator.slots, 1, 256),
        (
            "generator.context_tokens",
            generator.context_tokens,
            512,
            1 << 20,
        ),
        ("generator.queue", generator.queue, 1, 10_000),
        ("generator.threads", generator.threads, 1, 64),
    ] {
        range(key, value as u64, from, to);
    }
    range("model.threads", config.model.threads as u64, 1, 64);
    if let Some(server) = &config.model.server {
        for (key, value, from, to) in [
            ("model.server.dimension", server.dimension, 8, 16_384),
            ("model.server.batch", server.batch, 1, 2_048),
        ] {
            range(key, value as u64, from, to);
        }
        range("model.server.timeout_ms", server.timeout_ms, 100, 600_000);
    }
    if let Some(slack) = &config.slack {
        range("slack.sockets", slack.sockets.into(), 2, 10);
        token(name, "slack.bot_token", &slack.bot_token, "xoxb-", faults);
        token(name, "slack.app_token", &slack.app_token, "xapp-", faults);
    }
    if let Some(languages) = &config.ocr.languages
        && !languages.split('+').all(is_language)
    {
        faults.add(format!(
            "{name}: `ocr.languages` is \"{languages}\", expected such as \"eng\" or \"eng+deu\""
        ));
    }
    if config.model.server.is_some() && config.model.embedding_dir.is_some() {
        faults.add(format!(
            "{name}: `model.embedding_dir` and `model.server` are both there; take one away"
        ));
    }
    for api in &config.apis {
        let of = |key: &str| format!("api.{key}` of {}", api.name);
        let mut within = |key: &str, value: usize, from: usize, to: usize| {
            if !(from..=to).contains(&value) {
                let key = of(key);
                faults.add(format!(
                    "{name}: `{key} is {value}, expected {from} to {to}"
                ));
            }
        };
        within("bytes", api.bytes, 1_024, 64 << 20);
        within("pages", api.pages, 1, 100);
        for operation in &api.described {
            if operation.lead.is_some() != operation.empty.is_some() {
                faults.add(format!(
                    "{name}: api `{}`: operation `{}` has a `lead` without an `empty`, or the other way round",
                    api.name, operation.name
                ));
            }
        }
    }
    twice(
        name,
        "source",
        config.sources.iter().map(|source| source.name.as_str()),
        faults,
    );
    twice(
        name,
        "database",
        config
            .databases
            .iter()
            .map(|database| database.name.as_str()),
        faults,
    );
    twice(
        name,
        "query",
        config.queries.iter().map(|query| query.name.as_str()),
        faults,
    );
    twice(
        name,
        "api",
        config.apis.iter().map(|api| api.name.as_str()),
        faults,
    );
    twice(
        name,
        "log",
        config.logs.iter().map(|log| log.name.as_str()),
        faults,
    );
    super::sources::check(name, config, faults);
    super::index::check(name, &config.index, config.store.url.as_ref(), faults);
    for log in &config.logs {
        super::logs::check(name, log, faults);
    }
    twice(
        name,
        "person",
        config.people.iter().map(|person| person.name.as_str()),
        faults,
    );
    if let Some(discord) = &config.discord
        && discord.commands == CommandScope::Guilds
        && discord.guilds.is_empty()
    {
        faults.add(format!(
            "{name}: `discord.commands` is `guilds`, and `discord.guilds` names none"
        ));
    }
    for query in &config.queries {
        if !config
            .databases
            .iter()
            .any(|database| database.name == query.database)
        {
            faults.add(format!(
                "{name}: query `{}` names the database `{}`, which is not configured",
                query.name, query.database
            ));
        }
    }
}

/// As tesseract names one: `eng`, `chi_sim`, `script/Latin`.
fn is_language(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/');
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(letter)
}

/// Says which kind of token is expected, never what was given.
fn token(name: &str, key: &str, token: &SecretString, prefix: &str, faults: &mut Faults) {
    if !token.expose_secret().starts_with(prefix) {
        faults.add(format!(
            "{name}: `{key}` does not begin with `{prefix}`; it is another kind of token"
        ));
    }
}

fn twice<'a>(name: &str, key: &str, names: impl Iterator<Item = &'a str>, faults: &mut Faults) {
    let mut seen = HashSet::new();
    for entry in names {
        if !seen.insert(entry) {
            faults.add(format!("{name}: `[[{key}]]` {entry} is there twice"));
        }
    }
}
