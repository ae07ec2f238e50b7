"""DuckDB's answers to the questions of analytics-api: an independent judge.

Reads one JSON value a line on stdin, answers one a line on stdout:
  {"load": "events.ndjson", "tags": ["region", …]}  a new table of these events
  {"parquet": "events.parquet"}                     the same from an export
  {"query": {…}}                                    the answer as the contract has it, without limit
  {"series": {…}}                                   all series that match
"""

import json
import sys

import duckdb

BUCKET_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
ABSENT = "CAST(NULL AS VARCHAR)"
db = duckdb.connect()
db.execute("SET threads = 1")
tags = []


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def name(text):
    return '"' + text.replace('"', '""') + '"'


def column(field):
    """The SQL of a field."""
    if field in ("key", "value"):
        return name(field)
    return name(field) if field[len("tags."):] in tags else ABSENT


def condition(where):
    """The SQL of one condition. NULL is never true, so absent is spelled out."""
    field, op, values = column(where["field"]), where["op"], where["values"]
    if where["field"] == "value":
        sign = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}[op]
        return f"{field} {sign} CAST({quoted(repr(float(values[0])))} AS DOUBLE)"
    texts = [value for value in values if value is not None]
    if op == "prefix":
        found = [f"starts_with({field}, {quoted(text)})" for text in texts]
        return f"coalesce({' OR '.join(found)}, false)"
    found = " OR ".join([f"{field} = {quoted(text)}" for text in texts] or ["false"])
    found = f"coalesce({found}, false)"
    if None in values:
        found = f"({found} OR {field} IS NULL)"
    return found if op == "in" else f"NOT {found}"


def aggregate(word):
    """The SQL of an aggregate. Percentiles are taken from the sorted list, by their definition."""
    if word.startswith("distinct("):
        return f"count(DISTINCT {column(word[len('distinct('):-1])})"
    if word.startswith("p"):
        return f"list_sort(list(value))[(count(*) * {word[1:]} + 99) // 100]"
    return {"count": "count(*)", "sum": "coalesce(fsum(value), 0)", "mean": "fsum(value) / count(*)"}.get(word, f"{word}(value)")


def matching(question):
    conditions = [f"ts >= {question.get('from', 0)}", f"ts < {question.get('to', 253402300800000)}"]
    conditions += [condition(where) for where in question.get("where", [])]
    return "SELECT * FROM events WHERE " + " AND ".join(conditions)


def columns_of(groups, values):
    return ", ".join([*groups, *values])


def query(question):
    """Rows in the contract's order, for times that are numbers."""
    fields = question.get("group_by", [])
    words = question.get("aggregates", ["count"])
    source = f"({matching(question)})"
    events = db.execute(f"SELECT count(*) FROM {source}").fetchone()[0]
    groups = [f"{column(field)} AS g{n}" for n, field in enumerate(fields)]
    names = [f"g{n}" for n in range(len(fields))]
    values = [f"{aggregate(word)} AS a{n}" for n, word in enumerate(words)]
    same = lambda a, b: " AND ".join([f"{a}.{g} IS NOT DISTINCT FROM {b}.{g}" for g in names] or ["true"])
    # GROUP BY of a constant, which an unknown tag is, would give a group of nothing.
    grouped = "GROUP BY ALL HAVING count(*) > 0"
    by_group = grouped if fields else ""
    chosen = f"SELECT {columns_of(groups, ['count(*) AS n'])} FROM {source} {by_group}"
    if "top" in question:
        rising = "".join(f", {g} ASC NULLS FIRST" for g in names)
        by = aggregate(question["top"]["by"])
        chosen = (f"SELECT * FROM (SELECT {columns_of(groups, [by + ' AS n'])} FROM {source} {grouped})"
                  f" ORDER BY n DESC NULLS LAST{rising} LIMIT {question['top']['k']}")
    all_names = list(names)
    if "bucket" in question:
        width = int(question["bucket"][:-1]) * BUCKET_MS[question["bucket"][-1]]
        groups = [f"ts // {width} * {width} AS bucket", *groups]
        all_names = ["bucket", *names]
    cells = f"SELECT {columns_of(groups, values)} FROM {source} " + (grouped if groups else "")
    picked = [f"cells.{n}" for n in all_names] + [f"cells.a{n}" for n in range(len(words))]
    rows = f"SELECT {', '.join(picked)} FROM ({cells}) cells JOIN ({chosen}) chosen ON {same('cells', 'chosen')}"
    if question.get("fill"):
        first, last = question["from"] // width * width, (question["to"] - 1) // width * width
        zero = lambda n, word: f"coalesce(cells.a{n}, 0)" if word in ("count", "sum") or word.startswith("distinct") else f"cells.a{n}"
        picked = ["grid.bucket", *[f"chosen.{g}" for g in names]]
        picked += [f"{zero(n, word)} AS a{n}" for n, word in enumerate(words)]
        rows = (f"SELECT {', '.join(picked)} FROM ({chosen}) chosen CROSS JOIN range({first}, {last + 1}, {width}) grid(bucket)"
                f" LEFT JOIN ({cells}) cells ON cells.bucket = grid.bucket AND {same('cells', 'chosen')}")
    titles = (["bucket"] if "bucket" in question else []) + fields + words
    sql_names = all_names + [f"a{n}" for n in range(len(words))]
    order, falling = [], set()
    for word in question.get("order", []):
        title = word.lstrip("-")
        order.append(title)
        falling |= {title} if word.startswith("-") else set()
    order += [title for title in titles[: len(all_names)] if title not in order]
    terms = [sql_names[titles.index(t)] + (" DESC NULLS LAST" if t in falling else " ASC NULLS FIRST") for t in order]
    rows = f"SELECT * FROM ({rows})" + (" ORDER BY " + ", ".join(terms) if terms else "")
    rows = [list(row) for row in db.execute(rows).fetchall()]
    return {"columns": titles, "rows": rows, "events": events}


def series(question):
    fields = ", ".join(name("tags." + tag) for tag in tags)
    grouped = f", {fields}" if tags else ""
    rows = db.execute(f"SELECT key{grouped}, count(*), min(ts), max(ts) FROM ({matching(question)}) GROUP BY key{grouped}").fetchall()
    found = []
    for row in rows:
        values = {tag: value for tag, value in zip(tags, row[1:]) if value is not None}
        found.append({"key": row[0], "tags": values, "events": row[-3], "first": row[-2], "last": row[-1]})
    by_bytes = lambda text: text.encode()
    found.sort(key=lambda one: (by_bytes(one["key"]), [(by_bytes(n), by_bytes(v)) for n, v in sorted(one["tags"].items(), key=lambda pair: by_bytes(pair[0]))]))
    return {"series": found}


def load(path, names):
    """Events as [ts, key, value, tag, …] a line, with null for absent."""
    global tags
    tags = names
    titles = ["key", *[f"tags.{tag}" for tag in names]]
    fields = [f"CAST(row[1] AS BIGINT) AS ts", "CAST(row[3] AS DOUBLE) AS value"]
    fields += [f"row[{place}] AS {name(title)}" for place, title in zip([2, *range(4, 4 + len(names))], titles)]
    db.execute("DROP TABLE IF EXISTS events")
    db.execute(f"CREATE TABLE events AS SELECT {', '.join(fields)} FROM read_json({quoted(path)}, format = 'newline_delimited', columns = {{'row': 'VARCHAR[]'}})")
    return {"events": db.execute("SELECT count(*) FROM events").fetchone()[0]}


def parquet(path):
    """The rows and the types of an exported file, in an order of its own."""
    described = db.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(path)})").fetchall()
    titles = {row[0]: row[1] for row in described}
    others = "".join(f", {name(title)}" for title in sorted(titles) if title.startswith("tags."))
    rows = db.execute(f"SELECT epoch_ms(ts), key, value{others} FROM read_parquet({quoted(path)})").fetchall()
    tag_names = [title[len("tags."):] for title in sorted(titles) if title.startswith("tags.")]
    rows = [[ts, key, value, {tag: text for tag, text in zip(tag_names, texts) if text is not None}] for ts, key, value, *texts in rows]
    rows.sort(key=lambda row: (row[0], row[1].encode(), row[2], sorted(row[3].items())))
    groups = db.execute(f"SELECT max(row_group_num_rows) FROM parquet_metadata({quoted(path)})").fetchone()[0]
    return {"types": titles, "rows": rows, "row_group_rows_max": groups or 0}


print(json.dumps({"duckdb": duckdb.__version__}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    try:
        if "load" in request:
            answer = load(request["load"], request["tags"])
        elif "parquet" in request:
            answer = parquet(request["parquet"])
        elif "series" in request:
            answer = series(request["series"])
        else:
            answer = query(request["query"])
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
