BEGIN;
CREATE TABLE sources (
        name TEXT PRIMARY KEY NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('query', 'catalog'))
    , reader_version INTEGER NOT NULL DEFAULT 0);
INSERT INTO "sources" VALUES ('harbour', 'query', 1);
INSERT INTO "sources" VALUES ('orchard', 'catalog', 1);
CREATE TABLE products (
        key INTEGER PRIMARY KEY,
        source TEXT NOT NULL REFERENCES sources (name),
        id TEXT NOT NULL,
        title TEXT NOT NULL,
        brand TEXT NOT NULL,
        category TEXT NOT NULL,
        model TEXT NOT NULL,
        price REAL,
        upc TEXT NOT NULL,
        extra TEXT NOT NULL,
        hash TEXT NOT NULL, gtin TEXT NOT NULL DEFAULT '', currency TEXT NOT NULL DEFAULT '',
        UNIQUE (source, id)
    );
INSERT INTO "products" VALUES (1, 'harbour', 'h1', 'Brightwell 12" Ceramic Frying Pan', 'Brightwell', 'Kitchen', 'BW-12CP', 24.5, '4006381333931', '{"shelf": "A3"}', '404c353b536fd165392e7cb7367c7d5d', '04006381333931', '');
INSERT INTO "products" VALUES (2, 'harbour', 'h2', 'Marlow & Finch Café Kettle 1.7 L', 'Marlow & Finch', 'Kitchen', 'MF-K17', 39.0, '5901234123457', '{}', '7a53052c1110411ed7f4568d20719726', '05901234123457', '');
INSERT INTO "products" VALUES (3, 'harbour', 'h3', 'Tarnside 電気ケトル 800ml', 'Tarnside', 'Kitchen', 'TS-800', 31.2, '', '{"shelf": "B1"}', '208e476955a935c415961f338819d216', '', '');
INSERT INTO "products" VALUES (4, 'harbour', 'h4', 'Oakhurst Walking Boots Size 9', 'Oakhurst', 'Outdoor', 'OH-W9', NULL, '', '{}', '71f21c072215d9829e158359be59fc33', '', '');
INSERT INTO "products" VALUES (5, 'orchard', 'o1', 'Brightwell Frying Pan, Ceramic, 12 inch', 'Brightwell', 'Cookware', 'BW12CP', 23.99, '04006381333931', '{}', '0a6e72d7f1a001a3599abedc9bc74459', '04006381333931', '');
INSERT INTO "products" VALUES (6, 'orchard', 'o2', 'Brightwell Frying Pan, Ceramic, 10 inch', 'Brightwell', 'Cookware', 'BW10CP', 19.99, '', '{}', '07aa333c8ab25dfd934bf58122d1388d', '', '');
INSERT INTO "products" VALUES (7, 'orchard', 'o3', 'Marlow and Finch Kettle 1.7l Café', 'Marlow & Finch', 'Kettles', 'MFK17', 41.5, '5901234123457', '{}', 'b4c0e9cf7f374b779d41c0af394dad47', '05901234123457', '');
INSERT INTO "products" VALUES (8, 'orchard', 'o4', 'Marlow and Finch Toaster 2 Slice', 'Marlow & Finch', 'Toasters', 'MFT2', 29.0, '', '{}', '8b9a996e4059cab791ce8fabcb680c08', '', '');
INSERT INTO "products" VALUES (9, 'orchard', 'o5', 'Tarnside ケトル 0.8 L', 'Tarnside', 'Kettles', 'TS800', 30.0, '', '{}', 'c9ad83be12ea23e873f09e9d5c197788', '', '');
INSERT INTO "products" VALUES (10, 'orchard', 'o6', 'Tarnside ケトル 1.2 L', 'Tarnside', 'Kettles', 'TS1200', 35.0, '', '{}', 'e1e8304f3d93fb1bde870be7eed843e5', '', '');
INSERT INTO "products" VALUES (11, 'orchard', 'o7', 'Oakhurst Walking Boots, Size 9', 'Oakhurst', 'Shoes', 'OHW9', 79.0, '', '{}', 'b3ddffaf9398149ee90f747ab7f683f8', '', '');
INSERT INTO "products" VALUES (12, 'orchard', 'o8', 'Oakhurst Trail Shoes Size 9', 'Oakhurst', 'Shoes', 'OH-T9', 65.0, '', '{}', '4ebdf9bb0fed917f8ec91eb789844b6d', '', '');
CREATE VIRTUAL TABLE products_fts USING fts5 (
        title, brand, model, category,
        content = 'products', content_rowid = 'key', tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
    );
INSERT INTO products_fts (products_fts) VALUES ('rebuild');
CREATE INDEX products_by_source ON products (source);
CREATE TRIGGER products_added AFTER INSERT ON products BEGIN
        INSERT INTO products_fts (rowid, title, brand, model, category)
        VALUES (new.key, new.title, new.brand, new.model, new.category);
    END;
CREATE TRIGGER products_removed AFTER DELETE ON products BEGIN
        INSERT INTO products_fts (products_fts, rowid, title, brand, model, category)
        VALUES ('delete', old.key, old.title, old.brand, old.model, old.category);
    END;
CREATE TRIGGER products_changed AFTER UPDATE OF title, brand, model, category ON products BEGIN
        INSERT INTO products_fts (products_fts, rowid, title, brand, model, category)
        VALUES ('delete', old.key, old.title, old.brand, old.model, old.category);
        INSERT INTO products_fts (rowid, title, brand, model, category)
        VALUES (new.key, new.title, new.brand, new.model, new.category);
    END;
CREATE INDEX products_by_gtin ON products (gtin, source) WHERE gtin <> '';
CREATE INDEX products_by_id ON products (id);
PRAGMA user_version = 4;
COMMIT;
