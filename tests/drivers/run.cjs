// node-postgres: runs its script against a URL and prints what the driver saw, one JSON object a line.
//
//     NODE_PATH=…/node_modules node run.cjs URL
"use strict";
const crypto = require("node:crypto");
const { Client, Query } = require("pg");

const FIELDS = ["severity", "code", "message", "detail", "hint", "position", "where", "schema", "table", "column", "constraint", "file", "line", "routine"];
const describe = (error) => ({ error: Object.fromEntries(FIELDS.map((field) => [field, error[field]])) });
const attempt = (promise) => promise.then(shape, describe);
const digest = (value) => crypto.createHash("sha256").update(JSON.stringify(value)).digest("hex");

function shape(result) {
  if (Array.isArray(result)) return result.map(shape);
  const fields = result.fields.map((f) => [f.name, f.columnID, f.dataTypeID, f.dataTypeSize, f.dataTypeModifier, f.format]);
  return { command: result.command, count: result.rowCount, fields, rows: result.rows };
}

const steps = {
  simple: (c) => c.query("SELECT 1 AS one, 'ü' AS text, NULL AS nothing").then(shape),
  several: (c) => c.query("SELECT 1 AS a; SELECT 2 AS b; SELECT 3 AS c WHERE false").then(shape),
  "several, one broken": (c) => attempt(c.query("SELECT 1; SELECT 1/0; SELECT 2")),
  empty: (c) => c.query("").then(shape),
  types: (c) =>
    c.query(`SELECT 1::smallint, 2::int, 3::bigint, 1.5::real, 12.340::numeric, true, '\\x00ff'::bytea, '{"a": 1}'::jsonb, ARRAY[1, NULL, 3],
      date '2024-02-29', timestamptz '2024-02-29 12:34:56+02', interval '1 day', int4range(1, 5), 'paid'::order_state, NULL::int`).then(shape),
  parameters: (c) =>
    c.query("SELECT $1::int AS a, $2::text AS b, $3::bytea AS c, $4::jsonb AS d, $5::int[] AS e, $6::text AS f", [7, "ü'\\", Buffer.from([0, 255]), { a: [1] }, [1, 2], null]).then(shape),
  binary: (c) => c.query({ text: "SELECT id, price::float8, title FROM products WHERE id < $1 ORDER BY id", values: [5], binary: true }).then(shape),
  "rows as arrays": (c) => c.query({ text: "SELECT id, id, name FROM customers ORDER BY id LIMIT 5", rowMode: "array" }).then(shape),
  async named(c) {
    const seen = [];
    for (let n = 1; n < 6; n += 1) seen.push(shape(await c.query({ name: "by id", text: "SELECT name FROM customers WHERE id = $1", values: [n] })));
    return seen;
  },
  async queued(c) {
    const all = [];
    for (let n = 0; n < 40; n += 1) all.push(n % 7 === 3 ? attempt(c.query("SELECT 1/$1::int", [0])) : attempt(c.query("SELECT $1::int * 2 AS v", [n])));
    return Promise.all(all);
  },
  async transaction(c) {
    const seen = [];
    for (const text of ["BEGIN", "CREATE TEMP TABLE kept (a int)", "SAVEPOINT s", "SELECT nosuch", "SELECT 1", "ROLLBACK TO s", "INSERT INTO kept VALUES (1) RETURNING a", "COMMIT", "SELECT * FROM kept", "COMMIT"])
      seen.push(await attempt(c.query(text)));
    return seen;
  },
  async errors(c) {
    const seen = [];
    const tried = [["SELEC"], ["SELECT * FROM nosuch"], ["SELECT $1::int", ["x"]], ["INSERT INTO products VALUES (1, 'a', 'b', $1)", [1]], ["SELECT $1"], ["SELECT 1", [1]], ["SELECT 1; SELECT $1::int", [1]]];
    for (const [text, values] of tried) seen.push(await attempt(c.query(text, values)));
    return seen;
  },
  async "notices and notifications"(c) {
    const seen = [];
    const told = new Promise((resolve) => c.once("notification", (n) => resolve([n.channel, n.payload, n.processId === c.processID])));
    const noticed = new Promise((resolve) => c.once("notice", (n) => resolve(describe(n))));
    await c.query("DO $$ BEGIN RAISE NOTICE 'told' USING HINT = 'hint'; END $$");
    await c.query("LISTEN told");
    await c.query("SELECT pg_notify('told', $1)", ["payload"]);
    seen.push(await noticed, await told);
    await c.query("UNLISTEN *");
    return seen;
  },
  async "pid is the server's"(c) {
    return (await c.query("SELECT pg_backend_pid() AS pid")).rows[0].pid === c.processID;
  },
  async events(c) {
    const seen = [];
    await new Promise((resolve) => {
      const query = c.query(new Query({ text: "SELECT id FROM orders ORDER BY id LIMIT $1", values: [300], rows: 50 }));
      query.on("row", (row) => seen.push(row.id));
      query.on("end", resolve);
      query.on("error", resolve);
    });
    return digest(seen);
  },
  async large(c) {
    const rows = (await c.query("SELECT g, md5(g::text) FROM generate_series(1, 100000) g")).rows;
    const echoed = (await c.query("SELECT $1::text AS v", ["é".repeat(2000000)])).rows[0].v;
    return [digest(rows), echoed.length];
  },
  "copy is refused by the driver": (c) => attempt(c.query("COPY (SELECT 1) TO STDOUT")),
  "still whole": (c) => c.query("SELECT 'usable' AS v").then(shape),
};

async function main(url) {
  const client = new Client({ connectionString: url, application_name: "drivers" });
  await client.connect();
  for (const [step, run] of Object.entries(steps)) {
    const saw = await run(client).catch((error) => ({ class: error.constructor.name, ...describe(error) }));
    console.log(JSON.stringify({ step, saw }));
  }
  await client.end();
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
