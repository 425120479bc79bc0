// mysql2: runs its script against a URL and prints what the driver saw, one JSON object a line.
//
//     NODE_PATH=…/node_modules node run_mysql.cjs URL [STEP…]
"use strict";
const crypto = require("node:crypto");
const fs = require("node:fs");
const { Readable } = require("node:stream");
const mysql = require("mysql2/promise");

const describe = (error) => ({ error: [error.constructor.name, error.code, error.errno, error.sqlState, error.sqlMessage ?? error.message] });
const attempt = (promise) => promise.then(shape, describe);
const digest = (value) => crypto.createHash("sha256").update(JSON.stringify(value)).digest("hex");
const column = (f) => [f.name, f.orgName, f.table, f.orgTable, f.schema, f.characterSet, f.columnLength, f.columnType, f.flags, f.decimals];
const described = (fields) => (Array.isArray(fields) ? fields.map((f) => (Array.isArray(f) ? f.map(column) : f && column(f))) : null);

// JSON has no big integers, bytes or dates of its own.
const plain = (_, value) => (typeof value === "bigint" ? `bigint:${value}` : value?.type === "Buffer" ? `hex:${Buffer.from(value.data).toString("hex")}` : value);

function shape(answer) {
  if (!Array.isArray(answer)) return answer;
  const [rows, fields] = answer;
  return { rows, fields: described(fields) };
}

const place = (url) => {
  const at = new URL(url);
  const ca = at.searchParams.get("ssl-ca");
  return { host: at.hostname, port: Number(at.port), user: decodeURIComponent(at.username), password: decodeURIComponent(at.password), database: at.pathname.slice(1),
    ...(ca && { ssl: { ca: fs.readFileSync(ca), verifyIdentity: true } }) };
};

const usual = { charset: "utf8mb4", enableCleartextPlugin: true, supportBigNumbers: true, bigNumberStrings: true, multipleStatements: true, dateStrings: true, maxPreparedStatements: 4 };

const TYPES = `SELECT -128 AS i, CAST(18446744073709551615 AS UNSIGNED) AS u, 1.5 AS deci, 1e100 AS d, DATE '2024-02-29' AS da, TIME '-12:34:56.5' AS t,
  TIMESTAMP '2024-02-29 12:34:56.789' AS dt, NULL AS n, 'ü🦀' AS text, x'00ff0a' AS bytes, b'101' AS bits, CAST('2024' AS JSON) AS js, ST_GeomFromText('POINT(1 -2)') AS g`;

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
const VALUES = [1, -1, 2 ** 40, 18446744073709551615n, 1.5, "text", "ü\n'\\\"🦀\0\x1a?", Buffer.from([0, 255, 39, 92]), true, null, new Date(Date.UTC(2024, 1, 29, 1, 2, 3, 456)), "", EVERY_BYTE, { a: [1, null] }];
const BAD = [["SELEC"], ["SELECT * FROM nosuch"], ["SELECT nosuch()"], ["INSERT INTO products VALUES (1, 'a', 'b', ?, 1, 0)", [1]], ["SELECT 1; SELECT * FROM nosuch"],
  ["SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'żółw 🦀', MYSQL_ERRNO = 4711"], [""], ["USE nosuch"]];

const steps = {
  simple: (c) => c.query("SELECT 1 AS one, 'ü' AS text, NULL AS nothing").then(shape),
  several: (c) => c.query("SELECT 1 AS a; DO 1; SELECT 2 AS b; SELECT 3 AS c FROM dual WHERE 1 = 0").then(shape),
  "several, one broken": (c) => attempt(c.query("SELECT 1; SELECT * FROM nosuch; SELECT 2")),
  "types in text": (c) => attempt(c.query(TYPES.replace(", CAST('2024' AS JSON) AS js", ""))),
  "types in binary": (c) => attempt(c.execute(TYPES.replace(", CAST('2024' AS JSON) AS js", ""))),
  "json and enum": async (c) => [await attempt(c.query("SELECT tags, profile FROM customers WHERE id < 3 ORDER BY id")), await attempt(c.execute("SELECT c.tags, o.state FROM customers c JOIN orders o ON o.id = c.id WHERE c.id < ? ORDER BY c.id", [4]))],
  async parameters(c) {
    const seen = [];
    for (const value of VALUES) seen.push(await attempt(c.query("SELECT ? AS value, HEX(?) AS hex", [value, value])), await attempt(c.execute("SELECT ? AS value, HEX(?) AS hex", [value, value])));
    return seen;
  },
  async prepared(c) {
    const seen = [];
    for (let n = 1; n < 9; n += 1) seen.push(await attempt(c.execute("SELECT id, name, avatar, created FROM customers WHERE id = ?", [n])));
    // More statements than the driver keeps: it closes the oldest.
    for (let n = 0; n < 12; n += 1) seen.push(await attempt(c.execute(`SELECT ? + ${n % 6} AS sum`, [n])));
    const statement = await c.prepare("SELECT id, title FROM products WHERE id BETWEEN ? AND ?");
    for (let n = 0; n < 3; n += 1) seen.push(await attempt(statement.execute([n, n + 2])));
    await statement.close();
    seen.push(await attempt(c.execute("CALL all_salaries()")), await attempt(c.execute("SELECT 'usable'")));
    return seen;
  },
  async queued(c) {
    const all = [];
    for (let n = 0; n < 40; n += 1) all.push(n % 7 === 3 ? attempt(c.query("SELECT * FROM nosuch")) : attempt(n % 2 ? c.execute("SELECT ? * 2 AS v", [n]) : c.query("SELECT ? * 2 AS v", [n])));
    return Promise.all(all);
  },
  async procedure(c) {
    await c.query("DROP PROCEDURE IF EXISTS drv_node");
    await c.query("CREATE PROCEDURE drv_node(IN n INT, OUT text VARCHAR(20)) BEGIN SELECT n; SELECT id FROM products WHERE id < n ORDER BY id; SET text = 'żółw'; END");
    return [await attempt(c.query("CALL drv_node(3, @t); SELECT @t")), await attempt(c.execute("CALL drv_node(?, @t)", [2])), await attempt(c.query("SELECT @t")), await attempt(c.execute("CALL drv_node(?, ?)", [2, null])), await attempt(c.query("DROP PROCEDURE drv_node"))];
  },
  async changes(c) {
    const seen = [];
    for (const text of ["CREATE TEMPORARY TABLE changed (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) UNIQUE)", "INSERT INTO changed (v) VALUES ('a'), ('b')", "INSERT IGNORE INTO changed (v) VALUES ('a'), ('c')",
      "UPDATE changed SET v = 'b' WHERE id < 3", "UPDATE changed SET v = 'x' WHERE id = 1", "INSERT INTO changed VALUES (18446744073709551610, 'far')", "REPLACE INTO changed (v) VALUES ('b')", "DELETE FROM changed", "DROP TEMPORARY TABLE changed", "SELECT 1/0", "SHOW WARNINGS"])
      seen.push(await attempt(c.query(text)), /^(UPDATE|SELECT)/.test(text) && (await attempt(c.execute(text))));
    return seen;
  },
  async transaction(c) {
    const seen = [];
    await c.query("CREATE TEMPORARY TABLE kept (a INT PRIMARY KEY)");
    await c.beginTransaction();
    seen.push(await attempt(c.execute("INSERT INTO kept VALUES (?)", [1])));
    await c.rollback();
    await c.beginTransaction();
    seen.push(await attempt(c.execute("INSERT INTO kept VALUES (?)", [2])), await attempt(c.execute("INSERT INTO kept VALUES (?)", [2])));
    await c.commit();
    seen.push(await attempt(c.query("SELECT * FROM kept")), await attempt(c.query("DROP TEMPORARY TABLE kept")));
    return seen;
  },
  async errors(c) {
    const seen = [];
    for (const [text, values] of BAD) seen.push(await attempt(c.query(text, values)), await attempt(c.execute(text, values ?? [])));
    return seen;
  },
  // Whose words the error has differs: what does not fit is refused before the server sees it.
  async "too few values"(c) {
    const refused = await attempt(c.execute("SELECT ?", []));
    return [refused.error !== undefined, await attempt(c.query("SELECT ?", [])), await attempt(c.query("SELECT ?", [1, 2])), await attempt(c.query("SELECT 'usable'"))];
  },
  async "file of the client's"(c) {
    await c.query("CREATE TEMPORARY TABLE loaded (a INT, b VARCHAR(40))");
    const lines = Array.from({ length: 30 }, (_, n) => Buffer.from(`${n},row ${n} ü\n`.repeat(1000)));
    const sql = "LOAD DATA LOCAL INFILE 'a stream' INTO TABLE loaded FIELDS TERMINATED BY ','";
    const seen = [await attempt(c.query({ sql, infileStreamFactory: () => Readable.from(lines) })), await attempt(c.query({ sql, infileStreamFactory: () => Readable.from([]) }))];
    seen.push(await attempt(c.query("SELECT count(*), sum(a), max(b) FROM loaded")), await attempt(c.query("DROP TEMPORARY TABLE loaded")));
    return seen;
  },
  async commands(c) {
    const seen = [await attempt(c.ping()), await attempt(c.query("USE hr")), await attempt(c.query("SELECT database()")), await attempt(c.query("USE shop"))];
    seen.push(await attempt(c.query("SET NAMES latin1")), await attempt(c.query("SELECT 'x', @@character_set_client")), await attempt(c.query("SET NAMES utf8mb4")));
    seen.push(await attempt(c.query("SET @kept = 1")), await attempt(c.reset()), await attempt(c.query("SELECT @kept, database(), @@character_set_client")));
    return seen;
  },
  async streamed(c) {
    const seen = [];
    for await (const row of c.connection.query("SELECT id, note FROM orders ORDER BY id").stream({ highWaterMark: 5 })) seen.push(row);
    for await (const row of c.connection.execute("SELECT id, note FROM orders WHERE id > ? ORDER BY id", [10]).stream()) seen.push(row);
    return [seen.length, digest(seen)];
  },
  async large(c) {
    const [rows] = await c.query("SELECT a.id, SHA2(a.id * 1000 + b.id, 256) FROM orders a JOIN orders b ON b.id <= 60 ORDER BY a.id, b.id");
    const text = "é".repeat(10000000);
    const raw = Buffer.alloc(20000000, EVERY_BYTE);
    const [[echoed]] = await c.query("SELECT ? AS v", [text]);
    const [[sent]] = await c.execute("SELECT ? AS v, length(?) AS n", [raw, raw]);
    return [digest(rows), echoed.v === text, raw.equals(sent.v) || digest(sent), sent.n];
  },
  async "rows as arrays"(c) {
    return shape(await c.query({ sql: "SELECT id, id, name FROM customers ORDER BY id LIMIT 5", rowsAsArray: true }));
  },
  "still whole": (c) => c.query("SELECT 'usable' AS v").then(shape),
};

async function pooled(url) {
  const pool = mysql.createPool({ ...usual, ...place(url), connectionLimit: 3 });
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => attempt(pool.execute("SELECT ? AS n, database() AS db", [n]))));
  await pool.end();
  return answers;
}

async function other(url) {
  const seen = [];
  for (const options of [{ charset: "latin1" }, { multipleStatements: false }, { flags: ["-FOUND_ROWS"] }, { flags: ["-DEPRECATE_EOF"] }, { connectAttributes: { own: "ü" } }, { timezone: "+03:00", dateStrings: false }, { decimalNumbers: true, typeCast: false }, { disableEval: true }]) {
    const c = await mysql.createConnection({ ...usual, ...place(url), ...options });
    for (const text of ["SELECT @@character_set_client, @@collation_connection, database(), 'ü', TIMESTAMP '2024-01-01 00:00:00', 1.5", "UPDATE products SET title = title WHERE id < 4", "SELECT 1; SELECT 2"]) seen.push(await attempt(c.query(text)), await attempt(c.execute(text)));
    await c.end();
  }
  return seen;
}

async function main(url, ...only) {
  const wanted = (step) => only.length === 0 || only.includes(step);
  const say = (step, saw) => console.log(JSON.stringify({ step, saw }, plain));
  const connection = await mysql.createConnection({ ...usual, ...place(url) });
  for (const [step, run] of Object.entries(steps).filter(([step]) => wanted(step))) say(step, await run(connection).catch((error) => ({ class: error.constructor.name, ...describe(error) })));
  await connection.end();
  if (wanted("pooled")) say("pooled", await pooled(url));
  if (wanted("other connections")) say("other connections", await other(url));
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
