//! Expressions: columns, values, operators, calls.

use super::{Judged, Walk, foreign, relation::parts};
use crate::tools::sql::guard::{
    functions::{self, Ruling},
    kind_of, refuse,
};
use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Interval, MemberOf, WindowFrame, WindowFrameBound,
    WindowSpec, WindowType,
};

impl Walk<'_> {
    pub(super) fn expressions(&mut self, expressions: &[Expr]) -> Judged {
        expressions
            .iter()
            .try_for_each(|expression| self.expression(expression))
    }

    pub(super) fn optional(&mut self, expression: Option<&Expr>) -> Judged {
        expression.map_or(Ok(()), |expression| self.expression(expression))
    }

    pub(super) fn expression(&mut self, expression: &Expr) -> Judged {
        self.deeper(|walk| walk.parts_of(expression))
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm per kind of expression that a read may hold"
    )]
    fn parts_of(&mut self, expression: &Expr) -> Judged {
        match expression {
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::Value(_)
            | Expr::TypedString(_)
            | Expr::MatchAgainst {
                columns: _,
                match_value: _,
                opt_search_modifier: _,
            } => Ok(()),

            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner)
            | Expr::Nested(inner)
            | Expr::UnaryOp { op: _, expr: inner }
            | Expr::Collate {
                expr: inner,
                collation: _,
            }
            | Expr::Cast {
                kind: _,
                expr: inner,
                data_type: _,
                format: None,
            }
            | Expr::Extract {
                field: _,
                syntax: _,
                expr: inner,
            }
            | Expr::Ceil {
                expr: inner,
                field: _,
            }
            | Expr::Floor {
                expr: inner,
                field: _,
            }
            | Expr::Prefixed {
                prefix: _,
                value: inner,
            } => self.expression(inner),

            Expr::BinaryOp {
                left: _,
                op: BinaryOperator::Assignment,
                right: _,
            } => refuse("assigns a variable with `:=`"),
            Expr::BinaryOp { left, op: _, right }
            | Expr::AnyOp {
                left,
                compare_op: _,
                right,
                is_some: _,
            }
            | Expr::AllOp {
                left,
                compare_op: _,
                right,
            }
            | Expr::Position {
                expr: left,
                r#in: right,
            }
            | Expr::MemberOf(MemberOf {
                value: left,
                array: right,
            })
            | Expr::RLike {
                negated: _,
                expr: left,
                pattern: right,
                regexp: _,
            } => {
                self.expression(left)?;
                self.expression(right)
            }
            Expr::Like {
                negated: _,
                any: _,
                expr,
                pattern,
                escape_char,
            } => {
                self.expression(expr)?;
                self.expression(pattern)?;
                self.optional(escape_char.as_deref())
            }
            Expr::Between {
                expr,
                negated: _,
                low,
                high,
            } => {
                self.expression(expr)?;
                self.expression(low)?;
                self.expression(high)
            }
            Expr::InList {
                expr,
                list,
                negated: _,
            } => {
                self.expression(expr)?;
                self.expressions(list)
            }
            Expr::InSubquery {
                expr,
                subquery,
                negated: _,
            } => {
                self.expression(expr)?;
                self.query(subquery)
            }
            Expr::Exists {
                subquery,
                negated: _,
            }
            | Expr::Subquery(subquery) => self.query(subquery),
            Expr::Tuple(values) => self.expressions(values),
            Expr::Case {
                case_token: _,
                end_token: _,
                operand,
                conditions,
                else_result,
            } => {
                self.optional(operand.as_deref())?;
                for CaseWhen { condition, result } in conditions {
                    self.expression(condition)?;
                    self.expression(result)?;
                }
                self.optional(else_result.as_deref())
            }
            Expr::Convert {
                is_try: _,
                expr,
                data_type: _,
                charset: _,
                target_before_value: _,
                styles,
            } => {
                self.expression(expr)?;
                self.expressions(styles)
            }
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                special: _,
                shorthand: _,
            } => {
                self.expression(expr)?;
                self.optional(substring_from.as_deref())?;
                self.optional(substring_for.as_deref())
            }
            Expr::Trim {
                trim_where: _,
                trim_what,
                expr,
                trim_characters,
            } => {
                self.expression(expr)?;
                self.optional(trim_what.as_deref())?;
                self.expressions(trim_characters.as_deref().unwrap_or_default())
            }
            Expr::Interval(Interval {
                value,
                leading_field: _,
                leading_precision: _,
                last_field: _,
                fractional_seconds_precision: _,
            }) => self.expression(value),
            Expr::Function(function) => self.call(function),

            other => {
                let kind = kind_of(&format!("{other:?}"));
                refuse(format!("has {kind} in it, which is not known to be a read"))
            }
        }
    }

    fn call(&mut self, function: &Function) -> Judged {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment: _,
            over,
        } = function;
        if *uses_odbc_syntax || !matches!(parameters, FunctionArguments::None) {
            return foreign("such a call");
        }
        match parts(name).as_deref() {
            Some([name]) => self.function(name)?,
            Some([schema, name]) => {
                return refuse(format!(
                    "calls `{schema}.{name}`, which is a stored function"
                ));
            }
            _ => return foreign("such a call"),
        }
        self.arguments(args)?;
        self.sorted(within_group)?;
        self.optional(filter.as_deref())?;
        match over {
            Some(WindowType::WindowSpec(window)) => self.window(window),
            Some(WindowType::NamedWindow(_)) | None => Ok(()),
        }
    }

    fn function(&self, name: &str) -> Judged {
        let refused = match functions::mysql(name) {
            Ruling::Plain => return Ok(()),
            Ruling::System if !self.policy.is_strict() => return Ok(()),
            Ruling::System => "tells of the server itself",
            Ruling::Forbidden(deed) => deed,
            Ruling::Unknown => "is not a known plain function",
        };
        refuse(format!("calls `{}`, which {refused}", name.to_lowercase()))
    }

    fn arguments(&mut self, arguments: &FunctionArguments) -> Judged {
        let FunctionArgumentList {
            duplicate_treatment: _,
            args,
            clauses,
        } = match arguments {
            FunctionArguments::None => return Ok(()),
            FunctionArguments::Subquery(query) => return self.query(query),
            FunctionArguments::List(list) => list,
        };
        for argument in args {
            match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => self.expression(value)?,
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard) => {}
                _ => return foreign("such an argument"),
            }
        }
        for clause in clauses {
            match clause {
                FunctionArgumentClause::OrderBy(columns) => self.sorted(columns)?,
                FunctionArgumentClause::Limit(limit) => self.expression(limit)?,
                FunctionArgumentClause::Separator(_)
                | FunctionArgumentClause::IgnoreOrRespectNulls(_)
                | FunctionArgumentClause::JsonNullClause(_) => {}
                _ => return foreign("such an argument"),
            }
        }
        Ok(())
    }

    pub(super) fn window(&mut self, window: &WindowSpec) -> Judged {
        let WindowSpec {
            window_name: _,
            partition_by,
            order_by,
            window_frame,
        } = window;
        self.expressions(partition_by)?;
        self.sorted(order_by)?;
        let Some(WindowFrame {
            units: _,
            start_bound,
            end_bound,
        }) = window_frame
        else {
            return Ok(());
        };
        for bound in std::iter::once(start_bound).chain(end_bound) {
            match bound {
                WindowFrameBound::CurrentRow => {}
                WindowFrameBound::Preceding(distance) | WindowFrameBound::Following(distance) => {
                    self.optional(distance.as_deref())?;
                }
            }
        }
        Ok(())
    }
}
