#include "engine/appraise.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "engine/ready_policy.h"
#include "formats/monitor_list.h"

struct appraiser {
	struct arena arena;
	struct ready_policy *policies;
	size_t n_policies;
	struct sig_context ctx;
	struct result made;			/* the warnings about the policies */
	struct keyring *keyring;		/* owned */
	struct hasher *hashers[DIGEST_ALG_COUNT]; /* owned, made when first needed */
	struct digest *revoked;			/* sorted */
	size_t n_revoked;
	bool revokes_keys, told_of_weak_signature;
	enum digest_alg min_digest;		/* the strictest of all */
	const json_t **boot;
	struct ima_demand ima;
};

static int
digest_order(const void *a, const void *b)
{
	const struct digest *x = a, *y = b;

	if (x->alg != y->alg)
		return x->alg < y->alg ? -1 : 1;
	return memcmp(x->v, y->v, x->size);
}

/* Larger is stronger; broken ones are below all others. */
static size_t
strength(enum digest_alg alg)
{
	return digest_alg_weak(alg) ? digest_alg_size(alg) : 100 + digest_alg_size(alg);
}

static int
gather(struct appraiser *a, struct err *e)
{
	size_t n = 0, boots = 0;

	for (size_t i = 0; i < a->n_policies; i++)
		n += a->policies[i].p->n_revoked_digests;
	a->revoked = arena_array(&a->arena, n + 1, sizeof(*a->revoked));
	a->boot = arena_array(&a->arena, a->n_policies + 1, sizeof(*a->boot));
	if (a->revoked == NULL || a->boot == NULL)
		return arena_err(&a->arena, e);
	for (size_t i = 0; i < a->n_policies; i++) {
		const struct runtime_policy *p = a->policies[i].p;

		if (p->n_revoked_digests > 0)
			memcpy(a->revoked + a->n_revoked, p->revoked_digests,
			    p->n_revoked_digests * sizeof(*a->revoked));
		a->n_revoked += p->n_revoked_digests;
		a->revokes_keys |= p->n_revoked_keys > 0;
		if (p->boot != NULL)
			a->boot[boots++] = p->boot;
		if (p->min_digest != DIGEST_NONE && (a->min_digest == DIGEST_NONE ||
		    strength(p->min_digest) > strength(a->min_digest)))
			a->min_digest = p->min_digest;
	}
	qsort(a->revoked, a->n_revoked, sizeof(*a->revoked), digest_order);
	return 0;
}

int
appraiser_new(const struct runtime_policy *const *policies, size_t n,
    const struct sig_context *ctx, struct appraiser **out, struct err *e)
{
	APPRAISER_AUTO struct appraiser *a = calloc(1, sizeof(*a));
	int rc;

	if (a == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	a->arena = arena_init(LIMIT_APPRAISAL_ARENA);
	a->ctx = *ctx;
	a->made = result_init();
	a->policies = arena_array(&a->arena, n + 1, sizeof(*a->policies));
	if (a->policies == NULL)
		return arena_err(&a->arena, e);
	for (; a->n_policies < n; a->n_policies++)
		if ((rc = ready_policy_init(policies[a->n_policies], ctx, &a->arena,
		    &a->policies[a->n_policies], &a->made, e)) != 0)
			return rc;
	if ((rc = gather(a, e)) != 0 || (rc = ima_demand_make(policies, n, &a->arena, &a->ima, e)) != 0 || (rc = keyring_new(policies, n, &a->keyring, e)) != 0)
		return rc;
	*out = a;
	a = NULL;	/* transferred */
	return 0;
}

int
appraiser_begin(struct appraiser *a, int64_t now, struct result *r, struct err *e)
{
	int rc;

	a->ctx.now = now;
	keyring_forget(a->keyring);
	for (size_t i = 0; i < a->made.n_warnings; i++)
		if ((rc = result_warn(r, e, "%s", a->made.warnings[i])) != 0)
			return rc;
	return 0;
}

void
appraiser_free(struct appraiser *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->n_policies; i++)
		ready_policy_done(&a->policies[i]);
	for (size_t i = 0; i < DIGEST_ALG_COUNT; i++)
		hasher_free(a->hashers[i]);
	keyring_free(a->keyring);
	result_free(&a->made);
	arena_free(&a->arena);
	free(a);
}

const json_t *const *
appraiser_boot(const struct appraiser *a)
{
	return a->boot;
}

const struct ima_demand *
appraiser_ima_demand(const struct appraiser *a)
{
	return &a->ima;
}

struct keyring *
appraiser_keyring(struct appraiser *a)
{
	return a->keyring;
}

/* Findings are marked as authenticated here; appraise_entry corrects that in one place. */
static struct finding
finding_of(const struct ima_entry *n, enum reason reason)
{
	struct finding f = { .reason = reason, .entry = n->number, .authenticated = true,
	    .path_authenticated = true, .path = n->path };

	if (n->file_alg != DIGEST_NONE && !digest_make(n->file_alg, n->file_digest, &f.seen))
		f.seen = (struct digest){ 0 };
	return f;
}

static bool
is_revoked(const struct appraiser *a, const struct ima_entry *n)
{
	struct digest d;

	return a->n_revoked > 0 && n->file_alg != DIGEST_NONE &&
	    digest_make(n->file_alg, n->file_digest, &d) &&
	    bsearch(&d, a->revoked, a->n_revoked, sizeof(d), digest_order) != NULL;
}

static int
appraise_violation(struct appraiser *a, const struct ima_entry *n, struct result *r, struct err *e)
{
	struct finding f = finding_of(n, REASON_VIOLATION);
	int rc;

	f.path_authenticated = false;
	f.seen = (struct digest){ 0 };
	for (size_t i = 0; i < a->n_policies; i++) {
		const struct ready_policy *l = &a->policies[i];

		for (size_t k = 0; k < l->p->n_violations; k++) {
			bool hit;

			if ((rc = pattern_match_one(l->violations, l->scratch, k, n->path, &hit, e)) != 0)
				return rc;
			if (hit && l->p->violations[k].action == POLICY_VIOLATION_IGNORE)
				return 0;
			if (hit)
				break;	/* the first rule that matches decides */
		}
	}
	return result_finding(r, &f, e, "was open for writing while it was measured;"
	    " which file this was is not authenticated");
}

static int
excluded(const struct appraiser *a, struct span path, bool *hit, struct err *e)
{
	size_t which = SIZE_MAX;
	int rc;

	for (size_t i = 0; which == SIZE_MAX && i < a->n_policies; i++)
		if ((rc = pattern_match(a->policies[i].excludes, a->policies[i].scratch, path, &which, e)) != 0)
			return rc;
	*hit = which != SIZE_MAX;
	return 0;
}

static int
weak(const struct appraiser *a, const struct ima_entry *n, enum digest_alg by, struct result *r,
    struct err *e)
{
	struct finding f = finding_of(n, REASON_WEAK_DIGEST);

	return result_finding(r, &f, e, "is approved, but only by %s; the policy wants at least %s",
	    digest_alg_name(by), digest_alg_name(a->min_digest));
}

/* Like a policy that lists SHA-1: told once, and for min_digest to forbid. */
static int
tell_weak_signature(struct appraiser *a, const struct ima_entry *n, enum digest_alg by, struct result *r, struct err *e)
{
	BUF_AUTO struct buf path = buf_init(4 * LIMIT_PATH);

	if (a->told_of_weak_signature || !digest_alg_weak(by))
		return 0;
	a->told_of_weak_signature = true;
	buf_escape(&path, n->path);
	return result_warn(r, e, "%s is approved by a signature over %s, perhaps others too: who can make two files of one"
	    " digest can pass the second for the first (a policy's min_digest forbids it)", buf_cstr(&path),
	    digest_alg_name(by));
}

/* fs-verity digests are not file digests, though they may have the same algorithm. */
static enum digest_alg
listed_alg(const struct ima_entry *n)
{
	return n->digest_type == IMA_DIGEST_VERITY ? DIGEST_NONE : n->file_alg;
}

/* Once more, only now that it goes into a finding, what is listed for the file. */
static void
collect_wanted(const struct appraiser *a, const struct ima_entry *n, struct lookup_wanted *wanted)
{
	struct lookup look = { .wanted = wanted };

	for (size_t i = 0; i < a->n_policies && listed_alg(n) != DIGEST_NONE; i++)
		ready_policy_lookup(&a->policies[i], n->path, listed_alg(n), n->file_digest, &look);
}

static int
other_digest(const struct appraiser *a, const struct ima_entry *n, const struct sig_outcome *sig,
    struct result *r, struct err *e)
{
	struct lookup_wanted wanted = { 0 };
	struct finding f = finding_of(n, REASON_DIGEST_MISMATCH);

	collect_wanted(a, n, &wanted);
	f.keyid = sig->keyid;
	f.wanted = wanted.digests;
	f.n_wanted = wanted.n;
	return result_finding(r, &f, e, "is listed, but with %s%s", wanted.n == 1 ?
	    "another digest" : "other digests",
	    sig->state == SIG_NONE ? "" : "; its signature does not approve it either");
}

/* The finding for a file that nothing approved and nothing lists. */
static int
not_approved(const struct ima_entry *n, const struct sig_outcome *sig, struct result *r, struct err *e)
{
	struct finding f = finding_of(n, REASON_NOT_IN_POLICY);

	f.keyid = sig->keyid;
	switch (sig->state) {
	case SIG_INVALID:
		f.reason = REASON_SIGNATURE_INVALID;
		break;
	case SIG_UNKNOWN_KEY:
		f.reason = REASON_SIGNATURE_UNKNOWN_KEY;
		break;
	case SIG_OUT_OF_SCOPE:
		f.reason = REASON_SIGNATURE_OUT_OF_SCOPE;
		break;
	case SIG_REVOKED:
		f.reason = REASON_REVOKED;
		break;
	case SIG_NONE:
	case SIG_GOOD:
	case SIG_UNSUPPORTED:
	default:
		break;
	}
	if (sig->state == SIG_NONE)
		return result_finding(r, &f, e, "is not listed and carries no signature");
	return result_finding(r, &f, e, "is not listed; %s", sig->why);
}

static int
closed(const struct appraiser *a, const struct ima_entry *n, bool known, struct result *r, struct err *e)
{
	struct lookup_wanted wanted = { 0 };
	struct finding f = finding_of(n, REASON_CLOSED_DIRECTORY);

	collect_wanted(a, n, &wanted);
	f.wanted = wanted.digests;
	f.n_wanted = wanted.n;
	return result_finding(r, &f, e, known ?
	    "has a content that is not listed for this name in a closed directory" :
	    "is a name that is not listed in a closed directory");
}

/* What the kernel may have been given as its policy; no list, signature or exclude speaks for
 * another one. */
static int
appraise_ima_policy(const struct appraiser *a, const struct ima_entry *n, struct result *r, struct err *e)
{
	struct finding f = finding_of(n, REASON_IMA_POLICY);

	if (listed_alg(n) == DIGEST_NONE || !ima_demand_allows(&a->ima, &f.seen)) {
		f.wanted = a->ima.parts[0]->digests;
		f.n_wanted = a->ima.parts[0]->n_digests;
		return result_finding(r, &f, e, "is an IMA policy that the policy does not allow");
	}
	return a->min_digest != DIGEST_NONE && strength(n->file_alg) < strength(a->min_digest) ?
	    weak(a, n, n->file_alg, r, e) : 0;
}

static int
appraise_file(struct appraiser *a, const struct ima_entry *n, struct result *r, struct err *e)
{
	struct lookup look = { 0 };
	struct sig_outcome sig = { .state = SIG_NONE };
	bool is_closed = false, hit;
	enum digest_alg alg = listed_alg(n), approving;
	int rc;

	if (is_revoked(a, n)) {
		struct finding f = finding_of(n, REASON_REVOKED);
		return result_finding(r, &f, e, "has a digest that the policy revokes");
	}
	if (a->ima.n > 0 && ima_demand_path(&a->ima, n->path))
		return appraise_ima_policy(a, n, r, e);
	for (size_t i = 0; i < a->n_policies; i++) {
		if (alg != DIGEST_NONE && !look.match)
			ready_policy_lookup(&a->policies[i], n->path, alg, n->file_digest, &look);
		is_closed |= ready_policy_closed(&a->policies[i], n->path);
	}
	/* A revoked key's signature speaks even against a listed digest. */
	if ((!look.match && !is_closed) || a->revokes_keys) {
		if ((rc = ima_verify_entry(a->keyring, n, &a->ctx, &sig, e)) != 0)
			return rc;
		if (sig.state == SIG_REVOKED)
			return not_approved(n, &sig, r, e);
	}
	if (is_closed && !look.match)
		return closed(a, n, look.known, r, e);
	if (!look.match && sig.state != SIG_GOOD) {
		if ((rc = excluded(a, n->path, &hit, e)) != 0 || hit)
			return rc;
		return look.known ? other_digest(a, n, &sig, r, e) : not_approved(n, &sig, r, e);
	}
	/* What approved it may be another digest than the entry's: an appended signature's. */
	approving = look.match ? n->file_alg : sig.alg;
	if (a->min_digest != DIGEST_NONE && strength(approving) < strength(a->min_digest)) {
		if ((rc = excluded(a, n->path, &hit, e)) != 0 || hit)
			return rc;
		return weak(a, n, approving, r, e);
	}
	return look.match ? 0 : tell_weak_signature(a, n, approving, r, e);
}

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
	struct finding f = finding_of(n, REASON_KEYRING);
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
	struct finding f = finding_of(n, REASON_MALFORMED_ENTRY);
	struct monitor_note note;

	if (monitor_note_parse(kind, n->buf, &note, NULL) != 0)
		return result_finding(r, &f, e, "is called a note of the execution monitor, but is not of its form");
	if (kind != MONITOR_NOTE_GAP)
		return 0;
	return result_warn(r, e, "entry %llu: the execution monitor missed what happened for %llu s: %s",
	    (unsigned long long)n->number, seconds_missed(&note), monitor_why_text(note.why));
}

static int
appraise_buffer(struct appraiser *a, const struct ima_entry *n, bool authenticated,
    struct result *r, struct err *e)
{
	struct finding f = finding_of(n, REASON_CRITICAL_DATA);
	bool fits, named = false, accepted = false;
	int rc;

	if ((rc = buffer_fits(a, n, &fits, e)) != 0)
		return rc;
	if (!fits) {
		f.reason = REASON_MALFORMED_ENTRY;
		return result_finding(r, &f, e, "is called a buffer, but its digest is not that of the buffer");
	}
	if (is_revoked(a, n)) {
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

int
appraise_form(const struct ima_entry *n, struct result *r, bool *sound, struct err *e)
{
	BUF_AUTO struct buf name = buf_init(KIB(1));
	struct finding f = finding_of(n, n->known_template ? REASON_MALFORMED_ENTRY : REASON_UNKNOWN_TEMPLATE);

	/* What a violation's record says is not measured; its form proves nothing either way. */
	*sound = n->violation || ima_entry_sound(n);
	if (*sound)
		return 0;
	f.path = span_of(NULL, 0);
	f.seen = (struct digest){ 0 };
	buf_escape(&name, span_head(n->template_name, 64));
	if (!n->known_template)
		return result_finding(r, &f, e, "template \"%s\" is not known, so the entry cannot be judged",
		    buf_cstr(&name));
	if (n->ambiguous)
		return result_finding(r, &f, e, "the format \"%s\" leaves open which of its fields are"
		    " the file's digest and name: it is covered by no digest", buf_cstr(&name));
	return result_finding(r, &f, e, "the entry does not fit its template: %s", n->why);
}

static int
judge(struct appraiser *a, const struct ima_entry *n, bool authenticated,
    struct result *r, struct err *e)
{
	bool sound;
	int rc;

	if (n->violation)
		return appraise_violation(a, n, r, e);
	if ((rc = appraise_form(n, r, &sound, e)) != 0 || !sound)
		return rc;
	/* Its value is the boot engine's to judge; later ones must repeat the first. */
	if (ima_entry_is_boot_aggregate(n))
		return 0;
	if (n->has_buf)
		return appraise_buffer(a, n, authenticated, r, e);
	return appraise_file(a, n, r, e);
}

void
appraise_expect(const struct appraiser *a, const struct ima_entry *n, enum policy_table_step step)
{
	for (size_t i = 0; i < a->n_policies; i++)
		ready_policy_expect(&a->policies[i], n->path, step);
}

/* The deepest volume above the path, of all that a policy or the operator knows. */
static struct span
volume_of(const struct appraiser *a, struct span path)
{
	struct span label = { 0 };
	size_t depth = 0;

	for (size_t i = 0; i < a->ctx.n_mounts; i++)
		if (path_under(path, a->ctx.mounts[i].path) && a->ctx.mounts[i].path.n >= depth) {
			depth = a->ctx.mounts[i].path.n;
			label = a->ctx.mounts[i].label;
		}
	for (size_t i = 0; i < a->n_policies; i++)
		ready_policy_volume(&a->policies[i], path, &depth, &label);
	return label;
}

int
appraise_entry(struct appraiser *a, const struct ima_entry *n, bool authenticated,
    struct result *r, struct err *e)
{
	size_t before = r->n_findings;
	int rc = judge(a, n, authenticated, r, e);

	for (size_t i = before; i < r->n_findings; i++) {
		struct finding *f = &r->findings[i];

		f->authenticated = authenticated;
		if (f->path.n > 0 && !arena_copy(&r->arena, volume_of(a, f->path), &f->partition))
			return arena_err(&r->arena, e);
	}
	return rc;
}
