#!/usr/bin/env python3
"""Runs one driver's script against a URL and prints what the driver saw, one JSON object a line.

    run.py DRIVER URL [--client PATH] [--steps NAME,NAME…]

The same script is run directly and through the gateway under a permit-all policy; the two outputs must be equal. A URL
that ends in ?ssl-mode=VERIFY_IDENTITY&ssl-ca=FILE asks for TLS, and for the proof that it is the server.
"""

import argparse
import importlib
import sys

from transcript import Transcript

# Each driver's module, and what its script is run with beside the URL.
DRIVERS = {
    "psql": ("with_psql", []),
    "psycopg": ("with_psycopg", []),
    "asyncpg": ("with_asyncpg", []),
    "mysql-cli": ("with_mysql_cli", []),
    "pymysql": ("with_pymysql", []),
    "mysqlclient": ("with_mysqlclient", []),
    "connector-pure": ("with_connector", [True]),
    "connector-c": ("with_connector", [False]),
    "sqlalchemy": ("with_sqlalchemy", []),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver", choices=sorted(DRIVERS))
    parser.add_argument("url")
    parser.add_argument("--client", help="the command-line client to run, where the driver is one")
    parser.add_argument("--steps", help="those of the script to run, in its own order; all of them otherwise")
    arguments = parser.parse_args()
    Transcript.only = arguments.steps and arguments.steps.split(",")
    module, more = DRIVERS[arguments.driver]
    # Only a driver that is a command-line client is run by its path.
    client = [arguments.client] if arguments.driver in ("psql", "mysql-cli") else []
    importlib.import_module(module).run(*client, arguments.url, *more)


if __name__ == "__main__":
    sys.exit(main())
