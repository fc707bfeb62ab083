//! What a text parameter is about, told by its words: a place, a person, an id.

use super::words::{Cues, stem};

/// As far as it tells which part of a question is the value. A parameter may have several.
#[derive(Clone, Copy, Debug, Default)]
pub struct Role {
    pub place: bool,
    /// A place that others lie in.
    pub country: bool,
    /// A place that is asked for with the one that it lies in: "city and state".
    pub whole_place: bool,
    /// Where something begins, or what it is made from.
    pub from: bool,
    /// Where it ends.
    pub to: bool,
    /// Who made it.
    pub by: bool,
    /// What it runs on or is shown on.
    pub on: bool,
    pub topic: bool,
    /// Something with a name of its own.
    pub name: bool,
    /// A sort of thing, which adjectives tell.
    pub kind: bool,
    pub code: bool,
    pub id: bool,
    pub path: bool,
    pub email: bool,
    pub formula: bool,
    /// A text that is worked on as it stands.
    pub prose: bool,
    pub currency: bool,
}

impl Role {
    pub fn of(cues: &Cues) -> Self {
        let named = |words: &str| words.split(' ').any(|word| cues.is_named(&[&stem(word)]));
        let speaks = |words: &str| words.split(' ').any(|word| cues.speaks_of(&[&stem(word)]));
        Self {
            place: speaks("city country")
                || named("location place region state address town destination origin area venue"),
            country: named("country state nation"),
            whole_place: speaks("city") && speaks("state country district"),
            from: named("from start starting begin origin source departure base"),
            to: named("to into end destination target arrival"),
            by: named(
                "author artist creator composer director writer designer brand maker manufacturer",
            ),
            on: named("platform network site website channel device"),
            topic: named("topic subject theme query keyword title event discovery"),
            name: speaks(
                "name company organization team person user customer employee author artist brand manufacturer store product",
            ),
            kind: named("type kind genre category style material color colour cuisine diet"),
            code: named(
                "id identifier code number sku key symbol version ip email size sequence season",
            ),
            id: named("id identifier uuid"),
            path: named("path file filename url link dataset directory folder"),
            email: named("email mail to cc bcc recipient sender address"),
            formula: named("function equation expression formula polynomial")
                && !named("variable name type"),
            prose: named("text sentence message content comment review body"),
            currency: named("currency"),
        }
    }
}
