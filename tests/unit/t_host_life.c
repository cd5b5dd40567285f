/* The transitions of a host's life, as the server sees them message by message: which boot or
 * kernel evidence is of, what is gone on from, and which counters of the TPM speak against it. */
#include "tests/host_life.h"

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

int
main(void)
{
	policies_load();
	test_sleep();
	test_restart();
	test_reset();
	test_stale();
	test_kexec();
	test_kexec_lost();
	test_kexec_carried();
	test_kexec_altered();
	test_lies();
	policies_free();
	return done();
}
