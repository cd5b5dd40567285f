/* One host, appraised again from what is stored of it. */
#include "svc/server/simulate.h"

#include "engine/evidence_bundle_check.h"
#include "engine/verdict.h"
#include "svc/server/attest_internal.h"

void
simulated_free(struct simulated *s)
{
	result_free(&s->result);
}

/* The bundle of the verdict that holds; ${b} borrows from ${a}. */
static int
get_bundle(struct worker *w, const struct store_host *h, struct arena *a, struct evidence_bundle *b, bool *there,
    struct err *e)
{
	struct store_interval *v;
	struct store_bundle bundle;
	size_t n;
	int rc = store_intervals(w->store, h->number, 0, 1, a, &v, &n, e);

	*there = false;
	if (rc != 0 || n == 0 || v[0].bundle == 0)
		return rc;
	if ((rc = store_bundle_get(w->store, v[0].bundle, a, &bundle, e)) != 0)
		return rc == ERR_NOT_FOUND ? 0 : rc;
	if ((rc = evidence_bundle_parse(bundle.body, b, e)) != 0 || (rc = evidence_bundle_check(b, e)) != 0)
		return err_ctx(e, rc, "bundle %llu of host %s", (unsigned long long)v[0].bundle, h->id);
	*there = true;
	return 0;
}

static int
judge_bundle(const struct store_host *h, const struct evidence_bundle *b, const struct host_policies *p,
    struct result *r, uint64_t *covered, struct err *e)
{
	EVIDENCE_REPORT_AUTO struct evidence_report report = { 0 };
	const struct evidence_part *log = &b->parts[EVIDENCE_EVENT_LOG];
	struct tpm_pcrs pcrs;
	struct evidence_input in = { .names = { "ima-log", "quote", "signature", "ak", "event-log" },
	    .ima_log = b->parts[EVIDENCE_IMA_LOG].bytes, .has_quote = true, .quote = b->parts[EVIDENCE_QUOTE].bytes,
	    .signature = b->parts[EVIDENCE_SIGNATURE].bytes, .ak = b->parts[EVIDENCE_AK].bytes,
	    .nonce = b->parts[EVIDENCE_NONCE].bytes, .pcrs = &pcrs, .has_event_log = log->present,
	    .event_log = log->bytes, .bank = DIGEST_SHA256, .quote_first = true, .list_pcr = attest_list_pcr(h),
	    .policies = p->policies, .n_policies = p->n, .policy_id = p->id, .ctx = { .now = server_now() / 1000 },
	    .appraiser = p->appraiser };
	struct attest_detail d = { 0 };
	int rc = tpm_pcrs_parse(b->parts[EVIDENCE_PCRS].bytes, &pcrs, e);

	in.boot_began = attest_detail(h, &d) ? d.reset_seen : 0;
	if (rc != 0 || (rc = evidence_appraise(&in, r, &report, e)) != 0)
		return rc;
	*covered = report.authenticated > report.match.shift ? report.authenticated - report.match.shift : 0;
	return 0;
}

/* What later quotes covered: stored, so authenticated.  The appraiser goes on where it was, with
 * the keys that the list had loaded by then. */
static int
judge_rest(struct worker *w, const struct store_host *h, const struct host_policies *p, uint64_t covered,
    struct result *r, struct err *e)
{
	struct attest_reader reader = { w->store, h->boot };
	BUF_AUTO struct buf list = buf_init(LIMIT_IMA_LOG);
	struct ima_log log;
	struct ima_entry n;
	int rc;

	if (h->boot == 0 || h->count <= covered)
		return 0;
	if ((rc = attest_read_list(&reader, covered, h->count - covered, &list, e)) != 0 ||
	    (rc = ima_log_open(buf_view(&list), &log, e)) != 0)
		return rc;
	while ((rc = ima_log_next(&log, &n, e)) > 0) {
		size_t before = r->n_findings;

		n.number += covered;
		if ((rc = appraise_entry(p->appraiser, &n, true, r, e)) != 0)
			break;
		for (size_t i = before; i < r->n_findings; i++)
			r->findings[i].authenticated = r->findings[i].decides = true;
	}
	ima_log_close(&log);
	result_decide(r);
	return rc;
}

/* Faults of ours end a simulation; evidence that cannot be read is a host's own. */
static bool
is_ours(int rc)
{
	return rc == ERR_INTERNAL || rc == ERR_NOMEM || rc == ERR_IO || rc == ERR_CRYPTO || rc == ERR_STORE ||
	    rc == ERR_STORE_BUSY;
}

static void
conclude(struct simulated *s)
{
	for (size_t i = 0; i < s->result.n_findings; i++)
		s->findings += s->result.findings[i].decides;
	s->verdict = s->unreadable.code != 0 ? HOST_UNDECIDED : s->result.verdict == VERDICT_TRUSTED ? HOST_TRUSTED :
	    s->result.verdict == VERDICT_UNTRUSTED ? HOST_UNTRUSTED : HOST_UNDECIDED;
}

int
simulate_host(struct worker *w, const struct store_host *h, const struct host_policies *p, struct simulated *out,
    struct err *e)
{
	SIMULATED_AUTO struct simulated s = { .result = result_init() };
	ARENA_AUTO struct arena a = arena_init(LIMIT_STORE_BLOB * 2);
	EVIDENCE_BUNDLE_AUTO struct evidence_bundle b = { 0 };
	uint64_t covered = 0;
	int rc = get_bundle(w, h, &a, &b, &s.judged, e);

	if (rc != 0)
		return rc;
	if (s.judged) {
		rc = judge_bundle(h, &b, p, &s.result, &covered, &s.unreadable);
		if (rc == 0)
			rc = judge_rest(w, h, p, covered, &s.result, &s.unreadable);
		if (rc != 0 && is_ours(rc)) {
			*e = s.unreadable;
			return rc;
		}
		s.unreadable.code = rc;
	}
	conclude(&s);
	*out = s;
	s.result = result_init();	/* transferred */
	return 0;
}
