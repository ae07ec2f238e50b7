#!/usr/bin/env python3
"""Copies of assay behind nginx, on one PostgreSQL with many records, under mixed open-loop load.

    cargo build --release -p assay && cargo build --release -p assay-store --example many
    benches/shared/load.py --runs 2:50:180 --capacity 1,2,3 --share 0.2 > result.jsonl

Needs nginx, PostgreSQL's own programs and Python 3.11, nothing else. Requests are sent at moments drawn beforehand
(Poisson, seeded), whether or not earlier ones were answered, and timed from those moments: a stalled server cannot
slow the questions down. Everybody signs in with a token, as programs do. Memory is the copies' proportional set size.
Processor time of nginx, PostgreSQL and this generator is told beside theirs: all of them share the machine.

--runs gives a line for each run. --capacity looks, for each number of copies, for the greatest rate without an error and
with a p99 within the bound, and gives a line for each rate tried. There each copy may use only a share of a processor
(--share), as a container's limit does it, so that the copies run out before the machine they share does.
"""
import argparse, asyncio, hashlib, json, os, pathlib, random, re, shutil, signal, socket, subprocess, sys, tempfile, time
from collections import Counter

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What is asked, and how often of a hundred.
MIX = [("list", 25), ("search", 20), ("filter", 10), ("record", 25), ("page", 5), ("score", 10), ("create", 5)]
SHEET = {"answers": {"owners": 4, "workload": "cache", "go_fluency": "most", "rust_fluency": "few",
                     "failure_consequence": "serious", "tail_latency": "tight"}}
# Half of all searches are for one of these, of which nearly every record has the last four; the others for a word of a title.
WORDS = ["gateway", "calico", "session", "quico", "la", "re", "sta", "me"]
TOKEN = "assay_" + "0" * 43
# An answer later than this is a failure. Trying a rate ends with the first one, and the copies get a pause.
LATE_S, RECOVER_S = 10.0, 5.0
PER_PAGE = 50
# Requests before each run, not counted: whatever is made at the first use.
WARM_REQUESTS = 40
# A limit holds for each tenth of a second, as containers have it.
PERIOD_US = 100_000
# The rates tried for each number of copies, how long each, and how much more each is while the bound holds.
STEPS, STEP_S, STEP_MORE = 6, 20, 1.3
# The search ends when what held and what did not are as near.
NEAR = 1.08


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Database:
    """A PostgreSQL of its own, as the tests start it."""

    def __init__(self):
        self.port = free_port()
        script = (ROOT / "app/store/tests/store/cluster.sh").read_text()
        script = script.replace("-c fsync=off -c full_page_writes=off", "").replace("32MB", "512MB")
        command = ["sh", "-c", script, "cluster", str(self.port)]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.home = self.process.stdout.readline().split()[1]
        self.tell("create load")
        self.url = f"postgres://assay@localhost:{self.port}/load?host={self.home}"
        self.at = ["-h", self.home, "-p", str(self.port), "-U", "assay"]

    def tell(self, command):
        self.process.stdin.write(command.replace("\n", " ") + "\n")
        self.process.stdin.flush()
        said = []
        while (line := self.process.stdout.readline()) != "done\n":
            assert line, "PostgreSQL ended"
            said.append(line)
        return "".join(said).strip()


def fill(database, arguments, place):
    """Puts the records there: from the dump if there is one, which is much quicker than to import them."""
    settings = {**os.environ, "ASSAY_DATABASE_URL": database.url, "ASSAY_DATA": f"{place}/data"}
    if arguments.dump and os.path.exists(arguments.dump):
        subprocess.run(["pg_restore", *database.at, "-d", "load", arguments.dump], check=True)
    else:
        subprocess.run([arguments.many, str(arguments.records), place / "records"], check=True, stdout=sys.stderr)
        subprocess.run([arguments.assay, "import", place / "records"], env=settings, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(place / "records")
        if arguments.dump:
            subprocess.run(["pg_dump", *database.at, "-Fc", "-Z1", "-f", arguments.dump, "load"], check=True)
    # As the database's own housekeeping leaves it after a while.
    database.tell("sql load VACUUM ANALYZE")
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    made = database.tell("sql load INSERT INTO token VALUES (gen_random_uuid(), '\\x" + digest + "', 'load', 'Load',"
                         " 'reviewer', 'load', extract(epoch FROM now()) * 1000000, 9000000000000000)")
    assert not made, made


def limit(pid, share):
    """Lets a process use no more than a share of a processor; gives the control group that holds it to that."""
    groups = pathlib.Path("/sys/fs/cgroup")
    old = (groups / "cpu/cpu.cfs_quota_us").exists()
    group = (groups / "cpu" if old else groups) / f"assay-load-{pid}"
    group.mkdir()
    quota_us = int(share * PERIOD_US)
    if old:
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota_us))
    else:
        (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
    (group / "cgroup.procs").write_text(str(pid))
    return group


def start(arguments, count, database, place):
    """The copies and nginx before them; the address to ask, and the processes, nginx the last."""
    front = free_port()
    environment = {
        **os.environ, "ASSAY_DATABASE_URL": database.url, "ASSAY_DATA": f"{place}/data",
        "ASSAY_PUBLIC_URL": f"http://127.0.0.1:{front}", "ASSAY_OIDC_ISSUER": "http://127.0.0.1:1",
        "ASSAY_OIDC_CLIENT_ID": "assay",
    }
    ports = [free_port() for _ in range(count)]
    copies = [subprocess.Popen([arguments.assay, "--listen", f"127.0.0.1:{port}"], env=environment) for port in ports]
    servers = "".join(f"server 127.0.0.1:{port};" for port in ports)
    (place / "nginx.conf").write_text(
        f"worker_processes 1; pid {place}/pid; error_log {place}/error.log; daemon off; events {{ worker_connections 4096; }}"
        f" http {{ access_log off; keepalive_timeout 1h; keepalive_requests 1000000; upstream assay {{ {servers} keepalive 64; keepalive_timeout 5s; }} server {{ listen 127.0.0.1:{front};"
        " location / { proxy_pass http://assay; proxy_http_version 1.1; proxy_set_header Connection '';"
        " proxy_set_header Host $http_host; } } }")
    nginx = subprocess.Popen(["nginx", "-c", f"{place}/nginx.conf", "-g", f"error_log {place}/error.log;"])
    for port in ports:
        wait_until_read(port, front)
    return front, [*copies, nginx]


def wait_until_read(port, front):
    """Waits until a copy has taken in all records and shows a list of them."""
    ask = f"GET /api/v1/decisions HTTP/1.1\r\nHost: 127.0.0.1:{front}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    said = b""
    for _ in range(600):
        try:
            with socket.create_connection(("127.0.0.1", port), 30) as stream:
                stream.sendall(ask.encode())
                said = stream.recv(1000)
                if b" 200 " in said:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit(f"a copy shows no list within a minute, but {said[:200]}")


def memory_mib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        return round(next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024, 1)


def cpu_s(pids):
    """User and kernel seconds of these processes, and of their children that have ended."""
    ticks = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def and_children(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(below for child in children for below in and_children(int(child)))]


def used_s(groups):
    """Processor time so far, by what uses it."""
    used = {name: cpu_s([below for pid in pids for below in and_children(pid)]) for name, pids in groups.items()}
    return {**used, "generator": time.process_time()}


class Client:
    """Connections kept open, as many as are in use at once."""

    def __init__(self, port):
        self.port, self.idle = port, []

    async def ask(self, method, path, body=None, more=""):
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        payload = b"" if body is None else json.dumps(body).encode()
        writer.write((f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
                      f"Content-Type: application/json\r\n{more}Content-Length: {len(payload)}\r\n\r\n").encode() + payload)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        if "content-length" in headers:
            text = await reader.readexactly(int(headers["content-length"]))
        else:
            text = b""
            while size := int(await reader.readline(), 16):
                text += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
        if headers.get("connection") == "close":
            writer.close()
        else:
            self.idle.append((reader, writer))
        return int(head.split(" ", 2)[1]), headers, text


async def one(client, kind, rng, ids, words):
    """One request of a kind; what it was answered if not what it should be."""
    expected = 200
    if kind == "list":
        status, *_ = await client.ask("GET", f"/api/v1/decisions?page={rng.randint(1, 20)}")
    elif kind == "search":
        status, *_ = await client.ask("GET", f"/api/v1/decisions?q={rng.choice(rng.choice([WORDS, words]))}")
    elif kind == "filter":
        status, *_ = await client.ask("GET", f"/api/v1/decisions?status=accepted&option={rng.choice(['rust', 'go'])}")
    elif kind == "record":
        status, *_ = await client.ask("GET", f"/api/v1/decisions/{rng.choice(ids)}")
    elif kind == "page":
        status, *_ = await client.ask("GET", f"/decisions/{rng.choice(ids)}")
    elif kind == "score":
        status, *_ = await client.ask("POST", "/api/v1/score", SHEET)
    else:
        wish = {"title": f"Written under load {rng.random()}", "option": "go", "why": "load", **SHEET}
        status, *_ = await client.ask("POST", "/api/v1/decisions", wish)
        expected = 201
    return None if status == expected else f"status {status}"


async def load(arguments, rate, seconds, port, groups, trying):
    """Asks for as long at this rate, or when `trying` until one fails; gives the figures."""
    rng = random.Random(arguments.seed)
    client = Client(port)
    list_page = lambda page: client.ask("GET", f"/api/v1/decisions?page={page}")
    total = json.loads((await list_page(1))[2])["total"]
    ids, words = [], []
    for _ in range(10):
        _, _, text = await list_page(rng.randint(1, total // PER_PAGE))
        for item in json.loads(text)["items"]:
            ids.append(item["id"])
            words += re.findall(r"[a-z]{3,}", item["title"].lower())
    kinds = rng.choices([kind for kind, _ in MIX], [share for _, share in MIX], k=WARM_REQUESTS + int(rate * seconds))
    for kind in kinds[:WARM_REQUESTS]:
        await one(client, kind, rng, ids, words)
    done, moment, tasks, memory = [], 0.0, set(), []

    async def timed(kind, intended):
        try:
            wrong = await asyncio.wait_for(one(client, kind, rng, ids, words), LATE_S)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as error:
            wrong = type(error).__name__
        done.append((intended, kind, time.monotonic() - begun - intended, wrong))

    async def watch():
        while True:
            memory.append([memory_mib(copy) for copy in groups["assay"]])
            await asyncio.sleep(60)

    used = used_s(groups)
    begun, lag = time.monotonic(), 0.0
    watching = asyncio.create_task(watch())
    for kind in kinds[WARM_REQUESTS:]:
        if trying and any(wrong for *_, wrong in done):
            break
        moment += rng.expovariate(rate)
        ahead = moment - (time.monotonic() - begun)
        if ahead > 0:
            await asyncio.sleep(ahead)
        else:
            lag = max(lag, -ahead)
        task = asyncio.create_task(timed(kind, moment))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    watching.cancel()
    memory.append([memory_mib(copy) for copy in groups["assay"]])
    took = time.monotonic() - begun
    cpu_s = {name: after - used[name] for name, after in used_s(groups).items()}
    late = [late for _, _, late, _ in done]
    minutes = [[late for at, _, late, _ in done if at // 60 == minute] for minute in range(max(1, seconds // 60))]
    return {
        "records": total, "rate_per_s": rate, "seconds": round(took, 1), "requests": len(done),
        "failed": dict(Counter(wrong for *_, wrong in done if wrong)),
        "p50_ms": ms(late, 0.5), "p99_ms": ms(late, 0.99), "max_ms": ms(late, 1.0),
        "p99_ms_by_minute": [ms(minute, 0.99) for minute in minutes],
        "p50_ms_by_kind": {kind: ms([late for _, of, late, _ in done if of == kind], 0.5) for kind, _ in MIX},
        "p99_ms_by_kind": {kind: ms([late for _, of, late, _ in done if of == kind], 0.99) for kind, _ in MIX},
        "pss_mib_by_minute": memory,
        "cpu_ms_per_request": {name: round(1000 * s / len(done), 2) for name, s in cpu_s.items()},
        "busy_processors": {name: round(s / took, 2) for name, s in cpu_s.items()},
        "generator_lag_ms_max": round(1000 * lag, 1),
    }


def ms(latencies, share):
    ordered = sorted(latencies)
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None


class Bench:
    """The database with its records, and whatever runs on it."""

    def __init__(self, arguments, database, place):
        self.arguments, self.database, self.place = arguments, database, place
        self.running, self.limits = [], []

    def start(self, count, share=None):
        self.count, self.share = count, share
        self.port, self.running = start(self.arguments, count, self.database, self.place)
        self.limits = [limit(copy.pid, share) for copy in self.running[:-1]] if share else []
        postmaster = int(pathlib.Path(f"{self.database.home}/data/postmaster.pid").read_text().split()[0])
        self.groups = {"assay": [copy.pid for copy in self.running[:-1]], "nginx": [self.running[-1].pid],
                       "postgres": [postmaster]}

    def run(self, rate, seconds, trying=False):
        result = asyncio.run(load(self.arguments, rate, seconds, self.port, self.groups, trying))
        return {"copies": self.count, "processors_each": self.share, **result}

    def stop(self):
        """Ends what runs; gives how each ended."""
        for process in self.running:
            process.terminate()
        codes = [process.wait(20) for process in self.running]
        for group in self.limits:
            group.rmdir()
        self.running, self.limits = [], []
        return codes

    def capacity(self, count):
        """Tries rates with so many copies; gives each one's figures and whether the bound held."""
        self.start(count, self.arguments.share)
        good, bad, rate = 0, None, count * self.arguments.first
        for _ in range(STEPS):
            result = self.run(rate, STEP_S, trying=True)
            held = not result["failed"] and result["p99_ms"] <= self.arguments.bound_ms
            yield {"bound_ms": self.arguments.bound_ms, "held": held, **result}
            if held:
                good = rate
            else:
                bad = rate
                time.sleep(RECOVER_S)
            if bad and bad <= good * NEAR:
                break
            rate = round((good + bad) / 2) if bad else round(rate * STEP_MORE)
        assert not any(self.stop()), "a copy or nginx did not end well"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", default="", help="COPIES:RATE:SECONDS,… without limits")
    parser.add_argument("--capacity", default="", help="COPIES,… each of them with its limit")
    parser.add_argument("--share", type=float, default=0.2, help="of a processor that each of them may use")
    parser.add_argument("--first", type=int, default=36, help="the first rate tried, for each copy")
    parser.add_argument("--bound-ms", type=float, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--assay", default=str(ROOT / "target/release/assay"))
    parser.add_argument("--many", default=str(ROOT / "target/release/examples/many"))
    parser.add_argument("--dump", help="where the records are, as pg_dump -Fc wrote them, or are to be kept")
    parser.add_argument("--pause", action="store_true", help="wait for a line on the input before the load begins")
    arguments = parser.parse_args()
    runs = [tuple(map(int, run.split(":"))) for run in arguments.runs.split(",") if run]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    place = pathlib.Path(tempfile.mkdtemp())
    database = Database()
    bench = Bench(arguments, database, place)
    tell = lambda result: print(json.dumps(result), flush=True)
    try:
        fill(database, arguments, place)
        if arguments.pause:
            print("the records are there", file=sys.stderr, flush=True)
            sys.stdin.readline()
        for count, rate, seconds in runs:
            bench.start(count)
            tell(bench.run(rate, seconds))
            assert not any(bench.stop()), "a copy or nginx did not end well"
        for count in filter(None, arguments.capacity.split(",")):
            for result in bench.capacity(int(count)):
                tell(result)
    finally:
        bench.stop()
        database.process.stdin.close()
        database.process.wait()
        shutil.rmtree(place)


main()
