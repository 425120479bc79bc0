-- The demo's database: a small shop. People who phone its support desk leave secrets behind, in columns made for them
-- and in free text that was not. All of it is invented; card numbers are the test numbers of their brands.
CREATE TABLE customers (
  id integer PRIMARY KEY,
  name text NOT NULL,
  email text NOT NULL UNIQUE,
  ssn text NOT NULL,
  card text NOT NULL,
  city text NOT NULL,
  joined date NOT NULL
);

CREATE TABLE products (
  id integer PRIMARY KEY,
  title text NOT NULL,
  price numeric(8, 2) NOT NULL,
  in_stock integer NOT NULL
);

CREATE TABLE orders (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customers (id),
  product_id integer NOT NULL REFERENCES products (id),
  quantity integer NOT NULL,
  state text NOT NULL,
  placed date NOT NULL
);
CREATE INDEX orders_customer ON orders (customer_id);

CREATE TABLE support_notes (
  id integer PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customers (id),
  written date NOT NULL,
  body text NOT NULL
);

INSERT INTO customers
SELECT n, first || ' ' || last, lower(first) || '.' || lower(last) || '@' || (ARRAY['example.com', 'example.org', 'mail.example'])[1 + n % 3],
  lpad((212 + n * 7)::text, 3, '0') || '-' || lpad((11 + n % 80)::text, 2, '0') || '-' || lpad((4000 + n * 37)::text, 4, '0'),
  (ARRAY['4111 1111 1111 1111', '5555 5555 5555 4444', '3782 822463 10005', '6011 1111 1111 1117', '4242 4242 4242 4242'])[1 + n % 5],
  (ARRAY['Lisbon', 'Graz', 'Leeds', 'Turku', 'Austin', 'Quito'])[1 + n % 6], date '2023-03-01' + n * 11
FROM generate_series(1, 60) AS n,
  LATERAL (SELECT (ARRAY['Mara', 'Jonas', 'Ines', 'Piotr', 'Leila', 'Tom', 'Asha', 'Nils', 'Rosa', 'Ken'])[1 + n % 10] AS first,
    (ARRAY['Okafor', 'Lindqvist', 'Marques', 'Novak', 'Haddad', 'Byrne', 'Rao', 'Berg', 'Silva', 'Ito', 'Weiss'])[1 + n % 11] AS last) AS names;

INSERT INTO products VALUES
  (1, 'Espresso machine', 349.00, 14), (2, 'Burr grinder', 129.50, 40), (3, 'Milk jug', 18.90, 210),
  (4, 'Filter papers, 100', 4.20, 900), (5, 'Travel mug', 24.00, 75), (6, 'Scale', 39.95, 33),
  (7, 'House blend, 1 kg', 21.50, 120), (8, 'Descaler', 9.80, 64);

INSERT INTO orders
SELECT n, 1 + (n * 7) % 60, 1 + n % 8, 1 + n % 3, (ARRAY['open', 'paid', 'shipped', 'returned'])[1 + n % 4], date '2025-01-05' + n
FROM generate_series(1, 240) AS n;

INSERT INTO support_notes VALUES
  (1, 7, '2025-06-02', 'Grinder arrived broken, sent a new one.'),
  (2, 7, '2025-06-03', 'Read her card out on the phone: 4111 1111 1111 1111, refund is booked.'),
  (3, 12, '2025-06-11', 'Wants the refund on DE89 3704 0044 0532 0130 00 instead.'),
  (4, 19, '2025-07-01', 'Pasted his cloud key AKIAIOSFODNN7EXAMPLE into the chat; told him to revoke it.'),
  (5, 23, '2025-07-14', 'New address is leila.new@example.net, SSN 219-09-9999 checked.'),
  (6, 31, '2025-08-20', 'Asks when the blend is back.');

GRANT CONNECT ON DATABASE shop TO app;
GRANT CREATE, USAGE ON SCHEMA public TO app;
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
DO $$ DECLARE t text; BEGIN
  FOREACH t IN ARRAY ARRAY['customers', 'products', 'orders', 'support_notes'] LOOP EXECUTE format('ALTER TABLE %I OWNER TO app', t); END LOOP;
END $$;
ANALYZE;
