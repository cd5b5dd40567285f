/* host_life.h: a machine whose life a server follows message by message (host_appraise.h), and what that
 * server keeps of it.  Whoever includes it measures, boots and starts kernels as it likes, sends
 * what the machine has, and looks at what the server makes of it. */
#ifndef TESTS_HOST_LIFE_H
#define TESTS_HOST_LIFE_H

#include "engine/verdict.h"
#include "svc/server/host_appraise.h"
#include "tests/make_list.h"

#define GOOD 0xaa
#define EVIL 0xee
#define QUOTED 0x7ffu	/* PCRs 0 to 10 */

/* A machine, and what a server has kept of it. */
struct life {
	struct machine m;
	struct quote_spec clock;
	const char *kernel;		/* its boot_id */
	struct buf list, state;		/* kept */
	uint64_t count, base;
	char boot[HOST_BOOT_NAME], base_id[HOST_KERNEL_ID + 1], kernel_known[64];
	bool stale;
	enum host_answer answer;	/* of the last message */
	enum verdict verdict;
	enum reason reason;		/* of the last finding that decides */
	uint64_t from;			/* where the next message must begin */
	bool warned_of_clock;
	int64_t now, seen;		/* when the boot was first seen */
	uint32_t reset_count;
	bool other_key;			/* the next message is of another key than that count */
};

static struct runtime_policy policies[2];	/* the second approves what the first does not */
static int judged_by;

static size_t
at_entry(struct span list, uint64_t n)
{
	struct ima_log log;
	struct ima_entry entry;
	struct err e = { 0 };
	size_t off = 0;

	if (ima_log_open(list, &log, &e) != 0)
		bail_out(e.message);
	for (uint64_t i = 0; i < n && ima_log_next_frame(&log, &entry, &e) > 0; i++)
		off = entry.offset + entry.size;
	ima_log_close(&log);
	return off;
}

static int
read_kept(void *ctx, uint64_t first, uint64_t n, struct buf *out, struct err *e)
{
	struct span all = buf_view(&((struct life *)ctx)->list);
	size_t from = at_entry(all, first);

	(void)e;
	buf_span(out, span_of(all.p + from, at_entry(all, first + n) - from));
	return 0;
}

/* What IMA makes of PCRs 0 to 9, which nothing extends here. */
static void
measure_aggregate(struct machine *m)
{
	static const uint8_t pcrs[10 * 32];
	struct buf data = buf_init(256);
	uint8_t digest[32];

	hash_of(DIGEST_SHA256, span_of(pcrs, sizeof(pcrs)), digest);
	buf_le32(&data, 8 + 32);
	buf_put(&data, "sha256:", 8);
	buf_put(&data, digest, 32);
	buf_le32(&data, 15);
	buf_put(&data, "boot_aggregate", 15);
	measure(m, (struct measured){ .data = buf_view(&data) });
	buf_free(&data);
}

static void
begin(struct life *l, const char *kernel)
{
	l->m.list.n = 0;
	l->kernel = kernel;
	measure_aggregate(&l->m);
	measure(&l->m, (struct measured){ "/good", GOOD });
}

static struct life
born(void)
{
	struct life l = { .m = machine_new(), .now = 1790000000, .clock = { .mask = QUOTED, .reset_count = 3, .clock = 100000 },
	    .list = buf_init(MIB(1)), .state = buf_init(MIB(1)) };

	begin(&l, "k1");
	return l;
}

static void
dies(struct life *l)
{
	buf_free(&l->m.list);
	buf_free(&l->list);
	buf_free(&l->state);
}

/* The firmware starts it again: a reset or, with ${restart}, a TPM Restart. */
static void
boots(struct life *l, const char *kernel, bool restart, int64_t ms)
{
	memset(l->m.pcr, 0, sizeof(l->m.pcr));
	l->clock.reset_count += !restart;
	l->clock.restart_count = restart ? l->clock.restart_count + 1 : 0;
	l->clock.clock = (uint64_t)((int64_t)l->clock.clock + ms);
	begin(l, kernel);
}

static void
keep(struct life *l, const struct host_outcome *o)
{
	l->from = o->from;
	if (o->answer != HOST_JUDGED || o->unreadable.code != 0)
		return;
	if (o->reset_signed) {
		l->reset_count = o->reset_count;
		l->seen = o->reset_seen;
		l->other_key = false;
	}
	if (o->new_boot)
		l->list.n = l->count = 0;
	if (o->first != l->count)
		bail_out("what is new does not begin where the kept list ends");
	buf_span(&l->list, o->records);
	l->count += o->n_new;
	memcpy(l->boot, o->boot, sizeof(l->boot));
	l->base = o->base;
	memcpy(l->base_id, o->base_id, sizeof(l->base_id));
	if (o->base == 0)
		l->base_id[0] = '\0';
	l->stale = o->stale;
	if (o->state.n > 0) {
		l->state.n = 0;
		buf_span(&l->state, buf_view(&o->state));
	}
}

static void
note(struct life *l, const struct host_outcome *o)
{
	l->answer = o->answer;
	l->verdict = o->result.verdict;
	l->reason = REASON_NONE;
	for (size_t i = 0; i < o->result.n_findings; i++)
		if (o->result.findings[i].decides)
			l->reason = o->result.findings[i].reason;
	l->warned_of_clock = false;
	for (size_t i = 0; i < o->result.n_warnings; i++)
		l->warned_of_clock |= strstr(o->result.warnings[i], "said to be safe") != NULL;
}

/* One message with the list from entry ${from} on; the agent names its kernel if ${facts}. */
static void
send_from(struct life *l, uint64_t from, bool facts)
{
	const struct runtime_policy *p[] = { &policies[judged_by] };
	struct sig_context ctx = { .now = 1790000000 };
	struct made_quote q;
	struct attest_key key;
	struct appraiser *appraiser = NULL;
	struct attest_message m = { .type = ATTEST_EVIDENCE };
	HOST_OUTCOME_AUTO struct host_outcome o = { 0 };
	BUF_AUTO struct buf values = buf_init(4096), pcrs = buf_init(4096);
	struct host_policies policy = { .policies = p, .n = 1 };
	uint8_t store[16], id[32] = { (uint8_t)(judged_by + 1) };
	char text[100];
	struct err e = { 0 };

	l->clock.clock++;
	buf_str(&pcrs, "{\"sha256\":{");
	for (unsigned i = 0; i <= 10; i++) {
		buf_put(&values, l->m.pcr[i], 32);
		buf_printf(&pcrs, "%s\"%u\":\"", i == 0 ? "" : ",", i);
		buf_hex(&pcrs, span_of(l->m.pcr[i], 32));
		buf_str(&pcrs, "\"");
	}
	buf_str(&pcrs, "}}");
	l->clock.values = buf_view(&values);
	q = make_quote_of(&l->clock);
	(void)snprintf(text, sizeof(text), "{\"boot_id\":\"%s\"}", l->kernel);
	if (attest_key_parse(buf_view(&q.ak), &key, &e) != 0 || appraiser_new(p, 1, &ctx, &appraiser, &e) != 0 ||
	    !digest_make(DIGEST_SHA256, span_of(id, 32), &policy.id) ||
	    !attest_put(&m, ATTEST_NONCE, span_of(q.nonce, 20)) || !attest_put(&m, ATTEST_QUOTE, buf_view(&q.attest)) ||
	    !attest_put(&m, ATTEST_SIGNATURE, buf_view(&q.signature)) || !attest_put(&m, ATTEST_PCRS, buf_view(&pcrs)) ||
	    !attest_put_u64(&m, ATTEST_FROM, from, store) || !attest_put_u64(&m, ATTEST_TOTAL, 0, store + 8) ||
	    !attest_put(&m, ATTEST_IMA_LOG, span_from(buf_view(&l->m.list), at_entry(buf_view(&l->m.list), from))) ||
	    (facts && !attest_put(&m, ATTEST_FACTS, span_str(text))))
		bail_out(e.message);
	policy.appraiser = appraiser;
	if (facts)
		(void)snprintf(l->kernel_known, sizeof(l->kernel_known), "%s", l->kernel);
	struct host_known k = { .key = &key, .nonce = span_of(q.nonce, 20), .resume = buf_view(&l->state),
	    .stale = l->stale, .boot = span_str(l->boot), .count = l->count, .base = l->base,
	    .base_id = span_str(l->base_id), .kernel_boot_id = span_str(l->kernel_known), .read = read_kept, .ctx = l,
	    .policies = &policy, .now = l->now, .reset_count = l->reset_count, .reset_seen = l->seen,
	    .other_key = l->other_key };

	if (l->other_key)	/* as attest.c does: a state is of one key */
		k.resume = span_of(NULL, 0);
	if (host_appraise(&m, &k, &o, &e) != 0)
		bail_out(e.message);
	note(l, &o);
	keep(l, &o);
	attest_key_free(&key);
	appraiser_free(appraiser);
	made_quote_free(&q);
}

/* An agent that was just started: it says which kernel runs, and begins where it is told. */
static void
hello(struct life *l)
{
	send_from(l, l->count - l->base, true);
	if (l->answer == HOST_GO_ON)
		send_from(l, l->from, true);
}

static void
is_now(const struct life *l, enum verdict v, enum reason reason, const char *boot, uint64_t count, const char *what)
{
	if (!ok(l->answer == HOST_JUDGED && l->verdict == v && l->reason == reason && strcmp(l->boot, boot) == 0 &&
	    l->count == count, "%s", what))
		diag("%s, %s, boot %s, %llu entries", verdict_token(l->verdict), reason_code(l->reason), l->boot,
		    (unsigned long long)l->count);
}

/* The second approves what the first does not. */
static void
policies_load(void)
{
	static const char *const texts[2] = {
	    "{\"assay_policy\":1,\"layers\":[{\"name\":\"l\",\"files\":{"
	    "\"/good\":[\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}}]}",
	    "{\"assay_policy\":1,\"layers\":[{\"name\":\"l\",\"files\":{"
	    "\"/good\":[\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"],"
	    "\"/evil\":[\"sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\"]}}]}" };
	struct err e = { 0 };

	for (int i = 0; i < 2; i++)
		if (runtime_policy_parse(span_str(texts[i]), &policies[i], &e) != 0)
			bail_out(e.message);
}

static void
policies_free(void)
{
	for (int i = 0; i < 2; i++)
		runtime_policy_free(&policies[i]);
}

#endif
