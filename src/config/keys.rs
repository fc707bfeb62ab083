//! The keys that a configuration may have; every other one is a fault.

use super::load::Faults;
use serde_json::{Map, Value};

/// The keys of every section.
const KEYS: [(&str, &[&str]); 36] = [
    (
        "",
        &[
            "store",
            "index",
            "model",
            "generator",
            "retrieval",
            "limits",
            "chat",
            "web",
            "redaction",
            "ocr",
            "slack",
            "discord",
            "source",
            "database",
            "query_files",
            "query",
            "catalogue",
            "api",
            "log",
            "people_file",
            "person",
            "channel",
        ],
    ),
    ("store", &["url"]),
    (
        "index",
        &[
            "kind",
            "url",
            "key",
            "name",
            "timeout_ms",
            "shards",
            "replicas",
            "quantize",
        ],
    ),
    (
        "model",
        &[
            "embedding_dir",
            "embedding_graph",
            "query_prefix",
            "passage_prefix",
            "server",
            "onnxruntime",
            "threads",
        ],
    ),
    (
        "model.server",
        &["url", "key", "model", "dimension", "batch", "timeout_ms"],
    ),
    (
        "generator",
        &[
            "model_dir",
            "device",
            "adapters_dir",
            "slots",
            "context_tokens",
            "queue",
            "threads",
            "plans",
            "server",
        ],
    ),
    (
        "generator.server",
        &["url", "key", "model", "context_tokens"],
    ),
    (
        "retrieval",
        &["chunk_tokens", "overlap_tokens", "candidates", "relations"],
    ),
    (
        "limits",
        &[
            "questions_per_hour",
            "concurrent_questions",
            "answer_timeout_ms",
            "tool_timeout_ms",
            "tool_rows",
            "tool_bytes",
            "sql_cost",
            "file_bytes",
            "convert_timeout_ms",
        ],
    ),
    ("chat", &["time_zone", "follow_up_hours"]),
    ("web", &["listen"]),
    ("redaction", &["names", "salt"]),
    (
        "ocr",
        &["languages", "tesseract", "pdftoppm", "pages", "timeout_ms"],
    ),
    ("slack", &["bot_token", "app_token", "api_url", "sockets"]),
    ("discord", &["bot_token", "api_url", "guilds", "commands"]),
    (
        "source",
        &[
            "name",
            "path",
            "kind",
            "audience",
            "layout",
            "redact",
            "dates",
            "every",
            "table",
            "jira",
            "confluence",
            "slack_export",
            "groups",
            "full_every_hours",
        ],
    ),
    (
        "source.redact",
        &[
            "secret",
            "iban",
            "card",
            "email",
            "national_id",
            "ip_address",
            "phone",
            "person",
        ],
    ),
    ("source.layout", &["id", "title", "text", "date"]),
    (
        "source.table",
        &[
            "database", "table", "sql", "id", "title", "text", "date", "updated", "url", "author",
            "audience",
        ],
    ),
    (
        "source.jira",
        &[
            "url",
            "export",
            "edition",
            "projects",
            "auth",
            "networks",
            "attachments",
            "unrestricted",
        ],
    ),
    (
        "source.confluence",
        &[
            "url",
            "export",
            "edition",
            "spaces",
            "auth",
            "networks",
            "comments",
            "attachments",
            "unrestricted",
        ],
    ),
    ("source.jira.auth", &["kind", "user", "name", "secret"]),
    (
        "source.confluence.auth",
        &["kind", "user", "name", "secret"],
    ),
    ("source.slack_export", &["path", "url", "channels"]),
    (
        "database",
        &[
            "name",
            "url",
            "tables",
            "audience",
            "samples",
            "sql_by_model",
        ],
    ),
    (
        "query",
        &[
            "name",
            "database",
            "description",
            "sql",
            "lead",
            "empty",
            "examples",
            "parameters",
        ],
    ),
    (
        "query.parameters",
        &[
            "name",
            "type",
            "default",
            "optional",
            "description",
            "values",
            "values_sql",
            "pattern",
        ],
    ),
    (
        "api",
        &[
            "name",
            "document",
            "url",
            "operations",
            "audience",
            "hosts",
            "networks",
            "auth",
            "bytes",
            "pages",
            "operation",
        ],
    ),
    ("api.auth", &["kind", "user", "name", "secret"]),
    (
        "api.operation",
        &[
            "name",
            "description",
            "examples",
            "lead",
            "empty",
            "columns",
            "rows",
        ],
    ),
    (
        "log",
        &[
            "name",
            "kind",
            "url",
            "auth",
            "tenant",
            "index",
            "paths",
            "fields",
            "parser",
            "time_zone",
            "services",
            "levels",
            "audience",
            "max_hours",
            "description",
            "examples",
        ],
    ),
    ("log.auth", &["kind", "user", "name", "secret"]),
    ("log.fields", &["time", "level", "service", "message"]),
    ("log.examples", &["counts", "patterns", "lines"]),
    ("person", &["name", "groups", "slack", "discord"]),
    ("channel", &["id", "groups"]),
];

/// Names every key that is not known, with the known one it resembles.
pub(super) fn refuse_unknown(
    name: &str,
    section: &str,
    fields: &Map<String, Value>,
    faults: &mut Faults,
) {
    let Some((_, known)) = KEYS.iter().find(|(key, _)| *key == section) else {
        return;
    };
    for (field, value) in fields {
        let path = if section.is_empty() {
            field.clone()
        } else {
            format!("{section}.{field}")
        };
        if known.contains(&field.as_str()) {
            for inner in value.as_array().into_iter().flatten().chain([value]) {
                if let (Value::Object(fields), false) = (inner, section.is_empty()) {
                    refuse_unknown(name, &path, fields, faults);
                }
            }
            continue;
        }
        let near = known
            .iter()
            .min_by_key(|known| strsim::osa_distance(known, field));
        let hint = near
            .filter(|near| strsim::osa_distance(near, field) <= 3)
            .map_or(String::new(), |near| format!(", did you mean `{near}`?"));
        faults.add(format!("{name}: unknown key `{path}`{hint}"));
    }
}
