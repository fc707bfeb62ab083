//! What a PostgreSQL role could do beyond reading.
//!
//! Rights count that come through PUBLIC, through membership in another role
//! (inherited or by SET ROLE), or through ownership.

use super::WriteRight;
use sqlx::{PgConnection, Row};

/// Every write right of the connected role; empty where it can only read.
pub async fn write_rights(connection: &mut PgConnection) -> Result<Vec<WriteRight>, sqlx::Error> {
    let rows = sqlx::query(WRITE_RIGHTS).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            Ok(WriteRight {
                right: row.try_get(0)?,
                remedy: row.try_get(1)?,
            })
        })
        .collect()
}

// `mine` holds the roles whose rights the connected role has or can take on;
// oid 0 stands for PUBLIC in access lists. A superuser is a member of every
// role, so that nothing but the attribute is reported for one.
const WRITE_RIGHTS: &str = r#"
WITH me AS (
    SELECT oid, rolname, rolsuper FROM pg_roles WHERE rolname = current_user
), mine AS (
    SELECT r.oid, r.rolname FROM pg_roles r, me
    WHERE r.oid = me.oid OR (NOT me.rolsuper AND pg_has_role(me.oid, r.oid, 'MEMBER'))
), grantees AS (
    SELECT oid, quote_ident(rolname) AS name FROM mine
    UNION ALL SELECT 0::oid, 'PUBLIC'
), objects AS (
    SELECT c.oid, c.relkind, c.relowner, c.relacl,
           CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view'
                WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
           format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
), found(place, right_text, remedy) AS (
    SELECT 1, format('attribute %s of role %s', upper(a.attribute), quote_ident(r.rolname)),
           format('ALTER ROLE %I NO%s', r.rolname, upper(a.attribute))
    FROM pg_roles r JOIN mine USING (oid)
    CROSS JOIN LATERAL (VALUES ('superuser', r.rolsuper), ('createdb', r.rolcreatedb),
        ('createrole', r.rolcreaterole), ('replication', r.rolreplication),
        ('bypassrls', r.rolbypassrls)) AS a(attribute, has)
    WHERE a.has AND (a.attribute = 'superuser' OR NOT (SELECT rolsuper FROM me))
  UNION ALL
    SELECT 2, format('membership in %s', r.rolname), format('REVOKE %I FROM %I', r.rolname, me.rolname)
    FROM mine r, me
    WHERE r.rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_read_server_files',
        'pg_execute_server_program', 'pg_signal_backend', 'pg_checkpoint', 'pg_maintain',
        'pg_create_subscription')
  UNION ALL
    SELECT 3, format('ownership of %s %s', o.kind, o.name),
           format('ALTER %s %s OWNER TO another_role', upper(o.kind), o.name)
    FROM objects o JOIN mine ON mine.oid = o.relowner
    WHERE NOT (SELECT rolsuper FROM me)
  UNION ALL
    SELECT 4, format('%s on %s %s', string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type), o.kind, o.name),
           format('REVOKE %s ON %s%s FROM %s', string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type),
                  CASE o.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END, o.name, g.name)
    FROM objects o
    CROSS JOIN LATERAL aclexplode(o.relacl) a JOIN grantees g ON g.oid = a.grantee
    WHERE a.grantee <> o.relowner AND CASE o.relkind
        WHEN 'S' THEN a.privilege_type IN ('USAGE', 'UPDATE')
        ELSE a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN') END
    GROUP BY o.kind, o.relkind, o.name, g.name
  UNION ALL
    SELECT 5, format('%s on column %I of %s', a.privilege_type, t.attname, o.name),
           format('REVOKE %s (%I) ON %s FROM %s', a.privilege_type, t.attname, o.name, g.name)
    FROM objects o JOIN pg_attribute t ON t.attrelid = o.oid
    CROSS JOIN LATERAL aclexplode(t.attacl) a JOIN grantees g ON g.oid = a.grantee
    WHERE a.privilege_type IN ('INSERT', 'UPDATE', 'REFERENCES')
  UNION ALL
    SELECT 6, format('CREATE in schema %I', n.nspname),
           CASE WHEN a.grantee = n.nspowner THEN format('ALTER SCHEMA %I OWNER TO another_role', n.nspname)
                ELSE format('REVOKE CREATE ON SCHEMA %I FROM %s', n.nspname, g.name) END
    FROM pg_namespace n
    CROSS JOIN LATERAL aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
    JOIN grantees g ON g.oid = a.grantee
    WHERE a.privilege_type = 'CREATE' AND n.nspname !~ '^pg_(toast|temp)' AND NOT (SELECT rolsuper FROM me)
  UNION ALL
    SELECT 7, format('%s on database %I', a.privilege_type, d.datname),
           CASE WHEN a.grantee = d.datdba THEN format('ALTER DATABASE %I OWNER TO another_role', d.datname)
                ELSE format('REVOKE %s ON DATABASE %I FROM %s', a.privilege_type, d.datname, g.name) END
    FROM pg_database d
    CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
    JOIN grantees g ON g.oid = a.grantee
    WHERE d.datname = current_database() AND a.privilege_type IN ('CREATE', 'TEMPORARY')
      AND NOT (SELECT rolsuper FROM me)
  UNION ALL
    SELECT 8, format('EXECUTE on %s, which runs with the rights of its owner', p.oid::regprocedure),
           format('REVOKE EXECUTE ON FUNCTION %s FROM %s', p.oid::regprocedure, g.name)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    JOIN grantees g ON g.oid = a.grantee
    WHERE p.prosecdef AND a.privilege_type = 'EXECUTE'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND NOT (SELECT rolsuper FROM me)
  UNION ALL
    SELECT 9, format('UPDATE on large object %s', l.oid),
           format('REVOKE UPDATE ON LARGE OBJECT %s FROM %s', l.oid, g.name)
    FROM pg_largeobject_metadata l
    CROSS JOIN LATERAL aclexplode(coalesce(l.lomacl, acldefault('L', l.lomowner))) a
    JOIN grantees g ON g.oid = a.grantee
    WHERE a.privilege_type = 'UPDATE' AND NOT (SELECT rolsuper FROM me)
)
SELECT DISTINCT ON (place, right_text, remedy) right_text, remedy FROM found ORDER BY place, right_text, remedy
"#;
