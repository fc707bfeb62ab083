-- Times are microseconds since 1970 (BIGINT), ids and JSON are TEXT: the same
-- on both databases, so that one text of SQL serves both.

CREATE TABLE inbox (
    seq          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    question     TEXT NOT NULL UNIQUE,
    platform     TEXT NOT NULL,
    tenant       TEXT NOT NULL,
    delivery     TEXT NOT NULL,
    subject      TEXT NOT NULL,
    alias        TEXT,
    channel      TEXT NOT NULL,
    thread       TEXT NOT NULL,
    conversation TEXT NOT NULL,
    person       TEXT NOT NULL,
    event        TEXT NOT NULL,
    refused      BIGINT NOT NULL DEFAULT 0,
    state        TEXT NOT NULL CHECK (state IN ('received', 'claimed', 'answered', 'posted', 'given_up')),
    attempts     BIGINT NOT NULL DEFAULT 0,
    worker       TEXT,
    lease_until  BIGINT,
    not_before   BIGINT NOT NULL DEFAULT 0,
    reason       TEXT,
    asked_at     BIGINT NOT NULL,
    accepted_at  BIGINT NOT NULL,
    settled_at   BIGINT,
    UNIQUE (platform, tenant, delivery),
    UNIQUE (platform, tenant, subject)
);
CREATE INDEX inbox_alias ON inbox (alias, person) WHERE alias IS NOT NULL;
CREATE INDEX inbox_conversation ON inbox (platform, tenant, conversation, seq);
CREATE INDEX inbox_person ON inbox (person, accepted_at);
-- What waits and what is unsettled is a handful of rows among all that were ever asked.
CREATE INDEX inbox_waiting ON inbox (seq) WHERE worker IS NULL AND state IN ('received', 'answered');
CREATE INDEX inbox_unsettled ON inbox (platform, tenant, conversation, seq) WHERE state IN ('received', 'claimed', 'answered');
-- A thread has one running question: not by good manners, by index.
CREATE UNIQUE INDEX inbox_one_lease_per_conversation ON inbox (platform, tenant, conversation) WHERE worker IS NOT NULL;

CREATE TABLE answers (
    question   TEXT PRIMARY KEY REFERENCES inbox (question) ON DELETE CASCADE,
    answer     TEXT NOT NULL,
    plain_text TEXT NOT NULL,
    saved_at   BIGINT NOT NULL
);
CREATE INDEX answers_saved_at ON answers (saved_at);

CREATE TABLE outbox (
    question   TEXT NOT NULL REFERENCES inbox (question) ON DELETE CASCADE,
    part       BIGINT NOT NULL,
    payload    TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('planned', 'sending', 'in_doubt', 'posted', 'failed')),
    message    TEXT,
    -- Hash of what the message shows now; differs from the payload's until the edit is done.
    shown_hash TEXT,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (question, part)
);
CREATE INDEX outbox_message ON outbox (message) WHERE message IS NOT NULL;

-- Every act of a person upon an answer. The state is read from the set of acts
-- by the views below, so the order in which they arrived can't matter.
CREATE TABLE feedback_acts (
    question   TEXT NOT NULL REFERENCES inbox (question) ON DELETE CASCADE,
    person     TEXT NOT NULL,
    signal_key TEXT NOT NULL,
    at_us      BIGINT NOT NULL,
    removed    BIGINT NOT NULL,
    verdict    TEXT NOT NULL,
    signal     TEXT NOT NULL,
    reason     TEXT,
    PRIMARY KEY (question, person, signal_key, at_us, removed, verdict)
);

CREATE TABLE feedback_parked (
    platform   TEXT NOT NULL,
    channel    TEXT NOT NULL,
    message    TEXT NOT NULL,
    person     TEXT NOT NULL,
    signal_key TEXT NOT NULL,
    at_us      BIGINT NOT NULL,
    removed    BIGINT NOT NULL,
    verdict    TEXT NOT NULL,
    act        TEXT NOT NULL,
    parked_at  BIGINT NOT NULL,
    PRIMARY KEY (message, platform, channel, person, signal_key, at_us, removed, verdict)
);
CREATE INDEX feedback_parked_at ON feedback_parked (parked_at);

-- The newest act of each signal. At the same instant a removal is the later
-- one: what is removed was there before.
CREATE VIEW feedback_signals AS
SELECT question, person, signal_key, at_us, removed, verdict, signal
FROM (
    SELECT question, person, signal_key, at_us, removed, verdict, signal,
           row_number() OVER (PARTITION BY question, person, signal_key ORDER BY at_us DESC, removed DESC, verdict) AS age
    FROM feedback_acts
) AS acts
WHERE age = 1;

-- What a person says of an answer now: their newest signal that stands and says something.
CREATE VIEW feedback_verdicts AS
SELECT question, person, verdict, signal, at_us,
       (SELECT reason FROM feedback_acts AS given
        WHERE given.question = signals.question AND given.person = signals.person
          AND given.verdict = signals.verdict AND given.reason IS NOT NULL
        ORDER BY given.at_us DESC, given.reason LIMIT 1) AS reason
FROM (
    SELECT question, person, verdict, signal, at_us,
           row_number() OVER (PARTITION BY question, person ORDER BY at_us DESC, signal_key) AS age
    FROM feedback_signals
    WHERE removed = 0 AND verdict <> 'other'
) AS signals
WHERE age = 1;

CREATE TABLE audit (
    sequence BIGINT PRIMARY KEY,
    at_us    BIGINT NOT NULL,
    kind     TEXT NOT NULL,
    question TEXT,
    record   TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash     TEXT NOT NULL
);
CREATE INDEX audit_question ON audit (question);

CREATE TABLE audit_head (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,
    hash     TEXT NOT NULL
);
INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, '');

-- Against accidents; against intent there is the chain.
CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();

CREATE TABLE sources (
    source          TEXT PRIMARY KEY,
    synchronised_at BIGINT NOT NULL
);

CREATE TABLE documents (
    source     TEXT NOT NULL,
    document   TEXT NOT NULL,
    hash       TEXT NOT NULL,
    embedder   TEXT NOT NULL,
    chunks     BIGINT NOT NULL,
    title      TEXT NOT NULL,
    date       TEXT,
    superseded BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (source, document)
);
