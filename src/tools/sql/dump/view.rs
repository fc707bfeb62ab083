//! The columns of a view, told by its query and the tables before it.
//!
//! A column that is one of a table has its type; what is computed has none
//! that could be told without the server.

use super::super::schema::{Column, Table};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    pub name: String,
    /// Where the view names its columns itself.
    pub names: Vec<String>,
    pub outputs: Vec<Output>,
    pub from: Vec<Source>,
}

/// A table that the view's query reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// What the query calls it.
    pub alias: String,
    /// As it is known; empty for what is no table.
    pub table: String,
}

/// What the query brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// `*`, or `deals.*`.
    All(Option<String>),
    /// `deals.amount AS total`
    Column {
        of: Option<String>,
        column: String,
        name: String,
    },
    /// Something computed; without a name the view can't be told.
    Other { name: Option<String>, kind: String },
}

impl View {
    /// None where a column has no name that could be told.
    pub(super) fn table(&self, known: &BTreeMap<String, Table>) -> Option<Table> {
        let mut columns: Vec<Column> = Vec::new();
        for output in &self.outputs {
            match output {
                Output::All(of) => {
                    for source in self.sources(of.as_deref()) {
                        let table = find(known, &source.table)?;
                        columns.extend(table.columns.iter().map(plain));
                    }
                }
                Output::Column { of, column, name } => {
                    let tables = self.sources(of.as_deref());
                    let mut tables = tables.filter_map(|source| find(known, &source.table));
                    let base = tables.find_map(|table| {
                        let mut own = table.columns.iter();
                        own.find(|known| known.name.eq_ignore_ascii_case(column))
                    });
                    columns.push(Column {
                        name: name.clone(),
                        ..base.map(plain).unwrap_or_default()
                    });
                }
                Output::Other { name, kind } => {
                    let place = columns.len();
                    let name = name.clone().or_else(|| self.names.get(place).cloned())?;
                    columns.push(Column {
                        name,
                        kind: kind.clone(),
                        ..Column::default()
                    });
                }
            }
        }
        for (column, name) in columns.iter_mut().zip(&self.names) {
            column.name = name.clone();
        }
        (!columns.is_empty()).then(|| Table {
            name: self.name.clone(),
            view: true,
            columns,
            ..Table::default()
        })
    }

    fn sources(&self, alias: Option<&str>) -> impl Iterator<Item = &Source> {
        self.from.iter().filter(move |source| {
            alias.is_none_or(|alias| source.alias.eq_ignore_ascii_case(alias))
        })
    }
}

fn find<'a>(known: &'a BTreeMap<String, Table>, name: &str) -> Option<&'a Table> {
    let bare = || name.rsplit('.').next().and_then(|bare| known.get(bare));
    known.get(name).or_else(bare)
}

/// Without its keys: they are the table's.
fn plain(column: &Column) -> Column {
    Column {
        name: column.name.clone(),
        kind: column.kind.clone(),
        values: column.values.clone(),
        ..Column::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deals() -> BTreeMap<String, Table> {
        let column = |name: &str, kind: &str| Column {
            name: name.into(),
            kind: kind.into(),
            primary: true,
            ..Column::default()
        };
        let table = Table {
            name: "deals".into(),
            columns: vec![column("id", "integer"), column("amount", "numeric")],
            ..Table::default()
        };
        BTreeMap::from([("deals".to_string(), table)])
    }

    fn check(names: &[&str], outputs: Vec<Output>, table: &str, expected: Option<&[(&str, &str)]>) {
        let view = View {
            name: "v".into(),
            names: names.iter().map(|name| name.to_string()).collect(),
            outputs: outputs.clone(),
            from: vec![Source {
                alias: "d".into(),
                table: table.into(),
            }],
        };
        let told = view.table(&deals()).map(|table| {
            let columns = table.columns.into_iter();
            columns
                .map(|column| {
                    assert!(!column.primary, "a view has no keys");
                    (column.name, column.kind)
                })
                .collect::<Vec<_>>()
        });
        let expected = expected.map(|columns| {
            let columns = columns.iter();
            columns
                .map(|(name, kind)| (name.to_string(), kind.to_string()))
                .collect::<Vec<_>>()
        });
        assert_eq!(told, expected, "{outputs:?}");
    }

    #[test]
    fn columns_are_those_of_the_tables_or_named() {
        let column = |of: Option<&str>, column: &str, name: &str| Output::Column {
            of: of.map(String::from),
            column: column.into(),
            name: name.into(),
        };
        let other = |name: Option<&str>| Output::Other {
            name: name.map(String::from),
            kind: String::new(),
        };
        let both: &[(&str, &str)] = &[("id", "integer"), ("amount", "numeric")];
        check(&[], vec![Output::All(None)], "deals", Some(both));
        check(
            &[],
            vec![Output::All(Some("D".into()))],
            "x.deals",
            Some(both),
        );
        check(&[], vec![Output::All(None)], "gone", None);
        check(
            &[],
            vec![column(Some("d"), "amount", "total"), other(Some("n"))],
            "deals",
            Some(&[("total", "numeric"), ("n", "")]),
        );
        check(
            &[],
            vec![column(None, "amount", "a")],
            "gone",
            Some(&[("a", "")]),
        );
        check(&[], vec![other(None)], "deals", None);
        check(
            &["x", "y"],
            vec![other(None), other(Some("n"))],
            "deals",
            Some(&[("x", ""), ("y", "")]),
        );
        check(&[], vec![], "deals", None);
    }
}
