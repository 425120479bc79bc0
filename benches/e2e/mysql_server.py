"""The MariaDB or MySQL behind every peer, from the tools folder, with durability and its own logs off."""

import os
import pathlib
import shutil
import subprocess
import sys

import peers

# Of the account that the gateway signs in with; the one of clients that come directly has none.
PASSWORD = "gateway"

WIDE = """CREATE TABLE wide (id int PRIMARY KEY, name varchar(40), digest char(32), bucket int, amount decimal(12, 2), note varchar(80))
    AS SELECT g AS id, concat('Customer number ', g) AS name, left(sha2(g, 256), 32) AS digest, g % 97 AS bucket, g * 1.25 AS amount,
    concat('some ordinary text of a middling length, ', g % 1000) AS note FROM (SELECT 1 + {number} AS g FROM {digits}) AS numbers WHERE g <= {rows}"""


def wide(rows):
    """A table of so many rows, numbered by the digits of all combinations: both servers can do that."""
    places = range(len(str(max(rows - 1, 1))))
    digits = ", ".join(f"digits AS d{place}" for place in places)
    return WIDE.format(number=" + ".join(f"d{place}.n * {10 ** place}" for place in places), digits=digits, rows=rows)


def tools(flavour):
    return pathlib.Path(os.environ.get("PORTCULLIS_TOOLS", "/nonexistent")) / flavour


def program(flavour):
    return tools(flavour) / "usr/sbin" / ("mysqld" if flavour == "mysql9" else "mariadbd")


def absent(flavour):
    """Why this server cannot be had, in the words that the set-up has left; nothing if it is there."""
    if program(flavour).exists():
        return None
    reason = tools(flavour).with_suffix(".skipped")
    return reason.read_text().strip() if reason.exists() else f"{flavour} is not installed: run `make setup`"


class MySql:
    """`flavour` is the folder in the tools: mariadb, mariadb11, mysql9. Clients on loopback come without a password."""

    protocol, account, password = "mysql", "gateway", PASSWORD

    def __init__(self, flavour, scale, rows):
        self.root, self.program, self.mariadb = tools(flavour) / "usr", program(flavour), flavour != "mysql9"
        self.port, self.owner = peers.free_port(), peers.unprivileged()
        self.dir = peers.folder(self.owner)
        self.initialise()
        self.process = peers.spawn([self.program, *self.settings()], self.dir / "log", self.owner)
        try:
            peers.wait_port(self.port, self.process, self.dir / "log")
            self.fill(scale, rows)
        except BaseException:
            self.stop()
            raise

    def base(self):
        return ["--no-defaults", f"--basedir={self.root}", f"--datadir={self.dir}/data"]

    def initialise(self):
        if self.mariadb:
            command = [self.root / "bin/mariadb-install-db", *self.base(), "--auth-root-authentication-method=normal", "--skip-test-db"]
        else:
            command = [self.program, *self.base(), "--initialize-insecure", "--auto-generate-certs=OFF"]
        log = self.dir / "log"
        if peers.spawn(command, log, self.owner).wait(180) != 0:
            sys.exit(f"bench: no data folder:\n{log.read_text(errors='replace')[-3000:]}")

    def settings(self):
        common = [f"--plugin-dir={self.root}/lib/mysql/plugin", "--bind-address=127.0.0.1", f"--port={self.port}", f"--socket={self.dir}/s",
                  f"--pid-file={self.dir}/pid", "--skip-name-resolve", "--skip-log-bin", "--general-log=OFF", "--slow-query-log=OFF", "--performance-schema=OFF",
                  "--character-set-server=utf8mb4", "--max-connections=6000", "--back-log=2000", "--innodb-buffer-pool-size=1G",
                  "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--innodb-flush-method=nosync", "--innodb-use-native-aio=OFF"]
        own = [] if self.mariadb else ["--mysqlx=OFF", "--secure-file-priv=NULL", "--auto-generate-certs=OFF"]
        return [*self.base(), *common, *own]

    def fill(self, scale, rows):
        self.sql("mysql", f"""CREATE DATABASE bench; CREATE USER bench@'%'; CREATE USER gateway@'%' IDENTIFIED BY '{PASSWORD}';
            GRANT ALL ON bench.* TO bench@'%'; GRANT ALL ON bench.* TO gateway@'%'""")
        sysbench = ["sysbench", "oltp_read_only", "--db-driver=mysql", "--mysql-host=127.0.0.1", f"--mysql-port={self.port}", "--mysql-user=bench",
                    "--mysql-db=bench", f"--table-size={scale * 100_000}", "prepare"]
        done = subprocess.run(sysbench, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench: sysbench: {(done.stderr + done.stdout)[-1000:]}")
        self.sql("bench", f"CREATE TABLE digits AS {' UNION ALL '.join(f'SELECT {n} AS n' for n in range(10))}; {wide(rows)}; ANALYZE TABLE wide, sbtest1")

    def client(self):
        """The command-line client, for the rows of a query and nothing else."""
        name, in_clear = ("mariadb", "--skip-ssl") if self.mariadb else ("mysql", "--ssl-mode=DISABLED")
        return [str(self.root / "bin" / name), "--no-defaults", in_clear, "--batch", "--skip-column-names", "--quick"]

    def sql(self, database, text):
        command = [*self.client(), f"--socket={self.dir}/s", "--user=root", database, "-e", text]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"bench: {done.stderr}")
        return done.stdout

    def version(self):
        version = self.sql("mysql", "SELECT concat(version(), ' ', @@version_comment)").strip()
        return version if self.mariadb else f"MySQL {version}"

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
