//! A dump of MySQL or MariaDB.

use super::{
    super::schema::{Column, Table, enumeration, one_line},
    Dumped,
};
use sqlparser::{
    ast::{
        ColumnOption, CommentDef, CreateTable, CreateTableOptions, Expr, ForeignKeyConstraint,
        ObjectName, SqlOption, Statement, TableConstraint,
    },
    dialect::MySqlDialect,
    parser::Parser,
};
use std::collections::BTreeMap;

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
