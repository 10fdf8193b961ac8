BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'labels','001_events','2026-11-23 15:49:52.892256+00:00');
INSERT INTO "_sqlite_migrations" VALUES(2,'labels','002_ledger','2026-11-25 18:19:39.604439+00:00');
INSERT INTO "_sqlite_migrations" VALUES(3,'labels','003_past','2026-11-28 18:55:56.955551+00:00');
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
INSERT INTO "audits" VALUES('walmart','3',1,'high',2.5,11,'2026-03-08T10:00:00.001+00:00');
INSERT INTO "audits" VALUES('walmart','3',2,'high',3.0,12,'2026-03-08T10:00:00.002+00:00');
INSERT INTO "audits" VALUES('walmart','8',2,'medium',7.25,12,'2026-03-08T10:00:00.002+00:00');
INSERT INTO "audits" VALUES('walmart','9',1,'low',40.0,11,'2026-03-08T10:00:00.001+00:00');
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
INSERT INTO "current" VALUES('walmart','1','amazon','a','ada','match','explicit','triage','train','cd613e30d8f14adf91b7584a2265b1f5',1);
INSERT INTO "current" VALUES('walmart','1','amazon','a','bob','no_match','explicit','triage','train','1e2feb89414c443c9027c4d1c386bbc4',4);
INSERT INTO "current" VALUES('walmart','1','amazon','a','eve','match','explicit','adjudication','train','05b6e6e307d44edc91431193e6c3f339',12);
INSERT INTO "current" VALUES('walmart','1','amazon','b','ada','no_match','implied','triage','train','cd613e30d8f14adf91b7584a2265b1f5',2);
INSERT INTO "current" VALUES('walmart','1','amazon','d','ada','no_match','implied','triage','train','cd613e30d8f14adf91b7584a2265b1f5',3);
INSERT INTO "current" VALUES('walmart','2','amazon','a','ada','unsure','explicit','triage','train','78e51061731148a382ce6f447ed4d57b',5);
INSERT INTO "current" VALUES('walmart','3','amazon','a','ada','match','explicit','audit','train','ad45f23d3b1a41df987fd2803bab6c39',20);
INSERT INTO "current" VALUES('walmart','7','amazon','x','benchmark','match','explicit','triage','train','afbd67f9619649cfa1988ad9f06c144a',15);
INSERT INTO "current" VALUES('walmart','7','amazon','y','benchmark','no_match','explicit','triage','train','afbd67f9619649cfa1988ad9f06c144a',16);
INSERT INTO "current" VALUES('walmart','8','amazon','z','benchmark','no_match','explicit','triage','train','b9d179e06c0f44f5b8130c4237730edf',17);
INSERT INTO "current" VALUES('walmart','v1','amazon','a','ada','no_match','explicit','validation','validation','025b413f8a9a421ea648a7dd06839eb9',13);
INSERT INTO "current" VALUES('walmart','v1','amazon','b','ada','no_match','explicit','validation','validation','025b413f8a9a421ea648a7dd06839eb9',14);
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
INSERT INTO "events" VALUES(1,'cd613e30d8f14adf91b7584a2265b1f5','2026-03-05T10:00:00.005+00:00','ada','accept','walmart','1','amazon','a','match','explicit','triage','train',0,1,2100,1,0.8125,0.97,'minilm-1',NULL,'','49a788e3042e9f0a19edd51402d148a4d3500df600b3a7d8b960d1ac2b6c42d5');
INSERT INTO "events" VALUES(2,'cd613e30d8f14adf91b7584a2265b1f5','2026-03-05T10:00:00.005+00:00','ada','accept','walmart','1','amazon','b','no_match','implied','triage','train',0,1,2100,NULL,NULL,NULL,NULL,NULL,'','5b92e5bbfc159a88066520f04ad3ff1ef4f1523fb83cdf8a241f45e8ae23e850');
INSERT INTO "events" VALUES(3,'cd613e30d8f14adf91b7584a2265b1f5','2026-03-05T10:00:00.005+00:00','ada','accept','walmart','1','amazon','d','no_match','implied','triage','train',0,1,2100,NULL,NULL,NULL,NULL,NULL,'','c99fbde6c98a8170a4c0a28ea5e2fd4c5cc998e4c461fb4935423fbd15ca1e26');
INSERT INTO "events" VALUES(4,'1e2feb89414c443c9027c4d1c386bbc4','2026-03-07T10:00:00.007+00:00','bob','reject','walmart','1','amazon','a','no_match','explicit','triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'','cb9b056ac0663f783850f514f23c5084858dd6b7bd5e191138aecfd9d315972b');
INSERT INTO "events" VALUES(5,'78e51061731148a382ce6f447ed4d57b','2026-03-02T10:00:00.009+00:00','ada','unsure','walmart','2','amazon','a','unsure','explicit','triage','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'','1f2d7fb05ee6f144807fee20881a66dbd836fd83957d19f5caece13824eada3a');
INSERT INTO "events" VALUES(6,'35bf992dc9e94616a12e7696a6cecc1b','2026-03-04T10:00:00.011+00:00','bob','skip','walmart','2',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'','6d574ff989c386f8bcfa3ba7197519edf78faabbafc558d331005f9b64d50ed4');
INSERT INTO "events" VALUES(7,'e4b06ce6074147a8bce42c8218072e8c','2026-03-06T10:00:00.013+00:00','bob','flag','walmart','1',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'','1ffd2a16766a09caed20b49323d8cfffd6a2e46835c81ebff582f11fe8c1b5eb');
INSERT INTO "events" VALUES(8,'9b810e766ec94286a3ca828dd5f4b3b2','2026-03-01T10:00:00.015+00:00','bob','comment','walmart','1',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'the “big” one — 55"','c262ae7d719bb76e5dd590a2d31b1be59dba3a38fdc23a1fff6f7500a2d5ec06');
INSERT INTO "events" VALUES(9,'b2221a58008a45a684647159c324c985','2026-03-03T10:00:00.017+00:00','ada','undo','walmart','2',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,'78e51061731148a382ce6f447ed4d57b','','ff94aa12ab0a29cdb523ac8be0edc18ee19e74a4451af5a47c44978e71c342a2');
INSERT INTO "events" VALUES(10,'cd447e35b8b648fe842e3d437204e52d','2026-03-05T10:00:00.019+00:00','ada','redo','walmart','2',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,'78e51061731148a382ce6f447ed4d57b','','abfd66142a77c81e0922527a7d483e32cf790bbf93625e8f77227bf6e52ab460');
INSERT INTO "events" VALUES(11,'1a2b8f1ff1fd42a29755d4c13a902931','2026-03-07T10:00:00.021+00:00','bob','undo','walmart','1',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,'9b810e766ec94286a3ca828dd5f4b3b2','','6f87153fe32437e7098c45d522642cde2a10da0610a269f1fe892313deda700f');
INSERT INTO "events" VALUES(12,'05b6e6e307d44edc91431193e6c3f339','2026-03-02T10:00:00.023+00:00','eve','accept','walmart','1','amazon','a','match','explicit','adjudication','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'','ad1e71c66a7e1c68bfc3d7c2332fbe2eb1e2efa2a6ada08ec6bfd75fa7ec2052');
INSERT INTO "events" VALUES(13,'025b413f8a9a421ea648a7dd06839eb9','2026-03-04T10:00:00.025+00:00','ada','none','walmart','v1','amazon','a','no_match','explicit','validation','validation',1,1,NULL,NULL,NULL,NULL,NULL,NULL,'','bfe9590f0cc50d6a89d6a005916651d5be2b9911f45c73ec69fecc58c8f1f6c6');
INSERT INTO "events" VALUES(14,'025b413f8a9a421ea648a7dd06839eb9','2026-03-04T10:00:00.025+00:00','ada','none','walmart','v1','amazon','b','no_match','explicit','validation','validation',1,1,NULL,NULL,NULL,NULL,NULL,NULL,'','fdd4b90a67b0041fda46dd0813498b39767cca6a1482e6d49dbd4814dd370a3d');
INSERT INTO "events" VALUES(15,'afbd67f9619649cfa1988ad9f06c144a','2026-03-06T10:00:00.027+00:00','benchmark','import','walmart','7','amazon','x','match','explicit','triage','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'b1','a10175c8a2d38259407d372fe4dcce39f56a87b3dd8c9c51dac5b546750bfe4e');
INSERT INTO "events" VALUES(16,'afbd67f9619649cfa1988ad9f06c144a','2026-03-06T10:00:00.027+00:00','benchmark','import','walmart','7','amazon','y','no_match','explicit','triage','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'b1','a4d8d6609d6a6de6c9c3269147c7a04cd9626a2ecefcbbd3355b597923767774');
INSERT INTO "events" VALUES(17,'b9d179e06c0f44f5b8130c4237730edf','2026-03-01T10:00:00.029+00:00','benchmark','import','walmart','8','amazon','z','no_match','explicit','triage','train',0,0,NULL,NULL,NULL,NULL,NULL,NULL,'b1','1ffa79a54cb4c7cad1e8f1295a750922f5ef3fa2f69aaca9eb6adb7a3e443bc9');
INSERT INTO "events" VALUES(18,'c381e88f38c048fd8712b8bc076f3787','2026-03-03T10:00:00.031+00:00','machine','import','walmart','9','amazon','m','match','explicit','triage','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'auto-1','59aa85b0b96d803041b30ef9b34c67e8de5fcaf7a5640c21beb8e9b4eec18f13');
INSERT INTO "events" VALUES(19,'8d88348a7eed4d14b06d3fef701966a0','2026-03-05T10:00:00.033+00:00','machine','undo','walmart','9',NULL,NULL,NULL,NULL,'triage','train',0,0,NULL,NULL,NULL,NULL,NULL,'c381e88f38c048fd8712b8bc076f3787','','fa99d883f61b32947a603f5160c0022b87342e121da18b53fe3f58d94d7b37bf');
INSERT INTO "events" VALUES(20,'ad45f23d3b1a41df987fd2803bab6c39','2026-03-07T10:00:00.035+00:00','ada','accept','walmart','3','amazon','a','match','explicit','audit','train',0,1,NULL,NULL,NULL,NULL,NULL,NULL,'','653c4b79a46905cc59bfa07057317118f3a152dd269a681a7781fa007cfa75d9');
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
INSERT INTO "opinions" VALUES('walmart','1','amazon','a',1,0,1,0,1,1,12);
INSERT INTO "opinions" VALUES('walmart','1','amazon','b',0,1,0,0,0,1,2);
INSERT INTO "opinions" VALUES('walmart','1','amazon','d',0,1,0,0,0,1,3);
INSERT INTO "opinions" VALUES('walmart','3','amazon','a',1,0,1,0,0,1,20);
INSERT INTO "opinions" VALUES('walmart','7','amazon','x',1,0,1,0,0,1,15);
INSERT INTO "opinions" VALUES('walmart','7','amazon','y',0,1,1,0,0,1,16);
INSERT INTO "opinions" VALUES('walmart','8','amazon','z',0,1,1,0,0,1,17);
INSERT INTO "opinions" VALUES('walmart','v1','amazon','a',0,1,1,1,0,1,13);
INSERT INTO "opinions" VALUES('walmart','v1','amazon','b',0,1,1,1,0,1,14);
CREATE TABLE queries (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    closed INTEGER NOT NULL,
    closed_by_machine INTEGER NOT NULL,
    flagged INTEGER NOT NULL,
    touched INTEGER NOT NULL,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
INSERT INTO "queries" VALUES('walmart','1',2,0,1,12);
INSERT INTO "queries" VALUES('walmart','2',1,0,0,10);
INSERT INTO "queries" VALUES('walmart','3',1,0,0,20);
INSERT INTO "queries" VALUES('walmart','7',1,0,0,16);
INSERT INTO "queries" VALUES('walmart','8',0,0,0,17);
INSERT INTO "queries" VALUES('walmart','9',0,0,0,19);
INSERT INTO "queries" VALUES('walmart','v1',1,0,0,14);
CREATE TABLE validation (
    query_source TEXT NOT NULL,
    query_id TEXT NOT NULL,
    seed INTEGER NOT NULL,
    drawn_at TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 1, stratum TEXT NOT NULL DEFAULT '', weight REAL NOT NULL DEFAULT 1,
    PRIMARY KEY (query_source, query_id)
) WITHOUT ROWID;
INSERT INTO "validation" VALUES('walmart','v1',7,'2026-03-01T10:00:00.001+00:00',1,'',1.0);
INSERT INTO "validation" VALUES('walmart','v2',7,'2026-03-03T10:00:00.003+00:00',1,'',1.0);
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
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',20);
PRAGMA user_version = 3;
COMMIT;
