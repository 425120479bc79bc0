"""What is measured: the server directly, and each proxy in front of it, with the settings that its users would choose."""

import functools
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
HZ = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def unprivileged():
    """PostgreSQL and PgBouncer refuse to be root."""
    if os.getuid() != 0:
        return None
    names = [entry.pw_name for entry in pwd.getpwall()]
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def folder(user):
    path = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-bench-"))
    if user:
        os.chown(path, user.pw_uid, user.pw_gid)
    return path


def spawn(command, log, user=None, env=None):
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    with open(log, "ab") as output:
        return subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                env={**os.environ, **(env or {})}, cwd="/", start_new_session=True, **identity)


def wait_port(port, process, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"bench: it does not start:\n{pathlib.Path(log).read_text(errors='replace')[-3000:]}")


def certificate(directory, owner):
    """A self-signed certificate for localhost: server.crt and server.key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", directory / "server.key", "-out", directory / "server.crt"],
                   check=True, capture_output=True)
    (directory / "server.key").chmod(0o600)
    if owner:
        for name in ("server.key", "server.crt"):
            os.chown(directory / name, owner.pw_uid, owner.pw_gid)


class Process:
    """Its CPU time and memory, from /proc."""

    def __init__(self, process):
        self.process = process

    def cpu_seconds(self):
        """User and system time of all threads that ever lived, in the kernel's ticks, or finer where threads live on."""
        pid = self.process.pid
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks = (int(fields[11]) + int(fields[12])) / HZ
        fine = 0
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            try:
                fine += int((task / "schedstat").read_text().split()[0])
            except (OSError, ValueError, IndexError):
                return ticks
        return max(ticks, fine / 1e9)

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Postgres:
    """The server behind every peer. Clients on loopback are trusted: what is compared is the proxies."""

    # And how the gateway signs in to it.
    protocol, account, password = "postgres", "bench", "unused"

    def __init__(self, bin_dir, scale, rows):
        self.bin, self.port, self.owner = pathlib.Path(bin_dir), free_port(), unprivileged()
        self.dir = folder(self.owner)
        self.run("initdb", "--no-sync", "-A", "trust", "-U", "bench", "--locale=C", "-E", "UTF8", "-D", self.dir / "data")
        certificate(self.dir, self.owner)
        settings = ["ssl=on", f"ssl_cert_file={self.dir}/server.crt", f"ssl_key_file={self.dir}/server.key", "listen_addresses=127.0.0.1", "fsync=off", "synchronous_commit=off", "max_connections=6000", "shared_buffers=512MB",
                    f"unix_socket_directories={self.dir}", "autovacuum=off", "max_wal_size=4GB"]
        command = [self.bin / "postgres", "-D", self.dir / "data", "-p", self.port]
        for setting in settings:
            command += ["-c", setting]
        self.process = spawn(command, self.dir / "log", self.owner)
        wait_port(self.port, self.process, self.dir / "log")
        time.sleep(0.5)
        self.psql("postgres", "CREATE DATABASE bench")
        self.run("pgbench", "-q", "-i", "-s", str(scale), "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "bench")
        self.psql("bench", f"""CREATE TABLE wide AS SELECT g AS id, 'Customer number ' || g AS name, md5(g::text) AS digest, g % 97 AS bucket,
            (g * 1.25)::numeric(12, 2) AS amount, 'some ordinary text of a middling length, ' || (g % 1000) AS note
            FROM generate_series(1, {rows}) g""")
        self.psql("bench", "VACUUM ANALYZE")

    def run(self, program, *arguments):
        identity = {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []} if self.owner else {}
        done = subprocess.run([self.bin / program, *arguments], cwd="/", capture_output=True, text=True, check=False, **identity)
        if done.returncode != 0:
            sys.exit(f"bench: {program}: {done.stderr}")
        return done.stdout

    def psql(self, database, sql):
        return self.run("psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "-d", database, "-c", sql)

    def version(self):
        return self.run("postgres", "--version").strip()

    def stop(self):
        self.process.send_signal(2)
        self.process.wait(60)
        shutil.rmtree(self.dir, ignore_errors=True)


class Direct:
    name, user, password, process, sslmode = "direct", "bench", None, None, "disable"

    def __init__(self, server):
        self.port = server.port

    def credential(self):
        return self.user, self.password

    def stop(self):
        pass


class DirectTls(Direct):
    name, sslmode = "direct+tls", "require"


class Proxy:
    user, password, sslmode = "bench", None, "disable"

    def start(self, command, user=None, env=None):
        self.process = Process(spawn(command, self.dir / "log", user, env))
        wait_port(self.port, self.process.process, self.dir / "log")

    def credential(self):
        """What a client signs in with that cannot send a token."""
        return self.user, self.password

    def stop(self):
        self.process.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class HAProxy(Proxy):
    name = "haproxy"

    def __init__(self, server):
        self.port, self.dir = free_port(), folder(None)
        (self.dir / "haproxy.cfg").write_text(f"""global
  maxconn 5000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen server
  bind 127.0.0.1:{self.port}
  server upstream 127.0.0.1:{server.port}
""")
        self.start(["haproxy", "-db", "-f", self.dir / "haproxy.cfg"])


class PgBouncer(Proxy):
    name = "pgbouncer"

    def __init__(self, postgres):
        user = unprivileged()
        self.port, self.dir = free_port(), folder(user)
        (self.dir / "users").write_text('"bench" ""\n')
        (self.dir / "pgbouncer.ini").write_text(f"""[databases]
bench = host=127.0.0.1 port={postgres.port} dbname=bench user=bench
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = {self.dir}/users
pool_mode = session
max_client_conn = 5000
default_pool_size = 1150
logfile =
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
""")
        self.start(["pgbouncer", "-q", self.dir / "pgbouncer.ini"], user)


class Portcullis(Proxy):
    """As benches/e2e/portcullis.toml says; `extra` is what a variant adds."""

    name, user, dictionary = "portcullis", "ana", ""

    def __init__(self, server, binary, provider):
        self.port, self.dir = free_port(), folder(None)
        self.password = provider.token("ana", ["team"])
        self.admin = free_port()
        values = {"dir": self.dir, "port": self.port, "admin": self.admin, "issuer": provider.issuer, "protocol": server.protocol,
                  "upstream": server.port, "account": server.account, "policies": HERE / "policies", "listener_tls": "", "upstream_tls": "off",
                  "dictionary": self.extra(), **self.encryption()}
        (self.dir / "portcullis.toml").write_text((HERE / "portcullis.toml").read_text().format(**values))
        self.start([binary, "serve", "--config", self.dir / "portcullis.toml"], env={"BENCH_PASSWORD": server.password})

    @functools.cache
    def credential(self):
        """Minted through the admin API, for as long as that may be."""
        asked = json.dumps({"upstream": "bench", "lifetime": 6 * 3600}).encode()
        headers = {"Authorization": f"Bearer {self.password}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin}/v1/credentials", asked, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            minted = json.load(answer)
        return minted["user"], minted["password"]

    def extra(self):
        return ""

    def encryption(self):
        return {}


class PortcullisTls(Portcullis):
    """With TLS on both sides."""

    name, sslmode = "portcullis+tls", "require"

    def encryption(self):
        certificate(self.dir, None)
        return {"listener_tls": f'tls = {{ cert = "{self.dir}/server.crt", key = "{self.dir}/server.key" }}', "upstream_tls": "require"}


class PortcullisDictionary(Portcullis):
    """With a dictionary of 100,000 terms that no row contains."""

    name = "portcullis+dict"

    def extra(self):
        (self.dir / "terms").write_text("".join(f"codename-{n:06d}-x\n" for n in range(100_000)))
        return f'\n[[detect]]\nupstream = "*"\ndictionary = "{self.dir}/terms"\nclass = "codename"\n'
