//! Runs statements on PostgreSQL.

use super::{
    Argument, Limits,
    database::{OpenError, exact_number, tool_error},
    role::{self, WriteRight},
};
use crate::{domain::Rows, ports::ToolError, tools::limits::CappedRows};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use futures::TryStreamExt;
use serde_json::Value;
use sqlx::{
    Arguments, AssertSqlSafe, Column, Executor, PgConnection, PgPool, Row, SqlSafeStr, Statement,
    Type, TypeInfo, ValueRef,
    pool::PoolConnection,
    postgres::{
        PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgTypeInfo, PgTypeKind, PgValueFormat,
        PgValueRef, Postgres, types::PgInterval,
    },
};
use std::{str::FromStr, time::Duration};
use tokio::{sync::OnceCell, time::timeout};

/// The server ends a statement itself; this is for a server that does not answer at all.
const GRACE: Duration = Duration::from_secs(1);

pub struct PostgresDatabase {
    name: String,
    limits: Limits,
    pool: PgPool,
    role: String,
    /// Set once the role is known to have no write right.
    proven: OnceCell<()>,
}

impl PostgresDatabase {
    pub fn new(name: &str, url: &str, limits: Limits) -> Result<Self, sqlx::Error> {
        let options = PgConnectOptions::from_str(url)?.application_name("lorekeeper-tools");
        let role = options.get_username().to_string();
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(limits.timeout)
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(options);
        Ok(Self {
            name: name.into(),
            limits,
            pool,
            role,
            proven: OnceCell::new(),
        })
    }

    /// An error only where the role is known to be able to write.
    pub async fn refuse_writers(&self) -> Result<(), OpenError> {
        match self.connection().await {
            Err(ToolError::NotAllowed { source, .. }) => match source.downcast::<OpenError>() {
                Ok(error) => Err(*error),
                Err(_) => Ok(()),
            },
            _ => Ok(()),
        }
    }

    pub async fn columns(
        &self,
        sql: &str,
        arguments: &[Argument],
    ) -> Result<Vec<String>, ToolError> {
        let mut connection = self.connection().await?;
        let prepared = prepare(&mut connection, sql, arguments).await;
        let statement = prepared.map_err(|error| self.error(error))?;
        Ok(column_names(&statement))
    }

    pub async fn run(&self, sql: &str, arguments: &[Argument]) -> Result<Rows, ToolError> {
        let mut connection = self.connection().await?;
        let work = read(&mut connection, sql, arguments, self.limits);
        let outcome = timeout(self.limits.timeout + GRACE, work).await;
        // Only a connection that is known to be at rest goes back to the pool.
        // Another one may have half a result on its way, and closing it also
        // ends the statement at the server.
        match outcome {
            Ok(Ok(rows)) if !rows.truncated => Ok(rows),
            Ok(Ok(rows)) => {
                connection.close_on_drop();
                Ok(rows)
            }
            Ok(Err(error)) => {
                connection.close_on_drop();
                Err(self.error(error))
            }
            Err(_) => {
                connection.close_on_drop();
                Err(ToolError::Timeout {
                    source_name: self.name.clone(),
                    limit: self.limits.timeout,
                })
            }
        }
    }

    /// A connection of a role that is proven to be unable to write.
    async fn connection(&self) -> Result<PoolConnection<Postgres>, ToolError> {
        let mut connection = self
            .pool
            .acquire()
            .await
            .map_err(|error| self.error(error))?;
        self.proven
            .get_or_try_init(async || {
                let rights = role::write_rights(&mut connection).await;
                let rights = rights.map_err(|error| self.error(error))?;
                if rights.is_empty() {
                    Ok(())
                } else {
                    Err(self.can_write(&rights))
                }
            })
            .await?;
        Ok(connection)
    }

    fn can_write(&self, rights: &[WriteRight]) -> ToolError {
        let rights: Vec<String> = rights.iter().map(ToString::to_string).collect();
        ToolError::NotAllowed {
            source_name: self.name.clone(),
            source: Box::new(OpenError::CanWrite {
                name: self.name.clone(),
                role: self.role.clone(),
                rights: rights.join("; "),
            }),
        }
    }

    fn error(&self, error: sqlx::Error) -> ToolError {
        tool_error(&self.name, self.limits, error)
    }
}

async fn read(
    connection: &mut PgConnection,
    sql: &str,
    arguments: &[Argument],
    limits: Limits,
) -> Result<Rows, sqlx::Error> {
    let ms = limits.timeout.as_millis();
    let begin = format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = {ms}; SET LOCAL lock_timeout = {ms}; \
         SET LOCAL timezone = 'UTC'"
    );
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(begin)))
        .await?;
    let statement = prepare(connection, sql, arguments).await?;
    let mut capped = CappedRows::new(limits, column_names(&statement));
    {
        let query = statement.query_with(bind(arguments)?);
        let mut rows = query.fetch(&mut *connection);
        while let Some(row) = rows.try_next().await? {
            if !capped.take(decode_row(&row)?) {
                return Ok(capped.finish());
            }
        }
    }
    connection.execute(sqlx::raw_sql(LEAVE_NOTHING)).await?;
    Ok(capped.finish())
}

/// The next statement finds the session as this one found it: settings go with
/// the transaction, advisory locks do not.
const LEAVE_NOTHING: &str = "ROLLBACK; SELECT pg_advisory_unlock_all()";

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

fn column_names(statement: &PgStatement) -> Vec<String> {
    let columns = statement.columns().iter();
    columns.map(|column| column.name().to_string()).collect()
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
        "FLOAT4" => double(row.try_get::<f32, _>(index)?.into(), |x| {
            (x as f32).to_string()
        }),
        "FLOAT8" => double(row.try_get::<f64, _>(index)?, |x| x.to_string()),
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

fn double(number: f64, text: impl Fn(f64) -> String) -> Value {
    // The shortest text of the number's own width: 0.1 stays 0.1, be it a float4.
    let text = text(number);
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => number.into(),
        _ => text.into(),
    }
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
