/* Every lint rule finds what it is for, and does not find what only looks like it. */
#include "base/limits.h"
#include "engine/ima_policy_lint.h"
#include "tests/golden.h"

struct row {
	enum ima_lint id;
	const char *kernel;	/* NULL: 6.1 */
	const char *cmdline;	/* NULL: not known */
	const char *hit;	/* a policy that must have the finding */
	const char *miss;	/* a near one that must not */
	const char *miss_cmdline, *miss_kernel;	/* NULL: the same */
};

#define PSEUDO(x)								\
	x " fsmagic=0x9fa0\n" x " fsmagic=0x62656572\n" x " fsmagic=0x64626720\n"	\
	x " fsmagic=0x1cd1\n" x " fsmagic=0x42494e4d\n" x " fsmagic=0x73636673\n"	\
	x " fsmagic=0x27e0eb\n" x " fsmagic=0x63677270\n" x " fsmagic=0x6e736673\n"	\
	x " fsmagic=0xde5e81e4\n"
#define UUID "8bcbe394-4f13-4144-be8e-5aa9ea2ce2f6"
#define D64 "################################################################"
#define D8 D64 D64 D64 D64 D64 D64 D64 D64

static const struct row rows[] = {
	{ IMA_LINT_L01, .hit = "measure func=PATH obj=/etc/passwd\n", .miss = "measure func=PATH_CHECK\n" },
	{ IMA_LINT_L01, .hit = "measure path=/usr/bin/ls\n", .miss = "measure fsname=ext4\n" },
	{ IMA_LINT_L02, .hit = "measure audit\n", .miss = "audit\n" },
	{ IMA_LINT_L02, .hit = "func=BPRM_CHECK\n", .miss = "# func=BPRM_CHECK\naudit\n" },
	{ IMA_LINT_L03, .hit = "template=ima-ng measure\n", .miss = "measure template=ima-ng\n" },
	{ IMA_LINT_L04, .hit = "measure uid=0 euid=0\n", .miss = "measure uid=0 gid=0\n" },
	{ IMA_LINT_L05, .hit = "measure uid=root\n", .miss = "measure uid=+0\n" },
	{ IMA_LINT_L05, .hit = "measure uid>=1000\n", .miss = "measure uid>999\n" },
	{ IMA_LINT_L06, .hit = "measure mask=MAY_READ|MAY_EXEC\n", .miss = "measure mask=^MAY_READ\n" },
	{ IMA_LINT_L07, .hit = "measure fsuuid=1234-ABCD\n", .miss = "measure fsuuid=" UUID "\n" },
	{ IMA_LINT_L08, .hit = "measure pcr=64\n", .miss = "measure pcr=63\n" },
	{ IMA_LINT_L08, .hit = "audit pcr=10\n", .miss = "measure pcr=10\n" },
	{ IMA_LINT_L09, .hit = "measure func=MODULE_CHECK digest_type=verity\n",
	  .miss = "measure func=FIRMWARE_CHECK digest_type=verity\n" },
	{ IMA_LINT_L10, .hit = "measure func=KEY_CHECK euid=0\n", .miss = "measure func=KEY_CHECK uid=0\n" },
	{ IMA_LINT_L11, .hit = "appraise appraise_type=sigv3 digest_type=verity\n",
	  .miss = "appraise digest_type=verity appraise_type=sigv3\n" },
	{ IMA_LINT_L12, .hit = "appraise func=SETXATTR_CHECK\n",
	  .miss = "appraise func=SETXATTR_CHECK appraise_algos=sha256\n" },
	{ IMA_LINT_L12, .hit = "appraise func=SETXATTR_CHECK appraise_algos=sha256 uid=0\n",
	  .miss = "appraise func=SETXATTR_CHECK appraise_algos=sha256\n" },
	{ IMA_LINT_L13, .hit = "measure template=d-ng|n-ng|iuid\n", .miss = "measure template=d-ng|n-ng|iuid\n",
	  .miss_cmdline = "ima_template_fmt=d-ng|n-ng|iuid" },
	{ IMA_LINT_L14, .hit = "measure func=MMAP_CHECK_REQPROT\n", .miss = "measure func=MMAP_CHECK_REQPROT\n",
	  .miss_kernel = "6.3" },
	{ IMA_LINT_L14, .hit = "measure obj_type=etc_t\n", .miss = "measure obj_type=etc_t\n",
	  .miss_cmdline = "security=selinux" },
	{ IMA_LINT_L15, .hit = "measure func=BPRM_CHECK # x\n", .miss = "measure func=BPRM_CHECK # x\n",
	  .miss_kernel = "6.14" },
	{ IMA_LINT_L16, .hit = "measure func=BPRM_CHECK\r\n", .miss = "measure fsname=ext4\r\n" },
	{ IMA_LINT_L17, .hit = D8 D8 D8 D8 D8 D8 D8 D8 "\naudit\n", .miss = "#" "\naudit\n" },
	{ IMA_LINT_L18, .hit = "# only a remark\n", .miss = "audit\n" },
	{ IMA_LINT_L19, .hit = "audit\n/etc/other\n", .miss = "audit\n#/etc/other\n" },
	{ IMA_LINT_L19, .hit = "audit", .miss = "audit\n" },
	{ IMA_LINT_L20, .hit = "measure func=BPRM_CHECK\nmeasure func=BPRM_CHECK uid=0\n",
	  .miss = "measure func=BPRM_CHECK uid=0\nmeasure func=BPRM_CHECK\n" },
	{ IMA_LINT_L20, .hit = "measure\ndont_measure func=BPRM_CHECK mask=MAY_EXEC\n",
	  .miss = "measure\nmeasure func=KEY_CHECK\n" },
	{ IMA_LINT_L20, .hit = "measure func=BPRM_CHECK mask=MAY_EXEC\nmeasure func=BPRM_CHECK fowner=0\n",
	  .miss = "measure func=BPRM_CHECK\nappraise func=BPRM_CHECK fowner=0\n" },
	{ IMA_LINT_L20, .hit = "audit uid<5\naudit uid=4\n", .miss = "audit uid<5\naudit uid=5\n" },
	{ IMA_LINT_L20, .hit = "measure func=KEY_CHECK keyrings=.ima|.evm\nmeasure func=KEY_CHECK keyrings=.evm\n",
	  .miss = "measure func=KEY_CHECK keyrings=.ima\nmeasure func=KEY_CHECK keyrings=.evm\n" },
	{ IMA_LINT_L21, .hit = "measure func=FILE_CHECK\ndont_measure fsname=ext4 func=FILE_CHECK\n",
	  .miss = "dont_measure fsname=ext4 func=FILE_CHECK\nmeasure func=FILE_CHECK\n" },
	{ IMA_LINT_L21, .hit = "measure func=FILE_CHECK\ndont_measure fsname=ext4\n",
	  .miss = "measure func=MODULE_CHECK\ndont_measure fsname=ext4\nmeasure func=FILE_CHECK\n" },
	{ IMA_LINT_L22, .hit = "measure func=FILE_CHECK\n", .miss = "measure func=FILE_CHECK uid=0\n" },
	{ IMA_LINT_L23, .hit = "measure func=FILE_CHECK mask=^MAY_READ uid=0\n",
	  .miss = "dont_measure fsuuid=" UUID "\nmeasure func=FILE_CHECK mask=^MAY_READ uid=0\n" },
	{ IMA_LINT_L24, .hit = "measure func=FILE_CHECK uid=0\n",
	  .miss = PSEUDO("dont_measure") "measure func=FILE_CHECK uid=0\n" },
	{ IMA_LINT_L24, .hit = "appraise fowner=0\n", .miss = PSEUDO("dont_appraise") "appraise fowner=0\n" },
	{ IMA_LINT_L24, .hit = PSEUDO("dont_appraise") "measure func=FILE_CHECK\n",
	  .miss = "measure func=BPRM_CHECK\n" },
	{ IMA_LINT_L25, .hit = "dont_measure fsmagic=0x01021994\nmeasure\n",
	  .miss = "dont_measure fsmagic=0x01021994 func=FILE_CHECK\nmeasure\n" },
	{ IMA_LINT_L26, .hit = "measure func=FILE_CHECK mask=MAY_READ\n", .miss = "measure func=FILE_CHECK mask=^MAY_READ\n" },
	{ IMA_LINT_L26, .hit = "measure mask=MAY_READ\n", .miss = "measure func=MODULE_CHECK mask=MAY_READ\n" },
	{ IMA_LINT_L27, .hit = "measure func=BPRM_CHECK\n", .miss = "measure func=BPRM_CHECK\nmeasure func=MMAP_CHECK\n" },
	{ IMA_LINT_L28, .hit = "measure func=BPRM_CHECK\n", .miss = "measure func=BPRM_CHECK\nmeasure func=MODULE_CHECK\n" },
	{ IMA_LINT_L28, .kernel = "6.12", .hit = "measure func=BPRM_CHECK\nmeasure func=MODULE_CHECK\n",
	  .miss = "measure func=BPRM_CHECK\nmeasure func=MODULE_CHECK\nmeasure func=CRITICAL_DATA label=modules\n" },
	{ IMA_LINT_L29, .hit = "measure func=BPRM_CHECK\n", .miss = "measure func=BPRM_CHECK\nmeasure func=POLICY_CHECK\n" },
	{ IMA_LINT_L30, .hit = "measure func=BPRM_CHECK\n", .miss = "measure func=BPRM_CHECK\nmeasure func=KEXEC_KERNEL_CHECK\n" },
	{ IMA_LINT_L30, .hit = "measure func=BPRM_CHECK\n", .miss = "measure func=MODULE_CHECK\n" },
	{ IMA_LINT_L31, .hit = "measure func=BPRM_CHECK\n",
	  .miss = "measure func=BPRM_CHECK\nmeasure func=FILE_CHECK mask=^MAY_READ uid=0\n" },
	{ IMA_LINT_L32, .hit = "appraise func=BPRM_CHECK uid=0\n", .miss = "appraise func=BPRM_CHECK fowner=0\n" },
	{ IMA_LINT_L32, .hit = "measure func=BPRM_CHECK fowner=0\n", .miss = "measure func=FILE_CHECK fowner=0\n" },
	{ IMA_LINT_L33, .hit = "appraise func=BPRM_CHECK\n", .miss = "appraise func=BPRM_CHECK appraise_type=imasig\n" },
	{ IMA_LINT_L34, .hit = "appraise func=BPRM_CHECK appraise_type=imasig\n",
	  .miss = "appraise func=BPRM_CHECK appraise_type=imasig\n", .miss_cmdline = "ima_appraise=log" },
	{ IMA_LINT_L34, .hit = "appraise appraise_type=imasig\n", .miss = "appraise func=MODULE_CHECK appraise_type=imasig\n" },
	{ IMA_LINT_L35, .hit = "appraise func=POLICY_CHECK appraise_type=imasig\n", .miss = "measure func=POLICY_CHECK\n" },
	{ IMA_LINT_L35, .cmdline = "ima_policy=secure_boot", .hit = "measure\n", .miss = "measure\n",
	  .miss_cmdline = "ima_policy=tcb" },
	{ IMA_LINT_L36, .hit = "appraise func=BPRM_CHECK appraise_type=imasig\n",
	  .miss = "dont_appraise fsmagic=0x858458f6\nappraise func=BPRM_CHECK appraise_type=imasig\n" },
	{ IMA_LINT_L37, .hit = "measure func=BPRM_CHECK digest_type=verity\n",
	  .miss = "measure func=BPRM_CHECK digest_type=verity template=ima-ngv2\n" },
	{ IMA_LINT_L38, .hit = "measure fsmagic=0xef53\n", .miss = "measure fsmagic=0x58465342\n" },
	{ IMA_LINT_L38, .hit = "dont_measure fsmagic=16914836\n", .miss = "dont_measure fsmagic=01021994\n" },
	{ IMA_LINT_L38, .hit = "measure fsname=fuse.sshfs\n", .miss = "measure fsname=fuse\n" },
	{ IMA_LINT_L39, .hit = "measure fsuuid=00000000-0000-0000-0000-000000000000\n", .miss = "measure fsuuid=" UUID "\n" },
	{ IMA_LINT_L39, .hit = "measure fsname=overlay fsuuid=" UUID "\n", .miss = "measure fsname=ext4 fsuuid=" UUID "\n" },
	{ IMA_LINT_L40, .hit = "measure fsname=nfs\n", .miss = "measure fsname=xfs\n" },
	{ IMA_LINT_L40, .hit = "measure fsmagic=0x4d44\n", .miss = "dont_measure fsmagic=0x4d44\nmeasure\n" },
	{ IMA_LINT_L41, .hit = "measure func=BPRM_CHECK fsname=ext4\n",
	  .miss = "measure func=BPRM_CHECK fsname=ext4\nmeasure func=BPRM_CHECK fsname=overlay\n" },
	{ IMA_LINT_L41, .hit = "dont_measure fsname=overlay\nmeasure func=BPRM_CHECK\n",
	  .miss = "dont_measure fsname=overlay func=FILE_CHECK\nmeasure func=BPRM_CHECK\n" },
	{ IMA_LINT_L42, .hit = "appraise fsname=fuse appraise_type=imasig\n", .miss = "appraise fsname=fuse appraise_type=imasig\n",
	  .miss_cmdline = "ima_policy=fail_securely" },
	{ IMA_LINT_L43, .hit = "measure func=FILE_CHECK permit_directio\n", .miss = "measure func=FILE_CHECK permit_directio fsname=xfs\n" },
	{ IMA_LINT_L44, .cmdline = "security=selinux", .hit = "measure obj_type=etc_t\n", .miss = "measure fowner=0\n" },
	{ IMA_LINT_L44, .hit = "measure subj_role=docker-default\n", .miss = "measure subj_role=unconfined\n" },
	{ IMA_LINT_L45, .hit = "measure pcr=7\n", .miss = "measure pcr=11\n" },
	{ IMA_LINT_L45, .hit = "measure pcr=23\n", .miss = "measure pcr=10\n" },
	{ IMA_LINT_L45, .hit = "measure pcr=40\n", .miss = "measure\n" },
	{ IMA_LINT_L47, .cmdline = "ima_policy=tcb", .hit = "measure func=BPRM_CHECK\n", .miss = "measure func=BPRM_CHECK\n",
	  .miss_cmdline = "quiet" },
	{ IMA_LINT_L48, .hit = "audit func=BPRM_CHECK\n", .miss = "audit func=MODULE_CHECK\n" },
	{ IMA_LINT_L49, .hit = "audit func=FILE_CHECK\n", .miss = "audit func=FILE_CHECK fsname=ext4\n" },
	{ IMA_LINT_L49, .hit = "audit func=FILE_CHECK\n", .miss = "audit func=FILE_CHECK\n", .miss_kernel = "6.19" },
	{ IMA_LINT_L50, .kernel = "6.19", .hit = "dont_measure fs_subtype=sshfs\nmeasure\n", .miss = "dont_measure fsname=fuse\nmeasure\n" },
	{ IMA_LINT_L51, .hit = "appraise func=KEXEC_INITRAMFS_CHECK appraise_type=imasig\n", .miss = "measure func=KEXEC_INITRAMFS_CHECK\n" },
	{ IMA_LINT_L52, .hit = "hash fowner=0\n", .miss = "hash fowner=0\nappraise fowner=0\n" },
	{ IMA_LINT_L53, .hit = "measure func=KEY_CHECK gid=0\n", .miss = "measure func=KEY_CHECK uid=0\n" },
	{ IMA_LINT_L53, .hit = "measure func=CRITICAL_DATA gid<5\n", .miss = "measure func=KEXEC_CMDLINE gid=0\n" },
	{ IMA_LINT_L54, .hit = "appraise appraise_flag=check_blacklist\n", .miss = "appraise appraise_flag=check_blacklist\n",
	  .miss_kernel = "6.6" },
	{ IMA_LINT_L55, .hit = "measure func=CRITICAL_DATA template=ima-ng\n", .miss = "measure func=CRITICAL_DATA template=ima-buf\n" },
	{ IMA_LINT_L55, .hit = "measure func=KEXEC_CMDLINE template=ima-sig\n", .miss = "measure func=BPRM_CHECK template=ima-sig\n" },
	{ IMA_LINT_L56, .kernel = "5.10", .hit = "measure func=MMAP_CHECK\n", .miss = "measure func=MMAP_CHECK\n", .miss_kernel = "6.1" },
	{ IMA_LINT_L56, .kernel = "6.3", .hit = "measure func=MMAP_CHECK_REQPROT\n",
	  .miss = "measure func=MMAP_CHECK_REQPROT\nmeasure func=MMAP_CHECK\n" },
	{ IMA_LINT_L57, .hit = "measure fsname=ext4\r\n", .miss = "measure fsname=ext4\n" },
	{ IMA_LINT_L58, .kernel = "6.12", .hit = "appraise appraise_flag=check_blacklist\n", .miss = "appraise appraise_type=imasig\n" },
	{ IMA_LINT_L59, .hit = "measure func=BPRM_CHECK mask=MAY_READ\n", .miss = "measure func=BPRM_CHECK mask=^MAY_EXEC\n" },
	{ IMA_LINT_L59, .hit = "measure uid<0\n", .miss = "measure uid<1\n" },
	{ IMA_LINT_L60, .cmdline = "ima_appraise=off", .hit = "appraise fowner=0\n", .miss = "appraise fowner=0\n", .miss_cmdline = "ima_appraise=log" },
	{ IMA_LINT_L61, .hit = "appraise func=SETXATTR_CHECK appraise_algos=sha256\nappraise func=SETXATTR_CHECK appraise_algos=sha512\n",
	  .miss = "appraise func=SETXATTR_CHECK appraise_algos=sha256\n" },
	{ IMA_LINT_L62, .hit = "measure fsname=ext4 fsname=xfs\n", .miss = "measure fsname=ext4\n" },
	{ IMA_LINT_L62, .hit = "measure pcr=11 pcr=12\n", .miss = "measure pcr=11\nmeasure pcr=12 uid=0\n" },
	{ IMA_LINT_L63, .hit = "measure fsuuid=" UUID "-x\n", .miss = "measure fsuuid=" UUID "\n" },
	{ IMA_LINT_B01, .cmdline = "ima_policy=/etc/ima/ima-policy", .miss_cmdline = "ima_policy=tcb" },
	{ IMA_LINT_B02, .cmdline = "ima_policy=tcb|all", .miss_cmdline = "ima_policy=\"tcb appraise_tcb\"" },
	{ IMA_LINT_B03, .cmdline = "modules-load=ima_measure,ext4", .miss_cmdline = "modules-load=ext4" },
	{ IMA_LINT_B03, .cmdline = "quiet ima_appraise", .miss_cmdline = "ima_appraise=log" },
	{ IMA_LINT_B04, .cmdline = "ima_hash=sha257", .miss_cmdline = "ima_hash=sha512" },
	{ IMA_LINT_B05, .cmdline = "ima_template=ima-sig3", .miss_cmdline = "ima_template=ima-sigv2" },
	{ IMA_LINT_B06, .cmdline = "ima_template_fmt=d-ng|n-ng|path", .miss_cmdline = "ima_template_fmt=d-ng|n-ng|sig" },
	{ IMA_LINT_B07, .cmdline = "ima_template=ima-ng ima_template_fmt=d-ng|n-ng", .miss_cmdline = "ima_template=ima-ng" },
	{ IMA_LINT_B08, .cmdline = "ima_appraise=on", .miss_cmdline = "ima_appraise=enforce" },
	{ IMA_LINT_B09, .cmdline = "ima_appraise=fix", .miss_cmdline = "ima_appraise=enforce" },
	{ IMA_LINT_B09, .cmdline = "evm=fix", .miss_cmdline = "evm=" },
	{ IMA_LINT_B10, .cmdline = "ima_tcb", .miss_cmdline = "ima_policy=tcb" },
	{ IMA_LINT_B11, .cmdline = "ima_polcy=tcb", .miss_cmdline = "ima_policy=tcb imaginary=1" },
	{ IMA_LINT_B11, .cmdline = "ima=off", .miss_cmdline = "ima=off", .miss_kernel = "6.17" },
};

/* The findings of one policy; the arena is the caller's. */
static bool
lint(const char *policy, const char *version, const char *cmdline, bool write_policy,
    struct arena *a, struct ima_lint_report *out, struct ima_policy *p)
{
	struct ima_kernel k;
	struct err e = { 0 };
	struct ima_lint_input in = { .kernel = &k };

	ima_kernel_default(&k);
	if (version != NULL && ima_kernel_set_version(&k, span_str(version), &e) != 0)
		return false;
	k.config[IMA_CONFIG_IMA_WRITE_POLICY] = write_policy;
	if (cmdline != NULL) {
		ima_kernel_set_cmdline(&k, span_str(cmdline));
		in.cmdline = span_str(cmdline);
	}
	if (policy != NULL) {
		if (ima_policy_parse(span_str(policy), &k, IMA_LOAD_WRITE, a, p, &e) != 0)
			return false;
		in.policy = p;
	}
	return ima_policy_lint(&in, a, out, &e) == 0;
}

static const struct ima_finding *
find(const char *policy, const char *version, const char *cmdline, enum ima_lint id, struct arena *a)
{
	struct ima_lint_report report;
	struct ima_policy p;

	if (!lint(policy, version, cmdline, false, a, &report, &p)) {
		diag("lint failed");
		return NULL;
	}
	for (size_t i = 0; i < report.n; i++)
		if (report.findings[i].lint == id)
			return &report.findings[i];
	return NULL;
}

/* For a line of TAP: no line ends, no '#'. */
static const char *
flat(const char *s, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%s", s);
	for (char *c = buf; *c != '\0'; c++)
		if (*c == '\n' || *c == '\r' || *c == '#')
			*c = ';';
	return buf;
}

static void
test_rows(void)
{
	bool tried[IMA_LINT_COUNT] = { [IMA_LINT_L46] = true };	/* has its own test */

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
		const struct ima_lint_info *info = ima_lint_info(r->id);
		const struct ima_finding *f = find(r->hit, r->kernel, r->cmdline, r->id, &a);
		const char *miss_kernel = r->miss_kernel != NULL ? r->miss_kernel : r->kernel;
		const char *miss_cmdline = r->miss_cmdline != NULL ? r->miss_cmdline : r->cmdline;

		char text[80];

		tried[r->id] = true;
		ok(f != NULL && f->what[0] != '\0' && f->fix[0] != '\0', "%s finds: %s", info->id,
		    flat(r->hit != NULL ? r->hit : r->cmdline, text, sizeof(text)));
		ok(find(r->miss, miss_kernel, miss_cmdline, r->id, &a) == NULL, "%s does not find: %s",
		    info->id, flat(r->miss != NULL ? r->miss : miss_cmdline, text, sizeof(text)));
	}
	for (enum ima_lint l = 0; l < IMA_LINT_COUNT; l++)
		ok(tried[l], "%s %s is tried", ima_lint_info(l)->id, ima_lint_info(l)->slug);
}

static void
test_reload(void)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
	struct ima_lint_report with, without;
	struct ima_policy p;

	ok(lint("measure func=MODULE_CHECK\n", NULL, NULL, true, &a, &with, &p) && with.n == 1 &&
	    with.findings[0].lint == IMA_LINT_L46, "L46 finds a kernel with CONFIG_IMA_WRITE_POLICY");
	ok(lint("measure func=MODULE_CHECK\n", NULL, NULL, false, &a, &without, &p) && without.n == 0,
	    "L46 does not find one without");
}

/* Errors are what the kernel refuses, and nothing else. */
static void
test_severity(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
		struct ima_lint_report report;
		struct ima_policy p;
		size_t errors = 0;

		if (r->hit == NULL || !lint(r->hit, r->kernel, r->cmdline, false, &a, &report, &p))
			continue;
		for (size_t j = 0; j < report.n; j++)
			errors += report.findings[j].error && !report.findings[j].boot;
		if ((errors > 0) != (p.taken == IMA_TAKEN_NO))
			ok(false, "errors and the verdict agree: %s", r->hit);
	}
	ok(true, "errors and the kernel's verdict agree in every row");
}

static void
test_order(void)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
	struct ima_lint_report r;
	struct ima_policy p;
	bool sorted = true;

	ok(lint("measure func=BPRM_CHECK x y\naudit func=BPRM_CHECK\nmeasure func=FILE_CHECK z\n", NULL,
	    "ima_tcb", false, &a, &r, &p) && r.n >= 5, "several findings");
	for (size_t i = 1; i < r.n; i++) {
		size_t before = r.findings[i - 1].line, here = r.findings[i].line;

		sorted = sorted && (here == 0 || (before != 0 && before <= here));
	}
	ok(sorted && r.findings[r.n - 1].boot, "in the order of the lines, the boot parameters last");
	ok(r.errors == 3 && r.warnings == r.n - 3, "errors and warnings are counted");
}

/* Each sample is taken by every kernel it is for. */
static void
test_samples(void)
{
	static const char *const names[] = { "appraise-enforce", "appraise-log", "audit", "containers",
		"everything", "executables", "image-based", "package-signatures", "tcb" };
	static const char *const versions[] = { "6.1", "6.12", "6.14", "6.19", "7.1" };
	const char *source = getenv("ASSAY_SOURCE");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t v = 0; v < sizeof(versions) / sizeof(versions[0]); v++) {
			ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
			BUF_AUTO struct buf text = buf_init(MIB(1));
			FILE_AUTO struct file f = { 0 };
			struct ima_lint_report r = { 0 };
			struct ima_policy p = { 0 };
			struct err e = { 0 };
			char path[512];

			(void)snprintf(path, sizeof(path), "%s/data/ima-policy/%s.policy",
			    source == NULL ? "." : source, names[i]);
			if (file_read(path, MIB(1), &f, &e) == 0)
				buf_span(&text, file_view(&f));
			ok(lint(buf_cstr(&text), versions[v], NULL, false, &a, &r, &p) && r.errors == 0 &&
			    p.n_rules > 0 && p.taken == IMA_TAKEN_YES, "sample %s has no error for kernel %s",
			    names[i], versions[v]);
		}
}

static void
put_cell(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++)
		buf_printf(b, "%s%c", *s == '|' ? "\\" : "", *s);
	buf_str(b, " | ");
}

/* docs/ima-policy-lints.md is the table, in words for people. */
static void
test_page(void)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));
	FILE_AUTO struct file f = { 0 };
	const char *source = getenv("ASSAY_SOURCE"), *write = getenv("ASSAY_GOLDEN_WRITE");
	struct err e = { 0 };
	char path[512];

	buf_str(&b, "# What `assay ima-policy lint` finds\n"
	    "Ids are stable. L are about the policy, B about the boot parameters. Generated from "
	    "`src/engine/ima_policy_lints.tbl`, which a test compares.\n\n"
	    "| id | name | severity | what | why | what to do |\n|---|---|---|---|---|---|\n");
	for (enum ima_lint l = 0; l < IMA_LINT_COUNT; l++) {
		const struct ima_lint_info *i = ima_lint_info(l);

		buf_printf(&b, "| %s | `%s` | %s | ", i->id, i->slug, i->error ? "error" : "warning");
		put_cell(&b, i->title);
		put_cell(&b, i->reason);
		put_cell(&b, i->fix);
		b.p[b.n - 1] = '\n';
	}
	(void)snprintf(path, sizeof(path), "%s/docs/ima-policy-lints.md", source == NULL ? "." : source);
	if (write != NULL && *write == '1')
		ok(file_write(path, buf_view(&b), 0644, &e) == 0, "the page is written");
	ok(file_read(path, MIB(1), &f, &e) == 0 && span_eq(file_view(&f), buf_view(&b)),
	    "docs/ima-policy-lints.md is the table");
}

int
main(void)
{
	test_page();
	test_rows();
	test_reload();
	test_severity();
	test_order();
	test_samples();
	return done();
}
