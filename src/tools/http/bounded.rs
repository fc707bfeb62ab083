//! JSON and YAML as one value, with a bound on what a small file may become:
//! YAML's aliases multiply.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::{cell::Cell, fmt};

/// Bytes that all values may take together.
const MAX_BYTES: usize = 256 << 20;

/// What a value takes beside its text.
const NODE_BYTES: usize = 32;

/// Reads JSON where the text begins with a brace, YAML otherwise. The error
/// says where, without the text.
pub(super) fn read(text: &str) -> Result<Value, String> {
    read_within(text, MAX_BYTES)
}

fn read_within(text: &str, bytes: usize) -> Result<Value, String> {
    let text = text.trim_start_matches('\u{feff}');
    let left = Cell::new(bytes);
    let node = Node { left: &left };
    if text.trim_start().starts_with('{') {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = node
            .deserialize(&mut deserializer)
            .map_err(|error| error.to_string())?;
        deserializer.end().map_err(|error| error.to_string())?;
        Ok(value)
    } else {
        let deserializer = serde_yaml_ng::Deserializer::from_str(text);
        node.deserialize(deserializer)
            .map_err(|error| error.to_string())
    }
}

#[derive(Clone, Copy)]
struct Node<'a> {
    left: &'a Cell<usize>,
}

impl Node<'_> {
    fn take<E: Error>(self, bytes: usize) -> Result<(), E> {
        match self.left.get().checked_sub(bytes + NODE_BYTES) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(E::custom("it unfolds to more than can be read")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.take(0)?;
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.take(0)?;
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.take(0)?;
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.take(0)?;
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.take(value.len())?;
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.take(0)?;
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        self.take(0)?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.take(0)?;
        let mut fields = Map::new();
        // As text: YAML reads the key of `200:` as a number otherwise.
        while let Some(key) = map.next_key::<String>()? {
            self.take(key.len())?;
            fields.insert(key, map.next_value_seed(self)?);
        }
        Ok(fields.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_and_yaml_give_the_same() {
        let expected = json!({"a": [1, 2.5, "x", null, true], "200": {"b": -1}});
        let check = |text: &str| assert_eq!(read(text), Ok(expected.clone()), "{text}");
        check(r#"{"a": [1, 2.5, "x", null, true], "200": {"b": -1}}"#);
        check("\u{feff} {\"a\": [1, 2.5, \"x\", null, true], \"200\": {\"b\": -1}}");
        check("a: [1, 2.5, x, ~, true]\n200:\n  b: -1\n");
    }

    #[test]
    fn text_that_is_neither_is_refused() {
        for text in ["{", "{} {}", "a: [", "a: b: c", "\t- x", "? [a]\n: b"] {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(read(&deep).is_err());
        assert!(read(&"[".repeat(10_000)).is_err());
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..8 {
            let before = format!("*a{}", i - 1);
            text.push_str(&format!("a{i}: &a{i} [{}]\n", vec![before; 10].join(", ")));
        }
        assert!(read_within(&text, 1 << 20).is_err());
        let wide = format!(
            "a: &a {}\nb: [{}]\n",
            "x".repeat(1_000),
            vec!["*a"; 2_000].join(", ")
        );
        assert!(read_within(&wide, 1 << 20).is_err());
    }
}
