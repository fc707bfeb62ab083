//! One configured API: its document read, its operations as tools.

use super::{
    address::Admitted,
    client::Client,
    document::Document,
    naming::{nearest, snake_case},
    operation::{Left, Operation, read_all},
    places::{Places, literal},
    resolver::{AddressRefused, CheckedResolver},
    words::Words,
};
use crate::{
    config::ApiEntry,
    domain::Audience,
    ports::with_causes,
    tools::{limits::Limits, tool::Tool},
};
use reqwest::{
    Url,
    dns::{Name, Resolve},
};
use std::{collections::BTreeSet, sync::Arc};
use tokio::time::timeout;

pub struct Api {
    pub name: String,
    pub(super) audience: Audience,
    pub(super) base: Url,
    pub(super) client: Client,
    pub(super) limits: Limits,
    /// Of all responses of one call together.
    pub(super) bytes: usize,
    pub(super) pages: usize,
    resolver: CheckedResolver,
    /// Which version of which format its document has.
    version: String,
    /// GET operations of the document.
    gets: usize,
    /// Those that can be called, by their names in the catalogue.
    operations: Vec<String>,
    without_examples: usize,
    /// Those that can't, with the reason.
    left: Vec<Left>,
}

/// What the people who run this need to know of one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiHealth {
    pub name: String,
    pub state: String,
    /// Its host is known, and may be connected to.
    pub reachable: bool,
}

/// An API that opened, with its tools.
pub struct OpenApi {
    pub api: Arc<Api>,
    pub tools: Vec<Box<dyn Tool>>,
}

impl Api {
    /// Reads the document and the configuration's words, and reports every
    /// fault. Nothing is asked of the API. Tools get names that are not `taken`.
    pub fn open(
        entry: &ApiEntry,
        limits: Limits,
        resolver: Arc<dyn Resolve>,
        taken: &BTreeSet<String>,
    ) -> Result<OpenApi, Vec<String>> {
        let document =
            Document::read(&entry.document).map_err(|error| vec![format!("`document` {error}")])?;
        let mut faults = Vec::new();
        let (operations, left) = choose(entry, &document, &mut faults);
        let admitted = Admitted(entry.networks.clone());
        let made = base(entry, &document).and_then(|base| {
            let places = Places::new(&base, &entry.hosts, admitted.clone())?;
            let client = Client::new(
                places,
                admitted.clone(),
                resolver.clone(),
                entry.auth.clone(),
                limits.timeout,
            )?;
            Ok((base, client))
        });
        let words: Vec<Option<Words>> = operations
            .iter()
            .map(|operation| Words::of(entry, operation, &mut faults))
            .collect();
        let (base, client) = match made {
            Ok(made) if faults.is_empty() => made,
            made => {
                faults.extend(made.err());
                return Err(faults);
            }
        };
        let names = names(entry, &operations, taken).map_err(|fault| vec![fault])?;
        let words: Vec<Words> = words.into_iter().flatten().collect();
        let api = Arc::new(Api {
            name: entry.name.clone(),
            audience: Audience::of(entry.audience.iter().cloned()),
            base,
            client,
            limits,
            bytes: entry.bytes,
            pages: entry.pages,
            resolver: CheckedResolver::new(resolver, admitted),
            version: document.version.to_string(),
            gets: document.gets().len(),
            without_examples: words
                .iter()
                .filter(|words| words.examples.is_empty())
                .count(),
            operations: names.clone(),
            left,
        });
        let tools = operations.into_iter().zip(names).zip(words);
        let tools = tools.map(|((operation, name), words)| {
            Box::new(words.tool(operation, &name, &api)) as Box<dyn Tool>
        });
        Ok(OpenApi {
            tools: tools.collect(),
            api,
        })
    }

    /// Names of its operations in the catalogue.
    pub fn operations(&self) -> &[String] {
        &self.operations
    }

    /// Whether its host is known and may be connected to. Nothing is sent.
    pub async fn health(&self) -> ApiHealth {
        let place = self.place().await;
        let mut state = format!(
            "{}, {} of {} GET operations can be called",
            self.version,
            self.operations.len(),
            self.gets
        );
        if self.without_examples > 0 {
            let them = match self.without_examples == self.operations.len() {
                true => "none of them has".to_string(),
                false => format!("{} of them lack", self.without_examples),
            };
            state.push_str(&format!(
                ", {them} `examples` (`[[api.operation]]`), with which the router plans better"
            ));
        }
        let reachable = place.is_ok();
        state.push_str(&format!("; {}", place.unwrap_or_else(|problem| problem)));
        let shown = 3;
        for left in self.left.iter().take(shown) {
            state.push_str(&format!("; `{}` is left out: {}", left.name, left.why));
        }
        if self.left.len() > shown {
            state.push_str(&format!("; {} more are left out", self.left.len() - shown));
        }
        ApiHealth {
            name: self.name.clone(),
            state,
            reachable,
        }
    }

    async fn place(&self) -> Result<String, String> {
        let host = self.base.host_str().unwrap_or_default();
        if literal(host).is_some() {
            return Ok(format!("{host} is an allowed address"));
        }
        let name: Name = host
            .parse()
            .map_err(|_| format!("`{host}` is no name of a host"))?;
        match timeout(self.limits.timeout, self.resolver.resolve(name)).await {
            Ok(Ok(_)) => Ok(format!("{host} resolves to an allowed address")),
            Ok(Err(error)) if error.is::<AddressRefused>() => Err(error.to_string()),
            Ok(Err(error)) => Err(format!(
                "{host} can't be resolved: {}",
                with_causes(error.as_ref())
            )),
            Err(_) => Err(format!(
                "{host} was not resolved within {:?}",
                self.limits.timeout
            )),
        }
    }
}

/// The configured address, or the document's own.
fn base(entry: &ApiEntry, document: &Document) -> Result<Url, String> {
    let (text, whose) = match (&entry.url, document.server()) {
        (Some(url), _) => (url.clone(), "`url`"),
        (None, Some(server)) => (server, "the document's first server"),
        (None, None) => return Err("its document names no server: write `url`".into()),
    };
    // The address may hold a secret, so it is not repeated.
    let url = Url::parse(text.trim()).map_err(|error| {
        format!("{whose} is no whole address such as `https://api.example.com/v1`: {error}")
    })?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "{whose} has a `?` or `#`; a base address ends with its path"
        ));
    }
    Ok(url)
}

/// The operations that are to be called; a name that can't be is a fault.
fn choose(
    entry: &ApiEntry,
    document: &Document,
    faults: &mut Vec<String>,
) -> (Vec<Operation>, Vec<Left>) {
    let mut operations = Vec::new();
    let mut left = Vec::new();
    for read in read_all(document, entry.auth.as_ref()) {
        match read {
            Ok(operation) => operations.push(operation),
            Err(reason) => left.push(reason),
        }
    }
    let described = entry.described.iter().map(|words| &words.name);
    for name in entry.operations.iter().chain(described) {
        if operations
            .iter()
            .any(|operation| called(entry, operation, name))
        {
            continue;
        }
        let is_left = |left: &&Left| left.name == *name || left.id.as_deref() == Some(name);
        faults.push(match left.iter().find(is_left) {
            Some(left) => format!("operation `{name}` can't be called: {}", left.why),
            None => {
                let known = operations
                    .iter()
                    .flat_map(|o| o.id.as_deref().into_iter().chain([o.name.as_str()]));
                let hint = nearest(name, known)
                    .map_or(String::new(), |near| format!(", did you mean `{near}`?"));
                format!("there is no GET operation `{name}`{hint}")
            }
        });
    }
    if !entry.operations.is_empty() {
        for words in &entry.described {
            let is_same = |operation: &&Operation| called(entry, operation, &words.name);
            let listed = |operation: &Operation| {
                entry
                    .operations
                    .iter()
                    .any(|name| called(entry, operation, name))
            };
            if operations
                .iter()
                .find(is_same)
                .is_some_and(|operation| !listed(operation))
            {
                faults.push(format!(
                    "operation `{}` is described but not in `operations`",
                    words.name
                ));
            }
        }
        let is_wanted = |operation: &Operation| {
            entry
                .operations
                .iter()
                .any(|name| called(entry, operation, name))
        };
        operations.retain(is_wanted);
    }
    (operations, left)
}

/// By its id, its name, or its name after the API's.
pub(super) fn called(entry: &ApiEntry, operation: &Operation, name: &str) -> bool {
    let bare = name.strip_prefix(&format!("{}_", snake_case(&entry.name)));
    operation.is_called(name) || bare.is_some_and(|bare| operation.name == bare)
}

/// Names in the catalogue: the API's in front where one is taken.
fn names(
    entry: &ApiEntry,
    operations: &[Operation],
    taken: &BTreeSet<String>,
) -> Result<Vec<String>, String> {
    let own: BTreeSet<&str> = operations
        .iter()
        .map(|operation| operation.name.as_str())
        .collect();
    let name = |operation: &Operation| {
        if !taken.contains(&operation.name) {
            return Ok(operation.name.clone());
        }
        let longer = format!("{}_{}", snake_case(&entry.name), operation.name);
        if taken.contains(&longer) || own.contains(longer.as_str()) {
            return Err(format!(
                "there are tools of the names `{}` and `{longer}` already",
                operation.name
            ));
        }
        Ok(longer)
    };
    operations.iter().map(name).collect()
}
