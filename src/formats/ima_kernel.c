/* ima_kernel.c: versions, configurations, templates and labels of the target kernel. */
#include "formats/ima_kernel.h"

#include "base/limits.h"
#include "base/rd.h"
#include "base/text.h"

static const char *const config_names[] = {
#define CONFIG(sym, d61, d612) [IMA_CONFIG_##sym] = "CONFIG_" #sym,
#include "formats/ima_kernel_configs.tbl"
#undef CONFIG
};

static const bool debian_6_1[] = {
#define CONFIG(sym, d61, d612) [IMA_CONFIG_##sym] = d61,
#include "formats/ima_kernel_configs.tbl"
#undef CONFIG
};

static const bool debian_6_12[] = {
#define CONFIG(sym, d61, d612) [IMA_CONFIG_##sym] = d612,
#include "formats/ima_kernel_configs.tbl"
#undef CONFIG
};

const char *
ima_config_name(enum ima_config c)
{
	return config_names[c];
}

const char *
ima_lsm_name(enum ima_lsm lsm)
{
	switch (lsm) {
	case IMA_LSM_APPARMOR: return "AppArmor";
	case IMA_LSM_SELINUX: return "SELinux";
	case IMA_LSM_SMACK: return "Smack";
	case IMA_LSM_NONE: break;
	}
	return "none";
}

static void
take_debian(struct ima_kernel *k)
{
	const bool *from = k->version >= KVER(6, 12) ? debian_6_12 : debian_6_1;

	memcpy(k->config, from, sizeof(k->config));
	k->assumed = true;
	k->default_template = span_lit("ima-sig");
	k->default_hash = span_lit("sha256");
	k->lsm_order = span_lit("landlock,lockdown,yama,loadpin,safesetid,integrity,"
	    "apparmor,selinux,smack,tomoyo,bpf");
	k->lsm = IMA_LSM_APPARMOR;
}

void
ima_kernel_default(struct ima_kernel *k)
{
	*k = (struct ima_kernel){ .version = KVER(6, 1) };
	take_debian(k);
}

/* Digits up to anything else; at most three of them, as no kernel has more. */
static bool
take_number(struct span *s, unsigned *out)
{
	unsigned v = 0;
	size_t n = 0;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9' && n < 4)
		v = v * 10 + (unsigned)(s->p[n++] - '0');
	if (n == 0 || n > 3)
		return false;
	*s = span_from(*s, n);
	*out = v;
	return true;
}

int
ima_kernel_set_version(struct ima_kernel *k, struct span text, struct err *e)
{
	struct span s = text;
	unsigned major = 0, minor = 0;
	bool good = take_number(&s, &major) && major >= 2 && s.n > 0 && s.p[0] == '.';

	s = span_from(s, 1);
	if (!good || !take_number(&s, &minor))
		return err_hint(e, err_set(e, ERR_USAGE, "\"%.*s\" is not a kernel version",
		    (int)(text.n > 64 ? 64 : text.n), (const char *)text.p),
		    "write it as uname -r does: 6.1 or 6.12.43+deb12-amd64");
	k->version = KVER(major, minor);
	take_debian(k);
	return 0;
}

static struct span
unquote(struct span v)
{
	if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
		return span_of(v.p + 1, v.n - 2);
	return v;
}

static void
take_config_line(struct ima_kernel *k, struct span name, struct span value)
{
	for (size_t i = 0; i < IMA_CONFIG_COUNT; i++)
		if (span_is(name, config_names[i]))
			k->config[i] = span_is(value, "y") || span_is(value, "m");
	if (span_is(name, "CONFIG_IMA_DEFAULT_TEMPLATE"))
		k->default_template = unquote(value);
	else if (span_is(name, "CONFIG_IMA_DEFAULT_HASH"))
		k->default_hash = unquote(value);
	else if (span_is(name, "CONFIG_LSM"))
		k->lsm_order = unquote(value);
}

static bool
lsm_wanted(struct span word, const bool *config, enum ima_lsm *out)
{
	if (span_is(word, "apparmor") && config[IMA_CONFIG_SECURITY_APPARMOR])
		*out = IMA_LSM_APPARMOR;
	else if (span_is(word, "selinux") && config[IMA_CONFIG_SECURITY_SELINUX])
		*out = IMA_LSM_SELINUX;
	else if (span_is(word, "smack") && config[IMA_CONFIG_SECURITY_SMACK])
		*out = IMA_LSM_SMACK;
	else if (span_is(word, "tomoyo") && config[IMA_CONFIG_SECURITY_TOMOYO])
		*out = IMA_LSM_NONE;	/* has no labels */
	else
		return false;
	return true;
}

/* The first in the order that is compiled in and not switched off has the labels
 * (security/security.c, ordered_lsm_parse: LSM_FLAG_EXCLUSIVE). */
static void
choose_lsm(struct ima_kernel *k, const bool *off)
{
	struct span rest = k->lsm_order;

	k->lsm = IMA_LSM_NONE;
	while (rest.n > 0) {
		size_t n = span_find(rest, ',');
		enum ima_lsm lsm;

		if (lsm_wanted(span_head(rest, n), k->config, &lsm) && (off == NULL || !off[lsm])) {
			k->lsm = lsm;
			return;
		}
		rest = span_from(rest, n + 1);
	}
}

int
ima_kernel_set_config(struct ima_kernel *k, struct span text, struct err *e)
{
	struct rd r = rd_init(text);
	struct span line;
	size_t seen = 0;

	memset(k->config, 0, sizeof(k->config));
	k->assumed = false;
	k->default_template = span_lit("ima-ng");
	k->default_hash = span_lit("sha1");
	k->lsm_order = span_of(NULL, 0);
	while (rd_line(&r, LIMIT_TEXT_LINE, &line)) {
		size_t eq = span_find(line, '=');

		if (!span_starts(line, span_lit("CONFIG_")) || eq == line.n)
			continue;
		seen++;
		take_config_line(k, span_head(line, eq), span_from(line, eq + 1));
	}
	if (r.why != 0)
		return err_at(e, r.why, r.off, "a line is longer than any of a kernel configuration");
	if (seen == 0)
		return err_hint(e, err_set(e, ERR_FORMAT, "is not a kernel configuration: no line CONFIG_...="),
		    "it lies as /boot/config-VERSION; if it is compressed (/proc/config.gz), unpack it first");
	/* Renamed in 6.16; either makes crypto_has_alg("sm3") true. */
	k->config[IMA_CONFIG_CRYPTO_SM3] |= k->config[IMA_CONFIG_CRYPTO_SM3_GENERIC];
	choose_lsm(k, NULL);
	return 0;
}

bool
ima_cmdline_next(struct span *rest, struct span *name, struct span *value, bool *has_value)
{
	size_t i = 0, start, eq = SIZE_MAX;
	bool quoted = false;

	while (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\t' || rest->p[i] == '\n'))
		i++;
	start = i;
	for (; i < rest->n; i++) {
		uint8_t c = rest->p[i];

		if (!quoted && (c == ' ' || c == '\t' || c == '\n'))
			break;
		if (c == '"')
			quoted = !quoted;
		else if (c == '=' && eq == SIZE_MAX)
			eq = i;
	}
	if (i == start || (i - start == 2 && memcmp(rest->p + start, "--", 2) == 0))
		return false;

	struct span all = span_of(rest->p + start, i - start);

	*has_value = eq != SIZE_MAX;
	*name = *has_value ? span_head(all, eq - start) : all;
	*value = *has_value ? unquote(span_from(all, eq - start + 1)) : span_of(NULL, 0);
	/* "name=a b" as a whole in quotes. */
	if (*has_value && name->n > 0 && name->p[0] == '"') {
		*name = span_from(*name, 1);
		if (value->n > 0 && value->p[value->n - 1] == '"')
			value->n--;
	}
	*rest = span_from(*rest, i);
	return true;
}

static void
take_policy_names(struct ima_kernel *k, struct span v)
{
	static const struct { const char *name; unsigned bit; } names[] = {
		{ "tcb", IMA_BUILTIN_TCB }, { "appraise_tcb", IMA_BUILTIN_APPRAISE_TCB },
		{ "secure_boot", IMA_BUILTIN_SECURE_BOOT },
		{ "critical_data", IMA_BUILTIN_CRITICAL_DATA },
		{ "fail_securely", IMA_BUILTIN_FAIL_SECURELY },
	};

	while (v.n > 0) {
		size_t n = 0;

		while (n < v.n && v.p[n] != ' ' && v.p[n] != '|' && v.p[n] != '\n')
			n++;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (span_is(span_head(v, n), names[i].name))
				k->builtin |= names[i].bit;
		v = span_from(v, n + 1);
	}
}

static enum ima_appraise_mode
appraise_mode(struct span v)
{
	if (span_is(v, "off"))
		return IMA_APPRAISE_MODE_OFF;
	if (span_is(v, "log"))
		return IMA_APPRAISE_MODE_LOG;
	if (span_is(v, "fix"))
		return IMA_APPRAISE_MODE_FIX;
	return IMA_APPRAISE_MODE_ENFORCE;
}

struct lsm_boot { bool off[IMA_LSM_SMACK + 1]; struct span security; bool has_lsm; };

static void
take_lsm_parameter(struct ima_kernel *k, struct span name, struct span value, struct lsm_boot *b)
{
	if (span_is(name, "lsm")) {
		k->lsm_order = value;
		b->has_lsm = true;
	} else if (span_is(name, "security")) {
		b->security = value;
	} else if (span_is(name, "apparmor")) {
		b->off[IMA_LSM_APPARMOR] = span_is(value, "0");
	} else if (span_is(name, "selinux")) {
		b->off[IMA_LSM_SELINUX] = span_is(value, "0");
	}
}

void
ima_kernel_set_cmdline(struct ima_kernel *k, struct span text)
{
	struct span rest = text, name, value;
	struct lsm_boot b = { 0 };
	bool has;

	k->have_cmdline = true;
	while (ima_cmdline_next(&rest, &name, &value, &has)) {
		if (span_is(name, "ima_policy"))
			take_policy_names(k, value);
		else if (span_is(name, "ima_tcb"))
			k->builtin |= IMA_BUILTIN_TCB;
		else if (span_is(name, "ima_appraise_tcb"))
			k->builtin |= IMA_BUILTIN_APPRAISE_TCB;
		else if (span_is(name, "ima_appraise") && k->config[IMA_CONFIG_IMA_APPRAISE_BOOTPARAM])
			k->appraise = appraise_mode(value);
		/* Of the two template parameters the first decides, but a format stays defined. */
		else if (span_is(name, "ima_template_fmt") && k->template_fmt.n == 0 &&
		    k->template_name.n == 0)
			k->template_fmt = value;
		else if (span_is(name, "ima_template") && k->template_fmt.n == 0 &&
		    k->template_name.n == 0)
			k->template_name = value;
		else
			take_lsm_parameter(k, name, value, &b);
	}
	/* lsm= beats security=, which names the one major module (security.c). */
	if (!b.has_lsm && b.security.n > 0)
		k->lsm_order = b.security;
	if (b.has_lsm || b.security.n > 0 || b.off[IMA_LSM_APPARMOR] || b.off[IMA_LSM_SELINUX])
		choose_lsm(k, b.off);
}

int
ima_kernel_set_labels(struct ima_kernel *k, struct span text, struct arena *a, struct err *e)
{
	struct rd r = rd_init(text);
	struct span line, *labels = NULL;
	size_t n = 0, cap = 0;

	while (rd_line(&r, LIMIT_TEXT_LINE, &line)) {
		if (line.n == 0)
			continue;
		if ((labels = arena_grow(a, labels, n, &cap, sizeof(*labels))) == NULL ||
		    !arena_copy(a, line, &labels[n]))
			return arena_err(a, e);
		n++;
	}
	if (r.why != 0)
		return err_at(e, r.why, r.off, "a label is longer than any security module has");
	k->labels = labels;
	k->n_labels = n;
	k->labels_known = true;
	return 0;
}

bool
ima_kernel_has_label(const struct ima_kernel *k, struct span label)
{
	for (size_t i = 0; i < k->n_labels; i++)
		if (span_eq(k->labels[i], label))
			return true;
	return false;
}

static const struct { const char *name, *fmt; unsigned since; } builtin[] = {
#define TEMPLATE(name, fmt, major, minor) { name, fmt, KVER(major, minor) },
#include "formats/ima_policy_templates.tbl"
#undef TEMPLATE
};

struct span
ima_template_call(struct span fmt)
{
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		if (span_is(fmt, builtin[i].fmt))
			return span_str(builtin[i].name);
	return fmt;
}

struct span
ima_kernel_template(const struct ima_kernel *k, struct span name)
{
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		if (k->version >= builtin[i].since &&
		    (span_is(name, builtin[i].name) || span_is(name, builtin[i].fmt)))
			return span_str(builtin[i].fmt);
	if (name.n > 0 && span_eq(name, k->template_fmt))
		return k->template_fmt;
	return span_of(NULL, 0);
}

struct span
ima_kernel_template_now(const struct ima_kernel *k)
{
	struct span named = ima_kernel_template(k, k->template_name);

	if (k->template_fmt.n > 0)
		return k->template_fmt;
	return named.n > 0 ? named : ima_kernel_template(k, k->default_template);
}
