"""mysql-connector-python, pure and with its C extension (MySQL's client library): prepared statements, cursors, attributes."""

import json
import re
import struct

import mysql.connector
from mysql.connector.constants import ServerCmd

from mysql_steps import Steps
from transcript import digest


class Connector(Steps):
    OWN = ["prepared", "prepared_types", "reprepared", "server_cursor", "dictionaries", "streamed", "commands", "attributes", "other_connections"]

    # It loses the connection when the server asks for a file that is not there.
    missing_file = False

    def __init__(self, url, pure):
        self.pure = pure
        super().__init__(url)

    def connect(self, **options):
        options = {"use_pure": self.pure, "autocommit": True, "allow_local_infile": True, "charset": "utf8mb4", **options}
        return mysql.connector.connect(**{**self.place, **options})

    def tls(self, ca):
        return {"ssl_ca": ca, "ssl_verify_cert": True, "ssl_verify_identity": True}

    def describe(self, error):
        if not isinstance(error, mysql.connector.Error):
            # It names its own objects by their place in memory.
            return re.sub(r" at 0x[0-9a-f]+", "", json.dumps(super().describe(error)))
        return {"class": type(error).__name__, "errno": error.errno, "sqlstate": error.sqlstate, "saw": error.msg}

    def callproc(self, name, values):
        cursor = self.cursor()
        given = cursor.callproc(name, values)
        seen = [[result.description, result.fetchall()] for result in cursor.stored_results()]
        cursor.close()
        return [given, seen]

    def prepared(self):
        """One statement of the server for all executions, values in their binary form."""
        seen = []
        cursor = self.cursor(prepared=True)
        for id in range(1, 7):
            cursor.execute("SELECT id, name, tags, avatar, created FROM customers WHERE id = ?", (id,))
            seen.append([cursor.description, cursor.fetchall()])
        for value in self.values():
            seen.append(self.attempt(self.one, cursor, "SELECT ? AS value, HEX(?) AS hex", (value, value)))
        # Its C extension reads the error of a prepare that failed from memory that it has freed, and may crash of that.
        failing = ["SELEC", "SELECT * FROM nosuch WHERE id = ?", "SELECT 1; SELECT ?"] if self.pure else []
        for text in [*failing, "INSERT INTO products VALUES (?, 'a', 'b', 1, 1, 0)"]:
            seen.append(self.attempt(self.one, cursor, text, (1,)))
        cursor.close()
        return seen

    def one(self, cursor, text, values):
        cursor.execute(text, values)
        return [cursor.description, cursor.fetchall() if cursor.description else None, cursor.rowcount, cursor.lastrowid]

    def prepared_types(self):
        seen = []
        for column in ["id, i8, u8, i16, i24, i32, u32, i64, u64", "deci, f, d", "da, dt, ts, y", "t", "c, v, tx, lt", "b, vb, bl", "e, s", "bi", "js", "g"]:
            # What the driver cannot read, it leaves on its connection.
            conn = self.connect()
            seen.append(self.attempt(self.one, conn.cursor(prepared=True), f"SELECT {column} FROM drv_types WHERE id > ? ORDER BY id", (0,)))
            conn.close()
        cursor = self.cursor(prepared=True)
        self.query("CREATE TEMPORARY TABLE long_kept (b LONGBLOB)")
        raw = bytes(range(256)) * 40_000
        seen.append(self.attempt(self.one, cursor, "INSERT INTO long_kept VALUES (?)", (raw,)))
        seen.append(digest(self.rows("SELECT b FROM long_kept")))
        cursor.executemany("INSERT INTO long_kept VALUES (?)", [(bytes([n]),) for n in range(50)])
        seen.append(self.rows("SELECT count(*), sum(length(b)) FROM long_kept"))
        cursor.close()
        return seen + self.query("DROP TEMPORARY TABLE long_kept")

    def reprepared(self):
        """The table changes its shape under a prepared statement; statements are closed and prepared again."""
        # The C extension writes the further column behind the room that it made for the first.
        if not self.pure:
            return None
        seen = []
        self.query("CREATE TEMPORARY TABLE shape (a INT)")
        self.query("INSERT INTO shape VALUES (1)")
        cursor, other = self.cursor(prepared=True), self.cursor(prepared=True)
        seen.append(self.one(cursor, "SELECT * FROM shape WHERE a > ?", (0,)))
        self.query("ALTER TABLE shape ADD b TEXT")
        seen.append(self.attempt(self.one, cursor, "SELECT * FROM shape WHERE a > ?", (0,)))
        for n in range(5):
            seen.append(self.attempt(self.one, other, f"SELECT a + {n} FROM shape WHERE a > ?", (0,)))
            seen.append(self.attempt(self.one, cursor, "SELECT * FROM shape WHERE a > ?", (0,)))
        cursor.close()
        other.close()
        return seen + self.query("DROP TEMPORARY TABLE shape")

    def server_cursor(self):
        """Rows stay at the server and are fetched some at a time. Only the pure driver lets us ask for that, packet by packet."""
        if not self.pure:
            return None
        statement = self.conn.cmd_stmt_prepare(b"SELECT id, name, avatar FROM customers WHERE id > ? ORDER BY id")
        _, columns, _ = self.conn.cmd_stmt_execute(statement["statement_id"], (2,), statement["parameters"], 1)
        self.conn.unread_result = False
        seen = []
        for rows in [2, 3, 500]:
            packet = self.conn._send_cmd(ServerCmd.STMT_FETCH, packet=struct.pack("<II", statement["statement_id"], rows))
            while not (packet[4] in (0xFE, 0xFF) and len(packet) < 60):
                seen.append(bytes(packet))
                packet = self.conn._socket.recv()
            seen.append(bytes(packet))
        seen.append(self.attempt(self.conn.cmd_stmt_reset, statement["statement_id"]))
        self.conn.cmd_stmt_close(statement["statement_id"])
        return [columns, len(seen), digest(seen), seen[:4], self.rows("SELECT 'usable'")]

    def dictionaries(self):
        cursor = self.cursor(dictionary=True, buffered=True)
        cursor.execute("SELECT id, name FROM customers WHERE id < %(below)s", {"below": 3})
        return cursor.fetchall()

    def streamed(self):
        cursor = self.cursor(raw=True)
        cursor.execute("SELECT id, note FROM orders ORDER BY id")
        seen = [cursor.fetchone(), cursor.fetchmany(3), digest(cursor.fetchall())]
        cursor.close()
        return seen

    def commands(self):
        conn = self.conn
        seen = [conn.ping(), conn.cmd_init_db("hr"), self.rows("SELECT database()"), self.attempt(conn.cmd_init_db, "nosuch"), conn.cmd_init_db("shop")]
        self.query("SET @before = 1")
        seen += [self.attempt(conn.reset_session), self.rows("SELECT @before, database()"), conn.set_charset_collation("latin1"), self.rows("SELECT 'ü'")]
        seen += [conn.set_charset_collation("utf8mb4"), conn.server_info if hasattr(conn, "server_info") else None, conn.is_connected()]
        return seen

    def attributes(self):
        """Named values beside a statement, which a function of MySQL's shows."""
        cursor = self.cursor()
        seen = [self.attempt(cursor.add_attribute, "who", "ü"), self.attempt(cursor.add_attribute, "n", 7)]
        seen.append(self.attempt(self.one, cursor, "SELECT 1", None))
        cursor.close()
        return seen

    def other_connections(self):
        seen = []
        for options in [{"charset": "latin1"}, {"client_flags": [mysql.connector.ClientFlag.FOUND_ROWS]}, {"init_command": "SET @first = 1, sql_mode = 'ANSI'"},
                        {"sql_mode": "ANSI"}, {"allow_local_infile": False}, {"raise_on_warnings": True}, {"time_zone": "+03:00"},
                        {"client_flags": [-mysql.connector.ClientFlag.DEPRECATE_EOF]}, {"conn_attrs": {"own": "x" * 100}}]:
            conn = self.connect(**options)
            usual, self.conn = self.conn, conn
            for text in ["SELECT @@character_set_client, @@collation_connection, database(), @first, @@sql_mode, @@autocommit, 'ü', @@time_zone",
                         "UPDATE products SET title = title WHERE id < 4", "SELECT 1/0", "LOAD DATA LOCAL INFILE '/nosuch' INTO TABLE products"]:
                seen.append(self.attempt(self.query, text))
            self.conn = usual
            conn.close()
        return seen


def run(url, pure):
    Connector(url, pure).run()
