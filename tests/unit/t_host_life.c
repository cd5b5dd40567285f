/* The transitions of a host's life, as the server sees them message by message: which boot or
 * kernel evidence is of, what is gone on from, and which counters of the TPM speak against it. */
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

static void
test_sleep(void)
{
	struct life l = born();

	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k1", 2, "a first boot");
	l.clock.restart_count++;
	measure(&l.m, (struct measured){ "/good", GOOD });
	send_from(&l, 2, false);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k1", 3, "behind a sleep the list goes on");
	struct life back = l;
	back.clock.restart_count--;
	back.list = buf_init(MIB(1));
	back.state = buf_init(MIB(1));
	buf_span(&back.list, buf_view(&l.list));
	buf_span(&back.state, buf_view(&l.state));
	send_from(&back, 3, false);
	is_now(&back, VERDICT_UNTRUSTED, REASON_QUOTE_CLOCK, "00000003:k1", 3, "a restartCount that went back");
	back.clock.restart_count++;
	back.clock.clock -= 50;
	send_from(&back, 3, false);
	is_now(&back, VERDICT_UNTRUSTED, REASON_QUOTE_CLOCK, "00000003:k1", 3, "a clock that went back within a boot");
	back.clock.unsafe = true;
	send_from(&back, 3, false);
	is_now(&back, VERDICT_UNTRUSTED, REASON_QUOTE_CLOCK, "00000003:k1", 3, "whatever it says of its safety");
	back.clock.clock += 50;
	send_from(&back, 3, false);
	is_now(&back, VERDICT_TRUSTED, REASON_NONE, "00000003:k1", 3, "once it is past what was seen: trusted again");
	l.clock.restart_count++;
	measure(&l.m, (struct measured){ .path = "/good", .digest = GOOD, .hidden = true });
	send_from(&l, 3, false);
	is_now(&l, VERDICT_UNTRUSTED, REASON_PCR_MISMATCH, "00000003:k1", 3, "behind a sleep, an entry that is not shown");
	buf_free(&back.list);
	buf_free(&back.state);
	dies(&l);
}

static void
test_restart(void)
{
	struct life l = born();

	hello(&l);
	boots(&l, "k2", true, 1000);
	measure(&l.m, (struct measured){ "/evil", EVIL });
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_NOT_IN_POLICY, "00000003:k2", 3, "power lost asleep: a boot, and its own fault");
	send_from(&l, 3, false);
	is_now(&l, VERDICT_UNTRUSTED, REASON_NOT_IN_POLICY, "00000003:k2", 3, "which is the same the next time");
	dies(&l);

	l = born();
	measure(&l.m, (struct measured){ "/good", GOOD });
	hello(&l);
	boots(&l, "k2", true, 1000);
	l.clock.restart_count--;
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_QUOTE_CLOCK, "00000003:k1", 3, "the same without any counter moving is a copy");
	send_from(&l, l.from, false);
	is_now(&l, VERDICT_UNTRUSTED, REASON_QUOTE_CLOCK, "00000003:k1", 3, "and stays one");
	measure(&l.m, (struct measured){ "/good", GOOD });
	send_from(&l, l.from, false);
	is_now(&l, VERDICT_UNTRUSTED, REASON_QUOTE_CLOCK, "00000003:k1", 3, "even if its list is the same");
	dies(&l);
}

static void
test_reset(void)
{
	struct life l = born();

	hello(&l);
	boots(&l, "k2", false, -50000);
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000004:k2", 2, "a power cut: a boot, whose clock fell back");
	ok(l.warned_of_clock, "and calls itself safe, which is told");
	l.clock.unsafe = true;
	boots(&l, "k3", false, -20000);
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000005:k3", 2, "one that says it is not safe");
	ok(!l.warned_of_clock, "is nothing to tell");
	l.clock.clock += 1u << 23;
	send_from(&l, 2, false);
	l.clock.unsafe = false;
	boots(&l, "k4", false, -(1 << 23));
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000006:k4", 2, "a software TPM that ran for long forgets all of it");
	ok(l.warned_of_clock, "which is told");
	send_from(&l, 2, false);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000006:k4", 2, "and goes on");
	l.clock.reset_count = 4;
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_QUOTE_CLOCK, "00000004:k4", 2, "a resetCount that went back");
	dies(&l);
}

/* The first evidence of a boot is not trusted: the state that is kept is of another one. */
static void
test_stale(void)
{
	struct life l = born();

	hello(&l);
	boots(&l, "k2", false, 1000);
	measure(&l.m, (struct measured){ "/evil", EVIL });
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_NOT_IN_POLICY, "00000004:k2", 3, "a boot that begins with a finding");
	measure(&l.m, (struct measured){ "/good", GOOD });
	send_from(&l, 3, false);
	is_now(&l, VERDICT_UNTRUSTED, REASON_NOT_IN_POLICY, "00000004:k2", 4, "keeps that finding, and gets no other");
	judged_by = 1;
	send_from(&l, 4, false);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000004:k2", 4, "until it is approved");
	judged_by = 0;
	dies(&l);
}

static void
test_kexec(void)
{
	struct life l = born();

	hello(&l);
	begin(&l, "k2");
	measure(&l.m, (struct measured){ "/good", GOOD });
	send_from(&l, 2, false);
	is_now(&l, VERDICT_UNTRUSTED, REASON_PCR_MISMATCH, "00000003:k1", 2, "kexec, and the agent does not say so");
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k1", 5, "when it does: one boot, whose entries go on");
	ok(l.from == 3 && l.base == 2, "the new kernel counts its own");
	measure(&l.m, (struct measured){ "/evil", EVIL });
	send_from(&l, 3, false);
	is_now(&l, VERDICT_UNTRUSTED, REASON_NOT_IN_POLICY, "00000003:k1", 6, "which are judged");
	begin(&l, "k3");
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_NOT_IN_POLICY, "00000003:k1", 8, "a third kernel does not make it forgotten");
	judged_by = 1;
	send_from(&l, 2, false);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k1", 8, "under another policy all three are judged again");
	judged_by = 0;
	send_from(&l, 2, false);
	is_now(&l, VERDICT_UNTRUSTED, REASON_NOT_IN_POLICY, "00000003:k1", 8, "and again");
	dies(&l);
}

static void
test_kexec_lost(void)
{
	struct life l = born();

	hello(&l);
	measure(&l.m, (struct measured){ "/good", GOOD });
	begin(&l, "k2");
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_KEXEC_WITHOUT_CARRY, "00000003:k1", 2, "kexec behind an entry that never came");
	ok(l.from == 0, "and the list is asked for again");
	send_from(&l, 0, false);
	is_now(&l, VERDICT_UNTRUSTED, REASON_KEXEC_WITHOUT_CARRY, "00000003:k1", 2, "for nothing");
	boots(&l, "k3", false, 1000);
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000004:k3", 2, "until it is booted");
	dies(&l);
}

static void
test_kexec_carried(void)
{
	struct life l = born();

	hello(&l);
	l.kernel = "k2";
	measure_aggregate(&l.m);
	measure(&l.m, (struct measured){ "/good", GOOD });
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k2", 4, "kexec that carries the list over");
	measure(&l.m, (struct measured){ "/good", GOOD });
	send_from(&l, 4, false);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k2", 5, "which goes on");
	l.kernel = "k3";
	measure(&l.m, (struct measured){ .path = "/good", .digest = GOOD, .hidden = true });
	measure_aggregate(&l.m);
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_KEXEC_WITHOUT_CARRY, "00000003:k2", 5, "one that lost an entry on the way");
	dies(&l);
}

/* The list of another boot is kept whole, and what was approved before is no excuse for its bytes. */
static void
test_kexec_altered(void)
{
	struct life l = born();

	hello(&l);
	l.kernel = "k2";
	measure_aggregate(&l.m);
	struct life name = l;

	name.m.list = buf_init(MIB(1));
	name.list = buf_init(MIB(1));
	name.state = buf_init(MIB(1));
	buf_span(&name.m.list, buf_view(&l.m.list));
	buf_span(&name.list, buf_view(&l.list));
	buf_span(&name.state, buf_view(&l.state));
	l.m.list.p[at_entry(buf_view(&l.m.list), 1) - 30] ^= 1;	/* the first entry's digest, long approved */
	name.m.list.p[at_entry(buf_view(&l.m.list), 1) - 3] ^= 1;	/* and its name */
	hello(&name);
	is_now(&name, VERDICT_UNTRUSTED, REASON_TEMPLATE_DIGEST_MISMATCH, "00000003:k1", 2, "one that does not begin as a list does");
	dies(&name);
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_BOOT_AGGREGATE_MISMATCH, "00000003:k1", 2,
	    "kexec, and an entry of the old kernel altered: nothing of it is kept");
	dies(&l);
}

/* An agent that says anything about its kernel. */
static void
test_lies(void)
{
	struct life l = born();
	uint8_t pcr10[32];

	hello(&l);
	measure(&l.m, (struct measured){ "/evil", EVIL });
	send_from(&l, 2, false);
	l.kernel = "k2";
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_QUOTE_CLOCK, "00000003:k1", 3, "a kernel that no list shows");
	l.kernel = "k1";
	send_from(&l, 3, true);
	is_now(&l, VERDICT_UNTRUSTED, REASON_NOT_IN_POLICY, "00000003:k1", 3, "and the true one: the finding stays");
	l.kernel = "k4";
	l.m.list.n = 0;
	memcpy(pcr10, l.m.pcr[10], sizeof(pcr10));
	measure_aggregate(&l.m);
	memcpy(l.m.pcr[10], pcr10, sizeof(pcr10));
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_KEXEC_WITHOUT_CARRY, "00000003:k1", 3, "an invented list is none");
	dies(&l);
}

#define DAY 86400

/* How long a host runs is not its agent's to say, whatever keys it makes. */
static void
test_age(void)
{
	struct life l = born();

	hello(&l);
	ok(l.seen == 1790000000, "a boot is first seen");
	l.now += DAY;
	send_from(&l, 2, false);
	ok(l.seen == 1790000000, "once");
	l.other_key = true;
	l.now += DAY;
	send_from(&l, 2, false);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k1", 2, "another attestation key");
	ok(l.seen == 1790000000, "makes it no younger");
	l.other_key = true;
	l.clock.reset_count += 0x5eed;
	l.now += DAY;
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00005ef0:k1", 2, "nor one for which the TPM shifts its counts:");
	ok(l.seen == 1790000000, "it may be any boot, so it is the old one");
	send_from(&l, 2, false);
	ok(l.seen == 1790000000, "and stays it");
	boots(&l, "k2", false, 1000);
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00005ef1:k2", 2, "until that key shows a reset");
	ok(l.seen == 1790000000 + 3 * DAY, "which is one");
	dies(&l);
}

static void
test_age_kexec(void)
{
	struct life l = born();

	hello(&l);
	l.now += DAY;
	begin(&l, "k2");
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k1", 4, "kexec without the list");
	l.other_key = true;
	l.now += DAY;
	measure(&l.m, (struct measured){ "/good", GOOD });
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k1", 5, "and then another key: the list goes on");
	ok(l.seen == 1790000000 && l.base == 2 && l.from == 3, "in the same boot, which is no younger");
	begin(&l, "k3");
	l.other_key = true;
	hello(&l);
	is_now(&l, VERDICT_TRUSTED, REASON_NONE, "00000003:k1", 7, "both at once");
	ok(l.seen == 1790000000, "neither");
	measure(&l.m, (struct measured){ .path = "/good", .digest = GOOD, .hidden = true });
	l.other_key = true;
	hello(&l);
	is_now(&l, VERDICT_UNTRUSTED, REASON_PCR_MISMATCH, "00000003:k1", 7, "an entry that the new key's agent leaves out is missed");
	dies(&l);
}

int
main(void)
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
	test_sleep();
	test_restart();
	test_reset();
	test_stale();
	test_kexec();
	test_kexec_lost();
	test_kexec_carried();
	test_kexec_altered();
	test_lies();
	test_age();
	test_age_kexec();
	for (int i = 0; i < 2; i++)
		runtime_policy_free(&policies[i]);
	return done();
}
