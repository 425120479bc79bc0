"""What every Python driver of MySQL and MariaDB does, through the one interface that they share (PEP 249).

A driver's own module says how it connects, what it makes of an error, and adds the steps that only it can do. Each step
leaves nothing behind that a later run would see: the same script runs twice on one server.
"""

import datetime
import decimal
import os
import tempfile
import urllib.parse

from transcript import Transcript, digest

COLUMNS = """id INT AUTO_INCREMENT PRIMARY KEY, i8 TINYINT, u8 TINYINT UNSIGNED, i16 SMALLINT, i24 MEDIUMINT, i32 INT,
    u32 INT UNSIGNED ZEROFILL, i64 BIGINT, u64 BIGINT UNSIGNED, deci DECIMAL(40, 10), f FLOAT, d DOUBLE, da DATE, t TIME(6),
    dt DATETIME(6), ts TIMESTAMP(3) NULL, y YEAR, c CHAR(5), v VARCHAR(100), tx TEXT, lt LONGTEXT, b BINARY(4),
    vb VARBINARY(300), bl BLOB, e ENUM('a', 'b', 'ü'), s SET('x', 'y', 'z'), bi BIT(10), js JSON, g POINT, yes BOOLEAN"""

EVERY_BYTE = bytes(range(256))

ROWS = [
    """NULL, -128, 255, -32768, -8388608, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615,
    -123456789012345678901234567890.0123456789, 1.5, -2.2250738585072014e-308, '1000-01-01', '-838:59:59.000000',
    '9999-12-31 23:59:59.999999', '2024-02-29 12:34:56.789', 1901, 'abc', 'zażółć 🦀 \\' \\\\ " \\0 end', '', 'long', 0x00FF0a1A,
    0x%s, 0x%s, 'ü', 'x,z', b'1010000001', '{"a": [1, null, "🦀"], "b": 1.5}', ST_GeomFromText('POINT(1 -2)'), TRUE"""
    % (EVERY_BYTE.hex(), (EVERY_BYTE * 3).hex()),
    """NULL, 127, 0, 0, 8388607, 0, 1, 9223372036854775807, 0, 0, 0, 1e100, '2024-02-29', '12:34:56.000001', '2024-01-01 00:00:00',
    '2038-01-19 03:14:07', 2155, '', '', REPEAT('ü', 300), '', '', '', '', 'a', '', 0, '[]', NULL, FALSE""",
    "NULL" + ", NULL" * 29,
]

ERRORS = [
    "SELEC 1", "SELECT * FROM nosuch", "SELECT nosuch FROM products", "SELECT nosuch()", "INSERT INTO products VALUES (1, 'a', 'b', 1, 1, 0)",
    "INSERT INTO products VALUES (999, 'SKU-x', 'b', -1, 1, 0)", "INSERT INTO orders VALUES (NULL, 9999, 1, 1, 'open', 'EMEA', '2024-01-01', NULL)",
    "INSERT INTO products (id) VALUES (1000)", "INSERT INTO products (id, sku, title, price) VALUES (1001, REPEAT('x', 50), 'a', 1)",
    "USE nosuch", "SELECT * FROM mysql.user", "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'żółw 🦀', MYSQL_ERRNO = 4711",
    "SELECT 1 FROM dual WHERE", "DROP TABLE nosuch", "CALL nosuch()", "SELECT (SELECT 1 UNION SELECT 2)", "SELECT 'open", "", "-- nothing", ";",
    "SET @@nosuch = 1", "SET GLOBAL max_connections = 5", "SELECT /* a comment */ 1 -- end", "KILL 99999999", "SELECT 18446744073709551615 + 1",
]


def place(url):
    """The parts of a URL, as drivers that take no URL want them."""
    parts = urllib.parse.urlsplit(url)
    return {
        "host": parts.hostname, "port": parts.port, "user": urllib.parse.unquote(parts.username or ""),
        "password": urllib.parse.unquote(parts.password or ""), "database": parts.path[1:],
    }


def authority(url):
    """The file of the authority to trust, where the URL asks for TLS."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)).get("ssl-ca")


class Steps:
    """The steps of one driver. What differs between drivers is overridden."""

    missing_file = True

    def __init__(self, url):
        ca = authority(url)
        self.place = {**place(url), **(self.tls(ca) if ca else {})}
        self.conn = self.connect()

    def connect(self, **options):
        raise NotImplementedError

    def tls(self, ca):
        """Options that ask for TLS to a server which this authority has named."""
        raise NotImplementedError

    def describe(self, error):
        return {"class": type(error).__name__, "saw": [str(argument) for argument in error.args]}

    def cursor(self, **options):
        return self.conn.cursor(**options)

    def results(self, cursor):
        """All result sets of a cursor."""
        seen = []
        while True:
            rows = cursor.fetchall() if cursor.description else None
            seen.append({"columns": cursor.description, "rows": rows, "count": cursor.rowcount, "id": cursor.lastrowid})
            if not cursor.nextset():
                return seen

    def query(self, text, values=None):
        cursor = self.cursor()
        try:
            cursor.execute(text, values) if values is not None else cursor.execute(text)
            return self.results(cursor)
        finally:
            cursor.close()

    def rows(self, text, values=None):
        return self.query(text, values)[0]["rows"]

    def attempt(self, run, *arguments):
        try:
            return run(*arguments)
        except Exception as error:  # what a driver says of an error is part of what it saw
            return self.describe(error)

    # The steps, in the order in which they run.

    def session(self):
        return self.rows("""SELECT @@version, current_user(), database(), @@character_set_client, @@collation_connection, @@sql_mode,
            @@autocommit, @@time_zone, @@max_allowed_packet, @@character_set_results, @@transaction_isolation""".replace(
            "@@transaction_isolation", "@@tx_isolation" if self.is_mariadb() else "@@transaction_isolation"))

    def is_mariadb(self):
        return "MariaDB" in self.rows("SELECT version()")[0][0]

    def types_in_text(self):
        self.query("DROP TABLE IF EXISTS drv_types")
        self.query(f"CREATE TABLE drv_types ({COLUMNS}) CHARACTER SET utf8mb4")
        seen = [self.attempt(self.query, f"INSERT INTO drv_types VALUES ({row})") for row in ROWS]
        seen.append(self.attempt(self.query, "SELECT * FROM drv_types ORDER BY id"))
        seen.append(self.attempt(self.query, "SELECT id, deci * 2 AS twice, HEX(bl) h, SHA2(vb, 256) FROM drv_types ORDER BY id"))
        return seen

    def values(self):
        return [1, -1, 2**40, 2**64 - 1, 1.5, decimal.Decimal("1.10"), "text", "ü\n'\\\"🦀\0\x1a%", b"\x00\xff'\\", True, None,
                datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3, 456), datetime.timedelta(days=3, microseconds=7),
                datetime.time(1, 2, 3), "", b"", EVERY_BYTE]

    def parameters(self):
        seen = [self.attempt(self.query, "SELECT %s AS value, HEX(%s) AS hex", (value, value)) for value in self.values()]
        seen.append(self.query("SELECT name, tags, profile, avatar FROM customers WHERE id IN (%s, %s) ORDER BY id", (4, 8)))
        return seen

    def bytes_of_every_kind(self):
        self.query("CREATE TEMPORARY TABLE bytes_kept (b LONGBLOB)")
        self.query("INSERT INTO bytes_kept VALUES (%s)", (EVERY_BYTE * 40,))
        kept = self.rows("SELECT b, SHA2(b, 256) FROM bytes_kept")
        self.query("DROP TEMPORARY TABLE bytes_kept")
        return [digest(kept), bytes(kept[0][0]) == EVERY_BYTE * 40]

    def errors(self):
        return [self.attempt(self.query, text) for text in ERRORS] + [self.rows("SELECT 'usable'")]

    def changes(self):
        seen = []
        self.query("CREATE TEMPORARY TABLE changed (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) UNIQUE, n INT DEFAULT 0)")
        for text in ["INSERT INTO changed (v) VALUES ('a')", "INSERT INTO changed (v) VALUES ('b'), ('c'), ('d')",
                     "INSERT INTO changed (v) VALUES ('a') ON DUPLICATE KEY UPDATE n = n + 1", "INSERT IGNORE INTO changed (v) VALUES ('a'), ('z')",
                     "REPLACE INTO changed (id, v) VALUES (1, 'a2')", "UPDATE changed SET n = 5 WHERE n = 5", "UPDATE changed SET n = 5",
                     "UPDATE changed SET n = 5", "DELETE FROM changed WHERE id > 2", "SELECT last_insert_id(), row_count()",
                     "INSERT INTO changed (id, v) VALUES (5000000000, 'far')", "TRUNCATE changed", "DROP TEMPORARY TABLE changed"]:
            seen.append(self.attempt(self.query, text))
        return seen

    def warnings(self):
        seen = [self.query("SELECT 1/0, CAST('12x' AS SIGNED), CAST('żó' AS DATE)"), self.query("SHOW WARNINGS"), self.query("SHOW COUNT(*) WARNINGS")]
        seen += [self.query("DROP TABLE IF EXISTS nosuch1, nosuch2"), self.query("SHOW WARNINGS LIMIT 1"), self.query("SELECT 1"), self.query("SHOW WARNINGS")]
        return seen

    def multiple(self):
        return self.query("SELECT 1 AS a; DO 1; SELECT 2 AS b, 'ü' AS c; INSERT INTO audit_notes (who) SELECT 'x' FROM dual WHERE 1 = 0; SELECT 3 FROM dual WHERE 1 = 0; SELECT 4")

    def multiple_broken(self):
        return [self.attempt(self.query, "SELECT 1; SELECT * FROM nosuch; SELECT 2"), self.rows("SELECT 'usable'"),
                self.attempt(self.query, "SELECT 1; SELEC 2"), self.rows("SELECT 'usable'")]

    def procedures(self):
        self.query("DROP PROCEDURE IF EXISTS drv_several")
        self.query("""CREATE PROCEDURE drv_several(IN n INT, INOUT twice INT, OUT text VARCHAR(20))
            BEGIN SELECT n AS n, 'first' AS which; SELECT id, title FROM products WHERE id <= n ORDER BY id; SELECT 1 FROM dual WHERE 1 = 0;
            SET twice = twice * 2; SET text = 'żółw'; END""")
        self.query("SET @twice = 21, @text = NULL")
        return [self.query("CALL drv_several(2, @twice, @text)"), self.query("SELECT @twice, @text"), self.callproc("drv_several", (2, 21, None)),
                self.attempt(self.query, "CALL drv_several(2, @twice)"), self.query("DROP PROCEDURE drv_several")]

    def callproc(self, name, values):
        cursor = self.cursor()
        cursor.callproc(name, values)
        seen = self.results(cursor)
        cursor.close()
        return [seen, self.rows(f"SELECT @_{name}_0, @_{name}_1, @_{name}_2")]

    def transactions(self):
        seen = []
        self.query("DROP TABLE IF EXISTS drv_kept")
        self.query("CREATE TABLE drv_kept (a INT PRIMARY KEY)")
        self.conn.autocommit(False) if callable(self.conn.autocommit) else setattr(self.conn, "autocommit", False)
        self.query("INSERT INTO drv_kept VALUES (1)")
        self.conn.rollback()
        seen.append(self.rows("SELECT * FROM drv_kept"))
        self.query("INSERT INTO drv_kept VALUES (2)")
        self.conn.commit()
        seen.append(self.attempt(self.query, "INSERT INTO drv_kept VALUES (3), (2)"))
        self.query("SAVEPOINT s")
        self.query("INSERT INTO drv_kept VALUES (4)")
        self.query("ROLLBACK TO s")
        self.conn.commit()
        self.conn.autocommit(True) if callable(self.conn.autocommit) else setattr(self.conn, "autocommit", True)
        seen.append(self.rows("SELECT * FROM drv_kept ORDER BY a"))
        for text in ["START TRANSACTION READ ONLY", "INSERT INTO drv_kept VALUES (9)", "COMMIT AND CHAIN", "ROLLBACK RELEASE_NOT", "ROLLBACK",
                     "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "BEGIN", "DELETE FROM drv_kept", "ROLLBACK", "SELECT * FROM drv_kept",
                     "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", "LOCK TABLES drv_kept WRITE", "SELECT count(*) FROM products",
                     "UNLOCK TABLES", "DROP TABLE drv_kept"]:
            seen.append(self.attempt(self.query, text))
        return seen

    def many(self):
        self.query("CREATE TEMPORARY TABLE many (a INT, b VARCHAR(30), c BLOB)")
        cursor = self.cursor()
        cursor.executemany("INSERT INTO many VALUES (%s, %s, %s)", [(n, None if n % 7 == 0 else f"ü{n}'", bytes([n % 256])) for n in range(300)])
        seen = [cursor.rowcount, cursor.lastrowid]
        seen.append(self.attempt(cursor.executemany, "INSERT INTO many VALUES (%s, %s, %s)", [(1, "x", b""), (2, "y" * 50, b"")]))
        cursor.executemany("UPDATE many SET b = %s WHERE a = %s", [("changed", n) for n in range(5)])
        seen.append(cursor.rowcount)
        cursor.close()
        return seen + list(self.rows("SELECT count(*), sum(a), SHA2(GROUP_CONCAT(HEX(c) ORDER BY a), 256), count(b) FROM many")) + self.query("DROP TEMPORARY TABLE many")

    def settings(self):
        seen = []
        for text in ["SET @a = 1, @b := 'ü', @c = 1.5e0", "SELECT @a, @b, @c, @nosuch", "SELECT @a := @a + 1", "USE hr", "SELECT database()",
                     "SELECT count(*) FROM employees", "USE `shop`", "SELECT database()", "SET NAMES latin1", "SELECT @@character_set_client, HEX('x'), 'x'",
                     "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SELECT @@collation_connection, 'A' = 'a'", "SET NAMES utf8mb4",
                     "SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", "SELECT '\\n', \"id\" FROM \"products\" LIMIT 1",
                     "SELECT nosuch FROM \"products\"", "SET SESSION sql_mode = DEFAULT", "SELECT \"text\", 'a\\nb'", "SET time_zone = '+05:00'",
                     "SELECT CAST('2024-01-01 00:00:00' AS DATETIME), FROM_UNIXTIME(0)", "SET time_zone = DEFAULT", "SET CHARACTER SET utf8mb4",
                     "SELECT @@character_set_client, @@character_set_connection", "SET NAMES utf8mb4", "SHOW VARIABLES LIKE 'autocommit'", "SHOW TABLES LIKE 'cust%%'",
                     "DESCRIBE products", "SHOW CREATE TABLE customers", "EXPLAIN SELECT 1", "SHOW COLUMNS FROM customer_contacts",
                     "CREATE TEMPORARY TABLE tt AS SELECT id FROM products WHERE id < 4", "SELECT * FROM tt ORDER BY id", "DROP TEMPORARY TABLE tt",
                     "SELECT customer_ssn(3)", "SELECT id AS `odd \"name\"; --`, 1 AS `🦀ü` FROM products WHERE id = 1".replace("🦀", "")]:
            seen.append(self.attempt(self.query, text.replace("%%", "%")))
        return seen

    def prepared_in_sql(self):
        seen = []
        for text in ["PREPARE p FROM 'SELECT name FROM customers WHERE id = ?'", "SET @id = 7", "EXECUTE p USING @id", "EXECUTE p",
                     "DEALLOCATE PREPARE p", "EXECUTE p USING @id", "PREPARE p FROM 'SELEC'", "SET @q = 'SELECT 1 + ? AS sum'", "PREPARE p FROM @q",
                     "EXECUTE p USING @id", "DROP PREPARE p"]:
            seen.append(self.attempt(self.query, text))
        return seen

    def files(self):
        """LOAD DATA LOCAL: one that fills several packets, an empty one, one that is not there, one with bad lines."""
        seen = []
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "rows")
            for content in [b"".join(b"%d,row %d \xc3\xbc\n" % (n, n) for n in range(30000)), b"", b"x,1\n1\n1,2,3\n"] + [None] * self.missing_file:
                if content is not None:
                    with open(name, "wb") as file:
                        file.write(content)
                else:
                    os.remove(name)
                self.query("CREATE TEMPORARY TABLE loaded (a INT, b VARCHAR(40))")
                loaded = self.attempt(self.query, f"LOAD DATA LOCAL INFILE '{name}' INTO TABLE loaded CHARACTER SET utf8mb4 FIELDS TERMINATED BY ','")
                seen.append([str(loaded).replace(folder, "FOLDER"), self.rows("SHOW WARNINGS"), self.rows("SELECT count(*), sum(a), MAX(b) FROM loaded")])
                self.query("DROP TEMPORARY TABLE loaded")
        return seen

    def large(self):
        rows = self.rows("SELECT a.id, b.id, SHA2(a.id * 1000 + b.id, 256) FROM orders a JOIN orders b ON b.id <= 60 ORDER BY 1, 2")
        # One text longer than a packet, and no more: all of it is judged.
        text, raw = "é🦀" * 3_400_000, EVERY_BYTE * 30_000
        seen = [digest(rows), len(rows), self.rows("SELECT %s", (text,))[0][0] == text]
        self.query("CREATE TEMPORARY TABLE large (b LONGBLOB)")
        seen.append(self.query("INSERT INTO large VALUES (%s)", (raw,)))
        seen.append(bytes(self.rows("SELECT b FROM large")[0][0]) == raw)
        # At and around the size where a packet is continued by another.
        for size in [2**24 - 6, 2**24 - 5, 2**24 - 4, 2 * (2**24 - 1) - 4]:
            seen.append(len(self.rows(f"SELECT REPEAT('x', {size})")[0][0]))
        seen.append(self.attempt(self.query, "SELECT length(REPEAT('x', 100000000))"))
        return seen + self.query("DROP TEMPORARY TABLE large")

    def still_whole(self):
        return [self.query("SELECT 'usable'"), self.query("DROP TABLE IF EXISTS drv_types")]

    COMMON = ["session", "types_in_text", "parameters", "bytes_of_every_kind", "errors", "changes", "warnings", "multiple", "multiple_broken",
              "procedures", "transactions", "many", "settings", "prepared_in_sql", "files", "large"]
    OWN = []

    def run(self):
        transcript = Transcript(self.describe)
        for name in self.COMMON + self.OWN + ["still_whole"]:
            transcript.step(name, getattr(self, name))
        self.conn.close()
        transcript.print()
