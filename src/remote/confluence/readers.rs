//! Who may view a page: those whom it and all pages above it let in.

use super::{
    Edition, RemoteError, Site,
    page::{Above, Page, text},
};
use crate::{knowledge::Restriction, tools::http::ServiceError};
use serde_json::Value;
use std::collections::HashMap;

/// A page has no more above it.
const DEPTH: usize = 100;

/// What is known of pages in this reading; many have the same ones above them.
#[derive(Default)]
pub(super) struct Readers {
    /// By page; `None` where it has no restriction. The error is the reason why
    /// nobody may see what lies there.
    restrictions: HashMap<String, Result<Option<Restriction>, String>>,
    above: HashMap<String, Result<Vec<String>, String>>,
}

impl Readers {
    /// Every restriction that counts for a page.
    pub(super) async fn of(
        &mut self,
        site: &Site,
        page: &Page,
    ) -> Result<Result<Vec<Restriction>, String>, RemoteError> {
        let above = match &page.above {
            Above::Nothing => Vec::new(),
            Above::Known(above) => above.clone(),
            Above::Parent(parent) => match self.above(site, parent, &page.id).await? {
                Ok(above) => above,
                Err(why) => return Ok(Err(why)),
            },
        };
        let mut restrictions = Vec::new();
        for id in above.iter().chain([&page.id]) {
            match self.restriction(site, id).await? {
                Ok(restriction) => restrictions.extend(restriction),
                Err(why) => return Ok(Err(why)),
            }
        }
        Ok(Ok(restrictions))
    }

    /// All that is above a page, asked for once for the pages of one parent.
    async fn above(
        &mut self,
        site: &Site,
        parent: &str,
        page: &str,
    ) -> Result<Result<Vec<String>, String>, RemoteError> {
        if let Some(known) = self.above.get(parent) {
            return Ok(known.clone());
        }
        let path = ["api", "v2", "pages", page, "ancestors"];
        let asked = site.service.get(&path, &[("limit", "250")]).await;
        let above = answer(asked)?.and_then(|found| {
            let found = found["results"].as_array()?;
            let ids: Vec<String> = found.iter().map(|above| text(&above["id"])).collect();
            // A list without the parent, or one that may go on, is not all.
            (ids.len() <= DEPTH && ids.iter().any(|id| id == parent)).then_some(ids)
        });
        let above = above.ok_or_else(|| "the pages above them can't be read".to_string());
        self.above.insert(parent.into(), above.clone());
        Ok(above)
    }

    async fn restriction(
        &mut self,
        site: &Site,
        id: &str,
    ) -> Result<Result<Option<Restriction>, String>, RemoteError> {
        if let Some(known) = self.restrictions.get(id) {
            return Ok(known.clone());
        }
        let path = [
            "rest",
            "api",
            "content",
            id,
            "restriction",
            "byOperation",
            "read",
        ];
        let expand = [("expand", "restrictions.user,restrictions.group")];
        let asked = site.service.get(&path, &expand).await;
        let found = answer(asked)?
            .as_ref()
            .and_then(|found| restriction(found, site.edition));
        let found = found.ok_or_else(|| "their restrictions can't be read".to_string());
        self.restrictions.insert(id.into(), found.clone());
        Ok(found)
    }
}

/// What is refused or not there is no answer; a service that is down is an error.
fn answer(asked: Result<Option<Value>, ServiceError>) -> Result<Option<Value>, RemoteError> {
    match asked {
        Err(ServiceError::Forbidden | ServiceError::Refused(_)) => Ok(None),
        asked => Ok(asked?),
    }
}

/// `None` where the answer does not tell.
fn restriction(found: &Value, edition: Edition) -> Option<Option<Restriction>> {
    let lists = &found["restrictions"];
    let users = lists["user"]["results"].as_array()?;
    let groups = lists["group"]["results"].as_array()?;
    if users.is_empty() && groups.is_empty() {
        return Some(None);
    }
    let keys: &[&str] = match edition {
        Edition::Cloud => &["accountId"],
        Edition::Server => &["username", "userKey"],
    };
    let named = |value: &Value, keys: &[&str]| -> Vec<String> {
        let names = keys.iter().map(|key| text(&value[*key]));
        names.filter(|name| !name.is_empty()).collect()
    };
    let users = users.iter().flat_map(|user| named(user, keys));
    let groups = groups
        .iter()
        .flat_map(|group| named(group, &["name", "id"]));
    Some(Some(users.chain(groups).collect()))
}
