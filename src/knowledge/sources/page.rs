//! One file that is one document: Markdown, text, or what becomes Markdown.

use super::{
    Hidden, ReadWith, SourceFault,
    converted::{self, Converted},
    files::{FileKind, SourceFile},
    front_matter::{self, FrontMatter},
    records::NO_SHARED_GROUP,
};
use crate::{
    config::{LimitsSection, SourceEntry},
    domain::{DocumentId, SourceKind},
    knowledge::document::{Body, Document, narrowed},
};
use std::fs;

/// The document of a file; `None` where the file holds no text.
pub fn read(
    source: &SourceEntry,
    file: &SourceFile,
    with: ReadWith<'_>,
) -> Result<Option<Document>, SourceFault> {
    let limits = with.limits;
    let fault = |problem: String| SourceFault::new(&file.name, problem, Hidden::File);
    let (front, body) = match file.kind {
        FileKind::Markdown => {
            let text = read_text(file, limits)?;
            let (front, body) =
                front_matter::split(&text).map_err(|found| fault(found.problem).at(found.line))?;
            (front, Body::Markdown(body.to_string()))
        }
        FileKind::Converted | FileKind::Picture => {
            let Converted { title, markdown } = converted::read(file, with)?;
            let front = FrontMatter {
                title,
                ..FrontMatter::default()
            };
            (front, Body::Markdown(markdown))
        }
        _ => (
            FrontMatter::default(),
            Body::Plain(read_text(file, limits)?),
        ),
    };
    if body.text().trim().is_empty() {
        return Ok(None);
    }
    let audience = narrowed(&source.audience, &front.audience).ok_or_else(|| {
        // Not hidden: what it said to somebody else before must not stay.
        let problem = format!("is left out: {NO_SHARED_GROUP}");
        SourceFault::new(&file.name, problem, Hidden::Nothing)
    })?;
    let title = front
        .title
        .or_else(|| first_heading(body.text()))
        .unwrap_or_else(|| title_of(&file.name));
    Ok(Some(Document {
        id: DocumentId::new(&file.name),
        source: source.name.clone(),
        origin: file.name.clone(),
        kind: source.kind.unwrap_or(SourceKind::Documents),
        title,
        locator: file.name.clone(),
        facts: String::new(),
        body,
        date: front.date,
        owner: front.owner,
        audience,
        supersedes: front.supersedes,
        standing: front.standing,
        bytes: file.bytes,
    }))
}

/// A whole file as text, if it is small enough and is text.
pub fn read_text(file: &SourceFile, limits: &LimitsSection) -> Result<String, SourceFault> {
    let fault = |problem: String| SourceFault::new(&file.name, problem, Hidden::File);
    file.fits(limits)?;
    let bytes = fs::read(&file.path).map_err(|error| fault(format!("can't be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|&&byte| byte == b'\n').count() + 1;
        fault("is not UTF-8".into()).at(line)
    })
}

fn first_heading(body: &str) -> Option<String> {
    let line = body.lines().find(|line| !line.trim().is_empty())?;
    let heading = line.strip_prefix("# ")?.trim().trim_end_matches('#').trim();
    (!heading.is_empty()).then(|| crate::knowledge::blocks::plain_text(heading))
}

/// `people/travel-and-leave.md` becomes `Travel and leave`.
fn title_of(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
    let words = stem.replace(['-', '_'], " ");
    let mut characters = words.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_without_a_title_is_named_after_its_file() {
        assert_eq!(title_of("people/travel-and-leave.md"), "Travel and leave");
        assert_eq!(title_of("README"), "README");
        assert_eq!(
            first_heading("\n# Travel *policy* #\n\ntext").as_deref(),
            Some("Travel policy")
        );
        assert_eq!(first_heading("text\n# Later"), None);
    }
}
