//! Where the parser stands among the words, and what may come next.

use super::{LogqlError, Result};
use crate::tools::logs::logql::{
    ast::Value,
    lexer::{Placed, Token},
};

/// Expressions within expressions.
const MAX_DEPTH: usize = 32;
/// Operators and words that join: a long chain is a deep tree.
const MAX_JOINS: usize = 100;

pub(super) struct Parser {
    /// Ends with [`Token::End`].
    tokens: Vec<Placed>,
    pub(super) next: usize,
    depth: usize,
    joins: usize,
}

impl Parser {
    pub(super) fn new(tokens: Vec<Placed>) -> Self {
        Self {
            tokens,
            next: 0,
            depth: 0,
            joins: 0,
        }
    }

    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)].token
    }

    pub(super) fn peek_after(&self, count: usize) -> &Token {
        &self.tokens[(self.next + count).min(self.tokens.len() - 1)].token
    }

    pub(super) fn at(&self) -> usize {
        self.tokens[self.next.min(self.tokens.len() - 1)].at
    }

    pub(super) fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> LogqlError {
        LogqlError::new(self.at(), problem)
    }

    pub(super) fn expected(&self, what: &str, found: &Token) -> LogqlError {
        let found = match found {
            Token::Name(name) => format!("`{name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Text(_) => "a quoted text".into(),
            Token::Value(value) => format!("`{value}`"),
            Token::End => "the end".into(),
        };
        self.error(format!("expected {what}, found {found}"))
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == name)
    }

    pub(super) fn accept(&mut self, sign: &str) -> bool {
        let is_there = self.is_sign(sign);
        self.next += usize::from(is_there);
        is_there
    }

    pub(super) fn accept_name(&mut self, name: &str) -> bool {
        let is_there = self.is_name(name);
        self.next += usize::from(is_there);
        is_there
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<()> {
        if self.accept(sign) {
            return Ok(());
        }
        Err(self.expected(&format!("`{sign}`"), self.peek()))
    }

    pub(super) fn name(&mut self, what: &str) -> Result<String> {
        match self.peek().clone() {
            Token::Name(name) => {
                self.next += 1;
                Ok(name)
            }
            other => Err(self.expected(what, &other)),
        }
    }

    pub(super) fn text(&mut self, what: &str) -> Result<String> {
        match self.peek().clone() {
            Token::Text(text) => {
                self.next += 1;
                Ok(text)
            }
            other => Err(self.expected(what, &other)),
        }
    }

    pub(super) fn number(&mut self, what: &str) -> Result<f64> {
        let negative = self.accept("-");
        match self.peek().clone() {
            Token::Value(Value::Number(number)) => {
                self.next += 1;
                Ok(if negative { -number } else { number })
            }
            other => Err(self.expected(what, &other)),
        }
    }

    /// Nanoseconds.
    pub(super) fn duration(&mut self) -> Result<i64> {
        let negative = self.accept("-");
        match self.peek().clone() {
            Token::Value(Value::Duration(duration)) => {
                self.next += 1;
                Ok(if negative { -duration } else { duration })
            }
            other => Err(self.expected("a duration such as `5m`", &other)),
        }
    }

    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} levels of brackets")));
        }
        self.depth += 1;
        let found = parse(self);
        self.depth -= 1;
        found
    }

    pub(super) fn join(&mut self) -> Result<()> {
        self.joins += 1;
        if self.joins > MAX_JOINS {
            return Err(self.error(format!("more than {MAX_JOINS} parts are joined")));
        }
        Ok(())
    }

    pub(super) fn depth_left(&self) -> usize {
        MAX_DEPTH - self.depth
    }
}
