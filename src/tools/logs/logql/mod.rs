//! LogQL, the query language of Grafana Loki: read, checked, printed, and
//! evaluated over lines of plain files.
//!
//! Promise: what is sent to a server is printed from what was parsed, so a
//! text can never leave its quotes, and a mistake is named before anything is
//! asked. LogQL has no statements that write.
//!
//! Source: the LogQL reference of Loki 3 (log queries, metric queries,
//! template functions). Read but not evaluated here: `unpack`, functions in
//! templates, `group_left`.

mod ast;
mod fields;
mod ip;
mod lexer;
mod metric;
mod parser;
mod pattern;
mod pipeline;
mod print;
mod template;

pub use ast::{
    BinaryOp, Comparison, Conversion, Expression, Grouping, LabelFilter, LineOp, LogQuery, MatchOp,
    Matcher, Matching, Metric, NameMatch, Needle, RangeFunction, Rename, Stage, Value,
    VectorFunction,
};
pub(super) use fields::logfmt;
pub use metric::{Evaluation, Sample};
pub use parser::{LogqlError, parse};
pub use pipeline::{Labels, Pipeline, Record};
