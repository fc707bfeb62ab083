-- Added to the tables of each generation from format 3 on; {id} is put in.
-- What the relations that a passage tells are looked up by; they lie in its record.
ALTER TABLE passage_{id} ADD COLUMN relation_keys TEXT[] NOT NULL DEFAULT '{}';
CREATE INDEX ON passage_{id} USING gin (relation_keys);
