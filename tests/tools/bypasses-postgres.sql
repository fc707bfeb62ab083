-- Statements that must not pass the gate, and must have no effect where they
-- reach the server all the same. Under each: a part of the reason.

INSERT INTO spy VALUES (99, 'in')
--> is INSERT

UPDATE spy SET note = 'pwned'
--> is UPDATE

DELETE FROM spy
--> is DELETE

TRUNCATE spy
--> is TRUNCATE

MERGE INTO spy USING (SELECT 1 AS id) s ON spy.id = s.id WHEN MATCHED THEN DELETE
--> is MERGE

DROP TABLE spy
--> is DROP

CREATE TABLE loot AS SELECT * FROM spy
--> is CREATE TABLE AS

CREATE TEMP TABLE loot (id int)
--> is CREATE

SELECT * INTO loot FROM spy
--> INTO a table

SELECT * INTO TEMP loot FROM spy
--> INTO a table

SELECT 1 UNION SELECT id FROM (SELECT 1 AS id) x; DELETE FROM spy
--> more than one statement

SELECT 1; COMMIT; DELETE FROM spy
--> more than one statement

SELECT 1;;;UPDATE spy SET note = 'x'
--> more than one statement

SELECT 1 /* ; */ ; /* */ DROP TABLE spy -- ;
--> more than one statement

COMMIT
--> a transaction command

ROLLBACK; DELETE FROM spy
--> more than one statement

SET TRANSACTION READ WRITE
--> is SET

SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
--> is SET

SET ROLE postgres
--> is SET

RESET ALL
--> is SET

WITH gone AS (DELETE FROM spy RETURNING *) SELECT * FROM gone
--> has in its WITH clause DELETE

SELECT * FROM (WITH x AS (UPDATE spy SET note = 'x' RETURNING id) SELECT * FROM x) y
--> has in its WITH clause UPDATE

WITH a AS (SELECT 1), b AS (INSERT INTO spy VALUES (98, 'b') RETURNING id) SELECT 1
--> has in its WITH clause INSERT

SELECT (WITH x AS (DELETE FROM spy RETURNING 1) SELECT count(*) FROM x)
--> has in its WITH clause DELETE

SELECT * FROM spy FOR UPDATE
--> locks rows

SELECT * FROM spy FOR NO KEY UPDATE SKIP LOCKED
--> locks rows

SELECT * FROM (SELECT * FROM spy FOR SHARE) s
--> locks rows

SELECT id FROM spy WHERE id IN (SELECT id FROM spy FOR KEY SHARE)
--> locks rows

COPY spy TO '/tmp/lorekeeper-spy'
--> is COPY

COPY spy TO PROGRAM 'touch /tmp/lorekeeper-spy'
--> is COPY

COPY spy FROM '/etc/passwd'
--> is COPY

COPY (SELECT * FROM spy) TO STDOUT
--> is COPY

DO $$ BEGIN DELETE FROM spy; END $$
--> is DO

CALL spy_procedure()
--> is CALL

EXPLAIN ANALYZE DELETE FROM spy
--> explains DELETE

EXPLAIN (ANALYZE, FORMAT JSON) UPDATE spy SET note = 'x'
--> explains UPDATE

EXPLAIN ANALYZE CREATE TABLE loot AS SELECT 1
--> explains CREATE TABLE AS

EXPLAIN ANALYZE WITH x AS (DELETE FROM spy RETURNING 1) SELECT 1
--> has in its WITH clause DELETE

PREPARE p AS DELETE FROM spy
--> is PREPARE

EXECUTE p
--> is EXECUTE

EXPLAIN ANALYZE EXECUTE p
--> explains EXECUTE

DECLARE c CURSOR WITH HOLD FOR SELECT * FROM spy
--> is DECLARE CURSOR

LOCK TABLE spy IN ACCESS EXCLUSIVE MODE
--> is LOCK

LISTEN spies
--> is LISTEN

NOTIFY spies, 'hello'
--> is NOTIFY

VACUUM spy
--> is VACUUM

REFRESH MATERIALIZED VIEW spy_view
--> is REFRESH

GRANT ALL ON spy TO PUBLIC
--> is GRANT

ALTER SYSTEM SET log_statement = 'all'
--> is ALTER SYSTEM

LOAD 'auto_explain'
--> is LOAD

CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
--> is CREATE FUNCTION

COMMENT ON TABLE spy IS 'x'
--> is COMMENT

CHECKPOINT
--> is CHECK POINT

DISCARD ALL
--> is DISCARD

SELECT pg_read_file('/etc/passwd')
--> calls `pg_read_file`, which reads or writes the server's files

SELECT pg_catalog.pg_read_file('/etc/passwd')
--> calls `pg_read_file`

SELECT "pg_read_file"('/etc/passwd')
--> calls `pg_read_file`

SELECT PG_READ_FILE('/etc/passwd')
--> calls `pg_read_file`

SELECT pg_read_file /* a */ -- b
 ('/etc/passwd')
--> calls `pg_read_file`

SELECT U&"pg\005fread\005ffile"('/etc/passwd')
--> calls `pg_read_file`

SELECT U&"pg!005fread_file" UESCAPE '!' ('/etc/passwd')
--> calls `pg_read_file`

SELECT x.pg_read_file FROM unnest(ARRAY['PG_VERSION']) x
--> calls `pg_read_file` as a column

SELECT (x).pg_read_file FROM unnest(ARRAY['PG_VERSION']) x
--> calls `pg_read_file` as a column

SELECT ('PG_VERSION'::text).pg_read_file
--> calls `pg_read_file` as a column

SELECT x.pg_sleep FROM unnest(ARRAY[0.1::float8]) x
--> calls `pg_sleep` as a column

SELECT upper(lower(coalesce(NULL, pg_read_file('/etc/passwd'))))
--> calls `pg_read_file`

SELECT id FROM spy ORDER BY pg_read_file('/etc/passwd')
--> calls `pg_read_file`

SELECT id FROM spy LIMIT (SELECT length(pg_read_file('/etc/passwd')))
--> calls `pg_read_file`

SELECT sum(id) FILTER (WHERE pg_read_file('/etc/passwd') IS NULL) FROM spy
--> calls `pg_read_file`

SELECT rank() OVER (PARTITION BY pg_read_file('/etc/passwd')) FROM spy
--> calls `pg_read_file`

SELECT rank() OVER w FROM spy WINDOW w AS (ORDER BY pg_read_file('/etc/passwd'))
--> calls `pg_read_file`

SELECT DISTINCT ON (pg_read_file('/etc/passwd')) id FROM spy
--> calls `pg_read_file`

SELECT id FROM spy GROUP BY id, GROUPING SETS ((pg_read_file('/etc/passwd')))
--> calls `pg_read_file`

SELECT string_agg(note, ',' ORDER BY pg_read_file('/etc/passwd')) FROM spy
--> calls `pg_read_file`

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY length(pg_read_file('/etc/passwd'))) FROM spy
--> calls `pg_read_file`

SELECT CASE WHEN true THEN pg_read_file('/etc/passwd') END
--> calls `pg_read_file`

SELECT ARRAY[pg_read_file('/etc/passwd')]
--> calls `pg_read_file`

SELECT (ARRAY['a'])[length(pg_read_file('/etc/passwd'))]
--> calls `pg_read_file`

SELECT ROW(pg_read_file('/etc/passwd'))
--> calls `pg_read_file`

SELECT * FROM ROWS FROM (generate_series(1, 2), pg_ls_dir('.')) x
--> calls `pg_ls_dir`

SELECT * FROM spy, LATERAL pg_ls_dir('.') f
--> calls `pg_ls_dir`

SELECT * FROM spy JOIN generate_series(1, 2) g ON pg_read_file('/etc/passwd') IS NULL
--> calls `pg_read_file`

SELECT * FROM spy TABLESAMPLE bernoulli (length(pg_read_file('/etc/passwd')))
--> calls `pg_read_file`

VALUES (pg_read_file('/etc/passwd'))
--> calls `pg_read_file`

SELECT xmlelement(name x, pg_read_file('/etc/passwd'))
--> calls `pg_read_file`

SELECT * FROM xmltable('/a' PASSING xmlparse(document pg_read_file('/etc/passwd')) COLUMNS x text)
--> calls `pg_read_file`

SELECT EXISTS (SELECT pg_read_file('/etc/passwd'))
--> calls `pg_read_file`

SELECT 1 = ANY (SELECT length(pg_read_file('/etc/passwd')))
--> calls `pg_read_file`

SELECT make_interval(secs => length(pg_read_file('/etc/passwd')))
--> calls `pg_read_file`

WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + length(pg_read_file('/etc/passwd')) FROM r) SELECT * FROM r
--> calls `pg_read_file`

SELECT pg_read_binary_file('/etc/passwd')
--> the server's files

SELECT pg_stat_file('/etc/passwd')
--> the server's files

SELECT * FROM pg_hba_file_rules()
--> the server's files

SELECT lo_import('/etc/passwd')
--> works on large objects

SELECT lo_export(1, '/tmp/lorekeeper-spy')
--> works on large objects

SELECT lo_create(4711)
--> works on large objects

SELECT lo_from_bytea(0, 'x')
--> works on large objects

SELECT nextval('spy_seq')
--> belongs to sequences

SELECT setval('spy_seq', 4711)
--> belongs to sequences

SELECT set_config('transaction_read_only', 'off', false)
--> changes a setting

SELECT set_config('statement_timeout', '0', false)
--> changes a setting

SELECT pg_sleep(30)
--> waits on purpose

SELECT pg_sleep_for('30 seconds')
--> waits on purpose

SELECT pg_advisory_lock(4711)
--> locks

SELECT pg_try_advisory_lock(4711)
--> locks

SELECT pg_notify('spies', 'hello')
--> sends a message

SELECT pg_terminate_backend(pid) FROM pg_stat_activity
--> is a system function that is not known

SELECT pg_cancel_backend(1)
--> is a system function that is not known

SELECT pg_reload_conf()
--> is a system function that is not known

SELECT pg_switch_wal()
--> is a system function that is not known

SELECT pg_create_restore_point('x')
--> is a system function that is not known

SELECT pg_drop_replication_slot('x')
--> is a system function that is not known

SELECT pg_a_function_of_a_later_server()
--> is a system function that is not known

SELECT pg_logical_emit_message(false, 'x', 'y')
--> replication

SELECT pg_stat_reset()
--> statistics

SELECT txid_current()
--> takes a transaction number

SELECT query_to_xml('DELETE FROM spy', true, true, '')
--> runs SQL that is given to it as text

SELECT table_to_xml('spy', true, true, '')
--> runs SQL that is given to it as text

SELECT database_to_xml(true, true, '')
--> runs SQL that is given to it as text

SELECT * FROM ts_stat('DELETE FROM spy RETURNING to_tsvector(note)')
--> gives SQL to `ts_stat` that is DELETE

SELECT ts_rewrite('a', 'SELECT to_tsquery(pg_read_file(''/etc/passwd'')), to_tsquery(''b'')')
--> gives SQL to `ts_rewrite` that calls `pg_read_file`

SELECT ts_rewrite('a', 'DELETE FROM ' || 'spy')
--> is not a plain string

SELECT * FROM dblink('dbname=postgres', 'DELETE FROM spy') AS t(a int)
--> reaches another server

SELECT dblink_exec('dbname=postgres', 'DELETE FROM spy')
--> reaches another server

SELECT cron.schedule('* * * * *', 'DELETE FROM spy')
--> acts outside the query

SELECT brin_summarize_new_values('spy_pkey')
--> the inside of indexes

TABLE spy; TABLE spy
--> more than one statement

not sql at all
--> can't be parsed

SELECT 'unclosed
--> can't be parsed

SELECT 'a\'; DELETE FROM spy; --'
--> more than one statement

SELECT $a$;$a$; DELETE FROM spy
--> more than one statement

/* /* */ */ DELETE FROM spy
--> is DELETE

SELECT U&'\0041'; DELETE FROM spy
--> more than one statement

START TRANSACTION READ WRITE
--> a transaction command

PREPARE TRANSACTION 'x'
--> a transaction command

SAVEPOINT s
--> a transaction command

SET search_path TO pg_temp, public
--> is SET

SET SESSION AUTHORIZATION postgres
--> is SET

CREATE EXTENSION dblink
--> is CREATE EXTENSION

CREATE RULE r AS ON SELECT TO spy DO INSTEAD SELECT 1
--> is RULE

CREATE TRIGGER t AFTER INSERT ON spy EXECUTE FUNCTION spy_trap()
--> is CREATE TRIG

CREATE OR REPLACE VIEW spy_other AS SELECT 1
--> is VIEW

ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC
--> is ALTER DEFAULT PRIVILEGES

REASSIGN OWNED BY postgres TO CURRENT_USER
--> is REASSIGN OWNED

REINDEX TABLE spy
--> is REINDEX

ANALYZE spy
--> is VACUUM

FETCH ALL FROM c
--> is FETCH

EXPLAIN ANALYZE SELECT nextval('spy_seq')
--> belongs to sequences

EXPLAIN ANALYZE INSERT INTO spy SELECT 97, 'x' FROM spy
--> explains INSERT

EXPLAIN (ANALYZE) DECLARE c CURSOR FOR SELECT 1
--> explains DECLARE CURSOR

SELECT * FROM (VALUES (nextval('spy_seq'))) v
--> belongs to sequences

SELECT lastval()
--> belongs to sequences

SELECT pg_advisory_xact_lock_shared(1)
--> locks

SELECT setseed(0.5)
--> changes a setting

SELECT pg_create_logical_replication_slot('x', 'test_decoding')
--> is a system function that is not known

SELECT pg_replication_origin_create('x')
--> replication

SELECT pg_promote()
--> is a system function that is not known

SELECT pg_rotate_logfile()
--> is a system function that is not known

SELECT pg_log_backend_memory_contexts(pg_backend_pid())
--> is a system function that is not known

SELECT pg_import_system_collations('public')
--> is a system function that is not known

SELECT pg_export_snapshot()
--> acts on the server

SELECT pg_file_write('/tmp/lorekeeper-spy', 'x', false)
--> the server's files

SELECT lo_put(4711, 0, 'x')
--> works on large objects

SELECT lo_unlink(oid) FROM pg_largeobject_metadata
--> works on large objects

SELECT concat(VARIADIC ARRAY[pg_read_file('/etc/passwd')])
--> calls `pg_read_file`

SELECT id FROM spy OFFSET length(pg_read_file('/etc/passwd'))
--> calls `pg_read_file`

SELECT id FROM spy FETCH FIRST (length(pg_read_file('/etc/passwd'))) ROWS ONLY
--> calls `pg_read_file`

SELECT count(*) FROM spy GROUP BY CUBE (pg_read_file('/etc/passwd'))
--> calls `pg_read_file`

SELECT count(*) FROM spy HAVING pg_read_file('/etc/passwd') IS NULL
--> calls `pg_read_file`

SELECT sum(id) OVER (ORDER BY id ROWS length(pg_read_file('/etc/passwd')) PRECEDING) FROM spy
--> calls `pg_read_file`

SELECT json_object('a' : pg_read_file('/etc/passwd'))
--> calls `pg_read_file`

SELECT (CAST(ROW(pg_read_file('/etc/passwd')) AS record)) IS NOT DISTINCT FROM ROW(1)
--> calls `pg_read_file`

SELECT pg_read_file('/etc/passwd') COLLATE "C" || 'x' AT TIME ZONE 'UTC'
--> calls `pg_read_file`

TABLE spy UNION ALL SELECT id, pg_read_file('/etc/passwd') FROM spy
--> calls `pg_read_file`

SELECT xmlserialize(content query_to_xml('DELETE FROM spy', true, true, '') AS text)
--> runs SQL that is given to it as text
