BEGIN;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES (1, 'labels', '001_events', '2026-11-29 12:26:27.280435+00:00');
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
    text TEXT NOT NULL DEFAULT '',
    CHECK ((decision IS NULL) = (strength IS NULL)),
    CHECK (decision IS NULL OR candidate_id IS NOT NULL),
    CHECK ((verb IN ('undo','redo')) = (target IS NOT NULL))
);
INSERT INTO "events" VALUES (1, 'a28ed02cf9704895916e663317960f56', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o1', 'match', 'explicit', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (2, 'a28ed02cf9704895916e663317960f56', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o2', 'no_match', 'implied', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (3, '97b114f0fc93428498f9b13cc6aeb158', '2026-01-05T09:00:02.000+00:00', 'bob', 'reject', 'harbour', 'h1', 'orchard', 'o1', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (4, '23ece9fca74d41ebbccc53a1e3fc380b', '2026-01-05T09:00:03.000+00:00', 'bob', 'accept', 'harbour', 'h2', 'orchard', 'o3', 'match', 'explicit', 'triage', 'train', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (5, '3a9ae688b08241c49b5b9ff3133fb9fc', '2026-01-05T09:00:04.000+00:00', 'bob', 'comment', 'harbour', 'h2', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'the “large” one, 12"');
INSERT INTO "events" VALUES (6, '83da0f221287468e95aec7095eab0b5d', '2026-01-05T09:00:05.000+00:00', 'ada', 'unsure', 'harbour', 'h3', 'orchard', 'o5', 'unsure', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (7, '63eb1b1daab1484cb7aaefc6dfb026c0', '2026-01-05T09:00:06.000+00:00', 'bob', 'reject', 'harbour', 'h3', 'orchard', 'o6', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (8, '8b2f21c2186a4324b426740ee357c3e7', '2026-01-05T09:00:07.000+00:00', 'bob', 'undo', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, '63eb1b1daab1484cb7aaefc6dfb026c0', '');
INSERT INTO "events" VALUES (9, '536005218c344c77b6f119a182a5eae5', '2026-01-05T09:00:08.000+00:00', 'bob', 'flag', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (10, '9042dfed034f4b21bf8724a8dc2f5405', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o7', 'match', 'explicit', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (11, '9042dfed034f4b21bf8724a8dc2f5405', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o8', 'no_match', 'implied', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (12, '0fae9ed8b4c845bb8bf571e4a093a2c3', '2026-01-05T09:00:10.000+00:00', 'ada', 'skip', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
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
INSERT INTO "actions" VALUES ('0fae9ed8b4c845bb8bf571e4a093a2c3', 12, 'ada', 'skip', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('23ece9fca74d41ebbccc53a1e3fc380b', 4, 'bob', 'accept', 'harbour', 'h2', 1, '', NULL);
INSERT INTO "actions" VALUES ('3a9ae688b08241c49b5b9ff3133fb9fc', 5, 'bob', 'comment', 'harbour', 'h2', 0, 'the “large” one, 12"', NULL);
INSERT INTO "actions" VALUES ('536005218c344c77b6f119a182a5eae5', 9, 'bob', 'flag', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('63eb1b1daab1484cb7aaefc6dfb026c0', 7, 'bob', 'reject', 'harbour', 'h3', 0, '', 8);
INSERT INTO "actions" VALUES ('83da0f221287468e95aec7095eab0b5d', 6, 'ada', 'unsure', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('9042dfed034f4b21bf8724a8dc2f5405', 10, 'ada', 'accept', 'harbour', 'h4', 1, '', NULL);
INSERT INTO "actions" VALUES ('97b114f0fc93428498f9b13cc6aeb158', 3, 'bob', 'reject', 'harbour', 'h1', 0, '', NULL);
INSERT INTO "actions" VALUES ('a28ed02cf9704895916e663317960f56', 1, 'ada', 'accept', 'harbour', 'h1', 1, '', NULL);
CREATE TABLE current (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id, candidate_source, candidate_id, annotator)
) WITHOUT ROWID;
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'ada', 1);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'bob', 3);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o2', 'ada', 2);
INSERT INTO "current" VALUES ('harbour', 'h2', 'orchard', 'o3', 'bob', 4);
INSERT INTO "current" VALUES ('harbour', 'h3', 'orchard', 'o5', 'ada', 6);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o7', 'ada', 10);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o8', 'ada', 11);
CREATE TABLE validation (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    seed INTEGER NOT NULL,
    drawn_at TEXT NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
INSERT INTO "validation" VALUES ('harbour', 'h4', 20, '2026-01-05T09:00:00.000+00:00');
CREATE TABLE claims (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
DELETE FROM sqlite_sequence;
INSERT INTO "sqlite_sequence" VALUES ('events', 12);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX events_by_pair ON events (query_source, query_id, candidate_source, candidate_id, annotator);
CREATE INDEX events_by_action ON events (action);
CREATE INDEX events_by_target ON events (target) WHERE target IS NOT NULL;
CREATE INDEX actions_by_annotator ON actions (annotator, seq);
CREATE INDEX actions_by_query ON actions (query_source, query_id);
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events is append-only: correct it with a new event'); END;
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
PRAGMA user_version = 1;
COMMIT;
