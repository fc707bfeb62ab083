-- Added to the tables of each generation from format 4 on: who may see what a posting is of, so
-- that a term counts by how many passages have it that the asker may see.

-- Each set of groups that some passage is for.
CREATE TABLE audience_{id} (
    key    INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    groups TEXT[] NOT NULL UNIQUE
);
ALTER TABLE posting_{id}
    ADD COLUMN audience INTEGER NOT NULL,
    DROP CONSTRAINT posting_{id}_pkey;
ALTER TABLE posting_{id} ADD PRIMARY KEY (term, passage) INCLUDE (weight, audience);
