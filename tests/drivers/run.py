#!/usr/bin/env python3
"""Runs one driver's script against a URL and prints what the driver saw, one JSON object a line.

    run.py psql|psycopg|asyncpg URL [--psql PATH]

The same script is run directly and through the gateway under a permit-all policy; the two outputs must be equal.
"""

import argparse
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver", choices=["psql", "psycopg", "asyncpg"])
    parser.add_argument("url")
    parser.add_argument("--psql", default="psql", help="the psql to run")
    arguments = parser.parse_args()
    if arguments.driver == "psql":
        import with_psql

        with_psql.run(arguments.psql, arguments.url)
    elif arguments.driver == "psycopg":
        import with_psycopg

        with_psycopg.run(arguments.url)
    else:
        import with_asyncpg

        with_asyncpg.run(arguments.url)


if __name__ == "__main__":
    sys.exit(main())
