/* runtime_policy.h: what a host may run: the model every policy format becomes.
 *
 * Read from Assay's layered JSON, a compiled table, Keylime's runtime policy v1
 * JSON, Keylime's older allowlist (text, JSON) or a sha*sum list; told apart by
 * content.  The grammar of our own JSON is docs/formats/runtime-policy.md and
 * docs/schema/runtime-policy.schema.json; unknown members are refused.
 *
 * Everything lives in the policy's arena and its table; nothing here compiles
 * regular expressions or reads keys: the engine does, when it loads a policy.
 *
 * Layers and scopes: each approved digest belongs to a layer.  A path inside a
 * scope (longest prefix wins) is judged by that scope's layers alone; a path in
 * no scope by the layers that no scope names.
 */
#ifndef FORMATS_RUNTIME_POLICY_H
#define FORMATS_RUNTIME_POLICY_H

#include "base/arena.h"
#include "base/json.h"
#include "formats/policy_table.h"

enum policy_match {
	POLICY_MATCH_START = 0,	/* anchored at the start only: Keylime's re.match */
	POLICY_MATCH_FULL,	/* anchored at both ends */
};

struct policy_pattern {
	struct span regex;		/* PCRE2, on bytes */
	enum policy_match match;
};

struct policy_alias { struct span from, to; };	/* path prefixes without trailing '/' */

struct policy_layer { struct span name, source; };
/* struct policy_package: formats/policy_table.h */

struct policy_scope {
	struct span name;
	struct span *paths;	size_t n_paths;		/* prefixes */
	struct span partition;				/* file system label, or empty */
	uint32_t *layers;	size_t n_layers;	/* indexes */
};

/* Where a key may sign.  An empty list does not restrict. */
struct policy_key_scope {
	struct span *paths;	size_t n_paths;		/* prefixes */
	struct span *filesystems; size_t n_filesystems;	/* labels the host maps to mount points */
	struct span *keyrings;	size_t n_keyrings;
	struct span *kinds;	size_t n_kinds;		/* module, firmware, kernel, library, file */
	int64_t not_before, not_after;			/* seconds since the epoch; 0: open */
};

struct policy_key {
	struct span der;		/* certificate or SubjectPublicKeyInfo */
	struct span name;		/* for people; may be empty */
	struct policy_key_scope scope;
};

enum policy_violation_action { POLICY_VIOLATION_FINDING = 0, POLICY_VIOLATION_IGNORE };
struct policy_violation_rule {
	struct policy_pattern path;
	enum policy_violation_action action;
};

/* Measured buffers (ima-buf) by name: kernel_version, dm_table_load, kexec-cmdline ... */
struct policy_buffer {
	struct span name;
	bool ignore;				/* accept whatever it holds */
	struct digest *digests;	size_t n_digests;	/* of the buffer's content */
};

/* Keys the kernel may load, learned from ima-buf entries. */
struct policy_keyring {
	struct span name;			/* ".ima", ...; "*" for all */
	bool ignore;				/* loads are not judged */
	bool trust;				/* loaded and approved keys may then verify files */
	struct digest *digests;	size_t n_digests;	/* of the key's DER payload */
};

/* Which IMA policies the kernel may have: each that was measured when it was loaded
 * must be one of these, and one must have been. */
struct policy_ima {
	bool demanded;
	struct digest *digests;	size_t n_digests;	/* of the policy files */
	struct span *paths;	size_t n_paths;		/* where else such files lie (engine/ima_policies.h) */
};

struct runtime_policy {
	struct arena arena;
	struct span name, created, generator;	/* created: RFC 3339, or empty */
	enum digest_alg min_digest;		/* DIGEST_NONE: not set */

	struct policy_layer *layers;	size_t n_layers;
	struct policy_package *packages; size_t n_packages;
	struct policy_scope *scopes;	size_t n_scopes;
	struct policy_alias *aliases;	size_t n_aliases;
	struct policy_pattern *excludes; size_t n_excludes;
	struct policy_key *keys;	size_t n_keys;
	struct digest *revoked_keys;	size_t n_revoked_keys;	/* SHA-256 of the SPKI */
	struct digest *revoked_digests;	size_t n_revoked_digests;
	struct span *closed_directories; size_t n_closed_directories;
	struct policy_violation_rule *violations; size_t n_violations;
	struct policy_buffer *buffers;	size_t n_buffers;
	struct policy_keyring *keyrings; size_t n_keyrings;
	struct policy_ima ima;
	json_t *boot;				/* owned; boot profile and demands, or NULL */

	struct policy_table table;		/* files */
	struct buf table_bytes;			/* owned storage of the table, unless mapped */
	bool weak_digests;			/* a SHA-1 or MD5 digest is among the files */
	enum policy_source {
		POLICY_FROM_ASSAY = 1, POLICY_FROM_TABLE, POLICY_FROM_KEYLIME,
		POLICY_FROM_KEYLIME_ALLOWLIST, POLICY_FROM_SUMS
	} source;
};

/** runtime_policy_init(p): An empty policy, to be filled in by hand: strings and arrays
 * from p->arena, the files with runtime_policy_take. */
void runtime_policy_init(struct runtime_policy *p);

/** runtime_policy_take(p, b, e): The files of ${b} become the policy's table.  The
 * layers and packages that ${b} refers to must already stand in ${p}. */
MUST_CHECK int runtime_policy_take(struct runtime_policy *p, struct policy_builder *b,
    struct err *e);

/** runtime_policy_parse(in, p, e): Read ${in}, whatever its format.  For a compiled
 * table ${in} is borrowed and must outlive ${p}; else it may go.  A DSSE envelope
 * is ERR_FORMAT here: its signature must be checked first (engine/dsse.h). */
MUST_CHECK int runtime_policy_parse(struct span in, struct runtime_policy *p, struct err *e);
void runtime_policy_free(struct runtime_policy *p);

/** runtime_policy_to_json(p, out, e): Assay's JSON, with stable order: parsing the
 * output gives the same policy and the same bytes again. */
MUST_CHECK int runtime_policy_to_json(const struct runtime_policy *p, struct buf *out, struct err *e);

/** runtime_policy_compile(p, out, e): The compiled table, meta data included. */
MUST_CHECK int runtime_policy_compile(const struct runtime_policy *p, struct buf *out, struct err *e);

/** runtime_policy_merged_usr(p, e): Add the aliases of a merged-/usr system: /bin,
 * /sbin, /lib, /lib32, /lib64, /libx32 to the same below /usr, unless present. */
MUST_CHECK int runtime_policy_merged_usr(struct runtime_policy *p, struct err *e);

/** runtime_policy_merge(parts, n, out, e): One policy of several: layers of the same
 * name become one, revocations and lists are united, min_digest is the strongest.
 * ERR_MISMATCH where two parts say different things about the same scope, buffer,
 * keyring or boot.  ${out} borrows nothing. */
MUST_CHECK int runtime_policy_merge(const struct runtime_policy *const *parts, size_t n,
    struct runtime_policy *out, struct err *e);

/* A key as Keylime lists it: its SubjectPublicKeyInfo and the kernel's 32-bit id. */
struct policy_keylime_key {
	struct span spki;
	uint32_t keyid;
};

/** runtime_policy_to_keylime(p, keys, n, out, e): Keylime's runtime policy v1, with the
 * given verification keys.  What it cannot express is left out. */
MUST_CHECK int runtime_policy_to_keylime(const struct runtime_policy *p,
    const struct policy_keylime_key *keys, size_t n, struct buf *out, struct err *e);

/** runtime_policy_keylime_losses(p, out): What that leaves out, a line each, for people;
 * nothing if the policies mean the same. */
void runtime_policy_keylime_losses(const struct runtime_policy *p, struct buf *out);

/** runtime_policy_to_sums(p, alg, out, e): "digest  /path" lines of one algorithm, as
 * sha*sum writes them, in byte order of the paths. */
MUST_CHECK int runtime_policy_to_sums(const struct runtime_policy *p, enum digest_alg alg,
    struct buf *out, struct err *e);

#define RUNTIME_POLICY_AUTO __attribute__((cleanup(runtime_policy_free)))

#endif
