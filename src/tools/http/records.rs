//! Which records an operation is asked with and which its answers hold, as
//! the document describes them: what one call finds, another can be asked with.
//!
//! Documents describe answers well or not at all. What is not described leads
//! nowhere; a wrong description is found out when the answer comes.

use super::{
    document::{Document, Get},
    naming::snake_case,
    parameter::{Place, Sent},
    schema::{Shape, shape},
};
use crate::domain::{Given, Taken, kind_of_record, singular};
use serde_json::{Map, Value};

/// Objects within objects.
const MAX_DEPTH: usize = 5;
/// Schemas that one answer may be made of, and the records that are told of it.
const MAX_SCHEMAS: usize = 400;
const MAX_RECORDS: usize = 40;
/// Names of fields that say what an answer is about.
const MAX_WORDS: usize = 40;

/// Last words of names of fields and parameters that hold a record's key.
const KEYS: [&str; 5] = ["id", "uuid", "guid", "gid", "slug"];

/// Words of names that say nothing of what a record is.
const VAGUE: &str = "object response dto model schema item list paging page paged simplified full \
    public private base basic detail detailed result data entry record resource entity value \
    collection array content body payload node edge envelope wrapper output view summary minimal \
    mini short get the all info information api v1 v2 v3 ok success current me self my root \
    embedded";

fn is_vague(word: &str) -> bool {
    let kind = kind_of_record(word);
    VAGUE
        .split_whitespace()
        .any(|known| known == word || kind_of_record(known) == kind)
}

/// What the operation's required parameters name, by the document's words.
pub(super) fn takes(path: &str, parameters: &[Sent]) -> Vec<Taken> {
    let required = parameters
        .iter()
        .filter(|sent| !sent.spec.optional && sent.spec.default.is_none() && sent.list.is_none());
    let taken = required.filter_map(|sent| {
        let words: Vec<String> = snake_case(&sent.wire)
            .split('_')
            .map(String::from)
            .collect();
        let (key, owner) = words.split_last()?;
        let key = KEYS.contains(&key.as_str()).then(|| key.clone())?;
        let before = || {
            let segments: Vec<&str> = path.split('/').collect();
            let slot = format!("{{{}}}", sent.wire);
            let at = segments.iter().position(|segment| *segment == slot)?;
            let named = segments.get(at.checked_sub(1)?)?;
            (!named.contains('{') && !named.is_empty()).then(|| named.to_string())
        };
        let mut kinds = Kinds::default();
        kinds.add(&owner.join("_"));
        if sent.place == Place::Path
            && let Some(before) = before()
        {
            kinds.add(&before);
        }
        (!kinds.0.is_empty()).then_some(Taken {
            parameter: sent.spec.name.clone(),
            kinds: kinds.0,
            key,
        })
    });
    taken.collect()
}

/// The records of the answer, the upper ones first, and the names of the
/// fields of what the answer is.
pub(super) fn gives(document: &Document, get: &Get<'_>) -> (Vec<Given>, Vec<String>) {
    let mut walk = Walk {
        document,
        left: MAX_SCHEMAS,
        given: Vec::new(),
        words: Vec::new(),
    };
    if let Some(schema) = answer(document, get) {
        let whole = Kinds::of_path(get.path);
        walk.visit(schema, &[], None, &whole, false, true);
    }
    let mut given = walk.given;
    given.sort_by_key(|given| given.path.len());
    given.truncate(MAX_RECORDS);
    walk.words.truncate(MAX_WORDS);
    (given, walk.words)
}

/// The schema of what a successful call answers with.
fn answer<'a>(document: &'a Document, get: &Get<'a>) -> Option<&'a Value> {
    let responses = get.operation.get("responses")?.as_object()?;
    let named = |name: &str| responses.iter().find(|(code, _)| code.as_str() == name);
    let success = || responses.iter().find(|(code, _)| code.starts_with('2'));
    let (_, response) = named("200").or_else(success).or_else(|| named("default"))?;
    let response = document.resolve(response).ok()?;
    if let Some(schema) = response.get("schema") {
        return Some(schema);
    }
    let content = response.get("content")?.as_object()?;
    let is_json = |kind: &str| kind.to_ascii_lowercase().contains("json");
    let (_, media) = content
        .iter()
        .find(|(kind, _)| is_json(kind))
        .or_else(|| content.iter().next())?;
    media.get("schema")
}

/// What records are called, the surest first.
#[derive(Clone, Default)]
struct Kinds(Vec<String>);

impl Kinds {
    /// Without the words that say nothing; the last word of several too.
    fn add(&mut self, name: &str) {
        let snake = snake_case(name);
        let words: Vec<&str> = snake
            .split('_')
            .filter(|word| !word.is_empty() && !is_vague(word))
            .collect();
        let Some(last) = words.last() else {
            return;
        };
        let last = singular(last);
        let whole = match words.len() {
            1 => last.clone(),
            n => format!("{} {last}", words[..n - 1].join(" ")),
        };
        for kind in [whole, last] {
            if !self.0.contains(&kind) {
                self.0.push(kind);
            }
        }
    }

    /// `/artists/{id}` answers with an artist, `/artists/{id}/albums` with albums.
    fn of_path(path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let is_slot = |segment: &&str| segment.contains('{');
        let slot = segments.iter().rposition(is_slot);
        let named: Vec<&str> = match slot {
            Some(at) if at + 1 == segments.len() => {
                segments[..at].iter().rev().take(1).copied().collect()
            }
            Some(at) => segments[at + 1..].iter().rev().copied().collect(),
            None => segments.iter().rev().take(2).copied().collect(),
        };
        let mut kinds = Self::default();
        for segment in named.iter().filter(|segment| !is_slot(segment)) {
            kinds.add(segment);
        }
        kinds
    }
}

struct Walk<'a> {
    document: &'a Document,
    left: usize,
    given: Vec<Given>,
    words: Vec<String>,
}

impl<'a> Walk<'a> {
    /// `whole` is what records are called that have no name of their own.
    fn visit(
        &mut self,
        schema: &'a Value,
        path: &[String],
        key: Option<&str>,
        whole: &Kinds,
        many: bool,
        is_answer: bool,
    ) {
        let Some(left) = self.left.checked_sub(1).filter(|_| path.len() <= MAX_DEPTH) else {
            return;
        };
        self.left = left;
        let Ok(resolved) = self.document.resolve(schema) else {
            return;
        };
        if let Some(items) = resolved.get("items") {
            self.visit(items, path, key, whole, true, is_answer);
            return;
        }
        let mut fields: Vec<(&String, &Value)> = Vec::new();
        let mut names = vec![reference(schema)];
        self.fields(resolved, MAX_DEPTH, &mut fields, &mut names);
        for branch in branches(resolved, &["oneOf", "anyOf"]) {
            self.visit(branch, path, key, whole, many, is_answer);
        }
        if fields.is_empty() {
            return;
        }
        let mut kinds = Kinds::default();
        if let Some(key) = key {
            kinds.add(key);
        }
        for name in names.into_iter().flatten() {
            kinds.add(&name);
        }
        if let Some(kind) = self.own_kind(&fields) {
            kinds.add(&kind);
        }
        if kinds.0.is_empty() || key.is_none_or(is_vague) {
            for kind in &whole.0 {
                if !kinds.0.contains(kind) {
                    kinds.0.push(kind.clone());
                }
            }
        }
        let scalars: Vec<&String> = fields
            .iter()
            .filter(|(_, schema)| matches!(shape(self.document, schema), Ok(Shape::One(_))))
            .map(|(name, _)| *name)
            .collect();
        self.tell(&scalars, &kinds, path, many);
        let is_envelope = scalars.is_empty() || key.is_none() && !has_key(&scalars);
        if is_answer {
            self.words
                .extend(fields.iter().map(|(name, _)| snake_case(name)));
        }
        for (name, schema) in fields {
            let below = [path, std::slice::from_ref(name)].concat();
            let within = is_answer && is_envelope;
            let whole = match is_envelope && is_vague(&snake_case(name)) {
                true => kinds.clone(),
                false => Kinds::default(),
            };
            self.visit(schema, &below, Some(name), &whole, many, within);
        }
    }

    /// Its own properties and those of all that it is made of.
    fn fields(
        &mut self,
        schema: &'a Value,
        depth: usize,
        found: &mut Vec<(&'a String, &'a Value)>,
        names: &mut Vec<Option<String>>,
    ) {
        // A schema that is made of itself many times over ends here.
        let Some(left) = self.left.checked_sub(1) else {
            return;
        };
        self.left = left;
        names.push(
            schema
                .get("title")
                .and_then(Value::as_str)
                .map(String::from),
        );
        let deeper = depth.checked_sub(1);
        for branch in branches(schema, &["allOf"]) {
            names.push(reference(branch));
            if let (Some(depth), Ok(branch)) = (deeper, self.document.resolve(branch)) {
                self.fields(branch, depth, found, names);
            }
        }
        let own = schema.get("properties").and_then(Value::as_object);
        for (name, property) in own.into_iter().flatten() {
            // Its own say more than what it is made of: `items` of a page of albums.
            match found.iter_mut().find(|(known, _)| *known == name) {
                Some(known) => known.1 = property,
                None => found.push((name, property)),
            }
        }
    }

    /// What a field such as `"type": {"enum": ["artist"]}` says of all records.
    fn own_kind(&self, fields: &[(&String, &'a Value)]) -> Option<String> {
        let named = |name: &str| {
            matches!(
                name,
                "type" | "kind" | "object" | "object_type" | "resource_type"
            )
        };
        let (_, schema) = fields.iter().find(|(name, _)| named(name))?;
        let schema = self.document.resolve(schema).ok()?;
        let only = match (schema.get("enum"), schema.get("const")) {
            (Some(Value::Array(values)), _) if values.len() == 1 => values.first(),
            (_, only) => only,
        };
        only?.as_str().map(String::from)
    }

    /// Its own keys make it a record; `customer_id` makes one of a customer.
    fn tell(&mut self, scalars: &[&String], kinds: &Kinds, path: &[String], many: bool) {
        let mut keys = Vec::new();
        for name in scalars {
            let snake = snake_case(name);
            let (owner, key) = snake.rsplit_once('_').unwrap_or(("", &snake));
            if !KEYS.contains(&key) {
                continue;
            }
            let mut of = Kinds::default();
            of.add(owner);
            let is_own = of.0.is_empty() || of.0.iter().any(|kind| kinds.0.contains(kind));
            if is_own {
                keys.push(name.to_string());
            } else {
                self.given.push(Given {
                    kinds: of.0,
                    path: path.to_vec(),
                    many,
                    keys: vec![name.to_string()],
                });
            }
        }
        if !keys.is_empty() && !kinds.0.is_empty() {
            self.given.push(Given {
                kinds: kinds.0.clone(),
                path: path.to_vec(),
                many,
                keys,
            });
        }
    }
}

fn has_key(scalars: &[&String]) -> bool {
    scalars
        .iter()
        .any(|name| KEYS.contains(&snake_case(name).as_str()))
}

/// The last part of `#/components/schemas/ArtistObject`.
fn reference(schema: &Value) -> Option<String> {
    let reference = schema.get("$ref")?.as_str()?;
    reference.rsplit('/').next().map(String::from)
}

fn branches<'a>(schema: &'a Value, keys: &[&str]) -> Vec<&'a Value> {
    let object: Option<&Map<String, Value>> = schema.as_object();
    let lists = keys.iter().filter_map(|key| object?.get(*key)?.as_array());
    lists.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MUSEUM: &str = r##"{"openapi": "3.0.0", "paths": {
        "/painters/{id}": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/s/PainterObject"}}}}}}},
        "/painters/{id}/works": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"allOf": [
            {"$ref": "#/s/Paging"}, {"properties": {"items": {"type": "array", "items": {"$ref": "#/s/SimplifiedWork"}}}}]}}}}}}},
        "/find": {"get": {"responses": {"default": {"$ref": "#/r/Found"}}}},
        "/tree": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/s/Tree"}}}}}}},
        "/knot": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/s/Knot"}}}}}}},
        "/silent": {"get": {"responses": {"200": {"description": "?"}}}}},
      "r": {"Found": {"content": {"application/json": {"schema": {"properties": {
            "painters": {"properties": {"results": {"type": "array", "items": {"$ref": "#/s/PainterObject"}}}},
            "rooms": {"type": "array", "items": {"properties": {"slug": {"type": "string"}, "floor": {"type": "integer"}}}}}}}}}},
      "s": {"Knot": {"allOf": [{"$ref": "#/s/Knot"}, {"$ref": "#/s/Knot"}, {"$ref": "#/s/Knot"}, {"$ref": "#/s/Knot"}], "properties": {"id": {"type": "string"}}}, "Paging": {"properties": {"total": {"type": "integer"}, "items": {"type": "array", "items": {"type": "object"}}}},
        "PainterObject": {"properties": {"id": {"type": "string"}, "type": {"enum": ["painter"]}, "born": {"type": "string"}, "home": {"$ref": "#/s/Town"}}},
        "Town": {"properties": {"id": {"type": "integer"}}},
        "SimplifiedWork": {"properties": {"workId": {"type": "integer"}, "room_id": {"type": "integer"}}},
        "Tree": {"properties": {"id": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/s/Tree"}}}}}}"##;

    fn given(path: &str) -> (Vec<String>, Vec<String>) {
        let document = Document::parse(MUSEUM).unwrap_or_else(|error| panic!("{error}"));
        let gets = document.gets();
        let get = gets
            .iter()
            .flatten()
            .find(|get| get.path == path)
            .expect("it is described");
        let (given, words) = gives(&document, get);
        let told = given.iter().map(|given| {
            let many = if given.many { "*" } else { "" };
            format!(
                "{}{many} at `{}` by {}",
                given.kinds.join("/"),
                given.path.join("."),
                given.keys.join(",")
            )
        });
        (told.collect(), words)
    }

    #[test]
    fn records_are_told_by_references_keys_and_paths() {
        let check = |path: &str, expected: &[&str]| assert_eq!(given(path).0, expected, "{path}");
        check(
            "/painters/{id}",
            &["painter at `` by id", "home/town at `home` by id"],
        );
        check(
            "/painters/{id}/works",
            &["room* at `items` by room_id", "work* at `items` by workId"],
        );
        check(
            "/find",
            &[
                "room* at `rooms` by slug",
                "painter* at `painters.results` by id",
                "home/town* at `painters.results.home` by id",
            ],
        );
        check("/silent", &[]);
        assert_eq!(given("/painters/{id}").1, ["id", "type", "born", "home"]);
    }

    #[test]
    fn schema_without_end_ends() {
        assert!(given("/tree").0.len() <= MAX_DEPTH + 1);
        assert_eq!(given("/knot").0, ["knot at `` by id"]);
    }

    #[test]
    fn parameters_name_records() {
        let operations = |paths: Value| {
            let text = json!({"openapi": "3.0.0", "paths": paths}).to_string();
            let document = Document::parse(&text).unwrap_or_else(|error| panic!("{error}"));
            super::super::operation::read_all(&document, None)
        };
        let check = |path: &str, expected: &[(&str, &[&str], &str)]| {
            let read = operations(json!({path: {"get": {}}}));
            let operation = read[0].as_ref().expect("can be called");
            let taken = takes(path, &operation.parameters);
            let taken: Vec<(&str, Vec<&str>, &str)> = taken
                .iter()
                .map(|taken| {
                    let kinds = taken.kinds.iter().map(String::as_str).collect();
                    (taken.parameter.as_str(), kinds, taken.key.as_str())
                })
                .collect();
            let expected: Vec<(&str, Vec<&str>, &str)> = expected
                .iter()
                .map(|(parameter, kinds, key)| (*parameter, kinds.to_vec(), *key))
                .collect();
            assert_eq!(taken, expected, "{path}");
        };
        check("/artists/{id}/albums", &[("id", &["artist"], "id")]);
        check("/tv/{series_id}", &[("series_id", &["series", "tv"], "id")]);
        check("/posts/{slug}", &[("slug", &["post"], "slug")]);
        check("/users/{username}", &[]);
        check("/{id}", &[]);
        check(
            "/shops/{shopId}/items/{itemId}",
            &[("shop_id", &["shop"], "id")],
        );
    }
}
