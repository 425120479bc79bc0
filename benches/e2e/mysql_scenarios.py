"""What is done through each peer of MySQL: sysbench, a large SELECT by the command-line client, sessions that wait."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import peers
import scenarios
from mysql_client import Session
from mysql_server import MySql, absent
from scenarios import WIDE, cpu_of, stream

PEERS = ["direct", "haproxy", "portcullis", "portcullis+dict"]
USUAL = ["direct", "haproxy", "portcullis"]
PREFIX = "mysql-"
CONNECT = pathlib.Path(__file__).parent / "connect.lua"

# The name of a row, sysbench's script, and whether it prepares its statements.
LOADS = [("point-text", "oltp_point_select", "disable"), ("point-prepared", "oltp_point_select", "auto"),
         ("read-only-text", "oltp_read_only", "disable"), ("read-only-prepared", "oltp_read_only", "auto")]


def server(options):
    missing = absent(options.server) or (None if shutil.which("sysbench") else "sysbench is not installed: run `scripts/setup.sh bench`")
    if missing:
        print(f"bench: no rows for MySQL: {missing}")
        sys.exit(0)
    return MySql(options.server, options.scale, options.rows)


def programs():
    return [("sysbench", "--version")]


def about(_):
    return {"Load": "sysbench; an operation of read-only is its transaction of 16 statements; CPU from when all threads are signed in",
            "Not measured": "ProxySQL, which Debian's packages do not have"}


def runs(_scenario, _peer):
    return True


def measured(process, peer):
    """Waits for sysbench, with the proxy's CPU time from when all threads are ready."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Threads started"):
            break
    with cpu_of(peer) as spent:
        lines += process.stdout
        process.wait()
    output = "".join(lines)
    if process.returncode != 0 or "total number of events" not in output:
        raise RuntimeError(f"sysbench through {peer.name}: {output[-1500:]}")
    return output, spent["cpu"]


def sysbench(peer, script, clients, seconds, *options):
    """One run of sysbench: its events, their latencies, and the proxy's CPU time for each.

    Its threads would load the client library's plugin for clear passwords at once, which fails: a minted credential needs none.
    """
    user, password = peer.credential()
    command = ["sysbench", str(script), "--db-driver=mysql", "--mysql-host=127.0.0.1", f"--mysql-port={peer.port}", f"--mysql-user={user}",
               f"--mysql-password={password or ''}", "--mysql-db=bench", f"--threads={clients}", f"--time={seconds}",
               "--rand-type=uniform", "--histogram", *options, "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        output, cpu = measured(process, peer)
    latencies = histogram(output)
    count = sum(times for _, times in latencies)
    elapsed = float(re.search(r"total time:\s+([\d.]+)s", output).group(1))
    return {"per_second": count / elapsed, "p50_us": share(latencies, count, 0.5), "p99_us": share(latencies, count, 0.99),
            "cpu_us_per_op": cpu * 1e6 / count if cpu is not None else None}


def histogram(output):
    """Pairs of µs and how often."""
    found = re.findall(r"^\s*([\d.]+) \|\**\s+(\d+)$", output, re.MULTILINE)
    return [(float(value) * 1000, int(times)) for value, times in found]


def share(latencies, count, wanted):
    """The latency that this share of all did not exceed."""
    seen = 0
    for value, times in latencies:
        seen += times
        if seen >= count * wanted:
            return value
    return None


def select(peer, database, query, size):
    """A large answer through the command-line client; MB are of the wire, whose size is known."""
    # Clients of MySQL send a token in clear only when told to; MariaDB's do so anyway.
    command = [*database.client(), "--enable-cleartext-plugin", "--host=127.0.0.1", f"--port={peer.port}", f"--user={peer.user}", "bench", "-e", query]
    env = {**os.environ, "MYSQL_PWD": peer.password or ""}
    with cpu_of(peer) as spent:
        start = time.monotonic()
        done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        elapsed = time.monotonic() - start
    if done.returncode != 0:
        raise RuntimeError(f"the client through {peer.name}: {done.stderr[-500:]}")
    return {"mb_per_second": size / 1e6 / elapsed, "cpu_s_per_gb": spent["cpu"] / (size / 1e9) if spent["cpu"] is not None else None}


def size_of(database, query):
    """How many bytes the answer has on the wire."""
    session = Session(peers.Direct(database))
    with contextlib.closing(session):
        return session.query(query)


def cells(options, database):
    """Every scenario: its name and how to run it on a peer."""
    for name, script, mode in LOADS:
        for clients in options.clients:
            yield f"{name}/{clients}", lambda peer, s=script, m=mode, c=clients: sysbench(
                peer, s, c, options.seconds, f"--db-ps-mode={m}", f"--table-size={options.scale * 100_000}")
    yield "connect/4", lambda peer: sysbench(peer, CONNECT, 4, options.seconds)
    size = size_of(database, WIDE)
    yield f"select/{options.rows}", lambda peer: select(peer, database, WIDE, size)
    yield f"stream/{options.rows}", lambda peer: stream(peer, WIDE, Session)


def idle(peer, count):
    return scenarios.idle(peer, count, Session, "SELECT c FROM sbtest1 WHERE id = 1")
