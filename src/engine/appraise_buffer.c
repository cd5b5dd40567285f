/* Buffers: the kernel's own data, keys that enter keyrings, and the execution monitor's notes. */
#include "engine/appraise_internal.h"
#include "formats/monitor_list.h"

/* The buffer's digest as measured must be that of the buffer: d-ng = H(buf). */
static int
buffer_fits(struct appraiser *a, const struct ima_entry *n, bool *fits, struct err *e)
{
	uint8_t md[LIMIT_DIGEST];
	int rc;

	*fits = false;
	if (n->file_alg == DIGEST_NONE || digest_alg_openssl(n->file_alg) == NULL)
		return 0;
	if (a->hashers[n->file_alg] == NULL &&
	    (rc = hasher_new(n->file_alg, &a->hashers[n->file_alg], e)) != 0)
		return rc;
	if (!hasher_run(a->hashers[n->file_alg], n->buf, span_of(NULL, 0), md))
		return err_set(e, ERR_CRYPTO, "hashing the buffer of entry %llu",
		    (unsigned long long)n->number);
	*fits = span_eq(n->file_digest, span_of(md, digest_alg_size(n->file_alg)));
	return 0;
}

static bool
digest_listed(const struct digest *list, size_t n, const struct digest *d)
{
	for (size_t i = 0; i < n; i++)
		if (digest_eq(&list[i], d))
			return true;
	return false;
}

/* Whether a buffers rule covers the name, and accepts the content. */
static void
buffer_rule(const struct appraiser *a, const struct ima_entry *n, const struct digest *d,
    bool *named, bool *accepted)
{
	for (size_t i = 0; i < a->n_policies; i++) {
		const struct runtime_policy *p = a->policies[i].p;

		for (size_t k = 0; k < p->n_buffers; k++) {
			if (!span_eq(p->buffers[k].name, n->path))
				continue;
			*named = true;
			*accepted |= p->buffers[k].ignore ||
			    digest_listed(p->buffers[k].digests, p->buffers[k].n_digests, d);
		}
	}
}

/* What the kernel measures under a name of its own (ima_main.c, ima_queue_keys.c, dm-ima.c,
 * selinux/ima.c): never a key.  Else who chooses the content, such as a command line for kexec
 * that begins like a certificate, could have it judged by the rules for keyrings, and a
 * digest that happens to begin so would be. */
static bool
kernel_buffer(struct span name)
{
	static const char *const names[] = { "kexec-cmdline", "blacklisted-hash", "kernel_version",
	    "selinux-state", "selinux-policy-hash", "dm_table_load", "dm_device_resume",
	    "dm_device_remove", "dm_table_clear", "dm_device_rename", "init_module", "kexec_load",
	    "kexec_execute", "ima_policy_written", "ima_policy_loaded" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

/* A key that is not authenticated as loaded is not learned, nor judged: it will be,
 * once a quote covers its entry. */
static int
appraise_key_load(struct appraiser *a, const struct ima_entry *n, bool authenticated,
    struct result *r, struct err *e)
{
	struct finding f = appraise_finding(n, REASON_KEYRING);
	struct load_outcome o;
	int rc;

	if (!authenticated)
		return 0;
	if ((rc = keyring_load(a->keyring, n->path, n->buf, &o, e)) != 0)
		return rc;
	if (o.state == LOAD_APPROVED || o.state == LOAD_IGNORED)
		return 0;
	if (o.state == LOAD_REVOKED)
		f.reason = REASON_REVOKED;
	return result_finding(r, &f, e, "%s", o.why);
}

static unsigned long long
seconds_missed(const struct monitor_note *n)
{
	return n->time > n->from ? (n->time - n->from + 999999999) / 1000000000 : 0;
}

/* The policy names gaps, and does not accept this one. */
static int
refuse_gap(const struct ima_entry *n, struct finding *f, struct result *r, struct err *e)
{
	struct monitor_note note;

	f->reason = REASON_MONITOR_GAP;
	if (monitor_note_parse(MONITOR_NOTE_GAP, n->buf, &note, NULL) != 0)
		return result_finding(r, f, e, "the execution monitor did not see all, and does not say why in its form");
	return result_finding(r, f, e, "the execution monitor missed what happened for %llu s: %s", seconds_missed(&note),
	    monitor_why_text(note.why));
}

/* What the execution monitor says of itself; on PCR 10 nobody but the kernel has a say.  A policy
 * that names a note ("buffers") decides on it; else a gap is only told of. */
static int
appraise_note(const struct ima_entry *n, enum monitor_note_kind kind, struct result *r, struct err *e)
{
	struct finding f = appraise_finding(n, REASON_MALFORMED_ENTRY);
	struct monitor_note note;

	if (monitor_note_parse(kind, n->buf, &note, NULL) != 0)
		return result_finding(r, &f, e, "is called a note of the execution monitor, but is not of its form");
	if (kind != MONITOR_NOTE_GAP)
		return 0;
	return result_warn(r, e, "entry %llu: the execution monitor missed what happened for %llu s: %s",
	    (unsigned long long)n->number, seconds_missed(&note), monitor_why_text(note.why));
}

int
appraise_buffer(struct appraiser *a, const struct ima_entry *n, bool authenticated, struct result *r,
    struct err *e)
{
	struct finding f = appraise_finding(n, REASON_CRITICAL_DATA);
	bool fits, named = false, accepted = false;
	int rc;

	if ((rc = buffer_fits(a, n, &fits, e)) != 0)
		return rc;
	if (!fits) {
		f.reason = REASON_MALFORMED_ENTRY;
		return result_finding(r, &f, e, "is called a buffer, but its digest is not that of the buffer");
	}
	if (appraise_revoked(a, n)) {
		f.reason = REASON_REVOKED;
		return result_finding(r, &f, e, "has a digest that the policy revokes");
	}
	if (key_load_like(n->buf) && !kernel_buffer(n->path))
		return appraise_key_load(a, n, authenticated, r, e);
	buffer_rule(a, n, &f.seen, &named, &accepted);
	if (accepted)
		return 0;
	if (named && n->pcr != IMA_PCR && monitor_note_by_name(n->path) == MONITOR_NOTE_GAP)
		return refuse_gap(n, &f, r, e);
	if (!named && n->pcr != IMA_PCR && monitor_note_by_name(n->path) != MONITOR_NOTE_NONE)
		return appraise_note(n, monitor_note_by_name(n->path), r, e);
	return result_finding(r, &f, e, named ? "measured kernel data is not what the policy lists for it" :
	    "measured kernel data that the policy does not name (\"buffers\")");
}
