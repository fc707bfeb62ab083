//! The wordings that ship with the program: openers, windows, questions about rules.

use crate::{pipeline::arguments, tools::window::Window};
use chrono::{DateTime, Utc};
use rand::{RngExt, rngs::Xoshiro256PlusPlus, seq::IndexedRandom};
use serde::Deserialize;

const SHIPPED: &str = include_str!("wordings.toml");

/// `{}` in a sentence is a thing, a value, or what somebody asks about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    openers: Vec<String>,
    closers: Vec<String>,
    follow_ups: Vec<String>,
    windows: Vec<String>,
    rules: Vec<String>,
    writes: Vec<String>,
    world: Vec<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Wordings {
    openers: Vec<String>,
    closers: Vec<String>,
    pub follow_ups: Vec<String>,
    /// As they are typed, and as a plan has them.
    pub windows: Vec<(String, String)>,
    /// What only a document tells of something.
    pub rules: Vec<String>,
    /// Wishes to change something.
    pub writes: Vec<String>,
    /// What no company's documents tell.
    pub world: Vec<String>,
}

impl Wordings {
    /// Windows that the pipeline does not understand are left out; a test
    /// holds that there are none.
    pub(super) fn shipped(now: DateTime<Utc>) -> Self {
        let file: File = toml::from_str(SHIPPED).unwrap_or_default();
        let understood = |text: &String| {
            let window = arguments::window(text, now)?;
            Window::parse(&window, now, chrono_tz::UTC).ok()?;
            Some((text.clone(), window))
        };
        Self {
            windows: file.windows.iter().filter_map(understood).collect(),
            openers: file.openers,
            closers: file.closers,
            follow_ups: file.follow_ups,
            rules: file.rules,
            writes: file.writes,
            world: file.world,
        }
    }

    /// One question in four begins politely.
    pub(super) fn opener(&self, random: &mut Xoshiro256PlusPlus) -> Option<&str> {
        match random.random_range(0..4) {
            0 => self.openers.choose(random).map(String::as_str),
            _ => None,
        }
    }

    pub(super) fn closer(&self, random: &mut Xoshiro256PlusPlus) -> Option<&str> {
        match random.random_range(0..8) {
            0 => self.closers.choose(random).map(String::as_str),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn every_window_is_understood_in_every_month() {
        let file: File = toml::from_str(SHIPPED).expect("the wordings parse");
        assert!(!file.openers.is_empty() && !file.world.is_empty());
        for month in 1..=12 {
            let now = Utc
                .with_ymd_and_hms(2026, month, 1, 0, 30, 0)
                .single()
                .expect("a time");
            let understood = Wordings::shipped(now).windows;
            let lost = file
                .windows
                .iter()
                .filter(|text| !understood.iter().any(|(known, _)| known == *text));
            assert_eq!(
                lost.collect::<Vec<_>>(),
                Vec::<&String>::new(),
                "month {month}"
            );
        }
    }
}
