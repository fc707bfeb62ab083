//! What stands behind FROM.

use super::{Judged, Walk, foreign};
use crate::tools::sql::guard::refuse;
use sqlparser::ast::{
    Join, JoinConstraint, JoinOperator, JsonTableColumn, ObjectName, ObjectNamePart, TableFactor,
    TableWithJoins,
};

/// Schemas of the server itself: accounts, settings, other people's statements.
const SYSTEM_SCHEMAS: &[&str] = &[
    "information_schema",
    "mysql",
    "ndbinfo",
    "performance_schema",
    "sys",
];

/// The schema of the connection has no name here: an entry of the allow-list
/// without a schema admits the name without a schema, and only that.
const DEFAULT_SCHEMA: &str = "";

impl Walk<'_> {
    pub(super) fn joined(&mut self, tables: &TableWithJoins) -> Judged {
        let TableWithJoins { relation, joins } = tables;
        self.table(relation)?;
        for Join {
            relation,
            global,
            join_operator,
        } in joins
        {
            if *global {
                return foreign("GLOBAL JOIN");
            }
            self.table(relation)?;
            match join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint)
                | JoinOperator::Right(constraint)
                | JoinOperator::RightOuter(constraint)
                | JoinOperator::CrossJoin(constraint)
                | JoinOperator::StraightJoin(constraint) => self.constraint(constraint)?,
                _ => return foreign("such a JOIN"),
            }
        }
        Ok(())
    }

    fn constraint(&mut self, constraint: &JoinConstraint) -> Judged {
        match constraint {
            JoinConstraint::On(condition) => self.expression(condition),
            JoinConstraint::Using(_) | JoinConstraint::Natural | JoinConstraint::None => Ok(()),
        }
    }

    fn table(&mut self, table: &TableFactor) -> Judged {
        match table {
            TableFactor::Table {
                name,
                alias: _,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions: _,
                json_path,
                sample,
                index_hints: _,
            } => {
                let is_foreign = args.is_some()
                    || !with_hints.is_empty()
                    || version.is_some()
                    || *with_ordinality
                    || json_path.is_some()
                    || sample.is_some();
                if is_foreign {
                    return foreign("such a table");
                }
                self.named(name)
            }
            TableFactor::Derived {
                lateral: _,
                subquery,
                alias: _,
                sample: None,
            } => self.query(subquery),
            TableFactor::NestedJoin {
                table_with_joins,
                alias: _,
            } => self.deeper(|walk| walk.joined(table_with_joins)),
            // The path is a string, and so are the values for what is missing.
            TableFactor::JsonTable {
                json_expr,
                json_path: _,
                columns,
                alias: _,
            } => {
                self.expression(json_expr)?;
                self.deeper(|walk| walk.json_columns(columns))
            }
            _ => foreign("such a table"),
        }
    }

    fn json_columns(&mut self, columns: &[JsonTableColumn]) -> Judged {
        for column in columns {
            if let JsonTableColumn::Nested(nested) = column {
                self.deeper(|walk| walk.json_columns(&nested.columns))?;
            }
        }
        Ok(())
    }

    fn named(&mut self, name: &ObjectName) -> Judged {
        match parts(name).as_deref() {
            Some([table]) => self.relation(None, table),
            Some([schema, table]) => self.relation(Some(schema), table),
            _ => foreign("such a name of a table"),
        }
    }

    /// Names are compared as they are written: where the server knows case,
    /// `Orders` is another table.
    pub(super) fn relation(&mut self, schema: Option<&str>, table: &str) -> Judged {
        let is_cte = || self.ctes.iter().any(|known| known == table);
        let is_dual = || table.eq_ignore_ascii_case("dual");
        if schema.is_none() && (is_cte() || is_dual()) {
            return Ok(());
        }
        let name = schema.map_or_else(|| table.to_string(), |schema| format!("{schema}.{table}"));
        let is_system = schema.is_some_and(|schema| {
            let mut known = SYSTEM_SCHEMAS.iter();
            known.any(|known| known.eq_ignore_ascii_case(schema))
                && !self.policy.names_schema(schema)
        });
        if is_system {
            return refuse(format!(
                "reads `{name}`, which belongs to the server itself"
            ));
        }
        if !self.policy.admits(schema, table, DEFAULT_SCHEMA) {
            return refuse(format!(
                "reads `{name}`, which is not among the tables it may read"
            ));
        }
        self.tables.insert(name);
        Ok(())
    }
}

/// `None` where a part is no plain name.
pub(super) fn parts(name: &ObjectName) -> Option<Vec<&str>> {
    let parts = name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(name) => Some(name.value.as_str()),
        ObjectNamePart::Function(_) => None,
    });
    parts.collect()
}
