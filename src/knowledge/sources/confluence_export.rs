//! A space as Confluence exports it: HTML, a file for each page, as a zip file
//! or a folder.
//!
//! Each page is converted like any other web page, in a process of its own.
//! The export does not say who may see which page: it is read only where the
//! configuration says that its audience may see all of them.

use super::{
    Hidden, ReadWith, Reading, SourceFault,
    archive::Archive,
    converted,
    files::{FileKind, SourceFile},
    scratch::Scratch,
};
use crate::{
    config::{SiteSource, SourceEntry},
    domain::{DocumentId, SourceKind},
    knowledge::{
        document::{Body, Document, narrowed},
        passage::Standing,
    },
};
use chrono::NaiveDate;
use regex::Regex;
use std::{fs, ops::ControlFlow, path::Path, sync::LazyLock};

type Visit<'a> = &'a mut dyn FnMut(Reading) -> ControlFlow<()>;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("is a pattern")
}

static AUTHOR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"<span class=['"](?:editor|author)['"]>\s*([^<]{1,200}?)\s*</span>"#)
});
static DATE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bon ([A-Z][a-z]{2} \d{1,2}, \d{4})"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[_/])(\d+)\.html$"));
static MAIN: LazyLock<Regex> = LazyLock::new(|| pattern(r#"<div id="main-content"[^>]*>"#));
static AFTER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"<div class="pageSection group"|<div id="footer""#));
static METADATA: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?s)<div class="page-metadata">(.{0,2000}?)</div>"#));
static TITLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?s)<title>(.{0,1000}?)</title>"));

pub fn read(
    source: &SourceEntry,
    site: &SiteSource,
    export: &Path,
    with: ReadWith<'_>,
    visit: Visit,
) -> ControlFlow<()> {
    let name = export.display().to_string();
    let whole =
        |problem: String| Reading::Fault(SourceFault::new(name.clone(), problem, Hidden::Source));
    let opened = Archive::open(export).and_then(|archive| Ok((archive, Scratch::new()?)));
    let (mut archive, scratch) = match opened {
        Ok(opened) => opened,
        Err(error) => return visit(whole(format!("can't be read: {error}"))),
    };
    let names = archive.names();
    let pages = names.iter().filter(|name| {
        name.ends_with(".html") && !name.ends_with("index.html") && !name.contains("attachments/")
    });
    let page = Page {
        source,
        site,
        with,
        scratch: scratch.path(),
    };
    let mut found = false;
    for name in pages {
        found = true;
        let reading = match archive.read(name, with.limits.file_bytes) {
            Ok(bytes) => page.reading(name, &String::from_utf8_lossy(&bytes)),
            Err(error) => Err(format!("can't be read: {error}")),
        };
        visit(reading.unwrap_or_else(|problem| {
            Reading::Fault(SourceFault::new(name, problem, Hidden::File))
        }))?;
    }
    match found {
        true => ControlFlow::Continue(()),
        false => visit(whole(
            "is no export of Confluence as HTML: it has no pages".into(),
        )),
    }
}

struct Page<'a> {
    source: &'a SourceEntry,
    site: &'a SiteSource,
    with: ReadWith<'a>,
    scratch: &'a Path,
}

impl Page<'_> {
    fn reading(&self, name: &str, html: &str) -> Result<Reading, String> {
        let id = DocumentId::new(name);
        if !self.site.unrestricted {
            let why = "an export does not say who may see which page".into();
            return Ok(Reading::Withheld { id, why });
        }
        let Some(audience) = narrowed(&self.source.audience, &[]) else {
            let why = super::NO_SHARED_GROUP.into();
            return Ok(Reading::Withheld { id, why });
        };
        let bytes = html.len() as u64;
        let markdown = self.converted(name, html)?;
        if markdown.markdown.trim().is_empty() {
            return Ok(Reading::Passed { bytes });
        }
        let title = markdown.title.unwrap_or_else(|| name.into());
        // `Name of the space : Title`
        let title = title
            .split_once(" : ")
            .map_or(title.as_str(), |(_, title)| title);
        let metadata = METADATA.captures(html);
        let metadata = metadata
            .as_ref()
            .map_or("", |found| found.get(1).map_or("", |m| m.as_str()));
        let author = AUTHOR.captures_iter(metadata).last();
        Ok(Reading::Document(Box::new(Document {
            id,
            source: self.source.name.clone(),
            origin: name.into(),
            kind: self.source.kind.unwrap_or(SourceKind::Documents),
            title: title.into(),
            locator: self.link(name),
            facts: String::new(),
            body: Body::Markdown(markdown.markdown),
            date: DATE.captures(metadata).and_then(|found| day(&found[1])),
            owner: author.map(|found| found[1].replace("&amp;", "&")),
            audience,
            supersedes: Vec::new(),
            standing: Standing::default(),
            bytes,
        })))
    }

    /// The page's own text, without the menus around it.
    fn converted(&self, name: &str, html: &str) -> Result<converted::Converted, String> {
        let from = MAIN.find(html).map_or(0, |main| main.end());
        let to = AFTER
            .find_at(html, from)
            .map_or(html.len(), |after| after.start());
        let title = TITLE.captures(html);
        let title = title
            .as_ref()
            .map_or("", |found| found.get(1).map_or("", |t| t.as_str()));
        let page = format!(
            "<html><head><meta charset=\"utf-8\"><title>{title}</title></head><body>{}</body></html>",
            &html[from..to]
        );
        let path = self.scratch.join("page.html");
        fs::write(&path, &page).map_err(|error| format!("can't be converted: {error}"))?;
        let file = SourceFile {
            path,
            name: name.into(),
            kind: FileKind::Converted,
            bytes: page.len() as u64,
            stamp: None,
        };
        converted::read(&file, self.with).map_err(|fault| fault.problem)
    }

    fn link(&self, name: &str) -> String {
        let number = NUMBER.captures(name);
        match (&self.site.url, number) {
            (Some(url), Some(number)) => format!(
                "{}/pages/viewpage.action?pageId={}",
                url.trim_end_matches('/'),
                &number[1]
            ),
            _ => name.into(),
        }
    }
}

/// `May 02, 2026`.
fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%b %d, %Y").ok()
}
