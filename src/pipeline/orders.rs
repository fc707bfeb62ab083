//! Orders: requests to change something, which are not for a bot that only reads.
//!
//! People name what they want to know about with the same words: "replace a
//! battery" may be what the bot should do or the page that is looked for. So
//! an order is certain or not; one that is not is looked up first.

use super::arguments;

/// How sure it is that a text is an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Its object is any ("a battery"), it stands beside a question, or it is
    /// the asker's own wish: a page may tell how.
    Perhaps,
    /// Its object is a certain one ("the broker"), as in an order or in the
    /// name of a page.
    Probably,
    /// It names what could be acted on ("ORD-1", "my password") or is said to the bot.
    Certain,
}

/// Verbs that begin an order and hardly ever a question.
const VERBS: &str = "\
    append create delete remove cancel close reopen assign approve drop insert grant reboot rename \
    add put make follow unfollow pause resume skip mute unmute enable disable subscribe \
    unsubscribe upload move archive invite clear turn increase decrease save replace shuffle \
    rewind pin unpin lock unlock block unblock revoke reject accept deploy install uninstall \
    register adjust seek empty activate deactivate restore undo publish submit continue hide \
    unhide reschedule escalate extend halt notify revert rotate suspend upgrade downgrade";
/// Verbs that are nouns as often: "refund policy", "order status".
const ALSO_NOUNS: &str = "\
    update change set refund issue book ship order mark fire restart post reset play switch \
    start stop merge modify edit copy raise lower repeat pay charge transfer exchange roll \
    like open send swap";
/// Of these, what records are called: in "order ORD-1" nobody orders.
const NAMES_OF_RECORDS: &str = "\
    order issue refund charge";
/// Words that begin a question.
const ASKING: &str = "\
    how what who whom whose when where why which can may must should do does did is are was \
    were has have";
/// People type the names of things, too: "add merchant steps", "create ticket how".
const OF_PAGES: &str = "\
    how policy process steps guide rule rules who when why fee instructions";

fn is_among(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

/// Who is to do it.
#[derive(Clone, Copy, PartialEq)]
enum Doer {
    /// "Please".
    Bot,
    /// "Can you", the bot or anybody: "can you return opened paper?"
    Anybody,
    /// "I need to".
    Asker,
}

/// What the verb of a clause is followed by.
#[derive(Clone, Copy, PartialEq)]
enum Object {
    None,
    /// A word or a name alone.
    Bare,
    /// "A ticket".
    Any,
    /// "The broker".
    Definite,
    /// "ORD-1", "my password", "it".
    AtHand,
}

/// The order that a text gives, also as the second half of a sentence. "Send
/// me" and "show me" ask for reading; "order ORD-1 status" and "refund
/// policy" only name things.
pub(super) fn order(text: &str) -> Option<Order> {
    let (rest, whole) = without_address(text);
    if asks(&rest) {
        return None;
    }
    let mut found = None;
    let mut also_asks = text.contains('?') && matches!(whole, None | Some(Doer::Asker));
    let mut explains = false;
    for (at, clause) in clauses(&rest).into_iter().enumerate() {
        let (clause, own) = without_address(clause);
        let clause = Clause::new(&clause, own.or(whole), at > 0);
        // "Explain how to close a ticket and send the label" is one question.
        match clause.order(text).filter(|_| !explains) {
            Some(order) => found = found.max(Some(order)),
            None => {
                explains |= clause.has("how") || clause.has("steps");
                also_asks |= at > 0 && asks(&clause.words.join(" "));
            }
        }
    }
    let names_record = !arguments::record_ids(text).is_empty();
    match also_asks && !names_record {
        true => found.map(|_| Order::Perhaps),
        false => found,
    }
}

fn clauses(text: &str) -> Vec<&str> {
    text.split([',', ';', '!', '?', ':'])
        .flat_map(|clause| clause.split(". "))
        .flat_map(|clause| clause.split(" - "))
        .flat_map(|clause| clause.split(" and "))
        .flat_map(|clause| clause.split(" then "))
        .filter(|clause| !clause.trim().is_empty())
        .collect()
}

/// Whether it begins as a question does, also with "until when".
fn asks(clause: &str) -> bool {
    let words: Vec<String> = clause
        .split_whitespace()
        .take(2)
        .map(str::to_lowercase)
        .collect();
    let known = |word: &String| is_among(ASKING, word);
    let leads = |word: &String| {
        matches!(
            word.as_str(),
            "until" | "by" | "to" | "for" | "from" | "in" | "at" | "since"
        )
    };
    match words.as_slice() {
        [first, second] => known(first) || leads(first) && known(second),
        [first] => known(first),
        _ => false,
    }
}

/// The text without how somebody is asked, and who is to do it.
fn without_address(text: &str) -> (String, Option<Doer>) {
    const NOBODY: [&str; 6] = ["lore ", "lore,", "hey ", "hi ", "just ", "now "];
    const BOT: [&str; 9] = [
        "please ",
        "pls ",
        "would you ",
        "will you ",
        "go ahead and ",
        "i want you to ",
        "i need you to ",
        "i'd like you to ",
        "i would like you to ",
    ];
    const ANYBODY: [&str; 2] = ["can you ", "could you "];
    const ASKER: [&str; 7] = [
        "i want to ",
        "i would like to ",
        "i'd like to ",
        "i need to ",
        "let's ",
        "help me to ",
        "help me ",
    ];
    let mut rest = text.trim();
    let mut doer = None;
    loop {
        // Lower case keeps the length of ASCII, which these are.
        let begins = |word: &&&str| {
            rest.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        let word = if let Some(word) = NOBODY.iter().find(begins) {
            word
        } else if let Some(word) = BOT.iter().find(begins) {
            doer = Some(Doer::Bot);
            word
        } else if let Some(word) = ANYBODY.iter().find(begins) {
            doer = doer.or(Some(Doer::Anybody));
            word
        } else if let Some(word) = ASKER.iter().find(begins) {
            doer = Some(Doer::Asker);
            word
        } else {
            return (rest.to_string(), doer);
        };
        rest = rest[word.len()..].trim_start_matches([',', ' ', '!']);
    }
}

struct Clause<'a> {
    words: Vec<&'a str>,
    names_record: bool,
    doer: Option<Doer>,
    /// It is not the first one of its sentence.
    later: bool,
}

impl<'a> Clause<'a> {
    fn new(text: &'a str, doer: Option<Doer>, later: bool) -> Self {
        Self {
            words: text.split_whitespace().collect(),
            names_record: !arguments::record_ids(text).is_empty(),
            doer,
            later,
        }
    }

    fn order(&self, text: &str) -> Option<Order> {
        let verb = self.words.first()?.to_lowercase();
        let object = self.object();
        let is_order = if is_among(VERBS, &verb) {
            match object {
                Object::None => self.doer == Some(Doer::Bot),
                Object::Bare => {
                    self.doer.is_some() || self.is_name(1) || !self.later && !is_of_page(text)
                }
                Object::Any | Object::Definite | Object::AtHand => true,
            }
        } else {
            is_among(ALSO_NOUNS, &verb) && self.noun_is_verb(&verb, object)
        };
        is_order.then_some(match (self.doer, object) {
            (Some(Doer::Asker), _) => Order::Perhaps,
            (Some(Doer::Bot), _) | (_, Object::AtHand) => Order::Certain,
            (_, Object::Definite) => Order::Probably,
            (_, Object::None | Object::Bare | Object::Any) => Order::Perhaps,
        })
    }

    /// Whether a verb that is a noun as often is one here.
    fn noun_is_verb(&self, verb: &str, object: Object) -> bool {
        let first = self.lower(1);
        if self.later && first == "to" || verb == "send" && first == "me" {
            return false;
        }
        if self.names_record {
            let begins = arguments::record_ids(&first).len() == 1;
            return self.doer == Some(Doer::Bot)
                || begins && !is_among(NAMES_OF_RECORDS, verb)
                || self.is_definite(self.object_at())
                || self.is_indefinite(self.object_at())
                || ["to", "as", "with"].iter().any(|word| self.has(word));
        }
        !matches!(object, Object::None | Object::Bare)
    }

    fn object(&self) -> Object {
        const AT_HAND: [&str; 9] = [
            "me", "my", "it", "them", "this", "that", "these", "those", "her",
        ];
        let at = self.object_at();
        // "Send Lena a mail".
        let has_addressee = self.is_name(1) && (self.is_definite(2) || self.is_indefinite(2));
        let for_asker = ["me", "it", "them"].iter().any(|word| self.has(word));
        if self.names_record || AT_HAND.contains(&self.lower(at).as_str()) {
            Object::AtHand
        } else if self.is_definite(at) || has_addressee {
            match for_asker {
                true => Object::AtHand,
                false => Object::Definite,
            }
        } else if self.is_indefinite(at) || at == 2 && self.is_name(2) {
            match for_asker {
                true => Object::AtHand,
                false => Object::Any,
            }
        } else if self.words.len() > 1 {
            Object::Bare
        } else {
            Object::None
        }
    }

    /// Behind the particle of "turn down the volume", "switch to the last song".
    fn object_at(&self) -> usize {
        const PARTICLES: [&str; 7] = ["to", "down", "up", "off", "back", "into", "out"];
        1 + usize::from(PARTICLES.contains(&self.lower(1).as_str()))
    }

    fn lower(&self, at: usize) -> String {
        self.words
            .get(at)
            .map(|word| word.to_lowercase())
            .unwrap_or_default()
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|own| own.eq_ignore_ascii_case(word))
    }

    fn is_definite(&self, at: usize) -> bool {
        const DETERMINERS: [&str; 15] = [
            "the", "this", "that", "my", "all", "me", "it", "every", "our", "his", "her", "their",
            "them", "these", "those",
        ];
        DETERMINERS.contains(&self.lower(at).as_str())
    }

    fn is_indefinite(&self, at: usize) -> bool {
        matches!(
            self.lower(at).as_str(),
            "a" | "an" | "some" | "another" | "new"
        )
    }

    fn is_name(&self, at: usize) -> bool {
        self.words.get(at).is_some_and(|word| {
            word.trim_start_matches(['\'', '"', '“'])
                .starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit())
        })
    }
}

fn is_of_page(text: &str) -> bool {
    text.contains('?')
        || text
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| is_among(OF_PAGES, word))
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
        let verbs = VERBS.split(' ').chain(ALSO_NOUNS.split(' '));
        verbs.filter(|verb| !matches!(*verb, "follow" | "save"))
    };
    let words = arguments::name_words(name);
    let said = Clause::new(description, None, false);
    // "Refund requests of a period" are read, "refund an order" is not.
    let names_records = is_among(NAMES_OF_RECORDS, &said.lower(0))
        && !said.is_definite(1)
        && !said.is_indefinite(1);
    let begins = match names_records {
        true => String::new(),
        false => stem(&said.lower(0)),
    };
    let does = |word: &str| orders().any(|verb| stem(verb) == word) || MAKING.contains(&word);
    does(&begins)
        || words.iter().any(|word| {
            does(&stem(word))
                && !matches!(
                    word.as_str(),
                    "order" | "orders" | "refund" | "refunds" | "issue" | "issues" | "set" | "open"
                )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Order>) {
        assert_eq!(order(text), expected, "{text}");
    }

    #[test]
    fn order_that_names_what_to_act_on_is_certain() {
        for text in [
            "please delete the order ORD-10023",
            "can you create a ticket for me",
            "close REQ-1234",
            "Please cancel order ORD-25825 for me.",
            "Close ticket REQ-1288 and tell the merchant",
            "Show me my lists and delete the oldest one, then rename it",
            "refund ord-25444 to the merchant",
            "set REQ-1229 to resolved",
            "Can you please unlock the account of Bakery Zero?",
            "open a ticket for me: printer jams",
            "reset my password",
        ] {
            check(text, Some(Order::Certain));
        }
    }

    #[test]
    fn order_about_a_certain_thing_may_be_the_name_of_a_page() {
        for text in [
            "restart the broker",
            "Turn the music down, then pause the player",
            "Switch to the last song",
            "Show me my lists and delete the oldest one",
            "Could you reset the password of Bakery Zero?",
            "send Lena a mail that all is done",
        ] {
            check(text, Some(Order::Probably));
        }
    }

    #[test]
    fn order_about_any_thing_or_beside_a_question_is_one_perhaps() {
        for text in [
            "replace a roam battery",
            "Add Bohemian Rhapsody to my second playlist",
            "clear music library",
            "restart the heron service?",
            "I want to rename this channel",
            "help me restart a frozen terminal",
            "Cancel the plan, until when can they?",
            "Remove a Blue Card from a merchant: what has to happen?",
            "set up a new laptop",
            "Can you return opened paper and cancel a plan?",
        ] {
            check(text, Some(Order::Perhaps));
        }
    }

    #[test]
    fn question_and_name_of_a_page_are_no_orders() {
        for text in [
            "update on REQ-1234",
            "refund policy for terminals",
            "order ORD-10023 status",
            "show me the refunds of today",
            "how do I cancel an order",
            "Please explain how to close a ticket and send the label",
            "Can you tell me how to reset my password",
            "add merchant steps",
            "set up printer",
            "order volume in UKI and refunds",
            "post mortem of the outage in march",
            "Give me a song of my favorite artist",
            "what did we change and who approved the plan",
            "send me the list of late parcels",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn tools_that_make_something_may_be_given_orders() {
        let check = |name: &str, description: &str, expected: bool| {
            assert_eq!(is_for_orders(name, description), expected, "{name}");
        };
        check("travel_itinerary", "Generate a travel itinerary", true);
        check("book_hotel", "A room for some nights", true);
        check("order_status", "Where an order is", false);
        check("refunds_of", "Refund requests of a period", false);
        check("money_back", "Refund an order", true);
        check("get_playlist", "Get a playlist owned by a user", false);
        check("open_orders", "Number of orders not shipped yet", false);
    }
}
