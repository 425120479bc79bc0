//! The MariaDB and MySQL fixture, asked by real clients.

use std::net::TcpStream;
use std::process::{Command, Output};

use portcullis_testkit::mysql::{APP_PASSWORD, Flavour, Options, Server, as_logged};
use portcullis_testkit::{Certs, Version, process, tools};

/// Sends commands with PyMySQL, each as these very bytes (hexadecimal), on one connection. Errors do not end it.
const SEND: &str = r"
import sys, pymysql
connection = pymysql.connect(host='127.0.0.1', port=int(sys.argv[1]), user='app', password=sys.argv[2], database='shop',
                             client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
for statement in sys.argv[3:]:
    try:
        connection._execute_command(pymysql.constants.COMMAND.COM_QUERY, bytes.fromhex(statement))
        connection._read_query_result()
        while connection._result.has_next:
            connection._read_query_result()
    except pymysql.MySQLError:
        pass
connection.close()
";

/// A statement that is prepared once and run twice, with mysql-connector-python.
const PREPARE: &str = r#"
import sys, mysql.connector
connection = mysql.connector.connect(host='127.0.0.1', port=int(sys.argv[1]), user='app', password=sys.argv[2],
                                     database='shop', use_pure=True)
cursor = connection.cursor(prepared=True)
for name in ["it's\na line", 'Customer 7']:
    cursor.execute('SELECT id FROM customers WHERE name = %s', (name,))
    cursor.fetchall()
cursor.close()
connection.close()
"#;

fn python(script: &str, server: &Server, arguments: &[String]) -> String {
    let mut python = Command::new(tools::python());
    python.args(["-c", script, &server.port().to_string(), APP_PASSWORD]).args(arguments);
    process::run(&mut python)
}

fn hex(statement: &[u8]) -> String {
    statement.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The flavour's own command-line client, over TCP.
fn client(server: &Server, password: &str, extra: &[&str], sql: &str) -> Output {
    let mut client = Command::new(server.flavour().client());
    client.args([
        "--no-defaults",
        "--batch",
        "--skip-column-names",
        "--protocol=TCP",
        "--user=app",
        "--host=localhost",
    ]);
    match server.flavour() {
        Flavour::MariaDb => {}
        Flavour::MariaDb11 => drop(client.arg("--skip-ssl")),
        Flavour::MySql9 => drop(client.arg("--get-server-public-key")),
    }
    client.args(extra).arg(format!("--port={}", server.port())).args(["--execute", sql, "shop"]);
    client.env("MYSQL_PWD", password).output().expect("the client runs")
}

/// One text a row: what the servers print alike.
const ROWS: [&str; 4] = [
    "SELECT concat(id, '|', name, '|', email, '|', ssn, '|', card, '|', coalesce(phone, '-'), '|', region) \
     FROM customers ORDER BY id",
    "SELECT concat(id, '|', sku, '|', title, '|', price, '|', coalesce(round(weight * 1000), -1), '|', \
     CASE WHEN discontinued THEN 'yes' ELSE 'no' END) FROM products ORDER BY id",
    "SELECT concat(id, '|', customer_id, '|', product_id, '|', quantity, '|', state, '|', region, '|', placed, '|', \
     coalesce(note, '-')) FROM orders ORDER BY id",
    "SELECT concat(id, '|', name, '|', salary, '|', coalesce(manager, 0)) FROM hr.employees ORDER BY id",
];

/// The same, where the languages differ: PostgreSQL's and MySQL's way to say it.
const VALUES: [(&str, &str); 2] = [
    (
        "SELECT concat(id, '|', coalesce(encode(avatar, 'hex'), '-'), '|', extract(epoch FROM created)::bigint) \
         FROM customers ORDER BY id",
        "SELECT concat(id, '|', coalesce(lower(hex(avatar)), '-'), '|', unix_timestamp(created)) FROM customers ORDER BY id",
    ),
    (
        "SELECT concat(id, '|', tags[1], '|', tags[2], '|', profile ->> 'contact', '|', profile ->> 'vip') \
         FROM customers ORDER BY id",
        "SELECT concat_ws('|', id, json_unquote(json_extract(tags, '$[0]')), json_unquote(json_extract(tags, '$[1]')), \
         json_unquote(json_extract(profile, '$.contact')), json_extract(profile, '$.vip')) FROM customers ORDER BY id",
    ),
];

#[test]
fn every_server_holds_the_rows_of_the_sample_database() {
    let postgres = portcullis_testkit::Server::usual(Version::V18);
    for flavour in Flavour::available() {
        let server = Server::usual(flavour);
        let pairs = ROWS.map(|sql| (sql, sql)).into_iter().chain(VALUES);
        for (theirs, ours) in pairs {
            let rows = server.sql(ours);
            assert!(rows.lines().count() >= 20, "{flavour:?}: {ours}");
            assert_eq!(rows, postgres.psql(theirs), "{flavour:?}: {ours}");
        }
        let calls = "SELECT customer_ssn(1); CALL restock(25); SELECT count(*) FROM products WHERE discontinued; \
                     SELECT count(*) FROM emea_contacts; SELECT sum(orders) FROM region_sales";
        assert_eq!(server.sql(calls), "101-11-1001\n1\n66\n1000");
        assert_eq!(server.log().0, [], "root's questions are not the log's business");
    }
}

#[test]
fn the_command_line_clients_are_seen_from_sign_in_to_quit() {
    for flavour in Flavour::available() {
        let server = Server::usual(flavour);
        let sql = "SELECT 1,\n\t'two'";
        let output = client(&server, APP_PASSWORD, &[], sql);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "1\ttwo\n", "{output:?}");
        let log = server.log_when_all_left();
        assert_eq!(log.connections().len(), 1);
        assert_eq!(log.0.first().unwrap().command, "Connect");
        assert_eq!(log.0.last().unwrap().command, "Quit");
        assert_eq!(log.texts().last().map(String::as_str), Some(sql));
    }
}

#[test]
fn every_byte_of_a_statement_is_in_the_log_and_none_makes_an_entry() {
    let forged = "SELECT 1\n\t\t     2 Query\tDROP TABLE customers\n261123 14:15:47\t     2 Quit\t\n;";
    let table = "SELECT \"\\\"\",\"root[root] @ localhost []\",1,1,\"Query\",\"DROP TABLE customers\"\n";
    let sent: [&[u8]; 10] = [
        b"SELECT 1",
        b"SELECT 1; SELECT 'two;'; ; \n",
        " SELECT 'é€😀', '\\\\', '\\'', \"\\n\"\r\n\t-- comment\r\n".as_bytes(),
        b"SELECT 1 /* \xff\x00\xfe \xc3 */, 2",
        forged.as_bytes(),
        table.as_bytes(),
        b"SELEC not SQL \\",
        b"CREATE USER other IDENTIFIED BY 'plain text'",
        b"SET NAMES gbk",
        b"SELECT 1 FROM (SELECT '\xbf\\' OR 1 AS two -- '\n) AS t",
    ];
    for flavour in Flavour::available() {
        let server = Server::usual(flavour);
        python(SEND, &server, &[]);
        let greeting = server.log().texts();
        let mark = server.mark();
        python(SEND, &server, &sent.map(hex));
        let log = server.log_since(mark);
        assert_eq!(log.connections().len(), 1, "{flavour:?}");
        let ran: Vec<&[u8]> = log.0.iter().filter(|logged| logged.is_statement()).map(|l| l.bytes.as_slice()).collect();
        let expected: Vec<&[u8]> = sent.iter().map(|sql| as_logged(sql)).collect();
        assert_eq!(shown(&ran[greeting.len()..]), shown(&expected), "{flavour:?}");
    }
}

fn shown(texts: &[&[u8]]) -> Vec<String> {
    texts.iter().map(|text| text.escape_ascii().to_string()).collect()
}

#[test]
fn preparing_running_and_closing_are_told_apart() {
    for flavour in Flavour::available() {
        // This driver sends a password to caching_sha2_password over TLS only.
        let options = Options { tls: Some(Certs::localhost()), ..Options::default() };
        let server = Server::start(flavour, &options).unwrap();
        python(PREPARE, &server, &[]);
        let log = server.log_when_all_left();
        assert_eq!(log.of_command("Prepare").texts(), ["SELECT id FROM customers WHERE name = ?"]);
        let executed = [
            "SELECT id FROM customers WHERE name = 'it\\'s\\na line'",
            "SELECT id FROM customers WHERE name = 'Customer 7'",
        ];
        assert_eq!(log.of_command("Execute").texts(), executed, "{flavour:?}");
        assert_eq!(log.of_command("Close stmt").0.len(), 1, "{flavour:?}");
    }
}

#[test]
fn connections_are_told_apart_while_they_run_at_once() {
    for flavour in Flavour::available() {
        let server = Server::usual(flavour);
        let statements: Vec<String> = (0..40).map(|n| format!("SELECT {n},\n'line'")).collect();
        let sent: Vec<String> = statements.iter().map(|sql| hex(sql.as_bytes())).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| python(SEND, &server, &sent));
            }
        });
        let log = server.log();
        assert_eq!(log.connections().len(), 4);
        for connection in log.connections() {
            let texts = log.session(connection).texts();
            assert_eq!(texts[texts.len() - 40..], statements, "{flavour:?}");
        }
    }
}

#[test]
fn every_way_to_sign_in_takes_the_right_password_only() {
    for flavour in Flavour::available_of(&Flavour::ALL) {
        for &plugin in flavour.plugins() {
            let options = Options { plugin: Some(plugin), ..Options::default() };
            let server = Server::start(flavour, &options).unwrap();
            let asked = server.sql("SELECT plugin FROM mysql.user WHERE user = 'app'");
            assert_eq!(asked, plugin.name());
            let output = client(&server, APP_PASSWORD, &[], "SELECT current_user()");
            assert_eq!(String::from_utf8_lossy(&output.stdout), "app@%\n", "{plugin:?}: {output:?}");
            assert!(!client(&server, "wrong", &[], "SELECT 1").status.success(), "{plugin:?}");
        }
    }
}

#[test]
fn tls_is_there_when_asked_for_and_verified_against_the_authority() {
    for flavour in Flavour::available() {
        let options = Options { tls: Some(Certs::localhost()), ..Options::default() };
        let server = Server::start(flavour, &options).unwrap();
        let ca = format!("--ssl-ca={}", server.certs().unwrap().ca.display());
        let verify = match flavour {
            Flavour::MariaDb | Flavour::MariaDb11 => "--ssl-verify-server-cert",
            Flavour::MySql9 => "--ssl-mode=VERIFY_IDENTITY",
        };
        let output = client(&server, APP_PASSWORD, &[&ca, verify], "SHOW STATUS LIKE 'Ssl_version'");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "Ssl_version\tTLSv1.3\n", "{output:?}");
        let bare = Server::usual(flavour);
        assert!(!client(&bare, APP_PASSWORD, &[&ca, verify], "SELECT 1").status.success(), "{flavour:?}");
    }
}

#[test]
fn a_crashed_server_comes_back_with_its_log_and_ends_with_its_owner() {
    for flavour in Flavour::available() {
        let options = Options { settings: vec!["--sql-mode=ANSI".into()], ..Options::default() };
        let mut server = Server::start(flavour, &options).unwrap();
        let address = server.address();
        client(&server, APP_PASSWORD, &[], "SELECT 'before'");
        server.crash();
        assert!(TcpStream::connect(address).is_err());
        server.restart();
        assert!(server.sql("SELECT @@sql_mode").contains("ANSI_QUOTES"));
        let output = client(&server, APP_PASSWORD, &[], "SELECT 'after'");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(server.log().texts().last().map(String::as_str), Some("SELECT 'after'"), "{}", server.messages());
        server.stop();
        server.restart();
        assert_eq!(server.sql("SELECT 1"), "1");
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }
}
