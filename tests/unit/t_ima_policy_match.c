/* Which rule decides is what the kernel's ima_match_policy would say; the explanation
 * and the bill follow from the same rules. */
#include "base/limits.h"
#include "engine/ima_policy_cost.h"
#include "engine/ima_policy_explain.h"
#include "engine/ima_policy_match.h"
#include "tests/dump.h"
#include "tests/golden.h"

static struct arena arena;
static struct ima_kernel kernel;

static struct ima_policy
policy(const char *text)
{
	struct ima_policy p = { 0 };
	struct err e = { 0 };

	if (ima_policy_parse(span_str(text), &kernel, IMA_LOAD_WRITE, &arena, &p, &e) != 0 ||
	    p.taken == IMA_TAKEN_NO)
		ok(false, "the policy is taken: %s", p.n_faults > 0 ? p.faults[0].what : e.message);
	return p;
}

/* ---- rule against rule ---- */

static void
compare(const char *a, const char *b, bool covers, bool meets)
{
	struct ima_policy x = policy(a), y = policy(b);

	ok(ima_rule_covers(&x.rules[0], &y.rules[0]) == covers &&
	    ima_rule_meets(&x.rules[0], &y.rules[0]) == meets &&
	    ima_rule_meets(&y.rules[0], &x.rules[0]) == meets, "\"%s\" %s and %s \"%s\"", a,
	    covers ? "covers" : "does not cover", meets ? "meets" : "misses", b);
}

static void
test_rules(void)
{
	compare("measure", "measure func=BPRM_CHECK", true, true);
	compare("measure func=BPRM_CHECK", "measure", false, true);
	compare("measure", "measure func=KEY_CHECK", false, false);
	compare("measure func=KEY_CHECK", "measure func=KEY_CHECK keyrings=.ima gid=5", true, true);
	compare("measure func=KEY_CHECK uid=0", "measure func=KEY_CHECK", false, true);
	compare("measure func=KEY_CHECK keyrings=.a|.b", "measure func=KEY_CHECK keyrings=.b", true, true);
	compare("measure func=KEY_CHECK keyrings=.a", "measure func=KEY_CHECK keyrings=.b", false, false);
	compare("measure func=BPRM_CHECK mask=MAY_EXEC", "measure func=BPRM_CHECK", true, true);
	compare("measure func=FILE_CHECK mask=^MAY_READ", "measure func=FILE_CHECK mask=MAY_READ", true, true);
	compare("measure func=FILE_CHECK mask=MAY_READ", "measure func=FILE_CHECK mask=^MAY_READ", false, true);
	compare("measure func=FILE_CHECK mask=MAY_READ", "measure func=FILE_CHECK mask=MAY_WRITE", false, false);
	compare("measure mask=MAY_EXEC", "measure func=MMAP_CHECK", true, true);
	compare("measure mask=MAY_READ", "measure func=BPRM_CHECK", false, false);
	compare("measure uid>4", "measure uid=5", true, true);
	compare("measure uid>4", "measure uid<5", false, false);
	compare("measure uid<5", "measure uid<3", true, true);
	compare("measure uid=0", "measure euid=0", false, true);
	compare("measure fowner=0", "measure fowner=0 fgroup=0", true, true);
	compare("measure fsmagic=0x9fa0", "measure fsmagic=0x9fa1", false, false);
	compare("measure fsname=ext4", "measure fsmagic=0xef53", false, true);
	compare("measure fsuuid=8bcbe394-4f13-4144-be8e-5aa9ea2ce2f6",
	    "measure fsuuid=8BCBE394-4f13-4144-be8e-5aa9ea2ce2f6 uid=0", true, true);
	compare("measure subj_role=unconfined", "measure", false, true);
}

/* ---- rules against an access ---- */

static struct ima_access
file(enum ima_func func, unsigned mask, const char *fsname, uint64_t magic, uint32_t uid)
{
	return (struct ima_access){ .func = func, .mask = mask, .fsname = span_str(fsname),
	    .fsmagic = magic, .uid = uid, .euid = uid, .suid = uid, .gid = uid, .egid = uid, .sgid = uid,
	    .cap_setuid = uid == 0, .cap_setgid = uid == 0, .fowner = 0, .fgroup = 0,
	    .given = IMA_GIVEN_FSMAGIC | IMA_GIVEN_FSNAME | IMA_GIVEN_UID | IMA_GIVEN_EUID |
	    IMA_GIVEN_GID | IMA_GIVEN_EGID | IMA_GIVEN_FOWNER | IMA_GIVEN_FGROUP };
}

/* What is done, as letters: m measured, p appraised, a audited, h hashed; '?' behind what
 * depends. */
static const char *
done_by(const char *text, struct ima_access a, struct ima_decision *d)
{
	static char out[16];
	struct ima_policy p = policy(text);
	size_t n = 0;

	ima_policy_decide(&p, &kernel, &a, d);
	for (enum ima_class c = 0; c < IMA_CLASS_COUNT; c++) {
		if (d->by[c].does && !(c == IMA_CLASS_HASH && d->hash_dropped))
			out[n++] = "mpah"[c];
		if (d->by[c].maybe != NULL && ima_rule_does(d->by[c].maybe) != d->by[c].does) {
			out[n++] = "mpah"[c];
			out[n++] = '?';
		}
	}
	out[n] = '\0';
	return out;
}

static void
test_decisions(void)
{
	struct ima_access root = file(IMA_FUNC_FILE_CHECK, IMA_MAY_READ, "ext4", 0xef53, 0);
	struct ima_access user = file(IMA_FUNC_FILE_CHECK, IMA_MAY_READ, "ext4", 0xef53, 1000);
	struct ima_access both = file(IMA_FUNC_FILE_CHECK, IMA_MAY_READ | IMA_MAY_WRITE, "ext4", 0xef53, 0);
	struct ima_access proc = file(IMA_FUNC_FILE_CHECK, IMA_MAY_READ, "proc", 0x9fa0, 0);
	struct ima_access exec = file(IMA_FUNC_BPRM_CHECK, IMA_MAY_EXEC, "ext4", 0xef53, 1000);
	struct ima_decision d;

	is_str(done_by("measure func=FILE_CHECK uid=0\n", root, &d), "m", "root reads");
	is_str(done_by("measure func=FILE_CHECK uid=0\n", user, &d), "", "a user reads");
	is_str(done_by("dont_measure fsmagic=0x9fa0\nmeasure\n", proc, &d), "", "the first rule of a class decides");
	is_str(done_by("measure\ndont_measure fsmagic=0x9fa0\n", proc, &d), "m", "whatever follows");
	is_str(done_by("dont_measure fsmagic=0x9fa0\nmeasure\naudit\n", proc, &d), "a", "classes are apart");
	is_str(done_by("measure mask=MAY_READ\n", both, &d), "", "an exact mask");
	is_str(done_by("measure mask=^MAY_READ\n", both, &d), "m", "a mask among others");
	is_str(done_by("measure\nappraise\naudit\nhash\n", exec, &d), "mpah", "all four classes");
	is_str(done_by("hash\nappraise\n", exec, &d), "p", "appraise undoes a hash rule before it");
	is_str(done_by("appraise\nhash\n", exec, &d), "ph", "but not one behind it");
	is_str(done_by("measure func=KEY_CHECK\nmeasure func=CRITICAL_DATA\n", exec, &d), "", "data rules see no files");
	is_str(done_by("appraise func=SETXATTR_CHECK appraise_algos=sha256\nmeasure\n", exec, &d), "m",
	    "a list of hashes appraises nothing");
	is_str(done_by("measure fsuuid=8bcbe394-4f13-4144-be8e-5aa9ea2ce2f6\n", root, &d), "m?", "an unknown UUID");
	is_str(d.by[IMA_CLASS_MEASURE].maybe_why, "fsuuid=", "is named");
	is_str(done_by("measure subj_role=unconfined\nmeasure\n", root, &d), "m", "what is done either way is certain");
	is_str(done_by("measure pcr=11 template=ima-ng\n", root, &d), "m", "its options");
	ok(d.pcr == 11 && span_is(d.template_fmt, "d-ng|n-ng"), "pcr= and template= are those of the rule");
	is_str(done_by("measure uid=0 pcr=11\nmeasure\n", user, &d), "m", "another rule");
	ok(d.pcr == 10 && span_is(d.template_fmt, "d-ng|n-ng|sig"), "has the defaults");
	is_str(done_by("dont_measure permit_directio\nmeasure\n", user, &d), "", "options of a dont_ rule");
	ok((d.flags & IMA_HAS_DIRECTIO) != 0, "count, as in the kernel");
}

static void
test_ids(void)
{
	struct ima_access a = file(IMA_FUNC_FILE_CHECK, IMA_MAY_READ, "ext4", 0xef53, 1000);
	struct ima_decision d;

	a.euid = 1000;
	a.suid = 0;
	is_str(done_by("measure euid=0\n", a, &d), "", "the saved id does not count");
	a.cap_setuid = true;
	is_str(done_by("measure euid=0\n", a, &d), "m", "but with CAP_SETUID it does");
	a.suid = 1000;
	a.uid = 0;
	is_str(done_by("measure euid=0\n", a, &d), "m", "so does the real one");
	a.egid = 5;
	is_str(done_by("measure egid<6\n", a, &d), "m", "below");
	is_str(done_by("measure egid<5\n", a, &d), "", "not below");
	a.fowner = 4294967294u;
	is_str(done_by("measure fowner>4294967293\n", a, &d), "m", "the last id");
}

static void
test_data(void)
{
	struct ima_access key = { .func = IMA_FUNC_KEY_CHECK, .data = span_lit(".ima"), .uid = 0,
		.gid = 7, .given = IMA_GIVEN_DATA | IMA_GIVEN_UID | IMA_GIVEN_GID };
	struct ima_access line = { .func = IMA_FUNC_KEXEC_CMDLINE, .fsmagic = 0x01021994,
		.given = IMA_GIVEN_FSMAGIC };
	struct ima_decision d;

	is_str(done_by("measure func=KEY_CHECK keyrings=.evm|.ima\n", key, &d), "m", "a keyring of the list");
	is_str(done_by("measure func=KEY_CHECK keyrings=.evm\n", key, &d), "", "another");
	is_str(done_by("measure func=KEY_CHECK gid=0\n", key, &d), "m", "gid= is not looked at");
	is_str(done_by("measure\n", key, &d), "", "a rule without func= sees no keys");
	is_str(done_by("measure func=KEXEC_CMDLINE\n", line, &d), "m", "kexec's command line");
	is_str(done_by("dont_measure fsmagic=0x01021994\nmeasure func=KEXEC_CMDLINE\n", line, &d), "",
	    "lies on tmpfs");
}

static void
test_off(void)
{
	struct ima_access a = file(IMA_FUNC_BPRM_CHECK, IMA_MAY_EXEC, "ext4", 0xef53, 0);
	struct ima_decision d;

	kernel.appraise = IMA_APPRAISE_MODE_OFF;
	is_str(done_by("appraise\nmeasure\n", a, &d), "m", "appraisal that is switched off");
	ok(!d.by[IMA_CLASS_APPRAISE].active, "is not active");
	kernel.appraise = IMA_APPRAISE_MODE_UNSAID;
}

/* ---- in words ---- */

static void
test_explain(void)
{
	static const char text[] =
	    "dont_measure fsmagic=0x9fa0\nmeasure func=FILE_CHECK mask=^MAY_READ uid=0\n"
	    "measure func=FILE_CHECK mask=MAY_WRITE euid>999 gid<5 fowner=0 fgroup=4 fsname=xfs\n"
	    "measure func=BPRM_CHECK pcr=12 template=ima-sigv2 digest_type=verity\n"
	    "measure func=KEY_CHECK keyrings=.ima|.evm|.x uid=0\nmeasure func=CRITICAL_DATA label=selinux\n"
	    "measure func=KEXEC_CMDLINE\nmeasure fsmagic=0xef53\nmeasure fsmagic=0x12345\n"
	    "measure fsuuid=8bcbe394-4f13-4144-be8e-5aa9ea2ce2f6\nmeasure subj_role=unconfined permit_directio\n"
	    "measure func=BPRM_CHECK mask=MAY_READ\n"
	    "appraise func=BPRM_CHECK\nappraise func=MMAP_CHECK appraise_type=imasig appraise_algos=sha256,sha512\n"
	    "appraise digest_type=verity appraise_type=sigv3\ndont_appraise fsname=tmpfs\n"
	    "appraise func=SETXATTR_CHECK appraise_algos=sha256\naudit func=MODULE_CHECK\n"
	    "hash fowner=0\ndont_hash fowner=1\n";
	BUF_AUTO struct buf b = buf_init(MIB(1));
	struct ima_policy p = policy(text);
	bool blind[IMA_BLIND_COUNT];

	for (size_t i = 0; i < p.n_rules; i++) {
		ima_rule_explain(&p.rules[i], &kernel, &b);
		buf_u8(&b, '\n');
	}
	for (enum ima_class c = 0; c < IMA_CLASS_COUNT; c++) {
		ima_policy_blind(&p, &kernel, c, blind);
		buf_printf(&b, "\n%s does not see:", ima_class_name(c));
		for (enum ima_blind i = 0; i < IMA_BLIND_COUNT; i++)
			if (blind[i])
				buf_printf(&b, " %s", ima_blind_slug(i));
	}
	buf_u8(&b, '\n');
	is_golden(&b, "ima_policy/explain.txt");
}

static bool
blind(const char *text, enum ima_blind what)
{
	struct ima_policy p = policy(text);
	bool out[IMA_BLIND_COUNT];

	ima_policy_blind(&p, &kernel, IMA_CLASS_MEASURE, out);
	return out[what];
}

static void
test_blind(void)
{
	ok(blind("measure func=MMAP_CHECK\n", IMA_BLIND_PROGRAMS) &&
	    !blind("measure func=BPRM_CHECK\n", IMA_BLIND_PROGRAMS), "programs");
	ok(blind("measure func=BPRM_CHECK\n", IMA_BLIND_LIBRARIES) &&
	    !blind("measure\n", IMA_BLIND_LIBRARIES), "libraries");
	ok(blind("dont_measure fsname=tmpfs\nmeasure\n", IMA_BLIND_TMPFS) &&
	    !blind("dont_measure fsname=tmpfs func=FILE_CHECK\nmeasure\n", IMA_BLIND_TMPFS), "tmpfs");
	ok(blind("dont_measure fsname=overlay\nmeasure\n", IMA_BLIND_CONTAINERS) &&
	    blind("measure fsname=ext4\n", IMA_BLIND_CONTAINERS) && !blind("measure\n", IMA_BLIND_CONTAINERS),
	    "containers");
	ok(blind("measure func=BPRM_CHECK fsname=ext4\n", IMA_BLIND_SOME_FS) &&
	    !blind("measure func=BPRM_CHECK\n", IMA_BLIND_SOME_FS), "other file systems");
	ok(blind("measure func=FILE_CHECK uid=0\n", IMA_BLIND_USERS_READ) &&
	    !blind("measure func=FILE_CHECK\n", IMA_BLIND_USERS_READ), "what users read");
	ok(blind("measure func=MODULE_CHECK\n", IMA_BLIND_INIT_MODULE) &&
	    blind("measure func=MODULE_CHECK\nmeasure func=CRITICAL_DATA\n", IMA_BLIND_INIT_MODULE), "init_module");
	kernel.version = KVER(6, 12);
	ok(!blind("measure func=MODULE_CHECK\nmeasure func=CRITICAL_DATA label=modules\n", IMA_BLIND_INIT_MODULE) &&
	    blind("measure func=MODULE_CHECK\nmeasure func=CRITICAL_DATA label=x\n", IMA_BLIND_INIT_MODULE),
	    "init_module from 6.10 on");
	kernel.version = KVER(6, 1);
	ok(!blind("audit\n", IMA_BLIND_MEMORY) && blind("measure\n", IMA_BLIND_MEMORY), "a class nobody uses has no blind spots");
}

/* ---- what it costs ---- */

static void
test_kinds(void)
{
	static const struct { const char *path; bool x; const char *head; enum ima_cost_kind want; } rows[] = {
		{ "/usr/bin/ls", true, "\177ELF", IMA_COST_PROGRAM }, { "/usr/bin/ls", true, "", IMA_COST_PROGRAM },
		{ "/usr/bin/x", true, "#!/bin/sh", IMA_COST_SCRIPT }, { "/usr/bin/x", false, "#!/bin/sh", IMA_COST_DATA },
		{ "/usr/lib/libc.so.6", false, "\177ELF", IMA_COST_LIBRARY }, { "/usr/lib/x.so", true, "INPUT(", IMA_COST_DATA },
		{ "/lib/modules/6.1/kernel/a.ko.xz", false, "\3757zXZ", IMA_COST_MODULE },
		{ "/usr/lib/firmware/a.bin", false, "x", IMA_COST_FIRMWARE }, { "/etc/passwd", false, "root", IMA_COST_DATA },
		{ "/usr/lib/a.o", false, "\177ELF", IMA_COST_DATA }, { "/etc/hosts", true, "", IMA_COST_DATA },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(ima_cost_kind_of(span_str(rows[i].path), rows[i].x, span_str(rows[i].head)) == rows[i].want,
		    "%s is one of the %s", rows[i].path, ima_cost_kind_name(rows[i].want));
	ok(ima_cost_changes(span_lit("/var/log/syslog")) && ima_cost_changes(span_lit("/home/a/x.db")) &&
	    !ima_cost_changes(span_lit("/usr/share/x.db")) && !ima_cost_changes(span_lit("/etc/passwd")),
	    "files that change");
}

static void
test_cost(void)
{
	struct ima_policy p = policy("dont_measure fsmagic=0x9fa0\nmeasure func=BPRM_CHECK\n"
	    "measure func=FILE_CHECK mask=^MAY_READ uid=0\nappraise func=MODULE_CHECK\n");
	struct ima_cost_model m = { .extend_ms = 10, .banks = 2 };
	struct ima_cost c = { 0 };
	struct ima_cost_file f = { .path = span_lit("/usr/bin/ls"), .kind = IMA_COST_PROGRAM, .size = 100,
		.place = { .real_file = true } };

	ima_cost_add(&c, &p, &kernel, &m, &f);
	ok(c.entries == 1 && c.root_only == 0 && c.by[IMA_COST_PROGRAM].measured == 1 &&
	    c.by[IMA_COST_PROGRAM].bytes == 100, "a program, run by anybody");
	f.path = span_lit("/var/log/syslog");
	f.kind = IMA_COST_DATA;
	ima_cost_add(&c, &p, &kernel, &m, &f);
	ok(c.entries == 2 && c.root_only == 1 && c.violations == 1 && span_is(c.violating[0], "/var/log/syslog"),
	    "a log, read by root");
	f.path = span_lit("/lib/x.so");
	f.kind = IMA_COST_LIBRARY;
	ima_cost_add(&c, &p, &kernel, &m, &f);
	ok(c.by[IMA_COST_LIBRARY].measured == 1, "a library is read as well as mapped");
	f.kind = IMA_COST_MODULE;
	ima_cost_add(&c, &p, &kernel, &m, &f);
	ok(c.by[IMA_COST_MODULE].appraised == 1 && c.by[IMA_COST_MODULE].measured == 1, "a module");
	ok(c.extend_seconds > 0.0399 && c.extend_seconds < 0.0401, "four extends");
	ok(c.memory > 4 * 500 && c.memory < 4 * 1200, "%llu bytes of kernel memory", (unsigned long long)c.memory);
	p = policy("measure fsname=xfs\n");
	f.kind = IMA_COST_PROGRAM;
	ima_cost_add(&c, &p, &kernel, &m, &f);
	ok(c.by[IMA_COST_PROGRAM].depends == 1 && c.n_unseen == 0, "an unknown file system leaves it open");
	p = policy("audit\n");
	ima_cost_add(&c, &p, &kernel, &m, &f);
	ok(c.n_unseen == 1 && span_is(c.unseen[0], "/lib/x.so"), "what is not measured is named");
	ok(ima_cost_entry_memory(span_lit("d-ng|n-ng"), 20, 1) < ima_cost_entry_memory(span_lit("d-ng|n-ng|sig"), 200, 4),
	    "more fields, banks and names cost more");
}

int
main(void)
{
	arena = arena_init(LIMIT_IMA_POLICY_ARENA);
	ima_kernel_default(&kernel);
	test_rules();
	test_decisions();
	test_ids();
	test_data();
	test_off();
	test_explain();
	test_blind();
	test_kinds();
	test_cost();
	arena_free(&arena);
	return done();
}
