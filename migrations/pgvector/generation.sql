-- The tables of one generation; {id} and {dimension} are put in.
CREATE TABLE passage_{id} (
    key           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id            UUID NOT NULL UNIQUE,
    -- What queries choose by. A NUL, which PostgreSQL's text can't hold, is U+FFFD here.
    document      TEXT NOT NULL,
    source        TEXT NOT NULL,
    kind          TEXT NOT NULL,
    audience      TEXT[] NOT NULL,
    hash          TEXT NOT NULL,
    position      INTEGER NOT NULL,
    -- The passage itself. JSON, and not JSONB, holds a NUL too.
    record        JSON NOT NULL,
    text          JSON NOT NULL,
    superseded_by JSON,
    tokens        BYTEA NOT NULL,
    embedding     VECTOR({dimension}) NOT NULL
);
-- Token vectors can't be compressed, and the vector is wanted with every row that is compared.
ALTER TABLE passage_{id} ALTER COLUMN tokens SET STORAGE EXTERNAL;
ALTER TABLE passage_{id} ALTER COLUMN embedding SET STORAGE PLAIN;
CREATE INDEX ON passage_{id} (source, document);
CREATE INDEX ON passage_{id} (document);
CREATE INDEX ON passage_{id} (source) WHERE position = 0;
CREATE INDEX ON passage_{id} USING gin (audience);
CREATE INDEX ON passage_{id} USING hnsw (embedding vector_cosine_ops);

-- Term ids are 32 bits; signed here, because PostgreSQL has no unsigned integers.
CREATE TABLE posting_{id} (
    term    INTEGER NOT NULL,
    passage BIGINT NOT NULL REFERENCES passage_{id} (key) ON DELETE CASCADE,
    weight  REAL NOT NULL,
    PRIMARY KEY (term, passage) INCLUDE (weight)
);
CREATE INDEX ON posting_{id} (passage);
