-- Creating requests that had a key: each one's digest, and the id that its record has or is to have.
CREATE TABLE creating (
    key bytea PRIMARY KEY,
    request bytea NOT NULL,
    record uuid NOT NULL,
    until_us bigint NOT NULL
);
CREATE INDEX creating_until ON creating (until_us);
