//! SQLite: the gate on the tree of a parser made from SQLite's own grammar.
//!
//! SQLite runs every statement of a text, one after the other, so that what is
//! one statement here must be one there too: a second, much simpler reader
//! ([`lexer`]) has to agree that nothing follows.

use super::{Dialect, Policy, Refusal, functions, kind_of, refuse};
use crate::tools::sql::lexer;
use sqlite3_parser::{
    Bump, FallibleIterator,
    ast::{
        Cmd, CommonTableExpr, Expr, FrameBound, FrameClause, FromClause, FunctionCallOrder,
        FunctionTail, JoinConstraint, JoinedSelectTable, Limit, OneSelect, Over, QualifiedName,
        ResultColumn, Select, SelectBody, SelectTable, SortedColumn, Stmt, Window, WindowDef, With,
    },
    lexer::sql::Parser,
};
use std::collections::BTreeSet;

const DEFAULT_SCHEMA: &str = "main";

/// SQLite's own limit on the depth of an expression is 1,000; a person's is lower.
const MAX_DEPTH: usize = 200;

pub(super) fn judge(sql: &str, policy: &Policy) -> Result<BTreeSet<String>, Refusal> {
    if !lexer::is_one_statement(sql, Dialect::Sqlite) {
        return refuse("is more than one statement");
    }
    let policy = policy.folded();
    let arena = Bump::new();
    let mut parser = Parser::new(&arena, sql.as_bytes());
    let mut walk = Walk {
        policy: &policy,
        tables: BTreeSet::new(),
        ctes: Vec::new(),
        depth: 0,
    };
    match parser.next() {
        Ok(None) => return refuse("is empty"),
        Ok(Some(
            Cmd::Stmt(statement) | Cmd::Explain(statement) | Cmd::ExplainQueryPlan(statement),
        )) => {
            walk.statement(&statement)?;
        }
        Err(problem) => return refuse(format!("can't be parsed: {problem}")),
    }
    match parser.next() {
        Ok(None) => Ok(walk.tables),
        _ => refuse("is more than one statement"),
    }
}

struct Walk<'a> {
    policy: &'a Policy,
    tables: BTreeSet<String>,
    /// Names of common table expressions in scope, innermost last.
    ctes: Vec<String>,
    depth: usize,
}

type Judged = Result<(), Refusal>;

impl Walk<'_> {
    fn statement(&mut self, statement: &Stmt) -> Judged {
        match statement {
            Stmt::Select(select) => self.select(select),
            other => refuse(format!(
                "is {}, where only a SELECT may stand",
                statement_kind(other)
            )),
        }
    }

    fn select(&mut self, select: &Select) -> Judged {
        let Select {
            with,
            body:
                SelectBody {
                    select: first,
                    compounds,
                },
            order_by,
            limit,
        } = select;
        let outer = self.ctes.len();
        self.deeper(|walk| {
            if let Some(with) = with {
                walk.with(with)?;
            }
            walk.one_select(first)?;
            for compound in compounds.iter().flatten() {
                walk.one_select(&compound.select)?;
            }
            walk.sorted(*order_by)?;
            if let Some(Limit { expr, offset }) = limit {
                walk.expression(expr)?;
                offset
                    .iter()
                    .try_for_each(|offset| walk.expression(offset))?;
            }
            Ok(())
        })?;
        self.ctes.truncate(outer);
        Ok(())
    }

    /// On SQLite every name of a WITH clause is in scope in all of its queries.
    fn with(&mut self, with: &With) -> Judged {
        let With { recursive: _, ctes } = with;
        self.ctes
            .extend(ctes.iter().map(|cte| plain(cte.tbl_name.0)));
        for cte in *ctes {
            let CommonTableExpr {
                tbl_name: _,
                columns: _,
                materialized: _,
                select,
            } = cte;
            self.select(select)?;
        }
        Ok(())
    }

    fn one_select(&mut self, select: &OneSelect) -> Judged {
        match select {
            OneSelect::Values(rows) => rows.iter().try_for_each(|row| self.expressions(row)),
            OneSelect::Select {
                distinctness: _,
                columns,
                from,
                where_clause,
                group_by,
                having,
                window_clause,
            } => {
                for column in *columns {
                    match column {
                        ResultColumn::Expr(expression, _) => self.expression(expression)?,
                        ResultColumn::Star | ResultColumn::TableStar(_) => {}
                    }
                }
                from.iter().try_for_each(|from| self.from(from))?;
                self.optional(*where_clause)?;
                self.expressions(group_by.unwrap_or_default())?;
                self.optional(*having)?;
                for WindowDef { name: _, window } in window_clause.unwrap_or_default() {
                    self.window(window)?;
                }
                Ok(())
            }
        }
    }

    fn from(&mut self, from: &FromClause) -> Judged {
        if let Some(table) = from.select {
            self.table(table)?;
        }
        for JoinedSelectTable {
            operator: _,
            table,
            constraint,
        } in from.joins.iter().flatten()
        {
            self.table(table)?;
            match constraint {
                Some(JoinConstraint::On(condition)) => self.expression(condition)?,
                Some(JoinConstraint::Using(_)) | None => {}
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &SelectTable) -> Judged {
        match table {
            SelectTable::Table(name, _, _) => self.relation(name),
            SelectTable::TableCall(name, args, _) => {
                self.function(name.name.0)?;
                self.expressions(args.unwrap_or_default())
            }
            SelectTable::Select(select, _) => self.select(select),
            SelectTable::Sub(from, _) => self.deeper(|walk| walk.from(from)),
        }
    }

    fn relation(&mut self, name: &QualifiedName) -> Judged {
        let QualifiedName {
            db_name,
            name,
            alias: _,
        } = name;
        let schema = db_name.as_ref().map(|schema| plain(schema.0));
        let table = plain(name.0);
        if schema.is_none() && self.ctes.contains(&table) {
            return Ok(());
        }
        if table.starts_with("pragma_") || table == "sqlite_dbpage" {
            return refuse(format!(
                "reads `{table}`, which tells of the database file itself"
            ));
        }
        if !self
            .policy
            .admits(schema.as_deref(), &table, DEFAULT_SCHEMA)
        {
            return refuse(format!(
                "reads `{table}`, which is not among the tables it may read"
            ));
        }
        self.tables.insert(table);
        Ok(())
    }

    fn function(&self, name: &str) -> Judged {
        let name = plain(name);
        if functions::is_sqlite_builtin(&name) {
            Ok(())
        } else {
            refuse(format!(
                "calls `{name}`, which is not a known plain function"
            ))
        }
    }

    fn expressions(&mut self, expressions: &[Expr]) -> Judged {
        expressions
            .iter()
            .try_for_each(|expression| self.expression(expression))
    }

    fn optional(&mut self, expression: Option<&Expr>) -> Judged {
        expression.map_or(Ok(()), |expression| self.expression(expression))
    }

    fn expression(&mut self, expression: &Expr) -> Judged {
        self.deeper(|walk| walk.parts(expression))
    }

    fn parts(&mut self, expression: &Expr) -> Judged {
        match expression {
            Expr::Literal(_)
            | Expr::Id(_)
            | Expr::Name(_)
            | Expr::Qualified(..)
            | Expr::DoublyQualified(..)
            | Expr::Variable(_) => Ok(()),

            Expr::FunctionCall {
                name,
                distinctness: _,
                args,
                order_by,
                filter_over,
            } => {
                self.function(name.0)?;
                self.expressions(args.unwrap_or_default())?;
                match order_by {
                    Some(FunctionCallOrder::SortList(columns)) => self.sorted(Some(*columns))?,
                    None => {}
                }
                self.tail(filter_over)
            }
            Expr::FunctionCallStar { name, filter_over } => {
                self.function(name.0)?;
                self.tail(filter_over)
            }

            Expr::Subquery(select) | Expr::Exists(select) => self.select(select),
            Expr::InSelect { lhs, not: _, rhs } => {
                self.expression(lhs)?;
                self.select(rhs)
            }
            Expr::InTable {
                lhs,
                not: _,
                rhs,
                args,
            } => {
                self.expression(lhs)?;
                match args {
                    Some(args) => {
                        self.function(rhs.name.0)?;
                        self.expressions(args)
                    }
                    None => self.relation(rhs),
                }
            }
            Expr::InList { lhs, not: _, rhs } => {
                self.expression(lhs)?;
                self.expressions(rhs.unwrap_or_default())
            }

            Expr::Between {
                lhs,
                not: _,
                start,
                end,
            } => [lhs, start, end]
                .into_iter()
                .try_for_each(|part| self.expression(part)),
            Expr::Binary(left, _, right) => {
                self.expression(left)?;
                self.expression(right)
            }
            Expr::Case {
                base,
                when_then_pairs,
                else_expr,
            } => {
                self.optional(*base)?;
                for (when, then) in *when_then_pairs {
                    self.expression(when)?;
                    self.expression(then)?;
                }
                self.optional(*else_expr)
            }
            Expr::Like {
                lhs,
                not: _,
                op: _,
                rhs,
                escape,
            } => {
                self.expression(lhs)?;
                self.expression(rhs)?;
                self.optional(*escape)
            }
            Expr::Parenthesized(inner) => self.expressions(inner),
            Expr::Cast {
                expr: inner,
                type_name: _,
            }
            | Expr::Collate(inner, _)
            | Expr::IsNull(inner)
            | Expr::NotNull(inner)
            | Expr::Unary(_, inner) => self.expression(inner),

            Expr::Raise(..) => refuse("calls RAISE, which belongs to triggers"),
        }
    }

    fn tail(&mut self, tail: &Option<FunctionTail>) -> Judged {
        let Some(FunctionTail {
            filter_clause,
            over_clause,
        }) = tail
        else {
            return Ok(());
        };
        self.optional(*filter_clause)?;
        match over_clause {
            Some(Over::Window(window)) => self.window(window),
            Some(Over::Name(_)) | None => Ok(()),
        }
    }

    fn window(&mut self, window: &Window) -> Judged {
        let Window {
            base: _,
            partition_by,
            order_by,
            frame_clause,
        } = window;
        self.expressions(partition_by.unwrap_or_default())?;
        self.sorted(*order_by)?;
        let Some(FrameClause {
            mode: _,
            start,
            end,
            exclude: _,
        }) = frame_clause
        else {
            return Ok(());
        };
        for bound in std::iter::once(start).chain(end) {
            match bound {
                FrameBound::Following(distance) | FrameBound::Preceding(distance) => {
                    self.expression(distance)?;
                }
                FrameBound::CurrentRow
                | FrameBound::UnboundedFollowing
                | FrameBound::UnboundedPreceding => {}
            }
        }
        Ok(())
    }

    fn sorted(&mut self, columns: Option<&[SortedColumn]>) -> Judged {
        for SortedColumn {
            expr,
            order: _,
            nulls: _,
        } in columns.unwrap_or_default()
        {
            self.expression(expr)?;
        }
        Ok(())
    }

    fn deeper(&mut self, walk: impl FnOnce(&mut Self) -> Judged) -> Judged {
        if self.depth == MAX_DEPTH {
            return refuse("is nested too deeply");
        }
        self.depth += 1;
        let judged = walk(self);
        self.depth -= 1;
        judged
    }
}

/// A name without its quotes, in lower case: SQLite's names know no case.
fn plain(name: &str) -> String {
    let mut chars = name.chars();
    let inner = match (chars.next(), chars.next_back()) {
        (Some('"'), Some('"')) => chars.as_str().replace("\"\"", "\""),
        (Some('`'), Some('`')) => chars.as_str().replace("``", "`"),
        (Some('\''), Some('\'')) => chars.as_str().replace("''", "'"),
        (Some('['), Some(']')) => chars.as_str().to_string(),
        _ => name.to_string(),
    };
    inner.to_lowercase()
}

fn statement_kind(statement: &Stmt) -> String {
    kind_of(&format!("{statement:?}"))
}
