"""PyMySQL: the text protocol in pure Python; unbuffered cursors, several statements, files."""

import os

import pymysql
from pymysql.cursors import DictCursor, SSCursor

from mysql_steps import Steps
from transcript import digest


class PyMySQL(Steps):
    OWN = ["unbuffered", "given_up", "dictionaries", "commands", "other_connections", "statements"]

    def connect(self, **options):
        flags = pymysql.constants.CLIENT.MULTI_STATEMENTS
        options = {"client_flag": flags, "charset": "utf8mb4", "autocommit": True, "local_infile": True, "max_allowed_packet": 1 << 26, **options}
        return pymysql.connect(**{**self.place, **options})

    def tls(self, ca):
        return {"ssl_ca": ca, "ssl_verify_cert": True, "ssl_verify_identity": True}

    def unbuffered(self):
        cursor = self.cursor(cursor=SSCursor)
        cursor.execute("SELECT id, note FROM orders ORDER BY id")
        seen = [cursor.fetchone(), cursor.fetchmany(3), digest(list(cursor.fetchall_unbuffered()))]
        cursor.execute("SELECT 1/(id - 5), exp(id * 100) FROM products ORDER BY id")
        seen.append(self.attempt(cursor.fetchall))
        cursor.close()
        return seen

    def given_up(self):
        """An unbuffered result that is not read to its end is skipped by the driver before the next statement."""
        cursor = self.cursor(cursor=SSCursor)
        cursor.execute("SELECT a.id FROM orders a JOIN orders b ON b.id < 50")
        seen = [cursor.fetchone()]
        cursor.close()
        return seen + [self.rows("SELECT 'usable'")]

    def dictionaries(self):
        cursor = self.cursor(cursor=DictCursor)
        cursor.execute("SELECT id, id, name FROM customers WHERE id < %(below)s", {"below": 3})
        return cursor.fetchall()

    def commands(self):
        """Ping, another database, another character set: commands of their own, not statements."""
        seen = [self.conn.ping(reconnect=False), self.conn.select_db("hr"), self.rows("SELECT database()"), self.attempt(self.conn.select_db, "nosuch")]
        seen += [self.conn.select_db("shop"), self.conn.set_character_set("latin1"), self.rows("SELECT @@character_set_results, 'ü'")]
        seen += [self.conn.set_character_set("utf8mb4", "utf8mb4_bin"), self.rows("SELECT @@collation_connection"), self.conn.get_autocommit()]
        seen += [self.conn.get_server_info(), self.conn.get_proto_info(), self.conn.show_warnings()]
        return seen

    def other_connections(self):
        """What is agreed at the sign-in: character set, database, found rows, a first statement, no several statements, a name that is not."""
        seen = []
        for options in [{"charset": "latin1"}, {"charset": "utf8mb4", "collation": "utf8mb4_bin"}, {"client_flag": pymysql.constants.CLIENT.FOUND_ROWS},
                        {"init_command": "SET @first = 1, sql_mode = 'ANSI'"}, {"client_flag": 0}, {"local_infile": False}, {"read_timeout": 60, "autocommit": False}]:
            conn = self.connect(**options)
            usual, self.conn = self.conn, conn
            for text in ["SELECT @@character_set_client, @@collation_connection, database(), @first, @@sql_mode, @@autocommit, 'ü'",
                         "UPDATE products SET title = title WHERE id < 4", "SELECT 1; SELECT 2", "LOAD DATA LOCAL INFILE '/nosuch' INTO TABLE products"]:
                seen.append(self.attempt(self.query, text))
            self.conn = usual
            conn.close()
        return seen

    def statements(self):
        """What the grammar has to offer, much of it on one of the servers alone: errors are as good as results."""
        with open(os.path.join(os.path.dirname(__file__), "mysql_statements.txt"), encoding="utf-8") as file:
            return [[text.strip(), self.attempt(self.query, text.rstrip("\n"))] for text in file]


def run(url):
    PyMySQL(url).run()
