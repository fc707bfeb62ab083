-- Lies in a schema of its own, which the connection's search path names first.
-- Each generation has two tables beside this one: generation.sql.
CREATE TABLE generation (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    embedder  TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    format    INTEGER NOT NULL,
    in_use    BOOLEAN NOT NULL,
    -- Counted with each write: keyword search weighs terms by it at every question.
    passages  BIGINT NOT NULL DEFAULT 0,
    UNIQUE (embedder, dimension, format)
);
CREATE UNIQUE INDEX generation_in_use ON generation (in_use) WHERE in_use;
