//! Files that are attached to a page or an issue, as documents of their own.
//!
//! Promise: whoever may see the page or issue may see what is attached to it,
//! and nobody else. A file is read as one of a folder would be: converted in a
//! process of its own, within a time and a size. One that can't be read is
//! named, and not used until it can.

use super::{RemoteError, Remotes};
use crate::{
    config::{LimitsSection, OcrSection},
    knowledge::{Body, Document, Hidden, ReadWith, Reading, SourceFault, Standing, read_attached},
    tools::http::{Service, ServiceError},
};
use chrono::NaiveDate;
use std::path::PathBuf;
use tokio::task::spawn_blocking;

/// Of one page or issue.
pub(super) const MOST: usize = 50;

/// A file as its system lists it.
#[derive(Clone, Debug, Default)]
pub(super) struct Attachment {
    pub id: String,
    pub name: String,
    pub bytes: u64,
    /// Where it is downloaded: an address, or a path below that of the site.
    pub download: String,
    pub date: Option<NaiveDate>,
    pub author: Option<String>,
}

/// Reads what is attached.
#[derive(Clone)]
pub(super) struct Attachments {
    limits: LimitsSection,
    ocr: OcrSection,
    program: PathBuf,
}

impl Attachments {
    pub fn new(remotes: &Remotes) -> Self {
        Self {
            limits: remotes.limits.clone(),
            ocr: remotes.ocr.clone(),
            program: remotes.program.clone(),
        }
    }

    /// What is attached to this document, which the source is about to give.
    pub async fn of(
        &self,
        service: &Service,
        parent: &Document,
        attached: Vec<Attachment>,
    ) -> Result<Vec<Reading>, RemoteError> {
        let mut readings = Vec::new();
        for attachment in attached.into_iter().take(MOST) {
            readings.extend(self.reading(service, parent, attachment).await?);
        }
        Ok(readings)
    }

    async fn reading(
        &self,
        service: &Service,
        parent: &Document,
        attachment: Attachment,
    ) -> Result<Option<Reading>, RemoteError> {
        let id = parent.id.with_attached(&attachment.id);
        let fault = |problem: String| {
            let place = format!("{} of {}", attachment.name, parent.id);
            // Its last version is for those who could see its document then, so it goes.
            let named = SourceFault::new(place, problem, Hidden::Nothing);
            Ok(Some(Reading::Fault(named)))
        };
        if attachment.bytes > self.limits.file_bytes {
            return fault(format!(
                "has {} bytes, more than limits.file_bytes = {}",
                attachment.bytes, self.limits.file_bytes
            ));
        }
        let bytes = match service.file(&attachment.download).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(error @ (ServiceError::Forbidden | ServiceError::Refused(_))) => {
                return fault(format!("can't be read: it {error}"));
            }
            Err(error) => return Err(error.into()),
        };
        let (reader, name) = (self.clone(), attachment.name.clone());
        let read = spawn_blocking(move || {
            let with = ReadWith::new(&reader.limits, &reader.ocr, &reader.program);
            read_attached(&name, &bytes, with)
        });
        let converted = match read.await {
            Ok(Ok(Some(converted))) => converted,
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(problem)) => return fault(problem),
            Err(_) => return fault("could not be converted".into()),
        };
        Ok(Some(Reading::Document(Box::new(Document {
            origin: id.as_str().into(),
            id,
            title: format!("{} ({})", attachment.name, parent.title),
            facts: String::new(),
            body: Body::Markdown(converted.markdown),
            date: attachment.date.or(parent.date),
            owner: attachment.author.or(parent.owner.clone()),
            supersedes: Vec::new(),
            standing: Standing::default(),
            bytes: 1,
            ..parent.clone()
        }))))
    }
}
