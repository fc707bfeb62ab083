//! One issue as a ticket.

use super::{super::attachments::Attachment, time};
use crate::{
    config::Edition,
    knowledge::{
        Comment, Restriction, Ticket,
        markup::{adf, wiki},
    },
};
use serde_json::Value;

pub(super) fn ticket(issue: &Value, comments: &[Value], link: String, edition: Edition) -> Ticket {
    let fields = &issue["fields"];
    let name = |field: &str| named(&fields[field]);
    let day = |field: &str| {
        let time = time(&fields[field]);
        time.map_or(String::new(), |time| time.date_naive().to_string())
    };
    let (assignee, reporter) = (person(&fields["assignee"]), person(&fields["reporter"]));
    Ticket {
        key: text(&issue["key"]),
        title: text(&fields["summary"]),
        description: markdown(&fields["description"], edition),
        owner: [assignee.clone(), reporter.clone()]
            .into_iter()
            .find(|name| !name.is_empty()),
        fields: vec![
            ("status", name("status")),
            ("type", name("issuetype")),
            ("priority", name("priority")),
            ("resolution", name("resolution")),
            ("reporter", reporter),
            ("assignee", assignee),
            ("labels", list(&fields["labels"])),
            ("components", list(&fields["components"])),
            ("versions", list(&fields["fixVersions"])),
            ("created", day("created")),
            ("updated", day("updated")),
        ],
        comments: comments
            .iter()
            .filter_map(|given| comment(given, edition))
            .collect(),
        updated: time(&fields["updated"]).map(|time| time.date_naive()),
        locator: link,
        restrictions: restrictions(fields),
    }
}

/// A file that is attached to an issue.
pub(super) fn attachment(file: &Value) -> Attachment {
    Attachment {
        id: text(&file["id"]),
        name: text(&file["filename"]),
        bytes: file["size"].as_u64().unwrap_or(0),
        download: text(&file["content"]),
        date: time(&file["created"]).map(|time| time.date_naive()),
        author: Some(person(&file["author"])).filter(|name| !name.is_empty()),
    }
}

/// The issue's security level. What is none and no level either can't be read.
fn restrictions(fields: &Value) -> Result<Vec<Restriction>, String> {
    let unreadable = || Err("their security level can't be read".into());
    match &fields["security"] {
        _ if !fields.is_object() => unreadable(),
        Value::Null => Ok(Vec::new()),
        level => match text(&level["name"]) {
            name if name.is_empty() => unreadable(),
            name => Ok(vec![Restriction::from([name])]),
        },
    }
}

/// `None` for one that only a role or a group may see.
fn comment(given: &Value, edition: Edition) -> Option<Comment> {
    if !given["visibility"].is_null() {
        return None;
    }
    let date = time(&given["created"]);
    Some(Comment {
        author: person(&given["author"]),
        date: date.map_or(String::new(), |date| date.date_naive().to_string()),
        text: markdown(&given["body"], edition),
    })
}

fn markdown(body: &Value, edition: Edition) -> String {
    match (edition, body) {
        (Edition::Server, Value::String(text)) => wiki::to_markdown(text),
        (_, Value::Null) => String::new(),
        (_, body) => adf::to_markdown(body),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn named(value: &Value) -> String {
    text(&value["name"])
}

fn person(value: &Value) -> String {
    match text(&value["displayName"]) {
        name if name.is_empty() => named(value),
        name => name,
    }
}

/// Texts, or things with a name.
fn list(value: &Value) -> String {
    let items = value.as_array().into_iter().flatten();
    let names = items.map(|item| item.as_str().map_or_else(|| named(item), String::from));
    names.collect::<Vec<_>>().join(", ")
}
