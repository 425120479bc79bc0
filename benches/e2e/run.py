#!/usr/bin/env python3
"""The end-to-end comparison: direct, HAProxy (tcp), PgBouncer (session pooling) and Portcullis, in interleaved rounds.

All peers stand in front of one server on this machine, without TLS: PostgreSQL, or MariaDB or MySQL with `--protocol mysql`.
In each round every scenario is run on every peer, in an order that turns with the round, so that a slow minute of the
machine touches all alike. Results go to benches/runs/<date>-<machine>/: results.tsv, results.md, one SVG for each kind of
figure; the names of MySQL's begin with `mysql-`.
"""

import argparse
import datetime
import os
import pathlib
import platform
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mysql_scenarios
import oidc
import peers
import report
import scenarios

ROOT = pathlib.Path(__file__).parent.parent.parent
LOAD_BEFORE = " ".join(f"{load:.1f}" for load in os.getloadavg())
PROTOCOLS = {"postgres": scenarios, "mysql": mysql_scenarios}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, help="the portcullis to measure; without it only its peers are")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="postgres")
    parser.add_argument("--server", choices=["mariadb", "mariadb11", "mysql9"], default="mariadb", help="which one speaks MySQL")
    parser.add_argument("--peers", type=lambda text: text.split(","), help="of: " + "; ".join(f"{name}: {','.join(these.PEERS)}" for name, these in PROTOCOLS.items()))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each run of pgbench or sysbench")
    parser.add_argument("--clients", type=lambda text: [int(part) for part in text.split(",")], default=[1, 16, 64])
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the large SELECT (and COPY)")
    parser.add_argument("--sessions", type=int, default=1000, help="idle sessions whose memory is measured; 0 leaves it out")
    parser.add_argument("--scale", type=int, default=10, help="of pgbench's and sysbench's table: times 100,000 rows")
    parser.add_argument("--out", type=pathlib.Path, help="where results go, in place of benches/runs/<date>-<machine>")
    return parser.parse_args()


def start_peers(wanted, server, binary):
    made = {"direct": lambda: peers.Direct(server), "direct+tls": lambda: peers.DirectTls(server)}
    if shutil.which("haproxy"):
        made["haproxy"] = lambda: peers.HAProxy(server)
    if shutil.which("pgbouncer"):
        made["pgbouncer"] = lambda: peers.PgBouncer(server)
    if binary:
        provider = oidc.Provider()
        made["portcullis"] = lambda: peers.Portcullis(server, binary.resolve(), provider)
        made["portcullis+tls"] = lambda: peers.PortcullisTls(server, binary.resolve(), provider)
        made["portcullis+dict"] = lambda: peers.PortcullisDictionary(server, binary.resolve(), provider)
    made = {name: make for name, make in made.items() if name in PROTOCOLS[server.protocol].PEERS}
    for name in wanted:
        if name not in made:
            print(f"bench: {name} is not there: its rows will be missing")
    started = []
    try:
        for name in (name for name in wanted if name in made):
            started.append(made[name]())
    except BaseException:
        stop(started)
        raise
    return started


def stop(started):
    for peer in started:
        peer.stop()


def measure(options, started, server, rows):
    load = PROTOCOLS[options.protocol]
    for number in range(1, options.rounds + 1):
        turn = number % len(started)
        for scenario, run in load.cells(options, server):
            for peer in started[turn:] + started[:turn]:
                if not load.runs(scenario, peer):
                    continue
                result = run(peer)
                rows.append({"round": number, "scenario": scenario, "peer": peer.name, **result})
                print(f"round {number}  {scenario:16} {peer.name:16} " + "  ".join(f"{k} {report.shown(v)}" for k, v in result.items()), flush=True)
    if options.sessions:
        for peer in (peer for peer in started if peer.sslmode == "disable"):
            rows.append({"round": 1, "scenario": f"idle/{options.sessions}", "peer": peer.name, **load.idle(peer, options.sessions)})


def in_order(rows, started):
    """In the order in which peers were named, whatever turn they were measured in."""
    order = [peer.name for peer in started]
    names = list(dict.fromkeys(row["scenario"] for row in rows))
    return sorted(rows, key=lambda row: (row["round"], names.index(row["scenario"]), order.index(row["peer"])))


def version_of(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().split("\n")[0]


def about(options, load, server):
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    commit = version_of("git", "-C", ROOT, "rev-parse", "--short", "HEAD")
    versions = [server.version()]
    versions += [version_of("haproxy", "-v")] if shutil.which("haproxy") else []
    versions += [version_of(*command) for command in load.programs()]
    return {
        "Date": datetime.date.today().isoformat(),
        "Machine": f"{os.cpu_count()} × {model}, Linux {platform.release()}; clients, proxies and server share it",
        "Commit": commit,
        "Versions": "; ".join(versions),
        "Command": "benches/e2e/run.py " + " ".join(argument for argument in sys.argv[1:] if not argument.startswith("/")),
        "Load before": LOAD_BEFORE,
        "Rounds": f"{options.rounds} interleaved, {options.seconds} s each; medians",
        **load.about(options),
    }


def main():
    options = arguments()
    load = PROTOCOLS[options.protocol]
    server = load.server(options)
    rows = []
    try:
        facts = about(options, load, server)
        started = start_peers(options.peers or load.USUAL, server, options.binary)
        try:
            measure(options, started, server, rows)
        finally:
            stop(started)
    finally:
        server.stop()
        # What was measured before a failure is kept too.
        if rows:
            keep(options, facts, in_order(rows, started))


def keep(options, facts, rows):
    out = options.out or ROOT / "benches/runs" / f"{facts['Date']}-{os.cpu_count()}core-{platform.machine()}"
    out.mkdir(parents=True, exist_ok=True)
    prefix = PROTOCOLS[options.protocol].PREFIX
    (out / f"{prefix}results.tsv").write_text(report.tsv(rows))
    (out / f"{prefix}results.md").write_text(report.markdown(rows, facts))
    for name, chart in report.charts(rows).items():
        (out / f"{prefix}{name}").write_text(chart)
    print(f"bench: results in {out}")


if __name__ == "__main__":
    main()
