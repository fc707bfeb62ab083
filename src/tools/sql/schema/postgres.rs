//! PostgreSQL's catalogue.

use super::Statements;

pub(super) const STATEMENTS: Statements = Statements {
    columns: COLUMNS,
    references: REFERENCES,
    usual: "public",
};

// Partitions are parts of a table, not tables that anybody asks for.
const COLUMNS: &str = "
SELECT n.nspname, c.relname,
    CASE WHEN c.relkind IN ('v', 'm') THEN 'view' ELSE 'table' END,
    obj_description(c.oid, 'pg_class'),
    a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum),
    coalesce(array_position(k.conkey, a.attnum), 0),
    (SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = a.atttypid)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND has_schema_privilege(n.oid, 'USAGE')
    AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY n.nspname, c.relname, a.attnum";

const REFERENCES: &str = "
SELECT n.nspname, c.relname, a.attname, fn.nspname, f.relname, fa.attname
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class f ON f.oid = k.confrelid
JOIN pg_namespace fn ON fn.oid = f.relnamespace
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS pair(own, theirs, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = pair.own
JOIN pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = pair.theirs
WHERE k.contype = 'f' AND NOT c.relispartition
ORDER BY n.nspname, c.relname, k.conname, pair.place";
