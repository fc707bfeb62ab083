//! Text -> expression, with every mistake named and placed.

mod cursor;
mod metrics;
mod stages;

use super::{
    ast::{Expression, LogQuery, MatchOp, Matcher, Stage},
    lexer::{Token, tokens},
};
use cursor::Parser;
use regex::Regex;

/// Longer expressions are no question of a person.
const MAX_CHARS: usize = 8_192;
/// Compiled size of one regular expression, in bytes.
const MAX_REGEX: usize = 1 << 20;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {problem}", .at + 1)]
pub struct LogqlError {
    /// Byte in the expression.
    pub at: usize,
    pub problem: String,
}

impl LogqlError {
    pub(super) fn new(at: usize, problem: impl Into<String>) -> Self {
        Self {
            at,
            problem: problem.into(),
        }
    }
}

type Result<T> = std::result::Result<T, LogqlError>;

/// Reads one expression and checks what a server would refuse.
pub fn parse(text: &str) -> Result<Expression> {
    if text.len() > MAX_CHARS {
        let problem = format!("the expression is longer than {MAX_CHARS} bytes");
        return Err(LogqlError::new(0, problem));
    }
    let mut parser = Parser::new(tokens(text)?);
    let expression = match parser.starts_lines() {
        Some(opened) => Expression::Log(parser.lines_in_brackets(opened)?),
        None => Expression::Metric(parser.metric(0)?),
    };
    match parser.peek() {
        Token::End => Ok(expression),
        other => Err(parser.expected("the end of the expression", &other.clone())),
    }
}

/// A regular expression of limited size.
pub(super) fn regex(pattern: &str) -> std::result::Result<Regex, String> {
    let built = regex::RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX)
        .build();
    built.map_err(|error| {
        let last = error.to_string();
        let last = last.lines().next_back().unwrap_or_default().trim();
        format!("is no regular expression: {last}")
    })
}

impl Parser {
    /// How many brackets stand before a stream selector, where one begins here.
    fn starts_lines(&self) -> Option<usize> {
        let mut opened = 0;
        while matches!(self.peek_after(opened), Token::Sign("(")) {
            opened += 1;
        }
        let begins = matches!(self.peek_after(opened), Token::Sign("{"));
        // A bracket alone may hold a metric; `({…})` only lines.
        (begins && opened <= self.depth_left()).then_some(opened)
    }

    fn lines_in_brackets(&mut self, opened: usize) -> Result<LogQuery> {
        for _ in 0..opened {
            self.expect("(")?;
        }
        let query = self.lines()?;
        for _ in 0..opened {
            self.expect(")")?;
        }
        if query.stages.iter().any(is_unwrap) {
            return Err(self.error("`unwrap` belongs into a function such as `sum_over_time`"));
        }
        Ok(query)
    }

    fn lines(&mut self) -> Result<LogQuery> {
        let selector = self.selector()?;
        let mut stages = Vec::new();
        self.stages(&mut stages)?;
        Ok(LogQuery { selector, stages })
    }

    fn selector(&mut self) -> Result<Vec<Matcher>> {
        let at = self.at();
        if !self.is_sign("{") {
            return Err(self.expected(
                "a stream selector such as `{service=\"payments\"}`",
                self.peek(),
            ));
        }
        self.expect("{")?;
        let mut matchers = Vec::new();
        while !self.accept("}") {
            let label = self.name("a label")?;
            let op = self.match_op()?;
            let place = self.at();
            let value = self.text("a quoted value")?;
            if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
                regex(&value).map_err(|problem| LogqlError::new(place, problem))?;
            }
            matchers.push(Matcher { label, op, value });
            if !self.is_sign("}") {
                self.expect(",")?;
            }
        }
        if !matchers.iter().any(narrows) {
            let problem = "the stream selector takes everything: name at least one label with a \
                           value that is not empty";
            return Err(LogqlError::new(at, problem));
        }
        Ok(matchers)
    }

    fn match_op(&mut self) -> Result<MatchOp> {
        let op = match self.peek() {
            Token::Sign("=") => MatchOp::Equal,
            Token::Sign("!=") => MatchOp::NotEqual,
            Token::Sign("=~") => MatchOp::Regex,
            Token::Sign("!~") => MatchOp::NotRegex,
            other => return Err(self.expected("`=`, `!=`, `=~` or `!~`", &other.clone())),
        };
        self.next += 1;
        Ok(op)
    }
}

fn is_unwrap(stage: &Stage) -> bool {
    matches!(stage, Stage::Unwrap { .. })
}

/// It asks for a value that is not empty.
fn narrows(matcher: &Matcher) -> bool {
    match matcher.op {
        MatchOp::Equal => !matcher.value.is_empty(),
        MatchOp::Regex => {
            regex(&format!("^(?:{})$", matcher.value)).is_ok_and(|regex| !regex.is_match(""))
        }
        MatchOp::NotEqual => matcher.value.is_empty(),
        MatchOp::NotRegex => {
            regex(&format!("^(?:{})$", matcher.value)).is_ok_and(|regex| regex.is_match(""))
        }
    }
}
