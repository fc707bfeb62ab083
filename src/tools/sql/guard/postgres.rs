//! PostgreSQL: the gate on the tree that PostgreSQL's own parser builds.
//!
//! Kinds of nodes that no arm names are refused. A node that holds others in
//! several places is taken apart without `..`, so that a field which a new
//! version of the parser brings is a compile error here, not a hole.

use super::{
    Dialect, Policy, Refusal, Verdict, check,
    functions::{self, Ruling},
    kind_of, refuse,
};
use pg_query::{NodeEnum, protobuf as pg};
use std::collections::BTreeSet;

const DEFAULT_SCHEMA: &str = "public";

pub(super) fn judge(sql: &str, policy: &Policy) -> Result<BTreeSet<String>, Refusal> {
    let tree = parse(sql)?;
    let mut walk = Walk {
        policy,
        tables: BTreeSet::new(),
        ctes: Vec::new(),
        function_aliases: Vec::new(),
        columns: Vec::new(),
    };
    match tree.stmts.as_slice() {
        [] => return refuse("is empty"),
        [one] => walk.statement(&one.stmt)?,
        _ => return refuse("is more than one statement"),
    }
    walk.columns_are_no_functions()?;
    Ok(walk.tables)
}

fn parse(sql: &str) -> Result<pg::ParseResult, Refusal> {
    match pg_query::parse(sql, pg_query::ParserOptions::DEFAULT) {
        Ok(parsed) => Ok(parsed.protobuf),
        Err(pg_query::Error::Decode(_)) => refuse("is nested too deeply"),
        Err(pg_query::Error::Parse(problem)) if problem.contains("stack depth") => {
            refuse("is nested too deeply")
        }
        Err(pg_query::Error::Parse(problem)) => refuse(format!("can't be parsed: {problem}")),
        Err(_) => refuse("can't be parsed"),
    }
}

struct Walk<'a> {
    policy: &'a Policy,
    tables: BTreeSet<String>,
    /// Names of common table expressions in scope, innermost last.
    ctes: Vec<String>,
    /// Aliases of functions in FROM, with the columns that they are known to have.
    function_aliases: Vec<(String, Vec<String>)>,
    /// Columns named with a qualifier: (qualifier, column).
    columns: Vec<(String, String)>,
}

type Judged = Result<(), Refusal>;
type Boxed = Option<Box<pg::Node>>;

impl Walk<'_> {
    fn statement(&mut self, node: &Boxed) -> Judged {
        match node.as_ref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => self.select(select),
            Some(NodeEnum::ExplainStmt(explain)) => {
                // ANALYZE runs the statement; that is no more than the statement itself may do.
                let pg::ExplainStmt { query, options } = &**explain;
                self.explain_options(options)?;
                match query.as_ref().and_then(|node| node.node.as_ref()) {
                    Some(NodeEnum::SelectStmt(select)) => self.select(select),
                    other => refuse_kind("explains", other),
                }
            }
            Some(NodeEnum::VariableShowStmt(pg::VariableShowStmt { name: _ }))
                if !self.policy.is_strict() =>
            {
                Ok(())
            }
            other => refuse_kind("is", other),
        }
    }

    fn explain_options(&self, options: &[pg::Node]) -> Judged {
        for option in options {
            match &option.node {
                Some(NodeEnum::DefElem(_)) => {}
                other => return refuse_kind("has as an option", other.as_ref()),
            }
        }
        Ok(())
    }

    fn select(&mut self, select: &pg::SelectStmt) -> Judged {
        let pg::SelectStmt {
            distinct_clause,
            into_clause,
            target_list,
            from_clause,
            where_clause,
            group_clause,
            group_distinct: _,
            having_clause,
            window_clause,
            values_lists,
            sort_clause,
            limit_offset,
            limit_count,
            limit_option: _,
            locking_clause,
            with_clause,
            op: _,
            all: _,
            larg,
            rarg,
        } = select;
        if into_clause.is_some() {
            return refuse("writes its result INTO a table");
        }
        if !locking_clause.is_empty() {
            return refuse("locks rows with FOR UPDATE or FOR SHARE");
        }
        let outer = self.ctes.len();
        if let Some(with) = with_clause {
            self.with(with)?;
        }
        for list in [
            distinct_clause,
            target_list,
            from_clause,
            group_clause,
            window_clause,
            values_lists,
            sort_clause,
        ] {
            self.nodes(list)?;
        }
        for node in [where_clause, having_clause, limit_offset, limit_count] {
            self.boxed(node)?;
        }
        for side in [larg, rarg].into_iter().flatten() {
            self.select(side)?;
        }
        self.ctes.truncate(outer);
        Ok(())
    }

    /// Puts the names into scope: all of them at once where RECURSIVE, each
    /// after its own query otherwise, as the server does.
    fn with(&mut self, with: &pg::WithClause) -> Judged {
        let pg::WithClause {
            ctes,
            recursive,
            location: _,
        } = with;
        let mut expressions = Vec::new();
        for cte in ctes {
            match &cte.node {
                Some(NodeEnum::CommonTableExpr(cte)) => expressions.push(cte),
                other => return refuse_kind("has in its WITH clause", other.as_ref()),
            }
        }
        if *recursive {
            self.ctes
                .extend(expressions.iter().map(|cte| cte.ctename.clone()));
        }
        for cte in expressions {
            let pg::CommonTableExpr {
                ctename,
                aliascolnames: _,
                ctematerialized: _,
                ctequery,
                search_clause: _,
                cycle_clause,
                location: _,
                cterecursive: _,
                cterefcount: _,
                ctecolnames: _,
                ctecoltypes: _,
                ctecoltypmods: _,
                ctecolcollations: _,
            } = &**cte;
            match ctequery.as_ref().and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::SelectStmt(select)) => self.select(select)?,
                other => return refuse_kind("has in its WITH clause", other),
            }
            if let Some(cycle) = cycle_clause {
                self.boxed(&cycle.cycle_mark_value)?;
                self.boxed(&cycle.cycle_mark_default)?;
            }
            self.ctes.push(ctename.clone());
        }
        Ok(())
    }

    fn nodes(&mut self, nodes: &[pg::Node]) -> Judged {
        nodes.iter().try_for_each(|node| self.node(node))
    }

    fn boxed(&mut self, node: &Boxed) -> Judged {
        node.as_ref().map_or(Ok(()), |node| self.node(node))
    }

    fn type_name(&mut self, type_name: &Option<pg::TypeName>) -> Judged {
        match type_name {
            Some(name) => self.nodes(&name.typmods),
            None => Ok(()),
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm per kind of node that a read may hold"
    )]
    fn node(&mut self, node: &pg::Node) -> Judged {
        let Some(node) = &node.node else {
            return Ok(());
        };
        match node {
            NodeEnum::SelectStmt(select) => self.select(select),

            // Leaves.
            NodeEnum::AConst(_)
            | NodeEnum::AStar(_)
            | NodeEnum::ParamRef(_)
            | NodeEnum::String(_)
            | NodeEnum::Integer(_)
            | NodeEnum::Float(_)
            | NodeEnum::Boolean(_)
            | NodeEnum::BitString(_)
            | NodeEnum::SqlvalueFunction(_)
            | NodeEnum::SetToDefault(_) => Ok(()),

            // What is selected, and from where.
            NodeEnum::ResTarget(target) => {
                let pg::ResTarget {
                    name: _,
                    indirection,
                    val,
                    location: _,
                } = &**target;
                self.fields_of_expression(indirection)?;
                self.boxed(val)
            }
            NodeEnum::ColumnRef(column) => self.column(column),
            NodeEnum::RangeVar(relation) => self.relation(relation),
            NodeEnum::JoinExpr(join) => {
                let pg::JoinExpr {
                    jointype: _,
                    is_natural: _,
                    larg,
                    rarg,
                    using_clause: _,
                    join_using_alias: _,
                    quals,
                    alias: _,
                    rtindex: _,
                } = &**join;
                [larg, rarg, quals]
                    .into_iter()
                    .try_for_each(|part| self.boxed(part))
            }
            NodeEnum::RangeSubselect(sub) => {
                let pg::RangeSubselect {
                    lateral: _,
                    subquery,
                    alias: _,
                } = &**sub;
                self.boxed(subquery)
            }
            NodeEnum::RangeFunction(function) => self.function_in_from(function),
            NodeEnum::RangeTableSample(sample) => {
                let pg::RangeTableSample {
                    relation,
                    method,
                    args,
                    repeatable,
                    location: _,
                } = &**sample;
                self.function(method, args.len())?;
                self.boxed(relation)?;
                self.nodes(args)?;
                self.boxed(repeatable)
            }
            NodeEnum::RangeTableFunc(table) => {
                let pg::RangeTableFunc {
                    lateral: _,
                    docexpr,
                    rowexpr,
                    namespaces,
                    columns,
                    alias: _,
                    location: _,
                } = &**table;
                self.boxed(docexpr)?;
                self.boxed(rowexpr)?;
                self.nodes(namespaces)?;
                self.nodes(columns)
            }
            NodeEnum::RangeTableFuncCol(column) => {
                let pg::RangeTableFuncCol {
                    colname: _,
                    type_name,
                    for_ordinality: _,
                    is_not_null: _,
                    colexpr,
                    coldefexpr,
                    location: _,
                } = &**column;
                self.type_name(type_name)?;
                self.boxed(colexpr)?;
                self.boxed(coldefexpr)
            }
            NodeEnum::List(pg::List { items }) => self.nodes(items),

            // Expressions.
            NodeEnum::FuncCall(call) => self.call(call),
            NodeEnum::AExpr(expression) => {
                let pg::AExpr {
                    kind: _,
                    name: _,
                    lexpr,
                    rexpr,
                    rexpr_list_start: _,
                    rexpr_list_end: _,
                    location: _,
                } = &**expression;
                self.boxed(lexpr)?;
                self.boxed(rexpr)
            }
            NodeEnum::BoolExpr(expression) => {
                let pg::BoolExpr {
                    xpr: _,
                    boolop: _,
                    args,
                    location: _,
                } = &**expression;
                self.nodes(args)
            }
            NodeEnum::NullTest(test) => self.boxed(&test.arg),
            NodeEnum::BooleanTest(test) => self.boxed(&test.arg),
            NodeEnum::CaseExpr(case) => {
                self.boxed(&case.arg)?;
                self.nodes(&case.args)?;
                self.boxed(&case.defresult)
            }
            NodeEnum::CaseWhen(when) => {
                self.boxed(&when.expr)?;
                self.boxed(&when.result)
            }
            NodeEnum::CoalesceExpr(expression) => self.nodes(&expression.args),
            NodeEnum::MinMaxExpr(expression) => self.nodes(&expression.args),
            NodeEnum::SubLink(link) => {
                let pg::SubLink {
                    xpr: _,
                    sub_link_type: _,
                    sub_link_id: _,
                    testexpr,
                    oper_name: _,
                    subselect,
                    location: _,
                } = &**link;
                self.boxed(testexpr)?;
                self.boxed(subselect)
            }
            NodeEnum::NamedArgExpr(argument) => self.boxed(&argument.arg),
            NodeEnum::AIndirection(indirection) => {
                let pg::AIndirection { arg, indirection } = &**indirection;
                self.fields_of_expression(indirection)?;
                self.boxed(arg)
            }
            NodeEnum::AIndices(indices) => {
                let pg::AIndices {
                    is_slice: _,
                    lidx,
                    uidx,
                } = &**indices;
                self.boxed(lidx)?;
                self.boxed(uidx)
            }
            NodeEnum::AArrayExpr(array) => self.nodes(&array.elements),
            NodeEnum::RowExpr(row) => self.nodes(&row.args),
            NodeEnum::TypeCast(cast) => {
                let pg::TypeCast {
                    arg,
                    type_name,
                    location: _,
                } = &**cast;
                self.type_name(type_name)?;
                self.boxed(arg)
            }
            NodeEnum::CollateClause(collate) => self.boxed(&collate.arg),
            NodeEnum::GroupingFunc(grouping) => self.nodes(&grouping.args),
            NodeEnum::GroupingSet(set) => self.nodes(&set.content),
            NodeEnum::SortBy(sort) => {
                let pg::SortBy {
                    node,
                    sortby_dir: _,
                    sortby_nulls: _,
                    use_op: _,
                    location: _,
                } = &**sort;
                self.boxed(node)
            }
            NodeEnum::WindowDef(window) => self.window(window),
            NodeEnum::ColumnDef(column) => self.type_name(&column.type_name),
            NodeEnum::TypeName(name) => self.nodes(&name.typmods),

            // XML and JSON.
            NodeEnum::XmlExpr(xml) => {
                self.nodes(&xml.named_args)?;
                self.nodes(&xml.args)
            }
            NodeEnum::XmlSerialize(xml) => self.boxed(&xml.expr),
            _ => self.json(node),
        }
    }

    fn json(&mut self, node: &NodeEnum) -> Judged {
        match node {
            NodeEnum::JsonFuncExpr(json) => {
                self.json_value(&json.context_item)?;
                self.boxed(&json.pathspec)?;
                self.nodes(&json.passing)?;
                self.json_behavior(&json.on_empty)?;
                self.json_behavior(&json.on_error)
            }
            NodeEnum::JsonTable(json) => {
                self.json_value(&json.context_item)?;
                self.nodes(&json.passing)?;
                self.nodes(&json.columns)?;
                self.json_behavior(&json.on_error)
            }
            NodeEnum::JsonTableColumn(column) => {
                self.type_name(&column.type_name)?;
                self.nodes(&column.columns)?;
                self.json_behavior(&column.on_empty)?;
                self.json_behavior(&column.on_error)
            }
            NodeEnum::JsonTablePathSpec(_) => Ok(()),
            NodeEnum::JsonObjectConstructor(json) => self.nodes(&json.exprs),
            NodeEnum::JsonArrayConstructor(json) => self.nodes(&json.exprs),
            NodeEnum::JsonArrayQueryConstructor(json) => self.boxed(&json.query),
            NodeEnum::JsonIsPredicate(json) => self.boxed(&json.expr),
            NodeEnum::JsonValueExpr(json) => {
                self.boxed(&json.raw_expr)?;
                self.boxed(&json.formatted_expr)
            }
            NodeEnum::JsonParseExpr(json) => self.json_value(&json.expr),
            NodeEnum::JsonScalarExpr(json) => self.boxed(&json.expr),
            NodeEnum::JsonSerializeExpr(json) => self.json_value(&json.expr),
            NodeEnum::JsonKeyValue(pair) => self.json_pair(pair),
            NodeEnum::JsonArgument(argument) => self.json_value(&argument.val),
            NodeEnum::JsonBehavior(behavior) => self.boxed(&behavior.expr),
            NodeEnum::JsonObjectAgg(json) => {
                self.json_aggregate(&json.constructor)?;
                json.arg
                    .as_ref()
                    .map_or(Ok(()), |pair| self.json_pair(pair))
            }
            NodeEnum::JsonArrayAgg(json) => {
                self.json_aggregate(&json.constructor)?;
                self.json_value(&json.arg)
            }
            other => refuse_kind("has inside", Some(other)),
        }
    }

    fn json_value(&mut self, value: &Option<Box<pg::JsonValueExpr>>) -> Judged {
        match value {
            Some(value) => {
                self.boxed(&value.raw_expr)?;
                self.boxed(&value.formatted_expr)
            }
            None => Ok(()),
        }
    }

    fn json_pair(&mut self, pair: &pg::JsonKeyValue) -> Judged {
        self.boxed(&pair.key)?;
        self.json_value(&pair.value)
    }

    fn json_behavior(&mut self, behavior: &Option<Box<pg::JsonBehavior>>) -> Judged {
        behavior
            .as_ref()
            .map_or(Ok(()), |behavior| self.boxed(&behavior.expr))
    }

    fn json_aggregate(&mut self, aggregate: &Option<Box<pg::JsonAggConstructor>>) -> Judged {
        let Some(aggregate) = aggregate else {
            return Ok(());
        };
        let pg::JsonAggConstructor {
            output: _,
            agg_filter,
            agg_order,
            over,
            location: _,
        } = &**aggregate;
        self.boxed(agg_filter)?;
        self.nodes(agg_order)?;
        over.as_ref().map_or(Ok(()), |window| self.window(window))
    }

    fn window(&mut self, window: &pg::WindowDef) -> Judged {
        let pg::WindowDef {
            name: _,
            refname: _,
            partition_clause,
            order_clause,
            frame_options: _,
            start_offset,
            end_offset,
            location: _,
        } = window;
        self.nodes(partition_clause)?;
        self.nodes(order_clause)?;
        self.boxed(start_offset)?;
        self.boxed(end_offset)
    }

    fn relation(&mut self, relation: &pg::RangeVar) -> Judged {
        let pg::RangeVar {
            catalogname,
            schemaname,
            relname,
            inh: _,
            relpersistence: _,
            alias: _,
            location: _,
        } = relation;
        let schema = (!schemaname.is_empty()).then_some(schemaname.as_str());
        if schema.is_none() && self.ctes.contains(relname) {
            return Ok(());
        }
        let name = schema.map_or_else(|| relname.clone(), |schema| format!("{schema}.{relname}"));
        if self.policy.is_strict() && !catalogname.is_empty() {
            return refuse(format!("names another database, `{catalogname}`"));
        }
        if !self.policy.admits(schema, relname, DEFAULT_SCHEMA) {
            return refuse(format!(
                "reads `{name}`, which is not among the tables it may read"
            ));
        }
        self.tables.insert(name);
        Ok(())
    }

    fn call(&mut self, call: &pg::FuncCall) -> Judged {
        let pg::FuncCall {
            funcname,
            args,
            agg_order,
            agg_filter,
            over,
            agg_within_group: _,
            agg_star: _,
            agg_distinct: _,
            func_variadic: _,
            funcformat: _,
            location: _,
        } = call;
        self.function(funcname, args.len())?;
        if let Some(argument) = sql_text(funcname, args) {
            self.sql_as_text(last_name(funcname), argument)?;
        }
        self.nodes(args)?;
        self.nodes(agg_order)?;
        self.boxed(agg_filter)?;
        over.as_ref().map_or(Ok(()), |window| self.window(window))
    }

    fn function(&self, name: &[pg::Node], arguments: usize) -> Judged {
        let function = last_name(name);
        if let [schema, .., _] = name
            && functions::is_forbidden_schema(string(schema))
        {
            let schema = string(schema);
            return refuse(format!(
                "calls `{schema}.{function}`, which acts outside the query"
            ));
        }
        let known = functions::sql_argument(function, arguments).is_some();
        match functions::postgres(function) {
            Ruling::Plain => Ok(()),
            Ruling::Forbidden(deed) => refuse(format!("calls `{function}`, which {deed}")),
            Ruling::System if self.policy.is_strict() => refuse(format!(
                "calls `{function}`, which tells of the server itself"
            )),
            Ruling::Unknown if self.policy.is_strict() && !known && !is_sampling(function) => {
                refuse(format!(
                    "calls `{function}`, which is not a known plain function"
                ))
            }
            Ruling::System | Ruling::Unknown => Ok(()),
        }
    }

    /// SQL in a string is judged like the statement that it stands in; SQL
    /// that is put together at run time can't be.
    fn sql_as_text(&mut self, function: &str, argument: &pg::Node) -> Judged {
        let Some(text) = literal(argument) else {
            return refuse(format!(
                "calls `{function}` with SQL that is not a plain string"
            ));
        };
        match check(text, Dialect::Postgres, self.policy) {
            Verdict::Allow { tables } => {
                self.tables.extend(tables);
                Ok(())
            }
            Verdict::Refuse { reason } => {
                refuse(format!("gives SQL to `{function}` that {reason}"))
            }
        }
    }

    fn function_in_from(&mut self, function: &pg::RangeFunction) -> Judged {
        let pg::RangeFunction {
            lateral: _,
            ordinality: _,
            is_rowsfrom: _,
            functions,
            alias,
            coldeflist,
        } = function;
        self.nodes(functions)?;
        self.nodes(coldeflist)?;
        let mut known: Vec<String> = ["key", "value", "ordinality"].map(String::from).to_vec();
        known.extend(coldeflist.iter().filter_map(|column| match &column.node {
            Some(NodeEnum::ColumnDef(column)) => Some(column.colname.clone()),
            _ => None,
        }));
        let names = function_names(functions);
        known.extend(names.iter().cloned());
        match alias {
            Some(alias) => {
                known.push(alias.aliasname.clone());
                known.extend(alias.colnames.iter().map(|name| string(name).to_string()));
                self.function_aliases.push((alias.aliasname.clone(), known));
            }
            None => {
                let aliases = names.into_iter().map(|name| (name, known.clone()));
                self.function_aliases.extend(aliases);
            }
        }
        Ok(())
    }

    /// `x.f` calls the function `f` where `x` has no such column: `SELECT
    /// x.pg_read_file FROM unnest(ARRAY['/etc/passwd']) x` reads that file.
    fn column(&mut self, column: &pg::ColumnRef) -> Judged {
        let pg::ColumnRef {
            fields,
            location: _,
        } = column;
        let Some((_, rest)) = fields.split_first() else {
            return Ok(());
        };
        rest.iter().try_for_each(field_is_no_function)?;
        if let [.., qualifier, name] = fields.as_slice()
            && let Some(NodeEnum::String(name)) = &name.node
        {
            let qualifier = string(qualifier).to_string();
            self.columns.push((qualifier, name.sval.clone()));
        }
        Ok(())
    }

    /// The same for `(x).f`. There is no telling here what `x` is, so that a
    /// statement under an allow-list does without.
    fn fields_of_expression(&mut self, fields: &[pg::Node]) -> Judged {
        for field in fields {
            field_is_no_function(field)?;
            match &field.node {
                Some(NodeEnum::String(name)) if self.policy.is_strict() => {
                    let name = &name.sval;
                    return refuse(format!(
                        "takes `{name}` out of an expression, which may call a function"
                    ));
                }
                Some(NodeEnum::String(_)) => {}
                _ => self.node(field)?,
            }
        }
        Ok(())
    }

    /// Under an allow-list, what is taken from a function in FROM must be a
    /// column that it is known to have.
    fn columns_are_no_functions(&self) -> Judged {
        if !self.policy.is_strict() {
            return Ok(());
        }
        for (qualifier, column) in &self.columns {
            let doubtful = |(alias, known): &(String, Vec<String>)| {
                alias == qualifier && !known.contains(column)
            };
            if self.function_aliases.iter().any(doubtful) {
                return refuse(format!(
                    "takes `{column}` from the function `{qualifier}`, which may call another one"
                ));
            }
        }
        Ok(())
    }
}

fn field_is_no_function(field: &pg::Node) -> Judged {
    let name = string(field);
    match functions::postgres(name) {
        Ruling::Forbidden(deed) => refuse(format!("calls `{name}` as a column, which {deed}")),
        _ => Ok(()),
    }
}

/// Row samplers stand where a function stands.
fn is_sampling(name: &str) -> bool {
    matches!(name, "system" | "bernoulli")
}

fn sql_text<'a>(name: &[pg::Node], args: &'a [pg::Node]) -> Option<&'a pg::Node> {
    args.get(functions::sql_argument(last_name(name), args.len())?)
}

/// A string constant, whatever it is cast to.
fn literal(node: &pg::Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(pg::a_const::Val::Sval(text)) => Some(&text.sval),
            _ => None,
        },
        Some(NodeEnum::TypeCast(cast)) => literal(cast.arg.as_ref()?),
        Some(NodeEnum::NamedArgExpr(named)) => literal(named.arg.as_ref()?),
        _ => None,
    }
}

fn function_names(functions: &[pg::Node]) -> Vec<String> {
    let mut names = Vec::new();
    for function in functions {
        match &function.node {
            Some(NodeEnum::FuncCall(call)) => names.push(last_name(&call.funcname).to_string()),
            Some(NodeEnum::List(list)) => names.extend(function_names(&list.items)),
            _ => {}
        }
    }
    names
}

fn last_name(name: &[pg::Node]) -> &str {
    name.last().map_or("", string)
}

fn string(node: &pg::Node) -> &str {
    match &node.node {
        Some(NodeEnum::String(name)) => &name.sval,
        _ => "",
    }
}

fn refuse_kind(verb: &str, node: Option<&NodeEnum>) -> Judged {
    let Some(node) = node else {
        return refuse("is empty");
    };
    let kind = match node {
        NodeEnum::VariableSetStmt(_) => "SET".into(),
        NodeEnum::VariableShowStmt(_) => "SHOW".into(),
        NodeEnum::TransactionStmt(_) => "a transaction command".into(),
        other => kind_of(&format!("{other:?}")),
    };
    refuse(format!("{verb} {kind}, where only a SELECT may stand"))
}
