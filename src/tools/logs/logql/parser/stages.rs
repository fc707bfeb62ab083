//! The stages of a log query: line filters, parsers, labels.

use super::{LogqlError, Parser, Result, regex};
use crate::tools::logs::logql::{
    ast::{
        Comparison, Conversion, LabelFilter, LineOp, MatchOp, Matcher, NameMatch, Needle, Rename,
        Stage, Value,
    },
    ip::IpRange,
    lexer::Token,
    pattern,
};

impl Parser {
    pub(super) fn stages(&mut self, stages: &mut Vec<Stage>) -> Result<()> {
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
                let text = self.text("a pattern in quotes")?;
                pattern::check(&text).map_err(|problem| LogqlError::new(place, problem))?;
                Stage::Pattern(text)
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
}
