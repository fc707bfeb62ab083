//! Reads the configuration: file, then environment; every fault at once.

use super::{
    Config,
    check::check,
    environment::{self, EntryValue},
    keys::refuse_unknown,
    sections::QueryEntry,
};
use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// What is wrong with the configuration, all of it.
#[derive(Debug, thiserror::Error)]
pub struct ConfigError(pub Vec<Fault>);

/// One thing that is wrong, as a sentence that names file and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<&str> = self.0.iter().map(|fault| fault.0.as_str()).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Reads `file`, then variables such as `LOREKEEPER_SLACK__BOT_TOKEN` and those
/// of [`environment`].
/// Relative paths are taken from the folder of the file that names them.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    let mut faults = Faults::default();
    let name = file.map_or_else(
        || "environment".to_string(),
        |file| file.display().to_string(),
    );
    let mut figment = Figment::new();
    if let Some(file) = file {
        figment = figment.merge(Toml::file_exact(file));
    }
    // Only names with a section: LOREKEEPER_LOG and the like belong to others.
    figment = figment.merge(
        Env::prefixed("LOREKEEPER_")
            .filter(|key| key.as_str().contains("__"))
            .filter(|key| EntryValue::read(&format!("LOREKEEPER_{key}"), "").is_none())
            .split("__"),
    );
    let mut values: Map<String, Value> = match figment.extract() {
        Ok(values) => values,
        Err(error) => {
            return Err(ConfigError(
                error
                    .into_iter()
                    .map(|e| Fault(format!("{name}: {e}")))
                    .collect(),
            ));
        }
    };
    environment::lay_over(&mut values, &environment::entry_values(), &mut faults);
    let mut config = read_sections(&name, values, &mut faults);
    let folder = file
        .and_then(Path::parent)
        .unwrap_or(Path::new(""))
        .to_path_buf();
    read_more_files(&mut config, &folder, &mut faults);
    resolve_paths(&mut config, &folder);
    check(&name, &config, &mut faults);
    faults.into_result(config)
}

#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, text: String) {
        self.0.push(Fault(text));
    }

    #[cfg(test)]
    pub(super) fn texts(self) -> Vec<String> {
        self.0.into_iter().map(|fault| fault.0).collect()
    }

    fn into_result(self, config: Config) -> Result<Config, ConfigError> {
        if self.0.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(self.0))
        }
    }
}

/// Each section and each entry is read by itself, so that one fault does not hide the next.
fn read_sections(name: &str, mut values: Map<String, Value>, faults: &mut Faults) -> Config {
    refuse_unknown(name, "", &values, faults);
    Config {
        store: section(name, &mut values, "store", faults),
        index: section(name, &mut values, "index", faults),
        model: section(name, &mut values, "model", faults),
        generator: section(name, &mut values, "generator", faults),
        retrieval: section(name, &mut values, "retrieval", faults),
        limits: section(name, &mut values, "limits", faults),
        chat: section(name, &mut values, "chat", faults),
        web: section(name, &mut values, "web", faults),
        ocr: section(name, &mut values, "ocr", faults),
        redaction: section(name, &mut values, "redaction", faults),
        slack: section(name, &mut values, "slack", faults),
        discord: section(name, &mut values, "discord", faults),
        sources: entries(name, &mut values, "source", faults),
        databases: entries(name, &mut values, "database", faults),
        query_files: section(name, &mut values, "query_files", faults),
        queries: entries(name, &mut values, "query", faults),
        catalogue: section(name, &mut values, "catalogue", faults),
        apis: entries(name, &mut values, "api", faults),
        logs: entries(name, &mut values, "log", faults),
        people_file: section(name, &mut values, "people_file", faults),
        people: entries(name, &mut values, "person", faults),
        channels: entries(name, &mut values, "channel", faults),
    }
}

fn section<T: DeserializeOwned + Default>(
    name: &str,
    values: &mut Map<String, Value>,
    key: &str,
    faults: &mut Faults,
) -> T {
    let Some(value) = values.remove(key) else {
        return T::default();
    };
    if let Value::Object(fields) = &value {
        refuse_unknown(name, key, fields, faults);
    }
    serde_json::from_value(value).unwrap_or_else(|error| {
        faults.add(format!("{name}: `{key}`: {error}"));
        T::default()
    })
}

fn entries<T: DeserializeOwned>(
    name: &str,
    values: &mut Map<String, Value>,
    key: &str,
    faults: &mut Faults,
) -> Vec<T> {
    let list = match values.remove(key) {
        None => return Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => {
            faults.add(format!("{name}: `{key}` is not a list, write `[[{key}]]`"));
            return Vec::new();
        }
    };
    let mut read = Vec::new();
    for (i, entry) in list.into_iter().enumerate() {
        let label = entry
            .get("name")
            .or(entry.get("id"))
            .and_then(Value::as_str)
            .map(String::from);
        let label = label.unwrap_or_else(|| format!("number {}", i + 1));
        if let Value::Object(fields) = &entry {
            refuse_unknown(name, key, fields, faults);
        }
        match serde_json::from_value(entry) {
            Ok(entry) => read.push(entry),
            Err(error) => faults.add(format!("{name}: `[[{key}]]` {label}: {error}")),
        }
    }
    read
}

/// People and queries may stand in files of their own.
fn read_more_files(config: &mut Config, folder: &Path, faults: &mut Faults) {
    for file in config.query_files.clone() {
        let mut values = read_file(&folder.join(&file), faults);
        let name = file.display().to_string();
        refuse_unknown(&name, "", &values, faults);
        config
            .queries
            .extend(entries::<QueryEntry>(&name, &mut values, "query", faults));
    }
    if let Some(file) = config.people_file.clone() {
        let mut values = read_file(&folder.join(&file), faults);
        config.people.extend(entries(
            &file.display().to_string(),
            &mut values,
            "person",
            faults,
        ));
    }
}

fn read_file(file: &Path, faults: &mut Faults) -> Map<String, Value> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            faults.add(format!("{}: {error}", file.display()));
            return Map::new();
        }
    };
    toml::from_str(&text).unwrap_or_else(|error| {
        faults.add(format!(
            "{}: {}",
            file.display(),
            error.to_string().trim_end().replace('\n', " ")
        ));
        Map::new()
    })
}

fn resolve_paths(config: &mut Config, folder: &Path) {
    let resolve = |path: &mut PathBuf| *path = folder.join(&*path);
    for source in &mut config.sources {
        source.remote.paths().for_each(resolve);
        // Nothing stays nothing: joined to the folder it would be the folder.
        if !source.path.as_os_str().is_empty() {
            resolve(&mut source.path);
        }
    }
    config.model.embedding_dir.iter_mut().for_each(resolve);
    config.model.onnxruntime.iter_mut().for_each(resolve);
    config.generator.model_dir.iter_mut().for_each(resolve);
    resolve(&mut config.generator.adapters_dir);
    config.catalogue.iter_mut().for_each(resolve);
    config
        .apis
        .iter_mut()
        .for_each(|api| resolve(&mut api.document));
    for log in &mut config.logs {
        log.folder = folder.to_path_buf();
    }
    for database in &mut config.databases {
        if let Some(path) = database.url.expose_secret().strip_prefix("sqlite:") {
            let path = folder.join(path.trim_start_matches("//"));
            database.url = SecretString::from(format!("sqlite:{}", path.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("lorekeeper.toml");
        std::fs::write(&file, text).expect("the file is written");
        let prefix = format!("{}: ", file.display());
        match load(Some(&file)) {
            Ok(_) => Vec::new(),
            Err(error) => error
                .0
                .into_iter()
                .map(|fault| fault.0.replace(&prefix, ""))
                .collect(),
        }
    }

    #[test]
    fn empty_file_is_a_valid_configuration() {
        assert_eq!(faults_of(""), Vec::<String>::new());
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let faults = faults_of(
            "[retreival]\nlimit = 5\n[retrieval]\nchunk_tokens = 0\n[limits]\ntool_rows = \"many\"\nquestions_per_hou = 3\n\
             [slack]\nbot_token = \"xapp-1\"\napp_token = \"xapp-1\"\n[[source]]\npath = \"docs\"\n[[source]]\nname = \"a\"\npath = \"a\"\nkindd = 1\n",
        );
        for expected in [
            "unknown key `retreival`, did you mean `retrieval`?",
            "unknown key `limits.questions_per_hou`, did you mean `questions_per_hour`?",
            "unknown key `source.kindd`, did you mean `kind`?",
            "`retrieval.chunk_tokens` is 0, expected 32 to 512",
            "`slack.bot_token` does not begin with `xoxb-`; it is another kind of token",
        ] {
            assert!(
                faults.iter().any(|fault| fault == expected),
                "{expected}\n{faults:#?}"
            );
        }
        assert!(
            faults
                .iter()
                .any(|fault| fault.starts_with("`limits`: invalid type")),
            "{faults:#?}"
        );
        assert!(
            faults
                .iter()
                .any(|fault| fault.starts_with("`[[source]]` number 1: missing field `name`")),
            "{faults:#?}"
        );
    }

    #[test]
    fn query_on_an_unknown_database_is_named() {
        let faults = faults_of(
            "[[query]]\nname = \"q\"\ndatabase = \"nowhere\"\ndescription = \"\"\nsql = \"select 1\"\nlead = \"\"\nempty = \"\"\n",
        );
        assert_eq!(
            faults,
            ["query `q` names the database `nowhere`, which is not configured"]
        );
    }

    #[test]
    fn every_fault_of_an_api_is_named() {
        let faults = faults_of(
            "[[api]]\nname = \"crm\"\ndocument = \"crm.yaml\"\nnetwork = []\nbytes = 1\npages = 0\n\
             auth = { kind = \"header\", name = \"X-Key\", secret = \"s\", user = \"u\", use = 1 }\n\
             [[api.operation]]\nname = \"list\"\nexample = []\nlead = \"{rows}\"\n\
             [[api]]\nname = \"crm\"\ndocument = \"b.yaml\"\n\
             [[api]]\nname = \"pets\"\ndocument = \"c.yaml\"\nnetworks = [\"10.0.0.0/99\"]\n\
             [[api]]\nname = \"shop\"\ndocument = \"d.yaml\"\nauth = { kind = \"cookie\" }\n",
        );
        for expected in [
            "unknown key `api.network`, did you mean `networks`?",
            "unknown key `api.operation.example`, did you mean `examples`?",
            "unknown key `api.auth.use`, did you mean `user`?",
            "`[[api]]` crm is there twice",
            "`api.bytes` of crm is 1, expected 1024 to 67108864",
            "`api.pages` of crm is 0, expected 1 to 100",
            "`[[api]]` pets: `10.0.0.0/99` is no block of addresses, such as `10.0.0.0/8`",
            "api `crm`: operation `list` has a `lead` without an `empty`, or the other way round",
        ] {
            assert!(
                faults.iter().any(|fault| fault == expected),
                "{expected}\n{faults:#?}"
            );
        }
        assert!(
            faults
                .iter()
                .any(|fault| fault.starts_with("`[[api]]` shop: unknown variant `cookie`")),
            "{faults:#?}"
        );
    }

    #[test]
    fn every_fault_of_a_source_is_named() {
        let faults = faults_of(
            "[[source]]\nname = \"none\"\n\
             [[source]]\nname = \"two\"\npath = \"docs\"\n[source.jira]\nurl = \"https://j.example\"\nproject = [\"A\"]\n\
             [[source]]\nname = \"rows\"\nfull_every_hours = 0\n[source.table]\ndatabase = \"desk\"\n\
             [[source]]\nname = \"wiki\"\n[source.confluence]\nexport = \"a.zip\"\nspaces = [\"A\\\" or\"]\n\
             auth = { kind = \"query\", name = \"key\", secret = \"hunter2\" }\n",
        );
        let places = "`path`, `table`, `jira`, `confluence`, `slack_export`";
        for expected in [
            &format!("`[[source]]` none: has none of {places}"),
            &format!("`[[source]]` two: has several of {places}"),
            "unknown key `source.jira.project`, did you mean `projects`?",
            "`[[source]]` two: `jira.projects` is missing: who may see each of them is said by `audience`, so they are named",
            "`[[source]]` rows: `full_every_hours` is 0, expected 1 to 8760",
            "`[[source]]` rows: `table.database` names `desk`, which is no `[[database]]`",
            "`[[source]]` rows: `table`: expected either `table` or `sql`",
            "`[[source]]` rows: `table.id` is missing: the column that names a row",
            "`[[source]]` wiki: `confluence.spaces`: `A\" or` is no key",
            "`[[source]]` wiki: `confluence.auth`: it takes no secret in the address; write `basic` or `bearer`",
            "`[[source]]` wiki: `confluence`: an export does not say who may see which page: with `unrestricted = true`, `audience` may see all of them",
        ] {
            assert!(
                faults.iter().any(|fault| fault == expected),
                "{expected}\n{faults:#?}"
            );
        }
        assert!(faults.iter().all(|fault| !fault.contains("hunter2")));
    }

    #[test]
    fn sources_lie_beside_the_configuration_or_elsewhere() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("lorekeeper.toml");
        let text = "[[source]]\nname = \"chat\"\n[source.slack_export]\npath = \"export.zip\"\n\
            [[source]]\nname = \"issues\"\n[source.jira]\nurl = \"https://x.atlassian.net\"\nprojects = [\"OPS\"]\n\
            networks = [\"10.0.0.0/8\"]\n";
        std::fs::write(&file, text).expect("the file is written");
        let config = load(Some(&file)).unwrap_or_else(|error| panic!("{error}"));
        let [chat, issues] = config.sources.as_slice() else {
            panic!("two sources: {config:?}")
        };
        let export = folder.path().join("export.zip");
        assert_eq!(chat.remote.export(), Some(export.as_path()));
        assert!(!chat.remote.is_asked() && chat.path.as_os_str().is_empty());
        assert!(issues.remote.is_asked() && issues.remote.export().is_none());
    }

    #[test]
    fn every_fault_of_an_index_is_named_and_its_password_is_not() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(faults_of(&format!("[index]\n{text}")), expected, "{text}");
        };
        check(
            "kind = \"qdrant\"\nurl = \"https://q:6334\"\nkey = \"k\"\nshards = 3",
            &[],
        );
        check(
            "kind = \"pgvector\"\n[store]\nurl = \"postgres://h/d\"",
            &[],
        );
        check("kind = \"qdrant\"", &["`index.url` is missing"]);
        check("kind = \"pgvector\"", &["`index.url` is missing"]);
        check(
            "kind = \"pgvector\"\nurl = \"mysql://u:hunter2@h/d\"\nreplicas = 2\nname = \"Lore-1\"\ntimeout_ms = 1",
            &[
                "`index.replicas` has no meaning for this `index.kind`",
                "`index.url` does not begin with `postgres://` or `postgresql://`",
                "`index.name` is `Lore-1`, expected up to 40 lower-case letters, digits and `_`, a letter first",
                "`index.timeout_ms` is 1, expected 100 to 600000",
            ],
        );
        check(
            "url = \"http://q:6334\"\nquantise = true",
            &[
                "unknown key `index.quantise`, did you mean `quantize`?",
                "`index.url` has no meaning for this `index.kind`",
            ],
        );
    }

    #[test]
    fn token_is_never_repeated_in_a_fault() {
        let faults = faults_of("[slack]\nbot_token = \"hunter2\"\napp_token = \"hunter2\"\n");
        assert!(
            !faults.is_empty() && faults.iter().all(|fault| !fault.contains("hunter2")),
            "{faults:?}"
        );
    }
}
