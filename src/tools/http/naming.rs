//! Names and words of a document as the catalogue has them.

/// Characters of a document's text that go into the catalogue.
const MAX_WORDS: usize = 300;

/// `get-an-artist`, `listUsers`, `GET /users/{id}` as `get_an_artist`, `list_users`, `get_users_id`.
pub(in crate::tools) fn snake_case(text: &str) -> String {
    let mut name = String::new();
    let mut before: Option<char> = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if !c.is_alphanumeric() {
            before = None;
            continue;
        }
        let begins_word = match before {
            None => true,
            // `listUsers`, and `HTTPServer` before its last capital.
            Some(before) => {
                c.is_uppercase()
                    && (!before.is_uppercase()
                        || rest.peek().is_some_and(|next| next.is_lowercase()))
            }
        };
        if begins_word && !name.is_empty() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
        before = Some(c);
    }
    name
}

/// A document's text in one line, cut at a word.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line: String = words.join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    let Some((end, _)) = line.char_indices().nth(MAX_WORDS) else {
        return line;
    };
    let cut = line[..end].rfind(' ').unwrap_or(end);
    format!("{} …", &line[..cut])
}

/// The name that is meant, where one is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::osa_distance(known, name), known))
        .filter(|(distance, _)| *distance <= 3)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case() {
        let check = |text: &str, expected: &str| assert_eq!(snake_case(text), expected);
        check("listUsers", "list_users");
        check("get-an-artists-albums", "get_an_artists_albums");
        check("conversations_list", "conversations_list");
        check("admin.users.list", "admin_users_list");
        check("GET /users/{user_id}/@me", "get_users_user_id_me");
        check("HTTPServerID", "http_server_id");
        check("getV2Pets", "get_v2_pets");
        check("filter[status]", "filter_status");
        check("", "");
        check("größe-Ä", "größe_ä");
    }

    #[test]
    fn text_is_one_line_and_ends() {
        assert_eq!(one_line(" a\n\tb  c "), "a b c");
        let long = one_line(&"word ".repeat(200));
        assert!(
            long.ends_with(" …") && long.chars().count() <= 305,
            "{long}"
        );
        assert_eq!(one_line(&"x".repeat(1_000)).chars().count(), 302);
    }
}
