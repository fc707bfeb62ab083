//! What a free statement would cost, by the server's own plan.
//!
//! PostgreSQL and MySQL give their planner's cost, MariaDB the rows that each
//! step examines. SQLite's plan knows no cost: what counts there are the rows
//! of the tables that are scanned in full, multiplied where scans stand inside
//! one another. These are estimates, for refusing what is wrong by magnitudes;
//! the time limit holds for the rest.

use super::{Database, guard::Dialect};
use crate::{domain::Rows, ports::ToolError, tools::template::readable};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    pub amount: f64,
    /// What `amount` counts.
    pub unit: &'static str,
}

const PLANNER_UNITS: &str = "units of the server's planner";
const ROWS: &str = "rows to go through";

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = match self.amount < 9e15 {
            true => Value::from(self.amount.round() as i64),
            false => Value::from(format!("{:.0e}", self.amount)),
        };
        write!(f, "{} {}", readable("cost", &amount), self.unit)
    }
}

/// `None` where the plan says nothing that is known here.
pub(super) async fn estimate(
    database: &Database,
    sql: &str,
    tables: &BTreeSet<String>,
) -> Result<Option<Cost>, ToolError> {
    match database.dialect() {
        Dialect::Postgres => {
            let plan = database
                .plan(&format!("EXPLAIN (FORMAT JSON) {sql}"))
                .await?;
            Ok(first_value(&plan).as_ref().and_then(of_postgres))
        }
        Dialect::MySql => {
            let plan = database.plan(&format!("EXPLAIN FORMAT=JSON {sql}")).await?;
            Ok(first_value(&plan).as_ref().and_then(of_mysql))
        }
        Dialect::Sqlite => {
            let plan = database.plan(&format!("EXPLAIN QUERY PLAN {sql}")).await?;
            let scans = scans(&plan);
            let names = scans.iter().map(|scan| &scan.table).chain(tables);
            let mut sizes = BTreeMap::new();
            for name in names.collect::<BTreeSet<_>>() {
                if let Some(size) = size_on_sqlite(database, name).await? {
                    sizes.insert(name.to_lowercase(), size);
                }
            }
            Ok(Some(of_sqlite(&scans, &sizes)))
        }
    }
}

/// A plan comes as JSON or as text that holds JSON.
fn first_value(plan: &Rows) -> Option<Value> {
    match plan.rows.first()?.first()? {
        Value::String(text) => serde_json::from_str(text).ok(),
        value => Some(value.clone()),
    }
}

fn of_postgres(plan: &Value) -> Option<Cost> {
    let amount = plan.pointer("/0/Plan/Total Cost")?.as_f64()?;
    Some(Cost {
        amount,
        unit: PLANNER_UNITS,
    })
}

fn of_mysql(plan: &Value) -> Option<Cost> {
    let costs = planner_costs(plan);
    if !costs.is_empty() {
        return Some(Cost {
            amount: costs.iter().sum(),
            unit: PLANNER_UNITS,
        });
    }
    plan.get("query_block").map(|block| Cost {
        amount: examined(block),
        unit: ROWS,
    })
}

/// MySQL: `query_cost` of every query block, or the total of its newer format.
fn planner_costs(plan: &Value) -> Vec<f64> {
    match plan {
        Value::Object(fields) => {
            let own = ["query_cost", "estimated_total_cost"];
            let own = own.iter().find_map(|key| number(fields.get(*key)?));
            match own {
                // What lies below is part of it.
                Some(cost) => vec![cost],
                None => fields.values().flat_map(planner_costs).collect(),
            }
        }
        Value::Array(items) => items.iter().flat_map(planner_costs).collect(),
        _ => Vec::new(),
    }
}

/// MariaDB: the rows of each table, once for every row that the tables before
/// it let through; query blocks inside are added.
fn examined(block: &Value) -> f64 {
    let mut walk = Examined {
        rows: 0.0,
        loops: 1.0,
    };
    walk.visit(block);
    walk.rows
}

struct Examined {
    rows: f64,
    loops: f64,
}

impl Examined {
    fn visit(&mut self, plan: &Value) {
        match plan {
            Value::Array(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Object(fields) => {
                for (key, value) in fields {
                    match key.as_str() {
                        "table" => self.table(value),
                        "query_block" => self.rows += examined(value),
                        _ => self.visit(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn table(&mut self, table: &Value) {
        let field = |name: &str| table.get(name).and_then(number);
        if let Some(rows) = field("rows") {
            self.rows += self.loops * rows;
            let through = rows * field("filtered").unwrap_or(100.0) / 100.0;
            self.loops *= through.max(1.0);
        }
        // What is materialized or asked inside.
        for (key, value) in table.as_object().into_iter().flatten() {
            if key != "rows" {
                self.visit(value);
            }
        }
    }
}

/// Both servers write some numbers as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    }
}

/// A step of SQLite's plan that goes through a whole table.
#[derive(Clone, Debug, PartialEq)]
struct Scan {
    parent: i64,
    /// A table, or its alias.
    table: String,
}

/// The full scans; what the statement itself builds has counted already.
fn scans(plan: &Rows) -> Vec<Scan> {
    let details = plan.rows.iter().filter_map(|row| {
        let parent = row.get(1)?.as_i64()?;
        Some((parent, row.get(3)?.as_str()?))
    });
    let details: Vec<(i64, &str)> = details.collect();
    let built: Vec<&str> = details
        .iter()
        .filter_map(|(_, detail)| {
            let kind = ["MATERIALIZE ", "CO-ROUTINE "];
            kind.iter().find_map(|kind| detail.strip_prefix(kind))
        })
        .collect();
    let mut found = Vec::new();
    for (parent, detail) in details {
        let Some(rest) = detail.strip_prefix("SCAN ") else {
            continue;
        };
        let table = rest.split(' ').next().unwrap_or_default();
        let is_table = !rest.starts_with('(')
            && !rest.starts_with("CONSTANT ROW")
            && !rest.contains("VIRTUAL TABLE")
            && !built.contains(&table);
        if is_table {
            found.push(Scan {
                parent,
                table: table.to_string(),
            });
        }
    }
    found
}

/// The highest row number: found at once, and no less than the rows that there
/// are. `None` for what is no table of the file, or has no row numbers.
async fn size_on_sqlite(database: &Database, name: &str) -> Result<Option<f64>, ToolError> {
    let name = name.replace('"', "\"\"");
    let sql = format!("SELECT max(rowid) FROM \"{name}\"");
    match database.plan(&sql).await {
        Ok(rows) => {
            let first = rows.rows.first().and_then(|row| row.first());
            Ok(first.and_then(Value::as_f64))
        }
        Err(ToolError::Failed { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A name that is no table is an alias, of the largest that is read at worst.
fn of_sqlite(scans: &[Scan], sizes: &BTreeMap<String, f64>) -> Cost {
    let largest = sizes.values().copied().fold(1.0, f64::max);
    let mut loops: BTreeMap<i64, f64> = BTreeMap::new();
    for Scan { parent, table } in scans {
        let size = sizes.get(&table.to_lowercase()).copied();
        *loops.entry(*parent).or_insert(1.0) *= size.unwrap_or(largest).max(1.0);
    }
    Cost {
        amount: loops.values().sum(),
        unit: ROWS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn planner_cost_is_read_from_the_plan() {
        let check = |found: Option<Cost>, expected: f64| {
            assert_eq!(found.map(|cost| cost.amount), Some(expected));
        };
        check(
            of_postgres(&json!([{"Plan": {"Total Cost": 12.5, "Plan Rows": 3}}])),
            12.5,
        );
        check(
            of_mysql(&json!({"query_block": {"cost_info": {"query_cost": "1024.50"}}})),
            1024.5,
        );
        check(
            of_mysql(
                &json!({"query_block": {"union_result": {"query_specifications": [
                {"query_block": {"cost_info": {"query_cost": "1"}}},
                {"query_block": {"cost_info": {"query_cost": "2"}}}]}}}),
            ),
            3.0,
        );
        check(
            of_mysql(
                &json!({"query_plan": {"estimated_total_cost": 7.5, "inputs": [{"estimated_total_cost": 5}]}}),
            ),
            7.5,
        );
        assert_eq!(of_mysql(&json!({"other": 1})), None);
        assert_eq!(of_postgres(&json!({})), None);
    }

    #[test]
    fn examined_rows_multiply_in_loops_and_add_up_beside_them() {
        let check = |block: Value, expected: f64| {
            let cost = of_mysql(&json!({"query_block": block})).expect("is a plan");
            assert_eq!((cost.amount, cost.unit), (expected, ROWS));
        };
        check(json!({"table": {"message": "No tables used"}}), 0.0);
        check(json!({"table": {"rows": 1000, "filtered": 10}}), 1000.0);
        check(
            json!({"nested_loop": [
                {"table": {"rows": 1000, "filtered": 10}},
                {"table": {"rows": 20, "filtered": 100}}]}),
            3000.0,
        );
        check(
            json!({"nested_loop": [
                {"table": {"rows": 100}},
                {"block-nl-join": {"table": {"rows": 50}}}]}),
            5100.0,
        );
        check(
            json!({"table": {"rows": 5, "materialized": {"query_block": {"table": {"rows": 700}}}},
                   "subqueries": [{"query_block": {"table": {"rows": 30}}}]}),
            735.0,
        );
    }

    #[test]
    fn scans_on_sqlite_multiply_where_they_stand_inside_one_another() {
        let plan = |steps: &[(i64, &str)]| Rows {
            columns: Vec::new(),
            rows: steps
                .iter()
                .map(|(parent, detail)| vec![json!(1), json!(parent), json!(0), json!(detail)])
                .collect(),
            truncated: false,
        };
        let sizes = BTreeMap::from([("sales".to_string(), 1000.0), ("reps".to_string(), 10.0)]);
        let check = |steps: &[(i64, &str)], expected: f64| {
            let cost = of_sqlite(&scans(&plan(steps)), &sizes);
            assert_eq!(cost.amount, expected, "{steps:?}");
        };
        check(&[(0, "SEARCH sales USING INDEX i (id=?)")], 0.0);
        check(&[(0, "SCAN sales")], 1000.0);
        check(&[(0, "SCAN SALES USING COVERING INDEX i")], 1000.0);
        check(&[(0, "SCAN sales"), (0, "SCAN reps")], 10_000.0);
        check(&[(0, "SCAN sales"), (0, "SCAN s")], 1_000_000.0);
        check(&[(2, "SCAN sales"), (5, "SCAN reps")], 1010.0);
        check(
            &[
                (0, "CO-ROUTINE r"),
                (2, "SCAN reps"),
                (0, "SCAN r"),
                (0, "SCAN (subquery-1)"),
            ],
            10.0,
        );
        check(
            &[
                (0, "SCAN j VIRTUAL TABLE INDEX 1:"),
                (0, "SCAN CONSTANT ROW"),
            ],
            0.0,
        );
    }

    #[test]
    fn cost_is_readable() {
        let check = |amount: f64, expected: &str| {
            let cost = Cost { amount, unit: ROWS };
            assert_eq!(cost.to_string(), expected);
        };
        check(12_300_000.4, "12,300,000 rows to go through");
        check(1e30, "1e30 rows to go through");
    }
}
