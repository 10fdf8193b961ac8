BEGIN;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES (1, 'labels', '001_events', '2026-11-29 12:27:45.017215+00:00');
INSERT INTO "_sqlite_migrations" VALUES (2, 'labels', '002_ledger', '2026-11-29 12:27:45.019221+00:00');
INSERT INTO "_sqlite_migrations" VALUES (3, 'labels', '003_past', '2026-11-29 12:27:45.019765+00:00');
INSERT INTO "_sqlite_migrations" VALUES (4, 'labels', '004_draws', '2026-11-29 12:27:45.020779+00:00');
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
    text TEXT NOT NULL DEFAULT '', hash TEXT NOT NULL DEFAULT '', drawn INTEGER NOT NULL DEFAULT 0,
    CHECK ((decision IS NULL) = (strength IS NULL)),
    CHECK (decision IS NULL OR candidate_id IS NOT NULL),
    CHECK ((verb IN ('undo','redo')) = (target IS NOT NULL))
);
INSERT INTO "events" VALUES (1, 'fada483ac81b47478e19d8547cfee290', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o1', 'match', 'explicit', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', '22d70e7ae819aa83aec2e87a81cf701aa86f664d1bccb839de6426072feb8b15', 1);
INSERT INTO "events" VALUES (2, 'fada483ac81b47478e19d8547cfee290', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o2', 'no_match', 'implied', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', '78d9004a62a486d7ddca40d4496925a2afcd76532f6a12b071a257910948c8fe', 1);
INSERT INTO "events" VALUES (3, '94b646ac220d419fbce1ce7774ae7052', '2026-01-05T09:00:02.000+00:00', 'bob', 'reject', 'harbour', 'h1', 'orchard', 'o1', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '730e91e6e706337ec47c9789c158f1075d0676ab6c445f2d537d7ec055b3f335', 1);
INSERT INTO "events" VALUES (4, '877c7d168b054d34a3cb1a8ac968e781', '2026-01-05T09:00:03.000+00:00', 'bob', 'accept', 'harbour', 'h2', 'orchard', 'o3', 'match', 'explicit', 'triage', 'train', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', 'abaae57e8bb4e5122f298dea8e5ac2156b3cd9c97a4f7688b4fc1e60b7b438da', 1);
INSERT INTO "events" VALUES (5, '45ed42c6dd6241458efa03c305e0a908', '2026-01-05T09:00:04.000+00:00', 'bob', 'comment', 'harbour', 'h2', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'the “large” one, 12"', '053e2bea41a1e1c130beaaa7b466807b54b87d128c04ca5e82f0af7e96028819', 1);
INSERT INTO "events" VALUES (6, '77add9a74c5e4a6486e411147a7271f7', '2026-01-05T09:00:05.000+00:00', 'ada', 'unsure', 'harbour', 'h3', 'orchard', 'o5', 'unsure', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', 'ea66911486dc43d4eb132fcfeb8f41ae32604471ff9dabe1f45b921373eab923', 1);
INSERT INTO "events" VALUES (7, '9f9b7f5ec3264b19a40ee687a991a362', '2026-01-05T09:00:06.000+00:00', 'bob', 'reject', 'harbour', 'h3', 'orchard', 'o6', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '3868b7a503cb5399b17e1835cac3d8e6c53639fa4775975d39c4608c40f62b39', 1);
INSERT INTO "events" VALUES (8, '137d591a4f224a6eb312ce7a5a453b85', '2026-01-05T09:00:07.000+00:00', 'bob', 'undo', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, '9f9b7f5ec3264b19a40ee687a991a362', '', 'c0eff3ca922443923117bd749f555e3877225ffb0917395021631a6576917d1a', 1);
INSERT INTO "events" VALUES (9, 'fdb8c1ec96cb41aab4f63ec73a6a531b', '2026-01-05T09:00:08.000+00:00', 'bob', 'flag', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '7a188e3be20a77e6b33a9810c27b11f8da92b68ef2cb4b3e7d08cdcdbb3228cc', 1);
INSERT INTO "events" VALUES (10, '9a376e287091424d84fb6acbbc9d808e', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o7', 'match', 'explicit', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', 'eff18aed2d1f73a413ce1a4cb410377c768759602736cb9ef44fec7e9ff699ab', 1);
INSERT INTO "events" VALUES (11, '9a376e287091424d84fb6acbbc9d808e', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o8', 'no_match', 'implied', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', '4d486a5f476ab37c3d6d6b2700a2f34f526bb489efac2f10219a4f5eb0675566', 1);
INSERT INTO "events" VALUES (12, '3bb62aca5f654a739b572ab43a461df8', '2026-01-05T09:00:10.000+00:00', 'ada', 'skip', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', 'f1ba128ace13ee3ee3fceeba86b167a4eabb3fc5e733d553b59a8b1f8aee4bb2', 1);
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
INSERT INTO "actions" VALUES ('3bb62aca5f654a739b572ab43a461df8', 12, 'ada', 'skip', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('45ed42c6dd6241458efa03c305e0a908', 5, 'bob', 'comment', 'harbour', 'h2', 0, 'the “large” one, 12"', NULL);
INSERT INTO "actions" VALUES ('77add9a74c5e4a6486e411147a7271f7', 6, 'ada', 'unsure', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('877c7d168b054d34a3cb1a8ac968e781', 4, 'bob', 'accept', 'harbour', 'h2', 1, '', NULL);
INSERT INTO "actions" VALUES ('94b646ac220d419fbce1ce7774ae7052', 3, 'bob', 'reject', 'harbour', 'h1', 0, '', NULL);
INSERT INTO "actions" VALUES ('9a376e287091424d84fb6acbbc9d808e', 10, 'ada', 'accept', 'harbour', 'h4', 1, '', NULL);
INSERT INTO "actions" VALUES ('9f9b7f5ec3264b19a40ee687a991a362', 7, 'bob', 'reject', 'harbour', 'h3', 0, '', 8);
INSERT INTO "actions" VALUES ('fada483ac81b47478e19d8547cfee290', 1, 'ada', 'accept', 'harbour', 'h1', 1, '', NULL);
INSERT INTO "actions" VALUES ('fdb8c1ec96cb41aab4f63ec73a6a531b', 9, 'bob', 'flag', 'harbour', 'h3', 0, '', NULL);
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
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'ada', 'match', 'explicit', 'triage', 'train', 'fada483ac81b47478e19d8547cfee290', 1);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'bob', 'no_match', 'explicit', 'triage', 'train', '94b646ac220d419fbce1ce7774ae7052', 3);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o2', 'ada', 'no_match', 'implied', 'triage', 'train', 'fada483ac81b47478e19d8547cfee290', 2);
INSERT INTO "current" VALUES ('harbour', 'h2', 'orchard', 'o3', 'bob', 'match', 'explicit', 'triage', 'train', '877c7d168b054d34a3cb1a8ac968e781', 4);
INSERT INTO "current" VALUES ('harbour', 'h3', 'orchard', 'o5', 'ada', 'unsure', 'explicit', 'triage', 'train', '77add9a74c5e4a6486e411147a7271f7', 6);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o7', 'ada', 'match', 'explicit', 'validation', 'validation', '9a376e287091424d84fb6acbbc9d808e', 10);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o8', 'ada', 'no_match', 'implied', 'validation', 'validation', '9a376e287091424d84fb6acbbc9d808e', 11);
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
CREATE TABLE draws (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL CHECK (purpose IN ('validation','audit')),
    version INTEGER NOT NULL,
    queries INTEGER NOT NULL,
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    UNIQUE (purpose, version)
);
INSERT INTO "draws" VALUES (1, 'validation', 1, 1, 'e3ed45f65b958b8271db3361b39e3e645c472aff7e3d32f01f835aea5f88c04f');
DELETE FROM sqlite_sequence;
INSERT INTO "sqlite_sequence" VALUES ('draws', 1);
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
CREATE INDEX actions_noted ON actions (verb, annotator, seq)
    WHERE verb = 'flag' OR verb = 'comment' OR verb = 'unsure' OR verb = 'skip';
CREATE INDEX current_accepted ON current (candidate_source, candidate_id) WHERE decision = 'match';
CREATE TRIGGER draws_no_replace BEFORE INSERT ON draws WHEN EXISTS (
    SELECT 1 FROM draws WHERE number = NEW.number OR (purpose, version) = (NEW.purpose, NEW.version)
)
BEGIN SELECT RAISE(ABORT, 'draws is append-only: nothing is replaced'); END;
CREATE TRIGGER draws_no_update BEFORE UPDATE ON draws
BEGIN SELECT RAISE(ABORT, 'draws is append-only: correct it with a new event'); END;
CREATE TRIGGER draws_no_delete BEFORE DELETE ON draws
BEGIN SELECT RAISE(ABORT, 'draws is append-only: nothing is deleted'); END;
CREATE TRIGGER events_chained BEFORE INSERT ON events
WHEN length(NEW.hash) <> 64 OR NEW.drawn <> (SELECT coalesce(max(number), 0) FROM draws)
BEGIN SELECT RAISE(ABORT, 'events is a chain: each carries the hash of all before it'); END;
CREATE TRIGGER validation_recorded BEFORE INSERT ON validation WHEN NOT EXISTS (
    SELECT 1 FROM draws WHERE (purpose, version) = ('validation', NEW.version)
)
BEGIN SELECT RAISE(ABORT, 'a draw is recorded in draws before its queries are'); END;
CREATE TRIGGER audits_recorded BEFORE INSERT ON audits WHEN NOT EXISTS (
    SELECT 1 FROM draws WHERE (purpose, version) = ('audit', NEW.version)
)
BEGIN SELECT RAISE(ABORT, 'a draw is recorded in draws before its queries are'); END;
PRAGMA user_version = 4;
COMMIT;
