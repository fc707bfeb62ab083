//! A fake API with its document, and a toolbox that calls it.

use crate::fakes::api::FakeApi;
use lorekeeper::{
    config::Config,
    domain::{Access, PersonId, ToolCall, ToolResult},
    ports::{Caller, SystemClock, ToolError, Tools},
    tools::Toolbox,
};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

pub struct World {
    folder: TempDir,
    pub api: FakeApi,
}

impl World {
    pub async fn new(document: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = Self {
            folder,
            api: FakeApi::start().await,
        };
        world.write(&document.to_string());
        world
    }

    pub fn document(&self) -> PathBuf {
        self.folder.path().join("api.json")
    }

    pub fn write(&self, document: &str) {
        fs::write(self.document(), document).expect("the document is written");
    }

    /// The configuration of the API `shop`; `more` stands in its table.
    pub fn config(&self, more: &str) -> String {
        let document = self.document();
        let url = if more.contains("url =") {
            String::new()
        } else {
            format!("url = \"{}/v1\"\n", self.api.url())
        };
        let networks = if more.contains("networks =") {
            ""
        } else {
            "networks = [\"127.0.0.0/8\"]\n"
        };
        format!(
            "[limits]\ntool_timeout_ms = 1000\n[[api]]\nname = \"shop\"\ndocument = \"{}\"\n{url}{networks}{more}",
            document.display()
        )
    }

    /// The toolbox, or every fault.
    pub async fn try_open(&self, more: &str, names: FakeNames) -> Result<Toolbox, Vec<String>> {
        open(&self.config(more), names).await
    }

    pub async fn open(&self, more: &str) -> Toolbox {
        let toolbox = self.try_open(more, FakeNames::default()).await;
        toolbox.unwrap_or_else(|faults| panic!("{faults:#?}"))
    }
}

pub async fn open(config: &str, names: FakeNames) -> Result<Toolbox, Vec<String>> {
    let config: Config = toml::from_str(config).unwrap_or_else(|error| panic!("{error}\n{config}"));
    let toolbox = Toolbox::open_with(&config, Arc::new(SystemClock), Arc::new(names)).await;
    toolbox.map_err(|faults| faults.0.into_iter().map(|fault| fault.0).collect())
}

pub async fn call(toolbox: &Toolbox, name: &str, args: Value) -> Result<ToolResult, ToolError> {
    let call = ToolCall {
        name: name.into(),
        args: args.as_object().cloned().unwrap_or_default(),
    };
    let caller = Caller {
        person: PersonId::new("local:mara"),
        access: Access::everyone(),
    };
    toolbox.call(&call, &caller).await
}

/// A resolver that knows these names alone; each answer in turn, the last one for ever.
#[derive(Default)]
pub struct FakeNames(HashMap<String, Mutex<Vec<Vec<IpAddr>>>>);

impl FakeNames {
    pub fn with(mut self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses
            .iter()
            .map(|address| address.parse().expect("is an address"));
        let answers = self.0.entry(name.into()).or_default();
        answers
            .get_mut()
            .expect("nobody panicked")
            .push(addresses.collect());
        self
    }
}

impl Resolve for FakeNames {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.0.get(name.as_str()).map(|answers| {
            let mut answers = answers.lock().expect("nobody panicked");
            match answers.len() {
                0 | 1 => answers.first().cloned().unwrap_or_default(),
                _ => answers.remove(0),
            }
        });
        Box::pin(async move {
            let found = found.ok_or("no such host")?;
            // A port of its own must not matter.
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 9))) as Addrs)
        })
    }
}

/// A small shop, as a tidy document has it.
pub fn shop() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": "https://shop.example.com/v1"}],
        "paths": {
            "/orders": {
                "get": {
                    "operationId": "listOrders",
                    "summary": "List orders",
                    "description": "Orders, the newest first.\n\nMuch more is said here.",
                    "parameters": [
                        {"name": "status", "in": "query", "description": "Where it stands", "schema": {
                            "type": "array", "items": {"type": "string", "enum": ["open", "paid", "sent"]}}},
                        {"name": "ids", "in": "query", "explode": false, "schema": {
                            "type": "array", "items": {"type": "integer"}}},
                        {"name": "tag", "in": "query", "style": "pipeDelimited", "explode": false, "schema": {
                            "type": "array", "items": {"type": "string"}}},
                        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
                        {"name": "cursor", "in": "query", "schema": {"type": "string"}},
                        {"name": "minTotal", "in": "query", "schema": {"type": "number"}},
                        {"name": "express", "in": "query", "schema": {"type": "boolean"}},
                        {"name": "day", "in": "query", "schema": {"type": "string", "format": "date"}},
                        {"name": "since", "in": "query", "schema": {"type": "string", "format": "date-time"}},
                        {"name": "q", "in": "query", "schema": {"type": "string"}},
                        {"name": "region", "in": "query", "schema": {"$ref": "#/components/schemas/Region"}},
                        {"name": "X-Tenant", "in": "header", "schema": {"type": "string"}},
                        {"name": "filter", "in": "query", "style": "deepObject", "schema": {"type": "object"}}
                    ]
                },
                "post": {"operationId": "createOrder"}
            },
            "/orders/{orderId}": {
                "parameters": [{"name": "orderId", "in": "path", "required": true, "schema": {"type": "string"}}],
                "get": {"operationId": "getOrder", "summary": "Get an order"}
            },
            "/customers/{id}": {
                "get": {
                    "operationId": "get-customer",
                    "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string", "pattern": "^CUS-[0-9]{4}$"}}]
                }
            }
        },
        "components": {"schemas": {"Region": {"type": "string", "enum": ["DACH", "UKI"]}}}
    })
}
