-- Schema 1.  docs/formats/store.md says what the columns mean.
-- tools/embed-sql makes one text for each database of it: @ID@ a number the database
-- gives and never gives again, @ROW@ one it may give again, @KEY@ one it is given, @INT@ 64
-- bits signed, @BYTES@ any bytes; lines that begin with "--sqlite:" or "--pgsql:" are
-- for that one only.

CREATE TABLE assay_schema (
	version @INT@ NOT NULL PRIMARY KEY,
	made_by @BYTES@ NOT NULL,
	at @INT@ NOT NULL
);

CREATE TABLE counter (
	name @BYTES@ NOT NULL PRIMARY KEY,
	value @INT@ NOT NULL
);

INSERT INTO counter (name, value) VALUES (@'event'@, 0);
INSERT INTO counter (name, value) VALUES (@'merge'@, 0);
INSERT INTO counter (name, value) VALUES (@'enrol'@, 0);

CREATE TABLE setting (
	name @BYTES@ NOT NULL PRIMARY KEY,
	value @BYTES@ NOT NULL
);

-- Hosts: what changes seldom, and what every attestation changes.

CREATE TABLE host (
	number @ID@,
	id @BYTES@ NOT NULL UNIQUE,
	name @BYTES@ NOT NULL,
	made @INT@ NOT NULL,
	identity @INT@ NOT NULL,
	labels @BYTES@ NOT NULL,
	facts @BYTES@ NOT NULL,
	facts_at @INT@ NOT NULL
);
CREATE INDEX host_name ON host (name, number);

CREATE TABLE host_label (
	label @BYTES@ NOT NULL,
	value @BYTES@ NOT NULL,
	host @INT@ NOT NULL,
	PRIMARY KEY (label, value, host)
)
--sqlite: WITHOUT ROWID
;
CREATE INDEX host_label_host ON host_label (host);

CREATE TABLE host_state (
	number @KEY@,
	revision @INT@ NOT NULL,
	registration @INT@ NOT NULL,
	verdict @INT@ NOT NULL,
	verdict_since @INT@ NOT NULL,
	valid_until @INT@ NOT NULL,
	last_seen @INT@ NOT NULL,
	next_due @INT@ NOT NULL,
	entries @INT@ NOT NULL,
	findings @INT@ NOT NULL,
	nonce_expires @INT@ NOT NULL,
	boot @INT@ NOT NULL,
	log_count @INT@ NOT NULL,
	tail_first @INT@ NOT NULL,
	tail_at @INT@ NOT NULL,
	tail_last @INT@ NOT NULL,
	tail_n @INT@ NOT NULL,
	boot_id @BYTES@ NOT NULL,
	tail @BYTES@ NOT NULL,
	policy_set @BYTES@ NOT NULL,
	policy @BYTES@ NOT NULL,
	nonce @BYTES@ NOT NULL,
	resume @BYTES@ NOT NULL,
	detail @BYTES@ NOT NULL
)
-- Room for the next version of a row beside it, and rows of 2 to 4 KiB in one piece:
-- updates then touch neither an index nor another table.
--pgsql: WITH (fillfactor = 50, toast_tuple_target = 4080)
;
-- With registration, so that hosts are counted from the index alone.
CREATE INDEX host_state_verdict ON host_state (verdict, number, registration);

CREATE TABLE identity (
	number @ID@,
	host @INT@ NOT NULL,
	made @INT@ NOT NULL,
	trust_mode @BYTES@ NOT NULL,
	ek_public @BYTES@ NOT NULL,
	ek_certs @BYTES@ NOT NULL,
	ak_public @BYTES@ NOT NULL,
	ak_name @BYTES@ NOT NULL,
	csr @BYTES@ NOT NULL,
	detail @BYTES@ NOT NULL
);
CREATE INDEX identity_host ON identity (host, number);
CREATE INDEX identity_ak ON identity (ak_name, number);

CREATE TABLE certificate (
	sha256 @BYTES@ NOT NULL PRIMARY KEY,
	host @INT@ NOT NULL,
	identity @INT@ NOT NULL,
	der @BYTES@ NOT NULL,
	issued @INT@ NOT NULL,
	expires @INT@ NOT NULL,
	revoked @INT@ NOT NULL
);
CREATE INDEX certificate_host ON certificate (host);

CREATE TABLE enrolment (
	token @BYTES@ NOT NULL PRIMARY KEY,
	made @INT@ NOT NULL,
	expires @INT@ NOT NULL,
	host_id @BYTES@ NOT NULL,
	trust_mode @BYTES@ NOT NULL,
	ek_public @BYTES@ NOT NULL,
	ek_certs @BYTES@ NOT NULL,
	ak_public @BYTES@ NOT NULL,
	ak_name @BYTES@ NOT NULL,
	csr @BYTES@ NOT NULL,
	facts @BYTES@ NOT NULL,
	secret @BYTES@ NOT NULL,
	detail @BYTES@ NOT NULL
);
CREATE INDEX enrolment_expires ON enrolment (expires);

-- Measurement lists.

CREATE TABLE signer (
	number @ROW@,
	key_id @BYTES@ NOT NULL UNIQUE
);

CREATE TABLE entry (
	number @ROW@,
	key @BYTES@ NOT NULL UNIQUE,
	first_seen @INT@ NOT NULL,
	first_host @INT@ NOT NULL,
	signer @INT@ NOT NULL,
	alg @INT@ NOT NULL,
	digest_head @INT@,
	path_head @INT@,
	digest @BYTES@ NOT NULL,
	path @BYTES@ NOT NULL,
	bytes @BYTES@ NOT NULL
);
CREATE INDEX entry_digest ON entry (digest_head) WHERE digest_head IS NOT NULL;
CREATE INDEX entry_path ON entry (path_head) WHERE path_head IS NOT NULL;
CREATE INDEX entry_signer ON entry (signer, number) WHERE signer <> 0;

CREATE TABLE boot (
	number @ID@,
	host @INT@ NOT NULL,
	id @BYTES@ NOT NULL,
	began @INT@ NOT NULL,
	event_log @BYTES@ NOT NULL
);
CREATE INDEX boot_host ON boot (host, number);

CREATE TABLE log (
	boot @INT@ NOT NULL,
	first @INT@ NOT NULL,
	n @INT@ NOT NULL,
	at @INT@ NOT NULL,
	entries @BYTES@ NOT NULL,
	PRIMARY KEY (boot, first)
);

CREATE TABLE journal (
	number @ROW@,
	host @INT@ NOT NULL,
	entries @BYTES@ NOT NULL
);

CREATE TABLE holders (
	entry @INT@ NOT NULL,
	part @INT@ NOT NULL,
	n @INT@ NOT NULL,
	hosts @BYTES@ NOT NULL,
	PRIMARY KEY (entry, part)
);
-- A bitmap does not get smaller by pglz, which would be tried each time.
--pgsql: ALTER TABLE holders ALTER COLUMN hosts SET STORAGE EXTERNAL;

CREATE TABLE event_log (
	digest @BYTES@ NOT NULL PRIMARY KEY,
	first_seen @INT@ NOT NULL,
	body @BYTES@ NOT NULL
);

-- What happened.

CREATE TABLE history (
	number @ID@,
	host @INT@ NOT NULL,
	since @INT@ NOT NULL,
	until @INT@ NOT NULL,
	verdict @INT@ NOT NULL,
	policy @BYTES@ NOT NULL,
	reason @BYTES@ NOT NULL,
	bundle @INT@ NOT NULL
);
CREATE INDEX history_host ON history (host, number);
CREATE INDEX history_open ON history (host) WHERE until = 0;
CREATE INDEX history_until ON history (until) WHERE until <> 0;

CREATE TABLE finding (
	host @INT@ NOT NULL,
	place @INT@ NOT NULL,
	entry @INT@ NOT NULL,
	code @BYTES@ NOT NULL,
	path @BYTES@ NOT NULL,
	body @BYTES@ NOT NULL,
	PRIMARY KEY (host, place)
);

CREATE TABLE event (
	number @KEY@,
	at @INT@ NOT NULL,
	host @INT@ NOT NULL,
	kind @BYTES@ NOT NULL,
	body @BYTES@ NOT NULL
);
CREATE INDEX event_host ON event (host, number) WHERE host <> 0;
CREATE INDEX event_at ON event (at);

CREATE TABLE bundle (
	number @ID@,
	host @INT@ NOT NULL,
	at @INT@ NOT NULL,
	verdict @INT@ NOT NULL,
	size @INT@ NOT NULL,
	policy @BYTES@ NOT NULL,
	body @BYTES@ NOT NULL
);
CREATE INDEX bundle_host ON bundle (host, number);
CREATE INDEX bundle_at ON bundle (at);

-- What administrators change, and what servers share.

CREATE TABLE policy (
	number @ID@,
	name @BYTES@ NOT NULL,
	version @BYTES@ NOT NULL,
	at @INT@ NOT NULL,
	size @INT@ NOT NULL,
	signers @BYTES@ NOT NULL,
	note @BYTES@ NOT NULL,
	who @BYTES@ NOT NULL,
	document @BYTES@ NOT NULL,
	UNIQUE (name, version)
);

CREATE TABLE policy_set (
	number @ID@,
	name @BYTES@ NOT NULL,
	version @BYTES@ NOT NULL,
	at @INT@ NOT NULL,
	members @BYTES@ NOT NULL,
	note @BYTES@ NOT NULL,
	who @BYTES@ NOT NULL,
	UNIQUE (name, version)
);

CREATE TABLE assignment (
	number @ID@,
	rank @INT@ NOT NULL,
	began @INT@ NOT NULL,
	ended @INT@ NOT NULL,
	holds_until @INT@ NOT NULL,
	selector @BYTES@ NOT NULL,
	policy_set @BYTES@ NOT NULL,
	version @BYTES@ NOT NULL,
	who @BYTES@ NOT NULL,
	ended_by @BYTES@ NOT NULL
);

CREATE TABLE principal (
	number @ID@,
	made @INT@ NOT NULL,
	expires @INT@ NOT NULL,
	revoked @INT@ NOT NULL,
	digest @BYTES@ NOT NULL UNIQUE,
	name @BYTES@ NOT NULL,
	kind @BYTES@ NOT NULL,
	role @BYTES@ NOT NULL,
	who @BYTES@ NOT NULL
);

CREATE TABLE lease (
	shard @KEY@,
	owner @BYTES@ NOT NULL,
	until @INT@ NOT NULL
);
