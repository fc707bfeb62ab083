//! How often the daemon reads a source.

use serde::{Deserialize, Deserializer, de::Error};
use std::{fmt, time::Duration};

/// Such as `"15m"`; `"off"` leaves it to `lorekeeper ingest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    Off,
    After(Duration),
}

impl Every {
    const LEAST: Duration = Duration::from_secs(5);
    const MOST: Duration = Duration::from_secs(365 * 86_400);

    pub fn after(self) -> Option<Duration> {
        match self {
            Every::Off => None,
            Every::After(pause) => Some(pause),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "off" {
            return Some(Every::Off);
        }
        let unit = text.chars().last()?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        let count: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        let pause = Duration::from_secs(count.checked_mul(seconds)?);
        (Self::LEAST..=Self::MOST)
            .contains(&pause)
            .then_some(Every::After(pause))
    }
}

impl Default for Every {
    fn default() -> Self {
        Every::After(Duration::from_secs(15 * 60))
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Every::After(pause) = self else {
            return f.write_str("off");
        };
        let seconds = pause.as_secs();
        let (count, unit) = [(86_400, 'd'), (3_600, 'h'), (60, 'm')]
            .into_iter()
            .find(|(length, _)| seconds % length == 0)
            .map_or((seconds, 's'), |(length, unit)| (seconds / length, unit));
        write!(f, "{count}{unit}")
    }
}

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let problem =
                format!("`every` is \"{text}\", expected such as \"15m\", from \"5s\" to \"365d\", or \"off\"");
            D::Error::custom(problem)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_is_a_number_with_its_unit_or_off() {
        let check = |text: &str, expected: Option<&str>| {
            let found = Every::parse(text).map(|every| every.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("15m", Some("15m"));
        check(" 90 s ", Some("90s"));
        check("120m", Some("2h"));
        check("7d", Some("7d"));
        check("off", Some("off"));
        for text in [
            "",
            "15",
            "m",
            "1s",
            "-5m",
            "1.5h",
            "366d",
            "9999999999999999999d",
            "15ü",
        ] {
            check(text, None);
        }
    }
}
