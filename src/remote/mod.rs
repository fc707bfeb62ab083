//! Documents that are kept elsewhere: rows of a database, Jira, Confluence.
//!
//! Promise: documents come batch by batch, each with the mark from which a
//! later reading goes on, so that one that was cut off is continued and one
//! that came to its end is followed by increments. Only reading requests are
//! sent. A document whose restrictions can't be read is withheld from
//! everybody. What is deleted there is not in [`Remote::ids`].

mod attachments;
mod confluence;
mod jira;
mod table;

use crate::{
    config::{Config, DatabaseEntry, Edition, LimitsSection, OcrSection, SiteSource, SourceEntry},
    domain::DocumentId,
    knowledge::Reading,
    ports::{Clock, SystemClock, ToolError},
    tools::http::{PATIENT, Service, ServiceAddress, ServiceError, SystemResolver},
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use confluence::Confluence;
use jira::Jira;
use reqwest::dns::Resolve;
use serde_json::Value;
use std::{collections::HashSet, path::PathBuf, sync::Arc};
use table::Table;

/// Where a reading begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Begin {
    /// At the beginning, or where a reading of everything was cut off.
    Whole(Option<Value>),
    /// After what an earlier reading brought to its end.
    Since(Value),
}

impl Begin {
    /// The mark of an earlier reading.
    fn mark(&self) -> Option<&Value> {
        match self {
            Begin::Whole(mark) => mark.as_ref(),
            Begin::Since(mark) => Some(mark),
        }
    }
}

/// How often a list was begun again because it moved while it was read.
#[derive(Default)]
struct Restarts(u32);

impl Restarts {
    const MOST: u32 = 100;

    /// One more; an error where that can't go on. `what` moves: `issues`.
    fn count(&mut self, what: &str) -> Result<(), RemoteError> {
        self.0 += 1;
        if self.0 > Self::MOST {
            return Err(RemoteError::Unusable(format!(
                "{what} change faster than they can be read; the next run goes on here"
            )));
        }
        Ok(())
    }
}

/// Some documents, in the order in which the source gives them.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub readings: Vec<Reading>,
    /// Where a reading goes on that has these documents; `None` where it must
    /// begin again.
    pub mark: Option<Value>,
}

/// One reading of one source.
#[async_trait]
pub trait Remote: Send {
    /// `None`: that was all.
    async fn next(&mut self) -> Result<Option<Batch>, RemoteError>;

    /// The id of every document that is there now.
    async fn ids(&mut self) -> Result<HashSet<DocumentId>, RemoteError>;
}

#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Completes "source `x`: …".
    #[error("{0}")]
    Unusable(String),
    #[error(transparent)]
    Database(#[from] ToolError),
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Opens the sources that lie elsewhere.
#[derive(Clone)]
pub struct Remotes {
    databases: Vec<DatabaseEntry>,
    limits: LimitsSection,
    clock: Arc<dyn Clock>,
    resolver: Arc<dyn Resolve>,
    /// Times that one request is sent.
    attempts: u32,
    ocr: OcrSection,
    /// This program, for what is converted in a process of its own.
    program: PathBuf,
}

impl Remotes {
    pub fn new(config: &Config) -> Self {
        Self {
            databases: config.databases.clone(),
            limits: config.limits.clone(),
            clock: Arc::new(SystemClock),
            resolver: Arc::new(SystemResolver),
            attempts: PATIENT,
            ocr: config.ocr.clone(),
            program: PathBuf::new(),
        }
    }

    /// What attached files are converted by.
    pub fn with_program(self, program: PathBuf) -> Self {
        Self { program, ..self }
    }

    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub async fn open(
        &self,
        entry: &SourceEntry,
        begin: Begin,
    ) -> Result<Box<dyn Remote>, RemoteError> {
        let remote = &entry.remote;
        if let Some(rows) = &remote.table {
            let database = self.databases.iter().find(|d| d.name == rows.database);
            let database = database.ok_or_else(|| {
                RemoteError::Unusable(format!("there is no database `{}`", rows.database))
            })?;
            let table = Table::open(entry, rows, database, &self.limits, begin).await?;
            return Ok(Box::new(table));
        }
        if let Some(site) = &remote.jira {
            let jira = Jira::open(entry, site, Opening(self), begin).await?;
            return Ok(Box::new(jira));
        }
        if let Some(site) = &remote.confluence {
            let confluence = Confluence::open(entry, site, Opening(self), begin).await?;
            return Ok(Box::new(confluence));
        }
        Err(RemoteError::Unusable("has no place that is asked".into()))
    }

    /// Asks whether it can be read, for the people who run this.
    pub async fn check(&self, entry: &SourceEntry) -> Result<(), RemoteError> {
        let impatient = Self {
            attempts: 1,
            ..self.clone()
        };
        let mut remote = impatient.open(entry, Begin::Whole(None)).await?;
        remote.next().await.map(drop)
    }
}

/// Where Atlassian's cloud keeps files.
const MEDIA: &str = "api.media.atlassian.com";

/// What a site is opened with.
struct Opening<'a>(&'a Remotes);

impl Opening<'_> {
    fn service(&self, site: &SiteSource, url: &str) -> Result<Service, RemoteError> {
        let Opening(remotes) = self;
        // The cloud keeps files on a host of its own.
        let hosts: &[String] = match site.edition() {
            Edition::Cloud if site.attachments => &[MEDIA.to_string()],
            _ => &[],
        };
        let address = ServiceAddress {
            url,
            auth: site.auth.as_ref(),
            hosts,
            networks: &site.networks,
            bytes: usize::try_from(remotes.limits.file_bytes).unwrap_or(usize::MAX),
            attempts: remotes.attempts,
        };
        let (resolver, clock) = (remotes.resolver.clone(), remotes.clock.clone());
        Ok(Service::open(address, resolver, clock)?)
    }
}
