BEGIN;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES (1, 'labels', '001_events', '2026-11-29 12:26:36.484731+00:00');
INSERT INTO "_sqlite_migrations" VALUES (2, 'labels', '002_ledger', '2026-11-29 12:26:36.492730+00:00');
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
INSERT INTO "events" VALUES (1, '31368b2f44874b70891cb5267ed422a7', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o1', 'match', 'explicit', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', '0cbeedc0004a04404f89851bf1433c342f7d6055298dd8c2f186d7e5e856b6a8');
INSERT INTO "events" VALUES (2, '31368b2f44874b70891cb5267ed422a7', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o2', 'no_match', 'implied', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', '7402c5c74259a98685db744f02b7f353e4db9f2535ce0031c0fc5c34d4d03c19');
INSERT INTO "events" VALUES (3, '63ae38427f804077a6ad1e29f0d8bbfe', '2026-01-05T09:00:02.000+00:00', 'bob', 'reject', 'harbour', 'h1', 'orchard', 'o1', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', 'a52a6cc696a75581c7434f1f409e6c57ce8ee4e112043d0a75978b9144194725');
INSERT INTO "events" VALUES (4, '37d7d2427f924f768c7e6d62c387164f', '2026-01-05T09:00:03.000+00:00', 'bob', 'accept', 'harbour', 'h2', 'orchard', 'o3', 'match', 'explicit', 'triage', 'train', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', '5d047192a256c204dc7fc49f72fde5f2b9bb5ed8062769fbd0cbefb14187e2dd');
INSERT INTO "events" VALUES (5, '260db5d2d4834c1ca694730a33407f61', '2026-01-05T09:00:04.000+00:00', 'bob', 'comment', 'harbour', 'h2', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'the “large” one, 12"', 'fb79a77c386996e15f36289876d6dfd68ee4e144c37c64a9e8806b0daa1fcd57');
INSERT INTO "events" VALUES (6, '41e51438a6f7443b838b1e1a50f8b9ab', '2026-01-05T09:00:05.000+00:00', 'ada', 'unsure', 'harbour', 'h3', 'orchard', 'o5', 'unsure', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', 'fed81022dc4c405dc8f7b08d7ee1549a1a95ce74a30a458c66e4c356312117f4');
INSERT INTO "events" VALUES (7, '1b21e7a810c347e38504cdde51c699d7', '2026-01-05T09:00:06.000+00:00', 'bob', 'reject', 'harbour', 'h3', 'orchard', 'o6', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '22aa693f8fbd086be27077464bfeaecaaa7bd80089598089c6cbc4b6f03e5991');
INSERT INTO "events" VALUES (8, '33344c00756441dd8aa88e822418d148', '2026-01-05T09:00:07.000+00:00', 'bob', 'undo', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, '1b21e7a810c347e38504cdde51c699d7', '', '1247ba38fdc34d20b305df5d407a135055ecc7d55b44b49087d30dab01ae9795');
INSERT INTO "events" VALUES (9, '20fe92d6bb8a4fdd8297f00da9fe37ac', '2026-01-05T09:00:08.000+00:00', 'bob', 'flag', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', 'ec0c4d6ba95be5086f8dfbe07e8657df977f4c3b42f3e02ba4d1e215ad209de7');
INSERT INTO "events" VALUES (10, 'f7e5820815524976ae00c00d787dd0e8', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o7', 'match', 'explicit', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', '13eef06de1cea0106d48f2c8425a8d8796b95d6418d7849e37968f89e14355e8');
INSERT INTO "events" VALUES (11, 'f7e5820815524976ae00c00d787dd0e8', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o8', 'no_match', 'implied', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', 'a4969a6b384705a9f6389707ef3e3bdb9032d01e7e8997c689f95be1465312ec');
INSERT INTO "events" VALUES (12, '4c98e1a1876949318c370b9f2a62768a', '2026-01-05T09:00:10.000+00:00', 'ada', 'skip', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', 'a8f011c3a75beef842c7ac97d64750dd47c9c39797171c688329e3693e27b3f1');
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
INSERT INTO "actions" VALUES ('1b21e7a810c347e38504cdde51c699d7', 7, 'bob', 'reject', 'harbour', 'h3', 0, '', 8);
INSERT INTO "actions" VALUES ('20fe92d6bb8a4fdd8297f00da9fe37ac', 9, 'bob', 'flag', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('260db5d2d4834c1ca694730a33407f61', 5, 'bob', 'comment', 'harbour', 'h2', 0, 'the “large” one, 12"', NULL);
INSERT INTO "actions" VALUES ('31368b2f44874b70891cb5267ed422a7', 1, 'ada', 'accept', 'harbour', 'h1', 1, '', NULL);
INSERT INTO "actions" VALUES ('37d7d2427f924f768c7e6d62c387164f', 4, 'bob', 'accept', 'harbour', 'h2', 1, '', NULL);
INSERT INTO "actions" VALUES ('41e51438a6f7443b838b1e1a50f8b9ab', 6, 'ada', 'unsure', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('4c98e1a1876949318c370b9f2a62768a', 12, 'ada', 'skip', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('63ae38427f804077a6ad1e29f0d8bbfe', 3, 'bob', 'reject', 'harbour', 'h1', 0, '', NULL);
INSERT INTO "actions" VALUES ('f7e5820815524976ae00c00d787dd0e8', 10, 'ada', 'accept', 'harbour', 'h4', 1, '', NULL);
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
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'ada', 'match', 'explicit', 'triage', 'train', '31368b2f44874b70891cb5267ed422a7', 1);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'bob', 'no_match', 'explicit', 'triage', 'train', '63ae38427f804077a6ad1e29f0d8bbfe', 3);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o2', 'ada', 'no_match', 'implied', 'triage', 'train', '31368b2f44874b70891cb5267ed422a7', 2);
INSERT INTO "current" VALUES ('harbour', 'h2', 'orchard', 'o3', 'bob', 'match', 'explicit', 'triage', 'train', '37d7d2427f924f768c7e6d62c387164f', 4);
INSERT INTO "current" VALUES ('harbour', 'h3', 'orchard', 'o5', 'ada', 'unsure', 'explicit', 'triage', 'train', '41e51438a6f7443b838b1e1a50f8b9ab', 6);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o7', 'ada', 'match', 'explicit', 'validation', 'validation', 'f7e5820815524976ae00c00d787dd0e8', 10);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o8', 'ada', 'no_match', 'implied', 'validation', 'validation', 'f7e5820815524976ae00c00d787dd0e8', 11);
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
PRAGMA user_version = 2;
COMMIT;
