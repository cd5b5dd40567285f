/* What assay doctor may conclude: a fact that nobody could find out is never good news, the
 * TPM's faults are those its maker published for its firmware and no others, a file system
 * is judged by the kernel that runs it, and advice comes in order of weight. */
#include "engine/doctor.h"
#include "engine/tpm_faults.h"
#include "tests/tap.h"

static struct arena arena;

static struct diagnosis
judged(const struct machine *m)
{
	struct err e = { 0 };
	struct diagnosis d = { 0 };

	if (doctor_judge(m, &arena, &d, &e) != 0) {
		printf("Bail out! %s\n", e.message);
		exit(99);
	}
	return d;
}

static const struct doctor_item *
item(const struct diagnosis *d, const char *code)
{
	for (size_t i = 0; i < d->n_items; i++)
		if (strcmp(d->items[i].code, code) == 0)
			return &d->items[i];
	return NULL;
}

static enum mark
mark(const struct diagnosis *d, const char *code)
{
	const struct doctor_item *i = item(d, code);

	return i == NULL ? (enum mark)-1 : i->mark;
}

static const struct doctor_advice *
advice(const struct diagnosis *d, const char *code)
{
	for (size_t i = 0; i < d->n_advice; i++)
		if (strcmp(d->advice[i].code, code) == 0)
			return &d->advice[i];
	return NULL;
}

/* ---- nothing known ----------------------------------------------------------------- */

static void
test_nothing(void)
{
	struct machine m = { 0 };
	struct diagnosis d = judged(&m);
	size_t good = 0;

	for (size_t i = 0; i < d.n_items; i++)
		good += d.items[i].mark == MARK_GOOD;
	ok(d.nothing, "no fact at all: said so");
	is_int((int64_t)good, 0, "what is not known is never marked good");
	ok(advice(&d, "no-tpm") != NULL && d.advice[0].weight == 100, "the missing TPM comes first");
	ok(mark(&d, "keyrings") == MARK_UNKNOWN && mark(&d, "kernel-config") == MARK_UNKNOWN &&
	    mark(&d, "lockdown") == MARK_UNKNOWN, "unknown is marked unknown");
	ok(advice(&d, "no-ima") == NULL, "without a configuration nobody claims that IMA is missing");
}

static void
test_order(void)
{
	struct machine m = { .release = span_lit("6.1.0"), .config_source = "x",
		.config = span_lit("# CONFIG_IMA is not set\n# CONFIG_TCG_TPM is not set\n") };
	struct diagnosis d = judged(&m);
	bool sorted = true, grouped = true;

	for (size_t i = 1; i < d.n_advice; i++)
		sorted &= d.advice[i - 1].weight >= d.advice[i].weight;
	for (size_t i = 1; i < d.n_items; i++)
		grouped &= d.items[i - 1].group <= d.items[i].group;
	ok(sorted && d.n_advice >= 2, "advice in order of weight");
	ok(grouped, "items in order of groups");
	ok(item(&d, "CONFIG_IMA") != NULL && mark(&d, "CONFIG_IMA") == MARK_BAD, "no IMA is bad");
	ok(item(&d, "CONFIG_IMA_APPRAISE") == NULL && item(&d, "CONFIG_TCG_CRB") == NULL,
	    "options below one that is off are not listed");
}

static void
test_options(void)
{
	struct machine m = { .release = span_lit("6.1.0"), .config_source = "x", .config = span_lit(
	    "CONFIG_IMA=y\n# CONFIG_IMA_KEXEC is not set\nCONFIG_INTEGRITY=y\nCONFIG_DM_VERITY=m\n"
	    "CONFIG_IMA_APPRAISE_FOO=y\n") };
	struct diagnosis d = judged(&m);

	is_str(item(&d, "CONFIG_IMA")->value, "yes", "on");
	is_str(item(&d, "CONFIG_IMA_KEXEC")->value, "no", "off");
	is_str(item(&d, "CONFIG_IMA_APPRAISE")->value, "absent", "a longer name is not this one");
	is_str(item(&d, "CONFIG_DM_VERITY")->value, "module", "a module");
	is_str(item(&d, "CONFIG_IMA_STAGING")->value, "not in this kernel", "newer than the kernel");
	m.release = span_lit("7.2.0");
	d = judged(&m);
	is_str(item(&d, "CONFIG_IMA_STAGING")->value, "absent", "but not in a newer kernel");
}

/* ---- boot, IMA --------------------------------------------------------------------- */

static void
test_boot(void)
{
	struct machine m = { .efi = true, .secure_boot = FACT_NO, .setup_mode = FACT_YES,
		.lockdown = span_lit("[none] integrity confidentiality") };
	struct diagnosis d = judged(&m);

	ok(mark(&d, "secure-boot") == MARK_WARN && advice(&d, "secure-boot-off") != NULL, "Secure Boot off");
	ok(strstr(advice(&d, "secure-boot-off")->text, "setup mode") != NULL, "in setup mode");
	ok(mark(&d, "lockdown") == MARK_WARN && advice(&d, "lockdown-none") != NULL, "no lockdown");
	m.lockdown = span_lit("none [integrity] confidentiality");
	m.secure_boot = FACT_YES;
	d = judged(&m);
	ok(mark(&d, "lockdown") == MARK_GOOD && mark(&d, "secure-boot") == MARK_GOOD, "both on");
	is_str(item(&d, "lockdown")->value, "integrity", "the mode in brackets counts");
	m.lockdown = span_lit("none [integrity");
	d = judged(&m);
	ok(mark(&d, "lockdown") == MARK_UNKNOWN, "a broken line is unknown");
	m.secure_boot = FACT_UNKNOWN;
	d = judged(&m);
	ok(mark(&d, "secure-boot") == MARK_UNKNOWN, "an unreadable variable is unknown");
}

static void
test_ima(void)
{
	struct machine m = { .release = span_lit("6.1.0"), .securityfs = ACCESS_OPEN, .ima_dir = true,
		.ima_policy = ACCESS_OPEN, .ima_entries = { true, 1 }, .ima_violations = { true, 0 },
		.config_source = "x", .config = span_lit("CONFIG_IMA=y\nCONFIG_IMA_DEFAULT_TEMPLATE=\"ima-ng\"\n") };
	struct diagnosis d = judged(&m);

	ok(mark(&d, "ima-policy") == MARK_BAD && advice(&d, "ima-idle") != NULL, "IMA without a policy is idle");
	ok(mark(&d, "ima-template") == MARK_WARN, "a template without signatures");
	m.cmdline = span_lit("quiet ima_policy=tcb ima_template=ima-sig ima_appraise=fix");
	m.ima_violations.n = 3;
	d = judged(&m);
	ok(mark(&d, "ima-policy") == MARK_GOOD && advice(&d, "ima-idle") == NULL, "ima_policy=");
	ok(mark(&d, "ima-template") == MARK_GOOD, "ima_template=");
	ok(mark(&d, "ima-appraise") == MARK_WARN && advice(&d, "ima-appraise-fix") != NULL, "ima_appraise=fix");
	ok(mark(&d, "ima-violations") == MARK_WARN, "violations");
	m.cmdline = span_lit("ima_template=ima ima_hash=sha1");
	m.ima_policy = ACCESS_ABSENT;
	m.ima_entries.known = false;
	d = judged(&m);
	ok(mark(&d, "ima-policy") == MARK_GOOD, "a policy that was loaded leaves no file behind");
	ok(mark(&d, "ima-template") == MARK_BAD && advice(&d, "ima-hash") != NULL, "SHA-1 by wish");
	ok(mark(&d, "ima-entries") == MARK_UNKNOWN, "an unreadable count is unknown");
	ok(advice(&d, "ima-kexec") != NULL, "kexec without carry");
}

/* ---- TPM ----------------------------------------------------------------------------- */

static struct machine
with_tpm(const char *who, unsigned a, unsigned b, unsigned c, unsigned dd)
{
	struct machine m = { .tpm_class = true, .tpm = { .have = true, .family = "2.0",
		.firmware = { (uint16_t)a, (uint16_t)b, (uint16_t)c, (uint16_t)dd },
		.pcrs = { .n = 1, .banks = { { 0x000b, DIGEST_SHA256, 0xffffff } } } } };

	(void)snprintf(m.tpm.manufacturer, sizeof(m.tpm.manufacturer), "%s", who);
	return m;
}

/* The faults of one firmware, in the order of the table. */
static void
faults_are(const char *who, unsigned a, unsigned b, unsigned c, unsigned d, const char *want)
{
	struct machine m = with_tpm(who, a, b, c, d);
	char got[256] = "";
	const struct tpm_fault *f;
	size_t i = 0, n = 0;

	while ((f = tpm_fault_next(&m.tpm, &i)) != NULL)
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s:%s", n == 0 ? "" : " ", f->id,
		    sureness_token(f->sure));
	if (!ok(strcmp(got, want) == 0, "%s %u.%u.%u.%u: %s", who, a, b, c, d, want[0] ? want : "none"))
		diag("got %s", got);
}

static void
test_faults(void)
{
	faults_are("IFX", 7, 61, 2785, 0, "CVE-2017-15361:certain");
	faults_are("IFX", 7, 62, 0, 0, "");
	faults_are("IFX", 4, 33, 0xffff, 0xffff, "CVE-2017-15361:certain");
	faults_are("IFX", 4, 34, 0, 0, "");
	faults_are("IFX", 4, 41, 0, 0, "CVE-2017-15361:certain");
	faults_are("IFX", 5, 62, 0, 0, "");
	faults_are("IFX", 133, 32, 0, 0, "CVE-2017-15361:certain");
	faults_are("IFX", 15, 22, 1, 1, "CVE-2025-2884:likely");
	faults_are("IFX", 15, 23, 0, 0, "");
	faults_are("NTC", 1, 3, 2, 8, "CVE-2023-1017:certain");
	faults_are("NTC", 1, 3, 2, 20, "");
	faults_are("NTC", 7, 2, 1, 0, "CVE-2025-2884:likely CVE-2020-25082:certain CVE-2026-6923:certain");
	faults_are("NTC", 7, 2, 4, 0, "CVE-2025-2884:likely");
	faults_are("NTC", 7, 2, 4, 1, "");
	faults_are("STM", 73, 4, 0, 0, "CVE-2019-16863:certain");
	faults_are("STM", 73, 20, 0, 0, "");
	faults_are("STM", 74, 16, 0, 0, "CVE-2019-16863:certain");
	faults_are("INTC", 11, 8, 50, 3241, "CVE-2025-2884:possible CVE-2019-11090:likely");
	faults_are("INTC", 11, 8, 70, 0, "CVE-2025-2884:possible");
	faults_are("AMD", 3, 58, 0, 5, "CVE-2025-2884:possible AMD fTPM 3.x.0.x:certain faulTPM:possible");
	faults_are("AMD", 3, 58, 2, 5, "CVE-2025-2884:possible faulTPM:possible");
	faults_are("XYZ", 7, 61, 0, 0, "");
	faults_are("", 0, 0, 0, 0, "");
}

static void
test_tpm(void)
{
	struct machine m = with_tpm("IFX", 7, 40, 0, 0);
	struct diagnosis d = judged(&m);

	ok(mark(&d, "tpm-fault") == MARK_BAD, "a certain fault that touches quotes is bad");
	ok(advice(&d, "CVE-2017-15361") != NULL && advice(&d, "CVE-2017-15361")->weight > 90, "and weighs");
	ok(mark(&d, "tpm-banks") == MARK_GOOD && mark(&d, "tpm-maker") == MARK_GOOD, "a chip with SHA-256");
	m.tpm.pcrs.banks[0] = (struct tpm_bank){ 0x0004, DIGEST_SHA1, 0xffffff };
	m.tpm.pcrs.n = 2;
	m.tpm.pcrs.banks[1] = (struct tpm_bank){ 0x000b, DIGEST_SHA256, 0 };
	d = judged(&m);
	ok(mark(&d, "tpm-banks") == MARK_BAD && advice(&d, "tpm-banks") != NULL, "a bank without PCRs is not in use");
	m = with_tpm("IBM", 1, 2, 3, 4);
	d = judged(&m);
	ok(mark(&d, "tpm-maker") == MARK_WARN && advice(&d, "tpm-software") != NULL, "a program is not a chip");
	ok(mark(&d, "tpm-fault") == MARK_WARN, "what is only possible is not bad");
	m = with_tpm("ZZZZ", 1, 2, 3, 4);
	d = judged(&m);
	ok(mark(&d, "tpm-maker") == MARK_UNKNOWN, "an unknown maker is unknown");
	ok(mark(&d, "tpm-fault") == MARK_INFO, "no published fault is not praise");
	m = (struct machine){ .tpm_class = true, .tpm_major = { true, 1 } };
	d = judged(&m);
	ok(mark(&d, "tpm") == MARK_BAD && advice(&d, "tpm-1.2") != NULL, "version 1.2");
	m.tpm_major.n = 2;
	m.tpm_banks = span_lit("sha1");
	d = judged(&m);
	ok(mark(&d, "tpm") == MARK_UNKNOWN && mark(&d, "tpm-banks") == MARK_BAD, "banks as the kernel lists them");
}

/* ---- mounts -------------------------------------------------------------------------- */

static enum mark
cookie(const char *type, const char *release, const char *options)
{
	struct machine_mount x = { .point = span_lit("/x"), .type = span_str(type),
		.source = span_lit("dev"), .options = span_str(options) };
	struct machine m = { .release = span_str(release), .mounts = &x, .n_mounts = 1 };
	struct diagnosis d = judged(&m);

	return mark(&d, "mount-cookie");
}

static void
test_cookie(void)
{
	ok(cookie("ext4", "6.1.0-50-amd64", "rw") == MARK_GOOD, "ext4 keeps it from 6.1 on");
	ok(cookie("ext4", "5.10.0", "rw") == MARK_WARN, "not before");
	ok(cookie("ext4", "5.10.0", "rw,i_version") == MARK_GOOD, "unless it is asked to");
	ok(cookie("ext4", "5.10.0", "ro") == MARK_INFO, "which is nothing to a read-only one");
	ok(cookie("xfs", "6.12.9", "rw") == MARK_GOOD, "xfs hands it out up to 6.12");
	ok(cookie("xfs", "6.13.0", "rw") == MARK_WARN, "and not from 6.13 on");
	ok(cookie("overlay", "6.12.0", "rw") == MARK_INFO, "overlay has that of the one below");
	ok(cookie("fuse.sshfs", "6.12.0", "rw") == MARK_WARN, "a kind with a name behind a dot");
	ok(cookie("newfs", "6.12.0", "rw") == MARK_UNKNOWN, "an unknown kind is unknown");
	ok(cookie("ext4", "weird", "rw") == MARK_UNKNOWN, "an unknown kernel, too");
}

static void
test_mounts(void)
{
	struct machine_mount x[2] = {
		{ .point = span_lit("/a"), .type = span_lit("ext4"), .source = span_lit("d"), .probed = true,
		    .xattr_room = FACT_NO, .xattr_name = "security.ima", .verity = FACT_YES,
		    .direct = FACT_YES, .direct_align = 512, .has_uuid = true },
		{ .point = span_lit("/b"), .type = span_lit("btrfs"), .source = span_lit("d"), .covered = true },
	};
	struct machine m = { .release = span_lit("6.12.0"), .mounts = x, .n_mounts = 2, .n_pseudo = 3 };
	struct diagnosis d = judged(&m);
	size_t b = 0;

	ok(mark(&d, "mount-xattr") == MARK_WARN && advice(&d, "mount-xattr") != NULL, "no room for a signature");
	ok(mark(&d, "mount-verity") == MARK_GOOD, "fs-verity as it was tried");
	is_str(item(&d, "mount-direct")->value, "yes, aligned to 512", "O_DIRECT with its alignment");
	ok(mark(&d, "mount-fsuuid") == MARK_WARN, "a fsuuid of zeros is no identity");
	for (size_t i = 0; i < d.n_items; i++)
		b += span_is(d.items[i].mount, "/b");
	is_int((int64_t)b, 1, "a covered mount is only named");
	is_str(item(&d, "mounts-pseudo")->value, "3", "pseudo file systems are counted");
}

/* ---- memory ---------------------------------------------------------------------------- */

static void
test_memory(void)
{
	struct machine m = with_tpm("IFX", 7, 40, 0, 0);
	struct err e = { 0 };
	struct diagnosis d = { .n_items = 77 };
	bool all = true;

	for (size_t max = 0; max < 2048; max += 16) {
		ARENA_AUTO struct arena small = arena_init(max);

		all &= doctor_judge(&m, &small, &d, &e) != 0 && d.n_items == 77;
	}
	ok(all, "without memory there is an error and no diagnosis");
}

int
main(void)
{
	arena = arena_init((size_t)64 << 20);
	test_nothing();
	test_order();
	test_options();
	test_boot();
	test_ima();
	test_faults();
	test_tpm();
	test_cookie();
	test_mounts();
	test_memory();
	arena_free(&arena);
	return done();
}
