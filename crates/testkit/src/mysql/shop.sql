-- The sample database of the tests, with the rows of ../postgres/shop.sql. A schema is a database here: `hr` stands beside
-- `shop`. What these servers lack has its nearest kin: an array is JSON, a domain a CHECK, a materialized view a table, a
-- set-returning function a procedure.
CREATE DATABASE shop;
CREATE DATABASE hr;
USE shop;

DELIMITER //
-- A card number with a right check digit (Luhn), in the range of test cards of one brand.
CREATE FUNCTION card_number(n bigint) RETURNS varchar(16) DETERMINISTIC NO SQL
BEGIN
  DECLARE digits char(15) DEFAULT concat('4', lpad(n * 7919 + 104729, 14, '0'));
  DECLARE place, digit, total int DEFAULT 0;
  WHILE place < 15 DO
    SET place = place + 1;
    SET digit = CAST(substr(digits, place, 1) AS signed) * IF(place % 2 = 1, 2, 1);
    SET total = total + digit DIV 10 + digit % 10;
  END WHILE;
  RETURN concat(digits, (10 - total % 10) % 10);
END //
DELIMITER ;

CREATE TABLE customers (
  id integer PRIMARY KEY,
  name varchar(80) NOT NULL,
  email varchar(120) NOT NULL UNIQUE,
  ssn char(11) NOT NULL,
  card varchar(19) NOT NULL,
  phone varchar(20),
  region varchar(8) NOT NULL,
  tags json NOT NULL,
  profile json NOT NULL,
  avatar blob,
  created timestamp NOT NULL
);

CREATE TABLE products (
  id integer PRIMARY KEY,
  sku varchar(20) NOT NULL UNIQUE,
  title varchar(80) NOT NULL,
  price decimal(10, 2) NOT NULL CHECK (price >= 0),
  weight double,
  discontinued boolean NOT NULL DEFAULT false
);

CREATE TABLE orders (
  id bigint PRIMARY KEY AUTO_INCREMENT,
  customer_id integer NOT NULL,
  product_id integer NOT NULL,
  quantity smallint NOT NULL CHECK (quantity > 0),
  state enum('open', 'paid', 'shipped', 'returned') NOT NULL DEFAULT 'open',
  region varchar(8) NOT NULL,
  placed date NOT NULL,
  note text,
  KEY orders_customer (customer_id),
  FOREIGN KEY (customer_id) REFERENCES customers (id),
  FOREIGN KEY (product_id) REFERENCES products (id)
);

CREATE TABLE hr.employees (
  id integer PRIMARY KEY,
  name varchar(80) NOT NULL,
  salary decimal(10, 2) NOT NULL,
  manager integer,
  FOREIGN KEY (manager) REFERENCES hr.employees (id)
);

CREATE TABLE audit_notes (
  id integer PRIMARY KEY AUTO_INCREMENT,
  at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
  who text,
  note text
);

INSERT INTO customers
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200)
SELECT n, concat('Customer ', n), concat('customer', n, '@example.com'),
  concat_ws('-', lpad(100 + n % 500, 3, '0'), lpad(10 + n % 89, 2, '0'), lpad(1000 + n, 4, '0')),
  card_number(n), CASE WHEN n % 5 <> 0 THEN concat('+1202555', lpad(n, 4, '0')) END,
  elt(1 + n % 3, 'EMEA', 'AMER', 'APAC'), json_array(concat('tier', n % 4), concat('né', n % 7)),
  json_object('vip', json_extract(IF(n % 10 = 0, 'true', 'false'), '$'),
    'contact', concat('customer', n, '@example.com'), 'score', n * 1.5),
  CASE WHEN n % 4 = 0 THEN unhex(md5(concat(n, ''))) END,
  timestamp '2024-01-01 00:00:00' + INTERVAL n * 7 HOUR
FROM numbers;

INSERT INTO products
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 50)
SELECT n, concat('SKU-', lpad(n, 5, '0')), concat('Product ', n), n * 3.25, CASE WHEN n % 6 <> 0 THEN n / 7e0 END,
  n % 25 = 0
FROM numbers;

INSERT INTO orders
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000)
SELECT n, 1 + (n * 37) % 200, 1 + (n * 11) % 50, 1 + n % 9, elt(1 + n % 4, 'open', 'paid', 'shipped', 'returned'),
  elt(1 + n % 3, 'EMEA', 'AMER', 'APAC'), date '2024-06-01' + INTERVAL n % 300 DAY,
  CASE WHEN n % 20 = 0 THEN concat('call +1202555', lpad(n % 200, 4, '0'), ' first') END
FROM numbers;

INSERT INTO hr.employees
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20)
SELECT n, concat('Employee ', n), 40000 + n * 1250.50, CASE WHEN n > 1 THEN 1 + n DIV 4 END FROM numbers;

CREATE VIEW customer_contacts AS SELECT id, name, email, phone FROM customers;
CREATE VIEW emea_contacts AS SELECT c.id, c.email FROM customer_contacts c JOIN customers USING (id) WHERE region = 'EMEA';
CREATE VIEW order_totals AS
  SELECT o.id, o.customer_id, o.quantity * p.price AS total, o.state FROM orders o JOIN products p ON p.id = o.product_id;
CREATE TABLE region_sales AS SELECT region, count(*) AS orders FROM orders GROUP BY region;

CREATE FUNCTION customer_ssn(customer integer) RETURNS char(11) READS SQL DATA
  RETURN (SELECT ssn FROM customers WHERE id = customer);
DELIMITER //
CREATE FUNCTION note_access(person text) RETURNS integer MODIFIES SQL DATA
BEGIN
  INSERT INTO audit_notes (who, note) VALUES (person, 'accessed');
  RETURN last_insert_id();
END //
DELIMITER ;
CREATE PROCEDURE all_salaries() SQL SECURITY DEFINER SELECT salary FROM hr.employees ORDER BY id;
CREATE PROCEDURE restock(product integer) UPDATE products SET discontinued = false WHERE id = product;
