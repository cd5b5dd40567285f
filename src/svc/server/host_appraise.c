#include "svc/server/host_appraise.h"

#include <stdio.h>

#include "base/json.h"
#include "crypto/ct.h"
#include "engine/verdict.h"

void
host_outcome_free(struct host_outcome *out)
{
	result_free(&out->result);
	evidence_report_free(&out->report);
	buf_free(&out->list);
	buf_free(&out->state);
}

#define RESET_NAME 9	/* of a boot's name: resetCount in hexadecimal, and a colon */

/* Faults of the input are the host's; all others are ours. */
static bool
is_ours(int code)
{
	return code == ERR_INTERNAL || code == ERR_NOMEM || code == ERR_IO || code == ERR_CRYPTO ||
	    code == ERR_USAGE || code == ERR_NETWORK;
}

static int
unreadable(struct host_outcome *out, int rc, const struct err *why, struct err *e)
{
	if (is_ours(rc)) {
		*e = *why;
		return rc;
	}
	out->unreadable = *why;
	out->unreadable.code = rc;
	result_free(&out->result);
	out->result = result_init();
	result_decide(&out->result);	/* nothing was checked: undecided */
	return 0;
}

/* The kernel's boot_id of this message's facts, else of those stored; printable and short. */
static struct span
kernel_boot_id(const struct attest_message *m, const struct host_known *k, json_t **facts)
{
	struct err ignored;
	struct span id = k->kernel_boot_id;

	if (m->s[ATTEST_FACTS].present &&
	    json_parse(m->s[ATTEST_FACTS].bytes, LIMIT_ATTEST_FACTS, facts, &ignored) == 0)
		id = json_string_span(json_object_get(*facts, "boot_id"));
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] <= ' ' || id.p[i] > '~')
			return span_of(NULL, 0);
	return span_head(id, HOST_KERNEL_ID);
}

static void
stay(const struct host_known *k, struct host_outcome *out)
{
	(void)snprintf(out->boot, sizeof(out->boot), "%.*s", (int)k->boot.n, (const char *)k->boot.p);
	(void)snprintf(out->base_id, sizeof(out->base_id), "%.*s", (int)k->base_id.n, (const char *)k->base_id.p);
	out->base = k->base;
	out->new_boot = false;
}

/* What this evidence is of: the boot that is stored, another kernel in it, or another boot. */
static int
name_boot(const struct attest_message *m, const struct host_known *k, struct host_outcome *out,
    struct err *e)
{
	JSON_AUTO json_t *facts = NULL;
	struct tpm_attest a;
	struct span id;
	bool same_reset, same_name;
	int rc = tpm_attest_parse(m->s[ATTEST_QUOTE].bytes, &a, e);

	if (rc != 0)
		return err_file(e, rc, "quote");
	id = kernel_boot_id(m, k, &facts);
	(void)snprintf(out->boot, sizeof(out->boot), "%08x:%.*s", a.clock.reset_count, (int)id.n, (const char *)id.p);
	(void)snprintf(out->base_id, sizeof(out->base_id), "%.*s", (int)id.n, (const char *)id.p);
	out->reset_count = a.clock.reset_count;
	/* A kernel that kexec started is no new start of the machine. */
	out->reset_seen = k->reset_seen != 0 && (k->other_key || k->reset_count == a.clock.reset_count) ?
	    k->reset_seen : k->now;
	same_reset = k->boot.n >= RESET_NAME && memcmp(k->boot.p, out->boot, RESET_NAME) == 0;
	same_name = span_eq(span_str(out->boot), k->boot);
	/* A kernel that kexec replaced does not come back: its name stands for the last one. */
	if (same_name || (same_reset && k->base_id.n > 0 && span_eq(id, k->base_id))) {
		stay(k, out);
		return 0;
	}
	out->new_boot = true;
	out->restarted = same_reset;
	return 0;
}

/* What the engine needs of the stored part: from where its state stops, if the state is of
 * this boot and of these policies; else all of it. */
static int
gather_list(const struct attest_message *m, const struct host_known *k, const struct resume_state *s,
    struct host_outcome *out, struct err *e)
{
	uint64_t stored = out->new_boot ? 0 : k->count, first = 0;
	int rc;

	out->first = stored;
	if (s != NULL && !k->stale && s->has_clock && s->reset_count == out->reset_count && s->count <= stored &&
	    s->policies.alg != DIGEST_NONE && digest_eq(&s->policies, &k->policies->id))
		first = s->count;
	out->n_again = stored - first;
	out->list = buf_init(LIMIT_IMA_LOG);
	if (stored > first && (rc = k->read(k->ctx, first, stored - first, &out->list, e)) != 0)
		return err_ctx(e, rc, "the stored part of the list");
	buf_span(&out->list, m->s[ATTEST_IMA_LOG].bytes);
	return buf_done(&out->list, e);
}

static int
judge(const struct attest_message *m, const struct host_known *k, const struct resume_state *s,
    struct host_outcome *out, struct err *e)
{
	struct tpm_pcrs pcrs;
	struct evidence_input in = { .names = { "ima-log", "quote", "signature", "ak", "event-log" },
	    .ima_log = buf_view(&out->list), .has_quote = true, .quote = m->s[ATTEST_QUOTE].bytes,
	    .signature = m->s[ATTEST_SIGNATURE].bytes, .nonce = k->nonce, .pcrs = &pcrs,
	    .bank = DIGEST_SHA256, .new_kernel = out->restarted, .exact = out->n_again < out->first, .whole = out->new_boot,
	    .least_pcrs = HOST_LEAST_PCRS, .quote_first = true, .list_pcr = k->list_pcr,
	    .policies = k->policies->policies, .n_policies = k->policies->n, .policy_id = k->policies->id,
	    .boot_began = out->reset_seen, .ctx = { k->now, k->mounts, k->n_mounts }, .resume = s,
	    .appraiser = k->policies->appraiser, .key = k->key };
	int rc = tpm_pcrs_parse(m->s[ATTEST_PCRS].bytes, &pcrs, e);

	if (rc != 0)
		return err_file(e, rc, "pcrs");
	/* The firmware started the machine once, however many kernels ran since. */
	out->event_log = m->s[ATTEST_EVENT_LOG].present ? m->s[ATTEST_EVENT_LOG].bytes :
	    out->new_boot && !out->restarted ? span_of(NULL, 0) : k->event_log;
	in.event_log = out->event_log;
	in.has_event_log = in.event_log.n > 0;
	in.integrity_only = k->policies->n == 0;
	if ((rc = evidence_appraise(&in, &out->result, &out->report, e)) != 0)
		return rc;
	/* An old quote of this TPM must not do either, whoever kept it. */
	out->reset_signed = quote_authentic(&out->result) && out->result.checks[CHECK_NONCE].state == CHECK_PASS;
	/* Evidence that is sound says nothing about files that nobody listed. */
	if (in.integrity_only && out->result.verdict == VERDICT_TRUSTED)
		out->result.verdict = VERDICT_UNDECIDED;
	return 0;
}

/* Where entry ${number} of the message's list ends: only whole, covered records are kept. */
static int
cut_records(const struct attest_message *m, uint64_t n, struct span *records, struct err *e)
{
	struct span all = m->s[ATTEST_IMA_LOG].bytes;
	struct ima_entry entry;
	struct ima_log log;
	size_t end = 0;
	int rc = ima_log_open(all, &log, e);

	if (rc != 0)
		return rc;
	for (uint64_t i = 0; i < n && (rc = ima_log_next_frame(&log, &entry, e)) > 0; i++)
		end = entry.offset + entry.size;
	ima_log_close(&log);
	if (rc < 0)
		return rc;
	*records = span_head(all, end);
	return 0;
}

/* What the quote covers is kept, trusted or not: it happened.  Entries that were judged again
 * stand before the message's in what the engine was given. */
static int
take_new(const struct attest_message *m, struct host_outcome *out, struct err *e)
{
	const struct evidence_report *r = &out->report;
	uint64_t covered = r->authenticated > r->match.shift ? r->authenticated - r->match.shift : 0;

	if (!out->refused && !out->unsigned_boot && covered > out->n_again)
		out->n_new = covered - out->n_again;
	out->entries = out->first + out->n_new;
	/* What was refused as a whole is asked for as a whole again. */
	out->from = out->refused ? 0 : out->entries - out->base;
	return out->n_new == 0 ? 0 : cut_records(m, out->n_new, &out->records, e);
}

static int
keep_state(const struct host_known *k, struct host_outcome *out, struct err *e)
{
	out->state = buf_init(MIB(4));
	out->stale = !out->report.has_state && (k->stale || (out->new_boot && k->resume.n > 0));
	return out->report.has_state ? resume_state_write(&out->report.state, &out->state, e) : 0;
}

/* What of one attempt must not be left for the next. */
static void
forget(struct host_outcome *out)
{
	host_outcome_free(out);
	out->result = result_init();
	out->report = (struct evidence_report){ 0 };
	out->list = out->state = (struct buf){ 0 };
}

/* Name it as what is stored, with another kernel behind all that is. */
static void
stay_with(const struct host_known *k, struct host_outcome *out)
{
	char id[HOST_KERNEL_ID + 1];

	memcpy(id, out->base_id, sizeof(id));
	stay(k, out);
	memcpy(out->base_id, id, sizeof(id));
	out->base = k->count;
	out->first = k->count;
}

/* Whether the list of another kernel goes on where the stored one ends: then it is one boot's. */
static int
join(const struct attest_message *m, const struct host_known *k, const struct resume_state *s,
    struct host_outcome *out, bool *joined, struct err *e)
{
	struct host_outcome before = *out;
	struct err why = { 0 };
	int rc;

	stay_with(k, out);
	if ((rc = gather_list(m, k, s, out, e)) != 0)
		return rc;
	rc = judge(m, k, s, out, &why);
	if (rc != 0 && is_ours(rc)) {
		*e = why;
		return rc;
	}
	/* A quote that covers nothing of it is none that another kernel made. */
	*joined = rc == 0 && out->report.authenticated > k->count;
	if (*joined)
		return 0;
	forget(out);
	memcpy(out->boot, before.boot, sizeof(out->boot));
	memcpy(out->base_id, before.base_id, sizeof(out->base_id));
	out->base = 0;
	out->new_boot = true;
	return 0;
}

static int
judge_alone(const struct attest_message *m, const struct host_known *k, const struct resume_state *s,
    struct host_outcome *out, struct err *why, struct err *e)
{
	int rc = gather_list(m, k, s, out, e);

	if (rc != 0)
		return rc;
	if ((rc = judge(m, k, s, out, why)) != 0)
		return unreadable(out, rc, why, e);
	if (out->new_boot)
		out->base_id[0] = '\0';
	return 0;
}

static bool
counters_contradict(const struct result *r)
{
	for (size_t i = 0; i < r->n_findings; i++)
		if (r->findings[i].decides && r->findings[i].reason == REASON_QUOTE_CLOCK)
			return true;
	return false;
}

/* It is judged, and nothing of it is kept. */
static void
refuse(const struct host_known *k, struct host_outcome *out)
{
	stay(k, out);
	out->first = k->count;
	out->refused = true;
}

/* A kernel that the TPM saw no reset before.  First its list as a whole one: the list of one that did
 * not carry it over may, read as what follows, look like the beginning of one that did. */
static int
judge_kernel(const struct attest_message *m, const struct host_known *k, const struct resume_state *s,
    struct host_outcome *out, struct err *why, struct err *e)
{
	char id[HOST_KERNEL_ID + 1];
	bool joined = false;
	int rc;

	memcpy(id, out->base_id, sizeof(id));
	if ((rc = judge_alone(m, k, s, out, why, e)) != 0)
		return rc;
	if (out->unreadable.code == 0 && out->report.match.kind == MATCH_KEXEC && out->report.match.shift == k->count) {
		memcpy(out->base_id, id, sizeof(id));
		stay_with(k, out);
		return 0;
	}
	if (out->report.authenticated == 0 && out->unreadable.code == 0 && k->count > 0) {
		forget(out);
		memcpy(out->base_id, id, sizeof(id));
		if ((rc = join(m, k, s, out, &joined, e)) != 0 || joined)
			return rc;
		if ((rc = judge_alone(m, k, s, out, why, e)) != 0)
			return rc;
	}
	/* What fits nowhere, or cannot be, begins no boot: what was shown of this one stays what is known. */
	if (out->report.authenticated == 0 || counters_contradict(&out->result))
		refuse(k, out);
	return 0;
}

/* A quote that this host's key did not make, or an old one, begins no boot: whoever has the host's
 * certificate could put what is stored aside by it. */
static void
stay_unless_signed(const struct host_known *k, struct host_outcome *out)
{
	if (!out->new_boot || out->reset_signed || k->boot.n == 0)
		return;
	stay(k, out);
	out->first = k->count;
	out->unsigned_boot = true;
}

static int
appraise(const struct attest_message *m, const struct host_known *k, struct host_outcome *out,
    struct err *e)
{
	RESUME_STATE_AUTO struct resume_state state = { 0 };
	bool has_state = k->resume.n > 0;
	struct err why = { 0 };
	int rc;

	if (has_state && (rc = resume_state_parse(k->resume, &state, e)) != 0) {
		if (rc != ERR_VERSION)
			return err_ctx(e, ERR_INTERNAL, "the state that was stored (%d)", rc);
		/* Of a server of another release (one was downgraded, or both share a store):
		 * the boot is judged from its beginning. */
		has_state = false;
	}
	rc = out->restarted ? judge_kernel(m, k, has_state ? &state : NULL, out, &why, e) :
	    judge_alone(m, k, has_state ? &state : NULL, out, &why, e);
	if (rc != 0 || out->unreadable.code != 0)
		return rc;
	stay_unless_signed(k, out);
	if ((rc = take_new(m, out, e)) != 0)
		return rc;
	return keep_state(k, out, e);
}

int
host_appraise(const struct attest_message *m, const struct host_known *k, struct host_outcome *out,
    struct err *e)
{
	struct err why = { 0 };
	uint64_t from;
	int rc;

	*out = (struct host_outcome){ .answer = HOST_JUDGED, .from = host_wire_from(k), .entries = k->count,
	    .result = result_init() };
	if (k->nonce.n == 0 || !ct_eq(m->s[ATTEST_NONCE].bytes, k->nonce)) {
		out->answer = HOST_NONCE;
		return 0;
	}
	if ((rc = name_boot(m, k, out, &why)) != 0)
		return unreadable(out, rc, &why, e);
	from = out->new_boot ? 0 : host_wire_from(k);
	if (attest_get_u64(m, ATTEST_FROM) != from) {
		out->answer = HOST_GO_ON;
		out->from = from;
		return 0;
	}
	if ((rc = appraise(m, k, out, e)) != 0)
		host_outcome_free(out);
	return rc;
}
