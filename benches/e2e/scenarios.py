"""What is done through each peer of Postgres, and what is read off: throughput, latency, the proxy's CPU time and memory.

Another protocol has a module with the same functions, as mysql_scenarios.py.
"""

import contextlib
import glob
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import peers
from rawclient import Session

# What can stand between, and what does unless other peers are named.
PEERS = ["direct", "haproxy", "pgbouncer", "portcullis", "portcullis+dict", "direct+tls", "portcullis+tls"]
USUAL = PEERS
# Before the names of the results' files.
PREFIX = ""

WIDE = "SELECT id, name, digest, bucket, amount, note FROM wide"


# What a client with TLS runs; the raw client of the others speaks in clear.
BY_PGBENCH = ("simple", "extended", "prepared", "connect")


def bin_dir():
    """The distribution's server, else the one of `make setup`."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    tools = pathlib.Path(os.environ.get("PORTCULLIS_TOOLS", "/nonexistent")) / "pg18/bin"
    if found:
        return found[-1].parent
    if (tools / "pgbench").exists():
        return tools
    sys.exit("bench: PostgreSQL is not installed: run `make setup`")


def server(options):
    return peers.Postgres(bin_dir(), options.scale, options.rows)


def programs():
    """What else belongs to this protocol, and how it tells its version."""
    return [("pgbouncer", "--version")] if shutil.which("pgbouncer") else []


def about(_):
    """What a reader of the results must know besides."""
    return {}


def runs(scenario, peer):
    return peer.sslmode == "disable" or scenario.partition("/")[0] in BY_PGBENCH


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@contextlib.contextmanager
def cpu_of(peer):
    """The proxy's CPU seconds in the block; none for the direct connection."""
    spent = {}
    before = peer.process.cpu_seconds() if peer.process else 0
    yield spent
    spent["cpu"] = peer.process.cpu_seconds() - before if peer.process else None


def pgbench(folder, peer, mode, clients, seconds, *options):
    """One run of pgbench -S; transactions, their latencies, and the proxy's CPU time for each."""
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-log-") as logs:
        command = [str(folder / "pgbench"), "-n", "-S", "-M", mode, "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds),
                   "-l", "--log-prefix", f"{logs}/t", "-h", "127.0.0.1", "-p", str(peer.port), "-U", peer.user, *options, "bench"]
        env = {**os.environ, "PGPASSWORD": peer.password or "none", "PGSSLMODE": peer.sslmode}
        with cpu_of(peer) as spent:
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"pgbench through {peer.name}: {done.stderr[-500:]}")
        latencies = sorted(int(line.split()[2]) for path in glob.glob(f"{logs}/t*") for line in open(path))
    tps = next(float(line.split()[2]) for line in done.stdout.splitlines() if line.startswith("tps ="))
    count = len(latencies)
    return {"per_second": tps, "p50_us": percentile(latencies, 0.5), "p99_us": percentile(latencies, 0.99),
            "cpu_us_per_op": spent["cpu"] * 1e6 / count if spent["cpu"] is not None else None}


def stream(peer, query, connect=Session):
    """A large answer, thrown away by the smallest client; MB are of the wire."""
    session = connect(peer)
    session.query("SELECT 1")
    with cpu_of(peer) as spent:
        start = time.monotonic()
        size = session.query(query)
        elapsed = time.monotonic() - start
    session.close()
    per_gb = spent["cpu"] / (size / 1e9) if spent["cpu"] is not None else None
    return {"mb_per_second": size / 1e6 / elapsed, "cpu_s_per_gb": per_gb}


def idle(peer, count, connect=Session, query="SELECT abalance FROM pgbench_accounts WHERE aid = 1"):
    """How much the proxy grows for each session that has run a query and waits."""
    if peer.process is None:
        return {}
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    warm = [connect(peer) for _ in range(20)]
    for session in warm:
        session.query("SELECT 1")
    before = peer.process.resident_kib()
    sessions = []
    for _ in range(count):
        sessions.append(connect(peer))
        sessions[-1].query(query)
    time.sleep(2)
    grown = peer.process.resident_kib() - before
    for session in warm + sessions:
        session.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return {"kib_per_session": grown / count}


def cells(arguments, postgres):
    """Every scenario: its name and how to run it on a peer."""
    for mode in ("simple", "extended", "prepared"):
        for clients in arguments.clients:
            yield f"{mode}/{clients}", lambda peer, m=mode, c=clients: pgbench(postgres.bin, peer, m, c, arguments.seconds)
    yield "connect/4", lambda peer: pgbench(postgres.bin, peer, "simple", 4, arguments.seconds, "-C")
    yield f"select/{arguments.rows}", lambda peer: stream(peer, WIDE)
    yield f"copy/{arguments.rows}", lambda peer: stream(peer, f"COPY ({WIDE}) TO STDOUT")


def median(rows, key):
    values = [row[key] for row in rows if row.get(key) is not None]
    return statistics.median(values) if values else None
