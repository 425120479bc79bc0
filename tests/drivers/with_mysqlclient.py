"""mysqlclient: a C client library, here MariaDB's; stored and streamed results, several statements, files."""

import MySQLdb
from MySQLdb.constants import CLIENT
from MySQLdb.cursors import DictCursor, SSCursor

from mysql_steps import Steps
from transcript import digest


class MySQLClient(Steps):
    OWN = ["streamed", "given_up", "dictionaries", "commands", "other_connections"]

    def connect(self, **options):
        options = {"client_flag": CLIENT.MULTI_STATEMENTS, "charset": "utf8mb4", "autocommit": True, "local_infile": 1, **options}
        return MySQLdb.connect(**{**self.place, **options})

    def tls(self, ca):
        return {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": ca}}

    def cursor(self, cursor=None):
        return self.conn.cursor(cursor)

    def streamed(self):
        cursor = self.cursor(SSCursor)
        cursor.execute("SELECT id, note FROM orders ORDER BY id")
        seen = [cursor.fetchone(), cursor.fetchmany(3), digest(cursor.fetchall())]
        cursor.close()
        return seen

    def given_up(self):
        cursor = self.cursor(SSCursor)
        cursor.execute("SELECT a.id FROM orders a JOIN orders b ON b.id < 50")
        seen = [cursor.fetchone()]
        cursor.close()
        return seen + [self.rows("SELECT 'usable'")]

    def dictionaries(self):
        cursor = self.cursor(DictCursor)
        cursor.execute("SELECT id, name FROM customers WHERE id < %(below)s", {"below": 3})
        return cursor.fetchall()

    def commands(self):
        conn = self.conn
        seen = [conn.ping(), conn.select_db("hr"), self.rows("SELECT database()"), self.attempt(conn.select_db, "nosuch"), conn.select_db("shop")]
        seen += [conn.set_character_set("latin1"), self.rows("SELECT @@character_set_results, 'ü'"), conn.set_character_set("utf8mb4")]
        seen += [conn.get_server_info(), conn.get_proto_info(), conn.warning_count(), conn.info(), conn.affected_rows(), conn.insert_id(), conn.field_count()]
        seen += [conn.set_server_option(MySQLdb.constants.CLIENT.MULTI_STATEMENTS * 0 + 1), self.attempt(self.query, "SELECT 1; SELECT 2")]
        seen += [conn.set_server_option(0), self.attempt(self.query, "SELECT 1; SELECT 2")]
        # A line about the server: its numbers change from moment to moment.
        seen += [[word for word in conn.stat().split() if word.endswith(":")]]
        return seen

    def other_connections(self):
        seen = []
        for options in [{"charset": "latin1"}, {"client_flag": CLIENT.FOUND_ROWS}, {"init_command": "SET @first = 1, sql_mode = 'ANSI'"}, {"sql_mode": "ANSI"},
                        {"client_flag": CLIENT.INTERACTIVE}, {"local_infile": 0}, {"compress": True}, {"ssl_mode": "DISABLED"}]:
            conn = self.connect(**options)
            usual, self.conn = self.conn, conn
            for text in ["SELECT @@character_set_client, @@collation_connection, database(), @first, @@sql_mode, @@autocommit, 'ü', @@wait_timeout",
                         "UPDATE products SET title = title WHERE id < 4", "SELECT 1; SELECT 2", "LOAD DATA LOCAL INFILE '/nosuch' INTO TABLE products"]:
                seen.append(self.attempt(self.query, text))
            self.conn = usual
            conn.close()
        return seen


def run(url):
    MySQLClient(url).run()
