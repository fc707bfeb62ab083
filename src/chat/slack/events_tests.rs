use super::*;
use crate::domain::TenantId;
use serde_json::json;

fn me() -> Identity {
    Identity {
        user: "UBOT".into(),
        bot: Some("BBOT".into()),
        team: TenantId::new("T1"),
        enterprise: None,
    }
}

fn read_one(kind: &str, payload: Value) -> Meaning {
    let frame = json!({ "envelope_id": "e1", "type": kind, "payload": payload });
    match read_frame(&frame.to_string()) {
        Frame::Envelope(envelope) => read(&envelope, &me()),
        other => panic!("{other:?}"),
    }
}

fn read_event_of(event: Value) -> Meaning {
    read_one(
        "events_api",
        json!({ "event_id": "Ev1", "team_id": "T1", "event": event }),
    )
}

fn question(event: Value) -> IncomingQuestion {
    match read_event_of(event) {
        Meaning::Incoming(Incoming::Question(question)) => question,
        other => panic!("{other:?}"),
    }
}

/// A message in C1 that mentions the bot, with `fields` on top.
fn message(fields: Value) -> Value {
    let mut event = json!({
        "type": "message", "user": "U7", "text": "<@UBOT> how?", "channel": "C1",
        "channel_type": "channel", "ts": "1700000000.000100", "event_ts": "1700000000.000100",
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        event[name] = value.clone();
    }
    event
}

#[test]
fn messages_that_ask_are_told_from_those_that_do_not() {
    let asks = |fields: Value| {
        let meaning = read_event_of(message(fields.clone()));
        assert!(
            matches!(meaning, Meaning::Incoming(Incoming::Question(_))),
            "{fields}: {meaning:?}"
        );
    };
    let ignored = |fields: Value| {
        let meaning = read_event_of(message(fields.clone()));
        assert!(
            matches!(meaning, Meaning::Incoming(Incoming::Ignored(_))),
            "{fields}: {meaning:?}"
        );
    };
    asks(json!({}));
    asks(json!({ "subtype": "file_share" }));
    asks(json!({ "subtype": "thread_broadcast", "thread_ts": "1690000000.000100" }));
    asks(json!({ "channel_type": "group" }));
    asks(json!({ "channel_type": "mpim" }));
    asks(json!({ "channel_type": "im", "text": "how?" }));
    asks(json!({ "bot_id": null, "hidden": null, "user_profile": null, "edited": null }));
    asks(json!({ "thread_ts": "1690000000.000100", "text": "how?" }));
    ignored(json!({ "text": "how?" }));
    ignored(json!({ "channel_type": "mpim", "text": "how?" }));
    ignored(json!({ "user": "UBOT" }));
    ignored(json!({ "user": "USLACKBOT" }));
    ignored(json!({ "bot_id": "BBOT" }));
    ignored(json!({ "bot_id": "BOTHER" }));
    ignored(json!({ "hidden": true }));
    ignored(json!({ "edited": { "user": "U7", "ts": "1700000001.000000" } }));
    for subtype in [
        "bot_message",
        "me_message",
        "message_changed",
        "channel_topic",
        "brand_new",
    ] {
        ignored(json!({ "subtype": subtype }));
    }
}

#[test]
fn question_carries_who_where_and_when() {
    let asked = question(message(json!({ "client_msg_id": "m-1" })));
    assert_eq!(asked.delivery, "Ev1");
    assert_eq!(asked.subject, "T1:C1:1700000000.000100");
    assert_eq!(asked.alias.as_deref(), Some("m-1"));
    assert_eq!(asked.text, "how?");
    assert_eq!(asked.asker.person.as_str(), "slack:U7");
    assert_eq!(asked.place.tenant.as_str(), "T1");
    assert_eq!(asked.place.thread.as_str(), "1700000000.000100");
    assert_eq!(asked.asked_at.timestamp_micros(), 1_700_000_000_000_100);
}

#[test]
fn membership_is_read_where_the_event_tells_it() {
    let check = |fields: Value, expected: Membership| {
        assert_eq!(question(message(fields)).asker.membership, expected);
    };
    check(json!({}), Membership::Unknown);
    check(json!({ "user_team": "T1" }), Membership::Unknown);
    check(json!({ "user_team": "T2" }), Membership::External);
    check(
        json!({ "user_profile": { "is_restricted": true } }),
        Membership::Guest,
    );
    check(
        json!({ "user_profile": { "is_ultra_restricted": true } }),
        Membership::Guest,
    );
}

#[test]
fn times_are_read_to_the_microsecond() {
    let check = |ts: &str, expected: Option<i64>| assert_eq!(micros(ts), expected, "{ts}");
    check("1700000000.000100", Some(1_700_000_000_000_100));
    check("1700000000.1", Some(1_700_000_000_100_000));
    check("1700000000", Some(1_700_000_000_000_000));
    for wrong in ["", "now", "1.x", "99999999999999999999.0", "1700000000.-1"] {
        check(wrong, None);
    }
}

#[test]
fn events_about_readers_drop_what_was_known() {
    let check = |event: Value, expected: Changed| {
        assert_eq!(read_event_of(event), Meaning::Changed(expected));
    };
    let channel = |id: &str| Changed::Channel(id.into());
    check(
        json!({ "type": "channel_shared", "channel": "C1" }),
        channel("C1"),
    );
    check(
        json!({ "type": "channel_unshared", "channel": "C1" }),
        channel("C1"),
    );
    check(
        json!({ "type": "channel_id_changed", "old_channel_id": "G1", "new_channel_id": "C1" }),
        channel("G1"),
    );
    check(
        json!({ "type": "user_change", "user": { "id": "U7" } }),
        Changed::Person("U7".into()),
    );
}

#[test]
fn only_our_own_revoked_token_ends_the_connection() {
    let revoked =
        |bots: Value| read_event_of(json!({ "type": "tokens_revoked", "tokens": { "bot": bots } }));
    assert_eq!(revoked(json!(["UBOT"])), Meaning::Revoked);
    assert_ne!(revoked(json!(["UOTHER"])), Meaning::Revoked);
}

#[test]
fn reaction_to_a_message_without_a_known_author_is_kept() {
    let reaction = |fields: Value| {
        let mut event = json!({
            "type": "reaction_added", "user": "U7", "reaction": "+1", "event_ts": "1700000000.000100",
            "item": { "type": "message", "channel": "C1", "ts": "1690000000.000100" },
        });
        for (name, value) in fields.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        match read_event_of(event) {
            Meaning::Incoming(Incoming::Feedback(_)) => true,
            Meaning::Incoming(Incoming::Ignored(_)) => false,
            other => panic!("{other:?}"),
        }
    };
    assert!(reaction(json!({})));
    assert!(reaction(json!({ "item_user": "UBOT" })));
    assert!(!reaction(json!({ "item_user": "U8" })));
    assert!(!reaction(json!({ "user": "UBOT" })));
    assert!(!reaction(json!({ "user": "USLACKBOT" })));
    assert!(!reaction(
        json!({ "item": { "type": "file", "file": "F1" } })
    ));
}

#[test]
fn nothing_that_slack_sends_can_stop_us() {
    let frames = [
        "",
        "null",
        "[]",
        "7",
        "{",
        "{\"type\":7}",
        "{\"envelope_id\":7,\"type\":\"events_api\"}",
    ];
    for frame in frames {
        assert!(matches!(read_frame(frame), Frame::Unreadable), "{frame}");
    }
    for payload in [
        json!(null),
        json!([]),
        json!({ "event": 7 }),
        json!({ "event": { "type": "message" } }),
    ] {
        for kind in ["events_api", "interactive", "slash_commands", ""] {
            let meaning = read_one(kind, payload.clone());
            assert!(
                matches!(meaning, Meaning::Incoming(Incoming::Unknown { .. })),
                "{meaning:?}"
            );
        }
    }
    let Meaning::Incoming(Incoming::Unknown { kind }) = read_one(&"x".repeat(1000), json!({}))
    else {
        panic!("it is unknown");
    };
    assert_eq!(kind.len(), 64);
}

#[test]
fn feedback_button_that_is_not_ours_is_unknown() {
    let press = |value: &str| {
        let payload = json!({
            "type": "block_actions", "user": { "id": "U7", "team_id": "T1" },
            "actions": [{ "type": "feedback_buttons", "value": value, "action_ts": "1700000000.000100" }],
        });
        read_one("interactive", payload)
    };
    let question = QuestionId::new();
    let ours = press(&button_value(Verdict::Negative, question));
    assert!(
        matches!(ours, Meaning::Incoming(Incoming::Feedback(_))),
        "{ours:?}"
    );
    for value in [
        "",
        "positive",
        "positive:",
        "maybe:0192",
        "positive:SELECT 1",
    ] {
        let meaning = press(value);
        assert!(
            matches!(meaning, Meaning::Incoming(Incoming::Unknown { .. })),
            "{meaning:?}"
        );
    }
}
