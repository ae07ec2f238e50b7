-- Who is signed in, and what was done. Secrets are kept as their SHA-256 only; times are µs since 1970,
-- by the program's clock.

-- A sign-in under way: what its answer must fit.
CREATE TABLE sign_in (
    key bytea PRIMARY KEY,
    nonce text NOT NULL,
    verifier text NOT NULL,
    goal text NOT NULL,
    until_us bigint NOT NULL
);

CREATE TABLE session (
    key bytea PRIMARY KEY,
    subject text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    -- The provider wants it back when somebody signs out there too.
    id_token text NOT NULL,
    begun_us bigint NOT NULL,
    until_us bigint NOT NULL
);
CREATE INDEX session_subject ON session (subject);

CREATE TABLE token (
    id uuid PRIMARY KEY,
    key bytea NOT NULL UNIQUE,
    subject text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    label text NOT NULL,
    made_us bigint NOT NULL,
    until_us bigint NOT NULL
);
CREATE INDEX token_subject ON token (subject);

-- Every change and every refusal; only ever added to.
CREATE TABLE trail (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_us bigint NOT NULL,
    subject text NOT NULL,
    name text NOT NULL,
    via text NOT NULL,
    what text NOT NULL,
    status integer NOT NULL,
    request text NOT NULL
);
