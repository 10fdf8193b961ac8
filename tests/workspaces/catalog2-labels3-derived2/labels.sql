BEGIN;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES (1, 'labels', '001_events', '2026-11-29 12:26:45.417287+00:00');
INSERT INTO "_sqlite_migrations" VALUES (2, 'labels', '002_ledger', '2026-11-29 12:26:45.424537+00:00');
INSERT INTO "_sqlite_migrations" VALUES (3, 'labels', '003_past', '2026-11-29 12:26:45.425364+00:00');
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    action TEXT NOT NULL,
    at TEXT NOT NULL,
    annotator TEXT NOT NULL CHECK (annotator <> ''),
    verb TEXT NOT NULL CHECK (verb IN ('accept','reject','none','unsure','skip','flag','comment','import','undo','redo')),
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT,
    candidate_id TEXT,
    decision TEXT CHECK (decision IN ('match','no_match','unsure')),
    strength TEXT CHECK (strength IN ('explicit','implied')),
    stream TEXT NOT NULL CHECK (stream IN ('triage','validation','audit','adjudication')),
    side TEXT NOT NULL CHECK (side IN ('train','validation')),
    blind INTEGER NOT NULL CHECK (blind IN (0, 1)),
    closes INTEGER NOT NULL CHECK (closes IN (0, 1)),
    look_ms INTEGER,
    rank INTEGER,
    similarity REAL,
    probability REAL,
    model TEXT,
    target TEXT,
    text TEXT NOT NULL DEFAULT '', hash TEXT NOT NULL DEFAULT '',
    CHECK ((decision IS NULL) = (strength IS NULL)),
    CHECK (decision IS NULL OR candidate_id IS NOT NULL),
    CHECK ((verb IN ('undo','redo')) = (target IS NOT NULL))
);
INSERT INTO "events" VALUES (1, 'e14e3b60183f48769a1fae8a2e4fc3fd', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o1', 'match', 'explicit', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', '87d8ffe5d3284d9838516f4e17fe60f56b56e7f81af038e249b3f41e15d14b5c');
INSERT INTO "events" VALUES (2, 'e14e3b60183f48769a1fae8a2e4fc3fd', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o2', 'no_match', 'implied', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', '2679ae89cb6b4c189f9e2ba13058ca1e19bfde2330a93477b9c64fa92210b043');
INSERT INTO "events" VALUES (3, 'd8db5fe9a24249aeb159bff19b4be7a4', '2026-01-05T09:00:02.000+00:00', 'bob', 'reject', 'harbour', 'h1', 'orchard', 'o1', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '8ecf68b05afa5ea46060c7c90c5017ba02fd3df4dd01ad7737d341e560c2c691');
INSERT INTO "events" VALUES (4, 'b4c4ae4757684b9aa3b892ef61b86939', '2026-01-05T09:00:03.000+00:00', 'bob', 'accept', 'harbour', 'h2', 'orchard', 'o3', 'match', 'explicit', 'triage', 'train', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', 'a2219e313ebbe3bde314922e283b4cfb4ab9bd9137362fbc6242be732dd397f0');
INSERT INTO "events" VALUES (5, 'df889e1ab843443f935a058853800541', '2026-01-05T09:00:04.000+00:00', 'bob', 'comment', 'harbour', 'h2', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'the “large” one, 12"', 'c2e7f0baa33cde7d48c480a3f5781aba5e98553405270805502263a1f957240b');
INSERT INTO "events" VALUES (6, 'd70799b82865448b9b2848f158466bfb', '2026-01-05T09:00:05.000+00:00', 'ada', 'unsure', 'harbour', 'h3', 'orchard', 'o5', 'unsure', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '539ecac95fbdda6b34b200f17c16ea46c70a8472106c22d7711562ef386fc051');
INSERT INTO "events" VALUES (7, '7771de8b98c049e6a79b73e63d160bfd', '2026-01-05T09:00:06.000+00:00', 'bob', 'reject', 'harbour', 'h3', 'orchard', 'o6', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '3e33f604d9262fbcb28a05c918d8c24c9654efcd96b49d6174713f2f55ea37c6');
INSERT INTO "events" VALUES (8, '978b3b25569b438193f958b6e54f1e06', '2026-01-05T09:00:07.000+00:00', 'bob', 'undo', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, '7771de8b98c049e6a79b73e63d160bfd', '', '418bc2d930230c6f207e3e32574c04ccf45e801b956d306125cb1b711e0f5243');
INSERT INTO "events" VALUES (9, 'd0775bf9f59f466e8e7178cd36dfc74e', '2026-01-05T09:00:08.000+00:00', 'bob', 'flag', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', 'bdcf855f73a1fd9f65590263736fd69f62899b5ed00ca9e19b4de9b42449edda');
INSERT INTO "events" VALUES (10, '1434be49bf0341b389b77cbc4f6f51bd', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o7', 'match', 'explicit', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', '683b69dc0034f114ff85e585b72f5ec4656f695cd5f735b5b25855eefde929fd');
INSERT INTO "events" VALUES (11, '1434be49bf0341b389b77cbc4f6f51bd', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o8', 'no_match', 'implied', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', '13d9d93edb6c10aef139bd8199f20e36b1483c4d4b424cffac9d0defd49b8cfd');
INSERT INTO "events" VALUES (12, '5161e96916a543cc85fc7ac8ad032438', '2026-01-05T09:00:10.000+00:00', 'ada', 'skip', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '849f0fba267323ce5a9b57cfe2ddcaa02c455630fe5a9cda776f93d70fbf2738');
CREATE TABLE actions (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    annotator TEXT NOT NULL,
    verb TEXT NOT NULL,
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    closes INTEGER NOT NULL,
    text TEXT NOT NULL,
    undone_at INTEGER
) WITHOUT ROWID;
INSERT INTO "actions" VALUES ('1434be49bf0341b389b77cbc4f6f51bd', 10, 'ada', 'accept', 'harbour', 'h4', 1, '', NULL);
INSERT INTO "actions" VALUES ('5161e96916a543cc85fc7ac8ad032438', 12, 'ada', 'skip', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('7771de8b98c049e6a79b73e63d160bfd', 7, 'bob', 'reject', 'harbour', 'h3', 0, '', 8);
INSERT INTO "actions" VALUES ('b4c4ae4757684b9aa3b892ef61b86939', 4, 'bob', 'accept', 'harbour', 'h2', 1, '', NULL);
INSERT INTO "actions" VALUES ('d0775bf9f59f466e8e7178cd36dfc74e', 9, 'bob', 'flag', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('d70799b82865448b9b2848f158466bfb', 6, 'ada', 'unsure', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('d8db5fe9a24249aeb159bff19b4be7a4', 3, 'bob', 'reject', 'harbour', 'h1', 0, '', NULL);
INSERT INTO "actions" VALUES ('df889e1ab843443f935a058853800541', 5, 'bob', 'comment', 'harbour', 'h2', 0, 'the “large” one, 12"', NULL);
INSERT INTO "actions" VALUES ('e14e3b60183f48769a1fae8a2e4fc3fd', 1, 'ada', 'accept', 'harbour', 'h1', 1, '', NULL);
CREATE TABLE validation (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    seed INTEGER NOT NULL,
    drawn_at TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1, stratum TEXT NOT NULL DEFAULT '', weight REAL NOT NULL DEFAULT 1,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
INSERT INTO "validation" VALUES ('harbour', 'h4', 20, '2026-01-05T09:00:00.000+00:00', 1, '', 1.0);
CREATE TABLE current (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    decision TEXT NOT NULL,
    strength TEXT NOT NULL,
    stream TEXT NOT NULL,
    side TEXT NOT NULL,
    action TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id, candidate_source, candidate_id, annotator)
) WITHOUT ROWID;
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'ada', 'match', 'explicit', 'triage', 'train', 'e14e3b60183f48769a1fae8a2e4fc3fd', 1);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'bob', 'no_match', 'explicit', 'triage', 'train', 'd8db5fe9a24249aeb159bff19b4be7a4', 3);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o2', 'ada', 'no_match', 'implied', 'triage', 'train', 'e14e3b60183f48769a1fae8a2e4fc3fd', 2);
INSERT INTO "current" VALUES ('harbour', 'h2', 'orchard', 'o3', 'bob', 'match', 'explicit', 'triage', 'train', 'b4c4ae4757684b9aa3b892ef61b86939', 4);
INSERT INTO "current" VALUES ('harbour', 'h3', 'orchard', 'o5', 'ada', 'unsure', 'explicit', 'triage', 'train', 'd70799b82865448b9b2848f158466bfb', 6);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o7', 'ada', 'match', 'explicit', 'validation', 'validation', '1434be49bf0341b389b77cbc4f6f51bd', 10);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o8', 'ada', 'no_match', 'implied', 'validation', 'validation', '1434be49bf0341b389b77cbc4f6f51bd', 11);
CREATE TABLE opinions (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    matches INTEGER NOT NULL,
    others INTEGER NOT NULL,
    explicit INTEGER NOT NULL,
    validation INTEGER NOT NULL,
    adjudicated INTEGER NOT NULL,
    people INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id, candidate_source, candidate_id)
) WITHOUT ROWID;
INSERT INTO "opinions" VALUES ('harbour', 'h1', 'orchard', 'o1', 1, 1, 1, 0, 0, 1, 3);
INSERT INTO "opinions" VALUES ('harbour', 'h1', 'orchard', 'o2', 0, 1, 0, 0, 0, 1, 2);
INSERT INTO "opinions" VALUES ('harbour', 'h2', 'orchard', 'o3', 1, 0, 1, 0, 0, 1, 4);
INSERT INTO "opinions" VALUES ('harbour', 'h4', 'orchard', 'o7', 1, 0, 1, 1, 0, 1, 10);
INSERT INTO "opinions" VALUES ('harbour', 'h4', 'orchard', 'o8', 0, 1, 0, 1, 0, 1, 11);
CREATE TABLE queries (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    closed INTEGER NOT NULL,
    closed_by_machine INTEGER NOT NULL,
    flagged INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
INSERT INTO "queries" VALUES ('harbour', 'h1', 1, 0, 0, 3);
INSERT INTO "queries" VALUES ('harbour', 'h2', 1, 0, 0, 5);
INSERT INTO "queries" VALUES ('harbour', 'h3', 0, 0, 1, 12);
INSERT INTO "queries" VALUES ('harbour', 'h4', 1, 0, 0, 11);
CREATE TABLE audits (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    stratum TEXT NOT NULL,
    weight REAL NOT NULL,
    seed INTEGER NOT NULL,
    drawn_at TEXT NOT NULL,
    PRIMARY KEY (query_source, query_id, version)
) WITHOUT ROWID;
DELETE FROM sqlite_sequence;
INSERT INTO "sqlite_sequence" VALUES ('events', 12);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX events_by_action ON events (action);
CREATE INDEX events_by_target ON events (target) WHERE target IS NOT NULL;
CREATE INDEX actions_by_annotator ON actions (annotator, seq);
CREATE INDEX actions_by_query ON actions (query_source, query_id);
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events is append-only: nothing is deleted'); END;
CREATE TRIGGER validation_no_update BEFORE UPDATE ON validation
BEGIN SELECT RAISE(ABORT, 'validation is append-only: correct it with a new event'); END;
CREATE TRIGGER validation_no_delete BEFORE DELETE ON validation
BEGIN SELECT RAISE(ABORT, 'validation is append-only: nothing is deleted'); END;
CREATE TRIGGER events_no_replace BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'events is append-only: nothing is replaced'); END;
CREATE TRIGGER validation_no_replace BEFORE INSERT ON validation WHEN EXISTS (
    SELECT 1 FROM validation WHERE (query_source, query_id) = (NEW.query_source, NEW.query_id)
)
BEGIN SELECT RAISE(IGNORE); END;
CREATE INDEX events_by_query ON events (query_source, query_id);
CREATE INDEX actions_skipped ON actions (annotator, query_source, query_id) WHERE verb = 'skip' AND undone_at IS NULL;
CREATE INDEX actions_undone ON actions (annotator, undone_at) WHERE undone_at IS NOT NULL;
CREATE INDEX opinions_apart ON opinions (query_source, query_id) WHERE matches > 0 AND others > 0;
CREATE INDEX queries_by_touch ON queries (touched);
CREATE TRIGGER audits_no_replace BEFORE INSERT ON audits WHEN EXISTS (
    SELECT 1 FROM audits WHERE (query_source, query_id, version) = (NEW.query_source, NEW.query_id, NEW.version)
)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events is append-only: correct it with a new event'); END;
CREATE TRIGGER audits_no_update BEFORE UPDATE ON audits
BEGIN SELECT RAISE(ABORT, 'audits is append-only: correct it with a new event'); END;
CREATE TRIGGER audits_no_delete BEFORE DELETE ON audits
BEGIN SELECT RAISE(ABORT, 'audits is append-only: nothing is deleted'); END;
CREATE TRIGGER events_chained BEFORE INSERT ON events WHEN length(NEW.hash) <> 64
BEGIN SELECT RAISE(ABORT, 'events is a chain: each carries the hash of all before it'); END;
CREATE INDEX actions_noted ON actions (verb, annotator, seq)
    WHERE verb = 'flag' OR verb = 'comment' OR verb = 'unsure' OR verb = 'skip';
CREATE INDEX current_accepted ON current (candidate_source, candidate_id) WHERE decision = 'match';
PRAGMA user_version = 3;
COMMIT;
