BEGIN TRANSACTION;
CREATE TABLE engine_jobs (
	"key" TEXT NOT NULL, 
	lane TEXT NOT NULL, 
	"order" TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	delay DOUBLE NOT NULL, 
	state TEXT NOT NULL, 
	due DOUBLE NOT NULL, 
	attempt INTEGER NOT NULL, 
	forgiven INTEGER NOT NULL, 
	crashes INTEGER NOT NULL, 
	owner TEXT NOT NULL, 
	accepted DOUBLE NOT NULL, 
	updated DOUBLE NOT NULL, 
	outcome TEXT NOT NULL, 
	error TEXT NOT NULL, 
	steps TEXT, 
	scope TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "engine_jobs" VALUES('settled','a','settled','{"n":1,"text":"gr\u00fc\u00dfe"}',0.0,'settled',1.79607226044652462009e+09,1,0,0,'b5b798a4a9ed-c8e6f39c61da',1.79607226036104702946e+09,1.79607226044652462009e+09,'replied','',NULL,'');
INSERT INTO "engine_jobs" VALUES('dead','bot@app'||char(31)||'b','dead','{"n":1,"text":"gr\u00fc\u00dfe"}',0.0,'dead',1.79607226045966696745e+09,1,0,0,'b5b798a4a9ed-c8e6f39c61da',1.79607226044652462009e+09,1.79607226045966696745e+09,'','the channel is gone',NULL,'bot@app');
INSERT INTO "engine_jobs" VALUES('run-1','bot@app'||char(31)||'c','run-1','{"n":1,"text":"gr\u00fc\u00dfe"}',0.0,'running',1.79607226046749496456e+09,1,0,0,'b5b798a4a9ed-c8e6f39c61da',1.79607226046749496456e+09,1.79607226046749496456e+09,'','',NULL,'bot@app');
INSERT INTO "engine_jobs" VALUES('run-2','bot@app'||char(31)||'c','run-2','{"n":1,"text":"gr\u00fc\u00dfe"}',0.0,'waiting',1.7960722604715526104e+09,0,0,0,'',1.7960722604715526104e+09,1.7960722604715526104e+09,'','',NULL,'bot@app');
INSERT INTO "engine_jobs" VALUES('wait','d','wait','{"n":1,"text":"gr\u00fc\u00dfe"}',0.0,'running',1.79607226048084068301e+09,1,0,0,'b5b798a4a9ed-c8e6f39c61da',1.79607226048084068301e+09,1.79607226048084068301e+09,'','',NULL,'');
INSERT INTO "engine_jobs" VALUES('late','bot@app'||char(31)||'d2','late','{"n":1,"text":"gr\u00fc\u00dfe"}',3600.0,'waiting',1.79607586048179745669e+09,0,0,0,'',1.79607226048179745674e+09,1.79607226048179745674e+09,'','',NULL,'bot@app');
CREATE TABLE engine_lanes (
	lane TEXT NOT NULL, 
	running TEXT, 
	due DOUBLE, 
	since DOUBLE NOT NULL, 
	scope TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (lane)
);
INSERT INTO "engine_lanes" VALUES('a',NULL,NULL,1.79607226044652462009e+09,'');
INSERT INTO "engine_lanes" VALUES('bot@app'||char(31)||'b',NULL,NULL,1.79607226045966696745e+09,'bot@app');
INSERT INTO "engine_lanes" VALUES('bot@app'||char(31)||'c','run-1',1.7960722604715526104e+09,1.7960722604715526104e+09,'bot@app');
INSERT INTO "engine_lanes" VALUES('d','wait',1.79607226048084068301e+09,1.79607226048084068301e+09,'');
INSERT INTO "engine_lanes" VALUES('bot@app'||char(31)||'d2',NULL,1.79607586048179745669e+09,1.79607226048179745674e+09,'bot@app');
CREATE TABLE engine_notes (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at DOUBLE NOT NULL, 
	sender TEXT NOT NULL, 
	text TEXT NOT NULL
);
CREATE TABLE engine_replicas (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	host TEXT NOT NULL, 
	pid INTEGER NOT NULL, 
	beat INTEGER NOT NULL, 
	seen DOUBLE NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "engine_replicas" VALUES('b5b798a4a9ed-c8e6f39c61da','b5b798a4a9ed','vm',17846,1,1.79607226033944368361e+09);
CREATE TABLE engine_schema (
	version INTEGER NOT NULL
);
INSERT INTO "engine_schema" VALUES(2);
CREATE TABLE engine_steps (
	"key" TEXT NOT NULL, 
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key", name)
);
INSERT INTO "engine_steps" VALUES('run-1','context','{"read":1}');
INSERT INTO "engine_steps" VALUES('wait','context','{"read":1}');
CREATE INDEX engine_jobs_state ON engine_jobs (state, updated);
CREATE INDEX engine_jobs_waiting ON engine_jobs (lane, "order", key) WHERE state = 'waiting';
CREATE UNIQUE INDEX engine_jobs_running ON engine_jobs (lane) WHERE state = 'running';
CREATE INDEX engine_jobs_owner ON engine_jobs (owner) WHERE state = 'running';
CREATE INDEX engine_jobs_untrimmed ON engine_jobs (updated) WHERE state = 'settled' AND steps IS NULL;
CREATE INDEX engine_lanes_turn ON engine_lanes (since, lane, due, scope) WHERE running IS NULL AND due IS NOT NULL;
CREATE INDEX engine_lanes_when ON engine_lanes (due, scope) WHERE running IS NULL AND due IS NOT NULL;
COMMIT;
