-- A record: its text, and beside it what lists and searches need, derived from the text at each write.
CREATE TABLE record (
    -- Its place in the memory of every copy of the program.
    place integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The number of its last change; one writer at a time gives them out, so that who knows all changes
    -- up to one has missed none.
    seq bigint NOT NULL UNIQUE,
    id uuid NOT NULL UNIQUE,
    number bigint NOT NULL,
    file_name text NOT NULL UNIQUE,
    text text NOT NULL,
    hash text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Its line in lists as JSON, and the format and the model that this was derived with.
    line text NOT NULL,
    derived_with text NOT NULL,
    title_words tsvector NOT NULL,
    words tsvector NOT NULL
);
CREATE INDEX record_words ON record USING gin (words);

-- A text that a record had before the one it has now.
CREATE TABLE revision (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record uuid NOT NULL REFERENCES record (id),
    written_at timestamptz NOT NULL,
    hash text NOT NULL,
    text text NOT NULL
);
CREATE INDEX revision_record ON revision (record, seq DESC);
