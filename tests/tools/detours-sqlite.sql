-- The same for SQLite.

SELECT 'DELETE FROM spy; COMMIT'

SELECT 'it''s; DELETE FROM spy'

SELECT 1 AS "; DELETE FROM spy; --"

SELECT 1 AS [; DELETE FROM spy]

SELECT 1 AS `a``; DELETE FROM spy`

SELECT 1 -- ; DELETE FROM spy

SELECT 1 /* ; DELETE FROM spy */

SELECT x'3b44454c455445', char(59), unhex('3b')

SELECT * FROM spy_trap

SELECT * FROM spy_file

SELECT * FROM spy_shadow

EXPLAIN SELECT * FROM spy

EXPLAIN QUERY PLAN SELECT * FROM spy_trap

WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r

SELECT count(*) FROM spy a, spy b, spy c, spy d

SELECT hex(quote(printf('%.1000000c', 'x')))

SELECT printf('%.100000000c', 'x')

SELECT replace(printf('%.100000c', 'x'), 'x', printf('%.100000c', 'y'))

SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' GLOB '*a*a*a*a*a*a*a*a*a*a*b'

SELECT sql FROM sqlite_master

SELECT json_extract('{"a": 1}', '$.a'), value FROM json_each('[1]')

SELECT snippet(spy) FROM spy

SELECT rowid, _rowid_, oid FROM spy

SELECT id FROM spy WHERE note MATCH 'one'

VALUES (1, '; DELETE FROM spy')
