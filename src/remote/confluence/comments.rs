//! Comments at the end of a page, with their answers. Whoever may view the
//! page may read them: Confluence has no restrictions of its own for comments.

use super::{
    RemoteError, Site,
    page::{text, time},
    results,
};
use crate::{
    config::Edition,
    knowledge::{Comment, markup::storage},
};
use serde_json::Value;

/// Of one page; a page with more is a place where people chat.
const MOST: usize = 100;

/// A comment whose author may have to be asked for.
pub(super) struct Given {
    pub comment: Comment,
    pub author_id: Option<String>,
}

/// The comments of a page, oldest first.
pub(super) async fn of_page(site: &Site, page: &str) -> Result<Vec<Given>, RemoteError> {
    let limit = MOST.to_string();
    let mut comments: Vec<(String, Given)> = Vec::new();
    match site.edition {
        Edition::Server => {
            let path = ["rest", "api", "content", page, "child", "comment"];
            let query = [
                ("expand", "body.storage,version,history"),
                ("depth", "all"),
                ("limit", &limit),
            ];
            let found = results(site.service.get(&path, &query).await?)?;
            comments.extend(found.iter().map(server));
        }
        Edition::Cloud => {
            let query = [("body-format", "storage"), ("limit", &limit)];
            let path = ["api", "v2", "pages", page, "footer-comments"];
            let mut waiting = results(site.service.get(&path, &query).await?)?;
            while let Some(comment) = waiting.pop() {
                if comments.len() == MOST {
                    break;
                }
                let id = text(&comment["id"]);
                let path = ["api", "v2", "footer-comments", &id, "children"];
                // Answers that are gone, or that a system does not list, are none.
                if let Some(answers) = site.service.get(&path, &query).await? {
                    waiting.extend(results(Some(answers))?);
                }
                comments.push(cloud(&comment));
            }
        }
    }
    comments.sort_by(|(one, _), (other, _)| one.cmp(other));
    let comments = comments.into_iter().map(|(_, given)| given);
    Ok(comments
        .filter(|given| !given.comment.text.trim().is_empty())
        .collect())
}

/// Of API v2, with the time that it is sorted by.
fn cloud(comment: &Value) -> (String, Given) {
    let version = &comment["version"];
    given(
        comment,
        &version["createdAt"],
        String::new(),
        version["authorId"].as_str(),
    )
}

/// Of API v1.
fn server(comment: &Value) -> (String, Given) {
    let created = &comment["history"]["createdDate"];
    let when = match created.is_null() {
        true => &comment["version"]["when"],
        false => created,
    };
    let by = match comment["history"]["createdBy"].is_null() {
        true => &comment["version"]["by"],
        false => &comment["history"]["createdBy"],
    };
    given(comment, when, text(&by["displayName"]), None)
}

fn given(
    comment: &Value,
    when: &Value,
    author: String,
    author_id: Option<&str>,
) -> (String, Given) {
    let at = time(when);
    let sorted_by = at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let comment = Comment {
        author,
        date: at.map(|at| at.date_naive().to_string()).unwrap_or_default(),
        text: storage::to_markdown(&text(&comment["body"]["storage"]["value"])),
    };
    let author_id = author_id.map(String::from);
    (sorted_by, Given { comment, author_id })
}
