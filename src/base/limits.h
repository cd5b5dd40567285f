/* limits.h: every ceiling of the program, with its reason.
 *
 * A ceiling is there so that an attacker who writes the input cannot make us
 * use memory or time without bound; it is set well above what real machines
 * produce, and hitting one is an error that names it, never a silent cut.
 * Sizes are bytes unless the name says otherwise.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#include <stddef.h>

#define KIB(n) ((size_t)(n) * 1024)
#define MIB(n) (KIB(n) * 1024)
#define GIB(n) (MIB(n) * 1024)

/* Files read whole.  A list of a million entries is about 150 MiB. */
#define LIMIT_IMA_LOG		GIB(2)
/* UEFI hosts write 20 to 100 KiB; option-ROM-rich servers some hundred. */
#define LIMIT_EVENT_LOG		MIB(16)
/* Firmware logs hold 30 to 300 events; a boot loader that measures each command, some thousand. */
#define LIMIT_TCG_EVENTS	65536
/* Quotes, signatures, public areas, certificates, PCR files. */
#define LIMIT_SMALL_FILE	MIB(1)
/* A JSON policy of ten million paths is 1.4 GB. */
#define LIMIT_POLICY_FILE	GIB(4)
/* One that must be parsed into a tree: that takes up to 20 times its size. */
#define LIMIT_POLICY_TREE	GIB(1)
/* An evidence bundle: a list, an event log and some small files. */
#define LIMIT_EVIDENCE_BUNDLE	(LIMIT_IMA_LOG + LIMIT_EVENT_LOG + MIB(16))
/* Ten million digests with their paths need about 1.5 GiB. */
#define LIMIT_POLICY_TABLE	GIB(16)
/* Everything in a policy but its files: names of packages, rules, keys.  A whole
 * Debian release has 65,000 packages, about 5 MiB. */
#define LIMIT_POLICY_ARENA	GIB(1)
/* Real policies have ten layers; the compiled table has 16 bits for one. */
#define LIMIT_POLICY_LAYERS	4096
/* A policy is signed by one, two or three people. */
#define LIMIT_DSSE_SIGNATURES	64

/* IMA: kernel 16 chars a field id, 15 fields (security/integrity/ima/ima_template.c). */
#define LIMIT_IMA_NAME		255
#define LIMIT_IMA_FIELDS	16
/* One record's template data: an ima-buf with a policy or a key; the kernel
 * itself stops at its kmalloc limit of 4 MiB. */
#define LIMIT_IMA_DATA		MIB(4)
#define LIMIT_PATH		KIB(64)	/* n-ng has no limit; PATH_MAX is 4 KiB */
/* MAX_SIGNATURE_SIZE of the kernel is 1024; ML-DSA-87 needs 4627. */
#define LIMIT_SIGNATURE		KIB(8)
#define LIMIT_XATTR		KIB(64)	/* XATTR_SIZE_MAX */

/* A digest or an MPI of any algorithm here fits (SHA-512; RSA-8192). */
#define LIMIT_DIGEST		64
#define LIMIT_TPM_BANKS		16	/* TPM2_NUM_PCR_BANKS of tpm2-tss */
#define LIMIT_PCRS		24	/* PC Client: 24 PCRs; select is 3 bytes */
/* A name or a TPM2B_DATA is at most an algorithm number and the largest digest. */
#define LIMIT_TPM_NAME		(2 + LIMIT_DIGEST)
#define LIMIT_TPM_NONCE		64	/* what commands take; TPMs with SHA-256 take 34 or 50 */
#define LIMIT_TPM_RSA		1024	/* RSA-8192, the largest crypto/ accepts */
#define LIMIT_TPM_COORDINATE	128	/* of an EC point or signature; P-521 needs 66 */
#define LIMIT_TPM_IDENTITY	(2 + LIMIT_DIGEST)	/* encIdentity: an encrypted TPM2B_DIGEST */
#define LIMIT_TPM_NV		KIB(8)	/* TPM2B_MAX_NV_BUFFER: vendors have 512 to 2048 */
#define LIMIT_TPM_PRIVATE	KIB(4)	/* TPM2B_PRIVATE; of RSA-4096 about 1700 */
#define LIMIT_TPM_CREDENTIAL	KIB(1)	/* TPM2B_ID_OBJECT: 134 at most; TPM2B_ENCRYPTED_SECRET: 514 */
/* EK certificates are 1 to 2 KiB; a whole chain in NV (Intel ODCA) is about 6 KiB. */
/* A packet between the agent's processes: an EK with its chain, or facts; files are passed
 * as descriptors.  Unix sockets take about 200 KiB. */
#define LIMIT_PRIV_PACKET	KIB(96)
#define LIMIT_EK_CERT		KIB(8)
#define LIMIT_EK_CHAIN		KIB(64)
/* TPM2_PCR_Read gives at most 8 values a list, and may give one only. */
#define LIMIT_TPM_PCR_LISTS	(LIMIT_TPM_BANKS * LIMIT_PCRS)

#define LIMIT_JSON_DEPTH	64	/* nesting; our own formats use 8 */
#define LIMIT_TEXT_LINE		KIB(128)/* one line of a text list: path, digest */

/* Configuration files: some dozen settings; a list of excludes or names may have some
 * hundred lines. */
#define LIMIT_CONFIG_FILE	KIB(256)
#define LIMIT_CONFIG_LINE	KIB(8)	/* a path has 4 KiB at most, a database's URL some hundred bytes */

/* IMA policies: the largest seen have some hundred rules and a few KiB.  The rules are
 * compared in pairs, so their number is bounded too. */
#define LIMIT_IMA_POLICY	KIB(256)
#define LIMIT_IMA_RULES		4096
#define LIMIT_IMA_POLICY_ARENA	MIB(256)
/* Different IMA policies of one boot that are remembered: real hosts load one or two. */
#define LIMIT_IMA_POLICIES	64
/* /boot/config-* have 120 to 300 KiB; a kernel command line has 2 or 4 KiB. */
#define LIMIT_KERNEL_CONFIG	MIB(4)
#define LIMIT_KERNEL_CMDLINE	KIB(64)
/* What setup changes: a policy and files of some KiB, with a loader entry for each kernel. */
#define LIMIT_SETUP_FILE	KIB(512)
#define LIMIT_SETUP_FILES	1024
#define LIMIT_SETUP_NAME	4096	/* of a file it reads or writes: PATH_MAX */
#define LIMIT_SETUP_STATE	MIB(16)
#define LIMIT_SETUP_ARENA	MIB(128)

/* Regular expressions: PCRE2 counts, so that no path can stall an appraisal. */
#define LIMIT_REGEX_COUNT	65536
#define LIMIT_REGEX_LENGTH	KIB(64)
#define LIMIT_REGEX_MATCH	1000000	/* pcre2_set_match_limit */
#define LIMIT_REGEX_DEPTH	10000	/* pcre2_set_depth_limit */
#define LIMIT_REGEX_HEAP_KIB	16384	/* pcre2_set_heap_limit */

/* Archives.  Packages expand 2 to 50 times; a ratio that only a bomb reaches is
 * refused once the output is large enough to hurt. */
#define LIMIT_EXPAND_RATIO	1000
#define LIMIT_EXPAND_GRACE	MIB(256)	/* below this no ratio is asked for */
#define LIMIT_EXPAND_TOTAL	GIB(256)	/* one compressed stream, expanded */
#define LIMIT_ARCHIVE_MEMBER	GIB(64)		/* one file in an archive */
#define LIMIT_ARCHIVE_TOTAL	GIB(1024)	/* all files of one archive; sparse files count whole */
#define LIMIT_ARCHIVE_MEMBERS	10000000	/* a full distribution image has a million */
#define LIMIT_ARCHIVE_ARENA	GIB(4)		/* names and digests of one image */
#define LIMIT_DECODER_MEMORY	MIB(512)	/* xz -9 needs 65 MiB to decode */
#define LIMIT_STREAM_VIEW	MIB(32)		/* bytes a stream holds at once; an lz4 block is 8 MiB */
#define LIMIT_SYMLINKS		40		/* as the kernel, MAXSYMLINKS */
#define LIMIT_SBOM_FILE		GIB(1)		/* an SBOM of a million files is about 400 MiB */
#define LIMIT_REPO_INDEX	MIB(512)	/* a Packages file; Debian's largest is 50 MiB */
#define LIMIT_RPM_HEADER	MIB(256)	/* as rpm itself */
#define LIMIT_DEB_CONTROL	MIB(4)		/* a control file; real ones are under 64 KiB */
#define LIMIT_OCI_LAYERS	1024		/* overlayfs stops at 500 */

/* Walking a directory tree: entries of one directory held at once (names only). */
#define LIMIT_DIR_ENTRIES	20000000
#define LIMIT_WALK_DEPTH	32768	/* directories below each other; LIMIT_PATH / 2 */
/* Keys an appraisal trusts, learned ones included.  A distribution has some; a
 * fleet's policy may name one for each vendor. */
#define LIMIT_TRUSTED_KEYS	16384
/* Signatures remembered as verified: 40,000 of RSA-2048; then it starts again. */
#define LIMIT_SIG_CACHE		MIB(16)
/* Attributes that EVM protects: 8 are built in, CONFIG_EVM_ADD_XATTRS adds some. */
#define LIMIT_EVM_XATTRS	64

/* A signed result is 1 to 2 KiB; one with the evidence inside would be more. */
#define LIMIT_JWS		MIB(1)

/* A kernel configuration is 100 to 300 KiB. */
#define LIMIT_KERNEL_CONFIG	MIB(4)
/* A host of a thousand containers has some ten thousand mounts of 300 bytes. */
#define LIMIT_MOUNTINFO		MIB(16)
/* Execution monitor (port/monitor).  A body of its sidecar: three names of at most 4 KiB. */
#define LIMIT_MONITOR_BODY	KIB(16)
/* Events looked at but not answered; each holds a descriptor.  More wait in the kernel. */
#define LIMIT_MONITOR_PENDING	512
/* Files remembered as measured, 64 bytes each: the kernel's ignore marks remember the rest. */
#define LIMIT_MONITOR_CACHE	8192
/* Entries remembered so that they are listed once, 16 bytes each, in two generations. */
#define LIMIT_MONITOR_LISTED	32768
/* Ignore marks where they cannot be evicted with their inodes (before 5.19). */
#define LIMIT_MONITOR_MARKS	65536
/* Hash threads beyond those that work: one may hang in a served file system. */
#define LIMIT_MONITOR_STUCK	16
/* A monitor's list: 600,000 entries.  A host that runs more new files in one boot is told. */
#define LIMIT_MONITOR_LIST	MIB(96)
/* Seconds of hashing one file, long after it was let go. */
#define LIMIT_MONITOR_HASH	120

/* What is known about one machine. */
#define LIMIT_MACHINE_ARENA	MIB(64)

/* Messages between agent and server: sections of one, certificates of a chain (TPM vendors
 * have up to four), and what each may hold.  A certificate or credential has 1 to 2 KiB,
 * facts some KiB with a long kernel command line. */
#define LIMIT_ATTEST_SECTIONS	64
#define LIMIT_ATTEST_CHAIN	8
#define LIMIT_ATTEST_CERT	KIB(16)
#define LIMIT_ATTEST_FACTS	KIB(64)
/* New list entries in one message: a million and a half, a gigabyte of kernel memory. */
#define LIMIT_ATTEST_LIST	MIB(192)
/* A policy sent to a server: two million paths. */
#define LIMIT_POLICY_UPLOAD	MIB(256)
/* A TPM2B_PUBLIC: the largest RSA modulus and its parameters. */
#define LIMIT_TPM_PUBLIC	KIB(2)
/* HTTP and TLS.  A search for a path of PATH_MAX bytes, each escaped, is 12 KiB. */
#define LIMIT_HTTP_TARGET	KIB(16)
#define LIMIT_HTTP_HEAD		KIB(32)	/* request line and header fields; browsers send 1 to 2 KiB */
#define LIMIT_HTTP_FIELDS	64	/* header fields of a request; browsers send 20 */
#define LIMIT_HTTP_SEGMENTS	16	/* of a path; ours have up to 6 */
#define LIMIT_HTTP_SEGMENT	255	/* bytes of one, decoded: ids, names, digests */
#define LIMIT_HTTP_QUERY	32	/* query parameters; ours have up to 8 */
/* What a route may allow at most: a first measurement list of a million entries is 150 MiB. */
#define LIMIT_HTTP_BODY		MIB(256)
/* Bodies held at once by one server, coming or being worked on. */
#define LIMIT_HTTP_BODIES	GIB(1)
/* Bodies above the first are large (first lists; a host's usual message has 2 KiB): so many at once, and of
 * one caller two, of which one may be of a connection that broke.  They take three quarters of that memory
 * at most, bodies of strangers one. */
#define LIMIT_HTTP_SMALL_BODY	MIB(1)
#define LIMIT_HTTP_LARGE	256
#define LIMIT_HTTP_LARGE_OF_ONE	2
#define LIMIT_HTTP_CHUNK_DIGITS	8	/* of a chunk's size: 4 GiB */
#define LIMIT_HTTP_PIPELINE	KIB(64)	/* bytes read ahead while a request is answered */
#define LIMIT_HTTP_ARENA	MIB(64)	/* a handler's own memory for one request */
#define LIMIT_HTTP_ANSWER	MIB(256)/* that a client takes */
#define LIMIT_HTTP_ETAGS	64	/* in one If-Match or If-None-Match */
#define LIMIT_HTTP_SSE_LINE	MIB(1)	/* one line of an event stream, and one event's data */
#define LIMIT_HTTP_STREAM_QUEUE	KIB(512)/* that a stream's client may lag behind: some thousand events */
/* Who listens to events at once; and by one token, which some dashboards and scripts may share. */
#define LIMIT_LISTENERS		256
#define LIMIT_LISTENERS_PRINCIPAL 32
/* 100,000 hosts keep their connection; each costs about 34 KiB. */
/* 100,000 hosts keep their connection; each costs about 17 KiB. */
#define LIMIT_HTTP_CONNECTIONS	120000
#define LIMIT_HTTP_PER_ADDRESS	1024	/* one office or cluster behind one address */
#define LIMIT_HTTP_WORKERS	64
/* Milliseconds.  A handshake over a satellite with losses needs 4 s. */
#define LIMIT_HTTP_HANDSHAKE_MS	10000
#define LIMIT_HTTP_HEAD_MS	10000
#define LIMIT_HTTP_BODY_MS	20000	/* and one second more for each LIMIT_HTTP_RATE that came */
#define LIMIT_HTTP_WRITE_MS	20000	/* likewise, for the taking of the answer */
#define LIMIT_HTTP_IDLE_MS	180000	/* agents speak every 30 to 120 s */
#define LIMIT_HTTP_LINGER_MS	2000	/* for the client to read why it was refused */
#define LIMIT_HTTP_HEARTBEAT_MS	15000
#define LIMIT_HTTP_STREAM_SILENCE_MS 60000	/* four heartbeats: the server is gone */
#define LIMIT_HTTP_CONNECT_MS	15000
#define LIMIT_HTTP_ANSWER_MS	60000
/* Of an agent that has other servers to turn to: two of them that hang are left before the host
 * is late (three times the interval, 90 s). */
#define LIMIT_AGENT_CONNECT_MS	5000
#define LIMIT_AGENT_ANSWER_MS	15000
#define LIMIT_AGENT_SERVERS	8
#define LIMIT_HTTP_RATE		KIB(64)	/* bytes a second: a slower client is not served large bodies */
/* A host that was away longer makes a full handshake (1.6 ms instead of 1.0). */
#define LIMIT_TLS_TICKET_SECONDS 43200
#define LIMIT_TLS_SESSIONS	64	/* that a client keeps, one for each server's name */
/* Certificates of TPMs have 0.8 to 2 KiB; Intel's chain of on-die certificates has five. */
#define LIMIT_CERT		KIB(16)
#define LIMIT_CERT_CHAIN	16
/* A certificate request holds a key and a name: under 2 KiB. */
#define LIMIT_CSR		KIB(16)
/* Revocation lists of TPM makers: some hundred KiB at most. */
#define LIMIT_CRL		MIB(16)
/* Vendors' roots and intermediates: Infineon alone has some hundred. */
#define LIMIT_ROOT_BUNDLE	MIB(16)
#define LIMIT_ROOTS		8192
/* A million machines with a comment of 60 characters each. */
#define LIMIT_EK_LIST		MIB(128)
/* Between challenge and proof lies one TPM2_ActivateCredential (a second) and a network;
 * ten minutes also hold for a TPM that is in lockout for a while. */
#define LIMIT_ENROL_SECONDS	600
/* Enrolments that are open at once: enough for a rack that boots, not for a flood; and of one
 * address, behind which there may be that rack. */
#define LIMIT_ENROL_OPEN	10000
#define LIMIT_ENROL_OPEN_ADDRESS 256
/* Hosts that wait for an operator: a data centre on its first day.  Who has no TPM at all can make
 * as many up as he likes, each with its facts and certificates. */
#define LIMIT_HOSTS_PENDING	10000
/* Client certificates of one host in an hour: an agent wants one in two months.  Those for its
 * enrolment come on top, so that renewals, however many, leave it the way back. */
#define LIMIT_HOST_RENEWALS	10
#define LIMIT_HOST_ENROLMENTS	20
/* Of one host are kept: the newest certificates (older ones are no host's any more), and the newest
 * identities (an agent without a disk makes an attestation key at each boot). */
#define LIMIT_HOST_CERTIFICATES	32
#define LIMIT_HOST_IDENTITIES	64
/* What the server keeps beside a begun enrolment: facts and the certificates sent. */
#define LIMIT_ENROL_EXTRA	MIB(1)

/* Messages of evidence that one host may send in a minute (server.conf: host_rate).  An agent sends one
 * every interval, and at most one a second where files run all the time; a minute's worth may come at
 * once, as behind an outage.  While one is worked on, a quarter of that is held: four at once. */
#define LIMIT_PACE_HOST		300
#define LIMIT_PACE_AHEAD_US	60000000
#define LIMIT_PACE_HOLD_US	15000000
/* A message costs a server 0.6 ms; one for which a list of a million entries is judged anew, a second.  Of a
 * processor, what is beyond the first is a tenth, and no message keeps its host away for longer than the last. */
#define LIMIT_PACE_LIGHT_US	10000
#define LIMIT_PACE_SHARE	10
#define LIMIT_PACE_MOST_US	120000000
/* Who has no certificate is counted by address (of IPv6: by /64), for each message, and each 16 KiB of its body:
 * a hundred a second, 3,000 at once; a host enrols by two messages, and racks stand behind one address. */
#define LIMIT_PACE_ADDRESS_US	10000
#define LIMIT_PACE_ADDRESS_AHEAD_US 30000000
#define LIMIT_PACE_BODY		KIB(16)

/* Memory one appraisal may take beside its inputs. */
#define LIMIT_APPRAISAL_ARENA	GIB(1)

/* The store.  One value (a policy, a bundle): PostgreSQL takes 1 GiB a message, SQLite
 * 10^9 bytes; a policy of a million paths has 140 MiB. */
#define LIMIT_STORE_BLOB	MIB(512)
/* Rows of one page, and what they may take. */
#define LIMIT_STORE_PAGE	1000
/* Records that one search looks at: a path that differs on every host of a large fleet
 * has 100,000; each costs some microseconds. */
#define LIMIT_STORE_SEARCH	20000
/* A boot's name: the TPM's counters, or the kernel's boot id. */
#define LIMIT_STORE_BOOT_ID	64
/* Host names, policy names, label keys, key ids: DNS has 253; attackers have more.  An
 * index of PostgreSQL takes rows of 2704 bytes. */
#define LIMIT_STORE_NAME	KIB(1)
/* A record as it stands in a list: template data and what is around it. */
#define LIMIT_STORE_RECORD	(LIMIT_IMA_DATA + KIB(4))
/* Memory that one batch of writes, or one search, takes beside what the caller gave it. */
#define LIMIT_STORE_SCRATCH	GIB(1)
/* How long a write waits for another's before it says "busy". */
#define LIMIT_STORE_WAIT_MS	5000
/* What PostgreSQL gets for one statement (tens of milliseconds are usual; deleting old rows
 * takes some seconds). */
#define LIMIT_STORE_STATEMENT_MS 60000
/* Between the statements of a transaction: a server that was paused there holds its rows no longer
 * than the others wait for its turn (svc/server/turn.h). */
#define LIMIT_STORE_IDLE_MS	8000
/* Connecting to it, and silence: of its network, and of a database that was asked something that
 * takes milliseconds, or waits for a lock (LIMIT_STORE_WAIT_MS).  An agent with several servers
 * turns to the next after LIMIT_AGENT_ANSWER_MS. */
#define LIMIT_STORE_CONNECT_S	5
#define LIMIT_STORE_SILENCE_MS	10000
/* Silence where nobody waits: the statement may take all that the database gives it. */
#define LIMIT_STORE_PATIENT_MS	(LIMIT_STORE_STATEMENT_MS + LIMIT_STORE_SILENCE_MS)
/* A new schema's statements, and moving: a table of some hundred million rows. */
#define LIMIT_STORE_LONG_MS	7200000
/* Between attempts to reach a database that answers nobody. */
#define LIMIT_STORE_PAUSE_MS	1000
/* Lines of one kind in the log: so many at once, then one each time.  Whoever sends requests that fail, or a
 * store that is away, must not fill the disk; how many were left out is told. */
#define LIMIT_LOG_LINES		50
#define LIMIT_LOG_EVERY_MS	10000
/* What clocks of servers that share a store may differ by.  A host that was seen later than that
 * was seen before the clock was set back: how long ago, nobody knows. */
#define LIMIT_CLOCK_SKEW_MS	60000

#endif
