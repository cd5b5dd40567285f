/* machine.h: what was found out about one machine, as plain data.
 *
 * Collected by port/sys (from the running machine, or from a recorded tree of
 * /proc, /sys and /boot), judged by engine/doctor; neither knows the other.
 * A fact that could not be had is UNKNOWN together with the reason, so that
 * "no" always means that somebody looked.
 *
 * Strings and spans live in the arena of whoever collected them.
 */
#ifndef FORMATS_MACHINE_H
#define FORMATS_MACHINE_H

#include "formats/tpm_caps.h"

enum fact { FACT_UNKNOWN = 0, FACT_NO, FACT_YES };

/* A number that a file of /proc or /sys holds. */
struct machine_count {
	bool known;
	uint64_t n;
};

struct machine_keyring {
	struct span name;		/* ".ima", "_ima", ".builtin_trusted_keys", ... */
	uint64_t keys;
};

/* One file system; what else is mounted from it is only counted. */
struct machine_mount {
	struct span point, type, source, options;	/* options of mount and superblock */
	uint64_t id;			/* of the mount */
	unsigned major, minor;		/* of the superblock: what makes a file system one */
	size_t others;			/* further mounts of the same file system */
	bool covered;			/* something is mounted over it */
	bool probed;			/* the next ones were tried here, not inferred */
	enum fact xattr_room;		/* security.ima of 9 + 256 bytes */
	const char *xattr_name;		/* the name it was tried with */
	enum fact verity;		/* fs-verity, in this file system */
	enum fact direct;		/* O_DIRECT */
	uint32_t direct_align;		/* STATX_DIOALIGN: memory alignment; 0: not said */
	bool has_uuid;
	uint8_t uuid[16];		/* as fsuuid= sees it */
};

enum machine_access { ACCESS_ABSENT = 0, ACCESS_DENIED, ACCESS_OPEN };

struct machine {
	struct span release;		/* uname -r; empty: unknown */
	bool root;			/* collected with the rights of root */
	bool recorded;			/* from a tree, not from this machine */
	const char *config_source;	/* where ${config} was read; NULL: no configuration */
	struct span config;
	struct span cmdline, lsm, lockdown;	/* lockdown: "none [integrity] confidentiality" */
	enum machine_access securityfs;	/* /sys/kernel/security and something in it */

	bool efi;
	enum fact secure_boot, setup_mode;
	bool deep_sleep;		/* S3: /sys/power/mem_sleep names "deep" */

	bool ima_dir;			/* /sys/kernel/security/ima */
	enum machine_access ima_policy;	/* its file "policy" */
	struct machine_count ima_entries, ima_violations;
	bool ima_bank_lists;		/* ascii_runtime_measurements_sha256 and its like */
	struct machine_count evm;	/* /sys/kernel/security/evm */

	bool keys_known;
	struct machine_keyring *keyrings;
	size_t n_keyrings;

	bool tpm_class;			/* /sys/class/tpm/tpm0 */
	struct machine_count tpm_major;	/* its tpm_version_major: 1 or 2 */
	struct span tpm_banks;		/* "sha1 sha256": the pcr-* folders; empty: kernel before 5.12 */
	enum machine_access tpm_event_log;
	const char *tpm_device;		/* what was asked, or NULL */
	const char *tpm_error;		/* why it did not answer, or NULL */
	struct tpm_caps tpm;		/* tpm.have tells whether it answered */

	struct machine_mount *mounts;
	size_t n_mounts, n_pseudo;	/* pseudo file systems are only counted */
};

#endif
