//! Callbacks: secrets, so they stand in a column of their own.
//!
//! Promise: a callback is kept for as long as its command is not settled, and
//! never beyond. Neither the stored event nor the audit log holds it.

use super::{
    Result,
    sql::{Row, Value, json},
};
use crate::domain::{Callback, PersonId, Showing};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Stored {
    secret: String,
    person: PersonId,
    promised: Option<Showing>,
}

pub(super) fn stored(callback: Option<&Callback>) -> Result<Value> {
    let Some(callback) = callback else {
        return Ok(Value::Text(None));
    };
    let stored = Stored {
        secret: callback.secret.expose_secret().into(),
        person: callback.person.clone(),
        promised: callback.promised,
    };
    Ok(json(&stored, "callback")?.into())
}

pub(super) fn read(row: &Row) -> Result<Option<Callback>> {
    let Some(text) = row.get::<Option<String>>("callback")? else {
        return Ok(None);
    };
    // The parser's own message might quote the secret.
    let stored: Stored = serde_json::from_str(&text)
        .map_err(|_| row.unreadable("callback", "not as it is stored"))?;
    Ok(Some(Callback {
        secret: stored.secret.into(),
        person: stored.person,
        promised: stored.promised,
    }))
}
