-- Statements that pass the gate as it judges those of the company's own
-- people, and must have no effect in the read-only session of a reader.

SELECT 'DELETE FROM spy; COMMIT'

SELECT E'\'; DELETE FROM spy; --'

SELECT $$; DELETE FROM spy; $$

SELECT $a$b$$; DELETE FROM spy$a$

SELECT U&'\003B DELETE FROM spy'

SELECT 1 AS "; DELETE FROM spy; --"

SELECT 1 AS U&"\003B DELETE FROM spy"

/* /* ; */ DELETE FROM spy */ SELECT 1

SELECT 1 -- ; DELETE FROM spy

SELECT B'101', X'3B44454C455445'

SELECT convert_from('\x3b44454c45544520', 'UTF8') || chr(59)

SELECT format('%I; DELETE FROM spy', note) FROM spy

SELECT spy_write()

SELECT public.spy_write() FROM generate_series(1, 3)

SELECT (SELECT "spy_write"())

SELECT upper(coalesce(NULL, spy_write()::text))

SELECT * FROM spy_write()

SELECT * FROM ROWS FROM (spy_write(), generate_series(1, 2)) x

SELECT * FROM spy_trap

SELECT * FROM spy WHERE spy_write() IS NULL

SELECT 1 @+@ 2

SELECT 1 OPERATOR(public.@+@) 2

SELECT ('x'::spy_checked)

SELECT spy_sum(id) FROM spy

EXPLAIN ANALYZE SELECT spy_write()

EXPLAIN ANALYZE SELECT * FROM spy_trap

WITH x AS MATERIALIZED (SELECT spy_write()) SELECT 1

WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r

SELECT count(*) FROM generate_series(1, 1000000000000)

SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b

SELECT repeat('x', 50000000)

SELECT repeat('a', 40) ~ '^(a+)+$'

SELECT string_agg(repeat('x', 10000), '') FROM generate_series(1, 1000)

SELECT * FROM pg_shadow

SELECT rolname, rolpassword FROM pg_authid

SELECT * FROM pg_stat_activity

SELECT * FROM pg_settings

SHOW ALL

SELECT current_setting('transaction_read_only')

SELECT xmlparse(document '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>')

SELECT 'spy'::regclass::oid, pg_relation_filepath('spy')

SELECT * FROM spy TABLESAMPLE system (50)

SELECT json_populate_record(NULL::spy, '{"id": 1}')

SELECT jsonb_path_query('{"a": 1}', '$.a')

SELECT id, sum(id) OVER (ORDER BY id) FROM spy_view

SELECT lower('X'), pg_catalog.lower('X'), public.lower('X')

SELECT now() FROM pg_temp.spy

SELECT * FROM elsewhere.public.spy

SELECT * FROM crosstab('SELECT note, note, id FROM spy') AS c(a text)

SELECT array_agg(s) FROM spy s, LATERAL (SELECT spy_write()) w
