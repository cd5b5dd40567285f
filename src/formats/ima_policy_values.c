/* ima_policy_values.c: the names and numbers in a rule, read as the kernel reads them. */
#include "base/text.h"
#include "formats/ima_policy_internal.h"

static const struct { const char *text; unsigned since; } keys[] = {
#define KEY(sym, text, major, minor) [IMA_KEY_##sym] = { text, KVER(major, minor) },
#include "formats/ima_policy_keys.tbl"
#undef KEY
};

static const struct { const char *name, *what; unsigned since; } funcs[] = {
#define FUNC(sym, name, major, minor, group, what) \
	[IMA_FUNC_##sym] = { name, what, KVER(major, minor) },
#define FUNC_ALIAS(name, sym, major, minor)
#include "formats/ima_policy_funcs.tbl"
#undef FUNC
#undef FUNC_ALIAS
};

static const struct { const char *name; enum ima_func func; } func_names[] = {
#define FUNC(sym, name, major, minor, group, what) { name, IMA_FUNC_##sym },
#define FUNC_ALIAS(name, sym, major, minor) { name, IMA_FUNC_##sym },
#include "formats/ima_policy_funcs.tbl"
#undef FUNC
#undef FUNC_ALIAS
};

static const char *const algo_names[] = {
#define ALGO(name, config, major, minor, gone_major, gone_minor) name,
#include "formats/ima_policy_algos.tbl"
#undef ALGO
};

static const struct { const char *name; unsigned mask; } masks[] = {
	{ "MAY_EXEC", IMA_MAY_EXEC }, { "MAY_WRITE", IMA_MAY_WRITE },
	{ "MAY_READ", IMA_MAY_READ }, { "MAY_APPEND", IMA_MAY_APPEND },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *
ima_key_text(enum ima_key key)
{
	return key == IMA_KEY_UNKNOWN ? "?" : keys[key].text;
}

unsigned
ima_key_since(enum ima_key key)
{
	return keys[key].since;
}

const char *
ima_func_name(enum ima_func f)
{
	return f == IMA_FUNC_NONE ? "none" : funcs[f].name;
}

const char *
ima_func_when(enum ima_func f)
{
	return f == IMA_FUNC_NONE ? "any hook is reached" : funcs[f].what;
}

unsigned
ima_func_since(enum ima_func f)
{
	return f == IMA_FUNC_NONE ? 0 : funcs[f].since;
}

bool
ima_func_by_name(struct span name, enum ima_func *f)
{
	for (size_t i = 0; i < COUNT(func_names); i++)
		if (span_is(name, func_names[i].name)) {
			*f = func_names[i].func;
			return true;
		}
	return false;
}

const char *
ima_algo_name(unsigned bit)
{
	return bit < COUNT(algo_names) ? algo_names[bit] : NULL;
}

bool
ima_mask_by_name(struct span name, unsigned *mask)
{
	for (size_t i = 0; i < COUNT(masks); i++)
		if (span_is(name, masks[i].name)) {
			*mask = masks[i].mask;
			return true;
		}
	return false;
}

const char *
ima_mask_name(unsigned mask)
{
	for (size_t i = 0; i < COUNT(masks); i++)
		if (masks[i].mask == mask)
			return masks[i].name;
	return "none";
}

const char *
ima_action_name(enum ima_action a)
{
	switch (a) {
	case IMA_ACT_MEASURE: return "measure";
	case IMA_ACT_DONT_MEASURE: return "dont_measure";
	case IMA_ACT_APPRAISE: return "appraise";
	case IMA_ACT_DONT_APPRAISE: return "dont_appraise";
	case IMA_ACT_AUDIT: return "audit";
	case IMA_ACT_DONT_AUDIT: return "dont_audit";
	case IMA_ACT_HASH: return "hash";
	case IMA_ACT_DONT_HASH: return "dont_hash";
	case IMA_ACT_NONE: break;
	}
	return "none";
}

bool
ima_number_parse(struct span s, unsigned base, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n > 0 && s.p[0] == '+')
		s = span_from(s, 1);
	if (base == 16 && s.n >= 2 && s.p[0] == '0' && (s.p[1] | 0x20) == 'x')
		s = span_from(s, 2);
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int d = hex_value(s.p[i]);

		if (d < 0 || (unsigned)d >= base || v > (max - (unsigned)d) / base)
			return false;
		v = v * base + (unsigned)d;
	}
	*out = v;
	return true;
}

bool
ima_uuid_parse(struct span s, uint8_t out[16])
{
	uint8_t v[16];
	size_t n = 0;

	/* uuid_is_valid looks at 36 bytes and not at what follows them. */
	if (s.n < 36)
		return false;
	for (size_t i = 0; i < 36; i++) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s.p[i] != '-')
				return false;
			continue;
		}
		int hi = hex_value(s.p[i]), lo = hex_value(s.p[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		v[n++] = (uint8_t)(hi << 4 | lo);
		i++;
	}
	memcpy(out, v, sizeof(v));
	return true;
}
