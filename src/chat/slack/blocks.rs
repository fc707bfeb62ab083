//! The kinds of Slack blocks that we make.

use super::events::button_value;
use crate::domain::{QuestionId, Verdict, reply};
use serde_json::{Value, json};

pub fn section(mrkdwn: String) -> Value {
    json!({ "type": "section", "expand": true, "text": text_object(mrkdwn) })
}

pub fn context(mrkdwn: String) -> Value {
    json!({ "type": "context", "elements": [text_object(mrkdwn)] })
}

/// `verbatim` keeps Slack from making links and pings out of bare words.
fn text_object(mrkdwn: String) -> Value {
    json!({ "type": "mrkdwn", "text": mrkdwn, "verbatim": true })
}

pub fn feedback_buttons(question: QuestionId) -> Value {
    let button = |label: &str, spoken: &str, verdict| {
        json!({
            "text": { "type": "plain_text", "text": label },
            "accessibility_label": spoken,
            "value": button_value(verdict, question),
        })
    };
    json!({
        "type": "context_actions",
        "elements": [{
            "type": "feedback_buttons",
            "action_id": "lorekeeper_feedback",
            "positive_button": button(reply::HELPFUL, reply::THIS_IS_HELPFUL, Verdict::Positive),
            "negative_button": button(reply::NOT_HELPFUL, reply::THIS_IS_NOT_HELPFUL, Verdict::Negative),
        }],
    })
}
