//! A LogQL expression as text. Every quoted text is escaped here and nowhere else.

use super::ast::{
    Comparison, Conversion, Expression, Grouping, LabelFilter, LineOp, LogQuery, MatchOp, Matcher,
    Matching, Metric, NameMatch, Needle, Rename, Stage, Value,
};
use std::fmt::{Display, Formatter, Result, Write};

/// A text in quotes that nothing in it can end: in backticks where it would
/// need escapes and holds neither backtick nor control sign, otherwise in
/// double quotes with Go's escapes.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let sign = |c: char| c == '`' || c.is_control() || c == '\u{2028}' || c == '\u{2029}';
        if self.0.contains(['"', '\\']) && !self.0.contains(sign) {
            return write!(f, "`{}`", self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() || c == '\u{2028}' || c == '\u{2029}' => {
                    write!(f, "\\u{:04x}", c as u32)?;
                }
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Expression::Log(query) => query.fmt(f),
            Expression::Metric(metric) => metric.fmt(f),
        }
    }
}

impl Display for LogQuery {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_char('{')?;
        list(f, &self.selector, |f, matcher| matcher.fmt(f))?;
        f.write_char('}')?;
        for stage in &self.stages {
            write!(f, " {stage}")?;
        }
        Ok(())
    }
}

impl Display for Matcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}{}{}", self.label, self.op, Quoted(&self.value))
    }
}

impl Display for MatchOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        })
    }
}

impl Display for LineOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            LineOp::Contains => "|=",
            LineOp::ContainsNot => "!=",
            LineOp::Regex => "|~",
            LineOp::RegexNot => "!~",
            LineOp::Pattern => "|>",
            LineOp::PatternNot => "!>",
        })
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Stage::Line { op, needles } => {
                write!(f, "{op} ")?;
                for (i, needle) in needles.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" or ")?;
                    }
                    match needle {
                        Needle::Text(text) => Quoted(text).fmt(f)?,
                        Needle::Ip(range) => write!(f, "ip({})", Quoted(range))?,
                    }
                }
                Ok(())
            }
            Stage::Json(fields) => {
                f.write_str("| json")?;
                spaced(f, fields)
            }
            Stage::Logfmt { flags, fields } => {
                f.write_str("| logfmt")?;
                for flag in flags {
                    write!(f, " --{flag}")?;
                }
                spaced(f, fields)
            }
            Stage::Regexp(regex) => write!(f, "| regexp {}", Quoted(regex)),
            Stage::Pattern(pattern) => write!(f, "| pattern {}", Quoted(pattern)),
            Stage::Unpack => f.write_str("| unpack"),
            Stage::Decolorize => f.write_str("| decolorize"),
            Stage::LineFormat(template) => write!(f, "| line_format {}", Quoted(template)),
            Stage::LabelFormat(renames) => {
                f.write_str("| label_format")?;
                spaced(f, renames)
            }
            Stage::Label(filter) => write!(f, "| {filter}"),
            Stage::Drop(names) => {
                f.write_str("| drop ")?;
                list(f, names, |f, name| name.fmt(f))
            }
            Stage::Keep(names) => {
                f.write_str("| keep ")?;
                list(f, names, |f, name| name.fmt(f))
            }
            Stage::Unwrap { label, conversion } => match conversion {
                None => write!(f, "| unwrap {label}"),
                Some(Conversion::Duration) => write!(f, "| unwrap duration({label})"),
                Some(Conversion::DurationSeconds) => {
                    write!(f, "| unwrap duration_seconds({label})")
                }
                Some(Conversion::Bytes) => write!(f, "| unwrap bytes({label})"),
            },
        }
    }
}

impl Display for Rename {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.is_label {
            write!(f, "{}={}", self.label, self.from)
        } else {
            write!(f, "{}={}", self.label, Quoted(&self.from))
        }
    }
}

impl Display for NameMatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.label)?;
        match &self.value {
            Some((op, value)) => write!(f, "{op}{}", Quoted(value)),
            None => Ok(()),
        }
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            LabelFilter::Text(matcher) => matcher.fmt(f),
            LabelFilter::Number {
                label,
                comparison,
                value,
            } => write!(f, "{label} {comparison} {value}"),
            LabelFilter::Ip {
                label,
                negated,
                range,
            } => {
                let op = if *negated { "!=" } else { "=" };
                write!(f, "{label}{op}ip({})", Quoted(range))
            }
            LabelFilter::And(left, right) => write!(f, "({left} and {right})"),
            LabelFilter::Or(left, right) => write!(f, "({left} or {right})"),
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Greater => ">",
            Comparison::GreaterEqual => ">=",
            Comparison::Less => "<",
            Comparison::LessEqual => "<=",
        })
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Duration(nanoseconds) => f.write_str(&duration(*nanoseconds)),
            Value::Bytes(bytes) => write!(f, "{bytes}B"),
        }
    }
}

/// In the largest unit that leaves no rest: servers differ in what they read.
pub(super) fn duration(nanoseconds: i64) -> String {
    const UNITS: [(&str, i64); 6] = [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    let fits = |(_, size): &&(&str, i64)| nanoseconds % size == 0;
    let (unit, size) = UNITS.iter().find(fits).unwrap_or(&("ns", 1));
    format!("{}{unit}", nanoseconds / size)
}

impl Display for Metric {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Metric::Number(number) => write!(f, "{number}"),
            Metric::Scalar(number) => write!(f, "vector({number})"),
            Metric::Range {
                function,
                parameter,
                query,
                range,
                offset,
                grouping,
            } => {
                write!(f, "{}(", function.as_str())?;
                if let Some(parameter) = parameter {
                    write!(f, "{parameter}, ")?;
                }
                write!(f, "{query} [{}]", duration(*range))?;
                if *offset != 0 {
                    write!(f, " offset {}", duration(*offset))?;
                }
                f.write_char(')')?;
                match grouping {
                    Some(grouping) => write!(f, " {grouping}"),
                    None => Ok(()),
                }
            }
            Metric::Vector {
                function,
                parameter,
                inner,
                grouping,
            } => {
                f.write_str(function.as_str())?;
                if let Some(grouping) = grouping {
                    write!(f, " {grouping} ")?;
                }
                f.write_char('(')?;
                if let Some(parameter) = parameter {
                    write!(f, "{parameter}, ")?;
                }
                write!(f, "{inner})")
            }
            Metric::Binary {
                op,
                left,
                right,
                as_bool,
                matching,
            } => {
                write!(f, "({left} {}", op.as_str())?;
                if *as_bool {
                    f.write_str(" bool")?;
                }
                if let Some(matching) = matching {
                    write!(f, " {matching}")?;
                }
                write!(f, " {right})")
            }
            Metric::LabelReplace {
                inner,
                target,
                replacement,
                source,
                regex,
            } => write!(
                f,
                "label_replace({inner}, {}, {}, {}, {})",
                Quoted(target),
                Quoted(replacement),
                Quoted(source),
                Quoted(regex)
            ),
        }
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let word = if self.without { "without" } else { "by" };
        write!(f, "{word} ({})", self.labels.join(", "))
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let word = if self.ignoring { "ignoring" } else { "on" };
        write!(f, "{word} ({})", self.labels.join(", "))?;
        match &self.group {
            Some((group, labels)) => write!(f, " {group} ({})", labels.join(", ")),
            None => Ok(()),
        }
    }
}

fn list<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    mut print: impl FnMut(&mut Formatter<'_>, &T) -> Result,
) -> Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        print(f, item)?;
    }
    Ok(())
}

/// A space, then the list; nothing for none.
fn spaced(f: &mut Formatter<'_>, renames: &[Rename]) -> Result {
    if !renames.is_empty() {
        f.write_char(' ')?;
    }
    list(f, renames, |f, rename| rename.fmt(f))
}
