//! Where the next page is: the header `Link` (RFC 8288), or an address or a
//! cursor in the body, in the spellings that are in use.

use super::{
    naming::snake_case,
    operation::Operation,
    parameter::{Place, Sent},
};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use serde_json::Value;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Page(Url),
    /// There is more, and no way to it that is known.
    More,
    End,
}

const LINKS: [&str; 17] = [
    "next",
    "next_url",
    "nextUrl",
    "next_link",
    "nextLink",
    "next_page_url",
    "@odata.nextLink",
    "links.next",
    "_links.next",
    "paging.next",
    "pagination.next",
    "pagination.next_url",
    "pagination.links.next",
    "meta.next",
    "meta.links.next",
    "meta.pagination.links.next",
    "response_metadata.next",
];

const CURSORS: [&str; 16] = [
    "next_cursor",
    "nextCursor",
    "response_metadata.next_cursor",
    "meta.next_cursor",
    "meta.nextCursor",
    "pagination.next_cursor",
    "pagination.nextCursor",
    "paging.cursors.after",
    "cursors.after",
    "page_info.end_cursor",
    "pageInfo.endCursor",
    "next_page_token",
    "nextPageToken",
    "next_token",
    "nextToken",
    "next_page",
];

/// Flags that say whether there is more, whatever else the body says.
const MORE: [&str; 9] = [
    "has_more",
    "hasMore",
    "has_next",
    "hasNext",
    "pagination.has_more",
    "meta.has_more",
    "page_info.has_next_page",
    "pageInfo.hasNextPage",
    "paging.has_more",
];

const TOTALS: [&str; 6] = [
    "total",
    "total_count",
    "totalCount",
    "meta.total",
    "pagination.total",
    "paging.total",
];

/// Parameters that take a cursor, and those that take a number of a page.
const CURSOR_PARAMETERS: [&str; 8] = [
    "cursor",
    "page_token",
    "next_token",
    "continuation_token",
    "after",
    "starting_after",
    "start_cursor",
    "marker",
];
const NUMBER_PARAMETERS: [&str; 2] = ["page", "page_number"];
/// Parameters that take how many rows to pass over.
const OFFSET_PARAMETERS: [&str; 3] = ["offset", "skip", "start_index"];

/// The page after one of `read` rows. `holders` are the objects that could
/// say so, the nearest to the list first.
pub(super) fn next(
    holders: &[&Value],
    links: &[String],
    sent: &Url,
    operation: &Operation,
    read: usize,
) -> Next {
    if let Some(target) = links.iter().find_map(|links| link_to_next(links)) {
        return sent.join(target).map_or(Next::More, Next::Page);
    }
    let find = |paths: &[&str]| {
        let all = holders
            .iter()
            .flat_map(|holder| paths.iter().filter_map(|path| at(holder, path)));
        all.filter(|value| !value.is_null())
            .cloned()
            .collect::<Vec<Value>>()
    };
    let more = find(&MORE).iter().find_map(Value::as_bool);
    if more == Some(false) {
        return Next::End;
    }
    for value in find(&LINKS) {
        let text = value
            .as_str()
            .or_else(|| value.get("href").or(value.get("url"))?.as_str());
        match text.map(str::trim) {
            Some(text) if is_address(text) => {
                return sent.join(text).map_or(Next::More, Next::Page);
            }
            Some("") => {}
            None if !value.is_number() => {}
            _ => return follow_cursor(&value, sent, operation),
        }
    }
    for value in find(&CURSORS) {
        if value.is_number() || value.as_str().is_some_and(|text| !text.trim().is_empty()) {
            return follow_cursor(&value, sent, operation);
        }
    }
    let total = find(&TOTALS).iter().find_map(Value::as_u64);
    if more == Some(true) || total.is_some_and(|total| total > read as u64) {
        return by_number(sent, operation, read);
    }
    Next::End
}

/// A list that says that there is more and not where: the rows to pass over,
/// or the number of the page after this one.
fn by_number(sent: &Url, operation: &Operation, read: usize) -> Next {
    if let Some(offset) = in_query(operation, &OFFSET_PARAMETERS) {
        return Next::Page(with_query(sent, &offset.wire, &read.to_string()));
    }
    let Some(page) = in_query(operation, &NUMBER_PARAMETERS) else {
        return Next::More;
    };
    let given = sent
        .query_pairs()
        .find(|(name, _)| *name == page.wire.as_str())
        .and_then(|(_, value)| value.parse::<u64>().ok());
    // Most count from 1; those that count from 0 have it as their default.
    let first = page
        .spec
        .default
        .as_ref()
        .and_then(Value::as_u64)
        .unwrap_or(1);
    let next = given.unwrap_or(first).saturating_add(1);
    Next::Page(with_query(sent, &page.wire, &next.to_string()))
}

fn in_query<'a>(operation: &'a Operation, names: &[&str]) -> Option<&'a Sent> {
    let mut sent = operation.parameters.iter();
    sent.find(|sent| sent.place == Place::Query && names.contains(&snake_case(&sent.wire).as_str()))
}

/// The address with one pair of its query replaced.
fn with_query(sent: &Url, wire: &str, value: &str) -> Url {
    let mut url = sent.clone();
    let is_other = |pair: &&str| {
        let key = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && percent_decode_str(key).decode_utf8_lossy() != wire
    };
    let kept: Vec<String> = sent
        .query()
        .unwrap_or("")
        .split('&')
        .filter(is_other)
        .map(String::from)
        .collect();
    url.set_query((!kept.is_empty()).then(|| kept.join("&")).as_deref());
    url.query_pairs_mut().append_pair(wire, value);
    url
}

/// Whole or relative; a cursor may have a colon too.
fn is_address(text: &str) -> bool {
    text.starts_with(['/', '?'])
        || text.starts_with("http:")
        || text.starts_with("https:")
        || Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn follow_cursor(value: &Value, sent: &Url, operation: &Operation) -> Next {
    let (text, names): (String, &[&str]) = match value {
        Value::Number(number) => (number.to_string(), &NUMBER_PARAMETERS),
        Value::String(text)
            if text.parse::<u32>().is_ok() && !takes(operation, &CURSOR_PARAMETERS) =>
        {
            (text.clone(), &NUMBER_PARAMETERS)
        }
        Value::String(text) => (text.clone(), &CURSOR_PARAMETERS),
        _ => return Next::More,
    };
    let in_query = operation
        .parameters
        .iter()
        .filter(|sent| sent.place == Place::Query);
    let known: Vec<&str> = in_query.map(|sent| sent.wire.as_str()).collect();
    let named = |name: &&str| {
        known
            .iter()
            .find(|wire| snake_case(wire) == **name)
            .copied()
    };
    let Some(wire) = names.iter().find_map(named) else {
        return Next::More;
    };
    Next::Page(with_query(sent, wire, &text))
}

fn takes(operation: &Operation, names: &[&str]) -> bool {
    let mut parameters = operation.parameters.iter();
    parameters
        .any(|sent| sent.place == Place::Query && names.contains(&snake_case(&sent.wire).as_str()))
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    // `@odata.nextLink` has its dot in the name.
    value
        .get(path)
        .or_else(|| path.split('.').try_fold(value, |value, key| value.get(key)))
}

/// The target of `<…>; rel="next"` in one header, which may have several.
fn link_to_next(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let (parameters, after) = split_outside_quotes(after, ',');
        if says_next(parameters) {
            return Some(target);
        }
        rest = after;
    }
    None
}

fn says_next(parameters: &str) -> bool {
    let mut rest = parameters;
    while !rest.is_empty() {
        let (parameter, after) = split_outside_quotes(rest, ';');
        if let Some((name, value)) = parameter.split_once('=') {
            let mut rels = value.trim().trim_matches('"').split_whitespace();
            if name.trim().eq_ignore_ascii_case("rel")
                && rels.any(|rel| rel.eq_ignore_ascii_case("next"))
            {
                return true;
            }
        }
        rest = after;
    }
    false
}

/// What stands before and after the first separator that is not quoted.
fn split_outside_quotes(text: &str, separator: char) -> (&str, &str) {
    let mut quoted = false;
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if c == separator && !quoted => return (&text[..i], &text[i + c.len_utf8()..]),
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::http::{document::Document, operation::read_all};
    use serde_json::json;

    fn operation(parameters: &[&str]) -> Operation {
        let parameters: Vec<Value> = parameters
            .iter()
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}))
            .collect();
        let text =
            json!({"openapi": "3.0.0", "paths": {"/x": {"get": {"parameters": parameters}}}})
                .to_string();
        let document = Document::parse(&text).unwrap_or_else(|error| panic!("{error}"));
        read_all(&document, None)
            .remove(0)
            .unwrap_or_else(|left| panic!("{left:?}"))
    }

    #[test]
    fn next_page_is_found_in_every_spelling() {
        let operation = operation(&["pageToken", "page", "a"]);
        let sent = Url::parse("https://a.test/x?a=1&pageToken=old").expect("is an address");
        let check = |body: Value, expected: &str| {
            let expected = Next::Page(Url::parse(expected).expect("is an address"));
            assert_eq!(
                next(&[&body], &[], &sent, &operation, 1),
                expected,
                "{body}"
            );
        };
        check(
            json!({"next": "https://a.test/x?p=2"}),
            "https://a.test/x?p=2",
        );
        check(json!({"next": "/x?p=2"}), "https://a.test/x?p=2");
        check(json!({"next": "?p=2"}), "https://a.test/x?p=2");
        check(
            json!({"links": {"next": {"href": "/y"}}}),
            "https://a.test/y",
        );
        check(
            json!({"_links": {"next": {"href": "/y"}}}),
            "https://a.test/y",
        );
        check(json!({"@odata.nextLink": "/y"}), "https://a.test/y");
        check(json!({"paging": {"next": "/y"}}), "https://a.test/y");
        check(
            json!({"response_metadata": {"next_cursor": "c="}}),
            "https://a.test/x?a=1&pageToken=c%3D",
        );
        check(
            json!({"nextPageToken": "c"}),
            "https://a.test/x?a=1&pageToken=c",
        );
        check(json!({"next": "abc"}), "https://a.test/x?a=1&pageToken=abc");
        check(
            json!({"next_page": 3}),
            "https://a.test/x?a=1&pageToken=old&page=3",
        );
        check(
            json!({"pageInfo": {"hasNextPage": true, "endCursor": "c"}}),
            "https://a.test/x?a=1&pageToken=c",
        );
    }

    #[test]
    fn end_is_known_and_so_is_more() {
        let operation = operation(&["a"]);
        let sent = Url::parse("https://a.test/x").expect("is an address");
        let check = |body: Value, expected: Next| {
            assert_eq!(
                next(&[&body], &[], &sent, &operation, 2),
                expected,
                "{body}"
            );
        };
        check(json!({}), Next::End);
        check(json!([]), Next::End);
        check(json!({"next": null}), Next::End);
        check(json!({"next": ""}), Next::End);
        check(json!({"response_metadata": {"next_cursor": ""}}), Next::End);
        check(json!({"has_more": false, "next_cursor": "c"}), Next::End);
        check(json!({"total": 2}), Next::End);
        check(json!({"total": 3}), Next::More);
        check(json!({"has_more": true}), Next::More);
        check(json!({"next_cursor": "c"}), Next::More);
        check(json!({"next": "http://["}), Next::More);
    }

    #[test]
    fn link_header_is_read() {
        let check = |header: &str, expected: Option<&str>| {
            assert_eq!(link_to_next(header), expected, "{header}")
        };
        check("<https://a.test/2>; rel=\"next\"", Some("https://a.test/2"));
        check(
            "<https://a.test/1>; rel=\"prev\", <https://a.test/3>; rel=\"next\"",
            Some("https://a.test/3"),
        );
        check(
            "<https://a.test/1>; title=\"a, b; rel=next\"; rel=last, <3>; REL=Next",
            Some("3"),
        );
        check("<a,b>; rel=\"last next\"", Some("a,b"));
        check("<a>; rel=nextish", None);
        check("<a; rel=next", None);
        check("", None);
    }
}
