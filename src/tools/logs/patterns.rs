//! The most frequent messages of many lines, each with one of its lines.

use super::{
    backend::{Line, Newest},
    level::canonical,
    templates::{TemplateId, TemplateMiner},
};
use std::collections::{BTreeMap, HashMap};

/// Characters of a message that are looked at.
const MESSAGE_CHARS: usize = 2_000;

/// Counts templates as lines come by.
#[derive(Default)]
pub struct Patterns {
    /// One tree a level, so that an error is never one with a success.
    miners: BTreeMap<String, TemplateMiner>,
    /// Of each template: lines by service, and its newest line.
    seen: HashMap<(String, TemplateId), Seen>,
    pub total: u64,
    /// Only the newest lines were looked at.
    pub is_sample: bool,
}

struct Seen {
    services: BTreeMap<String, u64>,
    newest: Line,
}

/// A template with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    pub template: String,
    pub lines: u64,
    pub level: String,
    /// The service with the most of these lines, and how many others have some.
    pub service: String,
    pub others: usize,
    pub newest: Line,
}

impl Patterns {
    /// Of the newest lines that a server gave.
    pub fn of_newest(newest: Newest) -> Self {
        let mut patterns = Self {
            is_sample: newest.more,
            ..Self::default()
        };
        newest
            .lines
            .into_iter()
            .for_each(|line| patterns.take(line));
        patterns
    }

    pub fn take(&mut self, line: Line) {
        self.total += 1;
        let level = canonical(&line.level);
        let message: String = match line.message.char_indices().nth(MESSAGE_CHARS) {
            Some((end, _)) => line.message[..end].to_string(),
            None => line.message.clone(),
        };
        let miner = self.miners.entry(level.clone()).or_default();
        let Some(id) = miner.add(&message) else {
            return;
        };
        let service = line.service.clone();
        let seen = self.seen.entry((level, id)).or_insert_with(|| Seen {
            services: BTreeMap::new(),
            newest: line.clone(),
        });
        *seen.services.entry(service).or_default() += 1;
        if line.time >= seen.newest.time {
            seen.newest = Line { message, ..line };
        }
    }

    /// The most frequent first, at most so many, and the number of lines that
    /// belong to none of these.
    pub fn most_frequent(&self, limit: usize) -> (Vec<Pattern>, u64) {
        let mut all: Vec<(&(String, TemplateId), u64)> = self
            .seen
            .keys()
            .map(|key| (key, self.miners[&key.0].count(key.1)))
            .collect();
        all.sort_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        all.truncate(limit);
        let shown: u64 = all.iter().map(|(_, lines)| lines).sum();
        let patterns = all.into_iter().map(|(key, lines)| {
            let seen = &self.seen[key];
            let top = seen.services.iter().max_by_key(|(_, lines)| **lines);
            Pattern {
                template: self.miners[&key.0].template(key.1),
                lines,
                level: key.0.clone(),
                service: top.map_or(String::new(), |(service, _)| service.clone()),
                others: seen.services.len().saturating_sub(1),
                newest: seen.newest.clone(),
            }
        });
        let patterns = patterns.collect();
        (patterns, self.total - shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: &str, service: &str, message: &str) -> Line {
        Line {
            time: "2026-11-20T12:00:00Z".parse().expect("is a time"),
            service: service.into(),
            level: level.into(),
            message: message.into(),
        }
    }

    #[test]
    fn messages_that_differ_in_values_are_one_pattern() {
        let mut patterns = Patterns::default();
        for n in 0..30 {
            let message = format!("bank nordbank timed out after {n} ms, order ORD-{n}");
            patterns.take(line("error", "payments", &message));
        }
        patterns.take(line(
            "ERROR",
            "fleet",
            "bank nordbank timed out after 5 ms, order ORD-1",
        ));
        patterns.take(line("error", "payments", "no route to 10.0.0.1:8080"));
        patterns.take(line("info", "payments", "no route to 10.0.0.2:8080"));
        let (found, rest) = patterns.most_frequent(2);
        let found: Vec<(&str, u64, &str, usize)> = found
            .iter()
            .map(|p| (p.template.as_str(), p.lines, p.service.as_str(), p.others))
            .collect();
        assert_eq!(
            found,
            [
                (
                    "bank nordbank timed out after <*> ms, order ORD-<*>",
                    31,
                    "payments",
                    1
                ),
                ("no route to <*>", 1, "payments", 0)
            ]
        );
        assert_eq!((patterns.total, rest), (33, 1));
    }

    #[test]
    fn too_many_templates_are_counted_together() {
        let mut patterns = Patterns::default();
        let letters = |n: usize| -> String {
            n.to_string()
                .chars()
                .map(|c| char::from(b'a' + c as u8 - b'0'))
                .collect()
        };
        for n in 0..6_000 {
            let word = letters(n);
            patterns.take(line("info", "a", &format!("{word} {word} {word}")));
        }
        let (found, rest) = patterns.most_frequent(10_000);
        let shown: u64 = found.iter().map(|pattern| pattern.lines).sum();
        assert_eq!(shown + rest, 6_000);
        assert!(found.len() <= 5_000);
    }
}
