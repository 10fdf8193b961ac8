BEGIN;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES (1, 'labels', '001_events', '2026-11-29 12:28:16.716745+00:00');
INSERT INTO "_sqlite_migrations" VALUES (2, 'labels', '002_ledger', '2026-11-29 12:28:16.721812+00:00');
INSERT INTO "_sqlite_migrations" VALUES (3, 'labels', '003_past', '2026-11-29 12:28:16.722485+00:00');
INSERT INTO "_sqlite_migrations" VALUES (4, 'labels', '004_draws', '2026-11-29 12:28:16.728074+00:00');
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
INSERT INTO "events" VALUES (1, '68357258ed924590b8af6f9f8cda5943', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o1', 'match', 'explicit', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', 'ba2084906ad6a0454c07f959e5d64c90a8ab3c08df1642143ec20277841271b7', 1);
INSERT INTO "events" VALUES (2, '68357258ed924590b8af6f9f8cda5943', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o2', 'no_match', 'implied', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', 'c098922802a3357b0319c3b59a1d77e8dc27633d4b98f2a2682407a59d4b9c5f', 1);
INSERT INTO "events" VALUES (3, '632f9665543543deaa2cebc236b38848', '2026-01-05T09:00:02.000+00:00', 'bob', 'reject', 'harbour', 'h1', 'orchard', 'o1', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '4a4da7b6d43293324947dd4aa525bc656b0b2113e3d28fbb933071a76671f39d', 1);
INSERT INTO "events" VALUES (4, '3e7dcb4ee18b432b945a60f5846d0c90', '2026-01-05T09:00:03.000+00:00', 'bob', 'accept', 'harbour', 'h2', 'orchard', 'o3', 'match', 'explicit', 'triage', 'train', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', '9e42bc699f2455fefcf618962492705e9ebf7e53c83c9a826ca47224aabceefc', 1);
INSERT INTO "events" VALUES (5, '8ee0ef4dfa4b4ff39f91db4c8a048687', '2026-01-05T09:00:04.000+00:00', 'bob', 'comment', 'harbour', 'h2', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'the “large” one, 12"', '80f9b47c4c31072106cbeda3b989a8b7c2d81c0158a4dc4e65919872c9a896f4', 1);
INSERT INTO "events" VALUES (6, '199986d8a77f49d385c90899381e7184', '2026-01-05T09:00:05.000+00:00', 'ada', 'unsure', 'harbour', 'h3', 'orchard', 'o5', 'unsure', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '103c6fbcdc4fa3caca43b1b1da2c19c3ed3c6df80c33f8989f13e3ef627e4357', 1);
INSERT INTO "events" VALUES (7, '9188aa3aa0764b8592e1989185d46e53', '2026-01-05T09:00:06.000+00:00', 'bob', 'reject', 'harbour', 'h3', 'orchard', 'o6', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '99f7afe900ed375b0d8605faea0c4f51c1d5663622e1a01463450e0e953a7841', 1);
INSERT INTO "events" VALUES (8, '53a3d909b3e4475da4a66b092c4cda2c', '2026-01-05T09:00:07.000+00:00', 'bob', 'undo', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, '9188aa3aa0764b8592e1989185d46e53', '', 'bed83d9e9c064b8e2924aac056e5d6dea60de607d0fa83d3a2477519cce10e20', 1);
INSERT INTO "events" VALUES (9, 'dd0d9f9ce2f34d9a84afddc41182bff1', '2026-01-05T09:00:08.000+00:00', 'bob', 'flag', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '581e3719f7852d3cf966658cccd20bba2f4b83edcf3c0bd387d6ce12a3920fe9', 1);
INSERT INTO "events" VALUES (10, 'b9308a8f06a44a068c1effb51fc62c6d', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o7', 'match', 'explicit', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', '40a74f4d66fb227015fe7506079746f83c18e6be730c775baf32429213c8ab07', 1);
INSERT INTO "events" VALUES (11, 'b9308a8f06a44a068c1effb51fc62c6d', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o8', 'no_match', 'implied', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', 'a9856a08f33e05edfb06e083f11cdd8359d0555d59e70b8674e6ac7f089187ed', 1);
INSERT INTO "events" VALUES (12, 'a33fe06f626b4edc9bf6dbd39bc4624a', '2026-01-05T09:00:10.000+00:00', 'ada', 'skip', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '858fd54bb360e7834fd93959426bfd2b3ab439f5da4e0cc0884121dcf66cb0be', 1);
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
INSERT INTO "actions" VALUES ('199986d8a77f49d385c90899381e7184', 6, 'ada', 'unsure', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('3e7dcb4ee18b432b945a60f5846d0c90', 4, 'bob', 'accept', 'harbour', 'h2', 1, '', NULL);
INSERT INTO "actions" VALUES ('632f9665543543deaa2cebc236b38848', 3, 'bob', 'reject', 'harbour', 'h1', 0, '', NULL);
INSERT INTO "actions" VALUES ('68357258ed924590b8af6f9f8cda5943', 1, 'ada', 'accept', 'harbour', 'h1', 1, '', NULL);
INSERT INTO "actions" VALUES ('8ee0ef4dfa4b4ff39f91db4c8a048687', 5, 'bob', 'comment', 'harbour', 'h2', 0, 'the “large” one, 12"', NULL);
INSERT INTO "actions" VALUES ('9188aa3aa0764b8592e1989185d46e53', 7, 'bob', 'reject', 'harbour', 'h3', 0, '', 8);
INSERT INTO "actions" VALUES ('a33fe06f626b4edc9bf6dbd39bc4624a', 12, 'ada', 'skip', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('b9308a8f06a44a068c1effb51fc62c6d', 10, 'ada', 'accept', 'harbour', 'h4', 1, '', NULL);
INSERT INTO "actions" VALUES ('dd0d9f9ce2f34d9a84afddc41182bff1', 9, 'bob', 'flag', 'harbour', 'h3', 0, '', NULL);
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
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'ada', 'match', 'explicit', 'triage', 'train', '68357258ed924590b8af6f9f8cda5943', 1);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'bob', 'no_match', 'explicit', 'triage', 'train', '632f9665543543deaa2cebc236b38848', 3);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o2', 'ada', 'no_match', 'implied', 'triage', 'train', '68357258ed924590b8af6f9f8cda5943', 2);
INSERT INTO "current" VALUES ('harbour', 'h2', 'orchard', 'o3', 'bob', 'match', 'explicit', 'triage', 'train', '3e7dcb4ee18b432b945a60f5846d0c90', 4);
INSERT INTO "current" VALUES ('harbour', 'h3', 'orchard', 'o5', 'ada', 'unsure', 'explicit', 'triage', 'train', '199986d8a77f49d385c90899381e7184', 6);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o7', 'ada', 'match', 'explicit', 'validation', 'validation', 'b9308a8f06a44a068c1effb51fc62c6d', 10);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o8', 'ada', 'no_match', 'implied', 'validation', 'validation', 'b9308a8f06a44a068c1effb51fc62c6d', 11);
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
