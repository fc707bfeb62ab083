//! The company's live systems, read only.
//!
//! Promise: a tool that a caller may not use looks like one that does not
//! exist, a call runs only with arguments that the catalogue describes, and
//! what comes back says which statement ran, when, and on which source.

mod arguments;
pub mod catalogue;
mod free;
pub mod http;
mod limits;
pub mod logs;
pub mod sql;
pub mod template;
mod tool;
pub mod window;

use crate::{
    config::{Config, Fault},
    domain::{Access, Audience, Catalogue, Rows, Schema, ToolCall, ToolResult},
    ports::{Caller, Clock, ToolError, Tools, with_causes},
};
use arguments::check_arguments;
use async_trait::async_trait;
use catalogue::Words;
use chrono_tz::Tz;
use futures::future::join_all;
use http::{Api, ApiHealth, SystemResolver};
use limits::Limits;
use logs::{LogHealth, LogSource, log_tools};
use reqwest::dns::Resolve;
use sql::{
    Database,
    guard::{self, Policy, Verdict},
    lexer,
    queries::{Loading, NamedQuery},
};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};
use tool::{Outcome, Tool};
use window::Window;

/// A schema is read whole: a hundred thousand columns are more than anybody has.
const LIVE_SCHEMA: Limits = Limits {
    timeout: Duration::from_secs(30),
    rows: 100_000,
    bytes: 64 << 20,
};

pub struct Toolbox {
    catalogue: Catalogue,
    tools: BTreeMap<String, Box<dyn Tool>>,
    databases: BTreeMap<String, Source>,
    apis: Vec<Arc<Api>>,
    logs: BTreeMap<String, Arc<LogSource>>,
    clock: Arc<dyn Clock>,
    zone: Tz,
    /// Free statements that would cost more are refused; [`sql::cost::Cost`].
    sql_cost: u64,
    limits: Limits,
}

/// A database with what the configuration says of it.
struct Source {
    database: Arc<Database>,
    audience: Audience,
    /// Tables that free statements may read; empty: no free statements.
    tables: Vec<String>,
    reachable: bool,
}

/// Everything that is wrong with the configured databases, queries, APIs and logs.
#[derive(Debug, thiserror::Error)]
pub struct ToolsFault(pub Vec<Fault>);

impl fmt::Display for ToolsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<&str> = self.0.iter().map(|fault| fault.0.as_str()).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// What the people who run this need to know of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseHealth {
    pub name: String,
    /// `answers, can't write`, or why it does not answer.
    pub state: String,
    pub answers: bool,
}

impl Toolbox {
    /// Opens every database and log source, checks every query and reads
    /// every API's document; reports every fault at once. A system that is
    /// down is none: its calls fail until it is back.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ToolsFault> {
        Self::open_with(config, clock, Arc::new(SystemResolver)).await
    }

    /// The same with another resolver of the APIs' host names.
    pub async fn open_with(
        config: &Config,
        clock: Arc<dyn Clock>,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, ToolsFault> {
        let mut faults = Vec::new();
        let mut toolbox = Self {
            catalogue: Catalogue::default(),
            tools: BTreeMap::new(),
            databases: BTreeMap::new(),
            apis: Vec::new(),
            logs: BTreeMap::new(),
            clock,
            zone: config.chat.time_zone,
            sql_cost: config.limits.sql_cost,
            limits: Limits::from(&config.limits),
        };
        let words = Words::read(config).unwrap_or_else(|error| {
            faults.push(Fault(error.to_string()));
            Words::default()
        });
        toolbox.open_databases(config, &mut faults).await;
        toolbox.load_queries(config, &mut faults).await;
        toolbox.open_apis(config, resolver, &mut faults);
        toolbox.open_logs(config, &words, &mut faults).await;
        toolbox.open_schemas(config, &words, &mut faults).await;
        toolbox.enrich(&words);
        if faults.is_empty() {
            Ok(toolbox)
        } else {
            Err(ToolsFault(faults))
        }
    }

    async fn open_databases(&mut self, config: &Config, faults: &mut Vec<Fault>) {
        let limits = Limits::from(&config.limits);
        for entry in &config.databases {
            if self.databases.contains_key(&entry.name) {
                faults.push(Fault(format!(
                    "database `{}` is configured twice",
                    entry.name
                )));
                continue;
            }
            match Database::open(entry, limits).await {
                Ok(database) => {
                    let source = Source {
                        database: Arc::new(database),
                        audience: Audience::of(entry.audience.iter().cloned()),
                        tables: entry.tables.clone(),
                        reachable: true,
                    };
                    self.databases.insert(entry.name.clone(), source);
                }
                Err(error) => faults.push(Fault(error.to_string())),
            }
        }
    }

    async fn load_queries(&mut self, config: &Config, faults: &mut Vec<Fault>) {
        for entry in &config.queries {
            let name = &entry.name;
            if self.tools.contains_key(name) {
                faults.push(Fault(format!("query `{name}` is configured twice")));
                continue;
            }
            let Some(source) = self.databases.get_mut(&entry.database) else {
                // A database that did not open has its own fault already.
                if !config
                    .databases
                    .iter()
                    .any(|known| known.name == entry.database)
                {
                    let database = &entry.database;
                    faults.push(Fault(format!(
                        "query `{name}`: there is no database `{database}`"
                    )));
                }
                continue;
            };
            let loading = Loading {
                database: &source.database,
                audience: &source.audience,
                now: self.clock.now(),
                zone: self.zone,
                reachable: source.reachable,
            };
            let loaded = NamedQuery::load(entry, loading).await;
            source.reachable = loaded.reachable;
            let found = loaded.faults.into_iter();
            faults.extend(found.map(|fault| Fault(format!("query `{name}`: {fault}"))));
            if let Some(query) = loaded.query {
                self.add(Box::new(query));
            }
        }
    }

    fn open_apis(&mut self, config: &Config, resolver: Arc<dyn Resolve>, faults: &mut Vec<Fault>) {
        let limits = Limits::from(&config.limits);
        for entry in &config.apis {
            let name = &entry.name;
            let is_known = self.apis.iter().any(|api| api.name == *name);
            if is_known || self.databases.contains_key(name) {
                faults.push(Fault(format!(
                    "api `{name}` has the name of another api or database"
                )));
                continue;
            }
            let taken = self.tools.keys().cloned().collect();
            match Api::open(entry, limits, resolver.clone(), &taken) {
                Ok(opened) => {
                    self.apis.push(opened.api);
                    opened.tools.into_iter().for_each(|tool| self.add(tool));
                }
                Err(found) => {
                    let found = found.into_iter();
                    faults.extend(found.map(|fault| Fault(format!("api `{name}`: {fault}"))));
                }
            }
        }
    }

    async fn open_logs(&mut self, config: &Config, words: &Words, faults: &mut Vec<Fault>) {
        let limits = Limits::from(&config.limits);
        let entries: Vec<_> = config.logs.iter().map(|log| words.of_log(log)).collect();
        let opening = entries
            .iter()
            .map(|entry| LogSource::open(entry, limits, self.clock.clone()));
        let opened = join_all(opening).await;
        for (entry, opened) in config.logs.iter().zip(opened) {
            let source = match opened {
                Ok(source) => Arc::new(source),
                Err(problem) => {
                    faults.push(Fault(problem));
                    continue;
                }
            };
            for tool in log_tools(&source) {
                let name = &tool.spec().name;
                if self.tools.contains_key(name) {
                    faults.push(Fault(format!(
                        "log `{}`: its tool `{name}` has the name of another one",
                        entry.name
                    )));
                    continue;
                }
                self.add(tool);
            }
            self.logs.insert(entry.name.clone(), source);
        }
    }

    /// What a language model is told of the databases that it may ask.
    async fn open_schemas(&mut self, config: &Config, words: &Words, faults: &mut Vec<Fault>) {
        for entry in config.databases.iter().filter(|entry| entry.sql_by_model) {
            let name = &entry.name;
            if entry.tables.is_empty() {
                faults.push(Fault(format!(
                    "database `{name}`: `sql_by_model` needs `tables`, which its statements may read"
                )));
                continue;
            }
            let tool = free::tool_name(name);
            if self.tools.contains_key(&tool) || self.catalogue.schema(&tool).is_some() {
                faults.push(Fault(format!(
                    "database `{name}`: its tool `{tool}` has the name of another one"
                )));
                continue;
            }
            self.catalogue
                .schemas
                .extend(free::schema_of(entry, words).await);
        }
    }

    /// Whose statements a tool takes, where it takes any.
    fn free_source(&self, tool: &str) -> Option<(&str, &Source)> {
        let schema = self.catalogue.schema(tool)?;
        let source = self.databases.get(&schema.database)?;
        Some((&schema.database, source))
    }

    /// A statement that a language model wrote.
    async fn call_free(&self, call: &ToolCall, access: &Access) -> Result<ToolResult, ToolError> {
        let unknown = || ToolError::Unknown {
            tool: call.name.clone(),
        };
        let (database, source) = self.free_source(&call.name).ok_or_else(unknown)?;
        if !source.audience.admits(access) {
            return Err(unknown());
        }
        let statement = call
            .args
            .get(Schema::STATEMENT)
            .and_then(|text| text.as_str());
        let statement = statement.ok_or_else(|| ToolError::BadArgument {
            tool: call.name.clone(),
            argument: Schema::STATEMENT.into(),
            problem: "is no text".into(),
        })?;
        let result = self.query(database, statement, access).await?;
        Ok(ToolResult {
            tool: call.name.clone(),
            lead: free::lead(&result.rows).unwrap_or(result.lead),
            ..result
        })
    }

    /// Puts what people wrote into the catalogue that is planned with.
    fn enrich(&mut self, words: &Words) {
        self.catalogue.version = words.version();
        for spec in &mut self.catalogue.tools {
            if let Some(tool) = self.tools.get(&spec.name) {
                words.enrich(spec, tool.source());
            }
        }
    }

    fn add(&mut self, tool: Box<dyn Tool>) {
        let spec = tool.spec().clone();
        self.tools.insert(spec.name.clone(), tool);
        self.catalogue.tools.push(spec);
    }

    /// A free SELECT on one database, through the gate and its list of tables.
    pub async fn query(
        &self,
        source: &str,
        sql: &str,
        access: &Access,
    ) -> Result<ToolResult, ToolError> {
        let unknown = || ToolError::Unknown {
            tool: source.into(),
        };
        let Source {
            database,
            audience,
            tables,
            ..
        } = self.databases.get(source).ok_or_else(unknown)?;
        if !audience.admits(access) {
            return Err(unknown());
        }
        if tables.is_empty() {
            let reason = format!("`{source}` has no `tables` that free statements may read");
            return Err(ToolError::Refused { reason });
        }
        self.refuse_costly(database, sql, tables).await?;
        let as_of = self.clock.now();
        let rows = database.run(sql, &[]).await?;
        Ok(ToolResult {
            tool: "sql".into(),
            source: source.into(),
            statement: sql.trim().into(),
            lead: count(&rows),
            rows,
            as_of,
            bodies: Vec::new(),
        })
    }

    /// The gate, then the plan: what a statement reads and what that costs.
    async fn refuse_costly(
        &self,
        database: &Database,
        sql: &str,
        tables: &[String],
    ) -> Result<(), ToolError> {
        let refused = |reason: String| Err(ToolError::Refused { reason });
        let dialect = database.dialect();
        let tables = match guard::check(sql, dialect, &Policy::only(tables)) {
            Verdict::Allow { tables } => tables,
            Verdict::Refuse { reason } => return refused(reason),
        };
        // It would run what it explains, or have no plan of its own.
        if lexer::begins_with(sql, "EXPLAIN", dialect) {
            return refused("is EXPLAIN, where only a SELECT may stand".into());
        }
        match database.cost(sql, &tables).await? {
            Some(cost) if cost.amount > self.sql_cost as f64 => refused(format!(
                "would cost about {cost}, and `limits.sql_cost` is {}: narrow the period, add a \
                 condition on an indexed column, or read fewer tables",
                template::readable("cost", &self.sql_cost.into())
            )),
            _ => Ok(()),
        }
    }

    /// A free expression on one log source, over `since`: `24h`, `yesterday`,
    /// `2026-01-01..2026-01-31`.
    pub async fn log_lines(
        &self,
        source: &str,
        expression: &str,
        since: &str,
        limit: Option<usize>,
        access: &Access,
    ) -> Result<ToolResult, ToolError> {
        let known = self.logs.get(source);
        let known = known.filter(|known| known.audience().admits(access));
        let known = known.ok_or_else(|| ToolError::Unknown {
            tool: source.into(),
        })?;
        let window = Window::parse(since, self.clock.now(), self.zone).map_err(|error| {
            ToolError::BadArgument {
                tool: source.into(),
                argument: "since".into(),
                problem: error.to_string(),
            }
        })?;
        known.express(expression, &window, limit).await
    }

    /// The configured names of the log sources.
    pub fn log_names(&self) -> Vec<&str> {
        self.logs.keys().map(String::as_str).collect()
    }

    /// Asks every log source for its services and its newest line.
    pub async fn log_health(&self) -> Vec<LogHealth> {
        join_all(self.logs.values().map(|source| source.health())).await
    }

    /// Asks every database for one row.
    pub async fn databases(&self) -> Vec<DatabaseHealth> {
        let mut found = Vec::new();
        for (name, source) in &self.databases {
            let answer = source.database.run("SELECT 1", &[]).await;
            found.push(DatabaseHealth {
                name: name.clone(),
                answers: answer.is_ok(),
                state: match answer {
                    Ok(_) => "answers, can't write".into(),
                    Err(error) => with_causes(&error),
                },
            });
        }
        found
    }

    /// The APIs, in the order of the configuration.
    pub fn apis(&self) -> &[Arc<Api>] {
        &self.apis
    }

    /// Whether each API's host is known and may be connected to.
    pub async fn api_health(&self) -> Vec<ApiHealth> {
        join_all(self.apis.iter().map(|api| api.health())).await
    }

    /// What the person at the command line of this machine may use: everything.
    pub fn operator_access(&self) -> Access {
        let of_tools = self.tools.values().map(|tool| tool.audience());
        let of_databases = self.databases.values().map(|source| &source.audience);
        let groups = of_tools.chain(of_databases).flat_map(Audience::groups);
        Access::member_of(groups.map(String::from).collect::<Vec<_>>())
    }

    fn allowed_tool(&self, name: &str, access: &Access) -> Option<&dyn Tool> {
        let tool = self.tools.get(name)?;
        tool.audience().admits(access).then_some(tool.as_ref())
    }
}

fn count(rows: &Rows) -> String {
    let more = if rows.truncated { "more than " } else { "" };
    match rows.rows.len() {
        0 => "No rows.".into(),
        1 if !rows.truncated => "1 row.".into(),
        n => format!("{more}{n} rows."),
    }
}

#[async_trait]
impl Tools for Toolbox {
    fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    fn allowed(&self, tool: &str, access: &Access) -> bool {
        let free = || {
            self.free_source(tool)
                .is_some_and(|(_, source)| source.audience.admits(access))
        };
        self.allowed_tool(tool, access).is_some() || free()
    }

    fn system(&self, tool: &str) -> Option<&str> {
        let own = self.tools.get(tool).map(|tool| tool.source());
        own.or_else(|| self.free_source(tool).map(|(name, _)| name))
    }

    fn time_limit(&self) -> Duration {
        self.limits.timeout
    }

    async fn call(&self, call: &ToolCall, caller: &Caller) -> Result<ToolResult, ToolError> {
        if self.catalogue.schema(&call.name).is_some() {
            return self.call_free(call, &caller.access).await;
        }
        let tool = self
            .allowed_tool(&call.name, &caller.access)
            .ok_or_else(|| ToolError::Unknown {
                tool: call.name.clone(),
            })?;
        let as_of = self.clock.now();
        let arguments = check_arguments(tool.accepts(), call, as_of, self.zone)?;
        let Outcome {
            statement,
            rows,
            lead,
            bodies,
        } = tool.run(&arguments).await?;
        Ok(ToolResult {
            tool: call.name.clone(),
            source: tool.source().into(),
            statement,
            rows,
            lead,
            as_of,
            bodies,
        })
    }
}
