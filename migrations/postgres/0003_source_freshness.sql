-- The index itself knows which documents it holds; nothing read these rows.
DROP TABLE documents;
DROP TABLE sources;

-- How fresh what is known of each source is, and who is reading it just now.
CREATE TABLE sources (
    source          TEXT PRIMARY KEY,
    -- When the last reading began that came to its end,
    synchronised_at BIGINT,
    -- and the last one that also read who may see what.
    permissions_at  BIGINT,
    next_at         BIGINT,
    documents       BIGINT NOT NULL DEFAULT 0,
    withheld        BIGINT NOT NULL DEFAULT 0,
    faults          BIGINT NOT NULL DEFAULT 0,
    milliseconds    BIGINT NOT NULL DEFAULT 0,
    -- Readings that failed since the last one that did not.
    failures        BIGINT NOT NULL DEFAULT 0,
    problem         TEXT,
    worker          TEXT,
    lease_until     BIGINT
);
-- One source is read at a time, whatever the number of daemons.
CREATE UNIQUE INDEX sources_one_is_read ON sources ((worker IS NOT NULL)) WHERE worker IS NOT NULL;
