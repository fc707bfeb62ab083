-- The platform's way back to who typed a command, until the command is settled: a secret.
ALTER TABLE inbox ADD COLUMN callback TEXT;
