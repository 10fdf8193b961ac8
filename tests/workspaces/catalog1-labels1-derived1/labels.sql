BEGIN;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES (1, 'labels', '001_events', '2026-11-29 12:26:20.216221+00:00');
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
INSERT INTO "events" VALUES (1, 'b0a2453630b040d08618660ed425aba9', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o1', 'match', 'explicit', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (2, 'b0a2453630b040d08618660ed425aba9', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o2', 'no_match', 'implied', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (3, '9fd9cd3403fa48feb8ac8793569d49fc', '2026-01-05T09:00:02.000+00:00', 'bob', 'reject', 'harbour', 'h1', 'orchard', 'o1', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (4, '56237768873b43dcb78f97ac940a8cef', '2026-01-05T09:00:03.000+00:00', 'bob', 'accept', 'harbour', 'h2', 'orchard', 'o3', 'match', 'explicit', 'triage', 'train', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (5, '35342906377545bc965b2f65e9d1f94f', '2026-01-05T09:00:04.000+00:00', 'bob', 'comment', 'harbour', 'h2', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'the “large” one, 12"');
INSERT INTO "events" VALUES (6, '5dac3a5922304638a10932e5dec171d4', '2026-01-05T09:00:05.000+00:00', 'ada', 'unsure', 'harbour', 'h3', 'orchard', 'o5', 'unsure', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (7, 'a87e26a5933847c9a738ca99a11e8765', '2026-01-05T09:00:06.000+00:00', 'bob', 'reject', 'harbour', 'h3', 'orchard', 'o6', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (8, '6b0e269fdada41bca7bcf0741e2ed9bf', '2026-01-05T09:00:07.000+00:00', 'bob', 'undo', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, 'a87e26a5933847c9a738ca99a11e8765', '');
INSERT INTO "events" VALUES (9, '6700340d83b844bb89509dcbc1927fb1', '2026-01-05T09:00:08.000+00:00', 'bob', 'flag', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (10, '1971dd31b3844303a1eecddd8188bf7a', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o7', 'match', 'explicit', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (11, '1971dd31b3844303a1eecddd8188bf7a', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o8', 'no_match', 'implied', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO "events" VALUES (12, 'c18c606b25b94f7ba759b2da96f98178', '2026-01-05T09:00:10.000+00:00', 'ada', 'skip', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '');
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
INSERT INTO "actions" VALUES ('1971dd31b3844303a1eecddd8188bf7a', 10, 'ada', 'accept', 'harbour', 'h4', 1, '', NULL);
INSERT INTO "actions" VALUES ('35342906377545bc965b2f65e9d1f94f', 5, 'bob', 'comment', 'harbour', 'h2', 0, 'the “large” one, 12"', NULL);
INSERT INTO "actions" VALUES ('56237768873b43dcb78f97ac940a8cef', 4, 'bob', 'accept', 'harbour', 'h2', 1, '', NULL);
INSERT INTO "actions" VALUES ('5dac3a5922304638a10932e5dec171d4', 6, 'ada', 'unsure', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('6700340d83b844bb89509dcbc1927fb1', 9, 'bob', 'flag', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('9fd9cd3403fa48feb8ac8793569d49fc', 3, 'bob', 'reject', 'harbour', 'h1', 0, '', NULL);
INSERT INTO "actions" VALUES ('a87e26a5933847c9a738ca99a11e8765', 7, 'bob', 'reject', 'harbour', 'h3', 0, '', 8);
INSERT INTO "actions" VALUES ('b0a2453630b040d08618660ed425aba9', 1, 'ada', 'accept', 'harbour', 'h1', 1, '', NULL);
INSERT INTO "actions" VALUES ('c18c606b25b94f7ba759b2da96f98178', 12, 'ada', 'skip', 'harbour', 'h3', 0, '', NULL);
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
PRAGMA user_version = 1;
COMMIT;
