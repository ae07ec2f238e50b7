-- When a token's owner signed in the last time: long after that, it holds no more.
ALTER TABLE token ADD COLUMN seen_us bigint NOT NULL DEFAULT 0;
