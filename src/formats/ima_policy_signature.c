/* ima_policy_signature.c: what a rule asks of a file's digest and signature:
 * digest_type=, appraise_type=, appraise_flag=, appraise_algos=. */
#include "formats/ima_policy_internal.h"

void
ima_rule_read_digest_type(struct ima_parse *c, const struct ima_token *t)
{
	if (c->k->version < KVER(7, 1) && (c->rule->has & IMA_HAS_DIGSIG) != 0)
		ima_fault(c, IMA_FAULT_VERITY_ORDER, t,
		    "write digest_type=verity appraise_type=sigv3, in this order",
		    "digest_type= must stand before appraise_type= (up to kernel 7.0)");
	else if (!span_is(t->value, "verity"))
		ima_fault(c, IMA_FAULT_BAD_VALUE, t, "write digest_type=verity, or leave it out",
		    "\"%s\" is not a digest type", ima_safe(c, t->value));
	else
		ima_rule_set(c->rule, IMA_HAS_VERITY, t);
}

/* Which signature may be combined with what stands before it. */
static bool
signature_fits(struct ima_parse *c, const struct ima_token *t, bool sigv3, bool modsig)
{
	bool verity = (c->rule->has & IMA_HAS_VERITY) != 0;

	if (!sigv3 && verity) {
		ima_fault(c, IMA_FAULT_VERITY_ORDER, t, "write appraise_type=sigv3",
		    "an fs-verity digest is appraised with appraise_type=sigv3 only");
		return false;
	}
	if (sigv3 && !verity && c->k->version < KVER(7, 1)) {
		ima_fault(c, IMA_FAULT_VERITY_ORDER, t,
		    "write digest_type=verity appraise_type=sigv3, in this order",
		    "appraise_type=sigv3 needs digest_type=verity in front of it (up to kernel 7.0)");
		return false;
	}
	if (modsig && (c->rule->has & IMA_HAS_SIGV3) != 0) {
		ima_fault(c, IMA_FAULT_VERITY_ORDER, t, "write one of them",
		    "appraise_type=sigv3 and an appended signature exclude each other");
		return false;
	}
	return true;
}

void
ima_rule_read_appraise_type(struct ima_parse *c, const struct ima_token *t)
{
	bool plain = span_is(t->value, "imasig"), sigv3 = span_is(t->value, "sigv3");
	bool modsig = span_is(t->value, "imasig|modsig");

	if (!plain && !sigv3 && !modsig) {
		ima_fault(c, IMA_FAULT_BAD_VALUE, t, "write imasig, imasig|modsig or sigv3",
		    "\"%s\" is not an appraise type", ima_safe(c, t->value));
		return;
	}
	if ((sigv3 && c->k->version < KVER(5, 19)) || (modsig && c->k->version < KVER(5, 4))) {
		ima_fault(c, IMA_FAULT_TOO_NEW, t, NULL, "appraise_type=%s is known from kernel %s on",
		    ima_safe(c, t->value), sigv3 ? "5.19" : "5.4");
		return;
	}
	if (modsig && !c->k->config[IMA_CONFIG_IMA_APPRAISE_MODSIG]) {
		ima_fault(c, IMA_FAULT_NOT_CONFIGURED, t, "write appraise_type=imasig",
		    "appended signatures need a kernel with CONFIG_IMA_APPRAISE_MODSIG");
		return;
	}
	if (!signature_fits(c, t, sigv3, modsig))
		return;
	ima_rule_set(c->rule, IMA_HAS_DIGSIG, t);
	if (modsig)
		ima_rule_set(c->rule, IMA_HAS_MODSIG, t);
	if (sigv3 && c->k->version >= KVER(7, 1))
		ima_rule_set(c->rule, IMA_HAS_SIGV3, t);
	/* From 6.6 on every signature is looked up in the blacklist. */
	if (c->k->version >= KVER(6, 6))
		ima_rule_set(c->rule, IMA_HAS_BLACKLIST, t);
}

static bool
contains(struct span s, struct span what)
{
	for (size_t i = 0; i + what.n <= s.n; i++)
		if (memcmp(s.p + i, what.p, what.n) == 0)
			return true;
	return false;
}

void
ima_rule_read_appraise_flag(struct ima_parse *c, const struct ima_token *t)
{
	if (c->k->version >= KVER(6, 6))
		return;		/* parsed and forgotten; a lint says so */
	if (!c->k->config[IMA_CONFIG_IMA_APPRAISE_MODSIG])
		ima_fault(c, IMA_FAULT_APPRAISE_FLAG, t, "leave appraise_flag= out",
		    "before kernel 6.6, appraise_flag= needs CONFIG_IMA_APPRAISE_MODSIG");
	else if (!contains(t->value, span_lit("blacklist")))
		ima_fault(c, IMA_FAULT_BAD_VALUE, t, "write appraise_flag=check_blacklist",
		    "\"%s\" is not an appraise flag", ima_safe(c, t->value));
	else
		ima_rule_set(c->rule, IMA_HAS_BLACKLIST, t);
}

static const struct algo {
	const char *name;
	enum ima_config config;
	unsigned since, gone;
} algos[] = {
#define ALGO(name, config, major, minor, gone_major, gone_minor) \
	{ name, IMA_CONFIG_##config, KVER(major, minor), KVER(gone_major, gone_minor) },
#include "formats/ima_policy_algos.tbl"
#undef ALGO
};

static bool
read_algo(struct ima_parse *c, const struct ima_token *t, struct span name, uint32_t *bits)
{
	for (size_t i = 0; i < sizeof(algos) / sizeof(algos[0]); i++) {
		if (!span_is(name, algos[i].name) || c->k->version < algos[i].since ||
		    c->k->version >= algos[i].gone)
			continue;
		if (!c->k->config[algos[i].config]) {
			ima_fault(c, IMA_FAULT_NOT_CONFIGURED, t, NULL,
			    "the hash %s needs a kernel with %s", algos[i].name,
			    ima_config_name(algos[i].config));
			return false;
		}
		*bits |= 1u << i;
		return true;
	}
	ima_fault(c, IMA_FAULT_BAD_VALUE, t,
	    "write names as the kernel has them, separated by commas: sha256,sha384,sha512",
	    "\"%s\" is not a hash algorithm of kernel %s", ima_safe(c, name),
	    ima_kver_text(c, c->k->version));
	return false;
}

void
ima_rule_read_algos(struct ima_parse *c, const struct ima_token *t)
{
	struct span rest = t->value;
	uint32_t bits = 0;
	bool more = true;

	if (c->rule->algos != 0) {
		ima_rule_duplicate(c, t, "appraise_algos=");
		return;
	}
	while (more) {
		size_t n = span_find(rest, ',');

		more = n < rest.n;
		if (!read_algo(c, t, span_head(rest, n), &bits))
			return;
		rest = span_from(rest, n + 1);
	}
	c->rule->algos = bits;
	ima_rule_set(c->rule, IMA_HAS_ALGOS, t);
}
