//! Values of the environment for one entry of a list, by the entry's name:
//! `LOREKEEPER_API__CRM__AUTH__SECRET` is `auth.secret` of the `[[api]]` that
//! is called `crm`, `LOREKEEPER_DATABASE__SHOP_EU__URL` is `url` of the
//! `[[database]]` `shop-eu`. Such values are text: they are for secrets.

use super::load::Faults;
use serde_json::{Map, Value};

const PREFIX: &str = "LOREKEEPER_";

/// The lists whose entries have secrets.
const LISTS: [&str; 4] = ["database", "api", "log", "source"];

/// A variable for an entry.
#[derive(Clone, Debug)]
pub(super) struct EntryValue {
    variable: String,
    list: &'static str,
    /// As it stands in the variable, in small letters.
    entry: String,
    keys: Vec<String>,
    /// Never repeated in a fault.
    value: String,
}

impl EntryValue {
    /// `None` for a variable that belongs to a section or to somebody else.
    pub(super) fn read(variable: &str, value: &str) -> Option<Self> {
        let path = variable.strip_prefix(PREFIX)?.to_lowercase();
        let mut parts = path.split("__").map(String::from);
        let list = parts.next()?;
        let list = LISTS.into_iter().find(|known| *known == list)?;
        Some(Self {
            variable: variable.into(),
            list,
            entry: parts.next()?,
            keys: parts.collect(),
            value: value.into(),
        })
    }
}

/// Every variable of this process that is for an entry.
pub(super) fn entry_values() -> Vec<EntryValue> {
    let variables = std::env::vars_os();
    let texts = variables.filter_map(|(name, value)| {
        let value = value.into_string().ok()?;
        EntryValue::read(name.to_str()?, &value)
    });
    texts.collect()
}

/// Puts the values into the entries. One that has no entry is a fault.
pub(super) fn lay_over(
    values: &mut Map<String, Value>,
    environment: &[EntryValue],
    faults: &mut Faults,
) {
    for given in environment {
        let list = values.get_mut(given.list).and_then(Value::as_array_mut);
        let mut entries = list.into_iter().flatten();
        let entry = entries.find(|entry| {
            let name = entry.get("name").and_then(Value::as_str);
            name.is_some_and(|name| as_variable(name) == given.entry)
        });
        let Some(entry) = entry else {
            faults.add(format!(
                "`{}` is for the `[[{}]]` {}, which is not configured",
                given.variable, given.list, given.entry
            ));
            continue;
        };
        if put(entry, &given.keys, &given.value).is_none() {
            faults.add(format!(
                "`{}` names no key of the `[[{}]]`: write `{PREFIX}{}__{}__KEY`",
                given.variable,
                given.list,
                given.list.to_uppercase(),
                given.entry.to_uppercase(),
            ));
        }
    }
}

/// A name in the letters that a variable may have.
fn as_variable(name: &str) -> String {
    let letter = |c: char| if c.is_alphanumeric() { c } else { '_' };
    name.to_lowercase().chars().map(letter).collect()
}

/// `None` where the way leads through something that is no table.
fn put(entry: &mut Value, keys: &[String], value: &str) -> Option<()> {
    let (last, way) = keys.split_last()?;
    let mut table = entry.as_object_mut()?;
    for key in way {
        let inner = table.entry(key).or_insert_with(|| Map::new().into());
        table = inner.as_object_mut()?;
    }
    table.insert(last.clone(), value.into());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn laid_over(variables: &[(&str, &str)]) -> (Value, Vec<String>) {
        let mut values = Map::new();
        let api = json!([{"name": "CRM-eu", "auth": {"kind": "bearer"}}, {"name": "pets"}]);
        values.insert("api".into(), api);
        let environment: Vec<_> = variables
            .iter()
            .filter_map(|(name, value)| EntryValue::read(name, value))
            .collect();
        let mut faults = Faults::default();
        lay_over(&mut values, &environment, &mut faults);
        (values.remove("api").unwrap_or_default(), faults.texts())
    }

    #[test]
    fn secret_of_an_entry_comes_from_the_environment() {
        let check = |variable: &str, pointer: &str| {
            let (api, faults) = laid_over(&[(variable, "12345")]);
            assert_eq!(faults, Vec::<String>::new());
            assert_eq!(api.pointer(pointer), Some(&json!("12345")), "{variable}");
        };
        check("LOREKEEPER_API__CRM_EU__AUTH__SECRET", "/0/auth/secret");
        check("LOREKEEPER_API__PETS__URL", "/1/url");
        check("LOREKEEPER_API__PETS__AUTH__SECRET", "/1/auth/secret");
        let given = EntryValue::read("LOREKEEPER_SOURCE__WIKI__CONFLUENCE__AUTH__SECRET", "x");
        let given = given.expect("is for an entry");
        assert_eq!((given.list, given.entry.as_str()), ("source", "wiki"));
        assert_eq!(given.keys, ["confluence", "auth", "secret"]);
    }

    #[test]
    fn variable_without_its_entry_is_named_and_its_value_is_not() {
        let check = |variable: &str, expected: &str| {
            let (_, faults) = laid_over(&[(variable, "hunter2")]);
            assert_eq!(faults, [expected]);
        };
        check(
            "LOREKEEPER_API__CMR__AUTH__SECRET",
            "`LOREKEEPER_API__CMR__AUTH__SECRET` is for the `[[api]]` cmr, which is not configured",
        );
        check(
            "LOREKEEPER_LOG__KELP__AUTH__SECRET",
            "`LOREKEEPER_LOG__KELP__AUTH__SECRET` is for the `[[log]]` kelp, which is not configured",
        );
        check(
            "LOREKEEPER_API__PETS",
            "`LOREKEEPER_API__PETS` names no key of the `[[api]]`: write `LOREKEEPER_API__PETS__KEY`",
        );
        check(
            "LOREKEEPER_API__PETS__NAME__FIRST",
            "`LOREKEEPER_API__PETS__NAME__FIRST` names no key of the `[[api]]`: write `LOREKEEPER_API__PETS__KEY`",
        );
    }

    #[test]
    fn other_variables_are_left_to_others() {
        for variable in ["PATH", "LOREKEEPER_LOG", "LOREKEEPER_SLACK__BOT_TOKEN"] {
            assert!(EntryValue::read(variable, "x").is_none(), "{variable}");
        }
    }
}
