//! The patterns of `pattern` and `|>`: `<ip> - <_> "<method> <_>"`.

/// A part of a pattern: `<ip> - <_> "` is three.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Literal(String),
    /// Without a name it is passed over.
    Capture(Option<String>),
}

/// Says what is wrong with the pattern of a `pattern` stage.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    let pieces = pieces(pattern);
    let named = |piece: &Piece| matches!(piece, Piece::Capture(Some(_)));
    if !pieces.iter().any(named) {
        return Err("a pattern needs a capture such as `<ip>`".into());
    }
    let touching = pieces
        .windows(2)
        .any(|pair| matches!(pair, [Piece::Capture(_), Piece::Capture(_)]));
    if touching {
        return Err("two captures of a pattern need a text between them".into());
    }
    Ok(())
}

pub(super) fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut literal = String::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let name = rest
            .strip_prefix('<')
            .and_then(|inner| inner.split_once('>'))
            .map(|(name, _)| name)
            .filter(|name| {
                !name.is_empty()
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
        match name {
            Some(name) => {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Capture((name != "_").then(|| name.to_string())));
                rest = &rest[name.len() + 2..];
            }
            None => {
                literal.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
}

/// The captures as far as the line goes along with the pattern; `None` where
/// its first literal already is not there.
pub(super) fn captures<'p, 'l>(
    pieces: &'p [Piece],
    line: &'l str,
) -> Option<Vec<(&'p str, &'l str)>> {
    let mut found = Vec::new();
    let mut rest = line;
    let mut open: Option<&Option<String>> = None;
    for (i, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Capture(name) => open = Some(name),
            Piece::Literal(literal) => {
                let at = match rest.find(literal.as_str()) {
                    Some(0) if i == 0 => 0,
                    Some(at) if i > 0 => at,
                    _ => return None,
                };
                if let Some(Some(name)) = open.take() {
                    found.push((name.as_str(), &rest[..at]));
                }
                rest = &rest[at + literal.len()..];
            }
        }
    }
    if let Some(Some(name)) = open {
        found.push((name.as_str(), rest));
    }
    Some(found)
}
