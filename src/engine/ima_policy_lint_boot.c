/* ima_policy_lint_boot.c: Bxx: the kernel command line, where most guides go wrong. */
#include "engine/ima_policy_lint_internal.h"
#include "formats/ima_log.h"

struct boot {
	struct span name, value;
	bool has_value;
	size_t column;
	bool template_seen;
};

static void
check_policy_name(struct lint *l, const struct boot *b, struct span word, size_t column)
{
	static const char *const names[] = { "tcb", "appraise_tcb", "secure_boot", "critical_data",
		"fail_securely" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(word, names[i]))
			return;
	if (span_find(word, '/') < word.n || span_ends(word, span_lit(".policy")))
		lint_add_boot(l, IMA_LINT_B01, word, column,
		    "\"%s\" is a file name: the kernel has no such policy and goes on without it", lint_safe(l, word));
	else
		lint_add_boot(l, IMA_LINT_B02, b->value, column,
		    "\"%s\" is not a built-in policy: the kernel says so in its log and goes on without it",
		    lint_safe(l, word));
}

static void
check_policy(struct lint *l, const struct boot *b)
{
	struct span rest = b->value;
	size_t column = b->column + b->name.n + 1;

	if (rest.n == 0)
		lint_add_boot(l, IMA_LINT_B02, b->name, b->column, "ima_policy= names no policy");
	while (rest.n > 0) {
		size_t n = 0;

		while (n < rest.n && rest.p[n] != ' ' && rest.p[n] != '|')
			n++;
		check_policy_name(l, b, span_head(rest, n), column);
		column += n + 1;
		rest = span_from(rest, n + 1);
	}
}

/* At that time only what is built in can be found; modules= y and m are one to us. */
static void
check_hash(struct lint *l, const struct boot *b)
{
	enum digest_alg alg = digest_alg_by_name(b->value);
	struct span fmt = ima_kernel_template_now(l->k);

	if (span_is(fmt, "d|n")) {
		if (!span_starts(b->value, span_lit("sha1")) && !span_starts(b->value, span_lit("md5")))
			lint_add_boot(l, IMA_LINT_B04, b->value, b->column,
			    "the template ima takes sha1 and md5 only");
		return;
	}
	if (alg == DIGEST_NONE)
		lint_add_boot(l, IMA_LINT_B04, b->value, b->column, "\"%s\" is not a hash algorithm of the kernel",
		    lint_safe(l, b->value));
}

static void
check_format(struct lint *l, const struct boot *b)
{
	struct span rest = b->value;

	while (rest.n > 0) {
		size_t n = span_find(rest, '|');

		if (ima_field_by_name(span_head(rest, n)) == IMA_FIELD_UNKNOWN)
			lint_add_boot(l, IMA_LINT_B06, b->value, b->column, "\"%s\" is not a field of a template",
			    lint_safe(l, span_head(rest, n)));
		rest = span_from(rest, n + 1);
	}
}

static void
check_template(struct lint *l, struct boot *b)
{
	if (b->template_seen)
		lint_add_boot(l, IMA_LINT_B07, b->name, b->column,
		    "the first ima_template= or ima_template_fmt= counts, this one is ignored");
	else if (span_is(b->name, "ima_template_fmt"))
		check_format(l, b);
	else if (ima_kernel_template(l->k, b->value).n == 0)
		lint_add_boot(l, IMA_LINT_B05, b->value, b->column, "no template \"%s\" is defined in the kernel",
		    lint_safe(l, b->value));
	b->template_seen = true;
}

static void
check_appraise(struct lint *l, const struct boot *b)
{
	static const char *const modes[] = { "off", "log", "fix", "enforce" };
	bool known = false;

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		known = known || span_is(b->value, modes[i]);
	if (!known)
		lint_add_boot(l, IMA_LINT_B08, b->value, b->column, "\"%s\" is not off, log, fix or enforce",
		    lint_safe(l, b->value));
	else if (!l->k->config[IMA_CONFIG_IMA_APPRAISE_BOOTPARAM])
		lint_add_boot(l, IMA_LINT_B07, b->name, b->column,
		    "the target kernel was built without CONFIG_IMA_APPRAISE_BOOTPARAM and always enforces");
	else if (!span_is(b->value, "enforce"))
		lint_add_boot(l, IMA_LINT_B09, b->value, b->column, "appraisal is not enforced while ima_appraise=%s",
		    lint_safe(l, b->value));
}

/* "modules-load=a,b", "rd.driver.pre=x", and a name alone or with a dot as if it were one. */
static bool
no_such_module(struct span name)
{
	return span_is(name, "ima") || span_is(name, "ima_measure") || span_is(name, "ima_appraise") ||
	    span_is(name, "ima-measure") || span_is(name, "ima-appraise") || span_is(name, "evm");
}

static void
check_modules(struct lint *l, const struct boot *b)
{
	struct span rest = b->value;

	while (rest.n > 0) {
		size_t n = span_find(rest, ',');

		if (no_such_module(span_head(rest, n)))
			lint_add_boot(l, IMA_LINT_B03, b->value, b->column, "there is no module \"%s\"",
			    lint_safe(l, span_head(rest, n)));
		rest = span_from(rest, n + 1);
	}
}

static const struct { const char *name; unsigned since; } known[] = {
	{ "ima_canonical_fmt", KVER(4, 10) }, { "ima_flush_htable", KVER(7, 2) },
	{ "ima_audit", KVER(2, 6) }, { "ima.ahash_minsize", KVER(3, 17) },
	{ "ima.ahash_bufsize", KVER(3, 17) }, { "ima", KVER(6, 17) }, { "evm", KVER(3, 2) },
	{ "integrity_audit", KVER(3, 10) },
};

/* Other parameters that look like ours. */
static void
check_other(struct lint *l, const struct boot *b)
{
	struct span n = b->name;

	if (span_is(n, "ima_measure") || (span_is(n, "ima_appraise") && !b->has_value) ||
	    span_starts(n, span_lit("ima_measure.")) || span_starts(n, span_lit("ima_appraise."))) {
		lint_add_boot(l, IMA_LINT_B03, n, b->column,
		    "\"%s\" is neither a module nor a parameter of the kernel", lint_safe(l, n));
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!span_is(n, known[i].name))
			continue;
		if (l->k->version < known[i].since)
			lint_add_boot(l, IMA_LINT_B11, n, b->column, "%s= is known from kernel %u.%u on",
			    known[i].name, known[i].since / 1000, known[i].since % 1000);
		else if (span_is(n, "evm") && span_is(b->value, "fix"))
			lint_add_boot(l, IMA_LINT_B09, n, b->column, "with evm=fix the kernel signs whatever it finds");
		return;
	}
	if (span_starts(n, span_lit("ima_")) || span_starts(n, span_lit("ima.")) ||
	    span_starts(n, span_lit("evm_")))
		lint_add_boot(l, IMA_LINT_B11, n, b->column, "\"%s\" is not a parameter of IMA", lint_safe(l, n));
}

static void
check_parameter(struct lint *l, struct boot *b)
{
	if (span_is(b->name, "ima_policy"))
		check_policy(l, b);
	else if (span_is(b->name, "ima_hash"))
		check_hash(l, b);
	else if (span_is(b->name, "ima_template") || span_is(b->name, "ima_template_fmt"))
		check_template(l, b);
	else if (span_is(b->name, "ima_appraise") && b->has_value)
		check_appraise(l, b);
	else if (span_is(b->name, "ima_tcb") || span_is(b->name, "ima_appraise_tcb"))
		lint_add_boot(l, IMA_LINT_B10, b->name, b->column, "%s is deprecated", lint_safe(l, b->name));
	else if (span_is(b->name, "modules-load") || span_is(b->name, "modules_load") ||
	    span_is(b->name, "rd.modules-load") || span_is(b->name, "rd.driver.pre") ||
	    span_is(b->name, "rd.driver.post"))
		check_modules(l, b);
	else
		check_other(l, b);
}

void
lint_boot(struct lint *l, struct span cmdline)
{
	struct span rest = cmdline;
	struct boot b = { 0 };

	while (ima_cmdline_next(&rest, &b.name, &b.value, &b.has_value)) {
		b.column = (size_t)(b.name.p - cmdline.p) + 1;
		check_parameter(l, &b);
	}
}
