"""psycopg 3 (libpq): pipelines, binary formats, COPY, server cursors, prepared statements, transactions, cancel."""

import datetime
import decimal
import threading
import uuid

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from transcript import Transcript, digest

FIELDS = [
    "severity", "severity_nonlocalized", "sqlstate", "message_primary", "message_detail", "message_hint",
    "statement_position", "internal_position", "internal_query", "context", "schema_name", "table_name", "column_name",
    "datatype_name", "constraint_name", "source_file", "source_line", "source_function",
]


def describe(error):
    diag = getattr(error, "diag", None)
    fields = {field: getattr(diag, field) for field in FIELDS} if diag is not None and diag.sqlstate else str(error)
    return {"class": type(error).__name__, "fields": fields}


def columns(cursor):
    described = []
    for number, column in enumerate(cursor.description or []):
        result = cursor.pgresult
        described.append([column.name, column.type_code, result.ftablecol(number), result.fmod(number), result.fsize(number), result.fformat(number)])
    return described


def fetch(conn, query, parameters=None, **options):
    binary = options.pop("binary", False)
    with conn.cursor(binary=binary) as cursor:
        cursor.execute(query, parameters, **options)
        rows = cursor.fetchall() if cursor.description else None
        return {"status": cursor.statusmessage, "columns": columns(cursor), "rows": rows}


def connection(conn):
    info = conn.info
    names = ["server_version", "server_encoding", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes",
             "IntervalStyle", "is_superuser", "session_authorization", "standard_conforming_strings", "application_name",
             "default_transaction_read_only", "in_hot_standby", "search_path", "scram_iterations"]
    return {
        "parameters": {name: info.parameter_status(name) for name in names},
        "pid is the server's": info.backend_pid == conn.execute("SELECT pg_backend_pid()").fetchone()[0],
        "version": info.server_version,
        "transaction": info.transaction_status.name,
    }


def types(conn, binary):
    query = """SELECT 1::smallint, 2::int, 3::bigint, 1.5::real, 2.25::float8, 12.340::numeric, 'NaN'::numeric, true, 'text', 'c'::char(3),
        '\\x00ff'::bytea, '{"a": [1, null]}'::json, '{"b": 2}'::jsonb, ARRAY[1, NULL, 3], ARRAY[['a'], ['b']], '{}'::int[],
        date '2024-02-29', timestamp '2024-02-29 12:34:56.789', timestamptz '2024-02-29 12:34:56+02', interval '1 day 2 hours',
        time '01:02:03', uuid '00000000-0000-0000-0000-000000000001', inet '10.0.0.1/8', int4range(1, 5), 'paid'::order_state,
        5::money_amount, ROW(1, 'x'), NULL::int, point(1, 2), 'a'::name, 7::oid, xid '9'"""
    return fetch(conn, query, binary=binary)


def parameters(conn, binary):
    values = [1, 2**40, 2**70, 1.5, decimal.Decimal("1.10"), "text", "ü\n'\\", b"\x00\xff", True, None,
              datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3), datetime.timedelta(hours=3), uuid.UUID(int=5), [1, 2, None]]
    seen = []
    for value in values:
        marker = "%b" if binary else "%t"
        seen.append(fetch(conn, f"SELECT {marker} AS value", [value], binary=binary))
    return seen


def prepared(conn):
    seen = [fetch(conn, "SELECT name FROM customers WHERE id = %s", [n], prepare=True)["rows"] for n in range(1, 8)]
    conn.execute("CREATE TEMP TABLE shape (a int)")
    seen.append(fetch(conn, "SELECT * FROM shape", prepare=True)["columns"])
    conn.execute("ALTER TABLE shape ADD b text")
    seen.append(fetch(conn, "SELECT * FROM shape", prepare=True)["columns"])
    conn.execute("DEALLOCATE ALL")
    return seen


def pipeline(conn):
    with conn.pipeline():
        cursors = [conn.execute("SELECT %s::int * 2", [n]) for n in range(50)]
        cursors.append(conn.execute("SELECT count(*) FROM orders WHERE customer_id = %s", [7]))
    return [cursor.fetchall() for cursor in cursors]


def pipeline_with_error(conn):
    seen = []
    conn.execute("CREATE TEMP TABLE piped (a int PRIMARY KEY)")
    try:
        with conn.pipeline() as pipe:
            conn.execute("INSERT INTO piped VALUES (1)")
            pipe.sync()
            conn.execute("INSERT INTO piped VALUES (2)")
            # Whether this raises or the pipeline's end does, is a matter of time.
            conn.execute("INSERT INTO piped VALUES (%s)", [1])
            conn.execute("INSERT INTO piped VALUES (3)")
    except psycopg.Error as error:
        seen.append(describe(error))
    seen.append(conn.info.transaction_status.name)
    seen.append(conn.execute("SELECT a FROM piped ORDER BY a").fetchall())
    return seen


def pipeline_large(conn):
    with conn.pipeline():
        cursors = [conn.execute("SELECT repeat(%s, 20000)", [str(n % 10)]) for n in range(300)]
    return digest([cursor.fetchone() for cursor in cursors])


def copy_in(conn):
    conn.execute("CREATE TEMP TABLE copied (a int, b text, c bytea, d timestamptz)")
    when = datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc)
    with conn.cursor() as cursor:
        with cursor.copy("COPY copied FROM STDIN") as copy:
            for n in range(500):
                copy.write_row((n, f"row {n}\t\\ü", bytes([n % 256]), when))
        statuses = [cursor.statusmessage]
        with cursor.copy("COPY copied (a, b) FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            for n in range(500, 1000):
                copy.write_row((n, None if n % 3 else f"binary {n}"))
        statuses.append(cursor.statusmessage)
    return statuses + fetch(conn, "SELECT md5(string_agg(copied::text, '|' ORDER BY a)) FROM copied")["rows"]


def copy_broken(conn):
    seen = []
    conn.execute("CREATE TEMP TABLE broken (a int)")
    try:
        with conn.cursor() as cursor, cursor.copy("COPY broken FROM STDIN") as copy:
            copy.write_row((1,))
            raise ValueError("the client gives up")
    except (ValueError, psycopg.Error) as error:
        seen.append(describe(error))
    try:
        with conn.cursor() as cursor, cursor.copy("COPY broken FROM STDIN") as copy:
            copy.write("not a number\n")
    except psycopg.Error as error:
        seen.append(describe(error))
    seen.append(conn.execute("SELECT count(*) FROM broken").fetchone())
    return seen


def copy_out(conn):
    seen = []
    with conn.cursor() as cursor:
        with cursor.copy("COPY (SELECT id, name, tags, avatar FROM customers ORDER BY id) TO STDOUT") as copy:
            seen.append(digest([bytes(data) for data in copy]))
        with cursor.copy("COPY (SELECT id, name FROM customers ORDER BY id) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            seen.append(digest(list(copy.rows())))
        with cursor.copy("COPY (SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g) TO STDOUT") as copy:
            seen.append(sum(len(data) for data in copy))
    return seen


def server_cursor(conn):
    seen = []
    with conn.transaction():
        with conn.cursor(name="walk", scrollable=True) as cursor:
            cursor.itersize = 100
            cursor.execute("SELECT id, note FROM orders WHERE id > %s ORDER BY id", [5])
            seen += [cursor.fetchone(), cursor.fetchmany(3)]
            cursor.scroll(10)
            seen.append(cursor.fetchmany(2))
            cursor.scroll(-5)
            seen.append(cursor.fetchone())
            seen.append(len(list(cursor)))
    with conn.cursor(name="held", withhold=True) as cursor:
        cursor.execute("SELECT id FROM products ORDER BY id")
        seen.append(cursor.fetchmany(2))
    with conn.cursor(name="binary", binary=True, withhold=True) as cursor:
        cursor.execute("SELECT created FROM customers ORDER BY id LIMIT 2")
        seen.append(cursor.fetchall())
    return seen


def stream(conn):
    with conn.cursor() as cursor:
        return digest(list(cursor.stream("SELECT id, quantity FROM orders ORDER BY id")))


def transactions(conn):
    seen = []
    conn.execute("CREATE TEMP TABLE kept (a int)")
    try:
        with conn.transaction():
            conn.execute("INSERT INTO kept VALUES (1)")
            try:
                with conn.transaction():
                    conn.execute("INSERT INTO kept VALUES (2)")
                    conn.execute("SELECT 1/0")
            except psycopg.Error as error:
                seen.append(describe(error))
            seen.append(conn.info.transaction_status.name)
            conn.execute("INSERT INTO kept VALUES (3)")
    finally:
        seen.append(conn.execute("SELECT a FROM kept ORDER BY a").fetchall())
    conn.execute("BEGIN")
    for query in ["SELECT nosuch", "SELECT 1", "COMMIT"]:
        try:
            seen.append(conn.execute(query).statusmessage)
        except psycopg.Error as error:
            seen.append(describe(error))
        seen.append(conn.info.transaction_status.name)
    return seen


def executemany(conn):
    conn.execute("CREATE TEMP TABLE many (a int, b text)")
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO many VALUES (%s, %s) RETURNING a * 2", [(n, str(n)) for n in range(30)], returning=True)
        seen = []
        while True:
            seen.append(cursor.fetchall())
            if not cursor.nextset():
                return seen


def multiple(conn):
    with conn.cursor() as cursor:
        cursor.execute("SELECT 1; INSERT INTO audit_notes (who) SELECT 'x' WHERE false; SELECT 2, 3")
        seen = []
        while True:
            seen.append([cursor.statusmessage, cursor.fetchall() if cursor.description else None])
            if not cursor.nextset():
                return seen


def notices_and_notifications(conn):
    seen = []
    handler = lambda diag: seen.append({field: getattr(diag, field) for field in FIELDS})
    conn.add_notice_handler(handler)
    conn.execute("DO $$ BEGIN RAISE NOTICE 'told %', 1 USING HINT = 'hint', ERRCODE = '01004'; END $$")
    conn.remove_notice_handler(handler)
    conn.execute("LISTEN told")
    for n in range(3):
        conn.execute("SELECT pg_notify('told', %s)", [f"payload {n}"])
    for note in conn.notifies(timeout=10, stop_after=3):
        seen.append([note.channel, note.payload, note.pid == conn.info.backend_pid])
    conn.execute("UNLISTEN *")
    return seen


def cancel(conn):
    timer = threading.Timer(0.3, conn.cancel)
    timer.start()
    try:
        conn.execute("SELECT pg_sleep(30)")
    except psycopg.Error as error:
        return [describe(error), conn.execute("SELECT 'usable'").fetchone()]
    finally:
        timer.join()


def misuse(conn):
    seen = []
    for query, values in [("SELECT %s::int", ["x"]), ("SELECT 1/%s", [0]), ("SELEC", None), ("SELECT 1; SELECT %s", [1]),
                          ("INSERT INTO products VALUES (1, 'a', 'b', %s)", [-1]), ("SELECT * FROM customers WHERE nosuch = %s", [1])]:
        try:
            seen.append(fetch(conn, query, values))
        except psycopg.Error as error:
            seen.append(describe(error))
    return seen


def identifiers(conn):
    conn.execute(sql.SQL("CREATE TEMP TABLE {} ({} int)").format(sql.Identifier('odd "name"; --'), sql.Identifier("Ünïcode")))
    conn.execute('INSERT INTO "odd ""name""; --" VALUES (1)')
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute('SELECT * FROM "odd ""name""; --"').fetchall()


def large(conn):
    rows = conn.execute("SELECT g, md5(g::text) FROM generate_series(1, 100000) g").fetchall()
    value = "é" * 2_000_000
    echoed = conn.execute("SELECT %s::text", [value]).fetchone()[0]
    return [digest(rows), echoed == value]


def run(url):
    transcript = Transcript(describe)
    with psycopg.connect(url, autocommit=True, application_name="drivers", prepare_threshold=None) as conn:
        step = lambda name, run, *arguments: transcript.step(name, run, conn, *arguments)
        step("connection", connection)
        step("types in text", types, False)
        step("types in binary", types, True)
        step("parameters in text", parameters, False)
        step("parameters in binary", parameters, True)
        for function in (prepared, pipeline, pipeline_with_error, pipeline_large, copy_in, copy_broken, copy_out,
                         server_cursor, stream, transactions, executemany, multiple, notices_and_notifications, cancel,
                         misuse, identifiers, large):
            step(function.__name__, function)
        step("still whole", lambda conn: [conn.info.transaction_status.name, conn.execute("SELECT 1").fetchone()])
    transcript.print()
