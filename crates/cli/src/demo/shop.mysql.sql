-- The shop of shop.postgres.sql, row for row, as MariaDB and MySQL write it.
CREATE TABLE customers (
  id integer PRIMARY KEY,
  name varchar(80) NOT NULL,
  email varchar(120) NOT NULL UNIQUE,
  ssn varchar(11) NOT NULL,
  card varchar(19) NOT NULL,
  city varchar(40) NOT NULL,
  joined date NOT NULL
);

CREATE TABLE products (
  id integer PRIMARY KEY,
  title varchar(80) NOT NULL,
  price decimal(8, 2) NOT NULL,
  in_stock integer NOT NULL
);

CREATE TABLE orders (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL,
  product_id integer NOT NULL,
  quantity integer NOT NULL,
  state varchar(10) NOT NULL,
  placed date NOT NULL,
  KEY orders_customer (customer_id),
  FOREIGN KEY (customer_id) REFERENCES customers (id),
  FOREIGN KEY (product_id) REFERENCES products (id)
);

CREATE TABLE support_notes (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL,
  written date NOT NULL,
  body text NOT NULL,
  FOREIGN KEY (customer_id) REFERENCES customers (id)
);

INSERT INTO customers
WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 60),
names AS (SELECT n, ELT(1 + n % 10, 'Mara', 'Jonas', 'Ines', 'Piotr', 'Leila', 'Tom', 'Asha', 'Nils', 'Rosa', 'Ken') AS first_name,
  ELT(1 + n % 11, 'Okafor', 'Lindqvist', 'Marques', 'Novak', 'Haddad', 'Byrne', 'Rao', 'Berg', 'Silva', 'Ito', 'Weiss') AS last_name FROM numbers)
SELECT n, CONCAT(first_name, ' ', last_name), CONCAT(LOWER(first_name), '.', LOWER(last_name), '@', ELT(1 + n % 3, 'example.com', 'example.org', 'mail.example')),
  CONCAT(LPAD(212 + n * 7, 3, '0'), '-', LPAD(11 + n % 80, 2, '0'), '-', LPAD(4000 + n * 37, 4, '0')),
  ELT(1 + n % 5, '4111 1111 1111 1111', '5555 5555 5555 4444', '3782 822463 10005', '6011 1111 1111 1117', '4242 4242 4242 4242'),
  ELT(1 + n % 6, 'Lisbon', 'Graz', 'Leeds', 'Turku', 'Austin', 'Quito'), DATE '2023-03-01' + INTERVAL n * 11 DAY
FROM names;

INSERT INTO products VALUES
  (1, 'Espresso machine', 349.00, 14), (2, 'Burr grinder', 129.50, 40), (3, 'Milk jug', 18.90, 210),
  (4, 'Filter papers, 100', 4.20, 900), (5, 'Travel mug', 24.00, 75), (6, 'Scale', 39.95, 33),
  (7, 'House blend, 1 kg', 21.50, 120), (8, 'Descaler', 9.80, 64);

INSERT INTO orders
WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 240)
SELECT n, 1 + (n * 7) % 60, 1 + n % 8, 1 + n % 3, ELT(1 + n % 4, 'open', 'paid', 'shipped', 'returned'), DATE '2025-01-05' + INTERVAL n DAY
FROM numbers;

INSERT INTO support_notes VALUES
  (1, 7, '2025-06-02', 'Grinder arrived broken, sent a new one.'),
  (2, 7, '2025-06-03', 'Read her card out on the phone: 4111 1111 1111 1111, refund is booked.'),
  (3, 12, '2025-06-11', 'Wants the refund on DE89 3704 0044 0532 0130 00 instead.'),
  (4, 19, '2025-07-01', 'Pasted his cloud key AKIAIOSFODNN7EXAMPLE into the chat; told him to revoke it.'),
  (5, 23, '2025-07-14', 'New address is leila.new@example.net, SSN 219-09-9999 checked.'),
  (6, 31, '2025-08-20', 'Asks when the blend is back.');
