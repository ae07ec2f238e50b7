#!/usr/bin/env python3
"""DuckDB behind as much of HTTP as the load generator speaks.

    duckdb_driver.py --port PORT [--threads N] [--enum]

POST /v1/events   lines of JSON, put aside; all of them become one table when /healthz is asked next
GET /healthz      answered once the table is there
POST /NAME        a question in SQL; its rows as JSON

The table is in memory: ts (BIGINT, ms), key and user (VARCHAR, with --enum ENUM), value (DOUBLE).
One connection at a time asks; DuckDB itself uses so many threads.
"""

import argparse
import json
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import duckdb

TAKE_IN = """
CREATE TABLE events AS
SELECT ts, key, value, tags.user AS "user"
FROM read_ndjson(?, columns = {ts: 'BIGINT', key: 'VARCHAR', value: 'DOUBLE', tags: 'STRUCT("user" VARCHAR)'})
"""

AS_ENUMS = """
CREATE TYPE keys AS ENUM (SELECT DISTINCT key FROM events ORDER BY key);
CREATE TYPE users AS ENUM (SELECT DISTINCT "user" FROM events ORDER BY "user");
CREATE TABLE narrow AS SELECT ts, key::keys AS key, value, "user"::users AS "user" FROM events;
DROP TABLE events;
ALTER TABLE narrow RENAME TO events;
"""


class Database:
    def __init__(self, threads, enums):
        self.connection = duckdb.connect(config={"threads": threads})
        self.enums = enums
        self.lock = threading.Lock()
        self.spool = tempfile.NamedTemporaryFile(suffix=".ndjson")
        self.loaded = False

    def put_aside(self, lines):
        with self.lock:
            if self.loaded:
                raise ValueError("the table is made; events come before the first question")
            self.spool.write(lines)
        return {"accepted": lines.count(b"\n"), "rejected": 0}

    def take_in(self):
        """Makes the table, if events have come."""
        with self.lock:
            if self.loaded or self.spool.tell() == 0:
                return
            self.spool.flush()
            self.connection.execute(TAKE_IN, [self.spool.name])
            if self.enums:
                self.connection.execute(AS_ENUMS)
            self.spool.close()
            self.loaded = True

    def answer(self, sql):
        with self.lock:
            return {"rows": self.connection.execute(sql).fetchall()}


def handler(database):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body leave as one.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self):
            self.say(lambda: database.take_in() or {"ok": True})

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/events":
                self.say(lambda: database.put_aside(body))
            else:
                self.say(lambda: database.answer(body.decode()))

        def say(self, work):
            try:
                status, answer = 200, work()
            except Exception as error:  # whatever it is, the asker is told
                status, answer = 500, {"error": str(error)}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_):
            pass

    return Handler


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--version", action="version", version=f"DuckDB {duckdb.__version__}")
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--enum", action="store_true")
    given = arguments.parse_args()
    database = Database(given.threads, given.enum)
    server = ThreadingHTTPServer(("127.0.0.1", given.port), handler(database))
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
