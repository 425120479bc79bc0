"""psql: meta commands (which are queries on the catalog), errors, COPY, combined statements, large objects."""

import os
import re
import subprocess
import tempfile

from transcript import Transcript, without_backend_number

SCRIPTS = {
    "simple": "SELECT 1 AS one, 'ü' AS text, NULL AS nothing;\nSELECT;\n;\n-- only a comment\nTABLE products ORDER BY id LIMIT 3;\n",
    "combined": "SELECT 1\\; SELECT 2\\; SELECT 3;\nSELECT 'before'\\; SELECT 1/0\\; SELECT 'after';\nSELECT 'next';\n",
    "implicit transaction": (
        "CREATE TEMP TABLE t (a int);\nINSERT INTO t VALUES (1)\\; INSERT INTO t VALUES ('x');\nSELECT count(*) FROM t;\n"
        "INSERT INTO t VALUES (2)\\; COMMIT\\; INSERT INTO t VALUES (3)\\; SELECT 1/0;\nSELECT * FROM t ORDER BY a;\n"
    ),
    "errors": (
        "SELEC 1;\nSELECT * FROM no_such_table;\nSELECT nosuch FROM customers;\n\\errverbose\n"
        "INSERT INTO orders (id, customer_id, product_id, quantity, region, placed) VALUES (9999, 1, 1, 0, 'EMEA', '2024-01-01');\n"
        "INSERT INTO products VALUES (1, 'x', 'x', 1);\n\\errverbose\nSELECT 'abc'::int;\nSELECT $1;\n"
    ),
    "transaction": (
        "BEGIN;\nSELECT 1/0;\nSELECT 1;\n\\echo :ROW_COUNT :SQLSTATE\nROLLBACK;\nBEGIN;\nSAVEPOINT a;\nSELECT 1/0;\n"
        "ROLLBACK TO a;\nSELECT 2;\nCOMMIT;\nCOMMIT;\nBEGIN READ ONLY;\nDELETE FROM orders;\nROLLBACK;\n"
    ),
    "on_error_rollback": "\\set ON_ERROR_ROLLBACK on\nBEGIN;\nSELECT 1;\nSELECT nosuch;\nSELECT 2;\nCOMMIT;\n",
    "meta": (
        "\\dt\n\\dv\n\\dm\n\\d customers\n\\d orders\n\\d customer_contacts\n\\df card_number\n\\dT\n\\dD\n\\dn\n\\du app\n"
        "\\di\n\\ds\n\\dp customers\n\\sf customer_ssn\n\\sv order_totals\n\\dt hr.*\n\\dC date\n\\dd\n\\l shop\n\\encoding\n"
    ),
    "gdesc": "SELECT id, name, profile, created FROM customers \\gdesc\nSELECT \\gdesc\nSELECT nosuch \\gdesc\nSELECT 1 \\gdesc\n",
    "gset gexec": (
        "SELECT 7 AS seven, 'x y' AS text \\gset got_\n\\echo :got_seven :'got_text'\n"
        "SELECT format('SELECT %s * 2', n) FROM generate_series(1, 3) n \\gexec\n"
        "SELECT region, state, count(*) FROM orders GROUP BY 1, 2 ORDER BY 1, 2 \\crosstabview\n"
    ),
    "cursors": "\\set FETCH_COUNT 37\nSELECT id, quantity, note FROM orders ORDER BY id;\nSELECT 1/(id - 50) FROM orders ORDER BY id;\n",
    "explicit cursor": (
        "BEGIN;\nDECLARE c SCROLL CURSOR FOR SELECT id FROM orders ORDER BY id;\nFETCH 3 FROM c;\nMOVE 10 IN c;\nFETCH BACKWARD 2 FROM c;\n"
        "CLOSE c;\nFETCH c;\nROLLBACK;\n"
    ),
    "copy in": (
        "CREATE TEMP TABLE t (a int, b text);\nCOPY t FROM STDIN;\n1\tone\n2\t\\N\n3\ttab\\tin it\n\\.\nSELECT * FROM t ORDER BY a;\n"
        "COPY t FROM STDIN (FORMAT csv, HEADER);\na,b\n4,\"four, and more\"\n5,\n\\.\nSELECT a, b IS NULL FROM t ORDER BY a;\n"
        "COPY t FROM STDIN;\nnot a number\tx\n\\.\nSELECT count(*) FROM t;\nCOPY t FROM STDIN;\n\\.\nSELECT 'still here';\n"
    ),
    "copy out": (
        "COPY (SELECT id, name, tags, profile FROM customers ORDER BY id LIMIT 20) TO STDOUT;\n"
        "COPY (SELECT * FROM products ORDER BY id) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *);\nCOPY (SELECT 1/(id - 3) FROM products ORDER BY id) TO STDOUT;\n"
        "\\copy (SELECT count(*) FROM orders) TO STDOUT\nCOPY nosuch TO STDOUT;\nSELECT 'a'\\; COPY (SELECT 1) TO STDOUT\\; SELECT 'b';\n"
    ),
    "notices": (
        "DO $$ BEGIN RAISE NOTICE 'a notice, %', 1; RAISE WARNING 'a warning' USING HINT = 'a hint', DETAIL = 'a detail'; END $$;\n"
        "DROP TABLE IF EXISTS nosuch;\nLISTEN channel;\nNOTIFY channel, 'payload';\nSELECT 1;\nUNLISTEN *;\n"
    ),
    "settings": (
        "SET application_name = 'renamed';\nSHOW application_name;\nSET TIME ZONE 'Asia/Tokyo';\nSELECT timestamptz '2024-01-01 00:00:00+00';\n"
        "SET DateStyle = 'SQL, DMY';\nSELECT date '2024-02-01';\nRESET ALL;\nSHOW TimeZone;\nSET nosuch.thing = '1';\nSHOW nosuch.thing;\n"
        "SET client_encoding = 'LATIN1';\n\\encoding\nSELECT length('ue');\nRESET client_encoding;\n"
    ),
    "prepared": "PREPARE p (int) AS SELECT name FROM customers WHERE id = $1;\nEXECUTE p (7);\nEXECUTE p ('x');\nDEALLOCATE p;\nEXECUTE p (7);\n",
    "large objects": "\\lo_import :file\n\\set made :LASTOID\nSELECT length(lo_get(:made));\n\\lo_export :made :copy\n\\lo_unlink :made\n\\lo_unlink 1\n",
    "wide": "SELECT id, repeat(name, 2000) FROM customers ORDER BY id;\nSELECT length(repeat('x', 20000000));\nSELECT repeat('x', 3000000);\n",
    "dml": (
        "CREATE TEMP TABLE t AS SELECT * FROM products ORDER BY id;\nUPDATE t SET price = price * 2 WHERE id < 4 RETURNING id, price;\nDELETE FROM t WHERE id > 48 RETURNING *;\n"
        "INSERT INTO t SELECT * FROM products WHERE id = 50;\nTRUNCATE t;\nEXPLAIN (COSTS off) SELECT * FROM orders WHERE customer_id = 7;\n"
        "CALL restock(1);\nSELECT customer_ssn(3), all_salaries() LIMIT 2;\nVACUUM t;\nDROP TABLE t;\n"
    ),
}


def run_script(psql, url, script, folder):
    sample = os.path.join(folder, "sample.bin")
    copy = os.path.join(folder, "copy.bin")
    with open(sample, "wb") as file:
        file.write(bytes(range(256)) * 300)
    command = [psql, "-X", "-a", "-q", "-v", f"file={sample}", "-v", f"copy={copy}", url]
    done = subprocess.run(command, input=script.encode(), capture_output=True, timeout=120, check=False)
    copied = open(copy, "rb").read() == open(sample, "rb").read() if os.path.exists(copy) else None
    return {"code": done.returncode, "out": clean(done.stdout, folder), "err": clean(done.stderr, folder), "copied": copied}


def clean(output, folder):
    text = output.decode("utf-8", "backslashreplace").replace(folder, "FOLDER")
    return re.sub(r"process with PID \d+", "process with PID N", without_backend_number(text))


def run(psql, url):
    os.environ["PGCLIENTENCODING"] = "UTF8"
    transcript = Transcript(lambda error: {"class": type(error).__name__})
    for name, script in SCRIPTS.items():
        with tempfile.TemporaryDirectory() as folder:
            transcript.step(name, run_script, psql, url, script, folder)
    transcript.print()
