//! An OpenAPI 3 or Swagger 2 document, read with tolerance.
//!
//! It stays a JSON value: typed readers of the format refuse what real
//! documents have, such as `"required": "true"`, and read one version each.

use super::bounded;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::{fmt, io::Read, path::Path};

/// Larger documents are refused.
const MAX_BYTES: u64 = 32 << 20;

/// References that may lead to one another.
const MAX_HOPS: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct Document {
    root: Value,
    pub version: Version,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Swagger2,
    /// As it is written, such as `3.1.0`.
    OpenApi3(String),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Version::Swagger2 => f.write_str("Swagger 2.0"),
            Version::OpenApi3(version) => write!(f, "OpenAPI {version}"),
        }
    }
}

/// The error completes "`document` …".
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    #[error("{path} can't be read: {source}")]
    Io {
        path: String,
        source: std::io::Error,
    },
    #[error("{path} is larger than {} MiB", MAX_BYTES >> 20)]
    TooLarge { path: String },
    #[error("is neither JSON nor YAML: {0}")]
    Syntax(String),
    #[error("is neither OpenAPI 3 nor Swagger 2: {0}")]
    Version(String),
}

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum RefError {
    #[error("`{0}` refers to another document, which is not read")]
    Remote(String),
    #[error("`{0}` refers to nothing")]
    Missing(String),
    #[error("`{0}` refers to itself")]
    Cycle(String),
}

/// A GET operation as it stands in the document.
pub(super) struct Get<'a> {
    pub path: &'a str,
    pub item: &'a Map<String, Value>,
    pub operation: &'a Map<String, Value>,
}

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self, DocumentError> {
        let name = || path.display().to_string();
        let failed = |source| DocumentError::Io {
            path: name(),
            source,
        };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(DocumentError::TooLarge { path: name() });
        }
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    pub(super) fn parse(text: &str) -> Result<Self, DocumentError> {
        let root = bounded::read(text).map_err(DocumentError::Syntax)?;
        if root.get("paths").and_then(Value::as_object).is_none() {
            return Err(DocumentError::Version("it has no `paths`".into()));
        }
        // YAML reads `swagger: 2.0` as a number.
        let text_of = |key: &str| match root.get(key) {
            Some(Value::String(text)) => Some(text.trim().to_string()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let version = match (text_of("openapi"), text_of("swagger")) {
            (Some(version), _) if version.starts_with('3') => Version::OpenApi3(version),
            (None, Some(version)) if version.starts_with('2') => Version::Swagger2,
            (Some(version), _) | (None, Some(version)) => {
                return Err(DocumentError::Version(format!(
                    "its version is `{version}`"
                )));
            }
            (None, None) => {
                return Err(DocumentError::Version(
                    "it has neither `openapi` nor `swagger`".into(),
                ));
            }
        };
        Ok(Self { root, version })
    }

    /// What a value stands for: itself, or where its `$ref` leads.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> Result<&'a Value, RefError> {
        let mut at = value;
        let mut last = "";
        for _ in 0..MAX_HOPS {
            let Some(reference) = at.get("$ref").and_then(Value::as_str) else {
                return Ok(at);
            };
            last = reference;
            let pointer = reference
                .strip_prefix('#')
                .ok_or_else(|| RefError::Remote(reference.into()))?;
            let pointer = percent_decode_str(pointer).decode_utf8_lossy();
            at = self
                .root
                .pointer(&pointer)
                .ok_or_else(|| RefError::Missing(reference.into()))?;
        }
        Err(RefError::Cycle(last.into()))
    }

    /// The first server, its variables filled in; may be relative.
    pub(super) fn server(&self) -> Option<String> {
        match self.version {
            Version::Swagger2 => self.swagger_server(),
            Version::OpenApi3(_) => server_of(self.root.get("servers")),
        }
    }

    fn swagger_server(&self) -> Option<String> {
        let host = self.root.get("host")?.as_str()?.trim();
        let path = self
            .root
            .get("basePath")
            .and_then(Value::as_str)
            .unwrap_or("")
            .trim();
        let schemes = self.root.get("schemes").and_then(Value::as_array);
        let mut schemes = schemes.into_iter().flatten().filter_map(Value::as_str);
        let plain = schemes.clone().next().is_some() && !schemes.any(|scheme| scheme == "https");
        let scheme = if plain { "http" } else { "https" };
        Some(format!(
            "{scheme}://{host}/{}",
            path.trim_start_matches('/')
        ))
    }

    /// Every GET operation, in the document's order. A path that refers to
    /// nothing is left out with its reason.
    pub(super) fn gets(&self) -> Vec<Result<Get<'_>, (String, RefError)>> {
        let paths = self.root.get("paths").and_then(Value::as_object);
        let mut gets = Vec::new();
        for (path, item) in paths.into_iter().flatten() {
            let item = match self.resolve(item) {
                Ok(item) => item.as_object(),
                Err(error) => {
                    gets.push(Err((path.clone(), error)));
                    continue;
                }
            };
            let Some(item) = item else { continue };
            let get = item
                .iter()
                .find(|(method, _)| method.eq_ignore_ascii_case("get"));
            if let Some((_, Value::Object(operation))) = get {
                gets.push(Ok(Get {
                    path,
                    item,
                    operation,
                }));
            }
        }
        gets
    }
}

/// The first of a list of servers.
pub(super) fn server_of(servers: Option<&Value>) -> Option<String> {
    let server = servers?.as_array()?.first()?;
    let mut url = server.get("url")?.as_str()?.trim().to_string();
    let variables = server.get("variables").and_then(Value::as_object);
    for (name, variable) in variables.into_iter().flatten() {
        let first = || variable.get("enum")?.as_array()?.first()?.as_str();
        if let Some(value) = variable
            .get("default")
            .and_then(Value::as_str)
            .or_else(first)
        {
            url = url.replace(&format!("{{{name}}}"), value);
        }
    }
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn first_server_is_the_base() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(document(text).server().as_deref(), expected, "{text}");
        };
        check(
            "openapi: 3.0.3\npaths: {}\nservers: [{url: 'https://a.test/v1'}, {url: 'https://b.test'}]",
            Some("https://a.test/v1"),
        );
        check(
            "openapi: 3.1\npaths: {}\nservers: [{url: 'https://{region}.a.test', variables: {region: {default: eu}}}]",
            Some("https://eu.a.test"),
        );
        check(
            "openapi: 3.0.0\npaths: {}\nservers: [{url: /v1}]",
            Some("/v1"),
        );
        check("openapi: 3.0.0\npaths: {}", None);
        check(
            "swagger: 2.0\npaths: {}\nhost: a.test\nbasePath: /api\nschemes: [http, https]",
            Some("https://a.test/api"),
        );
        check(
            "swagger: '2.0'\npaths: {}\nhost: a.test:8080\nschemes: [http]",
            Some("http://a.test:8080/"),
        );
        check("swagger: '2.0'\npaths: {}\nbasePath: /api", None);
    }

    #[test]
    fn other_documents_are_refused_with_the_reason() {
        let check = |text: &str, expected: &str| {
            let error = Document::parse(text).map(|_| ()).expect_err(text);
            assert!(error.to_string().contains(expected), "{error}");
        };
        check("{", "is neither JSON nor YAML");
        check("[]", "it has no `paths`");
        check("openapi: 3.0.0\npaths: []", "it has no `paths`");
        check("openapi: 4.0.0\npaths: {}", "its version is `4.0.0`");
        check("swagger: 1.2\npaths: {}", "its version is `1.2`");
        check("paths: {}", "neither `openapi` nor `swagger`");
    }

    #[test]
    fn references_are_followed_and_cycles_end() {
        let document = document(
            r##"{"openapi": "3.0.0", "paths": {"/a~b": {"x": 1}}, "c": {
                "one": {"$ref": "#/c/two"}, "two": {"$ref": "#/paths/~1a~0b"}, "encoded": {"$ref": "#/paths/%7E1a%7E0b"},
                "self": {"$ref": "#/c/self"}, "ring": {"$ref": "#/c/gnir"}, "gnir": {"$ref": "#/c/ring"},
                "remote": {"$ref": "https://a.test/b.yaml#/c"}, "file": {"$ref": "b.yaml#/c"}, "gone": {"$ref": "#/c/nothing"}}}"##,
        );
        let follow = |name: &str| document.resolve(&document.root["c"][name]);
        assert_eq!(
            follow("one").map(|value| value["x"].clone()),
            Ok(Value::from(1))
        );
        assert_eq!(
            follow("encoded").map(|value| value["x"].clone()),
            Ok(Value::from(1))
        );
        assert_eq!(follow("self"), Err(RefError::Cycle("#/c/self".into())));
        assert!(matches!(follow("ring"), Err(RefError::Cycle(_))));
        assert!(matches!(follow("remote"), Err(RefError::Remote(_))));
        assert!(matches!(follow("file"), Err(RefError::Remote(_))));
        assert!(matches!(follow("gone"), Err(RefError::Missing(_))));
    }
}
