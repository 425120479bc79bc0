"""asyncpg: its own implementation of the extended protocol, binary throughout, with its own COPY and cancellation."""

import asyncio
import datetime
import decimal
import io

import asyncpg

from transcript import Transcript, digest


def describe(error):
    if isinstance(error, asyncpg.PostgresError):
        return {"class": type(error).__name__, "sqlstate": error.sqlstate, "fields": error.as_dict()}
    return {"class": type(error).__name__, "text": str(error)}


async def attempt(awaitable):
    try:
        return await awaitable
    except Exception as error:
        return describe(error)


async def connection(conn):
    settings = conn.get_settings()
    names = [name for name in dir(settings) if not name.startswith("_") and not callable(getattr(settings, name))]
    pid = await conn.fetchval("SELECT pg_backend_pid()")
    return {"version": conn.get_server_version(), "settings": {n: getattr(settings, n) for n in names}, "pid": pid == conn.get_server_pid()}


async def types(conn):
    query = """SELECT 1::smallint, 2::int, 3::bigint, 1.5::real, 2.25::float8, 12.340::numeric, true, 'text', 'c'::char(3), '\\x00ff'::bytea,
        '{"a": 1}'::json, '{"b": 2}'::jsonb, ARRAY[1, NULL, 3], ARRAY[['a'], ['b']], date '2024-02-29', timestamptz '2024-02-29 12:34:56+02',
        interval '1 day 2 hours', uuid '00000000-0000-0000-0000-000000000001', inet '10.0.0.1/8', int4range(1, 5), 'paid'::order_state,
        5::money_amount, ROW(1, 'x'), NULL::int, ARRAY['open', 'paid']::order_state[]"""
    return [list(row.values()) for row in await conn.fetch(query)]


async def parameters(conn):
    query = "SELECT $1::int, $2::text, $3::bytea, $4::numeric, $5::date, $6::int[], $7::order_state, $8::jsonb, $9::bool"
    values = [7, "ü'\\", b"\x00\x01", decimal.Decimal("1.10"), datetime.date(2024, 2, 29), [1, None], "paid", '{"a": 1}', None]
    return list((await conn.fetchrow(query, *values)).values())


async def prepared(conn):
    statement = await conn.prepare("SELECT id, name, region FROM customers WHERE id = $1 OR region = $2 ORDER BY id LIMIT 5")
    seen = [[a.name, a.type.name] for a in statement.get_attributes()], [p.name for p in statement.get_parameters()]
    rows = [[list(r.values()) for r in await statement.fetch(n, "EMEA")] for n in range(5)]
    return [seen, rows, statement.get_statusmsg(), await attempt(statement.fetch("x", 1))]


async def cursors(conn):
    seen = []
    async with conn.transaction():
        async for row in conn.cursor("SELECT id FROM orders ORDER BY id", prefetch=33):
            seen.append(row["id"])
        cursor = await conn.cursor("SELECT id, note FROM orders ORDER BY id")
        await cursor.forward(15)
        seen += [list(r.values()) for r in await cursor.fetch(7)]
        seen.append(list((await cursor.fetchrow()).values()))
    return digest(seen), seen[-3:], await attempt(conn.cursor("SELECT 1"))


async def copies(conn):
    await conn.execute("CREATE TEMP TABLE copied (a int, b text, c numeric)")
    records = [(n, f"row {n}" if n % 3 else None, decimal.Decimal(n) / 4) for n in range(3000)]
    seen = [await conn.copy_records_to_table("copied", records=records)]
    seen.append(await conn.copy_to_table("copied", source=io.BytesIO(b"9001\tx\t1\n9002\ty\t2\n"), columns=["a", "b", "c"]))
    out = io.BytesIO()
    seen.append(await conn.copy_from_query("SELECT * FROM copied WHERE a > $1 ORDER BY a", 2990, output=out, format="csv"))
    seen.append(out.getvalue())
    out = io.BytesIO()
    seen.append(await conn.copy_from_table("products", output=out, format="binary"))
    seen.append(digest(out.getvalue()))
    seen.append(await attempt(conn.copy_to_table("copied", source=io.BytesIO(b"not a number\tx\t1\n"))))
    seen.append(await attempt(conn.copy_records_to_table("copied", records=[("not an int", "x", 1)])))
    seen.append(await conn.fetchval("SELECT count(*) FROM copied"))
    return seen


async def executemany(conn):
    await conn.execute("CREATE TEMP TABLE many (a int PRIMARY KEY, b text)")
    await conn.executemany("INSERT INTO many VALUES ($1, $2)", [(n, str(n)) for n in range(500)])
    broken = await attempt(conn.executemany("INSERT INTO many VALUES ($1, $2)", [(n, "again") for n in range(1000, 400, -1)]))
    rows = await conn.fetchmany("INSERT INTO many VALUES ($1, $2) RETURNING a", [(n, "x") for n in range(2000, 2005)])
    return [broken, [r["a"] for r in rows], await conn.fetchval("SELECT count(*) FROM many")]


async def transactions(conn):
    seen = []
    await conn.execute("CREATE TEMP TABLE kept (a int)")
    async with conn.transaction(isolation="serializable"):
        await conn.execute("INSERT INTO kept VALUES (1)")
        try:
            async with conn.transaction():
                await conn.execute("INSERT INTO kept VALUES (2)")
                await conn.fetch("SELECT 1/(a - 1) FROM kept")
        except asyncpg.PostgresError as error:
            seen.append(describe(error))
        seen.append(conn.is_in_transaction())
    transaction = conn.transaction(readonly=True)
    await transaction.start()
    seen.append(await attempt(conn.execute("DELETE FROM orders")))
    seen.append(await attempt(conn.fetchval("SELECT 1")))
    await transaction.rollback()
    return seen + [await conn.fetchval("SELECT sum(a) FROM kept"), conn.is_in_transaction()]


async def scripts(conn):
    done = await conn.execute("CREATE TEMP TABLE s (a int); INSERT INTO s VALUES (1), (2); SELECT * FROM s")
    return [done, await attempt(conn.execute("SELECT 1; SELEC 2")), await attempt(conn.fetch("SELECT 1; SELECT 2")), await attempt(conn.execute(""))]


async def notices_and_notifications(conn):
    seen, told = [], asyncio.Event()

    def notified(_, pid, channel, payload):
        seen.append([channel, payload, pid == conn.get_server_pid()])
        told.set()

    conn.add_log_listener(lambda _, message: seen.append(message.as_dict()))
    await conn.execute("DO $$ BEGIN RAISE WARNING 'told' USING DETAIL = 'detail'; END $$")
    await conn.add_listener("told", notified)
    await conn.execute("SELECT pg_notify('told', 'payload')")
    await asyncio.wait_for(told.wait(), 10)
    await conn.remove_listener("told", notified)
    return seen


async def cancels(conn):
    timed_out = await attempt(conn.fetch("SELECT pg_sleep(30)", timeout=0.3))
    return [timed_out, await conn.fetchval("SELECT 'usable'")]


async def changed_shape(conn):
    await conn.execute("CREATE TEMP TABLE shape (a int)")
    statement = await conn.prepare("SELECT * FROM shape")
    await conn.execute("ALTER TABLE shape ADD b text")
    return await attempt(statement.fetch())


async def errors(conn):
    queries = [("SELEC",), ("SELECT * FROM nosuch",), ("SELECT $1::int", "x"), ("INSERT INTO products VALUES (1, 'a', 'b', 1)",),
               ("SELECT 1", 1), ("SELECT 'a'::int",)]
    return [await attempt(conn.fetch(*query)) for query in queries]


async def large(conn):
    rows = await conn.fetch("SELECT g, md5(g::text) FROM generate_series(1, 100000) g")
    echoed = await conn.fetchval("SELECT $1::text", "é" * 2_000_000)
    return [digest([list(row.values()) for row in rows]), len(echoed)]


async def reset(conn):
    await conn.execute("SET search_path = hr; CREATE TEMP TABLE gone (a int)")
    await conn.fetch("SELECT * FROM employees WHERE id = 1")
    await conn.reset()
    return [await conn.fetchval("SHOW search_path"), await attempt(conn.fetch("SELECT * FROM employees"))]


async def script(url):
    transcript = Transcript(describe)
    conn = await asyncpg.connect(url, server_settings={"application_name": "drivers", "timezone": "UTC"})
    try:
        for function in (connection, types, parameters, prepared, cursors, copies, executemany, transactions, scripts,
                         notices_and_notifications, cancels, changed_shape, errors, large, reset):
            await transcript.astep(function.__name__, function, conn)
    finally:
        await conn.close()
    transcript.print()


def run(url):
    asyncio.run(script(url))
