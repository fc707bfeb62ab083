//! MySQL and MariaDB: the gate on the tree of a parser that knows the dialect.
//!
//! No parser made from the server's own grammar exists as a library, so this
//! one is only trusted with what it can't do harm with: where strings and
//! comments end is decided before it ([`reading`]), words that act are refused
//! wherever they stand, and every clause, expression and function that is not
//! named here is refused. A node is taken apart without `..`, so that a field
//! which a new version of the parser brings is a compile error, not a hole.

mod expression;
mod reading;
mod relation;

use super::{Dialect, Policy, Refusal, kind_of, refuse};
use crate::tools::sql::lexer;
use sqlparser::{
    ast::{
        Cte, Distinct, Expr, GroupByExpr, GroupByWithModifier, LimitClause, NamedWindowDefinition,
        NamedWindowExpr, Offset, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectFlavor,
        SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, Table, Values,
        WildcardAdditionalOptions, With,
    },
    dialect::MySqlDialect,
    parser::{Parser, ParserError},
};
use std::collections::BTreeSet;

/// Expressions and queries inside one another; a person's are a dozen deep.
const MAX_DEPTH: usize = 200;

pub(super) fn judge(sql: &str, policy: &Policy) -> Result<BTreeSet<String>, Refusal> {
    let quiet = reading::without_strings(sql)?;
    if !lexer::is_one_statement(&quiet, Dialect::MySql) {
        return refuse("is more than one statement");
    }
    if let Some(command) = reading::command(&quiet) {
        return refuse(format!("is {command}, where only a SELECT may stand"));
    }
    reading::no_acting_words(&quiet)?;
    let mut walk = Walk {
        policy,
        tables: BTreeSet::new(),
        ctes: Vec::new(),
        depth: 0,
    };
    match parse(&quiet)?.as_slice() {
        [] => return refuse("is empty"),
        [Statement::Query(query)] => walk.query(query)?,
        [other] => {
            let kind = kind_of(&format!("{other:?}"));
            return refuse(format!("is {kind}, where only a SELECT may stand"));
        }
        _ => return refuse("is more than one statement"),
    }
    Ok(walk.tables)
}

fn parse(quiet: &str) -> Result<Vec<Statement>, Refusal> {
    match Parser::parse_sql(&MySqlDialect {}, quiet) {
        Ok(statements) => Ok(statements),
        Err(ParserError::RecursionLimitExceeded) => refuse("is nested too deeply"),
        Err(ParserError::TokenizerError(problem) | ParserError::ParserError(problem)) => {
            refuse(format!("can't be parsed: {problem}"))
        }
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

/// A clause that another dialect has and that has no meaning here.
fn foreign<T>(clause: &str) -> Result<T, Refusal> {
    refuse(format!("has {clause}, which MySQL does not know"))
}

impl Walk<'_> {
    fn query(&mut self, query: &Query) -> Judged {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        if !locks.is_empty() || for_clause.is_some() {
            return refuse("locks rows with FOR UPDATE or FOR SHARE");
        }
        if settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty() {
            return foreign("a clause behind the query");
        }
        let outer = self.ctes.len();
        self.deeper(|walk| {
            if let Some(with) = with {
                walk.with(with)?;
            }
            walk.body(body)?;
            if let Some(order) = order_by {
                walk.order_by(order)?;
            }
            walk.limit(limit_clause)?;
            let quantity = fetch.as_ref().and_then(|fetch| fetch.quantity.as_ref());
            walk.optional(quantity)
        })?;
        self.ctes.truncate(outer);
        Ok(())
    }

    /// A name is in scope behind its own query, and inside it where RECURSIVE.
    /// MariaDB also lets a recursive one use a later one; here that is a table,
    /// which is refused rather too often.
    fn with(&mut self, with: &With) -> Judged {
        let With {
            with_token: _,
            recursive,
            cte_tables,
        } = with;
        for cte in cte_tables {
            let Cte {
                alias,
                query,
                from,
                materialized,
                closing_paren_token: _,
            } = cte;
            if from.is_some() || materialized.is_some() {
                return foreign("FROM or MATERIALIZED in its WITH clause");
            }
            let name = alias.name.value.clone();
            if *recursive {
                self.ctes.push(name);
                self.query(query)?;
            } else {
                self.query(query)?;
                self.ctes.push(name);
            }
        }
        Ok(())
    }

    fn body(&mut self, body: &SetExpr) -> Judged {
        self.deeper(|walk| match body {
            SetExpr::Select(select) => walk.select(select),
            SetExpr::Query(query) => walk.query(query),
            SetExpr::SetOperation {
                left,
                op: _,
                set_quantifier: _,
                right,
            } => {
                walk.body(left)?;
                walk.body(right)
            }
            SetExpr::Values(Values {
                explicit_row: _,
                value_keyword: _,
                rows,
            }) => rows
                .iter()
                .try_for_each(|row| walk.expressions(&row.content)),
            SetExpr::Table(table) => {
                let Table {
                    table_name,
                    schema_name,
                } = &**table;
                let name = table_name.as_deref().unwrap_or_default();
                walk.relation(schema_name.as_deref(), name)
            }
            SetExpr::Insert(_) => refuse("is INSERT, where only a SELECT may stand"),
            SetExpr::Update(_) => refuse("is UPDATE, where only a SELECT may stand"),
            SetExpr::Delete(_) => refuse("is DELETE, where only a SELECT may stand"),
            SetExpr::Merge(_) => refuse("is MERGE, where only a SELECT may stand"),
        })
    }

    fn select(&mut self, select: &Select) -> Judged {
        let Select {
            select_token: _,
            optimizer_hints,
            distinct,
            // SQL_CALC_FOUND_ROWS and the like: how to run it, not what.
            select_modifiers: _,
            top,
            top_before_distinct: _,
            projection,
            exclude,
            into,
            from,
            lateral_views,
            prewhere,
            selection,
            connect_by,
            group_by,
            cluster_by,
            distribute_by,
            sort_by,
            having,
            named_window,
            qualify,
            window_before_qualify: _,
            value_table_mode,
            flavor,
        } = select;
        if into.is_some() {
            return refuse("writes its result INTO a file, a table or a variable");
        }
        if !optimizer_hints.is_empty() {
            return refuse("has an optimizer hint, which can lift limits");
        }
        let is_foreign = top.is_some()
            || exclude.is_some()
            || !lateral_views.is_empty()
            || prewhere.is_some()
            || !connect_by.is_empty()
            || !cluster_by.is_empty()
            || !distribute_by.is_empty()
            || !sort_by.is_empty()
            || qualify.is_some()
            || value_table_mode.is_some()
            || *flavor != SelectFlavor::Standard;
        if is_foreign {
            return foreign("a clause of another dialect");
        }
        match distinct {
            Some(Distinct::On(_)) => return foreign("DISTINCT ON"),
            Some(Distinct::All | Distinct::Distinct) | None => {}
        }
        projection.iter().try_for_each(|item| self.item(item))?;
        from.iter().try_for_each(|table| self.joined(table))?;
        self.optional(selection.as_ref())?;
        self.group_by(group_by)?;
        self.optional(having.as_ref())?;
        for NamedWindowDefinition(_, window) in named_window {
            match window {
                NamedWindowExpr::NamedWindow(_) => {}
                NamedWindowExpr::WindowSpec(spec) => self.window(spec)?,
            }
        }
        Ok(())
    }

    fn item(&mut self, item: &SelectItem) -> Judged {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, alias: _ } => {
                self.expression(expr)
            }
            SelectItem::ExprWithAliases { .. } => foreign("several aliases for a column"),
            SelectItem::QualifiedWildcard(of, options) => {
                plain_wildcard(options)?;
                match of {
                    SelectItemQualifiedWildcardKind::ObjectName(_) => Ok(()),
                    SelectItemQualifiedWildcardKind::Expr(_) => foreign("`(…).*`"),
                }
            }
            SelectItem::Wildcard(options) => plain_wildcard(options),
        }
    }

    fn group_by(&mut self, group_by: &GroupByExpr) -> Judged {
        let (expressions, modifiers): (&[Expr], _) = match group_by {
            GroupByExpr::All(modifiers) => (&[], modifiers),
            GroupByExpr::Expressions(expressions, modifiers) => (expressions, modifiers),
        };
        self.expressions(expressions)?;
        for modifier in modifiers {
            match modifier {
                GroupByWithModifier::Rollup | GroupByWithModifier::Cube => {}
                GroupByWithModifier::Totals | GroupByWithModifier::GroupingSets(_) => {
                    return foreign("such a GROUP BY");
                }
            }
        }
        Ok(())
    }

    fn order_by(&mut self, order: &OrderBy) -> Judged {
        let OrderBy { kind, interpolate } = order;
        if interpolate.is_some() {
            return foreign("INTERPOLATE");
        }
        match kind {
            OrderByKind::All(_) => foreign("ORDER BY ALL"),
            OrderByKind::Expressions(columns) => self.sorted(columns),
        }
    }

    fn sorted(&mut self, columns: &[OrderByExpr]) -> Judged {
        for OrderByExpr {
            expr,
            options: _,
            with_fill,
        } in columns
        {
            if with_fill.is_some() {
                return foreign("WITH FILL");
            }
            self.expression(expr)?;
        }
        Ok(())
    }

    fn limit(&mut self, limit: &Option<LimitClause>) -> Judged {
        match limit {
            None => Ok(()),
            Some(LimitClause::LimitOffset {
                limit,
                offset,
                limit_by,
            }) => {
                if !limit_by.is_empty() {
                    return foreign("LIMIT BY");
                }
                self.optional(limit.as_ref())?;
                let offset = offset.as_ref().map(|Offset { value, rows: _ }| value);
                self.optional(offset)
            }
            Some(LimitClause::OffsetCommaLimit { offset, limit }) => {
                self.expression(offset)?;
                self.expression(limit)
            }
        }
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

fn plain_wildcard(options: &WildcardAdditionalOptions) -> Judged {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    let is_plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    if is_plain {
        Ok(())
    } else {
        foreign("such a `*`")
    }
}
