-- Added to the tables of each generation from format 3 on; {id} is put in.
-- The names of what a passage tells relations of; the relations lie in its record.
ALTER TABLE passage_{id} ADD COLUMN entities TEXT[] NOT NULL DEFAULT '{}';
CREATE INDEX ON passage_{id} USING gin (entities);
