//! A Slack export: `channels.json`, `groups.json`, `users.json`, and a folder
//! for each channel with a file of messages for each day.
//!
//! A thread is a document; what was said outside of threads is one document a
//! day. Public channels are for the source's audience, private ones for their
//! members, and for the group that `groups` gives to the channel's name. Direct
//! messages are never read. What bots wrote, and who came and went, is left out.

use super::{Hidden, Reading, SourceFault, archive::Archive, records::NO_SHARED_GROUP};
use crate::{
    config::{LimitsSection, SlackExport, SourceEntry},
    domain::{DocumentId, SourceKind},
    knowledge::{
        blocks::plain_text,
        document::{Body, Document, narrowed},
        passage::Standing,
    },
};
use chrono::{DateTime, NaiveDate, Utc};
use regex::{Captures, Regex};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    path::Path,
    sync::LazyLock,
};

const TITLE_CHARS: usize = 80;

/// Messages that people wrote have none of the others.
const WRITTEN: [&str; 3] = ["file_share", "thread_broadcast", "me_message"];

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    is_bot: bool,
    #[serde(default)]
    profile: Profile,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Profile {
    real_name: Option<String>,
    display_name: Option<String>,
}

#[derive(Deserialize)]
struct Channel {
    id: String,
    name: String,
    #[serde(default)]
    is_private: bool,
    #[serde(default)]
    members: Vec<String>,
}

#[derive(Clone, Deserialize)]
struct Message {
    ts: String,
    #[serde(default)]
    thread_ts: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    subtype: Option<String>,
    #[serde(default)]
    bot_id: Option<String>,
}

impl Message {
    fn time(&self) -> Option<DateTime<Utc>> {
        let seconds = self.ts.split('.').next()?.parse().ok()?;
        DateTime::from_timestamp(seconds, 0)
    }
}

/// Whether a folder is what Slack exported, and not just any one.
pub fn is_one(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    has("channels.json") && has("users.json") && has("integration_logs.json")
        || has("channels.json") && has("users.json") && has("dms.json")
}

type Visit<'a> = &'a mut dyn FnMut(Reading) -> ControlFlow<()>;

pub fn read(
    source: &SourceEntry,
    export: &SlackExport,
    limits: &LimitsSection,
    visit: Visit,
) -> ControlFlow<()> {
    let name = export.path.display().to_string();
    let whole =
        |problem: String| Reading::Fault(SourceFault::new(name.clone(), problem, Hidden::Source));
    let mut archive = match Archive::open(&export.path) {
        Ok(archive) => archive,
        Err(error) => return visit(whole(format!("can't be read: {error}"))),
    };
    let names = archive.names();
    // Some tools put the whole export into a folder of its own.
    let root = names.iter().find_map(|name| {
        let root = name.strip_suffix("channels.json")?;
        (root.is_empty() || root.ends_with('/')).then(|| root.to_string())
    });
    let Some(root) = root else {
        return visit(whole("is no Slack export: it has no channels.json".into()));
    };
    let mut channels = Vec::new();
    for (list, is_private) in [("channels.json", false), ("groups.json", true)] {
        let list = format!("{root}{list}");
        if !names.contains(&list) {
            continue;
        }
        match parse::<Vec<Channel>>(&mut archive, &list, limits) {
            Ok(found) => channels.extend(found.into_iter().map(|channel| Channel {
                is_private: channel.is_private || is_private,
                ..channel
            })),
            Err(problem) => return visit(whole(format!("{list} {problem}"))),
        }
    }
    let users = match parse::<Vec<User>>(&mut archive, &format!("{root}users.json"), limits) {
        Ok(users) => users,
        // Without it, nobody knows which of the authors are programs.
        Err(problem) => return visit(whole(format!("users.json {problem}"))),
    };
    let reader = Reader {
        source,
        export,
        users: users
            .into_iter()
            .map(|user| (user.id.clone(), user))
            .collect(),
        channels: channels
            .iter()
            .map(|channel| (channel.id.clone(), channel.name.clone()))
            .collect(),
    };
    for channel in &channels {
        let wanted = &export.channels;
        if !wanted.is_empty() && !wanted.contains(&channel.name) {
            continue;
        }
        let folder = format!("{root}{}/", channel.name);
        let days = names.iter().filter(|name| {
            name.strip_prefix(&folder)
                .is_some_and(|day| day.ends_with(".json") && !day.contains('/'))
        });
        let mut messages = Vec::new();
        for day in days {
            match parse::<Vec<serde_json::Value>>(&mut archive, day, limits) {
                // A message of an unknown form says nothing to a reader.
                Ok(found) => messages.extend(
                    found
                        .into_iter()
                        .filter_map(|message| serde_json::from_value::<Message>(message).ok()),
                ),
                Err(problem) => {
                    let fault =
                        SourceFault::new(&channel.name, format!("{day} {problem}"), Hidden::File);
                    visit(Reading::Fault(fault))?;
                }
            }
        }
        reader.channel(channel, messages, visit)?;
    }
    ControlFlow::Continue(())
}

fn parse<T: DeserializeOwned>(
    archive: &mut Archive,
    name: &str,
    limits: &LimitsSection,
) -> Result<T, String> {
    let bytes = archive.read(name, limits.file_bytes);
    let bytes = bytes.map_err(|error| format!("can't be read: {error}"))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("is not what Slack exports: {error}"))
}

struct Reader<'a> {
    source: &'a SourceEntry,
    export: &'a SlackExport,
    users: HashMap<String, User>,
    /// Names by id.
    channels: HashMap<String, String>,
}

/// What messages are one document: a thread, or a day.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Thread(String),
    Day(NaiveDate),
}

impl Reader<'_> {
    fn channel(&self, channel: &Channel, messages: Vec<Message>, visit: Visit) -> ControlFlow<()> {
        let mut roots: HashMap<String, usize> = HashMap::new();
        let messages: Vec<Message> = messages
            .into_iter()
            .filter(|m| self.is_written(m))
            .collect();
        for message in &messages {
            let root = message.thread_ts.as_ref().unwrap_or(&message.ts);
            *roots.entry(root.clone()).or_default() += 1;
        }
        let mut parts: BTreeMap<Part, Vec<Message>> = BTreeMap::new();
        for message in messages {
            let root = message.thread_ts.as_ref().unwrap_or(&message.ts);
            let part = match (roots.get(root), message.time()) {
                (Some(2..), _) => Part::Thread(root.clone()),
                (_, Some(time)) => Part::Day(time.date_naive()),
                (_, None) => continue,
            };
            parts.entry(part).or_default().push(message);
        }
        for (part, mut messages) in parts {
            // Equal lengths before the point: texts sort as the times do.
            messages.sort_by(|a, b| a.ts.cmp(&b.ts));
            messages.dedup_by(|a, b| a.ts == b.ts);
            visit(self.reading(channel, &part, &messages))?;
        }
        ControlFlow::Continue(())
    }

    fn is_written(&self, message: &Message) -> bool {
        let author = message.user.as_ref();
        let is_bot =
            |id: &String| id == "USLACKBOT" || self.users.get(id).is_some_and(|user| user.is_bot);
        let subtype = message.subtype.as_deref();
        author.is_some_and(|id| !is_bot(id))
            && message.bot_id.is_none()
            && subtype.is_none_or(|subtype| WRITTEN.contains(&subtype))
            && !message.text.trim().is_empty()
    }

    fn reading(&self, channel: &Channel, part: &Part, messages: &[Message]) -> Reading {
        let first = messages.first().map_or("", |message| message.ts.as_str());
        let (key, stamp) = match part {
            Part::Thread(root) => (permalink(root), root.as_str()),
            Part::Day(day) => (day.to_string(), first),
        };
        let id = DocumentId::new(format!("{}/{key}", channel.id));
        let mut may_see = Vec::new();
        if channel.is_private {
            may_see.extend(channel.members.iter().map(|id| format!("slack:{id}")));
            may_see.extend(self.source.remote.groups.get(&channel.name).cloned());
            if may_see.is_empty() {
                let why = format!("#{} is private, and has no members", channel.name);
                return Reading::Withheld { id, why };
            }
        }
        let Some(audience) = narrowed(&self.source.audience, &may_see) else {
            let why = NO_SHARED_GROUP.into();
            return Reading::Withheld { id, why };
        };
        let date = messages
            .last()
            .and_then(Message::time)
            .map(|t| t.date_naive());
        let day = date.map(|date| date.to_string()).unwrap_or_default();
        let bytes = messages
            .iter()
            .map(|message| message.text.len() as u64)
            .sum();
        let lines: Vec<String> = messages.iter().map(|message| self.line(message)).collect();
        let title = match part {
            Part::Thread(_) => {
                let text = messages.first().map_or("", |message| message.text.as_str());
                let text = plain_text(&self.readable(text));
                let words: Vec<&str> = text.split_whitespace().collect();
                words.join(" ").chars().take(TITLE_CHARS).collect()
            }
            Part::Day(day) => format!("#{}, {day}", channel.name),
        };
        let locator = match &self.export.url {
            Some(url) => format!(
                "{}/archives/{}/{}",
                url.trim_end_matches('/'),
                channel.id,
                permalink(stamp)
            ),
            None => format!("#{} {day}", channel.name),
        };
        Reading::Document(Box::new(Document {
            id,
            source: self.source.name.clone(),
            origin: channel.name.clone(),
            kind: self.source.kind.unwrap_or(SourceKind::Documents),
            title,
            locator,
            facts: format!("#{} · {day}", channel.name),
            body: Body::Markdown(lines.join("\n\n")),
            date,
            owner: None,
            audience,
            supersedes: Vec::new(),
            standing: Standing::default(),
            bytes,
        }))
    }

    fn line(&self, message: &Message) -> String {
        let author = message.user.as_deref().unwrap_or_default();
        let time = message.time().map(|time| time.format("%H:%M").to_string());
        let text = self.readable(&message.text);
        format!(
            "**{}, {}:** {text}",
            self.name_of(author),
            time.unwrap_or_default()
        )
    }

    fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        let Some(user) = self.users.get(id) else {
            return id;
        };
        let profile = &user.profile;
        let names = [&profile.real_name, &profile.display_name];
        let mut names = names.into_iter().flatten().map(String::as_str);
        names.find(|name| !name.is_empty()).unwrap_or(&user.name)
    }

    /// Slack's own markup as Markdown.
    fn readable(&self, text: &str) -> String {
        let text = TOKEN.replace_all(text, |found: &Captures<'_>| {
            let label = found.get(3).map(|label| label.as_str());
            let target = &found[2];
            match (&found[1], label) {
                ("@", _) => format!("@{}", self.name_of(target)),
                ("#", label) => {
                    let name = self.channels.get(target).map(String::as_str);
                    format!(
                        "#{}",
                        label.filter(|l| !l.is_empty()).or(name).unwrap_or(target)
                    )
                }
                ("!", Some(label)) => label.to_string(),
                ("!", None) => format!("@{target}"),
                (_, Some(label)) if label != target => format!("[{label}]({target})"),
                _ => target.to_string(),
            }
        });
        let text = text.replace("```", "\n```\n");
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    }
}

static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"<([@#!]?)([^<>|\n]+)(?:\|([^<>\n]*))?>").expect("is a pattern"));

/// `1714644000.123456` as Slack writes it into addresses.
fn permalink(ts: &str) -> String {
    format!("p{}", ts.replace('.', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_of_slack_becomes_readable() {
        let source = SourceEntry::new("chat", Path::new(""));
        let export = SlackExport {
            path: "x".into(),
            url: None,
            channels: Vec::new(),
        };
        let mara = User {
            id: "U1".into(),
            name: "mara".into(),
            is_bot: false,
            profile: Profile {
                real_name: Some("Mara Olsen".into()),
                display_name: None,
            },
        };
        let reader = Reader {
            source: &source,
            export: &export,
            users: HashMap::from([("U1".into(), mara)]),
            channels: HashMap::from([("C1".into(), "ops".into())]),
        };
        let check = |text: &str, expected: &str| assert_eq!(reader.readable(text), expected);
        check("ask <@U1> or <@U9>", "ask @Mara Olsen or @U9");
        check("in <#C1|> and <#C1|ops>", "in #ops and #ops");
        check("<!here> <!subteam^S1|@desk>", "@here @desk");
        check(
            "<https://a.example/x|the page> <https://b.example>",
            "[the page](https://a.example/x) https://b.example",
        );
        check("a &lt; b &amp;&amp; c", "a < b && c");
        check("<unclosed", "<unclosed");
    }
}
