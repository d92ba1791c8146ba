-- sqlite3 /data/articles.db < articles.sql
CREATE TABLE suppliers (
  id INTEGER PRIMARY KEY,
  name VARCHAR(80) NOT NULL
);
CREATE TABLE articles (
  number VARCHAR(12) NOT NULL PRIMARY KEY,
  supplier_id INTEGER NOT NULL REFERENCES suppliers (id),
  state VARCHAR(10) NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'sold', 'gone')),
  stock INTEGER NOT NULL DEFAULT 0,
  note TEXT
);
INSERT INTO suppliers (name) VALUES ('Wood & Sons');
INSERT INTO articles (number, supplier_id, stock) VALUES ('DESK-1', 1, 4);
