//! Runs statements on MySQL (5.7.8 and newer) and MariaDB (10.5.2 and newer).

use super::{
    Argument, Limits,
    database::{OpenError, tool_error},
    role::{self, Proof},
    rows::{column_names, exact_number, read_rows, shortest_number},
    running::{Running, end_in_background},
};
use crate::{domain::Rows, ports::ToolError};
use chrono::{NaiveDate, NaiveDateTime};
use serde_json::Value;
use sqlx::{
    Arguments, AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection, MySqlPool,
    Row, SqlSafeStr, Statement, TypeInfo, ValueRef,
    mysql::{
        MySql, MySqlArguments, MySqlConnectOptions, MySqlPoolOptions, MySqlRow, types::MySqlTime,
    },
    pool::PoolConnection,
};
use std::{str::FromStr, sync::Arc, time::Duration};
use tokio::{sync::OnceCell, time::timeout};

/// The server ends a statement itself; this is for a server that does not answer at all.
const GRACE: Duration = Duration::from_secs(1);

pub struct MySqlDatabase {
    name: String,
    limits: Limits,
    pool: MySqlPool,
    proof: Proof,
    server: OnceCell<Server>,
}

/// The two share a protocol, not the setting of the time limit.
#[derive(Clone, Copy, Debug)]
enum Server {
    MySql,
    MariaDb,
}

impl Server {
    async fn of(connection: &mut MySqlConnection) -> Result<Self, sqlx::Error> {
        let row = connection.fetch_one("SELECT VERSION()").await?;
        let version: String = row.try_get_unchecked(0)?;
        Ok(match version.to_lowercase().contains("mariadb") {
            true => Server::MariaDb,
            false => Server::MySql,
        })
    }

    fn time_limit(self, limit: Duration) -> String {
        match self {
            Server::MySql => format!("max_execution_time = {}", limit.as_millis()),
            Server::MariaDb => format!("max_statement_time = {:.3}", limit.as_secs_f64()),
        }
    }
}

/// The gate reads strings and quotes as this mode does; of the server's own
/// only what changes the result of a read is kept.
const SQL_MODE: &str = "SET SESSION sql_mode = CONCAT_WS(',', 'STRICT_TRANS_TABLES', \
    IF(FIND_IN_SET('ONLY_FULL_GROUP_BY', @@sql_mode), 'ONLY_FULL_GROUP_BY', NULL), \
    IF(FIND_IN_SET('PIPES_AS_CONCAT', @@sql_mode), 'PIPES_AS_CONCAT', NULL))";

impl MySqlDatabase {
    pub fn new(name: &str, url: &str, limits: Limits) -> Result<Self, sqlx::Error> {
        let options = MySqlConnectOptions::from_str(url)?
            .charset("utf8mb4")
            .timezone(Some("+00:00".to_string()))
            .pipes_as_concat(false)
            .no_engine_substitution(false);
        let proof = Proof::new(name, options.get_username());
        let pool = MySqlPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(limits.timeout)
            .idle_timeout(Duration::from_secs(300))
            .after_connect(|connection, _| {
                Box::pin(async move { connection.execute(SQL_MODE).await.map(|_| ()) })
            })
            .connect_lazy_with(options);
        Ok(Self {
            name: name.into(),
            limits,
            pool,
            proof,
            server: OnceCell::new(),
        })
    }

    /// An error only where the account is known to be able to write.
    pub async fn refuse_writers(&self) -> Result<(), OpenError> {
        role::refuse_writers(self.connection().await)
    }

    pub async fn columns(&self, sql: &str) -> Result<Vec<String>, ToolError> {
        let mut connection = self.connection().await?;
        let sql = AssertSqlSafe(sql.to_string()).into_sql_str();
        let prepared = connection.prepare(sql).await;
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
        running: &mut Running<MySql>,
        sql: &str,
        arguments: &[Argument],
        limits: Limits,
    ) -> Result<Rows, sqlx::Error> {
        let server = self.server.get_or_try_init(|| Server::of(running)).await?;
        let limit = server.time_limit(limits.timeout);
        let lock_seconds = limits.timeout.as_secs().max(1);
        let begin = format!(
            "SET SESSION {limit}, lock_wait_timeout = {lock_seconds}; \
             START TRANSACTION READ ONLY; SELECT CONNECTION_ID()"
        );
        let begun = running
            .fetch_all(sqlx::raw_sql(AssertSqlSafe(begin)))
            .await?;
        if let Some(row) = begun.first() {
            let id: u64 = row.try_get_unchecked(0)?;
            let options = self.pool.connect_options();
            running.ends_by(move || end_in_background(end_connection(options, id)));
        }
        // Prepared, so that the server itself refuses a second statement.
        let sql = AssertSqlSafe(sql.to_string()).into_sql_str();
        let statement = running.prepare(sql).await?;
        let columns = column_names(statement.columns());
        let query = statement.query_with(bind(arguments)?);
        let rows = query.fetch(&mut **running);
        let rows = read_rows(rows, columns, limits, decode_row).await?;
        if !rows.truncated {
            running.execute(sqlx::raw_sql(LEAVE_NOTHING)).await?;
        }
        Ok(rows)
    }

    /// A connection of an account that is proven to be unable to write.
    async fn connection(&self) -> Result<PoolConnection<MySql>, ToolError> {
        let acquired = self.pool.acquire().await;
        let connection = acquired.map_err(|error| self.error(error))?;
        let rights = async {
            let rights = async {
                let own = self.pool.connect_options().connect().await?;
                role::mysql::write_rights(own).await
            };
            rights.await.map_err(|error| self.error(error))
        };
        self.proof.hold(rights).await?;
        Ok(connection)
    }

    fn error(&self, error: sqlx::Error) -> ToolError {
        tool_error(&self.name, self.limits, error)
    }
}

/// The next statement finds the session as this one found it.
const LEAVE_NOTHING: &str = "ROLLBACK; DO RELEASE_ALL_LOCKS()";

/// Ends the connection, not only its statement: nobody will use it again, and
/// its number is never given to another. An account may end its own.
async fn end_connection(options: Arc<MySqlConnectOptions>, id: u64) -> Result<(), sqlx::Error> {
    let mut connection = options.connect().await?;
    let kill = sqlx::raw_sql(AssertSqlSafe(format!("KILL {id}")));
    connection.execute(kill).await?;
    connection.close().await
}

fn bind(arguments: &[Argument]) -> Result<MySqlArguments, sqlx::Error> {
    let mut bound = MySqlArguments::default();
    for argument in arguments {
        match argument.clone() {
            Argument::Text(value) => bound.add(value),
            Argument::Integer(value) => bound.add(value),
            Argument::Number(value) => bound.add(value),
            Argument::Boolean(value) => bound.add(value),
            // The session's time zone is UTC, which is what a DATETIME should hold.
            Argument::Time(value) => bound.add(value.map(|time| time.naive_utc())),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}

fn decode_row(row: &MySqlRow) -> Result<Vec<Value>, sqlx::Error> {
    (0..row.len()).map(|index| decode(row, index)).collect()
}

/// Numbers stay numbers, times become ISO 8601, bytes are not shown.
fn decode(row: &MySqlRow, index: usize) -> Result<Value, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    // A zero date counts as NULL too.
    if value.is_null() {
        return Ok(Value::Null);
    }
    let kind = value.type_info().into_owned();
    Ok(match kind.name() {
        // TINYINT(1), which is how both write BOOLEAN, and which may hold other numbers.
        "BOOLEAN" => match row.try_get_unchecked::<i8, _>(index)? {
            0 => false.into(),
            1 => true.into(),
            number => number.into(),
        },
        "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => {
            row.try_get_unchecked::<i64, _>(index)?.into()
        }
        "TINYINT UNSIGNED" | "SMALLINT UNSIGNED" | "MEDIUMINT UNSIGNED" | "INT UNSIGNED"
        | "BIGINT UNSIGNED" | "YEAR" | "BIT" => row.try_get_unchecked::<u64, _>(index)?.into(),
        "FLOAT" => shortest_number(row.try_get_unchecked::<f32, _>(index)?.to_string()),
        "DOUBLE" => shortest_number(row.try_get_unchecked::<f64, _>(index)?.to_string()),
        "DECIMAL" => exact_number(&row.try_get_unchecked::<String, _>(index)?),
        // A month or day of 0 is a date to these servers and to nobody else.
        "DATE" => match row.try_get_unchecked::<NaiveDate, _>(index) {
            Ok(date) => date.to_string().into(),
            Err(_) => "(date not shown)".into(),
        },
        kind @ ("DATETIME" | "TIMESTAMP") => {
            let utc = if kind == "TIMESTAMP" { "Z" } else { "" };
            match row.try_get_unchecked::<NaiveDateTime, _>(index) {
                Ok(time) => format!("{}{utc}", time.format("%Y-%m-%dT%H:%M:%S%.f")).into(),
                Err(_) => "(time not shown)".into(),
            }
        }
        "TIME" => time_text(row.try_get_unchecked::<MySqlTime, _>(index)?).into(),
        "JSON" => {
            let text = row.try_get_unchecked::<String, _>(index)?;
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" | "ENUM" | "SET" => {
            row.try_get_unchecked::<String, _>(index)?.into()
        }
        // Text whose collation ends in `_bin` has these types as well.
        kind @ ("BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB") => {
            let bytes: Vec<u8> = row.try_get_unchecked(index)?;
            match String::from_utf8(bytes) {
                Ok(text) if !text.contains(is_unprintable) => text.into(),
                _ => format!("({} not shown)", kind.to_lowercase()).into(),
            }
        }
        other => format!("({} not shown)", other.to_lowercase()).into(),
    })
}

/// `09:30:00`; also `-838:59:59`, for a TIME is a span to these servers.
fn time_text(time: MySqlTime) -> String {
    let text = time.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let pad = if digits.find(':') == Some(1) { "0" } else { "" };
    format!("{sign}{pad}{digits}")
}

fn is_unprintable(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limit_is_written_as_the_server_wants_it() {
        let limit = Duration::from_millis(1_500);
        let check = |server: Server, expected: &str| {
            assert_eq!(server.time_limit(limit), expected);
        };
        check(Server::MySql, "max_execution_time = 1500");
        check(Server::MariaDb, "max_statement_time = 1.500");
    }
}
