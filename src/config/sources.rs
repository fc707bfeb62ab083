//! `[[source]]`: where documents come from, if not from files below `path`.

use super::{ApiAuth, Config, SourceEntry, apis::networks, load::Faults};
use ipnet::IpNet;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// At most one of the four. What lies elsewhere is read by increments, and as
/// a whole now and then.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RemoteSource {
    /// Rows of a `[[database]]`.
    pub table: Option<TableSource>,
    pub jira: Option<SiteSource>,
    pub confluence: Option<SiteSource>,
    pub slack_export: Option<SlackExport>,
    /// What the service calls a group, a security level or an account, and
    /// which group that is here. Whom it does not name sees nothing restricted.
    pub groups: BTreeMap<String, String>,
    /// How often everything is read, and not only what changed: the bound
    /// within which changed restrictions take effect.
    pub full_every_hours: Option<u32>,
}

/// Rows that become documents.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TableSource {
    /// The name of a `[[database]]`.
    pub database: String,
    /// `table` or `schema.table`; or a SELECT in `sql`.
    pub table: Option<String>,
    pub sql: Option<String>,
    /// The column that names a row. Rows where it is null are left out.
    pub id: String,
    pub title: Option<String>,
    /// Columns that are joined to the text; without any, the usual ones.
    pub text: Vec<String>,
    pub date: Option<String>,
    /// The column that says when a row was last changed. Without it, every run
    /// reads all rows.
    pub updated: Option<String>,
    /// A column, or an address with columns in it: `https://desk.example.com/{id}`.
    pub url: Option<String>,
    pub author: Option<String>,
    /// A column with the groups that may see the row, with commas between
    /// them. Where it is empty, nobody may.
    pub audience: Option<String>,
}

/// A Jira or a Confluence.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SiteSource {
    /// Without the path of its interface: `https://example.atlassian.net`,
    /// `https://jira.example.com`.
    pub url: Option<String>,
    /// A file that was exported there: CSV or XML of Jira, zipped HTML of Confluence.
    /// With `url`, links lead there.
    pub export: Option<PathBuf>,
    /// Without it, by the address.
    pub edition: Option<Edition>,
    /// Keys of the projects or spaces that are read. Who may see them at all
    /// is not read there: `audience` says it.
    #[serde(alias = "projects", alias = "spaces")]
    pub keys: Vec<String>,
    /// Basic with the address of an account and an API token for the cloud,
    /// bearer with a personal access token for a data center.
    pub auth: Option<ApiAuth>,
    /// Blocks such as `10.0.0.0/8` that may be connected to although they are not public.
    #[serde(deserialize_with = "networks")]
    pub networks: Vec<IpNet>,
    /// Comments of Confluence's pages are read too, with a question more for each
    /// page. Jira's come with their issues.
    pub comments: bool,
    /// Attached files are read too, each as a document that is for those whom
    /// its page or issue is for.
    pub attachments: bool,
    /// Of an export that does not say who may see what: `audience` may see all of it.
    pub unrestricted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edition {
    Cloud,
    /// Server and data center.
    Server,
}

impl SiteSource {
    pub fn edition(&self) -> Edition {
        let url = self.url.as_deref().unwrap_or_default();
        let host = url.split("//").nth(1).unwrap_or_default();
        let host = host.split(['/', ':']).next().unwrap_or_default();
        self.edition.unwrap_or(if host.ends_with(".atlassian.net") {
            Edition::Cloud
        } else {
            Edition::Server
        })
    }
}

/// What a workspace's owner exported. The text of chats is read from nowhere
/// else: the platforms' policies restrict it.
#[derive(Clone, Debug, Deserialize)]
pub struct SlackExport {
    /// A folder, or the zip file.
    pub path: PathBuf,
    /// Of the workspace, for links: `https://example.slack.com`.
    #[serde(default)]
    pub url: Option<String>,
    /// Names of the channels that are read. Empty: every one.
    #[serde(default)]
    pub channels: Vec<String>,
}

impl RemoteSource {
    /// Whether a system is asked, and not a file read.
    pub fn is_asked(&self) -> bool {
        let asked = |site: &Option<SiteSource>| site.as_ref().is_some_and(|s| s.export.is_none());
        self.table.is_some() || asked(&self.jira) || asked(&self.confluence)
    }

    /// The export that is read in place of `path`.
    pub fn export(&self) -> Option<&Path> {
        let sites = [&self.jira, &self.confluence].into_iter().flatten();
        let mut exports = sites.filter_map(|site| site.export.as_deref());
        let slack = self.slack_export.as_ref().map(|slack| slack.path.as_path());
        exports.next().or(slack)
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let sites = [&mut self.jira, &mut self.confluence].into_iter().flatten();
        let exports = sites.filter_map(|site| site.export.as_mut());
        exports.chain(self.slack_export.as_mut().map(|slack| &mut slack.path))
    }
}

const A_YEAR: u32 = 8_760;

/// Adds a fault for each thing that serde can't see.
pub(super) fn check(file: &str, config: &Config, faults: &mut Faults) {
    for entry in &config.sources {
        let remote = &entry.remote;
        let mut fault =
            |problem: String| faults.add(format!("{file}: `[[source]]` {}: {problem}", entry.name));
        if let Err(problem) = one_place(entry) {
            fault(problem.into());
        }
        if let Some(hours) = remote.full_every_hours
            && !(1..=A_YEAR).contains(&hours)
        {
            fault(format!(
                "`full_every_hours` is {hours}, expected 1 to {A_YEAR}"
            ));
        }
        if let Some(table) = &remote.table {
            check_table(table, config, &mut fault);
        }
        if let Some(jira) = &remote.jira {
            check_site(jira, "jira", "projects", &mut fault);
        }
        if let Some(confluence) = &remote.confluence {
            check_site(confluence, "confluence", "spaces", &mut fault);
            if confluence.export.is_some() && !confluence.unrestricted {
                fault(
                    "`confluence`: an export does not say who may see which page: \
                     with `unrestricted = true`, `audience` may see all of them"
                        .into(),
                );
            }
        }
    }
}

fn one_place(entry: &SourceEntry) -> Result<(), &'static str> {
    let remote = &entry.remote;
    let places = [
        !entry.path.as_os_str().is_empty(),
        remote.table.is_some(),
        remote.jira.is_some(),
        remote.confluence.is_some(),
        remote.slack_export.is_some(),
    ];
    match places.into_iter().filter(|given| *given).count() {
        0 => Err("has none of `path`, `table`, `jira`, `confluence`, `slack_export`"),
        1 => Ok(()),
        _ => Err("has several of `path`, `table`, `jira`, `confluence`, `slack_export`"),
    }
}

fn check_table(table: &TableSource, config: &Config, fault: &mut dyn FnMut(String)) {
    let database = &table.database;
    if !config.databases.iter().any(|known| known.name == *database) {
        fault(format!(
            "`table.database` names `{database}`, which is no `[[database]]`"
        ));
    }
    if table.table.is_some() == table.sql.is_some() {
        fault("`table`: expected either `table` or `sql`".into());
    }
    if table.id.is_empty() {
        fault("`table.id` is missing: the column that names a row".into());
    }
}

fn check_site(site: &SiteSource, key: &str, keys: &str, fault: &mut dyn FnMut(String)) {
    if site.url.is_none() && site.export.is_none() {
        fault(format!("`{key}` has neither `url` nor `export`"));
    }
    if site.export.is_none() && site.keys.is_empty() {
        fault(format!(
            "`{key}.{keys}` is missing: who may see each of them is said by `audience`, \
             so they are named"
        ));
    }
    let sound = |name: &String| {
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '~' | '.');
        !name.is_empty() && name.chars().all(letter)
    };
    if let Some(odd) = site.keys.iter().find(|name| !sound(name)) {
        fault(format!("`{key}.{keys}`: `{odd}` is no key"));
    }
    if let Some(ApiAuth::Query { .. }) = site.auth {
        fault(format!(
            "`{key}.auth`: it takes no secret in the address; write `basic` or `bearer`"
        ));
    }
}
