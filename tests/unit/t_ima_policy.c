/* An IMA policy is taken or refused exactly as kernels 6.1 and 6.12 did when they were
 * asked (tests/golden/ima_policy), whatever its bytes, and every fault has its place. */
#include "base/limits.h"
#include "formats/ima_policy.h"
#include "tests/dump.h"
#include "tests/golden.h"

static bool
parse(struct span text, const struct ima_kernel *k, enum ima_load load, struct arena *a,
    struct ima_policy *p)
{
	struct err e = { 0 };

	if (ima_policy_parse(text, k, load, a, p, &e) == 0)
		return true;
	diag("%s", e.message);
	return false;
}

static struct ima_kernel
kernel(const char *version)
{
	struct ima_kernel k;
	struct err e = { 0 };

	ima_kernel_default(&k);
	if (ima_kernel_set_version(&k, span_str(version), &e) != 0)
		diag("%s", e.message);
	k.labels_known = true;
	return k;
}

/* ---- the verdicts of real kernels ---- */

static uint8_t
hex(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The escapes of tests/lab/ima_policy_verdicts.py. */
static void
unescape(struct span s, struct buf *b)
{
	for (size_t i = 0; i < s.n;) {
		size_t times = 1;
		uint8_t c;

		if (s.n - i > 2 && s.p[i] == '\\' && s.p[i + 1] == '{') {
			times = 0;
			for (i += 2; s.p[i] != '}'; i++)
				times = times * 10 + (size_t)(s.p[i] - '0');
			i++;
		}
		c = s.p[i++];
		if (c == '\\' && s.p[i] == '\\') {
			i++;
		} else if (c == '\\') {
			c = (uint8_t)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
			i += 3;
		}
		while (times-- > 0)
			buf_u8(b, c);
	}
}

struct set { struct span name, cmdline; bool path; size_t n, agree; };

static struct span
take(struct span *rest, uint8_t end)
{
	size_t n = span_find(*rest, end);
	struct span word = span_head(*rest, n);

	*rest = span_from(*rest, n + 1);
	return word;
}

static size_t
read_sets(struct span text, struct set *sets, size_t max)
{
	size_t n = 0;

	while (text.n > 0 && n < max) {
		struct span line = take(&text, '\n');

		if (line.n == 0 || line.p[0] == '#')
			continue;
		sets[n] = (struct set){ .name = take(&line, '\t') };
		(void)take(&line, '\t');
		sets[n].path = span_is(take(&line, '\t'), "path");
		sets[n++].cmdline = line;
	}
	return n;
}

/* As run-policies says it: a line without a rule in it is neither taken nor refused. */
static const char *
verdict(struct span text, const struct ima_kernel *k, const struct set *s)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
	struct ima_policy p;
	bool refused = false;

	if (!parse(text, k, s->path ? IMA_LOAD_PATH : IMA_LOAD_WRITE, &a, &p))
		return "error";
	for (size_t i = 0; i < p.n_faults; i++)
		refused = refused || (ima_fault_refuses(p.faults[i].code) &&
		    p.faults[i].code != IMA_FAULT_EMPTY_POLICY);
	if (p.n_rules == 0 && !refused && !span_is(s->name, "write") && !s->path)
		return "ignore";
	return p.taken == IMA_TAKEN_NO ? "refuse" : p.taken == IMA_TAKEN_YES ? "accept" : "depends";
}

static void
check_row(const char *version, struct set *sets, size_t n_sets, struct span row)
{
	struct span name = take(&row, '\t'), want = take(&row, '\t');

	for (size_t i = 0; i < n_sets; i++) {
		BUF_AUTO struct buf text = buf_init(MIB(1));
		struct ima_kernel k = kernel(version);
		const char *got;

		if (!span_eq(name, sets[i].name))
			continue;
		if (sets[i].cmdline.n > 0)
			ima_kernel_set_cmdline(&k, sets[i].cmdline);
		unescape(row, &text);
		got = verdict(buf_view(&text), &k, &sets[i]);
		sets[i].n++;
		sets[i].agree += span_is(want, got);
		if (!span_is(want, got))
			diag("kernel %.*s, we %s: %.*s", (int)want.n, (const char *)want.p, got, (int)row.n,
			    (const char *)row.p);
	}
}

static void
test_kernel(const char *version)
{
	char name[64];
	struct set sets[16];

	(void)snprintf(name, sizeof(name), "ima_policy/kernel-%s.tsv", version);
	struct file f = golden(name), g = golden("ima_policy/sets");
	size_t n_sets = read_sets(file_view(&g), sets, 16);
	struct span text = file_view(&f);

	while (text.n > 0)
		check_row(version, sets, n_sets, take(&text, '\n'));
	for (size_t i = 0; i < n_sets; i++)
		ok(sets[i].n >= 20 && sets[i].agree == sets[i].n, "kernel %s, %.*s: %zu of %zu verdicts",
		    version, (int)sets[i].name.n, (const char *)sets[i].name.p, sets[i].agree, sets[i].n);
	file_free(&f);
	file_free(&g);
}

/* ---- what the parser says ---- */

static void
test_dump(void)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
	BUF_AUTO struct buf b = buf_init(MIB(1));
	struct file f = golden("ima_policy/all.policy");
	struct ima_kernel k = kernel("6.12");
	struct ima_policy p;

	if (parse(file_view(&f), &k, IMA_LOAD_WRITE, &a, &p))
		ima_policy_dump(&p, &b);
	is_golden(&b, "ima_policy/all.dump");
	file_free(&f);
}

/* Cut anywhere or with a bit flipped anywhere, it parses, and each place is inside. */
static void
test_damage(void)
{
	struct file f = golden("ima_policy/all.policy");
	struct ima_kernel k = kernel("6.12");
	size_t bad = 0, runs = 0;

	for (size_t i = 0; i < 2 * f.n; i++) {
		ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
		struct ima_policy p;
		struct span in = span_head(file_view(&f), i < f.n ? i : f.n);

		if (i >= f.n)
			f.p[i - f.n] ^= (uint8_t)(1u << i % 8);
		bad += !parse(in, &k, i % 2 ? IMA_LOAD_PATH : IMA_LOAD_WRITE, &a, &p);
		for (size_t j = 0; j < p.n_faults; j++) {
			struct span t = p.faults[j].token;

			bad += t.n > 0 && (t.p < f.p || t.p + t.n > f.p + f.n);
		}
		if (i >= f.n)
			f.p[i - f.n] ^= (uint8_t)(1u << i % 8);
		runs++;
	}
	ok(bad == 0, "%zu damaged policies", runs);
	file_free(&f);
}

static const struct ima_fault *
first_fault(const char *text, const char *version, struct arena *a, struct ima_policy *p)
{
	struct ima_kernel k = kernel(version);

	if (!parse(span_str(text), &k, IMA_LOAD_WRITE, a, p) || p->n_faults == 0)
		return NULL;
	return &p->faults[0];
}

static void
test_places(void)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
	struct ima_policy p;
	const struct ima_fault *f;

	f = first_fault("# x\n\n  measure func=FILE_CHECK\tpath=/usr/bin/ls uid=0\n", "6.1", &a, &p);
	ok(f != NULL && f->line == 3 && f->column == 27 && span_is(f->token, "path=/usr/bin/ls") &&
	    f->code == IMA_FAULT_NO_PATH_RULES && strstr(f->what, "no IMA rule can name a path") != NULL &&
	    strstr(f->fix, "fsuuid=") != NULL, "a path rule is named with line, column, token and way out");
	f = first_fault("measure uid>=5\n", "6.1", &a, &p);
	ok(f != NULL && f->column == 9 && strstr(f->fix, ">= or <=") != NULL, "uid>= gets its own advice");
	f = first_fault("meazure\n", "6.1", &a, &p);
	ok(f != NULL && f->fix != NULL && strstr(f->fix, "measure") != NULL, "a typo gets a suggestion");
	f = first_fault("Measure\n", "6.1", &a, &p);
	ok(f != NULL && strstr(f->what, "case") != NULL, "upper case is told");
	f = first_fault("measure func=MODULE_CHEC\n", "6.1", &a, &p);
	ok(f != NULL && strstr(f->fix, "func=MODULE_CHECK") != NULL, "a hook's typo gets a suggestion");
	f = first_fault("measure uid!=0\n", "6.1", &a, &p);
	ok(f != NULL && strstr(f->what, "!=") != NULL, "!= is told");
}

static bool
taken(const char *text, const struct ima_kernel *k)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
	struct ima_policy p;

	return parse(span_str(text), k, IMA_LOAD_WRITE, &a, &p) && p.taken == IMA_TAKEN_YES;
}

static bool
taken_by(const char *text, const char *version)
{
	struct ima_kernel k = kernel(version);

	return taken(text, &k);
}

/* The first version that takes a rule, and the one before it. */
static void
test_versions(void)
{
	static const struct { const char *rule, *before, *since; } rows[] = {
		{ "measure func=BPRM_CHECK euid=0\n", "4.1", "4.2" },
		{ "measure func=FILE_CHECK mask=^MAY_READ\n", "4.1", "4.2" },
		{ "measure pcr=11\n", "4.7", "4.8" }, { "measure uid>5\n", "4.10", "4.11" },
		{ "hash fowner=0\n", "4.15", "4.16" }, { "dont_hash fowner=0\n", "4.15", "4.16" },
		{ "dont_measure fsname=proc\n", "4.16", "4.17" }, { "measure func=CREDS_CHECK\n", "4.16", "4.17" },
		{ "measure template=ima-buf\n", "5.2", "5.3" }, { "measure func=KEXEC_CMDLINE\n", "5.2", "5.3" },
		{ "measure func=KEY_CHECK\n", "5.5", "5.6" }, { "measure func=CRITICAL_DATA\n", "5.11", "5.12" },
		{ "appraise func=SETXATTR_CHECK appraise_algos=sha256\n", "5.14", "5.15" },
		{ "measure gid=0\n", "5.15", "5.16" }, { "measure fgroup>0\n", "5.15", "5.16" },
		{ "measure template=ima-ngv2\n", "5.18", "5.19" },
		{ "appraise digest_type=verity appraise_type=sigv3\n", "5.18", "5.19" },
		{ "measure func=MMAP_CHECK_REQPROT\n", "6.2", "6.3" },
		{ "appraise appraise_flag=check_blacklist\n", "6.5", "6.6" },
		{ "measure func=BPRM_CHECK # programs\n", "6.13", "6.14" },
		{ "dont_audit fsname=proc\n", "6.18", "6.19" }, { "measure fs_subtype=sshfs\n", "6.18", "6.19" },
		{ "appraise appraise_type=sigv3\n", "7.0", "7.1" },
		{ "appraise appraise_type=sigv3 digest_type=verity\n", "7.0", "7.1" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(!taken_by(rows[i].rule, rows[i].before) && taken_by(rows[i].rule, rows[i].since),
		    "since %s: %.*s", rows[i].since, (int)strcspn(rows[i].rule, "\n"), rows[i].rule);
	ok(taken_by("measure func=KEXEC_CMDLINE mask=MAY_READ\n", "5.8") &&
	    !taken_by("measure func=KEXEC_CMDLINE mask=MAY_READ\n", "5.9"), "combinations are checked from 5.9 on");
	ok(!taken_by("pcr=11 measure\n", "5.8") && taken_by("pcr=11 measure\n", "5.9"),
	    "before 5.9 pcr= stands behind measure");
}

static void
test_config(void)
{
	struct file f = golden("ima_policy/config-tiny");
	struct ima_kernel k = kernel("6.1");
	struct err e = { 0 };

	ok(ima_kernel_set_config(&k, file_view(&f), &e) == 0 && !k.assumed, "a configuration is read");
	ok(span_is(k.default_template, "ima-modsig") && span_is(k.default_hash, "sha512"), "its strings");
	ok(k.lsm == IMA_LSM_SELINUX, "the first security module in its order");
	ok(taken("appraise func=MODULE_CHECK appraise_type=imasig|modsig appraise_flag=check_blacklist\n", &k) &&
	    !taken("appraise appraise_type=imasig|modsig\n", &k), "MODSIG and appraise_flag= with it");
	ok(!taken("measure obj_type=etc_t\n", &k), "no labels without CONFIG_IMA_LSM_RULES");
	ok(!taken("measure func=KEY_CHECK\n", &k), "no keys without CONFIG_IMA_MEASURE_ASYMMETRIC_KEYS");
	ok(taken("appraise appraise_algos=sha256\n", &k) && !taken("appraise appraise_algos=md4\n", &k),
	    "hashes as configured");
	ok(ima_kernel_set_config(&k, span_lit("hello\n"), &e) == ERR_FORMAT && e.hint[0] != '\0',
	    "something else is refused as a configuration");
	file_free(&f);
}

static void
test_kernel_input(void)
{
	ARENA_AUTO struct arena a = arena_init(MIB(1));
	struct ima_kernel k = kernel("6.1");
	struct err e = { 0 };

	ok(ima_kernel_set_version(&k, span_lit("6.12.43+deb12-amd64"), &e) == 0 &&
	    k.version == KVER(6, 12), "uname -r is a version");
	ok(ima_kernel_set_version(&k, span_lit("6"), &e) == ERR_USAGE &&
	    ima_kernel_set_version(&k, span_lit("linux"), &e) == ERR_USAGE &&
	    ima_kernel_set_version(&k, span_lit("6."), &e) == ERR_USAGE &&
	    ima_kernel_set_version(&k, span_lit(""), &e) == ERR_USAGE, "others are not");
	ima_kernel_set_cmdline(&k, span_lit("quiet ima_policy=\"tcb secure_boot\" ima_appraise=log -- ima_hash=x"));
	ok(k.builtin == (IMA_BUILTIN_TCB | IMA_BUILTIN_SECURE_BOOT) &&
	    k.appraise == IMA_APPRAISE_MODE_LOG, "boot parameters, quoted too, up to --");
	ok(!taken("measure\n", &k), "secure_boot wants a signed policy");
	k = kernel("6.1");
	ima_kernel_set_cmdline(&k, span_lit("security=selinux"));
	k.labels_known = false;
	ok(ima_kernel_set_labels(&k, span_lit("etc_t\n\nvar_t\n"), &a, &e) == 0 &&
	    taken("measure obj_type=etc_t\n", &k) && !taken("measure obj_type=tmp_t\n", &k),
	    "labels that exist and one that does not");
	k.labels_known = false;
	struct ima_policy p;
	ok(parse(span_lit("measure obj_type=tmp_t\n"), &k, IMA_LOAD_WRITE, &a, &p) &&
	    p.taken == IMA_TAKEN_DEPENDS, "without a list it depends");
	k.lsm = IMA_LSM_SMACK;
	ok(taken("measure obj_user=_\n", &k) && !taken("measure obj_type=_\n", &k) &&
	    !taken("measure subj_user=-x\n", &k), "Smack's labels are users only");
	k = kernel("6.1");
	k.config[IMA_CONFIG_64BIT] = false;
	ok(!taken("measure pcr=32\n", &k) && taken("measure pcr=31\n", &k) &&
	    !taken("measure fsmagic=100000000\n", &k), "32-bit kernels have smaller numbers");
	k.config[IMA_CONFIG_IMA] = false;
	ok(!taken("measure\n", &k), "no policy without CONFIG_IMA");
}

static void
test_limits(void)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
	BUF_AUTO struct buf b = buf_init(MIB(4));
	struct ima_kernel k = kernel("6.1");
	struct ima_policy p;
	struct err e = { 0 };

	for (size_t i = 0; i < LIMIT_IMA_RULES + 1; i++)
		buf_str(&b, "audit\n");
	ok(ima_policy_parse(buf_view(&b), &k, IMA_LOAD_WRITE, &a, &p, &e) == ERR_LIMIT &&
	    e.line == LIMIT_IMA_RULES + 1, "too many rules are refused by line");
	buf_zero(&b, LIMIT_IMA_POLICY);
	ok(ima_policy_parse(buf_view(&b), &k, IMA_LOAD_WRITE, &a, &p, &e) == ERR_LIMIT, "so is too large a file");
	ok(ima_policy_parse(span_of(NULL, 0), &k, IMA_LOAD_WRITE, &a, &p, &e) == 0 &&
	    p.taken == IMA_TAKEN_NO && p.faults[0].code == IMA_FAULT_EMPTY_POLICY, "an empty file is refused by the kernel");
	b.n = 0;
	for (size_t i = 0; i < 4096; i++)
		buf_u8(&b, '#');
	ok(ima_policy_parse(buf_view(&b), &k, IMA_LOAD_PATH, &a, &p, &e) == 0 && p.n_faults > 0 &&
	    strstr(p.faults[0].what, "kills the process") != NULL, "a full page without line end is told to be deadly");
}

int
main(void)
{
	test_kernel("6.1");
	test_kernel("6.12");
	test_dump();
	test_damage();
	test_places();
	test_versions();
	test_config();
	test_kernel_input();
	test_limits();
	return done();
}
