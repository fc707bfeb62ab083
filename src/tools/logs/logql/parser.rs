//! Text -> expression, with every mistake named and placed.

use super::{
    ast::{
        BinaryOp, Comparison, Conversion, Expression, Grouping, LabelFilter, LineOp, LogQuery,
        MatchOp, Matcher, Matching, Metric, NameMatch, Needle, RangeFunction, Rename, Stage, Value,
        VectorFunction,
    },
    lexer::{Placed, Token, tokens},
    pipeline::IpRange,
};
use regex::Regex;

/// Longer expressions are no question of a person.
const MAX_CHARS: usize = 8_192;
/// Expressions within expressions.
const MAX_DEPTH: usize = 32;
/// Operators and words that join: a long chain is a deep tree.
const MAX_JOINS: usize = 100;
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
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
        joins: 0,
    };
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

struct Parser {
    /// Ends with [`Token::End`].
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    joins: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)].token
    }

    fn peek_after(&self, count: usize) -> &Token {
        &self.tokens[(self.next + count).min(self.tokens.len() - 1)].token
    }

    fn at(&self) -> usize {
        self.tokens[self.next.min(self.tokens.len() - 1)].at
    }

    fn take(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn error(&self, problem: impl Into<String>) -> LogqlError {
        LogqlError::new(self.at(), problem)
    }

    fn expected(&self, what: &str, found: &Token) -> LogqlError {
        let found = match found {
            Token::Name(name) => format!("`{name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Text(_) => "a quoted text".into(),
            Token::Value(value) => format!("`{value}`"),
            Token::End => "the end".into(),
        };
        self.error(format!("expected {what}, found {found}"))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == name)
    }

    fn accept(&mut self, sign: &str) -> bool {
        let is_there = self.is_sign(sign);
        self.next += usize::from(is_there);
        is_there
    }

    fn accept_name(&mut self, name: &str) -> bool {
        let is_there = self.is_name(name);
        self.next += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, sign: &str) -> Result<()> {
        if self.accept(sign) {
            return Ok(());
        }
        Err(self.expected(&format!("`{sign}`"), self.peek()))
    }

    fn name(&mut self, what: &str) -> Result<String> {
        match self.peek().clone() {
            Token::Name(name) => {
                self.next += 1;
                Ok(name)
            }
            other => Err(self.expected(what, &other)),
        }
    }

    fn text(&mut self, what: &str) -> Result<String> {
        match self.peek().clone() {
            Token::Text(text) => {
                self.next += 1;
                Ok(text)
            }
            other => Err(self.expected(what, &other)),
        }
    }

    fn number(&mut self, what: &str) -> Result<f64> {
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
    fn duration(&mut self) -> Result<i64> {
        let negative = self.accept("-");
        match self.peek().clone() {
            Token::Value(Value::Duration(duration)) => {
                self.next += 1;
                Ok(if negative { -duration } else { duration })
            }
            other => Err(self.expected("a duration such as `5m`", &other)),
        }
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} levels of brackets")));
        }
        self.depth += 1;
        let found = parse(self);
        self.depth -= 1;
        found
    }

    fn join(&mut self) -> Result<()> {
        self.joins += 1;
        if self.joins > MAX_JOINS {
            return Err(self.error(format!("more than {MAX_JOINS} parts are joined")));
        }
        Ok(())
    }

    /// How many brackets stand before a stream selector, where one begins here.
    fn starts_lines(&self) -> Option<usize> {
        let mut opened = 0;
        while matches!(self.peek_after(opened), Token::Sign("(")) {
            opened += 1;
        }
        let begins = matches!(self.peek_after(opened), Token::Sign("{"));
        // A bracket alone may hold a metric; `({…})` only lines.
        (begins && opened <= MAX_DEPTH).then_some(opened)
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

    fn stages(&mut self, stages: &mut Vec<Stage>) -> Result<()> {
        loop {
            let op = match self.peek() {
                Token::Sign("|=") => LineOp::Contains,
                Token::Sign("!=") => LineOp::ContainsNot,
                Token::Sign("|~") => LineOp::Regex,
                Token::Sign("!~") => LineOp::RegexNot,
                Token::Sign("|>") => LineOp::Pattern,
                Token::Sign("!>") => LineOp::PatternNot,
                Token::Sign("|") => {
                    self.next += 1;
                    let stage = self.stage()?;
                    stages.push(stage);
                    continue;
                }
                _ => return Ok(()),
            };
            self.next += 1;
            let needles = self.needles(op)?;
            stages.push(Stage::Line { op, needles });
        }
    }

    fn needles(&mut self, op: LineOp) -> Result<Vec<Needle>> {
        let mut needles = Vec::new();
        loop {
            let at = self.at();
            if self.is_name("ip") {
                if !matches!(op, LineOp::Contains | LineOp::ContainsNot) {
                    return Err(self.error("`ip(…)` goes with `|=` and `!=` only"));
                }
                needles.push(Needle::Ip(self.ip()?));
            } else {
                let text = self.text("a quoted text")?;
                if matches!(op, LineOp::Regex | LineOp::RegexNot) {
                    regex(&text).map_err(|problem| LogqlError::new(at, problem))?;
                }
                needles.push(Needle::Text(text));
            }
            if !self.accept_name("or") {
                return Ok(needles);
            }
        }
    }

    fn ip(&mut self) -> Result<String> {
        self.next += 1;
        self.expect("(")?;
        let at = self.at();
        let range = self.text("an address in quotes")?;
        IpRange::parse(&range).ok_or_else(|| {
            LogqlError::new(at, "is no address, no range `a-b` and no network `a/n`")
        })?;
        self.expect(")")?;
        Ok(range)
    }

    fn stage(&mut self) -> Result<Stage> {
        let at = self.at();
        // A label may bear the name of a stage: `| json = "yes"`.
        let compares = matches!(
            self.peek_after(1),
            Token::Sign("=" | "!=" | "=~" | "!~" | "==" | ">" | ">=" | "<" | "<=")
        );
        let name = match self.peek() {
            Token::Name(name) if !compares => name.clone(),
            Token::Name(_) | Token::Sign("(") => return Ok(Stage::Label(self.label_filter()?)),
            other => return Err(self.expected("a stage or a label", &other.clone())),
        };
        self.next += 1;
        Ok(match name.as_str() {
            "json" => Stage::Json(self.fields()?),
            "logfmt" => {
                let mut flags = Vec::new();
                while self.accept("-") {
                    self.expect("-")?;
                    let mut flag = self.name("`strict` or `keep-empty`")?;
                    while self.accept("-") {
                        flag = format!("{flag}-{}", self.name("the rest of the flag")?);
                    }
                    if !["strict", "keep-empty"].contains(&flag.as_str()) {
                        return Err(LogqlError::new(at, format!("`--{flag}` is no flag of it")));
                    }
                    flags.push(flag);
                }
                let fields = self.fields()?;
                Stage::Logfmt { flags, fields }
            }
            "regexp" => {
                let place = self.at();
                let pattern = self.text("a regular expression in quotes")?;
                let compiled =
                    regex(&pattern).map_err(|problem| LogqlError::new(place, problem))?;
                if compiled.capture_names().flatten().next().is_none() {
                    let problem = "`regexp` needs a named group such as `(?P<user>\\w+)`";
                    return Err(LogqlError::new(place, problem));
                }
                Stage::Regexp(pattern)
            }
            "pattern" => {
                let place = self.at();
                let pattern = self.text("a pattern in quotes")?;
                super::pipeline::check_pattern(&pattern)
                    .map_err(|problem| LogqlError::new(place, problem))?;
                Stage::Pattern(pattern)
            }
            "unpack" => Stage::Unpack,
            "decolorize" => Stage::Decolorize,
            "line_format" => Stage::LineFormat(self.text("a template in quotes")?),
            "label_format" => {
                let mut renames = vec![self.rename()?];
                while self.accept(",") {
                    renames.push(self.rename()?);
                }
                Stage::LabelFormat(renames)
            }
            "drop" => Stage::Drop(self.name_matches()?),
            "keep" => Stage::Keep(self.name_matches()?),
            "unwrap" => self.unwrap()?,
            _ => {
                const STAGES: [&str; 11] = [
                    "json",
                    "logfmt",
                    "regexp",
                    "pattern",
                    "unpack",
                    "decolorize",
                    "line_format",
                    "label_format",
                    "drop",
                    "keep",
                    "unwrap",
                ];
                let near = STAGES
                    .iter()
                    .find(|stage| strsim::osa_distance(stage, &name) <= 2);
                let hint = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
                let problem =
                    format!("`{name}` is neither a stage nor compared with a value{hint}");
                return Err(LogqlError::new(at, problem));
            }
        })
    }

    /// `a, b="path.c"`, or nothing.
    fn fields(&mut self) -> Result<Vec<Rename>> {
        let mut fields = Vec::new();
        while let Token::Name(_) = self.peek() {
            let label = self.name("a label")?;
            let from = if self.accept("=") {
                self.text("a path in quotes")?
            } else {
                label.clone()
            };
            fields.push(Rename {
                label,
                from,
                is_label: false,
            });
            if !self.accept(",") {
                break;
            }
        }
        Ok(fields)
    }

    fn rename(&mut self) -> Result<Rename> {
        let label = self.name("a label")?;
        self.expect("=")?;
        let (from, is_label) = match self.take() {
            Token::Name(name) => (name, true),
            Token::Text(text) => (text, false),
            other => {
                self.next -= 1;
                return Err(self.expected("a label, or a template in quotes", &other));
            }
        };
        Ok(Rename {
            label,
            from,
            is_label,
        })
    }

    fn name_matches(&mut self) -> Result<Vec<NameMatch>> {
        let mut names = Vec::new();
        loop {
            let label = self.name("a label")?;
            let compares = matches!(self.peek(), Token::Sign("=" | "!=" | "=~" | "!~"));
            // `| drop a != "x"` would be a line filter to the eye; Loki reads it as a match too.
            let value = if compares {
                let op = self.match_op()?;
                let at = self.at();
                let value = self.text("a quoted value")?;
                if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
                    regex(&value).map_err(|problem| LogqlError::new(at, problem))?;
                }
                Some((op, value))
            } else {
                None
            };
            names.push(NameMatch { label, value });
            if !self.accept(",") {
                return Ok(names);
            }
        }
    }

    fn unwrap(&mut self) -> Result<Stage> {
        let name = self.name("a label")?;
        if !self.is_sign("(") {
            return Ok(Stage::Unwrap {
                label: name,
                conversion: None,
            });
        }
        let conversion = match name.as_str() {
            "duration" => Conversion::Duration,
            "duration_seconds" => Conversion::DurationSeconds,
            "bytes" => Conversion::Bytes,
            _ => {
                let problem = format!(
                    "`{name}` converts nothing; there are duration, duration_seconds and bytes"
                );
                return Err(self.error(problem));
            }
        };
        self.expect("(")?;
        let label = self.name("a label")?;
        self.expect(")")?;
        Ok(Stage::Unwrap {
            label,
            conversion: Some(conversion),
        })
    }

    fn label_filter(&mut self) -> Result<LabelFilter> {
        let mut left = self.label_conjunction()?;
        while self.accept_name("or") {
            self.join()?;
            let right = self.label_conjunction()?;
            left = LabelFilter::Or(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn label_conjunction(&mut self) -> Result<LabelFilter> {
        let mut left = self.label_atom()?;
        while self.accept_name("and") || self.accept(",") {
            self.join()?;
            let right = self.label_atom()?;
            left = LabelFilter::And(Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn label_atom(&mut self) -> Result<LabelFilter> {
        if self.accept("(") {
            let inner = self.nested(Self::label_filter)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let label = self.name("a label")?;
        let sign = match self.take() {
            Token::Sign(sign) => sign,
            other => {
                self.next -= 1;
                return Err(self.expected("a comparison", &other));
            }
        };
        let at = self.at();
        if self.is_name("ip") && matches!(sign, "=" | "!=") {
            let range = self.ip()?;
            return Ok(LabelFilter::Ip {
                label,
                negated: sign == "!=",
                range,
            });
        }
        let text_op = match sign {
            "=" => Some(MatchOp::Equal),
            "!=" => Some(MatchOp::NotEqual),
            "=~" => Some(MatchOp::Regex),
            "!~" => Some(MatchOp::NotRegex),
            _ => None,
        };
        if let (Token::Text(value), Some(op)) = (self.peek().clone(), text_op) {
            self.next += 1;
            if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
                regex(&value).map_err(|problem| LogqlError::new(at, problem))?;
            }
            return Ok(LabelFilter::Text(Matcher { label, op, value }));
        }
        let comparison = match sign {
            "=" | "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessEqual,
            "=~" | "!~" => {
                return Err(self.expected("a regular expression in quotes", self.peek()));
            }
            _ => {
                self.next -= 1;
                return Err(self.error(format!("`{sign}` compares nothing")));
            }
        };
        let negative = self.accept("-");
        let value = match (self.take(), negative) {
            (Token::Value(value), false) => value,
            (Token::Value(Value::Number(number)), true) => Value::Number(-number),
            (Token::Value(Value::Duration(duration)), true) => Value::Duration(-duration),
            (other, _) => {
                self.next -= 1;
                let what = if text_op.is_some() {
                    "a quoted text, a number, a duration or a size"
                } else {
                    "a number, a duration or a size"
                };
                return Err(self.expected(what, &other));
            }
        };
        Ok(LabelFilter::Number {
            label,
            comparison,
            value,
        })
    }

    /// Precedence climbing; `^` goes to the right.
    fn metric(&mut self, least: u8) -> Result<Metric> {
        let mut left = self.metric_atom()?;
        loop {
            let op = match self.peek() {
                Token::Sign(sign) => BinaryOp::of(sign),
                Token::Name(name) => BinaryOp::of(name),
                _ => None,
            };
            let Some(op) = op.filter(|op| op.precedence() >= least.max(1)) else {
                return Ok(left);
            };
            self.next += 1;
            self.join()?;
            let as_bool = self.accept_name("bool");
            if as_bool && op.comparison().is_none() {
                return Err(self.error("`bool` goes with comparisons only"));
            }
            let matching = self.matching()?;
            let next = op.precedence() + u8::from(op != BinaryOp::Power);
            let right = self.nested(|parser| parser.metric(next))?;
            if op.is_set() && (is_number(&left) || is_number(&right)) {
                return Err(self.error(format!("`{}` joins series, not numbers", op.as_str())));
            }
            left = Metric::Binary {
                op,
                left: Box::new(left),
                right: Box::new(right),
                as_bool,
                matching,
            };
        }
    }

    fn matching(&mut self) -> Result<Option<Matching>> {
        let ignoring = self.is_name("ignoring");
        if !ignoring && !self.is_name("on") {
            return Ok(None);
        }
        self.next += 1;
        let labels = self.label_list()?;
        let group = match self.peek().clone() {
            Token::Name(name) if name == "group_left" || name == "group_right" => {
                self.next += 1;
                let labels = match self.is_sign("(") {
                    true => self.label_list()?,
                    false => Vec::new(),
                };
                Some((name, labels))
            }
            _ => None,
        };
        Ok(Some(Matching {
            ignoring,
            labels,
            group,
        }))
    }

    fn label_list(&mut self) -> Result<Vec<String>> {
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.accept(")") {
            labels.push(self.name("a label")?);
            if !self.is_sign(")") {
                self.expect(",")?;
            }
        }
        Ok(labels)
    }

    fn metric_atom(&mut self) -> Result<Metric> {
        match self.peek().clone() {
            Token::Sign("(") => {
                self.next += 1;
                let inner = self.nested(|parser| parser.metric(0))?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign("-" | "+") => {
                let negative = self.accept("-");
                if !negative {
                    self.next += 1;
                }
                let number = self.number("a number")?;
                Ok(Metric::Number(if negative { -number } else { number }))
            }
            Token::Value(Value::Number(number)) => {
                self.next += 1;
                Ok(Metric::Number(number))
            }
            Token::Sign("{") => Err(self.error(
                "lines can't be reckoned with: put them into a function such as `count_over_time(… [5m])`",
            )),
            Token::Name(name) => self.function(&name),
            other => Err(self.expected("a stream selector or a function", &other)),
        }
    }

    fn function(&mut self, name: &str) -> Result<Metric> {
        let at = self.at();
        self.next += 1;
        if let Some(function) = RangeFunction::of(name) {
            return self.nested(|parser| parser.range(function));
        }
        if let Some(function) = VectorFunction::of(name) {
            return self.nested(|parser| parser.vector(function));
        }
        match name {
            "vector" => {
                self.expect("(")?;
                let number = self.number("a number")?;
                self.expect(")")?;
                Ok(Metric::Scalar(number))
            }
            "label_replace" => {
                self.expect("(")?;
                let inner = Box::new(self.nested(|parser| parser.metric(0))?);
                let mut next = |what| {
                    self.expect(",")?;
                    self.text(what)
                };
                let (target, replacement, source) = (
                    next("a label in quotes")?,
                    next("a text")?,
                    next("a label in quotes")?,
                );
                let pattern = next("a regular expression in quotes")?;
                regex(&pattern).map_err(|problem| self.error(problem))?;
                self.expect(")")?;
                Ok(Metric::LabelReplace {
                    inner,
                    target,
                    replacement,
                    source,
                    regex: pattern,
                })
            }
            _ => {
                let known = RangeFunction::ALL.iter().map(|known| known.as_str());
                let known = known.chain(VectorFunction::ALL.iter().map(|known| known.as_str()));
                let near = known
                    .min_by_key(|known| strsim::osa_distance(known, name))
                    .filter(|near| strsim::osa_distance(near, name) <= 3);
                let hint = near.map_or(String::new(), |near| format!(", did you mean `{near}`?"));
                let problem = format!("`{name}` is no function{hint}");
                Err(LogqlError::new(at, problem))
            }
        }
    }

    /// `count_over_time({…} |= "x" [5m] offset 1h)`, the range before or behind the stages.
    fn range(&mut self, function: RangeFunction) -> Result<Metric> {
        let at = self.at();
        self.expect("(")?;
        let parameter = match function {
            RangeFunction::Quantile => {
                let parameter = self.number("a quantile such as `0.99`")?;
                if !(0.0..=1.0).contains(&parameter) {
                    return Err(self.error("a quantile lies between 0 and 1"));
                }
                self.expect(",")?;
                Some(parameter)
            }
            _ => None,
        };
        let mut opened = 0;
        while self.accept("(") {
            opened += 1;
        }
        let selector = self.selector()?;
        let mut stages = Vec::new();
        let mut range = self.bracketed_range()?;
        let mut offset = self.offset()?;
        self.stages(&mut stages)?;
        for _ in 0..opened {
            if range.is_none() {
                range = self.bracketed_range()?;
            }
            self.expect(")")?;
        }
        if range.is_none() {
            range = self.bracketed_range()?;
        }
        if offset == 0 {
            offset = self.offset()?;
        }
        let range = range.ok_or_else(|| self.expected("a range such as `[5m]`", self.peek()))?;
        self.expect(")")?;
        let grouping = self.grouping()?;
        let unwraps = stages.iter().any(is_unwrap);
        let name = function.as_str();
        if function.needs_unwrap() && !unwraps {
            let problem = format!("`{name}` needs `| unwrap label`, the number to work on");
            return Err(LogqlError::new(at, problem));
        }
        if unwraps
            && !function.needs_unwrap()
            && function != RangeFunction::Rate
            && function != RangeFunction::Absent
        {
            let problem = format!("`{name}` counts lines and takes no `unwrap`");
            return Err(LogqlError::new(at, problem));
        }
        if grouping.is_some() && !unwraps {
            let problem = format!("`{name}` can't be grouped; write `sum by (…) ({name}(…))`");
            return Err(LogqlError::new(at, problem));
        }
        Ok(Metric::Range {
            function,
            parameter,
            query: LogQuery { selector, stages },
            range,
            offset,
            grouping,
        })
    }

    fn bracketed_range(&mut self) -> Result<Option<i64>> {
        if !self.accept("[") {
            return Ok(None);
        }
        let range = self.duration()?;
        if range <= 0 {
            return Err(self.error("a range is longer than nothing"));
        }
        self.expect("]")?;
        Ok(Some(range))
    }

    fn offset(&mut self) -> Result<i64> {
        if self.accept_name("offset") {
            return self.duration();
        }
        Ok(0)
    }

    /// `sum by (a) (…)` or `sum(…) by (a)`.
    fn vector(&mut self, function: VectorFunction) -> Result<Metric> {
        let name = function.as_str();
        let mut grouping = self.grouping()?;
        self.expect("(")?;
        let parameter = match function.needs_parameter() {
            true => {
                let parameter = self.number("how many, such as `5`")?;
                if parameter < 1.0 || parameter.fract() != 0.0 {
                    return Err(self.error(format!("`{name}` takes a whole number from 1 on")));
                }
                self.expect(",")?;
                Some(parameter)
            }
            false => None,
        };
        let inner = Box::new(self.metric(0)?);
        self.expect(")")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        if grouping.is_some() && matches!(function, VectorFunction::Sort | VectorFunction::SortDesc)
        {
            return Err(self.error(format!("`{name}` can't be grouped")));
        }
        if is_number(&inner) {
            return Err(self.error(format!("`{name}` works on series, not on a number")));
        }
        Ok(Metric::Vector {
            function,
            parameter,
            inner,
            grouping,
        })
    }

    fn grouping(&mut self) -> Result<Option<Grouping>> {
        let without = self.is_name("without");
        if !without && !self.is_name("by") {
            return Ok(None);
        }
        self.next += 1;
        let labels = self.label_list()?;
        Ok(Some(Grouping { without, labels }))
    }
}

fn is_unwrap(stage: &Stage) -> bool {
    matches!(stage, Stage::Unwrap { .. })
}

fn is_number(metric: &Metric) -> bool {
    match metric {
        Metric::Number(_) => true,
        Metric::Binary { left, right, .. } => is_number(left) && is_number(right),
        _ => false,
    }
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
