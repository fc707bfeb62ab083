//! Slack's own text format: escaping on the way out, reading on the way in.

/// Text in which nothing can ping, link or format as a control sequence.
/// Slack asks for exactly these three to be replaced.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c => escaped.push(c),
        }
    }
    escaped
}

pub fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        // Last, so that `&amp;lt;` becomes the text `&lt;`.
        .replace("&amp;", "&")
}

/// Length of the escaped text in UTF-16 units, the strictest way in which a
/// limit "in characters" can be meant.
pub fn cost(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '&' => 5,
            '<' | '>' => 4,
            c => c.len_utf16(),
        })
        .sum()
}

/// `<address|label>` for `http` and `https`; `None` for anything else.
///
/// An address with a user name is refused (`https://slack.com@evil.example`),
/// and a label that looks like an address gives way to the true one.
pub fn link(address: &str, label: &str) -> Option<String> {
    let url = reqwest::Url::parse(address).ok()?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return None;
    }
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let address = escape(&url.as_str().replace('|', "%7C"));
    let misleading = label.contains("://") || label.trim_start().starts_with("www.");
    let label = if misleading || label.trim().is_empty() {
        url.as_str()
    } else {
        label
    };
    // A bar or a line break would end the label early.
    let label = escape(label).replace('|', "¦").replace(['\n', '\r'], " ");
    Some(format!("<{address}|{label}>"))
}

/// What a person typed.
#[derive(Debug, PartialEq)]
pub struct Typed {
    pub text: String,
    pub mentions_us: bool,
}

/// Plain text from a message, the mention of `bot` taken out.
pub fn read(text: &str, bot: &str) -> Typed {
    let mut plain = String::with_capacity(text.len());
    let mut mentions_us = false;
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        plain.push_str(&unescape(&rest[..open]));
        let Some(close) = rest[open..].find('>') else {
            rest = &rest[open..];
            break;
        };
        let entity = &rest[open + 1..open + close];
        rest = &rest[open + close + 1..];
        if mention(entity) == Some(bot) {
            mentions_us = true;
            rest = join_around_mention(&mut plain, rest);
        } else {
            plain.push_str(&unescape(&spoken(entity)));
        }
    }
    plain.push_str(&unescape(rest));
    Typed {
        text: plain.trim().to_string(),
        mentions_us,
    }
}

fn mention(entity: &str) -> Option<&str> {
    let id = entity.strip_prefix('@')?;
    Some(id.split_once('|').map_or(id, |(id, _)| id))
}

/// "hey <@U1> what" reads "hey what", and "<@U1>: what" reads "what".
fn join_around_mention<'a>(before: &mut String, after: &'a str) -> &'a str {
    if before.trim().is_empty() {
        return after.trim_start_matches([' ', ',', ':']);
    }
    if before.ends_with(' ') {
        return after.trim_start_matches(' ');
    }
    after
}

/// How a reader sees `<…>`: the label, or the name behind the sign.
fn spoken(entity: &str) -> String {
    let (target, label) = match entity.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (entity, None),
    };
    match target.chars().next() {
        Some('@') => label.map_or(target.to_string(), |name| format!("@{name}")),
        Some('#') => label.map_or(target.to_string(), |name| format!("#{name}")),
        Some('!') => label.map_or(format!("@{}", &target[1..]), str::to_string),
        _ => match label {
            None => target.to_string(),
            Some(label) if target.ends_with(label) => label.to_string(),
            Some(label) => format!("{label} ({target})"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_text_reads_as_it_looked() {
        let check = |raw: &str, text: &str, mentions_us: bool| {
            let expected = Typed {
                text: text.into(),
                mentions_us,
            };
            assert_eq!(read(raw, "UBOT"), expected, "{raw}");
        };
        check("<@UBOT> how?", "how?", true);
        check("<@UBOT>: how?", "how?", true);
        check("<@UBOT|lore>, how?", "how?", true);
        check("hey <@UBOT> what now", "hey what now", true);
        check("is it so <@UBOT>?", "is it so ?", true);
        check("<@UBOT>", "", true);
        check("<@UBOT> <@UBOT> twice", "twice", true);
        check("<@U2> knows", "@U2 knows", false);
        check("<@UBOTTLE> knows", "@UBOTTLE knows", false);
        check("see <#C1|general>", "see #general", false);
        check("<!here> a &lt;b&gt; &amp; c", "@here a <b> & c", false);
        check("<!subteam^S1|@ops>", "@ops", false);
        check("&amp;lt;", "&lt;", false);
        check("<https://a.example/x>", "https://a.example/x", false);
        check("<https://a.example|a.example>", "a.example", false);
        check(
            "<https://a.example|docs>",
            "docs (https://a.example)",
            false,
        );
        check("<mailto:a@b.example|a@b.example>", "a@b.example", false);
        check("1 < 2 and <", "1 < 2 and <", false);
        check("", "", false);
    }

    #[test]
    fn only_web_addresses_become_links() {
        let check = |address: &str, label: &str, expected: Option<&str>| {
            assert_eq!(link(address, label).as_deref(), expected, "{address}");
        };
        check(
            "https://a.example/x?y=1&z=2",
            "A & B",
            Some("<https://a.example/x?y=1&amp;z=2|A &amp; B>"),
        );
        check("https://a.example", "a|b", Some("<https://a.example/|a¦b>"));
        check(
            "https://a.example",
            "https://b.example",
            Some("<https://a.example/|https://a.example/>"),
        );
        for refused in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "docs/leave.md",
            "LK-12",
            "https://slack.com@evil.example/",
            "!channel",
            "",
        ] {
            check(refused, "label", None);
        }
    }

    #[test]
    fn escaped_text_comes_back() {
        for text in ["<!channel>", "&lt;", "a & b", "<@U1> <#C1|x>", "日本 🧑‍🚒"] {
            let escaped = escape(text);
            assert!(!escaped.contains(['<', '>']));
            assert_eq!(unescape(&escaped), text);
            assert_eq!(cost(text), escaped.encode_utf16().count());
        }
    }
}
