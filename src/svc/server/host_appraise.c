#include "svc/server/host_appraise.h"

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
	return span_head(id, 64);
}

static int
name_boot(const struct attest_message *m, const struct host_known *k, struct host_outcome *out,
    struct err *e)
{
	JSON_AUTO json_t *facts = NULL;
	BUF_AUTO struct buf name = buf_init(HOST_BOOT_NAME - 1);
	struct tpm_attest a;
	struct span id;
	int rc = tpm_attest_parse(m->s[ATTEST_QUOTE].bytes, &a, e);

	if (rc != 0)
		return err_file(e, rc, "quote");
	id = kernel_boot_id(m, k, &facts);
	buf_printf(&name, "%08x:%.*s", a.clock.reset_count, (int)id.n, (const char *)id.p);
	if ((rc = buf_done(&name, e)) != 0)
		return rc;
	memcpy(out->boot, buf_cstr(&name), name.n + 1);
	out->new_boot = !span_eq(buf_view(&name), k->boot);
	/* A kernel that kexec started is another boot and no new start of the machine. */
	out->reset_count = a.clock.reset_count;
	out->reset_seen = k->reset_seen != 0 && k->reset_count == a.clock.reset_count ? k->reset_seen : k->now;
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
	if (s != NULL && !out->new_boot && s->count <= stored && s->policies.alg != DIGEST_NONE &&
	    digest_eq(&s->policies, &k->policies->id))
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
	struct span event_log = m->s[ATTEST_EVENT_LOG].present ? m->s[ATTEST_EVENT_LOG].bytes :
	    out->new_boot ? span_of(NULL, 0) : k->event_log;
	struct tpm_pcrs pcrs;
	struct evidence_input in = { .names = { "ima-log", "quote", "signature", "ak", "event-log" },
	    .ima_log = buf_view(&out->list), .has_quote = true, .quote = m->s[ATTEST_QUOTE].bytes,
	    .signature = m->s[ATTEST_SIGNATURE].bytes, .nonce = k->nonce, .pcrs = &pcrs,
	    .has_event_log = event_log.n > 0, .event_log = event_log, .bank = DIGEST_SHA256,
	    .least_pcrs = HOST_LEAST_PCRS, .quote_first = true, .list_pcr = k->list_pcr,
	    .policies = k->policies->policies, .n_policies = k->policies->n, .policy_id = k->policies->id,
	    .boot_began = out->reset_seen, .ctx = { k->now, k->mounts, k->n_mounts }, .resume = s,
	    .appraiser = k->policies->appraiser, .key = k->key };
	int rc = tpm_pcrs_parse(m->s[ATTEST_PCRS].bytes, &pcrs, e);

	if (rc != 0)
		return err_file(e, rc, "pcrs");
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

	out->n_new = covered > out->n_again ? covered - out->n_again : 0;
	out->from = out->first + out->n_new;
	return out->n_new == 0 ? 0 : cut_records(m, out->n_new, &out->records, e);
}

static int
keep_state(struct host_outcome *out, struct err *e)
{
	out->state = buf_init(MIB(4));
	return out->report.has_state ? resume_state_write(&out->report.state, &out->state, e) : 0;
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
	if ((rc = gather_list(m, k, has_state ? &state : NULL, out, e)) != 0)
		return rc;
	if ((rc = judge(m, k, has_state ? &state : NULL, out, &why)) != 0)
		return unreadable(out, rc, &why, e);
	if ((rc = take_new(m, out, e)) != 0)
		return rc;
	return keep_state(out, e);
}

int
host_appraise(const struct attest_message *m, const struct host_known *k, struct host_outcome *out,
    struct err *e)
{
	struct err why = { 0 };
	int rc;

	*out = (struct host_outcome){ .answer = HOST_JUDGED, .from = k->count, .result = result_init() };
	if (k->nonce.n == 0 || !ct_eq(m->s[ATTEST_NONCE].bytes, k->nonce)) {
		out->answer = HOST_NONCE;
		return 0;
	}
	if ((rc = name_boot(m, k, out, &why)) != 0)
		return unreadable(out, rc, &why, e);
	if (attest_get_u64(m, ATTEST_FROM) != (out->new_boot ? 0 : k->count)) {
		out->answer = HOST_GO_ON;
		out->from = out->new_boot ? 0 : k->count;
		return 0;
	}
	if ((rc = appraise(m, k, out, e)) != 0)
		host_outcome_free(out);
	return rc;
}
