/* Which PCRs, banks and aggregates speak for a boot, and firmware that numbers, starts or ends its
 * log in its own way. */
#include "base/text.h"
#include "tests/boot_kit.h"

/* boot_aggregate proves the log of a PCR that is not quoted; of one that is, the quote has said
 * what it is, and where that is something else the log is not authentic. */
static void
test_quote_before_aggregate(void)
{
	struct kit k;

	kit_open("debian12-vm", &k);
	kit_extend(&k, 4, span_lit("something else, which the log does not have"));
	{
		RUN(k);
		ok(rc == 0 && report.pcr[4].state == BOOT_PCR_MISMATCH && !boot_pcr_authentic(&report, 4) &&
		    !boot_pcr_proven(&report, DIGEST_SHA256, 4), "PCR 4 is quoted, and not what the log says");
		ok(report.pcr[7].state == BOOT_PCR_QUOTED, "PCR 7 is");
	}
	kit_quote_only(&k, ~(1u << 4));
	{
		RUN(k);
		ok(rc == 0 && report.pcr[4].state == BOOT_PCR_AGGREGATE && boot_pcr_proven(&report, DIGEST_SHA256, 4),
		    "where it is not quoted, boot_aggregate shows what it was");
	}
	kit_close(&k);
}

static void
test_coverage(void)
{
	struct kit k;

	kit_open("tcg_log/shim-grub", &k);
	kit_quote_only(&k, 1u << 10);
	{
		RUN(k);
		ok(rc == 0 && r.checks[CHECK_EVENT_LOG].state == CHECK_PASS &&
		    report.pcr[7].state == BOOT_PCR_AGGREGATE && !boot_pcr_authentic(&report, 14),
		    "with PCR 10 alone quoted boot_aggregate proves the log for PCRs 0-9");
	}
	k.in.aggregates_authenticated = false;
	{
		RUN(k);
		ok(rc == 0 && r.checks[CHECK_EVENT_LOG].state == CHECK_NOT_RUN &&
		    !boot_pcr_authentic(&report, 7), "but not if the list is not authenticated");
	}
	kit_close(&k);
	kit_open("tcg_log/shim-grub", &k);
	kit_quote_only(&k, 1u << 10);
	k.aggregate.v[0] ^= 1;
	{
		RUN(k);
		ok(rc == 0 && r.checks[CHECK_BOOT_AGGREGATE].state == CHECK_FAIL &&
		    r.checks[CHECK_EVENT_LOG].state == CHECK_NOT_RUN, "nor if boot_aggregate is another's");
	}
	memset(k.aggregate.v, 0, sizeof(k.aggregate.v));
	{
		RUN(k);
		ok(rc == 0 && kit_has(&r, REASON_BOOT_AGGREGATE_MISMATCH, "found no TPM"), "zeros: IMA had no TPM");
	}
	kit_close(&k);
	kit_open("tcg_log/shim-grub", &k);
	kit_quote_only(&k, 0x4ff);
	{
		RUN(k);
		ok(rc == 0 && r.checks[CHECK_BOOT_AGGREGATE].state == CHECK_PASS,
		    "with PCRs 0-7 quoted the log gives 8 and 9");
	}
	buf_free(&k.log);
	{
		RUN(k);
		ok(rc == 0 && r.checks[CHECK_BOOT_AGGREGATE].state == CHECK_NOT_RUN &&
		    r.checks[CHECK_EVENT_LOG].state == CHECK_NOT_RUN && !report.has_log,
		    "without a log they are missing, and nothing is decided");
	}
	kit_close(&k);
	kit_open("debian12-vm", &k);
	buf_free(&k.log);
	{
		RUN(k);
		ok(rc == 0 && r.checks[CHECK_BOOT_AGGREGATE].state == CHECK_PASS,
		    "PCRs 0-9 alone give boot_aggregate, without a log");
	}
	kit_close(&k);
}

/* Old kernels: boot_aggregate over SHA-1 PCRs 0-7, whatever else the TPM has. */
static void
test_old_aggregate(void)
{
	struct kit k;
	struct err err = { 0 };
	enum digest_alg alg[2] = { DIGEST_SHA1, DIGEST_SHA256 };

	for (size_t i = 0; i < 2; i++) {
		kit_open("debian12-vm", &k);
		ok(boot_aggregate_of(alg[i], k.pcrs.banks[i].v, 7, &k.aggregate, &err) == 0, "PCRs 0-7");
		RUN(k);
		ok(rc == 0 && r.checks[CHECK_BOOT_AGGREGATE].state == CHECK_PASS, "of %s are accepted",
		    digest_alg_name(alg[i]));
		kit_close(&k);
	}
}

static void
test_banks(void)
{
	struct kit k;
	struct tpm_pcr_bank swap;

	kit_open("tcg_log/shim-grub", &k);
	k.pcrs.banks[0].alg = DIGEST_SHA512;
	{
		RUN(k);
		ok(rc == 0 && r.checks[CHECK_EVENT_LOG].state == CHECK_NOT_RUN &&
		    r.checks[CHECK_EVENT_LOG].required && kit_warns(&r, "no sha512 digests"),
		    "a quoted bank that the log lacks leaves the check open");
	}
	kit_close(&k);
	kit_open("tcg_log/shim-grub", &k);
	swap = k.pcrs.banks[0];
	k.pcrs.banks[0] = k.pcrs.banks[1];
	k.pcrs.banks[1] = swap;
	{
		RUN(k);
		ok(rc == 0 && report.bank == DIGEST_SHA384 && r.n_findings == 0,
		    "facts come from the strongest quoted bank");
	}
	/* One bank wrong is wrong, however good the others are. */
	k.pcrs.banks[0].v[3][0] ^= 1;
	{
		RUN(k);
		ok(rc == 0 && kit_has(&r, REASON_EVENT_LOG_MISMATCH, "PCR 3 of bank"), "each quoted bank counts");
	}
	kit_close(&k);
}

/* ---- quirks ------------------------------------------------------------------- */

static void
make_locality(struct kit *k, uint8_t locality)
{
	for (size_t i = 0; i < k->pcrs.n_banks; i++) {
		struct tpm_pcr_bank *bank = &k->pcrs.banks[i];
		HASHER_AUTO struct hasher *h = NULL;
		size_t size = digest_alg_size(bank->alg);
		struct tcg_log log;
		struct tcg_event ev;

		memset(bank->v[0], 0, LIMIT_DIGEST);
		bank->v[0][size - 1] = locality;
		if (hasher_new(bank->alg, &h, NULL) != 0 || tcg_log_open(buf_view(&k->log), &log, NULL) != 0)
			abort();
		while (tcg_log_next(&log, &ev, NULL) > 0)
			if (ev.pcr == 0 && ev.type != EV_NO_ACTION &&
			    !hasher_run(h, span_of(bank->v[0], size), tcg_event_digest(&ev, bank->alg),
			    bank->v[0]))
				abort();
	}
}

static void
add_locality(struct kit *k, uint8_t locality)
{
	char data[17] = "StartupLocality";
	struct tpm_pcrs pcrs = k->pcrs;

	data[16] = (char)locality;
	kit_append(k, 0, EV_NO_ACTION, span_of(data, 17), span_of(data, 17));
	k->pcrs = pcrs;		/* EV_NO_ACTION extends nothing */
}

static void
relabel_hcrtm(struct kit_event *x, void *cookie)
{
	(void)cookie;
	if (x->ev.number == 2)
		x->ev.type = EV_EFI_HCRTM_EVENT;
}

static void
test_locality(void)
{
	struct kit k;

	kit_open("tcg_log/shim-grub", &k);
	k.in.log_alone = true;
	make_locality(&k, 3);
	{
		RUN(k);
		ok(rc == 0 && r.n_findings == 0 && kit_warns(&r, "locality 3"),
		    "a start from locality 3 that the log does not tell is found, and told");
	}
	add_locality(&k, 3);
	{
		RUN(k);
		ok(rc == 0 && r.n_findings == 0 && report.log.locality == 3 && !kit_warns(&r, "locality"),
		    "one that it tells is taken");
	}
	kit_close(&k);
	kit_open("tcg_log/shim-grub", &k);
	k.in.log_alone = true;
	kit_rewrite(&k, relabel_hcrtm, NULL);
	make_locality(&k, 4);
	{
		RUN(k);
		ok(rc == 0 && r.n_findings == 0 && report.log.locality == 4, "an H-CRTM starts PCR 0 with 4");
	}
	kit_close(&k);
}

static void
test_tail(void)
{
	struct kit k;

	kit_open("tcg_log/shim-grub", &k);
	buf_str(&k.log, "bogus bytes that some firmware leaves behind");
	{
		RUN(k);
		ok(rc == 0 && r.n_findings == 0 && r.checks[CHECK_EVENT_LOG].state == CHECK_PASS &&
		    kit_warns(&r, "bytes that are no event"), "bogus bytes at the end are told, and harmless");
	}
	k.log.n = 5000;
	{
		RUN(k);
		ok(rc == 0 && kit_has(&r, REASON_EVENT_LOG_MISMATCH, "events may be missing"),
		    "a log that breaks off early does not replay, and why is told");
	}
	k.log.n = 40;
	{
		RUN(k);
		ok(rc == ERR_TRUNCATED, "one without a first record is an error");
	}
	kit_close(&k);
}

static void
drop_sha256(struct kit_event *x, void *cookie)
{
	(void)cookie;
	if (x->ev.number == 20) {
		x->ev.digests[0] = x->ev.digests[1];
		x->ev.digests[1] = x->ev.digests[2];
		x->ev.n_digests = 2;
		for (size_t i = 0; i < 2; i++)
			if (x->ev.digests[i].alg == DIGEST_SHA256)
				x->ev.digests[i] = x->ev.digests[1 - i];
		x->ev.n_digests = 1;
	}
}

static void
test_gap(void)
{
	struct kit k;

	kit_open("tcg_log/shim-grub", &k);
	kit_rewrite(&k, drop_sha256, NULL);
	RUN(k);
	ok(rc == 0 && r.checks[CHECK_EVENT_LOG].state == CHECK_NOT_RUN &&
	    kit_warns(&r, "event 20 of the event log has no"), "a bank with a gap cannot be replayed");
	kit_close(&k);
}

int
main(void)
{
	test_quote_before_aggregate();
	test_coverage();
	test_old_aggregate();
	test_banks();
	test_locality();
	test_tail();
	test_gap();
	return done();
}
