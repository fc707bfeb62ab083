//! The catalogue of MySQL and MariaDB, which shows what the account may read.

use super::Statements;

pub(super) const STATEMENTS: Statements = Statements {
    columns: COLUMNS,
    references: REFERENCES,
    // The statements leave out the name of the database that is connected to.
    usual: "",
};

const COLUMNS: &str = "
SELECT IF(c.table_schema = DATABASE(), '', c.table_schema), c.table_name,
    IF(t.table_type LIKE '%VIEW', 'view', 'table'),
    IF(t.table_type LIKE '%VIEW', '', t.table_comment),
    c.column_name, CAST(c.column_type AS CHAR), c.column_comment,
    IF(c.column_key = 'PRI', 1, 0), NULL
FROM information_schema.columns c
JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
    AND t.table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
    AND FIND_IN_SET('select', c.privileges) > 0
ORDER BY c.table_schema, c.table_name, c.ordinal_position";

const REFERENCES: &str = "
SELECT IF(k.table_schema = DATABASE(), '', k.table_schema), k.table_name, k.column_name,
    IF(k.referenced_table_schema = DATABASE(), '', k.referenced_table_schema),
    k.referenced_table_name, k.referenced_column_name
FROM information_schema.key_column_usage k
WHERE k.referenced_table_name IS NOT NULL
    AND k.table_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position";
