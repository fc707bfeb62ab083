//! `[[api]]`: an HTTP API that questions may be answered from.

use super::sections::everyone;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::Error};
use std::{net::IpAddr, path::PathBuf};

#[derive(Clone, Debug, Deserialize)]
pub struct ApiEntry {
    pub name: String,
    /// OpenAPI 3 or Swagger 2, JSON or YAML; relative to the configuration file.
    pub document: PathBuf,
    /// The base address; without one, the document's first server.
    #[serde(default)]
    pub url: Option<String>,
    /// Operations that may be called, by id or by tool name. Empty: every GET.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Groups that may call this API.
    #[serde(default = "everyone")]
    pub audience: Vec<String>,
    /// Further hosts, `host` or `host:port`, that a redirect or a next page
    /// may lead to. The secret is not sent there.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Blocks such as `10.0.0.0/8` that may be connected to although they are not public.
    #[serde(default, deserialize_with = "networks")]
    pub networks: Vec<IpNet>,
    #[serde(default)]
    pub auth: Option<ApiAuth>,
    /// Bytes that the responses of one call may have together.
    #[serde(default = "four_mebibytes")]
    pub bytes: usize,
    /// Pages that one call may read.
    #[serde(default = "five")]
    pub pages: usize,
    /// What the configuration says of single operations.
    #[serde(default, rename = "operation")]
    pub described: Vec<ApiOperation>,
}

/// How the API knows us.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ApiAuth {
    Bearer { secret: SecretString },
    Basic { user: String, secret: SecretString },
    Header { name: String, secret: SecretString },
    Query { name: String, secret: SecretString },
}

/// Words for one operation, instead of the document's.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ApiOperation {
    /// The operation's id, or the tool's name.
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    /// Questions in the way people type them. Without any, the router can't plan it.
    #[serde(default)]
    pub examples: Vec<String>,
    /// The result in a sentence: `{rows}`, `{argument}`, `{column}` of the first row.
    #[serde(default)]
    pub lead: Option<String>,
    #[serde(default)]
    pub empty: Option<String>,
    /// Fields that become columns, as dotted paths. Empty: those that hold one value.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Dotted path of the list in the response, empty for the whole response.
    /// Without one, the list is looked for.
    #[serde(default)]
    pub rows: Option<String>,
}

fn four_mebibytes() -> usize {
    4 << 20
}

fn five() -> usize {
    5
}

/// A single address is a block of one.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let block = |text: &String| -> Result<IpNet, D::Error> {
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        text.parse().ok().or_else(address).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is no block of addresses, such as `10.0.0.0/8`"
            ))
        })
    };
    texts.iter().map(block).collect()
}
