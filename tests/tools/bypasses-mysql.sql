-- The same for MySQL and MariaDB.

INSERT INTO spy VALUES (99, 'in')
--> is INSERT

REPLACE INTO spy VALUES (1, 'in')
--> is REPLACE

INSERT INTO spy VALUES (99, 'in') RETURNING id
--> is INSERT

UPDATE spy SET note = 'pwned'
--> is UPDATE

UPDATE spy, spy AS s SET spy.note = 'pwned' WHERE spy.id = s.id
--> is UPDATE

DELETE FROM spy
--> is DELETE

DELETE spy FROM spy JOIN spy AS s USING (id)
--> is DELETE

TRUNCATE TABLE spy
--> is TRUNCATE

DROP TABLE spy
--> is DROP

CREATE TABLE loot AS SELECT * FROM spy
--> is CREATE

CREATE TEMPORARY TABLE loot (id int)
--> is CREATE

ALTER TABLE spy ADD COLUMN x int
--> is ALTER

RENAME TABLE spy TO loot
--> is RENAME

LOAD DATA INFILE '/etc/passwd' INTO TABLE spy
--> is LOAD

LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE spy
--> is LOAD

SELECT 1; DELETE FROM spy
--> more than one statement

SELECT 1;;;UPDATE spy SET note = 'x'
--> more than one statement

SELECT 1 /* ; */ ; DROP TABLE spy # ;
--> more than one statement

SELECT 'a\\'; DELETE FROM spy; -- '
--> more than one statement

SELECT "a\"" ; DELETE FROM spy
--> more than one statement

SELECT `a\`; DELETE FROM spy
--> more than one statement

SELECT 1 --; DELETE FROM spy
--> more than one statement

COMMIT
--> is COMMIT

START TRANSACTION READ WRITE
--> is START

SET SESSION TRANSACTION READ WRITE
--> is SET

SET STATEMENT max_statement_time = 0 FOR SELECT 1
--> is SET

SET ROLE ALL
--> is SET

SET PASSWORD = ''
--> is SET

DO SLEEP(5)
--> is DO

CALL spy_procedure()
--> is CALL

HANDLER spy OPEN
--> is HANDLER

PREPARE p FROM 'DELETE FROM spy'
--> is PREPARE

EXECUTE IMMEDIATE 'DELETE FROM spy'
--> is EXECUTE

SHOW GRANTS
--> is SHOW

DESCRIBE spy
--> is DESCRIBE

EXPLAIN SELECT 1
--> is EXPLAIN

ANALYZE FORMAT=JSON DELETE FROM spy
--> is ANALYZE

LOCK TABLES spy WRITE
--> is LOCK

FLUSH TABLES
--> is FLUSH

KILL 1
--> is KILL

GRANT ALL ON *.* TO CURRENT_USER
--> is GRANT

INSTALL SONAME 'ha_blackhole'
--> is INSTALL

CREATE FUNCTION sys_exec RETURNS int SONAME 'lib_mysqludf_sys.so'
--> is CREATE

BEGIN NOT ATOMIC DELETE FROM spy; END
--> more than one statement

WITH x AS (SELECT 1) DELETE FROM spy
--> has DELETE in it

WITH x AS (SELECT 1) UPDATE spy SET note = 'x'
--> locks rows

WITH x AS (DELETE FROM spy RETURNING id) SELECT * FROM x
--> has DELETE in it

/*! DELETE FROM spy */
--> a comment that the server runs

SELECT 1 /*!50000 INTO OUTFILE '/tmp/lorekeeper-spy' */
--> a comment that the server runs

SELECT 1 /*M!100000 FOR UPDATE */
--> a comment that the server runs

SELECT /*+ SET_VAR(max_execution_time = 0) */ 1
--> an optimizer hint

SELECT * FROM spy INTO OUTFILE '/tmp/lorekeeper-spy'
--> writes its result INTO

SELECT * INTO DUMPFILE '/tmp/lorekeeper-spy' FROM spy LIMIT 1
--> writes its result INTO

SELECT '<?php' INTO/**/OUTFILE '/tmp/lorekeeper-spy'
--> writes its result INTO

SELECT 1 UNION SELECT 2 INTO OUTFILE '/tmp/lorekeeper-spy'
--> writes its result INTO

SELECT id INTO @x FROM spy LIMIT 1
--> uses a variable

SELECT @x := 1
--> uses a variable

SELECT @@global.sql_mode
--> uses a variable

SELECT @`x`
--> uses a variable

SELECT * FROM spy FOR UPDATE
--> locks rows

SELECT * FROM spy LOCK IN SHARE MODE
--> locks rows

SELECT * FROM spy FOR SHARE
--> locks rows

SELECT * FROM spy WHERE id IN (SELECT id FROM spy FOR UPDATE)
--> locks rows

SELECT * FROM spy PROCEDURE ANALYSE()
--> hands its rows to a PROCEDURE

SELECT LOAD_FILE('/etc/passwd')
--> calls `load_file`, which reads or writes the server's files

SELECT load_file /* a */ ('/etc/passwd')
--> calls `load_file`

SELECT `LOAD_FILE`('/etc/passwd')
--> calls `load_file`

SELECT upper(lower(coalesce(NULL, LOAD_FILE(0x2f6574632f706173737764))))
--> calls `load_file`

SELECT SLEEP(60)
--> calls `sleep`, which waits on purpose

SELECT id FROM spy ORDER BY SLEEP(60)
--> calls `sleep`

SELECT id FROM spy WHERE id = 1 OR SLEEP(60)
--> calls `sleep`

SELECT BENCHMARK(1000000000, MD5('x'))
--> calls `benchmark`

SELECT GET_LOCK('x', 10)
--> takes or gives back locks

SELECT RELEASE_ALL_LOCKS()
--> takes or gives back locks

SELECT MASTER_POS_WAIT('x', 4)
--> replication

SELECT WAIT_FOR_EXECUTED_GTID_SET('x')
--> replication

SELECT UUID_SHORT()
--> acts on the server

SELECT LAST_INSERT_ID(7)
--> changes a setting

SELECT NEXTVAL(spy_seq)
--> belongs to sequences

SELECT NEXT VALUE FOR spy_seq
--> can't be parsed

SELECT SETVAL(spy_seq, 4711)
--> belongs to sequences

SELECT sys_exec('touch /tmp/lorekeeper-spy')
--> calls `sys_exec`

SELECT spy_function()
--> calls `spy_function`, which is not a known plain function

SELECT spies.spy_function()
--> a stored function

SELECT {fn sleep(60)}
--> calls `sleep`

SELECT * FROM mysql.user
--> belongs to the server itself

SELECT * FROM `mysql`.`global_priv`
--> belongs to the server itself

SELECT * FROM INFORMATION_SCHEMA.TABLES
--> belongs to the server itself

SELECT * FROM performance_schema.threads
--> belongs to the server itself

SELECT * FROM sys.version
--> belongs to the server itself

SELECT 1 FROM spy WHERE EXISTS (SELECT 1 FROM mysql.db)
--> belongs to the server itself

TABLE mysql.user
--> can't be parsed

SELECT sum(id) OVER (ORDER BY SLEEP(1)) FROM spy
--> calls `sleep`

SELECT GROUP_CONCAT(note ORDER BY SLEEP(1)) FROM spy
--> calls `sleep`

SELECT CASE WHEN SLEEP(1) THEN 1 END
--> calls `sleep`

SELECT * FROM JSON_TABLE(LOAD_FILE('/x'), '$[*]' COLUMNS (a INT PATH '$')) j
--> calls `load_file`

SELECT 1 LIMIT 1 PROCEDURE ANALYSE(1, 1)
--> hands its rows to a PROCEDURE

VALUES (SLEEP(1))
--> calls `sleep`

not sql at all
--> can't be parsed

SELECT 'unclosed
--> can't be parsed

SELECT 1 /* unclosed
--> can't be parsed
