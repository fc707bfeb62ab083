//! SQLite's catalogue. It keeps no comments.

use super::Statements;

pub(super) const STATEMENTS: Statements = Statements {
    columns: COLUMNS,
    references: REFERENCES,
    usual: "main",
};

const COLUMNS: &str = r"
SELECT '', t.name, t.type, NULL, c.name, lower(c.type), NULL, c.pk, NULL
FROM sqlite_schema t JOIN pragma_table_info(t.name) c
WHERE t.type IN ('table', 'view') AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'
ORDER BY t.name, c.cid";

const REFERENCES: &str = r#"
SELECT '', t.name, f."from", '', f."table", f."to"
FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
WHERE t.type = 'table'
ORDER BY t.name, f.id, f.seq"#;
