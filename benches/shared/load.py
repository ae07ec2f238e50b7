#!/usr/bin/env python3
"""Copies of assay behind nginx, on one PostgreSQL with many records, under mixed open-loop load.

    cargo build --release -p assay && cargo build --release -p assay-store --example many
    benches/shared/load.py --copies 2 --records 100000 --rate 100 --seconds 180 > result.json

Needs nginx, PostgreSQL's own programs and Python 3.11, nothing else. Requests are sent at moments drawn beforehand
(Poisson, seeded), whether or not earlier ones were answered, and timed from those moments: a stalled server cannot
slow the questions down. Everybody signs in with a token, as programs do. Memory is the copies' proportional set size.
"""
import argparse, asyncio, hashlib, json, os, pathlib, random, shutil, signal, socket, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What is asked, and how often of a hundred.
MIX = [("list", 25), ("search", 20), ("filter", 10), ("record", 25), ("page", 5), ("score", 10), ("amend", 5)]
SHEET = {"answers": {"owners": 4, "workload": "cache", "go_fluency": "most", "rust_fluency": "few",
                     "failure_consequence": "serious", "tail_latency": "tight"}}
WORDS = ["gateway", "calico", "session", "la", "re", "sta", "quico", "me"]
TOKEN = "assay_" + "0" * 43
LATE_S = 30.0


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Database:
    """A PostgreSQL of its own, as the tests start it."""

    def __init__(self):
        self.port = free_port()
        script = (ROOT / "app/store/tests/store/cluster.sh").read_text()
        script = script.replace("-c fsync=off -c full_page_writes=off", "")
        command = ["sh", "-c", script, "cluster", str(self.port)]
        if os.getuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.home = self.process.stdout.readline().split()[1]
        self.tell("create load")
        self.url = f"postgres://assay@localhost:{self.port}/load?host={self.home}"

    def tell(self, command):
        self.process.stdin.write(command.replace("\n", " ") + "\n")
        self.process.stdin.flush()
        said = []
        while (line := self.process.stdout.readline()) != "done\n":
            assert line, "PostgreSQL ended"
            said.append(line)
        return "".join(said).strip()


def start(arguments, database, place):
    """The copies and nginx before them; the address to ask, and the copies' processes."""
    front = free_port()
    environment = {
        **os.environ, "ASSAY_DATABASE_URL": database.url, "ASSAY_DATA": f"{place}/data",
        "ASSAY_PUBLIC_URL": f"http://127.0.0.1:{front}", "ASSAY_OIDC_ISSUER": "http://127.0.0.1:1",
        "ASSAY_OIDC_CLIENT_ID": "assay",
    }
    ports = [free_port() for _ in range(arguments.copies)]
    copies = [subprocess.Popen([arguments.assay, "--listen", f"127.0.0.1:{port}"], env=environment) for port in ports]
    servers = "".join(f"server 127.0.0.1:{port};" for port in ports)
    (place / "nginx.conf").write_text(
        f"worker_processes 1; pid {place}/pid; error_log {place}/error.log; daemon off; events {{ worker_connections 4096; }}"
        f" http {{ access_log off; upstream assay {{ {servers} keepalive 64; }} server {{ listen 127.0.0.1:{front};"
        " location / { proxy_pass http://assay; proxy_http_version 1.1; proxy_set_header Connection '';"
        " proxy_set_header Host $http_host; } } }")
    nginx = subprocess.Popen(["nginx", "-c", f"{place}/nginx.conf", "-g", f"error_log {place}/error.log;"])
    for port in ports:
        wait_until_ready(port)
    return front, copies, nginx


def wait_until_ready(port):
    for _ in range(600):
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as stream:
                stream.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if b" 200 " in stream.recv(100):
                    return
        except OSError:
            pass
        time.sleep(0.1)
    sys.exit("a copy is not ready within a minute")


def memory_kib(process):
    with open(f"/proc/{process.pid}/smaps_rollup") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def cpu_s(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
        self.idle.append((reader, writer))
        return int(head.split(" ", 2)[1]), headers, text


async def one(client, kind, rng, ids):
    """One request of a kind; whether it was answered as it should be."""
    if kind == "list":
        status, *_ = await client.ask("GET", f"/api/v1/decisions?page={rng.randint(1, 20)}")
    elif kind == "search":
        status, *_ = await client.ask("GET", f"/api/v1/decisions?q={rng.choice(WORDS)}")
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
        return status == 201
    return status == 200


async def load(arguments, port, copies):
    rng = random.Random(arguments.seed)
    client = Client(port)
    ids = []
    for page in range(1, 11):
        _, _, text = await client.ask("GET", f"/api/v1/decisions?page={page}")
        ids += [item["id"] for item in json.loads(text)["items"]]
    total = json.loads(text)["total"]
    kinds = rng.choices([kind for kind, _ in MIX], [share for _, share in MIX], k=arguments.rate * arguments.seconds)
    done, moment, tasks, windows = [], 0.0, set(), []

    async def timed(kind, intended):
        try:
            good = await asyncio.wait_for(one(client, kind, rng, ids), LATE_S)
        except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError):
            good = False
        done.append((intended, kind, time.monotonic() - begun - intended, good))

    async def watch():
        while True:
            windows.append([memory_kib(copy) for copy in copies])
            await asyncio.sleep(arguments.seconds / 6)

    used = sum(map(cpu_s, copies))
    begun, lag = time.monotonic(), 0.0
    watching = asyncio.create_task(watch())
    for kind in kinds:
        moment += rng.expovariate(arguments.rate)
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
    took = time.monotonic() - begun
    return summary(arguments, total, done, took, windows, (sum(map(cpu_s, copies)) - used) / len(done), lag)


def ms(latencies, share):
    ordered = sorted(latencies)
    return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else None


def summary(arguments, total, done, took, windows, cpu, lag):
    sixth = arguments.seconds / 6
    spans = [[late for at, _, late, _ in done if n * sixth <= at < (n + 1) * sixth] for n in range(6)]
    return {
        "copies": arguments.copies, "records": total, "rate_per_s": arguments.rate, "seconds": round(took, 1),
        "requests": len(done), "failed": sum(not good for *_, good in done),
        "p50_ms": ms([late for _, _, late, _ in done], 0.5), "p99_ms": ms([late for _, _, late, _ in done], 0.99),
        "p99_ms_by_sixth": [ms(span, 0.99) for span in spans],
        "p99_ms_by_kind": {kind: ms([late for _, of, late, _ in done if of == kind], 0.99) for kind, _ in MIX},
        "pss_mib_by_sixth": [[round(kib / 1024, 1) for kib in window] for window in windows],
        "cpu_ms_per_request": round(1000 * cpu, 3), "generator_lag_ms_max": round(1000 * lag, 2),
        "processors": os.cpu_count(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=2)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--assay", default=str(ROOT / "target/release/assay"))
    parser.add_argument("--many", default=str(ROOT / "target/release/examples/many"))
    parser.add_argument("--runs", default="", help="more runs on the same records, as COPIES:RATE:SECONDS,…")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    database, place, running = Database(), pathlib.Path(tempfile.mkdtemp()), []
    try:
        subprocess.run([arguments.many, str(arguments.records), place / "records"], check=True, stdout=sys.stderr)
        begun = time.monotonic()
        settings = {**os.environ, "ASSAY_DATABASE_URL": database.url, "ASSAY_DATA": f"{place}/data"}
        subprocess.run([arguments.assay, "import", place / "records"], env=settings, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(f"imported in {time.monotonic() - begun:.0f} s", file=sys.stderr)
        shutil.rmtree(place / "records")
        database.tell("sql load ANALYZE")
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        made = database.tell("sql load INSERT INTO token VALUES (gen_random_uuid(), '\\x" + digest + "', 'load', 'Load',"
                             " 'reviewer', 'load', 0, 9000000000000000)")
        assert not made, made
        runs = [(arguments.copies, arguments.rate, arguments.seconds)]
        runs += [tuple(map(int, run.split(":"))) for run in arguments.runs.split(",") if run]
        for arguments.copies, arguments.rate, arguments.seconds in runs:
            port, copies, nginx = start(arguments, database, place)
            running = [*copies, nginx]
            print(json.dumps(asyncio.run(load(arguments, port, copies))), flush=True)
            for process in running:
                process.terminate()
            assert [copy.wait(20) for copy in copies] == [0] * len(copies), "a copy did not end well"
            nginx.wait(20)
            running = []
    finally:
        for process in running:
            process.kill()
        database.process.stdin.close()
        database.process.wait()
        shutil.rmtree(place)


main()
