//! A LogQL expression as a tree.

/// Either brings lines, or numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Log(LogQuery),
    Metric(Metric),
}

/// `{service="payments"} |= "timeout" | json`
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LogQuery {
    /// Never empty.
    pub selector: Vec<Matcher>,
    pub stages: Vec<Stage>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Matcher {
    pub label: String,
    pub op: MatchOp,
    pub value: String,
}

impl Matcher {
    pub fn new(label: &str, op: MatchOp, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            op,
            value: value.into(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOp {
    Equal,
    NotEqual,
    /// The whole value, not a part of it.
    Regex,
    NotRegex,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Keeps a line where one of the needles is found, or none for a negation.
    Line {
        op: LineOp,
        needles: Vec<Needle>,
    },
    /// Empty: every field.
    Json(Vec<Rename>),
    Logfmt {
        flags: Vec<String>,
        fields: Vec<Rename>,
    },
    Regexp(String),
    Pattern(String),
    Unpack,
    Decolorize,
    LineFormat(String),
    LabelFormat(Vec<Rename>),
    Label(LabelFilter),
    Drop(Vec<NameMatch>),
    Keep(Vec<NameMatch>),
    Unwrap {
        label: String,
        conversion: Option<Conversion>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOp {
    Contains,
    ContainsNot,
    Regex,
    RegexNot,
    Pattern,
    PatternNot,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Needle {
    Text(String),
    /// An address, a range `a-b`, or a network `a/n`.
    Ip(String),
}

/// `label="text"`, where the text is a path, a template, or another label.
#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    pub label: String,
    pub from: String,
    /// `from` is the bare name of a label.
    pub is_label: bool,
}

/// A name of `drop` and `keep`, with what its value must be.
#[derive(Clone, Debug, PartialEq)]
pub struct NameMatch {
    pub label: String,
    pub value: Option<(MatchOp, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    Duration,
    DurationSeconds,
    Bytes,
}

#[derive(Clone, Debug, PartialEq)]
pub enum LabelFilter {
    Text(Matcher),
    Number {
        label: String,
        comparison: Comparison,
        value: Value,
    },
    Ip {
        label: String,
        negated: bool,
        range: String,
    },
    And(Box<LabelFilter>, Box<LabelFilter>),
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    /// Nanoseconds.
    Duration(i64),
    Bytes(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

impl Comparison {
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Greater => left > right,
            Comparison::GreaterEqual => left >= right,
            Comparison::Less => left < right,
            Comparison::LessEqual => left <= right,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    Number(f64),
    /// `vector(0)`
    Scalar(f64),
    Range {
        function: RangeFunction,
        /// Of `quantile_over_time`, 0 to 1.
        parameter: Option<f64>,
        query: LogQuery,
        /// Nanoseconds.
        range: i64,
        /// Nanoseconds.
        offset: i64,
        grouping: Option<Grouping>,
    },
    Vector {
        function: VectorFunction,
        /// Of `topk` and `bottomk`.
        parameter: Option<f64>,
        inner: Box<Metric>,
        grouping: Option<Grouping>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Metric>,
        right: Box<Metric>,
        /// A comparison brings 0 or 1 instead of leaving out.
        as_bool: bool,
        matching: Option<Matching>,
    },
    LabelReplace {
        inner: Box<Metric>,
        target: String,
        replacement: String,
        source: String,
        regex: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grouping {
    pub without: bool,
    pub labels: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    pub ignoring: bool,
    pub labels: Vec<String>,
    /// `group_left` or `group_right` with its labels.
    pub group: Option<(String, Vec<String>)>,
}

/// Names the enum's values as LogQL spells them.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            pub fn of(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

named!(RangeFunction {
    Count = "count_over_time",
    Rate = "rate",
    RateCounter = "rate_counter",
    Bytes = "bytes_over_time",
    BytesRate = "bytes_rate",
    Sum = "sum_over_time",
    Avg = "avg_over_time",
    Min = "min_over_time",
    Max = "max_over_time",
    Stddev = "stddev_over_time",
    Stdvar = "stdvar_over_time",
    Quantile = "quantile_over_time",
    First = "first_over_time",
    Last = "last_over_time",
    Absent = "absent_over_time",
});

impl RangeFunction {
    /// Works on numbers that `unwrap` takes from the lines.
    pub fn needs_unwrap(self) -> bool {
        !matches!(
            self,
            RangeFunction::Count
                | RangeFunction::Rate
                | RangeFunction::Bytes
                | RangeFunction::BytesRate
                | RangeFunction::Absent
        )
    }
}

named!(VectorFunction {
    Sum = "sum",
    Avg = "avg",
    Min = "min",
    Max = "max",
    Count = "count",
    Stddev = "stddev",
    Stdvar = "stdvar",
    Topk = "topk",
    Bottomk = "bottomk",
    ApproxTopk = "approx_topk",
    Sort = "sort",
    SortDesc = "sort_desc",
});

impl VectorFunction {
    pub fn needs_parameter(self) -> bool {
        matches!(
            self,
            VectorFunction::Topk | VectorFunction::Bottomk | VectorFunction::ApproxTopk
        )
    }
}

named!(BinaryOp {
    Or = "or",
    And = "and",
    Unless = "unless",
    Equal = "==",
    NotEqual = "!=",
    Greater = ">",
    GreaterEqual = ">=",
    Less = "<",
    LessEqual = "<=",
    Add = "+",
    Subtract = "-",
    Multiply = "*",
    Divide = "/",
    Modulo = "%",
    Power = "^",
});

impl BinaryOp {
    /// Higher binds tighter.
    pub fn precedence(self) -> u8 {
        match self {
            BinaryOp::Or => 1,
            BinaryOp::And | BinaryOp::Unless => 2,
            BinaryOp::Add | BinaryOp::Subtract => 4,
            BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Modulo => 5,
            BinaryOp::Power => 6,
            _ => 3,
        }
    }

    pub fn comparison(self) -> Option<Comparison> {
        Some(match self {
            BinaryOp::Equal => Comparison::Equal,
            BinaryOp::NotEqual => Comparison::NotEqual,
            BinaryOp::Greater => Comparison::Greater,
            BinaryOp::GreaterEqual => Comparison::GreaterEqual,
            BinaryOp::Less => Comparison::Less,
            BinaryOp::LessEqual => Comparison::LessEqual,
            _ => return None,
        })
    }

    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::Or | BinaryOp::And | BinaryOp::Unless)
    }
}

impl Expression {
    /// How far back it looks by itself, in nanoseconds; 0 for lines.
    pub fn reach(&self) -> i64 {
        match self {
            Expression::Log(_) => 0,
            Expression::Metric(metric) => metric.reach(),
        }
    }
}

impl Metric {
    fn reach(&self) -> i64 {
        match self {
            Metric::Number(_) | Metric::Scalar(_) => 0,
            Metric::Range { range, offset, .. } => range.saturating_add(*offset),
            Metric::Vector { inner, .. } | Metric::LabelReplace { inner, .. } => inner.reach(),
            Metric::Binary { left, right, .. } => left.reach().max(right.reach()),
        }
    }
}
