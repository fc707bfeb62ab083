//! Issues as Jira exports them: CSV with all fields, bodies in wiki markup.
//!
//! The file has a column for each value of a field that has several. It says
//! which security level an issue has where it has that column, and never who
//! may see a comment: comments are read only where the configuration says that
//! nothing in it is restricted.

use super::{Comment, Hidden, Reading, SourceFault, Ticket, restricted::Restriction};
use crate::{
    config::{LimitsSection, SiteSource, SourceEntry},
    knowledge::markup::wiki,
};
use chrono::{NaiveDate, NaiveDateTime};
use csv::StringRecord;
use std::{fs::File, io::BufReader, ops::ControlFlow, path::Path};

/// An author that is longer is the number of an account.
const NAME_CHARS: usize = 40;

type Visit<'a> = &'a mut dyn FnMut(Reading) -> ControlFlow<()>;

pub fn read(
    source: &SourceEntry,
    site: &SiteSource,
    export: &Path,
    limits: &LimitsSection,
    visit: Visit,
) -> ControlFlow<()> {
    let name = export
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let whole =
        |problem: String| Reading::Fault(SourceFault::new(name.clone(), problem, Hidden::Source));
    let file = match File::open(export) {
        Ok(file) => BufReader::new(file),
        Err(error) => return visit(whole(format!("can't be read: {error}"))),
    };
    // A comment of many lines is one cell; rows differ in length nowhere.
    let mut table = csv::ReaderBuilder::new().from_reader(file);
    let columns = match table.headers() {
        Ok(header) => Columns::of(header),
        Err(error) => return visit(whole(format!("header can't be read: {error}"))),
    };
    if columns.places(KEY).is_empty() || columns.places(SUMMARY).is_empty() {
        return visit(whole(
            "is no export of Jira's issues: it has no columns `Issue key` and `Summary`".into(),
        ));
    }
    for row in table.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let fault =
                    SourceFault::new(&name, format!("can't be read: {error}"), Hidden::File);
                visit(Reading::Fault(fault))?;
                if error.is_io_error() {
                    break;
                }
                continue;
            }
        };
        let bytes = row.as_slice().len() as u64;
        if bytes > limits.file_bytes {
            let problem = format!(
                "a row is larger than limits.file_bytes = {}",
                limits.file_bytes
            );
            visit(Reading::Fault(SourceFault::new(
                &name,
                problem,
                Hidden::File,
            )))?;
            continue;
        }
        let ticket = columns.ticket(&row, site);
        let reading = match ticket.key.is_empty() {
            true => Reading::Passed { bytes },
            false => ticket.into_reading(source, &name, bytes),
        };
        visit(reading)?;
    }
    ControlFlow::Continue(())
}

// Cloud and server name some columns differently.
const KEY: &[&str] = &["Issue key", "Key"];
const SUMMARY: &[&str] = &["Summary"];
const LEVEL: &[&str] = &["Security Level", "Security level"];

struct Columns(Vec<String>);

impl Columns {
    fn of(header: &StringRecord) -> Self {
        let names = header.iter();
        Self(
            names
                .map(|name| name.trim_start_matches('\u{feff}').trim().to_string())
                .collect(),
        )
    }

    fn places(&self, names: &[&str]) -> Vec<usize> {
        let known = self.0.iter().enumerate();
        let places = known.filter(|(_, column)| names.contains(&column.as_str()));
        places.map(|(at, _)| at).collect()
    }

    /// The values of all columns of these names.
    fn values(&self, row: &StringRecord, names: &[&str]) -> Vec<String> {
        let places = self.places(names).into_iter();
        let values = places.filter_map(|at| row.get(at)).map(str::trim);
        values
            .filter(|value| !value.is_empty())
            .map(String::from)
            .collect()
    }

    fn value(&self, row: &StringRecord, names: &[&str]) -> String {
        self.values(row, names)
            .into_iter()
            .next()
            .unwrap_or_default()
    }

    fn ticket(&self, row: &StringRecord, site: &SiteSource) -> Ticket {
        let one = |name: &str| self.value(row, &[name]);
        let several = |names: &[&str]| self.values(row, names).join(", ");
        let key = self.value(row, KEY);
        let (assignee, reporter) = (one("Assignee"), one("Reporter"));
        let date = |name: &str| {
            day(&one(name))
                .map(|day| day.to_string())
                .unwrap_or_default()
        };
        Ticket {
            title: self.value(row, SUMMARY),
            description: wiki::to_markdown(&one("Description")),
            fields: vec![
                ("status", one("Status")),
                ("type", one("Issue Type")),
                ("priority", one("Priority")),
                ("resolution", one("Resolution")),
                ("reporter", reporter.clone()),
                ("assignee", assignee.clone()),
                ("labels", several(&["Labels"])),
                ("components", several(&["Components", "Component/s"])),
                ("versions", several(&["Fix versions", "Fix Version/s"])),
                ("created", date("Created")),
                ("updated", date("Updated")),
            ],
            comments: match site.unrestricted {
                true => self
                    .values(row, &["Comment"])
                    .iter()
                    .map(|c| comment(c))
                    .collect(),
                false => Vec::new(),
            },
            updated: day(&one("Updated")).or(day(&one("Created"))),
            owner: [assignee, reporter]
                .into_iter()
                .find(|name| !name.is_empty()),
            locator: match &site.url {
                Some(url) => format!("{}/browse/{key}", url.trim_end_matches('/')),
                None => key.clone(),
            },
            restrictions: self.restrictions(row, site),
            key,
        }
    }

    fn restrictions(
        &self,
        row: &StringRecord,
        site: &SiteSource,
    ) -> Result<Vec<Restriction>, String> {
        let level = self.value(row, LEVEL);
        match (level.is_empty(), self.places(LEVEL).is_empty()) {
            (false, _) => Ok(vec![Restriction::from([level])]),
            (true, true) if !site.unrestricted => Err(
                "the export has no column `Security Level`: export all fields, or say that \
                 `audience` may see all of it with `unrestricted = true`"
                    .into(),
            ),
            (true, _) => Ok(Vec::new()),
        }
    }
}

/// `02/May/26 10:00 AM;mara;The text`, or a text alone.
fn comment(cell: &str) -> Comment {
    let mut parts = cell.splitn(3, ';');
    let (first, author, text) = (parts.next(), parts.next(), parts.next());
    match (first.and_then(day), author, text) {
        (Some(day), Some(author), Some(text)) => Comment {
            author: match author.chars().count() <= NAME_CHARS && !author.contains(':') {
                true => author.trim().into(),
                false => String::new(),
            },
            date: day.to_string(),
            text: wiki::to_markdown(text),
        },
        _ => Comment {
            text: wiki::to_markdown(cell),
            ..Comment::default()
        },
    }
}

/// In the formats that Jira has by default, and ISO 8601.
fn day(text: &str) -> Option<NaiveDate> {
    const FORMATS: [&str; 5] = [
        "%d/%b/%y %I:%M %p",
        "%d/%b/%y %H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
        "%d.%m.%Y %H:%M",
    ];
    let text = text.trim();
    let mut found = FORMATS
        .iter()
        .filter_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    found
        .next()
        .map(|time| time.date())
        .or_else(|| super::front_matter::parse_date(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_jira_writes_them() {
        let check = |text: &str, expected: Option<&str>| {
            let expected = expected.map(String::from);
            assert_eq!(day(text).map(|day| day.to_string()), expected, "{text}");
        };
        check("02/May/26 10:07 PM", Some("2026-05-02"));
        check("2/May/26 9:07 AM", Some("2026-05-02"));
        check("2026-05-02 22:07", Some("2026-05-02"));
        check("2026-05-02T22:07:00.000+0200", Some("2026-05-02"));
        check("soon", None);
        check("", None);
    }

    #[test]
    fn comment_has_its_author_and_day() {
        let found = comment("02/May/26 10:07 PM;mara;Tried {{reset}}; it helped.");
        assert_eq!(
            (found.author.as_str(), found.date.as_str()),
            ("mara", "2026-05-02")
        );
        assert_eq!(found.text, "Tried `reset`; it helped.");
        assert_eq!(
            comment("no date; at all; here").text,
            "no date; at all; here"
        );
    }
}
