//! One operation as a tool of the catalogue.

use super::{
    api::Api,
    client::{Fetched, Page},
    failure::CallError,
    operation::Operation,
    paging::{self, Next},
    request::{self, Request},
    table::{self, Found},
};
use crate::{
    domain::{Audience, Rows, ToolSpec, reply},
    ports::{ToolError, with_causes},
    tools::{
        arguments::Arguments,
        template::{Sentences, count_of, with_narrowing},
        tool::{Outcome, Tool},
    },
};
use async_trait::async_trait;
use reqwest::Url;
use serde_json::Value;
use std::sync::Arc;
use tokio::time::{Instant, sleep, timeout_at};

pub(super) struct ApiTool {
    pub spec: ToolSpec,
    pub accepts: ToolSpec,
    pub api: Arc<Api>,
    pub operation: Operation,
    /// Dotted path of the list, where the configuration knows it.
    pub rows: Option<String>,
    pub columns: Vec<String>,
    pub sentences: Option<Sentences>,
}

/// The records of all pages.
#[derive(Default)]
struct Gathered {
    records: Vec<Value>,
    /// There is more than was read.
    more: bool,
    bodies: Vec<Value>,
}

#[async_trait]
impl Tool for ApiTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn accepts(&self) -> &ToolSpec {
        &self.accepts
    }

    fn source(&self) -> &str {
        &self.api.name
    }

    fn audience(&self) -> &Audience {
        &self.api.audience
    }

    fn reads(&self) -> Vec<String> {
        vec![format!("GET {}", self.operation.path)]
    }

    async fn run(&self, arguments: &Arguments) -> Result<Outcome, ToolError> {
        let request =
            request::build(&self.api.base, &self.operation, arguments).map_err(|bad| {
                ToolError::BadArgument {
                    tool: self.spec.name.clone(),
                    argument: bad.argument,
                    problem: bad.problem,
                }
            })?;
        let gathered = self.gather(&request).await?;
        let mut rows = table::rows(&gathered.records, &self.columns, self.api.limits);
        rows.truncated |= gathered.more;
        Ok(Outcome {
            statement: format!("GET {}", request.url),
            lead: self.lead(&rows, arguments, &request),
            rows,
            bodies: gathered.bodies,
        })
    }
}

impl ApiTool {
    /// Reads pages until there is no next one, or a cap is reached. What was
    /// read stays when a later page fails.
    async fn gather(&self, request: &Request) -> Result<Gathered, ToolError> {
        let limits = self.api.limits;
        let deadline = Instant::now() + limits.timeout;
        let mut gathered = Gathered::default();
        let mut left = self.api.bytes;
        let mut url = request.url.clone();
        let mut seen: Vec<Url> = Vec::new();
        let mut may_wait = true;
        for number in 1..=self.api.pages {
            let fetched = self.fetch(&url, request, left, deadline, &mut may_wait);
            let page = match fetched.await {
                Ok(Fetched::Page(page)) => page,
                Ok(Fetched::Nothing) => return Ok(gathered),
                Err(error) if number == 1 => return Err(error),
                Err(error) => {
                    let api = &self.api.name;
                    tracing::warn!(api, page = number, error = %with_causes(&error), "Page {number} of `{api}` failed; the earlier ones are shown");
                    gathered.more = true;
                    return Ok(gathered);
                }
            };
            left = left.saturating_sub(page.bytes);
            seen.push(url);
            if number > 1 && gathered.bodies.last() == Some(&page.body) {
                // It does not know the parameter that turns its pages.
                break;
            }
            gathered.bodies.push(page.body.clone());
            match self.take(page, &mut gathered) {
                Next::End => return Ok(gathered),
                Next::Page(next)
                    if !request.one_page
                        && gathered.records.len() <= limits.rows
                        && !seen.contains(&next) =>
                {
                    url = next;
                }
                Next::Page(_) | Next::More => break,
            }
        }
        gathered.more = true;
        Ok(gathered)
    }

    /// One page. A busy API is asked once more in a call, after the pause that
    /// it names, where that ends in time.
    async fn fetch(
        &self,
        url: &Url,
        request: &Request,
        bytes: usize,
        deadline: Instant,
        may_wait: &mut bool,
    ) -> Result<Fetched, ToolError> {
        loop {
            let asked = self.api.client.get(url, &request.headers, bytes);
            match timeout_at(deadline, asked).await {
                Ok(Err(CallError::Later { wait, .. }))
                    if *may_wait
                        && Instant::now()
                            .checked_add(wait)
                            .is_some_and(|at| at < deadline) =>
                {
                    *may_wait = false;
                    sleep(wait).await;
                }
                Ok(fetched) => return fetched.map_err(|error| self.error(error)),
                Err(_) => {
                    return Err(ToolError::Timeout {
                        source_name: self.api.name.clone(),
                        limit: self.api.limits.timeout,
                    });
                }
            }
        }
    }

    /// Adds the records of a page; says where the next one is.
    fn take(&self, page: Page, gathered: &mut Gathered) -> Next {
        match table::find(&page.body, self.rows.as_deref()) {
            Found::List { records, holders } => {
                // One more than the cap shows that there are more.
                let room = (self.api.limits.rows + 1).saturating_sub(gathered.records.len());
                gathered.records.extend(records.iter().take(room).cloned());
                // An empty page has nothing after it, whatever it says.
                match records.is_empty() {
                    true => Next::End,
                    false => paging::next(
                        &holders,
                        &page.links,
                        &page.url,
                        &self.operation,
                        gathered.records.len(),
                    ),
                }
            }
            Found::One(record) => {
                gathered.records.push(record.clone());
                Next::End
            }
            Found::Nothing => Next::End,
        }
    }

    fn error(&self, error: CallError) -> ToolError {
        error.into_tool_error(&self.api.name, self.api.limits.timeout)
    }

    /// What narrows the result is said; what the API does anyway is not.
    fn lead(&self, rows: &Rows, arguments: &Arguments, request: &Request) -> String {
        let parameters = &self.accepts.parameters;
        let said = parameters
            .iter()
            .filter(|parameter| !request.unsent.contains(&parameter.name));
        match &self.sentences {
            Some(sentences) => sentences.fill(rows, &arguments.shown, said),
            None => {
                let summary = &self.operation.summary;
                let sentence = match rows.rows.len() {
                    0 => reply::no_rows(summary),
                    n => reply::rows_of(summary, n, &count_of(rows)),
                };
                with_narrowing(sentence, &arguments.shown, said)
            }
        }
    }
}
