/* Recorded boots replay to the TPM's values and to boot_aggregate; what they say of Secure
 * Boot, signers, images and command lines is right; and neither relabelled events nor
 * changed data nor extending afterwards makes a boot look better than it was. */
#include "base/text.h"
#include "tests/boot_kit.h"

static const char *const cases[] = {
	"debian12-vm", "tcg_log/direct-sha1", "tcg_log/direct-sha512", "tcg_log/grub",
	"tcg_log/shim-grub", "tcg_log/systemd-boot", "tcg_log/uki", "tcg_log/seabios", "tcg_log/tpm12",
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static void
test_recorded(void)
{
	for (size_t i = 0; i < N_CASES; i++) {
		struct kit k;

		kit_open(cases[i], &k);
		RUN(k);
		if (!ok(rc == 0 && r.n_findings == 0 && r.checks[CHECK_EVENT_LOG].required &&
		    r.checks[CHECK_EVENT_LOG].state == CHECK_PASS, "%s replays to the TPM's PCRs", cases[i]))
			kit_show(&r);
		ok(r.checks[CHECK_BOOT_AGGREGATE].required &&
		    r.checks[CHECK_BOOT_AGGREGATE].state == CHECK_PASS, "and to boot_aggregate");
		JSON_AUTO json_t *j = boot_report_json(&report);
		ok(j != NULL && json_object_size(json_object_get(j, "pcrs")) >= 10, "and has a report");
		kit_close(&k);
	}
}

static void
test_known_aggregate(void)
{
	struct kit k;
	BUF_AUTO struct buf b = buf_init(KIB(1));

	kit_open("debian12-vm", &k);
	buf_hex(&b, digest_view(&k.aggregate));
	is_str(buf_cstr(&b), "945b1987c17b1daa4da8f58fb44338d42f0481cb87e8a2c7acf3841b27a9b72b",
	    "boot_aggregate of the recorded machine");
	kit_close(&k);
}

static bool
is_hex(struct span s, const char *hex)
{
	BUF_AUTO struct buf b = buf_init(KIB(1));

	buf_hex(&b, s);
	return strncmp(buf_cstr(&b), hex, strlen(hex)) == 0;
}

static void
test_facts_shim(void)
{
	struct kit k;

	kit_open("tcg_log/shim-grub", &k);
	RUN(k);
	const struct boot_facts *f = &report.facts;

	ok(rc == 0 && f->secure_boot == BOOT_ON && f->pcr7_unproven == 0, "Secure Boot is on");
	ok(f->n_authorities == 2 && f->authorities[0].kind == BOOT_AUTHORITY_CERT &&
	    span_is(f->authorities[0].source, "db") &&
	    is_hex(digest_view(&f->authorities[0].fingerprint), "48e99b991f57fc52") &&
	    span_starts(f->authorities[0].subject, span_lit("CN=Microsoft Corporation UEFI CA 2011")),
	    "shim was started on Microsoft's authority");
	ok(f->n_authorities == 2 && span_starts(f->authorities[1].subject, span_lit("CN=Debian Secure Boot CA")),
	    "GRUB and kernel on Debian's");
	ok(f->n_db == 2, "the data base has two certificates");
	ok(span_starts(f->sbat_level, span_lit("sbat,1,")), "SBAT level");
	ok(f->n_images == 4, "shim, GRUB, kernel twice");
	ok(f->n_cmdlines == 2 && span_is(f->cmdlines[1].text, "/vmlinuz console=ttyS0 loglevel=4 panic=-1"),
	    "GRUB's command line");
	ok(f->pcr8_unproven == 0, "all of PCR 8 is proven");
	ok(boot_pcr_authentic(&report, 14), "shim's PCR 14 replays");
	kit_close(&k);
}

static void
test_facts_others(void)
{
	struct kit k;

	kit_open("tcg_log/systemd-boot", &k);
	{
		RUN(k);
		const struct boot_facts *f = &report.facts;

		ok(rc == 0 && f->n_cmdlines == 2 && f->cmdlines[0].source == BOOT_CMDLINE_SYSTEMD &&
		    span_is(f->cmdlines[0].text, "initrd=\\initrd console=ttyS0 loglevel=4 panic=-1"),
		    "systemd-boot's command line");
		ok(f->cmdlines[1].source == BOOT_CMDLINE_STUB && f->cmdlines[1].has_text,
		    "the stub's digest is that of the same text");
	}
	kit_close(&k);
	kit_open("debian12-vm", &k);
	{
		RUN(k);
		ok(rc == 0 && report.facts.secure_boot == BOOT_OFF, "Secure Boot is off");
		ok(report.facts.n_images == 1 && is_hex(report.facts.images[0].digest, "0f6cb532a6d7c8ff"),
		    "the kernel's digest");
		ok(report.facts.n_cmdlines == 1 && !report.facts.cmdlines[0].has_text,
		    "the log has no text of the load options");
	}
	kit_close(&k);
	kit_open("tcg_log/seabios", &k);
	{
		RUN(k);
		ok(rc == 0 && report.facts.secure_boot == BOOT_UNKNOWN && report.facts.firmware_error == 0,
		    "a BIOS knows no Secure Boot, and its separators are no errors");
	}
	kit_close(&k);
}

/* ---- changes ---------------------------------------------------------------- */

struct change { uint64_t number; uint32_t type; const char *data; size_t n; int what; };
enum { RELABEL = 1, REDATA, RECOVER, DROP };

static void
change_one(struct kit_event *x, void *cookie)
{
	const struct change *c = cookie;

	if (x->ev.number != c->number)
		return;
	if (c->what == RELABEL || c->type != 0)
		x->ev.type = c->type;
	if (c->data != NULL)
		x->ev.data = span_of(c->data, c->n);
	x->drop = c->what == DROP;
	x->remake = c->what == RECOVER;
	x->cover = x->ev.data;
}

static void
test_altered(void)
{
	static const struct { struct change c; enum reason reason; const char *words, *what; } t[] = {
		{ { 8, 0, "other", 5, RECOVER }, REASON_EVENT_LOG_MISMATCH, "PCR 7 ", "data and digest changed" },
		{ { 8, 0, "other", 5, REDATA }, REASON_EVENT_DATA_MISMATCH, "event 8 ", "data changed" },
		{ { 24, 0, "other", 5, REDATA }, REASON_EVENT_DATA_MISMATCH, "event 24 ", "a GPT changed" },
		{ { 13, 0, "other", 5, REDATA }, REASON_EVENT_DATA_MISMATCH, "event 13 ", "a boot option changed" },
		{ { 38, 0, "grub_cmd: linux x\0", 18, REDATA }, REASON_EVENT_DATA_MISMATCH, "event 38 ",
		  "a command changed" },
		{ { 46, 0, "Enter Boot Services", 19, REDATA }, REASON_EVENT_DATA_MISMATCH, "event 46 ",
		  "an action changed" },
		{ { 16, 0, "\1\0\0\0", 4, REDATA }, REASON_EVENT_DATA_MISMATCH, "event 16 ", "a separator changed" },
		{ { 40, 0, NULL, 0, DROP }, REASON_EVENT_LOG_MISMATCH, "PCR 4 ", "an event left out" },
		{ { 40, EV_NO_ACTION, NULL, 0, RELABEL }, REASON_EVENT_LOG_MISMATCH, "PCR 4 ",
		  "an event declared as not extended" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct kit k;
		struct change c = t[i].c;

		kit_open("tcg_log/shim-grub", &k);
		kit_rewrite(&k, change_one, &c);
		RUN(k);
		if (!ok(rc == 0 && kit_has(&r, t[i].reason, t[i].words) &&
		    r.checks[CHECK_EVENT_LOG].state == CHECK_FAIL, "found: %s", t[i].what))
			kit_show(&r);
		kit_close(&k);
	}
}

/* Every bit of every digest of the bank that is quoted. */
static void
test_digest_bits(void)
{
	struct kit k;
	size_t passed = 0;
	struct tcg_log log;
	struct tcg_event ev;

	kit_open("debian12-vm", &k);
	k.pcrs.banks[0] = k.pcrs.banks[1];	/* sha256 alone */
	k.pcrs.n_banks = 1;
	if (tcg_log_open(buf_view(&k.log), &log, NULL) != 0)
		abort();
	while (tcg_log_next(&log, &ev, NULL) > 0) {
		struct span d = tcg_event_digest(&ev, DIGEST_SHA256);

		for (size_t i = 0; i < d.n; i++) {
			size_t at = (size_t)(d.p + i - k.log.p);

			k.log.p[at] ^= (uint8_t)(1u << (i % 8));
			RUN(k);
			passed += rc == 0 && r.checks[CHECK_EVENT_LOG].state == CHECK_PASS;
			k.log.p[at] ^= (uint8_t)(1u << (i % 8));
		}
	}
	is_int((int64_t)passed, 0, "no digest of the log can change");
	kit_close(&k);
}

/* Secure Boot was off; the first event is relabelled and "on" extended afterwards. */
static void
test_pretend_secure_boot(void)
{
	/* UEFI_VARIABLE_DATA of SecureBoot = 1, as the firmware of another boot measured it. */
	struct kit on, k;
	struct tcg_log log;
	struct tcg_event ev = { 0 };
	static const uint32_t labels[] = { EV_EFI_VARIABLE_DRIVER_CONFIG, EV_IPL, 0x8401,
	    EV_EFI_PLATFORM_FIRMWARE_BLOB, EV_EFI_VARIABLE_AUTHORITY };

	kit_open("tcg_log/shim-grub", &on);
	if (tcg_log_open(buf_view(&on.log), &log, NULL) != 0)
		abort();
	while (tcg_log_next(&log, &ev, NULL) > 0 && ev.number < 5)
		continue;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		struct change c = { .number = 5, .type = labels[i], .what = RELABEL };

		kit_open("debian12-vm", &k);
		kit_rewrite(&k, change_one, &c);
		kit_append(&k, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, ev.data, ev.data);
		RUN(k);
		ok(rc == 0 && report.facts.secure_boot != BOOT_ON, "Secure Boot is not on by saying so later");
		ok(kit_has(&r, REASON_BOOT_AGGREGATE_MISMATCH, "of PCRs 0-9"), "boot_aggregate knows");
		kit_close(&k);
	}
	kit_close(&on);
}

/* Shim says with one byte that keys of the owner may check kernels; anything longer by that name is
 * an authority that must not go unseen. */
static void
test_not_an_authority(void)
{
	static const uint8_t shim[16] = { 0x50, 0xab, 0x5d, 0x60, 0x46, 0xe0, 0x00, 0x43, 0xab, 0xb6, 0x3d, 0xd8,
	    0x10, 0xdd, 0x8b, 0x23 };
	static const char name[] = "MokListTrusted";

	for (size_t n = 1; n <= 2; n++) {
		struct buf b = buf_init(KIB(1));
		struct kit k;

		buf_put(&b, shim, sizeof(shim));
		buf_le64(&b, strlen(name));
		buf_le64(&b, n);
		for (const char *c = name; *c != '\0'; c++)
			buf_le16(&b, (uint8_t)*c);
		buf_put(&b, "\1\1", n);
		kit_open("tcg_log/shim-grub", &k);
		kit_append(&k, 7, EV_EFI_VARIABLE_AUTHORITY, buf_view(&b), buf_view(&b));
		RUN(k);
		ok(rc == 0 && report.facts.n_authorities == 1 + n, "MokListTrusted of %zu bytes: %s authority", n,
		    n == 1 ? "no" : "an");
		kit_close(&k);
		buf_free(&b);
	}
}

static void
test_relabelled(void)
{
	struct change authority = { .number = 30, .type = EV_EFI_VARIABLE_DRIVER_CONFIG, .what = RELABEL };
	struct change image = { .number = 31, .type = EV_EFI_ACTION, .what = RELABEL };
	struct change action = { .number = 40, .type = EV_EFI_PLATFORM_FIRMWARE_BLOB, .what = RELABEL };
	struct change hidden = { .number = 30, .type = EV_COMPACT_HASH, .data = "x", .n = 1, .what = RELABEL };
	struct kit k;

	kit_open("tcg_log/shim-grub", &k);
	kit_rewrite(&k, change_one, &authority);
	kit_rewrite(&k, change_one, &action);
	{
		RUN(k);
		ok(rc == 0 && report.facts.n_authorities == 2, "an authority passed off as configuration is seen");
		ok(report.facts.n_images == 4, "an image passed off as a blob is seen");
	}
	kit_rewrite(&k, change_one, &image);
	{
		RUN(k);
		ok(rc == 0 && report.facts.n_images == 4, "an image passed off as an action is seen");
	}
	kit_close(&k);
	kit_open("tcg_log/shim-grub", &k);
	kit_rewrite(&k, change_one, &hidden);
	{
		RUN(k);
		ok(rc == 0 && report.facts.pcr7_unproven == 30 && report.facts.secure_boot == BOOT_UNKNOWN,
		    "an event of PCR 7 that proves nothing leaves Secure Boot open");
	}
	kit_close(&k);
}

/* The very bytes that a digest covers, passed off as harmless text. */
static void
test_image_as_text(void)
{
	static const char pe[] = "MZ\x90\0\3\0\0\0\4\0\0\0";
	struct kit k;

	kit_open("debian12-vm", &k);
	kit_append(&k, 4, EV_EFI_ACTION, span_of(pe, sizeof(pe) - 1), span_of(pe, sizeof(pe) - 1));
	RUN(k);
	ok(rc == 0 && report.facts.n_images == 2, "bytes of a program are no action, though the digest fits");
	kit_close(&k);
}

static void
test_later(void)
{
	struct kit k;

	kit_open("debian12-vm", &k);
	kit_extend(&k, 4, span_lit("evil"));
	{
		RUN(k);
		ok(rc == 0 && kit_has(&r, REASON_EVENT_LOG_MISMATCH, "PCR 4 "), "PCR 4 extended after the boot");
		ok(kit_has(&r, REASON_BOOT_AGGREGATE_MISMATCH, "PCR 4 was extended after IMA started"),
		    "and boot_aggregate tells when");
	}
	kit_close(&k);
	kit_open("tcg_log/uki", &k);
	kit_extend(&k, 11, span_lit("enter-initrd"));
	kit_extend(&k, 11, span_lit("leave-initrd"));
	kit_extend(&k, 11, span_lit("sysinit"));
	{
		RUN(k);
		ok(rc == 0 && r.n_findings == 0 && boot_pcr_authentic(&report, 11), "PCR 11 with systemd's phases");
	}
	kit_extend(&k, 11, span_lit("something"));
	kit_extend(&k, 15, span_lit("machine-id:1"));
	{
		RUN(k);
		ok(rc == 0 && r.n_findings == 0 && !boot_pcr_authentic(&report, 11) &&
		    kit_warns(&r, "PCR 11 was extended") && kit_warns(&r, "PCR 15 was extended"),
		    "what nobody logged makes PCRs 11 and 15 not authentic, and is told");
	}
	kit_close(&k);
}

int
main(void)
{
	test_recorded();
	test_known_aggregate();
	test_facts_shim();
	test_facts_others();
	test_altered();
	test_digest_bits();
	test_pretend_secure_boot();
	test_not_an_authority();
	test_relabelled();
	test_image_as_text();
	test_later();
	return done();
}
