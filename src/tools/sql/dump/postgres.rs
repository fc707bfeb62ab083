//! A dump of PostgreSQL, read with PostgreSQL's own parser.

use super::{
    super::schema::{Column, Table, one_line, qualified},
    Dumped,
    view::{Output, Source, View},
};
use pg_query::{
    NodeEnum,
    protobuf::{self as pg, AlterTableType, ConstrType, ObjectType},
};
use std::collections::BTreeMap;

const USUAL: &str = "public";

/// Joins within joins.
const MAX_JOINS: usize = 64;

/// What was read so far.
#[derive(Default)]
struct Reading {
    tables: BTreeMap<String, Table>,
    /// The values of enumerated types, by name.
    enumerations: BTreeMap<String, Vec<String>>,
    /// Columns whose foreign key names no column: (table, column, table).
    to_primary_key: Vec<(String, String, String)>,
}

pub(super) fn read(statements: &[String]) -> Dumped {
    let mut reading = Reading::default();
    let mut unread = 0;
    for statement in statements {
        match pg_query::parse(statement, pg_query::ParserOptions::DEFAULT) {
            Ok(parsed) => {
                let nodes = parsed.protobuf.stmts.iter();
                for node in nodes.filter_map(|raw| raw.stmt.as_ref()?.node.as_ref()) {
                    unread += usize::from(!reading.take(node));
                }
            }
            Err(_) => unread += 1,
        }
    }
    Dumped {
        tables: reading.finish(),
        unread,
    }
}

impl Reading {
    /// False where it makes a table whose columns it does not tell.
    fn take(&mut self, node: &NodeEnum) -> bool {
        match node {
            // A partition is a part of a table.
            NodeEnum::CreateStmt(create) if create.partbound.is_none() => self.create(create),
            NodeEnum::CreateEnumStmt(kind) => {
                let name = kind.type_name.last().map(text).unwrap_or_default();
                let values = kind.vals.iter().map(text).collect();
                self.enumerations.insert(name, values);
            }
            NodeEnum::AlterTableStmt(alter) => self.alter(alter),
            NodeEnum::CommentStmt(comment) => self.comment(comment),
            NodeEnum::ViewStmt(view) => {
                return self.view(view.view.as_ref(), &view.aliases, view.query.as_deref());
            }
            NodeEnum::CreateTableAsStmt(made) if made.objtype() == ObjectType::ObjectMatview => {
                let into = made.into.as_deref();
                let names = into.map_or(&[][..], |into| into.col_names.as_slice());
                let name = into.and_then(|into| into.rel.as_ref());
                return self.view(name, names, made.query.as_deref());
            }
            NodeEnum::CreateTableAsStmt(_) => return false,
            _ => {}
        }
        true
    }

    fn create(&mut self, create: &pg::CreateStmt) {
        let Some(name) = create.relation.as_ref().map(name_of) else {
            return;
        };
        let mut constraints: Vec<&pg::Constraint> = Vec::new();
        let mut table = Table {
            name: name.clone(),
            ..Table::default()
        };
        let mut own: Vec<(String, &pg::Constraint)> = Vec::new();
        for element in &create.table_elts {
            match &element.node {
                Some(NodeEnum::ColumnDef(column)) => {
                    own.extend(
                        constraints_of(&column.constraints)
                            .map(|constraint| (column.colname.clone(), constraint)),
                    );
                    table.columns.push(Column {
                        name: column.colname.clone(),
                        kind: column.type_name.as_ref().map(type_of).unwrap_or_default(),
                        ..Column::default()
                    });
                }
                Some(NodeEnum::Constraint(constraint)) => constraints.push(constraint),
                _ => {}
            }
        }
        self.tables.insert(name.clone(), table);
        for (column, constraint) in own {
            self.constrain(&name, constraint, &[column]);
        }
        for constraint in constraints
            .into_iter()
            .chain(constraints_of(&create.constraints))
        {
            self.constrain(&name, constraint, &[]);
        }
    }

    /// False where its columns can't be told.
    fn view(
        &mut self,
        name: Option<&pg::RangeVar>,
        names: &[pg::Node],
        query: Option<&pg::Node>,
    ) -> bool {
        // A union's columns are those of its first query.
        let mut select = match query.and_then(|query| query.node.as_ref()) {
            Some(NodeEnum::SelectStmt(select)) => Some(select.as_ref()),
            _ => None,
        };
        while let Some(first) = select
            .filter(|select| select.target_list.is_empty())
            .and_then(|select| select.larg.as_deref())
        {
            select = Some(first);
        }
        let (Some(name), Some(select)) = (name, select) else {
            return false;
        };
        let mut view = View {
            name: name_of(name),
            names: names.iter().map(text).collect(),
            ..View::default()
        };
        for node in &select.from_clause {
            sources_of(node, MAX_JOINS, &mut view.from);
        }
        let targets = select.target_list.iter();
        view.outputs = targets
            .filter_map(|node| match &node.node {
                Some(NodeEnum::ResTarget(target)) => Some(output_of(target)),
                _ => None,
            })
            .collect();
        match view.table(&self.tables) {
            Some(table) => {
                self.tables.insert(table.name.clone(), table);
                true
            }
            None => false,
        }
    }

    fn alter(&mut self, alter: &pg::AlterTableStmt) {
        let Some(name) = alter.relation.as_ref().map(name_of) else {
            return;
        };
        for command in &alter.cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = &command.node else {
                continue;
            };
            let definition = command.def.as_ref().and_then(|node| node.node.as_ref());
            match (command.subtype(), definition) {
                (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(constraint))) => {
                    self.constrain(&name, constraint, &[]);
                }
                (AlterTableType::AtAddColumn, Some(NodeEnum::ColumnDef(column))) => {
                    if let Some(table) = self.tables.get_mut(&name) {
                        table.columns.push(Column {
                            name: column.colname.clone(),
                            kind: column.type_name.as_ref().map(type_of).unwrap_or_default(),
                            ..Column::default()
                        });
                    }
                    for constraint in constraints_of(&column.constraints) {
                        self.constrain(&name, constraint, std::slice::from_ref(&column.colname));
                    }
                }
                (AlterTableType::AtDropColumn, _) => {
                    if let Some(table) = self.tables.get_mut(&name) {
                        table.columns.retain(|column| column.name != command.name);
                    }
                }
                _ => {}
            }
        }
    }

    /// `of` is the column that a constraint stands at, where it stands at one.
    fn constrain(&mut self, table: &str, constraint: &pg::Constraint, of: &[String]) {
        let or_own = |names: &[pg::Node]| match names.is_empty() {
            true => of.to_vec(),
            false => names.iter().map(text).collect(),
        };
        match constraint.contype() {
            ConstrType::ConstrPrimary => {
                for name in or_own(&constraint.keys) {
                    self.change(table, &name, |column| column.primary = true);
                }
            }
            ConstrType::ConstrForeign => {
                let Some(other) = constraint.pktable.as_ref().map(name_of) else {
                    return;
                };
                let targets: Vec<String> = constraint.pk_attrs.iter().map(text).collect();
                for (place, name) in or_own(&constraint.fk_attrs).iter().enumerate() {
                    match targets.get(place) {
                        Some(target) => {
                            let target = format!("{other}.{target}");
                            self.change(table, name, |column| column.references = Some(target));
                        }
                        None => self.to_primary_key.push((
                            table.to_string(),
                            name.clone(),
                            other.clone(),
                        )),
                    }
                }
            }
            _ => {}
        }
    }

    fn comment(&mut self, comment: &pg::CommentStmt) {
        let Some(NodeEnum::List(list)) =
            comment.object.as_ref().and_then(|node| node.node.as_ref())
        else {
            return;
        };
        let names: Vec<String> = list.items.iter().map(text).collect();
        let words = one_line(&comment.comment);
        match (comment.objtype(), names.as_slice()) {
            (
                ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview,
                [schema @ .., table],
            ) => {
                let name = qualified(schema.last().map_or("", String::as_str), table, USUAL);
                if let Some(table) = self.tables.get_mut(&name) {
                    table.comment = words;
                }
            }
            (ObjectType::ObjectColumn, [schema @ .., table, column]) => {
                let name = qualified(schema.last().map_or("", String::as_str), table, USUAL);
                self.change(&name, column, |column| column.comment = words);
            }
            _ => {}
        }
    }

    fn change(&mut self, table: &str, column: &str, change: impl FnOnce(&mut Column)) {
        let table = self.tables.get_mut(table);
        let mut columns = table.into_iter().flat_map(|table| &mut table.columns);
        if let Some(column) = columns.find(|known| known.name == column) {
            change(column);
        }
    }

    fn finish(mut self) -> Vec<Table> {
        for (table, name, other) in std::mem::take(&mut self.to_primary_key) {
            let key = self.tables.get(&other).and_then(|other| {
                let mut keys = other.columns.iter().filter(|column| column.primary);
                keys.next().map(|key| key.name.clone())
            });
            let target = key.map_or(other.clone(), |key| format!("{other}.{key}"));
            self.change(&table, &name, |column| column.references = Some(target));
        }
        let enumerations = self.enumerations;
        let mut tables: Vec<Table> = self.tables.into_values().collect();
        for column in tables.iter_mut().flat_map(|table| &mut table.columns) {
            let bare = column.kind.rsplit('.').next().unwrap_or_default();
            if let Some(values) = enumerations.get(bare) {
                column.values = values.clone();
                column.kind = bare.to_string();
            }
        }
        tables
    }
}

fn constraints_of(nodes: &[pg::Node]) -> impl Iterator<Item = &pg::Constraint> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) => Some(&**constraint),
        _ => None,
    })
}

fn name_of(relation: &pg::RangeVar) -> String {
    qualified(&relation.schemaname, &relation.relname, USUAL)
}

fn text(node: &pg::Node) -> String {
    match &node.node {
        Some(NodeEnum::String(text)) => text.sval.clone(),
        _ => String::new(),
    }
}

/// As a live database writes it: `numeric(12,2)`, `timestamp with time zone`.
fn type_of(kind: &pg::TypeName) -> String {
    let names: Vec<String> = kind.names.iter().map(text).collect();
    let name = match names.as_slice() {
        [schema, name] if schema == "pg_catalog" || schema == USUAL => name.clone(),
        names => names.join("."),
    };
    let modifiers: Vec<String> = kind.typmods.iter().filter_map(number).collect();
    let modifiers = match modifiers.is_empty() {
        true => String::new(),
        false => format!("({})", modifiers.join(",")),
    };
    let dimensions = if kind.array_bounds.is_empty() {
        ""
    } else {
        "[]"
    };
    let written = match name.as_str() {
        "int2" | "smallserial" => "smallint",
        "int4" | "serial" => "integer",
        "int8" | "bigserial" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "bool" => "boolean",
        "varchar" => "character varying",
        "bpchar" => "character",
        "timestamptz" => return format!("timestamp{modifiers} with time zone{dimensions}"),
        "timestamp" => return format!("timestamp{modifiers} without time zone{dimensions}"),
        "timetz" => return format!("time{modifiers} with time zone{dimensions}"),
        "time" => return format!("time{modifiers} without time zone{dimensions}"),
        other => other,
    };
    format!("{written}{modifiers}{dimensions}")
}

fn number(node: &pg::Node) -> Option<String> {
    match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(pg::a_const::Val::Ival(number)) => Some(number.ival.to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn sources_of(node: &pg::Node, depth: usize, found: &mut Vec<Source>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    match &node.node {
        Some(NodeEnum::RangeVar(table)) => found.push(Source {
            alias: match &table.alias {
                Some(alias) => alias.aliasname.clone(),
                None => table.relname.clone(),
            },
            table: name_of(table),
        }),
        Some(NodeEnum::JoinExpr(join)) => {
            let sides = [&join.larg, &join.rarg];
            for side in sides.into_iter().flatten() {
                sources_of(side, depth, found);
            }
        }
        Some(NodeEnum::RangeSubselect(inner)) => found.push(Source {
            alias: inner
                .alias
                .as_ref()
                .map(|alias| alias.aliasname.clone())
                .unwrap_or_default(),
            table: String::new(),
        }),
        _ => {}
    }
}

fn output_of(target: &pg::ResTarget) -> Output {
    let alias = Some(target.name.clone()).filter(|name| !name.is_empty());
    let value = target.val.as_ref().and_then(|value| value.node.as_ref());
    match value {
        Some(NodeEnum::ColumnRef(column)) => {
            let is_star = |node: &pg::Node| matches!(node.node, Some(NodeEnum::AStar(_)));
            let names: Vec<String> = column.fields.iter().map(text).collect();
            match (column.fields.last(), names.as_slice()) {
                (Some(last), names) if is_star(last) => {
                    Output::All(names.len().checked_sub(2).map(|at| names[at].clone()))
                }
                (_, [.., of, name]) => Output::Column {
                    of: Some(of.clone()),
                    column: name.clone(),
                    name: alias.unwrap_or_else(|| name.clone()),
                },
                (_, [name]) => Output::Column {
                    of: None,
                    column: name.clone(),
                    name: alias.unwrap_or_else(|| name.clone()),
                },
                _ => Output::Other {
                    name: alias,
                    kind: String::new(),
                },
            }
        }
        Some(NodeEnum::TypeCast(cast)) => Output::Other {
            name: alias,
            kind: cast.type_name.as_ref().map(type_of).unwrap_or_default(),
        },
        Some(NodeEnum::FuncCall(call)) => Output::Other {
            // PostgreSQL calls it by its function.
            name: alias.or_else(|| call.funcname.last().map(text)),
            kind: String::new(),
        },
        _ => Output::Other {
            name: alias,
            kind: String::new(),
        },
    }
}
