/* A demand is met only by a boot that meets it: what cannot be judged stays open, what is
 * malformed is refused, and a recorded profile names the first thing that changed. */
#include "engine/boot_policy.h"
#include "engine/boot_profile.h"
#include "tests/boot_kit.h"

#define KERNEL_VM "sha256:0f6cb532a6d7c8ffd6259791d38edd77d491e176ee263fc9d0d81d9a1e01cc71"
#define MICROSOFT "sha256:48e99b991f57fc52f76149599bff0a58c47154229b9f8d603ac40d3500248507"
#define DEBIAN "sha256:079646974bce09b1f04da67bd722d1fb0947ae4c4010bccdbba52d5b23cbf1a2"
#define PCR0_VM "bbd899b9ae972ffaafdd3df04596fb7b4907d9d245b71f11744d15233ea23ba7"
#define CMDLINE_VM "console=ttyS0 root=/dev/vda rw ima_policy=tcb audit=1 initrd=initrd"

static json_t *
parse(const char *text)
{
	json_t *j = NULL;
	struct err e = { 0 };

	if (json_parse(span_str(text), MIB(1), &j, &e) != 0) {
		printf("Bail out! %s: %s\n", text, e.message);
		exit(99);
	}
	return j;
}

/* Judge the kit's boot by a policy; what came of the check. */
static enum check_state
judge(struct kit *k, const json_t *policy, enum reason *reason, char *text, size_t n)
{
	BOOT_REPORT_AUTO struct boot_report report = { 0 };
	RESULT_AUTO struct result r = result_init();
	struct err e = { 0 };
	const json_t *all[] = { policy, NULL };
	int rc;

	k->in.policies = all;
	rc = kit_judge(k, &report, &r, &e);
	*reason = r.n_findings > 0 ? r.findings[0].reason : REASON_NONE;
	(void)snprintf(text, n, "%s", rc != 0 ? e.message : r.n_findings > 0 ? r.findings[0].text :
	    r.n_warnings > 0 ? r.warnings[r.n_warnings - 1] : "");
	ok(rc == 0 && r.checks[CHECK_BOOT_POLICY].required, "judged");
	return rc != 0 ? CHECK_NOT_RUN : r.checks[CHECK_BOOT_POLICY].state;
}

static void
expect(struct kit *k, const char *policy, enum check_state want, enum reason want_reason,
    const char *words)
{
	JSON_AUTO json_t *j = parse(policy);
	enum reason reason;
	char text[1024];
	enum check_state got = judge(k, j, &reason, text, sizeof(text));

	if (!ok(got == want && reason == want_reason && strstr(text, words) != NULL, "%s: %s",
	    check_state_token(want), policy))
		diag("got %s %s: %s", check_state_token(got), reason_code(reason), text);
}

static void
test_vm(void)
{
	struct kit k;

	kit_open("debian12-vm", &k);
	expect(&k, "{\"secure_boot\": true}", CHECK_FAIL, REASON_SECURE_BOOT, "Secure Boot is off (event 5)");
	expect(&k, "{\"signers\": [\"" MICROSOFT "\"]}", CHECK_FAIL, REASON_BOOT_SIGNER, "no signature was checked");
	expect(&k, "{\"kernel\": [\"" KERNEL_VM "\"]}", CHECK_PASS, REASON_NONE, "");
	expect(&k, "{\"kernel\": [\"sha1:" "6885f2af4b28b64e835761717eec45c7b6b9526e" "\", \"" KERNEL_VM "\"]}",
	    CHECK_PASS, REASON_NONE, "");
	expect(&k, "{\"kernel\": [\"sha384:4aca9a638f708fa72b86c16fdcda464b9c0a0509e4f7be5bd6ce6a64c4cd66596f36d3"
	    "f36b8ff53c5ec458074f5111bf\"]}", CHECK_NOT_RUN, REASON_NONE, "names no digest of a bank");
	expect(&k, "{\"kernel\": [\"" MICROSOFT "\"]}", CHECK_FAIL, REASON_BOOT_KERNEL, "event 11");
	expect(&k, "{\"pcrs\": {\"sha256\": {\"0\": [\"" PCR0_VM "\"]}}}", CHECK_PASS, REASON_NONE, "");
	expect(&k, "{\"pcrs\": {\"sha256\": {\"2\": [\"" PCR0_VM "\"]}}}", CHECK_FAIL, REASON_BOOT_PCR, "PCR 2");
	expect(&k, "{\"pcrs\": {\"sha512\": {\"0\": [\"" PCR0_VM PCR0_VM "\"]}}}", CHECK_NOT_RUN, REASON_NONE,
	    "no quote covers it");
	expect(&k, "{\"event_log\": true, \"boot_aggregate\": true}", CHECK_PASS, REASON_NONE, "");
	kit_close(&k);
}

/* The EFI stub's load options: only a digest in the log. */
static void
test_cmdline_stub(void)
{
	struct kit k;

	kit_open("debian12-vm", &k);
	expect(&k, "{\"cmdline\": [\"" CMDLINE_VM "\"]}", CHECK_PASS, REASON_NONE, "");
	expect(&k, "{\"cmdline\": [\"other\", \"" CMDLINE_VM "\"]}", CHECK_PASS, REASON_NONE, "");
	expect(&k, "{\"cmdline\": [\"" CMDLINE_VM " init=/bin/sh\"]}", CHECK_FAIL, REASON_BOOT_CMDLINE,
	    "only its digest");
	expect(&k, "{\"cmdline\": [{\"regex\": \"console=.*\"}]}", CHECK_FAIL, REASON_BOOT_CMDLINE,
	    "cannot be tried without the text");
	k.in.cmdline = span_lit(CMDLINE_VM "\n");
	expect(&k, "{\"cmdline\": [{\"regex\": \"console=.* root=/dev/vda .*\"}]}", CHECK_PASS, REASON_NONE, "");
	expect(&k, "{\"cmdline\": [{\"regex\": \"console=.* root=/dev/vda\"}]}", CHECK_FAIL,
	    REASON_BOOT_CMDLINE, "root=/dev/vda rw");
	k.in.cmdline = span_lit("console=ttyS0 root=/dev/vda quiet");
	expect(&k, "{\"cmdline\": [{\"regex\": \"console=.*\"}]}", CHECK_FAIL, REASON_BOOT_CMDLINE,
	    "has another digest");
	kit_close(&k);
}

static void
test_shim(void)
{
	struct kit k;

	kit_open("tcg_log/shim-grub", &k);
	expect(&k, "{\"secure_boot\": true, \"signers\": [\"" MICROSOFT "\", \"" DEBIAN "\"]}", CHECK_PASS,
	    REASON_NONE, "");
	expect(&k, "{\"signers\": [\"" MICROSOFT "\"]}", CHECK_FAIL, REASON_BOOT_SIGNER, "CN=Debian Secure Boot CA");
	expect(&k, "{\"cmdline\": [\"/vmlinuz console=ttyS0 loglevel=4 panic=-1\"]}", CHECK_PASS, REASON_NONE, "");
	expect(&k, "{\"cmdline\": [\"BOOT_IMAGE=/vmlinuz console=ttyS0 loglevel=4 panic=-1\"]}", CHECK_PASS,
	    REASON_NONE, "");
	expect(&k, "{\"cmdline\": [{\"regex\": \"/vmlinuz console=ttyS[0-9] loglevel=\\\\d panic=-1\"}]}",
	    CHECK_PASS, REASON_NONE, "");
	expect(&k, "{\"cmdline\": [{\"regex\": \"/vmlinuz\"}]}", CHECK_FAIL, REASON_BOOT_CMDLINE, "loglevel=4");
	expect(&k, "{\"kernel\": [\"sha384:85ac7473fe81fb47666a5c08d32d8e7a62af347ddae9567dff0781f954a9b06670"
	    "accfcfa714830329b1e45cfa9e541c\"]}", CHECK_FAIL, REASON_BOOT_KERNEL, "event 25");
	expect(&k, "{\"kernel\": [\"sha384:85ac7473fe81fb47666a5c08d32d8e7a62af347ddae9567dff0781f954a9b06670"
	    "accfcfa714830329b1e45cfa9e541c\"], \"loaders\": [\"sha384:e6aeca317d23c019051c761a0a73820b0d7b486"
	    "2e6f919455a68122b057431d652d9c6cc228853580332a8a9899c2f33\", \"sha384:e76b5df31a3a1564e26b1a4d3a"
	    "be025955a98c6f69704e5953d8e1f8d51693df29af4c9a7e832386528c936827a408b0\"]}", CHECK_PASS,
	    REASON_NONE, "");
	kit_close(&k);
	kit_open("tcg_log/systemd-boot", &k);
	expect(&k, "{\"cmdline\": [{\"regex\": \"initrd=\\\\\\\\initrd console=ttyS0 .*\"}]}", CHECK_PASS,
	    REASON_NONE, "");
	expect(&k, "{\"cmdline\": [{\"regex\": \"BOOT_IMAGE=initrd.*\"}]}", CHECK_FAIL, REASON_BOOT_CMDLINE,
	    "which the policy does not name");
	kit_close(&k);
	kit_open("tcg_log/uki", &k);
	expect(&k, "{\"cmdline\": [\"console=ttyS0 loglevel=4 panic=-1\"]}", CHECK_PASS, REASON_NONE, "");
	kit_close(&k);
}

/* Nothing that cannot be judged counts as met. */
static void
test_open(void)
{
	static const char *const demands[] = {
		"{\"secure_boot\": true}", "{\"signers\": [\"" MICROSOFT "\"]}", "{\"kernel\": [\"" KERNEL_VM "\"]}",
		"{\"cmdline\": [\"" CMDLINE_VM "\"]}", "{\"pcrs\": {\"sha256\": {\"0\": [\"" PCR0_VM "\"]}}}",
		"{\"profile\": {\"version\": 1, \"bank\": \"sha256\", \"pcrs\": {\"0\": []}}}",
	};
	struct kit k;

	for (size_t i = 0; i < sizeof(demands) / sizeof(demands[0]); i++) {
		kit_open("tcg_log/shim-grub", &k);
		kit_quote_only(&k, 1u << 10);
		k.in.aggregates_authenticated = false;
		expect(&k, demands[i], CHECK_NOT_RUN, REASON_NONE, "no quote");
		buf_free(&k.log);
		expect(&k, demands[i], CHECK_NOT_RUN, REASON_NONE, i == 4 ? "no quote" : "no event log was given");
		kit_close(&k);
	}
}

static void
append_good_cmdline(struct kit *k)
{
	kit_append(k, 8, EV_IPL, span_lit("kernel_cmdline: good\0"), span_lit("good"));
}

static void
relabel(struct kit_event *x, void *cookie)
{
	(void)cookie;
	if (x->ev.number == 42)
		x->ev.data = span_lit("grub_cmd: /vmlinuz console=ttyS0 loglevel=4 panic=-1\0");
}

static void
unreadable(struct kit_event *x, void *cookie)
{
	(void)cookie;
	if (x->ev.number == 38 || x->ev.number == 42)
		x->ev.data = span_lit("nothing of note");
}

/* Of several policies one that cannot be judged keeps the check open, another that fails
 * fails it. */
static void
test_several(void)
{
	JSON_AUTO json_t *met = parse("{\"kernel\": [\"" KERNEL_VM "\"]}");
	JSON_AUTO json_t *failed = parse("{\"secure_boot\": true}");
	JSON_AUTO json_t *unknown = parse("{\"pcrs\": {\"sha512\": {\"0\": [\"" PCR0_VM PCR0_VM "\"]}}}");
	const json_t *t[][4] = { { met, met, NULL }, { unknown, met, NULL }, { met, unknown, NULL },
	    { unknown, failed, met, NULL }, { NULL } };
	static const enum check_state want[] = { CHECK_PASS, CHECK_NOT_RUN, CHECK_NOT_RUN, CHECK_FAIL,
	    CHECK_NOT_RUN };
	struct kit k;

	for (size_t i = 0; i < 5; i++) {
		BOOT_REPORT_AUTO struct boot_report report = { 0 };
		RESULT_AUTO struct result r = result_init();
		struct err e = { 0 };

		kit_open("debian12-vm", &k);
		k.in.policies = t[i];
		ok(kit_judge(&k, &report, &r, &e) == 0 && r.checks[CHECK_BOOT_POLICY].state == want[i] &&
		    r.checks[CHECK_BOOT_POLICY].required == (i < 4), "several policies: %s",
		    check_state_token(want[i]));
		kit_close(&k);
	}
}

/* The stub's command line in PCR 9 called something else: its type is covered by nothing. */
static void
hide_load_options(struct kit_event *x, void *cookie)
{
	(void)cookie;
	if (x->ev.number == 22) {
		x->ev.type = EV_IPL;
		x->ev.data = span_lit("an initrd");
	}
}

/* PCR 12 was not read when the machine was recorded; nothing had extended it. */
static void
append_12(struct kit *k, struct span data, struct span cover)
{
	for (size_t i = 0; i < k->pcrs.n_banks; i++)
		k->pcrs.banks[i].mask |= 1u << 12;
	kit_append(k, 12, EV_IPL, data, cover);
}

static const uint8_t good_utf16[] = { 'g', 0, 'o', 0, 'o', 0, 'd', 0, 0, 0 };

/* What is demanded to be there once could be extended later; who cannot tell is undecided. */
static void
test_aggregate_required(void)
{
	static const char *const demands[] = { "{\"kernel\": [\"" KERNEL_VM "\"]}",
		"{\"signers\": [\"" MICROSOFT "\"]}", "{\"cmdline\": [\"x\"]}", "{\"boot_aggregate\": true}",
		"{\"secure_boot\": true}" };

	for (size_t i = 0; i < 5; i++) {
		BOOT_REPORT_AUTO struct boot_report report = { 0 };
		RESULT_AUTO struct result r = result_init();
		JSON_AUTO json_t *j = parse(demands[i]);
		const json_t *all[] = { j, NULL };
		struct err e = { 0 };
		struct kit k;

		kit_open("debian12-vm", &k);
		kit_quote_only(&k, 1u << 4 | 1u << 7);	/* so that nothing else asks for it */
		k.in.policies = all;
		ok(kit_judge(&k, &report, &r, &e) == 0 && r.checks[CHECK_BOOT_AGGREGATE].required == (i < 4),
		    "%s: boot_aggregate is %srequired", demands[i], i < 4 ? "" : "not ");
		kit_close(&k);
	}
	/* GRUB without shim measures no kernel into PCR 4: root adds the one that is wanted. */
	struct kit k;
	kit_open("tcg_log/grub", &k);
	kit_append(&k, 4, EV_EFI_BOOT_SERVICES_APPLICATION, span_lit("x"), span_lit("an approved kernel"));
	expect(&k, "{\"kernel\": [\"sha256:" "4c6f7fdb1ef1dd8b4aa7ae6eb2eb1e14b7ad64d2cdb2ab3cb0ab4dc5b44bb7e2\"]}",
	    CHECK_FAIL, REASON_BOOT_AGGREGATE_MISMATCH, "boot_aggregate is not");
	kit_close(&k);
}

static void
test_cmdline_appended(void)
{
	struct span good = span_of(good_utf16, sizeof(good_utf16));
	struct digest sha1 = { 0 };
	struct err e = { 0 };
	struct kit k;

	/* Where boot_aggregate does not reach. */
	kit_open("debian12-vm", &k);
	kit_rewrite(&k, hide_load_options, NULL);
	expect(&k, "{\"cmdline\": [\"good\"]}", CHECK_NOT_RUN, REASON_NONE, "nothing in this boot measured one");
	append_12(&k, good, good);
	expect(&k, "{\"cmdline\": [\"good\"]}", CHECK_NOT_RUN, REASON_NONE, "it covers 0 to 9");
	kit_close(&k);
	/* In PCR 8, of a kernel whose boot_aggregate ends with PCR 7. */
	kit_open("debian12-vm", &k);
	kit_rewrite(&k, hide_load_options, NULL);
	for (size_t i = 0; i < k.pcrs.n_banks; i++)
		if (k.pcrs.banks[i].alg == DIGEST_SHA1)
			ok(boot_aggregate_of(DIGEST_SHA1, k.pcrs.banks[i].v, 7, &sha1, &e) == 0, "boot_aggregate of SHA-1");
	k.aggregate = sha1;
	append_good_cmdline(&k);
	expect(&k, "{\"cmdline\": [\"good\"]}", CHECK_NOT_RUN, REASON_NONE, "it covers 0 to 7");
	kit_close(&k);
	/* Without the text that its digest covers, an event of PCR 12 could be any. */
	kit_open("debian12-vm", &k);
	append_12(&k, span_lit("nothing of note"), span_lit("a command line"));
	expect(&k, "{\"cmdline\": [\"" CMDLINE_VM "\"]}", CHECK_NOT_RUN, REASON_NONE, "of PCR 12 proves nothing");
	kit_close(&k);
	kit_open("debian12-vm", &k);
	append_12(&k, good, good);
	expect(&k, "{\"cmdline\": [\"" CMDLINE_VM "\"]}", CHECK_FAIL, REASON_BOOT_CMDLINE, "is \"good\"");
	expect(&k, "{\"cmdline\": [\"" CMDLINE_VM "\", \"good\"]}", CHECK_PASS, REASON_NONE, "");
	kit_close(&k);
}

/* root extends what the policy wants to see, and hides the rest as far as it can. */
static void
test_attacks(void)
{
	struct kit k;

	kit_open("tcg_log/shim-grub", &k);
	kit_rewrite(&k, relabel, NULL);
	append_good_cmdline(&k);
	expect(&k, "{\"cmdline\": [\"good\"]}", CHECK_FAIL, REASON_BOOT_AGGREGATE_MISMATCH, "boot_aggregate");
	kit_close(&k);
	kit_open("tcg_log/shim-grub", &k);
	k.in.log_alone = true;
	kit_rewrite(&k, relabel, NULL);
	append_good_cmdline(&k);
	expect(&k, "{\"cmdline\": [\"good\"]}", CHECK_FAIL, REASON_BOOT_CMDLINE, "event 38");
	kit_rewrite(&k, unreadable, NULL);
	expect(&k, "{\"cmdline\": [\"good\"]}", CHECK_FAIL, REASON_BOOT_CMDLINE, "could hide a command line");
	kit_close(&k);
	kit_open("debian12-vm", &k);
	k.in.log_alone = true;
	kit_append(&k, 4, EV_EFI_BOOT_SERVICES_APPLICATION, span_lit("x"), span_lit("an approved kernel"));
	expect(&k, "{\"kernel\": [\"sha256:"
	    "4c6f7fdb1ef1dd8b4aa7ae6eb2eb1e14b7ad64d2cdb2ab3cb0ab4dc5b44bb7e2\"]}", CHECK_FAIL,
	    REASON_BOOT_KERNEL, "event 11");
	kit_close(&k);
}

/* shim told not to check what it starts. */
static void
test_mok_sb_state(void)
{
	BUF_AUTO struct buf v = buf_init(KIB(1));
	struct uefi_guid shim;
	struct kit k;

	if (!uefi_guid_parse(span_lit(UEFI_GUID_SHIM), &shim))
		abort();
	buf_put(&v, shim.v, sizeof(shim.v));
	buf_le64(&v, 10);
	buf_le64(&v, 1);
	buf_span(&v, span_lit("M\0o\0k\0S\0B\0S\0t\0a\0t\0e\0\1"));
	kit_open("tcg_log/shim-grub", &k);
	k.in.log_alone = true;
	kit_append(&k, 7, EV_EFI_VARIABLE_AUTHORITY, buf_view(&v), buf_view(&v));
	expect(&k, "{\"secure_boot\": true}", CHECK_FAIL, REASON_SECURE_BOOT, "MokSBState");
	kit_close(&k);
}

/* ---- profiles ----------------------------------------------------------------- */

static json_t *
profile_of(const char *name, enum digest_alg bank, uint32_t pcrs)
{
	BOOT_LOG_AUTO struct boot_log log = { 0 };
	struct kit k;
	json_t *j = NULL;
	struct err e = { 0 };

	kit_open(name, &k);
	if (boot_log_load(buf_view(&k.log), &log, &e) != 0 ||
	    boot_profile_from_log(&log, bank, pcrs, &j, &e) != 0) {
		printf("Bail out! %s\n", e.message);
		exit(99);
	}
	kit_close(&k);
	return j;
}

static void
expect_profile(struct kit *k, json_t *profile, enum check_state want, const char *words)
{
	JSON_AUTO json_t *policy = json_pack("{s:O}", "profile", profile);
	enum reason reason;
	char text[1024];
	enum check_state got = judge(k, policy, &reason, text, sizeof(text));

	if (!ok(got == want && strstr(text, words) != NULL, "profile: %s %s", check_state_token(want), words))
		diag("got %s %s: %s", check_state_token(got), reason_code(reason), text);
}

static void
drop_first(json_t *profile, const char *pcr)
{
	json_array_remove(json_object_get(json_object_get(profile, "pcrs"), pcr), 0);
}

static void
test_profile(void)
{
	JSON_AUTO json_t *shim = profile_of("tcg_log/shim-grub", DIGEST_NONE, 0);
	JSON_AUTO json_t *vm = profile_of("tcg_log/direct-sha512", DIGEST_SHA256, 0);
	JSON_AUTO json_t *grub = profile_of("tcg_log/grub", DIGEST_SHA256, 1u << 4 | 1u << 8);
	JSON_AUTO json_t *big = profile_of("tcg_log/direct-sha512", DIGEST_SHA512, 0);
	JSON_AUTO json_t *two = json_pack("[O, O]", vm, shim);
	JSON_AUTO json_t *more = json_deep_copy(shim);
	JSON_AUTO json_t *wrong = json_deep_copy(shim);
	struct kit k;

	kit_open("tcg_log/shim-grub", &k);
	expect_profile(&k, shim, CHECK_PASS, "");
	expect_profile(&k, two, CHECK_PASS, "");
	expect_profile(&k, vm, CHECK_FAIL, "PCR 4, measurement 1: missing: EV_EFI_BOOT_SERVICES_APPLICATION");
	expect_profile(&k, big, CHECK_NOT_RUN, "no quote proves PCR 0 in its bank");
	drop_first(more, "8");
	expect_profile(&k, more, CHECK_FAIL, "PCR 8, measurement 1: not in the profile: EV_IPL \"grub_cmd: [ -z");
	json_object_set_new(json_array_get(json_object_get(json_object_get(wrong, "pcrs"), "7"), 0), "digest",
	    json_string("0000000000000000000000000000000000000000000000000000000000000000"));
	expect_profile(&k, wrong, CHECK_FAIL, "PCR 7, measurement 1: was EV_EFI_VARIABLE_DRIVER_CONFIG");
	kit_append(&k, 9, EV_IPL, span_lit("new"), span_lit("new"));
	k.in.log_alone = true;
	expect_profile(&k, shim, CHECK_FAIL, "not in the profile: EV_IPL \"new\"");
	kit_close(&k);
	kit_open("debian12-vm", &k);
	expect_profile(&k, grub, CHECK_FAIL, "PCR 4, measurement 1");
	expect_profile(&k, vm, CHECK_FAIL, "PCR 0, measurement 2: was EV_EFI_PLATFORM_FIRMWARE_BLOB");
	kit_close(&k);
}

/* ---- malformed demands --------------------------------------------------------- */

static void
test_malformed(void)
{
	static const char *const bad[] = {
		"{}", "[]", "{\"secure_boot\": false}", "{\"secure_boot\": 1}", "{\"unknown\": 1}",
		"{\"signers\": []}", "{\"signers\": [\"" "sha256:00" "\"]}", "{\"signers\": [\"md6:00\"]}",
		"{\"signers\": \"x\"}", "{\"signers\": [1]}", "{\"kernel\": {}}",
		"{\"loaders\": [\"" KERNEL_VM "\"]}", "{\"cmdline\": []}", "{\"cmdline\": \"x\"}",
		"{\"cmdline\": [1]}", "{\"cmdline\": [{\"regex\": \"(\"}]}", "{\"cmdline\": [{\"re\": \"x\"}]}",
		"{\"cmdline\": [{\"regex\": 1}]}", "{\"pcrs\": {}}", "{\"pcrs\": {\"sha256\": {}}}",
		"{\"pcrs\": {\"md5\": {\"0\": [\"00\"]}}}", "{\"pcrs\": {\"sha256\": {\"24\": [\"" PCR0_VM "\"]}}}",
		"{\"pcrs\": {\"sha256\": {\"0\": []}}}", "{\"pcrs\": {\"sha256\": {\"0\": [\"00\"]}}}",
		"{\"pcrs\": {\"sha256\": {\"00\": [\"" PCR0_VM "\"]}}}", "{\"profile\": {}}", "{\"profile\": []}",
		"{\"profile\": {\"version\": 2, \"bank\": \"sha256\", \"pcrs\": {\"0\": []}}}",
		"{\"profile\": {\"version\": 1, \"bank\": \"sha257\", \"pcrs\": {\"0\": []}}}",
		"{\"profile\": {\"version\": 1, \"bank\": \"sha256\", \"pcrs\": {}}}",
		"{\"profile\": {\"version\": 1, \"bank\": \"sha256\", \"pcrs\": {\"0\": [{\"digest\": \"00\"}]}}}",
		"{\"profile\": {\"version\": 1, \"bank\": \"sha256\", \"pcrs\": {\"0\": [{}]}}}",
		"{\"profile\": {\"version\": 1, \"bank\": \"sha256\", \"pcrs\": {\"x\": []}}}",
		"{\"max_age_days\": 0}", "{\"max_age_days\": -1}", "{\"max_age_days\": 3651}", "{\"max_age_days\": \"7\"}",
		"{\"max_age_days\": 1.5}", "{\"event_log\": false}", "{\"boot_aggregate\": null}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		JSON_AUTO json_t *j = parse(bad[i]);
		struct err e = { 0 };

		ok(boot_policy_check(j, &e) != 0 && e.message[0] != '\0', "refused: %s", bad[i]);
	}
}

/* Days since the boot was first seen; to the second. */
static void
test_age(void)
{
	const int64_t began = 1700000000, day = 86400;
	JSON_AUTO json_t *seven = parse("{\"max_age_days\": 7}"), *two = parse("{\"max_age_days\": 2}");
	JSON_AUTO json_t *none = parse("{\"boot_aggregate\": true}");
	const json_t *all[] = { seven, none, two, NULL };
	struct kit k;

	kit_open("debian12-vm", &k);
	k.in.now = began + 100 * day;
	expect(&k, "{\"max_age_days\": 7}", CHECK_NOT_RUN, REASON_NONE, "not known here");
	k.in.began = began;
	expect(&k, "{\"max_age_days\": 7}", CHECK_FAIL, REASON_BOOT_TOO_OLD, "first seen at 2023-11-14T22:13:20Z");
	expect(&k, "{\"max_age_days\": 3650}", CHECK_PASS, REASON_NONE, "");
	k.in.now = began + 7 * day - 1;
	expect(&k, "{\"max_age_days\": 7}", CHECK_PASS, REASON_NONE, "");
	k.in.now++;
	expect(&k, "{\"max_age_days\": 7}", CHECK_FAIL, REASON_BOOT_TOO_OLD, "every 7 days");
	k.in.now = began - 1000;	/* the server's clock was set back: younger than seen is not too old */
	expect(&k, "{\"max_age_days\": 1}", CHECK_PASS, REASON_NONE, "");
	kit_close(&k);
	ok(boot_policy_expires(all, began) == began + 2 * day, "the first of several demands expires first");
	ok(boot_policy_expires(all, 0) == 0 && boot_policy_expires(NULL, began) == 0 && boot_policy_expires(&all[3], began) == 0,
	    "nothing expires where nothing is known or demanded");
}

int
main(void)
{
	test_vm();
	test_age();
	test_cmdline_stub();
	test_shim();
	test_open();
	test_several();
	test_attacks();
	test_cmdline_appended();
	test_aggregate_required();
	test_mok_sb_state();
	test_profile();
	test_malformed();
	return done();
}
