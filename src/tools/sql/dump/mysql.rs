//! A dump of MySQL or MariaDB.

use super::{
    super::schema::{Column, Table, enumeration, one_line},
    Dumped,
    view::{Output, Source, View},
};
use sqlparser::{
    ast::{
        ColumnOption, CommentDef, CreateTable, CreateTableOptions, CreateView, Expr,
        ForeignKeyConstraint, ObjectName, Select, SelectItem, SelectItemQualifiedWildcardKind,
        SetExpr, SqlOption, Statement, TableConstraint, TableFactor, TableWithJoins,
    },
    dialect::MySqlDialect,
    parser::Parser,
};
use std::collections::BTreeMap;

/// Joins within joins.
const MAX_JOINS: usize = 64;

pub(super) fn read(statements: &[String]) -> Dumped {
    let mut tables = BTreeMap::new();
    let mut unread = 0;
    for statement in statements {
        let parsed = Parser::parse_sql(&MySqlDialect {}, statement).unwrap_or_default();
        match parsed.as_slice() {
            [Statement::CreateTable(create)] if create.query.is_none() && create.like.is_none() => {
                let table = table_of(create);
                tables.insert(table.name.clone(), table);
            }
            [Statement::CreateView(create)] => match view_of(create).table(&tables) {
                Some(table) => {
                    tables.insert(table.name.clone(), table);
                }
                None => unread += 1,
            },
            _ => unread += 1,
        }
    }
    Dumped {
        tables: tables.into_values().collect(),
        unread,
    }
}

fn table_of(create: &CreateTable) -> Table {
    let mut table = Table {
        name: name_of(&create.name),
        comment: comment_of(create),
        ..Table::default()
    };
    for definition in &create.columns {
        let mut column = Column {
            name: definition.name.value.clone(),
            kind: definition.data_type.to_string().to_lowercase(),
            ..Column::default()
        };
        if let Some(values) = enumeration(&definition.data_type.to_string()) {
            column.kind = "enum".into();
            column.values = values;
        }
        for option in &definition.options {
            match &option.option {
                ColumnOption::PrimaryKey(_) => column.primary = true,
                ColumnOption::Comment(comment) => column.comment = one_line(comment),
                ColumnOption::ForeignKey(key) => column.references = Some(target(key, 0)),
                _ => {}
            }
        }
        table.columns.push(column);
    }
    for constraint in &create.constraints {
        match constraint {
            TableConstraint::PrimaryKey(key) => {
                for part in &key.columns {
                    if let Expr::Identifier(name) = &part.column.expr {
                        change(&mut table, &name.value, |column| column.primary = true);
                    }
                }
            }
            TableConstraint::ForeignKey(key) => {
                for (place, name) in key.columns.iter().enumerate() {
                    let target = target(key, place);
                    change(&mut table, &name.value, |column| {
                        column.references = Some(target);
                    });
                }
            }
            _ => {}
        }
    }
    table
}

fn change(table: &mut Table, name: &str, change: impl FnOnce(&mut Column)) {
    let mut columns = table.columns.iter_mut();
    if let Some(column) = columns.find(|column| column.name.eq_ignore_ascii_case(name)) {
        change(column);
    }
}

fn target(key: &ForeignKeyConstraint, place: usize) -> String {
    let table = name_of(&key.foreign_table);
    match key.referred_columns.get(place) {
        Some(column) => format!("{table}.{}", column.value),
        None => table,
    }
}

/// Without quotation marks.
fn name_of(name: &ObjectName) -> String {
    let parts = name.0.iter().map(|part| match part.as_ident() {
        Some(ident) => ident.value.clone(),
        None => part.to_string(),
    });
    parts.collect::<Vec<_>>().join(".")
}

fn comment_of(create: &CreateTable) -> String {
    let CreateTableOptions::Plain(options) = &create.table_options else {
        return String::new();
    };
    let comment = options.iter().find_map(|option| match option {
        SqlOption::Comment(CommentDef::WithEq(text) | CommentDef::WithoutEq(text)) => Some(text),
        _ => None,
    });
    comment.map(|text| one_line(text)).unwrap_or_default()
}

fn view_of(create: &CreateView) -> View {
    let mut view = View {
        name: name_of(&create.name),
        names: create
            .columns
            .iter()
            .map(|column| column.name.value.clone())
            .collect(),
        ..View::default()
    };
    let mut body = create.query.body.as_ref();
    // A union's columns are those of its first query.
    let select: Option<&Select> = loop {
        match body {
            SetExpr::Select(select) => break Some(select),
            SetExpr::Query(query) => body = query.body.as_ref(),
            SetExpr::SetOperation { left, .. } => body = left.as_ref(),
            _ => break None,
        }
    };
    let Some(select) = select else {
        return view;
    };
    for tables in &select.from {
        sources_of(tables, MAX_JOINS, &mut view.from);
    }
    view.outputs = select.projection.iter().map(output_of).collect();
    view
}

fn sources_of(tables: &TableWithJoins, depth: usize, found: &mut Vec<Source>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    let joined = tables.joins.iter().map(|join| &join.relation);
    for factor in std::iter::once(&tables.relation).chain(joined) {
        match factor {
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => sources_of(table_with_joins, depth, found),
            factor => found.push(source_of(factor)),
        }
    }
}

fn source_of(factor: &TableFactor) -> Source {
    let named = |alias: Option<&str>, table: String| Source {
        alias: match alias {
            Some(alias) => alias.to_string(),
            None => table.rsplit('.').next().unwrap_or_default().to_string(),
        },
        table,
    };
    match factor {
        TableFactor::Table { name, alias, .. } => {
            let alias = alias.as_ref().map(|alias| alias.name.value.as_str());
            named(alias, name_of(name))
        }
        TableFactor::Derived { alias, .. } => {
            let alias = alias.as_ref().map(|alias| alias.name.value.as_str());
            named(alias, String::new())
        }
        _ => named(None, String::new()),
    }
}

fn output_of(item: &SelectItem) -> Output {
    let named = |expression: &Expr, alias: Option<&str>| {
        let alias = alias.map(String::from);
        match expression {
            Expr::Identifier(column) => Output::Column {
                of: None,
                column: column.value.clone(),
                name: alias.unwrap_or_else(|| column.value.clone()),
            },
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., of, column] => Output::Column {
                    of: Some(of.value.clone()),
                    column: column.value.clone(),
                    name: alias.unwrap_or_else(|| column.value.clone()),
                },
                _ => Output::Other {
                    name: alias,
                    kind: String::new(),
                },
            },
            // MySQL calls what has no name by its text.
            other => Output::Other {
                name: alias.or_else(|| Some(other.to_string())),
                kind: String::new(),
            },
        }
    };
    match item {
        SelectItem::UnnamedExpr(expression) => named(expression, None),
        SelectItem::ExprWithAlias { expr, alias } => named(expr, Some(&alias.value)),
        SelectItem::Wildcard(_) => Output::All(None),
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
            let name = name_of(name);
            Output::All(name.rsplit('.').next().map(String::from))
        }
        _ => Output::Other {
            name: None,
            kind: String::new(),
        },
    }
}
