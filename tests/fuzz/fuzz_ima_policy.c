/* IMA policies for several kernels: parsing never fails for what the input says, every
 * fault lies inside the input, the verdict agrees with the faults, what is written back
 * reads the same, and lint, explanation and decision stand any rules. */
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"
#include "engine/ima_policy_explain.h"
#include "engine/ima_policy_lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_places(const struct ima_policy *p, struct span in)
{
	bool refused = false;

	for (size_t i = 0; i < p->n_faults; i++) {
		const struct ima_fault *f = &p->faults[i];

		if (f->token.n > 0 && (f->token.p < in.p || f->token.p + f->token.n > in.p + in.n))
			abort();
		if (f->rule > p->n_rules || f->what == NULL || f->what[0] == '\0')
			abort();
		refused = refused || ima_fault_refuses(f->code);
	}
	if (refused != (p->taken == IMA_TAKEN_NO))
		abort();
}

/* A rule that is taken, in canonical spelling, is taken too and spelled the same. */
static void
check_spelling(const struct ima_rule *r, const struct ima_kernel *k, struct arena *a)
{
	struct buf once = buf_init(MIB(4)), twice = buf_init(MIB(4));
	struct ima_policy p;
	struct err e = { 0 };
	bool plain = true;

	ima_rule_write(r, &once);
	/* Escapes are for eyes; a line over 4095 bytes would be cut. */
	for (size_t i = 0; i < once.n; i++)
		plain = plain && once.p[i] != '\\';
	if (plain && once.n < 4000) {
		if (ima_policy_parse(buf_view(&once), k, IMA_LOAD_WRITE, a, &p, &e) != 0)
			abort();
		if (p.n_rules != 1 || p.rules[0].refused)
			abort();
		ima_rule_write(&p.rules[0], &twice);
		if (!span_eq(buf_view(&once), buf_view(&twice)))
			abort();
	}
	buf_free(&once);
	buf_free(&twice);
}

static void
check_rules(const struct ima_policy *p, const struct ima_kernel *k, struct arena *a)
{
	struct ima_access access = { .func = IMA_FUNC_FILE_CHECK, .mask = IMA_MAY_READ };
	bool blind[IMA_BLIND_COUNT];
	struct ima_decision d;

	for (size_t i = 0; i < p->n_rules && i < 64; i++) {
		struct buf b = buf_init(MIB(4));

		if (p->rules[i].refused)
			continue;
		check_spelling(&p->rules[i], k, a);
		ima_rule_explain(&p->rules[i], k, &b);
		if (b.why != 0 || b.n == 0)
			abort();
		buf_free(&b);
	}
	for (enum ima_func f = IMA_FUNC_FILE_CHECK; f < IMA_FUNC_COUNT; f++) {
		access.func = f;
		ima_policy_decide(p, k, &access, &d);
	}
	ima_policy_blind(p, k, IMA_CLASS_MEASURE, blind);
}

static void
run(struct span in, const struct ima_kernel *k, enum ima_load load)
{
	struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
	struct buf b = buf_init(SIZE_MAX / 2);
	struct ima_lint_report report;
	struct ima_policy p;
	struct err e = { 0 };

	if (ima_policy_parse(in, k, load, &a, &p, &e) == 0) {
		struct ima_lint_input li = { .policy = &p, .kernel = k };

		check_places(&p, in);
		check_rules(&p, k, &a);
		ima_policy_dump(&p, &b);
		if (b.why != 0 || ima_policy_lint(&li, &a, &report, &e) != 0)
			abort();
		if ((report.errors > 0) != (p.taken == IMA_TAKEN_NO))
			abort();
	} else if (e.code != ERR_LIMIT) {
		abort();
	}
	buf_free(&b);
	arena_free(&a);
}

/* The input as boot parameters, configuration and labels as well. */
static void
run_kernel(struct span in)
{
	struct arena a = arena_init(LIMIT_IMA_POLICY_ARENA);
	struct ima_lint_report report;
	struct ima_kernel k;
	struct err e = { 0 };
	struct ima_lint_input li = { .kernel = &k, .cmdline = in };

	ima_kernel_default(&k);
	if (ima_kernel_set_version(&k, in, &e) == 0 && k.version < KVER(2, 0))
		abort();
	if (ima_kernel_set_config(&k, in, &e) == 0 && k.assumed)
		abort();
	if (ima_kernel_set_labels(&k, in, &a, &e) == 0 && !k.labels_known)
		abort();
	ima_kernel_set_cmdline(&k, in);
	if (ima_policy_lint(&li, &a, &report, &e) != 0)
		abort();
	arena_free(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const versions[] = { "5.4", "6.1", "6.12", "7.1" };
	struct span in = span_of(data, size);

	if (size > KIB(16))
		return 0;
	struct ima_kernel k;
	struct err e = { 0 };
	size_t i = size % 4;	/* one kernel a run: speed, and each length meets another */

	ima_kernel_default(&k);
	if (ima_kernel_set_version(&k, span_str(versions[i]), &e) != 0)
		abort();
	if (i == 3) {		/* everything on, and labels of another kind */
		memset(k.config, 1, sizeof(k.config));
		k.lsm = IMA_LSM_SMACK;
	}
	run(in, &k, size / 4 % 2 ? IMA_LOAD_PATH : IMA_LOAD_WRITE);
	run_kernel(in);
	return 0;
}
