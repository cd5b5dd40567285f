/* How old a boot is, is not the host's to say: neither kexec nor another attestation key makes it younger,
 * and a key that is new knows what the old one showed of kernels that kexec started. */
#include "tests/host_life.h"

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
	policies_load();
	test_age();
	test_age_kexec();
	policies_free();
	return done();
}
