"""The command-line clients `mariadb` and `mysql`: scripts, their own commands, results with all that describes their columns."""

import os
import re
import subprocess
import tempfile

from mysql_steps import COLUMNS, ERRORS, ROWS, authority, place
from transcript import Transcript, digest

SCRIPTS = {
    "simple": "SELECT 1 AS one, 'ü🦀' AS text, NULL AS nothing;\nSELECT 'a', 'b'\\G\n-- a comment\n/* another */;\n# a third\nTABLE products ORDER BY id LIMIT 3;\n",
    "types": "DROP TABLE IF EXISTS drv_types;\nCREATE TABLE drv_types (%s) CHARACTER SET utf8mb4;\n%s\nSELECT * FROM drv_types ORDER BY id;\nSELECT * FROM drv_types\\G\nDROP TABLE drv_types;\n"
    % (COLUMNS, "\n".join(f"INSERT INTO drv_types VALUES ({row});" for row in ROWS)),
    "errors": "".join(f"{text};\n" for text in ERRORS if "'open" not in text) + "SELECT 'usable';\n",
    # Without warnings from inside: after a CALL the gateway asks how text is read now, and with that they are forgotten.
    "procedures": (
        "DROP PROCEDURE IF EXISTS drv_cli;\nDELIMITER //\nCREATE PROCEDURE drv_cli(IN n INT, OUT text VARCHAR(20))\nBEGIN\n  SELECT n;\n"
        "  SELECT id FROM products WHERE id < n ORDER BY id;\n  SET text = 'ü';\nEND //\nDELIMITER ;\nCALL drv_cli(3, @t);\nSELECT @t;\n"
        "CALL drv_cli('x', @t);\nCALL all_salaries();\nDROP PROCEDURE drv_cli;\n"
    ),
    "several in one": "DELIMITER //\nSELECT 1; DO 1; SELECT 2 //\nSELECT 1; SELECT * FROM nosuch; SELECT 2 //\nSELECT 'usable' //\n",
    "warnings": "SELECT 1/0;\nINSERT INTO audit_notes (id, at) SELECT 1, 'x' FROM dual WHERE 1 = 0;\nDROP TABLE IF EXISTS nosuch;\nSELECT CAST('12x' AS SIGNED);\nSHOW WARNINGS;\n",
    "commands": "use hr\nSELECT database();\nuse nosuch\nSELECT database();\nuse shop\n\\C latin1\nSELECT @@character_set_results;\n\\C utf8mb4\nSELECT @@character_set_results;\n\\s\n",
    # The names of all columns are fetched, as for completion at a prompt; then a new session.
    "rehash and again": "\\#\nSELECT 1;\nSET @kept = 1;\nconnect shop\nSELECT @kept, database();\n",
    # A MariaDB that does not know the collation of MySQL's client takes that of whoever its thread served before.
    "a reset session": "SET @kept = 1;\nCREATE TEMPORARY TABLE gone (a INT);\nresetconnection;\nSET NAMES utf8mb4;\nSELECT @kept, database();\nSELECT * FROM gone;\n",
    "transactions": (
        "CREATE TABLE drv_cli (a INT PRIMARY KEY);\nBEGIN;\nINSERT INTO drv_cli VALUES (1);\nROLLBACK;\nSELECT * FROM drv_cli;\nSTART TRANSACTION;\n"
        "INSERT INTO drv_cli VALUES (2);\nSAVEPOINT s;\nINSERT INTO drv_cli VALUES (2);\nINSERT INTO drv_cli VALUES (3);\nROLLBACK TO s;\nCOMMIT;\nSELECT * FROM drv_cli;\n"
        "SET autocommit = 0;\nDELETE FROM drv_cli;\nROLLBACK;\nSELECT * FROM drv_cli;\nSET autocommit = 1;\nDROP TABLE drv_cli;\n"
    ),
    "files": (
        "CREATE TEMPORARY TABLE loaded (a INT, b VARCHAR(40));\nLOAD DATA LOCAL INFILE 'FOLDER/rows' INTO TABLE loaded FIELDS TERMINATED BY ',';\n"
        "SELECT count(*), sum(a), max(b) FROM loaded;\nLOAD DATA LOCAL INFILE 'FOLDER/nosuch' INTO TABLE loaded;\nSELECT 'usable';\nsource FOLDER/more.sql\n"
    ),
    "show": "SHOW TABLES;\nSHOW DATABASES;\nDESCRIBE customers;\nSHOW CREATE VIEW emea_contacts;\nSHOW INDEX FROM orders;\nSHOW GRANTS;\nEXPLAIN SELECT 1;\nSHOW FUNCTION STATUS LIKE 'card%';\n",
    "variables": "SET @a = 7, @b = 'x';\nSELECT @a, @b, @@version_comment;\nSET sql_mode = 'ANSI_QUOTES';\nSELECT \"id\" FROM \"products\" LIMIT 1;\nPREPARE p FROM 'SELECT ? + 1';\nEXECUTE p USING @a;\nDEALLOCATE PREPARE p;\nEXECUTE p USING @a;\n",
}

# What the client says of its connection, and of the moment.
OF_THE_MOMENT = re.compile(r"^(Connection id|Uptime|Threads|Connection|TCP port|Current user|Protocol):?.*$|^(Threads|Queries): .*$", re.MULTILINE)


def command(client, url, *more):
    at, ca = place(url), authority(url)
    own = ["--enable-cleartext-plugin", "--commands"] if os.path.basename(client) == "mysql" else []
    if ca:
        verify = "--ssl-mode=VERIFY_IDENTITY" if os.path.basename(client) == "mysql" else "--ssl-verify-server-cert"
        own += [f"--ssl-ca={ca}", verify]
    return [client, "--no-defaults", f"--host={at['host']}", f"--port={at['port']}", "--protocol=tcp", f"--user={at['user']}", f"--password={at['password']}",
            "--default-character-set=utf8mb4", "--local-infile=1", "--max-allowed-packet=64M", *own, *more, at["database"]]


def run_script(client, url, script, *more):
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "rows"), "w", encoding="utf-8") as file:
            file.writelines(f"{n},row {n} ü\n" for n in range(30_000))
        with open(os.path.join(folder, "more.sql"), "w", encoding="utf-8") as file:
            file.write("SELECT 'from a file';\n")
        done = subprocess.run(command(client, url, *more), input=script.replace("FOLDER", folder).encode(), capture_output=True, timeout=120, check=False)
        return {"code": done.returncode, "out": clean(done.stdout, folder), "err": clean(done.stderr, folder)}


def clean(output, folder):
    text = output.decode("utf-8", "backslashreplace").replace(folder, "FOLDER")
    text = re.sub(r"\(\d+(\.\d+)? sec\)|\d+(\.\d+)? sec", "TIME", text)
    return OF_THE_MOMENT.sub("", text)


def large(client, url):
    value = "é" * 10_000_000
    script = f"CREATE TEMPORARY TABLE t (a LONGTEXT);\nINSERT INTO t VALUES ('{value}');\nSELECT * FROM t;\nSELECT a.id, b.id, SHA2(a.id, 256) FROM orders a JOIN orders b ON b.id < 50 ORDER BY 1, 2;\n"
    done = run_script(client, url, script, "--batch", "--quick")
    return [done["code"], done["err"], digest(done["out"]), len(done["out"])]


def run(client, url):
    transcript = Transcript(lambda error: {"class": type(error).__name__})
    for name, script in SCRIPTS.items():
        transcript.step(name, run_script, client, url, script, "--force", "-vvv", "--table", "--show-warnings", "--column-type-info", "--unbuffered", "--binary-as-hex")
    for name in ["types", "show", "procedures"]:
        transcript.step(f"{name} in batch", run_script, client, url, SCRIPTS[name], "--force", "--batch", "--raw")
    transcript.step("stops at an error", run_script, client, url, "SELECT 1;\nSELEC;\nSELECT 2;\n")
    transcript.step("large", large, client, url)
    transcript.step("xml", run_script, client, url, "SELECT * FROM products LIMIT 3;\n", "--xml")
    transcript.print()
