//! What an operation's description tells of its part in a chain.

use crate::{
    domain::{Chain, Given, Parameter, ParameterKind, Taken, ToolSpec, kind_of_record},
    pipeline::arguments::name_words,
};

/// Words of an operation that are mostly those of its path.
pub(super) const PATH_WORDS: usize = 4;

/// Parameters that take the name of what is searched for.
const SEARCHES: [&str; 17] = [
    "q",
    "query",
    "search",
    "search_term",
    "search_query",
    "search_text",
    "keyword",
    "keywords",
    "term",
    "terms",
    "text",
    "name",
    "title",
    "full_name",
    "display_name",
    "contains",
    "match",
];

/// An operation on what belongs to whoever calls it.
pub(super) fn is_personal(tool: &ToolSpec, chain: &Chain) -> bool {
    let said = tool.description.to_lowercase();
    chain
        .words
        .iter()
        .any(|word| matches!(word.as_str(), "me" | "my" | "self"))
        || [
            "current user",
            "authenticated user",
            "logged-in user",
            "logged in user",
        ]
        .iter()
        .any(|words| said.contains(words))
}

/// Its path speaks of such records: `/artists/{id}/albums` of albums.
pub(super) fn is_about(chain: &Chain, kind: &str) -> bool {
    let kind = kind_of_record(kind);
    let path = chain.words.iter().take(PATH_WORDS);
    path.into_iter().any(|word| kind_of_record(word) == kind)
}

/// An operation whose answer begins with the best.
pub(super) fn is_ranking(tool: &ToolSpec, chain: &Chain) -> bool {
    const RANKS: [&str; 7] = [
        "top", "popular", "best", "rated", "ranking", "trending", "favorite",
    ];
    let path = chain.words.iter().take(PATH_WORDS);
    let path = path.flat_map(|word| word.split('_'));
    let name = name_words(&tool.name);
    let mut words = path.chain(name.iter().map(String::as_str));
    words.any(|word| RANKS.contains(&word))
}

/// `following` and `followed` alike.
pub(super) fn root(word: impl AsRef<str>) -> String {
    let kind = kind_of_record(word.as_ref());
    let ending = ["ing", "ed"]
        .iter()
        .find_map(|ending| kind.strip_suffix(ending));
    match ending {
        Some(root) if root.len() >= 4 => root.to_string(),
        _ => kind,
    }
}

/// The name that both have for the record.
pub(super) fn common<'g>(taken: &Taken, given: &'g Given) -> Option<&'g String> {
    taken.kinds.iter().find_map(|wanted| {
        let wanted = kind_of_record(wanted);
        given
            .kinds
            .iter()
            .find(|kind| kind_of_record(kind) == wanted)
    })
}

/// The field that a parameter takes: its own, or another word for the same.
pub(super) fn field_of<'g>(taken: &Taken, given: &'g Given) -> Option<&'g String> {
    let others: &[&str] = match taken.key.as_str() {
        "id" => &["id", "uuid", "guid", "gid"],
        "uuid" | "guid" | "gid" => &["uuid", "guid", "gid", "id"],
        _ => &[],
    };
    let last = |field: &String| {
        let words = name_words(field);
        words.last().cloned().unwrap_or_default()
    };
    let own = given.keys.iter().find(|field| last(field) == taken.key);
    own.or_else(|| {
        others
            .iter()
            .find_map(|key| given.keys.iter().find(|field| last(field) == *key))
    })
}

/// The parameter that takes a name to search for.
pub(super) fn searched(tool: &ToolSpec) -> Option<&Parameter> {
    let texts = || {
        tool.parameters
            .iter()
            .filter(|p| p.kind == ParameterKind::Text)
    };
    texts()
        .filter(|p| SEARCHES.contains(&p.name.as_str()) || p.name.ends_with("_name"))
        .max_by_key(|p| !p.optional)
}
