//! What a question asks for, told by its words alone: a comparison, a rule,
//! a change of something.

use super::arguments;
use crate::domain::Style;

pub(super) fn is_analytical(text: &str) -> bool {
    const SIGNS: [&str; 17] = [
        "top ",
        "best",
        "worst",
        "average",
        "avg",
        "mean",
        "compare",
        "versus",
        " vs",
        "trend",
        "by region",
        "per ",
        "total",
        "most",
        "highest",
        "lowest",
        "rank",
    ];
    let text = text.to_lowercase();
    SIGNS.iter().any(|sign| text.contains(sign))
}

pub(super) fn style_of(text: &str) -> Style {
    let text = text.to_lowercase();
    let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if starts(&["how do", "how to", "how can", "steps"]) || text.contains("step by step") {
        Style::List
    } else if starts(&[
        "who", "when", "how long", "how much", "how many", "is ", "are ", "can ", "does ",
    ]) {
        Style::Brief
    } else {
        Style::Explanation
    }
}

/// "May I", "who approves", "why": answered by a page, whatever figures it names.
pub(super) fn asks_for_a_rule(text: &str) -> bool {
    const SIGNS: [&str; 20] = [
        " can ",
        " may ",
        " must ",
        " should ",
        " have to ",
        " why ",
        " how do i ",
        " how to ",
        " approve",
        " sign off ",
        " signed off ",
        " allowed ",
        " policy ",
        " rule",
        " do we say ",
        " what happens ",
        " supposed to ",
        " window ",
        " deadline ",
        " entitled ",
    ];
    let text = format!(" {} ", text.to_lowercase().replace(['?', ',', '.'], " "));
    // "Can you find" is a polite request, not a question of what one may do.
    let text = text
        .replace(" can you ", " ")
        .replace(" can i find ", " ")
        .replace(" can i get ", " ");
    SIGNS.iter().any(|sign| text.contains(sign))
}

/// Verbs that begin an order and hardly ever a question.
const ORDERS: [&str; 66] = [
    "create",
    "delete",
    "remove",
    "cancel",
    "close",
    "reopen",
    "assign",
    "approve",
    "drop",
    "insert",
    "grant",
    "reboot",
    "rename",
    "add",
    "put",
    "make",
    "follow",
    "unfollow",
    "pause",
    "resume",
    "skip",
    "mute",
    "unmute",
    "enable",
    "disable",
    "subscribe",
    "unsubscribe",
    "upload",
    "move",
    "archive",
    "invite",
    "clear",
    "turn",
    "increase",
    "decrease",
    "save",
    "replace",
    "shuffle",
    "rewind",
    "pin",
    "unpin",
    "lock",
    "unlock",
    "block",
    "unblock",
    "revoke",
    "reject",
    "accept",
    "deploy",
    "install",
    "uninstall",
    "register",
    "adjust",
    "seek",
    "empty",
    "activate",
    "deactivate",
    "restore",
    "undo",
    "publish",
    "submit",
    "continue",
    "hide",
    "unhide",
    "reschedule",
    "escalate",
];
/// Verbs that are nouns as often: "refund policy", "order status".
const ALSO_NOUNS: [&str; 30] = [
    "update", "change", "set", "refund", "issue", "book", "ship", "order", "mark", "fire",
    "restart", "post", "reset", "play", "switch", "start", "stop", "merge", "modify", "edit",
    "copy", "raise", "lower", "repeat", "pay", "charge", "transfer", "exchange", "roll", "like",
];

/// A request to change something: an order with something to do it to, also
/// as the second half of a sentence. "Send me" and "show me" ask for reading;
/// "order ORD-1 status" and "refund policy" only name things.
pub(super) fn asks_to_change(text: &str) -> bool {
    const ASKING: [&str; 22] = [
        "how", "what", "who", "whom", "whose", "when", "where", "why", "which", "can", "may",
        "must", "should", "do", "does", "did", "is", "are", "was", "were", "has", "have",
    ];
    let (rest, polite) = without_politeness(text);
    let first = rest
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase();
    if ASKING.contains(&first.as_str()) {
        return false;
    }
    let clauses = rest
        .split([',', ';', '!'])
        .flat_map(|clause| clause.split(" and "))
        .flat_map(|clause| clause.split(" then "));
    clauses
        .map(|clause| without_politeness(clause).0)
        .enumerate()
        .any(|(at, clause)| is_order(&clause, polite, at > 0, text))
}

fn without_politeness(text: &str) -> (String, bool) {
    const POLITE: [&str; 23] = [
        "please ",
        "pls ",
        "can you ",
        "could you ",
        "would you ",
        "will you ",
        "lore ",
        "lore,",
        "hey ",
        "hi ",
        "go ahead and ",
        "just ",
        "i want you to ",
        "i need you to ",
        "i want to ",
        "i would like to ",
        "i'd like to ",
        "i need to ",
        "let's ",
        "help me to ",
        "help me ",
        "i'd like you to ",
        "now ",
    ];
    let mut rest = text.trim();
    let mut polite = false;
    // Lower case keeps the length of ASCII, which these are.
    while let Some(word) = POLITE.iter().find(|word| {
        rest.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    }) {
        rest = rest[word.len()..].trim_start_matches([',', ' ', '!']);
        polite = true;
    }
    (rest.to_string(), polite)
}

fn is_order(clause: &str, polite: bool, later: bool, text: &str) -> bool {
    const DETERMINERS: [&str; 20] = [
        "the", "this", "that", "my", "a", "an", "all", "me", "it", "every", "another", "new",
        "our", "his", "her", "their", "some", "them", "these", "those",
    ];
    const PARTICLES: [&str; 7] = ["to", "down", "up", "off", "back", "into", "out"];
    // People type the names of things, too: "add merchant steps", "create ticket how".
    const OF_PAGES: [&str; 12] = [
        "how",
        "policy",
        "process",
        "steps",
        "guide",
        "rule",
        "rules",
        "who",
        "when",
        "why",
        "fee",
        "instructions",
    ];
    let words: Vec<&str> = clause.split_whitespace().collect();
    let Some((verb, object)) = words.split_first() else {
        return false;
    };
    let verb = verb.to_lowercase();
    let lower = |at: usize| {
        object
            .get(at)
            .map(|word| word.to_lowercase())
            .unwrap_or_default()
    };
    let is_name = |at: usize| {
        object.get(at).is_some_and(|word| {
            word.trim_start_matches(['\'', '"', '“'])
                .starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit())
        })
    };
    let determined = |at: usize| DETERMINERS.contains(&lower(at).as_str());
    let led = PARTICLES.contains(&lower(0).as_str()) && (determined(1) || is_name(1));
    let names_record = !arguments::record_ids(clause).is_empty();
    if ORDERS.contains(&verb.as_str()) {
        let lowered = text.to_lowercase();
        let of_page = || {
            lowered.contains('?')
                || lowered
                    .split(|c: char| !c.is_alphanumeric())
                    .any(|word| OF_PAGES.contains(&word))
        };
        let bare = !later && !object.is_empty() && !of_page();
        return determined(0) || led || names_record || is_name(0) || polite || bare;
    }
    // "Set up the printer" may be typed for the page about it.
    ALSO_NOUNS.contains(&verb.as_str())
        && (determined(0) || led && !(verb == "set" && lower(0) == "up") || polite && names_record)
        && !(later && lower(0) == "to")
}

/// Whether a tool's own words say that it changes or makes something: then an
/// order is what it is for. The catalogue is read only, so this is for tools
/// that make something up, such as a chart, and for those of others.
pub(super) fn is_for_orders(name: &str, description: &str) -> bool {
    const MAKING: [&str; 8] = [
        "generat", "compos", "design", "draw", "convert", "mix", "perform", "produc",
    ];
    let stem = |word: &str| word.to_lowercase().trim_end_matches(['s', 'e']).to_string();
    let orders = || {
        ORDERS
            .iter()
            .chain(&ALSO_NOUNS)
            .filter(|verb| **verb != "follow" && **verb != "save")
    };
    let words = arguments::name_words(name);
    let begins = description
        .split_whitespace()
        .next()
        .map(stem)
        .unwrap_or_default();
    let does = |word: &str| orders().any(|verb| stem(verb) == word) || MAKING.contains(&word);
    does(&begins)
        || words.iter().any(|word| {
            does(&stem(word))
                && !matches!(
                    word.as_str(),
                    "order" | "orders" | "refund" | "refunds" | "issue" | "issues" | "set"
                )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_to_change_something_are_recognised() {
        let check =
            |text: &str, expected: bool| assert_eq!(asks_to_change(text), expected, "{text}");
        check("please delete the order ORD-10023", true);
        check("can you create a ticket for me", true);
        check("close REQ-1234", true);
        check("Please cancel order ORD-25825 for me.", true);
        check("Close ticket REQ-1288 and tell the merchant", true);
        check("update on REQ-1234", false);
        check("refund policy for terminals", false);
        check("order ORD-10023 status", false);
        check("show me the refunds of today", false);
        check("how do I cancel an order", false);
        check("Add Bohemian Rhapsody to my second playlist", true);
        check("Turn the music down, then pause the player", true);
        check("Switch to the last song", true);
        check("I want to rename this channel", true);
        check("restart the heron service?", true);
        check("add merchant steps", false);
        check("set up the printer", false);
        check("order volume in UKI and refunds", false);
        check("Show me my lists and delete the oldest one", true);
        check("post mortem of the outage in march", false);
        check("Give me a song of my favorite artist", false);
        check("what did we change and who approved the plan", false);
    }

    #[test]
    fn tools_that_make_something_may_be_given_orders() {
        let check = |name: &str, description: &str, expected: bool| {
            assert_eq!(is_for_orders(name, description), expected, "{name}");
        };
        check("travel_itinerary", "Generate a travel itinerary", true);
        check("book_hotel", "A room for some nights", true);
        check("order_status", "Where an order is", false);
        check("get_playlist", "Get a playlist owned by a user", false);
        check("open_orders", "Number of orders not shipped yet", false);
    }
}
