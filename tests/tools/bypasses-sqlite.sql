-- The same for SQLite.

INSERT INTO spy VALUES (99, 'in')
--> is INSERT

REPLACE INTO spy VALUES (1, 'in')
--> is INSERT

UPDATE spy SET note = 'pwned'
--> is UPDATE

DELETE FROM spy
--> is DELETE

DROP TABLE spy
--> is DROP TABLE

CREATE TABLE loot AS SELECT * FROM spy
--> is CREATE TABLE

CREATE TEMP TABLE loot (id)
--> is CREATE TABLE

CREATE VIRTUAL TABLE loot USING fts5(x)
--> is CREATE VIRTUAL TABLE

CREATE TRIGGER t AFTER INSERT ON spy BEGIN DELETE FROM spy; END
--> more than one statement

ALTER TABLE spy ADD COLUMN x
--> is ALTER TABLE

ATTACH DATABASE '/tmp/lorekeeper-spy.db' AS loot
--> is ATTACH

DETACH main
--> is DETACH

VACUUM
--> is VACUUM

VACUUM INTO '/tmp/lorekeeper-spy.db'
--> is VACUUM

PRAGMA query_only = off
--> is PRAGMA

PRAGMA journal_mode = DELETE
--> is PRAGMA

PRAGMA writable_schema = 1
--> is PRAGMA

REINDEX
--> is REINDEX

ANALYZE
--> is ANALYZE

BEGIN EXCLUSIVE
--> is BEGIN

COMMIT
--> is COMMIT

SAVEPOINT s
--> is SAVEPOINT

SELECT 1; DELETE FROM spy
--> more than one statement

SELECT 1;/**/;DROP TABLE spy
--> more than one statement

SELECT 1 /* ; */ ; UPDATE spy SET note = 'x' -- ;
--> more than one statement

SELECT [;] FROM (SELECT 1 AS [;]); DELETE FROM spy
--> more than one statement

EXPLAIN DELETE FROM spy
--> is DELETE

EXPLAIN QUERY PLAN UPDATE spy SET note = 'x'
--> is UPDATE

WITH x AS (SELECT 1) DELETE FROM spy
--> is DELETE

WITH x AS (SELECT 1) INSERT INTO spy SELECT * FROM x
--> is INSERT

SELECT load_extension('/tmp/lorekeeper-spy')
--> calls `load_extension`

SELECT "load_extension"('/tmp/lorekeeper-spy')
--> calls `load_extension`

SELECT [load_extension]('/tmp/lorekeeper-spy')
--> calls `load_extension`

SELECT LOAD_EXTENSION /* x */ ('/tmp/lorekeeper-spy')
--> calls `load_extension`

SELECT readfile('/etc/passwd')
--> calls `readfile`

SELECT writefile('/tmp/lorekeeper-spy', 'x')
--> calls `writefile`

SELECT edit('x', 'touch /tmp/lorekeeper-spy')
--> calls `edit`

SELECT fts3_tokenizer('simple', x'4141414141414141')
--> calls `fts3_tokenizer`

SELECT upper(lower(readfile('/etc/passwd')))
--> calls `readfile`

SELECT id FROM spy ORDER BY readfile('/etc/passwd')
--> calls `readfile`

SELECT sum(id) FILTER (WHERE readfile('/etc/passwd')) FROM spy
--> calls `readfile`

SELECT rank() OVER (ORDER BY readfile('/etc/passwd')) FROM spy
--> calls `readfile`

SELECT sum(id) OVER w FROM spy WINDOW w AS (PARTITION BY readfile('x'))
--> calls `readfile`

SELECT CASE WHEN readfile('x') THEN 1 END
--> calls `readfile`

SELECT 1 LIMIT readfile('x')
--> calls `readfile`

SELECT 1 IN (SELECT readfile('x'))
--> calls `readfile`

VALUES (readfile('x'))
--> calls `readfile`

SELECT * FROM spy JOIN json_each(readfile('x')) j ON 1
--> calls `readfile`

SELECT 'a' LIKE 'b' ESCAPE readfile('x')
--> calls `readfile`

SELECT * FROM pragma_database_list
--> tells of the database file

SELECT * FROM pragma_table_info('spy')
--> calls `pragma_table_info`

SELECT * FROM sqlite_dbpage
--> tells of the database file

SELECT * FROM fsdir('/etc')
--> calls `fsdir`

SELECT zeroblob(1000000000)
--> calls `zeroblob`

SELECT RAISE(ABORT, 'x')
--> calls RAISE

not sql at all
--> can't be parsed

SELECT 'unclosed
--> can't be parsed

SELECT 'a\'; DELETE FROM spy; --'
--> more than one statement

SELECT `;` FROM (SELECT 1 AS `;`); UPDATE spy SET note = 'x'
--> more than one statement

SELECT 1 /* unclosed ; */; DELETE FROM spy; /*
--> more than one statement

ROLLBACK
--> is ROLLBACK

RELEASE s
--> is RELEASE

PRAGMA table_info(spy)
--> is PRAGMA

PRAGMA main.wal_checkpoint(TRUNCATE)
--> is PRAGMA

CREATE VIEW loot AS SELECT * FROM spy
--> is CREATE VIEW

CREATE INDEX i ON spy (note)
--> is CREATE INDEX

DROP VIEW IF EXISTS spy_trap
--> is DROP VIEW

UPDATE spy SET note = 'x' RETURNING id
--> is UPDATE

INSERT INTO spy SELECT id + 10, note FROM spy
--> is INSERT

INSERT OR REPLACE INTO spy VALUES (1, 'x') ON CONFLICT DO NOTHING
--> is INSERT

WITH RECURSIVE x(n) AS (SELECT 1) UPDATE spy SET note = 'x'
--> is UPDATE

SELECT * FROM spy WHERE load_extension('x') IS NULL
--> calls `load_extension`

SELECT `load_extension`('/tmp/lorekeeper-spy')
--> calls `load_extension`

SELECT count(*) FROM spy GROUP BY readfile('x')
--> calls `readfile`

SELECT count(*) FROM spy HAVING readfile('x')
--> calls `readfile`

SELECT 1 BETWEEN 0 AND readfile('x')
--> calls `readfile`

SELECT group_concat(note, readfile('x')) FROM spy
--> calls `readfile`

SELECT id FROM spy UNION ALL SELECT readfile('x')
--> calls `readfile`

SELECT CAST(readfile('x') AS TEXT) COLLATE NOCASE
--> calls `readfile`

SELECT * FROM generate_series(1, 10)
--> calls `generate_series`

SELECT * FROM csv('/etc/passwd')
--> calls `csv`

SELECT sqlite_compileoption_get(1)
--> calls `sqlite_compileoption_get`

SELECT total_changes(), last_insert_rowid()
--> calls `total_changes`

SELECT randomblob(1000000000)
--> calls `randomblob`
