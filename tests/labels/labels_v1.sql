BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'labels','001_events','2026-11-23 15:49:52.892256+00:00');
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
INSERT INTO "actions" VALUES('025b413f8a9a421ea648a7dd06839eb9',13,'ada','none','walmart','v1',1,'',NULL);
INSERT INTO "actions" VALUES('05b6e6e307d44edc91431193e6c3f339',12,'eve','accept','walmart','1',1,'',NULL);
INSERT INTO "actions" VALUES('1e2feb89414c443c9027c4d1c386bbc4',4,'bob','reject','walmart','1',0,'',NULL);
INSERT INTO "actions" VALUES('35bf992dc9e94616a12e7696a6cecc1b',6,'bob','skip','walmart','2',0,'',NULL);
INSERT INTO "actions" VALUES('78e51061731148a382ce6f447ed4d57b',5,'ada','unsure','walmart','2',1,'',NULL);
INSERT INTO "actions" VALUES('9b810e766ec94286a3ca828dd5f4b3b2',8,'bob','comment','walmart','1',0,'the “big” one — 55"',11);
INSERT INTO "actions" VALUES('ad45f23d3b1a41df987fd2803bab6c39',20,'ada','accept','walmart','3',1,'',NULL);
INSERT INTO "actions" VALUES('afbd67f9619649cfa1988ad9f06c144a',15,'benchmark','import','walmart','7',1,'b1',NULL);
INSERT INTO "actions" VALUES('b9d179e06c0f44f5b8130c4237730edf',17,'benchmark','import','walmart','8',0,'b1',NULL);
INSERT INTO "actions" VALUES('c381e88f38c048fd8712b8bc076f3787',18,'machine','import','walmart','9',1,'auto-1',19);
INSERT INTO "actions" VALUES('cd613e30d8f14adf91b7584a2265b1f5',1,'ada','accept','walmart','1',1,'',NULL);
INSERT INTO "actions" VALUES('e4b06ce6074147a8bce42c8218072e8c',7,'bob','flag','walmart','1',0,'',NULL);
CREATE TABLE claims (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
INSERT INTO "claims" VALUES('walmart','4','ada',99999999999.0);
CREATE TABLE current (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    candidate_source TEXT NOT NULL,
    candidate_id TEXT NOT NULL,
    annotator TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id, candidate_source, candidate_id, annotator)
) WITHOUT ROWID;
INSERT INTO "current" VALUES('walmart','1','amazon','a','ada',1);
INSERT INTO "current" VALUES('walmart','1','amazon','a','bob',4);
INSERT INTO "current" VALUES('walmart','1','amazon','a','eve',12);
INSERT INTO "current" VALUES('walmart','1','amazon','b','ada',2);
INSERT INTO "current" VALUES('walmart','1','amazon','d','ada',3);
INSERT INTO "current" VALUES('walmart','2','amazon','a','ada',5);
INSERT INTO "current" VALUES('walmart','3','amazon','a','ada',20);
INSERT INTO "current" VALUES('walmart','7','amazon','x','benchmark',15);
INSERT INTO "current" VALUES('walmart','7','amazon','y','benchmark',16);
INSERT INTO "current" VALUES('walmart','8','amazon','z','benchmark',17);
INSERT INTO "current" VALUES('walmart','v1','amazon','a','ada',13);
INSERT INTO "current" VALUES('walmart','v1','amazon','b','ada',14);
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
INSERT INTO "events" VALUES(1,'cd613e30d8f14adf91b7584a2265b1f5','2026-03-05T10:00:00.005+00:00','ada','accept','walmart','1','amazon','a','match','explicit','triage','train',0,1,2100,1,0.8125,0.97,'minilm-1',NULL,'');
INSERT INTO "events" VALUES(2,'cd613e30d8f14adf91b7584a2265b1f5','2026-03-05T10:00:00.005+00:00','ada','accept','walmart','1','amazon','b','no_match','implied','triage','train',0,1,2100,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "events" VALUES(3,'cd613e30d8f14adf91b7584a2265b1f5','2026-03-05T10:00:00.005+00:00','ada','accept','walmart','1','amazon','d','no_match','implied','triage','train',0,1,2100,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "events" VALUES(4,'1e2feb89414c443c9027c4d1c386bbc4','2026-03-07T10:00:00.007+00:00','bob','reject','walmart','1','amazon','a','no_match','explicit','triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "events" VALUES(5,'78e51061731148a382ce6f447ed4d57b','2026-03-02T10:00:00.009+00:00','ada','unsure','walmart','2','amazon','a','unsure','explicit','triage','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "events" VALUES(6,'35bf992dc9e94616a12e7696a6cecc1b','2026-03-04T10:00:00.011+00:00','bob','skip','walmart','2',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "events" VALUES(7,'e4b06ce6074147a8bce42c8218072e8c','2026-03-06T10:00:00.013+00:00','bob','flag','walmart','1',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "events" VALUES(8,'9b810e766ec94286a3ca828dd5f4b3b2','2026-03-01T10:00:00.015+00:00','bob','comment','walmart','1',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'the “big” one — 55"');
INSERT INTO "events" VALUES(9,'b2221a58008a45a684647159c324c985','2026-03-03T10:00:00.017+00:00','ada','undo','walmart','2',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,'78e51061731148a382ce6f447ed4d57b','');
INSERT INTO "events" VALUES(10,'cd447e35b8b648fe842e3d437204e52d','2026-03-05T10:00:00.019+00:00','ada','redo','walmart','2',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,'78e51061731148a382ce6f447ed4d57b','');
INSERT INTO "events" VALUES(11,'1a2b8f1ff1fd42a29755d4c13a902931','2026-03-07T10:00:00.021+00:00','bob','undo','walmart','1',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,'9b810e766ec94286a3ca828dd5f4b3b2','');
INSERT INTO "events" VALUES(12,'05b6e6e307d44edc91431193e6c3f339','2026-03-02T10:00:00.023+00:00','eve','accept','walmart','1','amazon','a','match','explicit','adjudication','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "events" VALUES(13,'025b413f8a9a421ea648a7dd06839eb9','2026-03-04T10:00:00.025+00:00','ada','none','walmart','v1','amazon','a','no_match','explicit','validation','validation',1,1,NULL,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "events" VALUES(14,'025b413f8a9a421ea648a7dd06839eb9','2026-03-04T10:00:00.025+00:00','ada','none','walmart','v1','amazon','b','no_match','explicit','validation','validation',1,1,NULL,NULL,NULL,NULL,NULL,NULL,'');
INSERT INTO "events" VALUES(15,'afbd67f9619649cfa1988ad9f06c144a','2026-03-06T10:00:00.027+00:00','benchmark','import','walmart','7','amazon','x','match','explicit','triage','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'b1');
INSERT INTO "events" VALUES(16,'afbd67f9619649cfa1988ad9f06c144a','2026-03-06T10:00:00.027+00:00','benchmark','import','walmart','7','amazon','y','no_match','explicit','triage','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'b1');
INSERT INTO "events" VALUES(17,'b9d179e06c0f44f5b8130c4237730edf','2026-03-01T10:00:00.029+00:00','benchmark','import','walmart','8','amazon','z','no_match','explicit','triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'b1');
INSERT INTO "events" VALUES(18,'c381e88f38c048fd8712b8bc076f3787','2026-03-03T10:00:00.031+00:00','machine','import','walmart','9','amazon','m','match','explicit','triage','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'auto-1');
INSERT INTO "events" VALUES(19,'8d88348a7eed4d14b06d3fef701966a0','2026-03-05T10:00:00.033+00:00','machine','undo','walmart','9',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,'c381e88f38c048fd8712b8bc076f3787','');
INSERT INTO "events" VALUES(20,'ad45f23d3b1a41df987fd2803bab6c39','2026-03-07T10:00:00.035+00:00','ada','accept','walmart','3','amazon','a','match','explicit','audit','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'');
CREATE TABLE validation (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    seed INTEGER NOT NULL,
    drawn_at TEXT NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
INSERT INTO "validation" VALUES('walmart','v1',7,'2026-03-01T10:00:00.001+00:00');
INSERT INTO "validation" VALUES('walmart','v2',7,'2026-03-03T10:00:00.003+00:00');
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',20);
COMMIT;
PRAGMA user_version = 1;
