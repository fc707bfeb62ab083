//! Options that were given one by one, as the line that says the same.

use super::{OptionKind, Verb};

/// One value of a form: the option's name, what kind it is, and its text.
/// A name that is no option of the command is an argument of its tool.
pub fn compose(verb: Verb, given: &[(&str, String)]) -> String {
    let options = verb.definition().options;
    let kind_of = |name: &str| {
        let option = options.iter().find(|option| option.name == name);
        option.map(|option| option.kind)
    };
    let mut line = verb.name().to_string();
    let mut public = None;
    let mut question = false;
    // In the order of the definition: what stands for itself comes before what is named.
    for option in options {
        let Some((_, text)) = given.iter().find(|(name, _)| *name == option.name) else {
            continue;
        };
        match option.kind {
            OptionKind::Question => {
                question = true;
                line += &format!(" {}", text.trim());
            }
            OptionKind::Tool | OptionKind::Verb => line += &format!(" {}", quoted(text)),
            // Quoted always, so that `level=error` is no argument.
            OptionKind::Positional => line += &format!(" {}", in_quotes(text)),
            OptionKind::Since => line += &format!(" since={}", quoted(text)),
            OptionKind::Arguments => line += &format!(" {}", text.trim()),
            OptionKind::Public => public = Some(text.as_str()),
        }
    }
    for (name, text) in given.iter().filter(|(name, _)| kind_of(name).is_none()) {
        line += &format!(" {name}={}", quoted(text));
    }
    match public {
        Some("yes") => line += " public=yes",
        // The last word of a question may look like a wish that nobody made.
        _ if question => line += " public=no",
        _ => {}
    }
    line
}

/// A value as it is typed: in quotes where it would not be read as one word.
pub fn quoted(value: &str) -> String {
    let begins_well = value.starts_with(|c: char| c.is_alphanumeric());
    let plain = begins_well && !value.contains(|c: char| c.is_whitespace() || c == '=');
    if plain {
        value.to_string()
    } else {
        in_quotes(value)
    }
}

fn in_quotes(value: &str) -> String {
    // The typographic ones close what a straight one opens, so they are escaped too.
    let mut text = String::from("\"");
    for c in value.chars() {
        if matches!(c, '\\' | '"' | '“' | '”') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::super::words::words;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn options_become_the_line_that_says_the_same() {
        let check = |verb, given: &[(&str, &str)], expected: &str| {
            let given: Vec<(&str, String)> = given
                .iter()
                .map(|(name, text)| (*name, text.to_string()))
                .collect();
            assert_eq!(compose(verb, &given), expected);
        };
        check(
            Verb::Sql,
            &[
                ("public", "yes"),
                ("region", "Middle East"),
                ("name", "sales"),
            ],
            "sql sales region=\"Middle East\" public=yes",
        );
        check(
            Verb::Logs,
            &[
                ("source", "kelp"),
                ("expression", "level=error"),
                ("since", "7d"),
            ],
            "logs kelp \"level=error\" since=7d",
        );
        check(
            Verb::Ask,
            &[("question", "what does public=yes")],
            "ask what does public=yes public=no",
        );
        check(Verb::Sources, &[], "sources");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_value_comes_back(value in "\\PC{0,40}|[\"“”'\\\\ =a]{0,12}") {
            let line = format!("a={} b", quoted(&value));
            let found = words(&line);
            prop_assert_eq!(found.len(), 2, "{}", line);
            prop_assert_eq!(&found[0].value, &value);
        }
    }
}
