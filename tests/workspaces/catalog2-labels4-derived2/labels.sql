BEGIN;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES (1, 'labels', '001_events', '2026-11-29 12:27:06.599078+00:00');
INSERT INTO "_sqlite_migrations" VALUES (2, 'labels', '002_ledger', '2026-11-29 12:27:06.601611+00:00');
INSERT INTO "_sqlite_migrations" VALUES (3, 'labels', '003_past', '2026-11-29 12:27:06.602070+00:00');
INSERT INTO "_sqlite_migrations" VALUES (4, 'labels', '004_draws', '2026-11-29 12:27:06.603020+00:00');
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
INSERT INTO "events" VALUES (1, 'be1c4c3bfaeb4f74936c38e8b6c8be0f', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o1', 'match', 'explicit', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', '2cd9c9de0f16cf7bb6856c5fbd44a43e2d1edcae2fadf89105ceb7c452548997', 1);
INSERT INTO "events" VALUES (2, 'be1c4c3bfaeb4f74936c38e8b6c8be0f', '2026-01-05T09:00:01.000+00:00', 'ada', 'accept', 'harbour', 'h1', 'orchard', 'o2', 'no_match', 'implied', 'triage', 'train', 0, 1, 1500, NULL, NULL, NULL, NULL, NULL, '', '8113a9d1406ddbb628b402cc1d6a8d0c66d76440167e5ca7e9e38088d95e73b3', 1);
INSERT INTO "events" VALUES (3, '30b975f07f9648b98ba1a380e405290e', '2026-01-05T09:00:02.000+00:00', 'bob', 'reject', 'harbour', 'h1', 'orchard', 'o1', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '427a177f628464a5027307d75ca5b0c906c9489c29d7296bf1b375c5bb474a92', 1);
INSERT INTO "events" VALUES (4, '95afc54a3b944a54b93dbcbe681ec495', '2026-01-05T09:00:03.000+00:00', 'bob', 'accept', 'harbour', 'h2', 'orchard', 'o3', 'match', 'explicit', 'triage', 'train', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', 'd9385ffc3f2790d6ca44dc425d3d7f55aa49147fcfcabc1826d36bde3454ad51', 1);
INSERT INTO "events" VALUES (5, '5a7035c3b0894781804cf3d5291181c8', '2026-01-05T09:00:04.000+00:00', 'bob', 'comment', 'harbour', 'h2', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, 'the “large” one, 12"', 'cff41a68bcd569672876deffb735a2bc4d857754fa09ad0c5aebe33768290b7d', 1);
INSERT INTO "events" VALUES (6, '60e57fa627be47f3b97970105ed5892f', '2026-01-05T09:00:05.000+00:00', 'ada', 'unsure', 'harbour', 'h3', 'orchard', 'o5', 'unsure', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '261fc1a3036c3bf081f43ebfe20f1a0f1308a372adf4cd359500856a148961c0', 1);
INSERT INTO "events" VALUES (7, 'bf924184b2f7402093f55e62cb63a826', '2026-01-05T09:00:06.000+00:00', 'bob', 'reject', 'harbour', 'h3', 'orchard', 'o6', 'no_match', 'explicit', 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', '768ba8783a72905eb8056f54490e37c16561f7c052c5c658968e6fdf4e01d2ea', 1);
INSERT INTO "events" VALUES (8, '6b21c4b5a43a43bb8ce8bf4ccdc62c58', '2026-01-05T09:00:07.000+00:00', 'bob', 'undo', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, 'bf924184b2f7402093f55e62cb63a826', '', '0b3c60ba4c6501d0a0e2bfc478c7aaa58d02e4e8e37f9dc4cdf290bcad1e704b', 1);
INSERT INTO "events" VALUES (9, 'cd7e703b8eeb46b3b7287922a270efa0', '2026-01-05T09:00:08.000+00:00', 'bob', 'flag', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', 'b99dd2df99c13fbca4c2555eddf597bf249b6372d38a3e67099b3cf815d58a2a', 1);
INSERT INTO "events" VALUES (10, '6705a3cc386941c39ac56c58a77ff51c', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o7', 'match', 'explicit', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', 'e993e877a47b339f5726f8ca1692a0b43d6112742301cf4f82fb6d043a096ea7', 1);
INSERT INTO "events" VALUES (11, '6705a3cc386941c39ac56c58a77ff51c', '2026-01-05T09:00:09.000+00:00', 'ada', 'accept', 'harbour', 'h4', 'orchard', 'o8', 'no_match', 'implied', 'validation', 'validation', 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, '', 'a7da89c12fdb50f7e7e6039035883cb2d53f8c65283082cf9acabc5668ef8619', 1);
INSERT INTO "events" VALUES (12, 'c9e44ccec44e4e9698544b9a10a665a7', '2026-01-05T09:00:10.000+00:00', 'ada', 'skip', 'harbour', 'h3', NULL, NULL, NULL, NULL, 'triage', 'train', 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, '', 'd9f3a576c339e696acccba2984a25abf6b0dc6e20d73279484f12c51e938ce1b', 1);
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
INSERT INTO "actions" VALUES ('30b975f07f9648b98ba1a380e405290e', 3, 'bob', 'reject', 'harbour', 'h1', 0, '', NULL);
INSERT INTO "actions" VALUES ('5a7035c3b0894781804cf3d5291181c8', 5, 'bob', 'comment', 'harbour', 'h2', 0, 'the “large” one, 12"', NULL);
INSERT INTO "actions" VALUES ('60e57fa627be47f3b97970105ed5892f', 6, 'ada', 'unsure', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('6705a3cc386941c39ac56c58a77ff51c', 10, 'ada', 'accept', 'harbour', 'h4', 1, '', NULL);
INSERT INTO "actions" VALUES ('95afc54a3b944a54b93dbcbe681ec495', 4, 'bob', 'accept', 'harbour', 'h2', 1, '', NULL);
INSERT INTO "actions" VALUES ('be1c4c3bfaeb4f74936c38e8b6c8be0f', 1, 'ada', 'accept', 'harbour', 'h1', 1, '', NULL);
INSERT INTO "actions" VALUES ('bf924184b2f7402093f55e62cb63a826', 7, 'bob', 'reject', 'harbour', 'h3', 0, '', 8);
INSERT INTO "actions" VALUES ('c9e44ccec44e4e9698544b9a10a665a7', 12, 'ada', 'skip', 'harbour', 'h3', 0, '', NULL);
INSERT INTO "actions" VALUES ('cd7e703b8eeb46b3b7287922a270efa0', 9, 'bob', 'flag', 'harbour', 'h3', 0, '', NULL);
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
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'ada', 'match', 'explicit', 'triage', 'train', 'be1c4c3bfaeb4f74936c38e8b6c8be0f', 1);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o1', 'bob', 'no_match', 'explicit', 'triage', 'train', '30b975f07f9648b98ba1a380e405290e', 3);
INSERT INTO "current" VALUES ('harbour', 'h1', 'orchard', 'o2', 'ada', 'no_match', 'implied', 'triage', 'train', 'be1c4c3bfaeb4f74936c38e8b6c8be0f', 2);
INSERT INTO "current" VALUES ('harbour', 'h2', 'orchard', 'o3', 'bob', 'match', 'explicit', 'triage', 'train', '95afc54a3b944a54b93dbcbe681ec495', 4);
INSERT INTO "current" VALUES ('harbour', 'h3', 'orchard', 'o5', 'ada', 'unsure', 'explicit', 'triage', 'train', '60e57fa627be47f3b97970105ed5892f', 6);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o7', 'ada', 'match', 'explicit', 'validation', 'validation', '6705a3cc386941c39ac56c58a77ff51c', 10);
INSERT INTO "current" VALUES ('harbour', 'h4', 'orchard', 'o8', 'ada', 'no_match', 'implied', 'validation', 'validation', '6705a3cc386941c39ac56c58a77ff51c', 11);
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
