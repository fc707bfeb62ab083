//! Runs statements on PostgreSQL.

use super::{
    Argument, Limits,
    database::{OpenError, tool_error},
    role::{self, Proof},
    rows::{column_names, exact_number, read_rows, shortest_number},
    running::{Running, end_in_background},
};
use crate::{domain::Rows, ports::ToolError};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::Value;
use sqlx::{
    Arguments, AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool, Row,
    SqlSafeStr, Statement, Type, TypeInfo, ValueRef,
    pool::PoolConnection,
    postgres::{
        PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgTypeInfo, PgTypeKind, PgValueFormat,
        PgValueRef, Postgres, types::PgInterval,
    },
};
use std::{str::FromStr, sync::Arc, time::Duration};
use tokio::time::timeout;

/// The server ends a statement itself; this is for a server that does not answer at all.
const GRACE: Duration = Duration::from_secs(1);

pub struct PostgresDatabase {
    name: String,
    limits: Limits,
    pool: PgPool,
    proof: Proof,
}

impl PostgresDatabase {
    pub fn new(name: &str, url: &str, limits: Limits) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(url)?.application_name("lorekeeper-tools");
        let proof = Proof::new(name, options.get_username());
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(limits.timeout)
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(options);
        Ok(Self {
            name: name.into(),
            limits,
            pool,
            proof,
        })
    }

    /// An error only where the role is known to be able to write.
    pub async fn refuse_writers(&self) -> Result<(), OpenError> {
        role::refuse_writers(self.connection().await)
    }

    pub async fn columns(
        &self,
        sql: &str,
        arguments: &[Argument],
    ) -> Result<Vec<String>, ToolError> {
        let mut connection = self.connection().await?;
        let prepared = prepare(&mut connection, sql, arguments).await;
        let statement = prepared.map_err(|error| self.error(error))?;
        Ok(column_names(statement.columns()))
    }

    pub async fn run(
        &self,
        sql: &str,
        arguments: &[Argument],
        limits: Limits,
    ) -> Result<Rows, ToolError> {
        let mut running = Running::new(self.connection().await?);
        let work = self.read(&mut running, sql, arguments, limits);
        let outcome = timeout(limits.timeout + GRACE, work).await;
        running.settle(outcome, &self.name, limits)
    }

    async fn read(
        &self,
        running: &mut Running<Postgres>,
        sql: &str,
        arguments: &[Argument],
        limits: Limits,
    ) -> Result<Rows, sqlx::Error> {
        let ms = limits.timeout.as_millis();
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {ms}; SET LOCAL lock_timeout = {ms}; \
             SET LOCAL timezone = 'UTC'; SELECT pg_backend_pid()"
        );
        let begun = running
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(begin)))
            .await?;
        if let Some(row) = begun.first() {
            let backend: i32 = row.try_get(0)?;
            let options = self.pool.connect_options();
            running.ends_by(move || end_in_background(end_backend(options, backend)));
        }
        let statement = prepare(running, sql, arguments).await?;
        let columns = column_names(statement.columns());
        let query = statement.query_with(bind(arguments)?);
        let rows = query.fetch(&mut **running);
        let rows = read_rows(rows, columns, limits, decode_row).await?;
        if !rows.truncated {
            running.execute(sqlx::raw_sql(LEAVE_NOTHING)).await?;
        }
        Ok(rows)
    }

    /// A connection of a role that is proven to be unable to write.
    async fn connection(&self) -> Result<PoolConnection<Postgres>, ToolError> {
        let acquired = self.pool.acquire().await;
        let mut connection = acquired.map_err(|error| self.error(error))?;
        let rights = async {
            let rights = role::postgres::write_rights(&mut connection).await;
            rights.map_err(|error| self.error(error))
        };
        self.proof.hold(rights).await?;
        Ok(connection)
    }

    fn error(&self, error: sqlx::Error) -> ToolError {
        tool_error(&self.name, self.limits, error)
    }
}

/// The next statement finds the session as this one found it: settings go with
/// the transaction, advisory locks do not.
const LEAVE_NOTHING: &str = "ROLLBACK; SELECT pg_advisory_unlock_all()";

/// Ends the session, not only its statement: nobody will use it again, and a
/// cancel that comes late could hit the statement of somebody else. The rest of
/// the condition is for a number that the server has given to another session.
async fn end_backend(options: Arc<PgConnectOptions>, backend: i32) -> Result<(), sqlx::Error> {
    let mut connection = options.connect().await?;
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE pid = $1 AND application_name = 'lorekeeper-tools' AND usename = current_user",
    )
    .bind(backend)
    .execute(&mut connection)
    .await?;
    connection.close().await
}

type PgStatement = <Postgres as sqlx::Database>::Statement;

async fn prepare(
    connection: &mut PgConnection,
    sql: &str,
    arguments: &[Argument],
) -> Result<PgStatement, sqlx::Error> {
    let types: Vec<PgTypeInfo> = arguments.iter().map(argument_type).collect();
    let sql = AssertSqlSafe(sql.to_string()).into_sql_str();
    connection.prepare_with(sql, &types).await
}

fn argument_type(argument: &Argument) -> PgTypeInfo {
    match argument {
        Argument::Text(_) => <String as Type<Postgres>>::type_info(),
        Argument::Integer(_) => <i64 as Type<Postgres>>::type_info(),
        Argument::Number(_) => <f64 as Type<Postgres>>::type_info(),
        Argument::Boolean(_) => <bool as Type<Postgres>>::type_info(),
        Argument::Time(_) => <DateTime<Utc> as Type<Postgres>>::type_info(),
    }
}

fn bind(arguments: &[Argument]) -> Result<PgArguments, sqlx::Error> {
    let mut bound = PgArguments::default();
    for argument in arguments {
        match argument {
            Argument::Text(value) => bound.add(value),
            Argument::Integer(value) => bound.add(value),
            Argument::Number(value) => bound.add(value),
            Argument::Boolean(value) => bound.add(value),
            Argument::Time(value) => bound.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}

fn decode_row(row: &PgRow) -> Result<Vec<Value>, sqlx::Error> {
    (0..row.len())
        .map(|index| {
            let value = row.try_get_raw(index)?;
            if value.is_null() {
                return Ok(Value::Null);
            }
            let kind = value.type_info().into_owned();
            decode(row, index, value, &kind)
        })
        .collect()
}

/// Numbers stay numbers, times become ISO 8601, bytes are not shown.
fn decode(
    row: &PgRow,
    index: usize,
    value: PgValueRef<'_>,
    kind: &PgTypeInfo,
) -> Result<Value, sqlx::Error> {
    Ok(match kind.name() {
        "BOOL" => row.try_get::<bool, _>(index)?.into(),
        "INT2" => row.try_get::<i16, _>(index)?.into(),
        "INT4" => row.try_get::<i32, _>(index)?.into(),
        "INT8" => row.try_get::<i64, _>(index)?.into(),
        "FLOAT4" => shortest_number(row.try_get::<f32, _>(index)?.to_string()),
        "FLOAT8" => shortest_number(row.try_get::<f64, _>(index)?.to_string()),
        "NUMERIC" => match value.format() {
            PgValueFormat::Binary => numeric(value.as_bytes().map_err(sqlx::Error::Decode)?),
            PgValueFormat::Text => exact_number(value.as_str().map_err(sqlx::Error::Decode)?),
        },
        "UUID" => row.try_get::<uuid::Uuid, _>(index)?.to_string().into(),
        "JSON" | "JSONB" => row.try_get::<Value, _>(index)?,
        "DATE" => row.try_get::<NaiveDate, _>(index)?.to_string().into(),
        "TIME" => row.try_get::<NaiveTime, _>(index)?.to_string().into(),
        "TIMESTAMP" => {
            let time = row.try_get::<NaiveDateTime, _>(index)?;
            time.format("%Y-%m-%dT%H:%M:%S%.f").to_string().into()
        }
        "TIMESTAMPTZ" => {
            let time = row.try_get::<DateTime<Utc>, _>(index)?;
            time.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string().into()
        }
        "INTERVAL" => interval(&row.try_get::<PgInterval, _>(index)?).into(),
        "BOOL[]" => array(row.try_get::<Vec<Option<bool>>, _>(index)?),
        "INT2[]" => array(row.try_get::<Vec<Option<i16>>, _>(index)?),
        "INT4[]" => array(row.try_get::<Vec<Option<i32>>, _>(index)?),
        "INT8[]" => array(row.try_get::<Vec<Option<i64>>, _>(index)?),
        "FLOAT8[]" => array(row.try_get::<Vec<Option<f64>>, _>(index)?),
        "TEXT[]" | "VARCHAR[]" => array(row.try_get::<Vec<Option<String>>, _>(index)?),
        "VOID" => Value::Null,
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" | "citext" | "UNKNOWN" => {
            row.try_get_unchecked::<String, _>(index)?.into()
        }
        other => match kind.kind() {
            PgTypeKind::Enum(_) => row.try_get_unchecked::<String, _>(index)?.into(),
            PgTypeKind::Domain(base) => decode(row, index, value, base)?,
            _ => format!("({} not shown)", other.to_lowercase()).into(),
        },
    })
}

fn array<T: Into<Value>>(values: Vec<Option<T>>) -> Value {
    let values = values.into_iter();
    values
        .map(|value| value.map_or(Value::Null, Into::into))
        .collect()
}

fn interval(interval: &PgInterval) -> String {
    let mut parts = Vec::new();
    let (years, months) = (interval.months / 12, interval.months % 12);
    for (count, unit) in [
        (years, "years"),
        (months, "months"),
        (interval.days, "days"),
    ] {
        if count != 0 {
            parts.push(format!("{count} {unit}"));
        }
    }
    let seconds = interval.microseconds / 1_000_000;
    if seconds != 0 || parts.is_empty() {
        let sign = if seconds < 0 { "-" } else { "" };
        let seconds = seconds.abs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        parts.push(format!("{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60));
    }
    parts.join(" ")
}

/// PostgreSQL's binary `numeric`: four 16-bit fields (count of digits, weight
/// of the first one, sign, decimal places), then digits to base 10,000.
fn numeric(bytes: &[u8]) -> Value {
    let words: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect();
    let [_, weight, sign, scale, digits @ ..] = words.as_slice() else {
        return Value::Null;
    };
    let sign = match sign {
        0x0000 => "",
        0x4000 => "-",
        0xD000 => return "Infinity".into(),
        0xF000 => return "-Infinity".into(),
        _ => return "NaN".into(),
    };
    let weight = i32::from(weight.cast_signed());
    let digit = |position: i32| -> u16 {
        let index = usize::try_from(position).ok();
        index
            .and_then(|index| digits.get(index))
            .copied()
            .unwrap_or(0)
    };
    let mut whole: String = (0..=weight).map(|p| format!("{:04}", digit(p))).collect();
    let scale = usize::from(*scale);
    let groups = i32::try_from(scale.div_ceil(4)).unwrap_or(0);
    let mut fraction: String = (1..=groups)
        .map(|p| format!("{:04}", digit(weight + p)))
        .collect();
    fraction.truncate(scale);
    whole = match whole.trim_start_matches('0') {
        "" => "0".into(),
        trimmed => trimmed.into(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    exact_number(&format!("{sign}{whole}{point}{fraction}"))
}
