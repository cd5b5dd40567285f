/* ima_policy.c: a policy file from its first line to the kernel's verdict. */
#include "formats/ima_policy.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "formats/ima_policy_internal.h"

static const struct { const char *name; bool refuses; } faults[] = {
#define FAULT(sym, lint, refuses) [IMA_FAULT_##sym] = { #sym, refuses },
#include "formats/ima_policy_faults.tbl"
#undef FAULT
};

bool
ima_fault_refuses(enum ima_fault_code code)
{
	return faults[code].refuses;
}

const char *
ima_fault_name(enum ima_fault_code code)
{
	return faults[code].name;
}

ERR_PRINTF(2, 0) static const char *
text_va(struct ima_parse *c, const char *fmt, va_list ap)
{
	const char *s = arena_vprintf(c->a, fmt, ap);

	if (s == NULL)
		c->why = c->a->why;
	return s == NULL ? "" : s;
}

const char *
ima_text(struct ima_parse *c, const char *fmt, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, fmt);
	s = text_va(c, fmt, ap);
	va_end(ap);
	return s;
}

const char *
ima_safe(struct ima_parse *c, struct span s)
{
	BUF_AUTO struct buf b = buf_init(1024);

	buf_escape(&b, span_head(s, 100));
	if (s.n > 100)
		buf_str(&b, "...");
	return ima_text(c, "%s", buf_cstr(&b));
}

const char *
ima_kver_text(struct ima_parse *c, unsigned v)
{
	return ima_text(c, "%u.%u", v / 1000, v % 1000);
}

/* A carriage return is why a word that is right to the eye is wrong to the kernel. */
static bool
blame_cr(struct ima_parse *c, enum ima_fault_code *code, const struct ima_token *t,
    struct ima_fault *f)
{
	static const bool value_fault[IMA_FAULT_COUNT] = {
		[IMA_FAULT_UNKNOWN_TOKEN] = true, [IMA_FAULT_UNKNOWN_FUNC] = true,
		[IMA_FAULT_BAD_VALUE] = true, [IMA_FAULT_BAD_ID] = true, [IMA_FAULT_BAD_MASK] = true,
		[IMA_FAULT_BAD_FSMAGIC] = true, [IMA_FAULT_BAD_PCR] = true,
		[IMA_FAULT_NO_TEMPLATE] = true,
	};

	if (t == NULL || !value_fault[*code] || t->text.n == 0 || t->text.p[t->text.n - 1] != '\r')
		return false;
	*code = IMA_FAULT_CARRIAGE_RETURN;
	f->fix = "store the file with Unix line ends (dos2unix)";
	f->what = ima_text(c, "the line ends in a carriage return, which the kernel takes for a part "
	    "of \"%s\"", ima_safe(c, t->text));
	return true;
}

void
ima_fault(struct ima_parse *c, enum ima_fault_code code, const struct ima_token *t,
    const char *fix, const char *fmt, ...)
{
	struct ima_policy *p = c->p;
	struct ima_fault *f;
	va_list ap;

	if ((f = arena_grow(c->a, p->faults, p->n_faults, &c->cap_faults, sizeof(*f))) == NULL) {
		c->why = c->a->why;
		return;
	}
	p->faults = f;
	f = &p->faults[p->n_faults];
	*f = (struct ima_fault){ .line = c->line.line, .fix = fix };
	if (t != NULL) {
		f->column = t->column;
		f->token = t->text;
	}
	if (c->rule != NULL) {
		f->rule = c->rule->number;
		c->rule->refused |= faults[code].refuses;
	}
	if (!blame_cr(c, &code, t, f)) {
		va_start(ap, fmt);
		f->what = text_va(c, fmt, ap);
		va_end(ap);
	}
	f->code = code;
	if (faults[code].refuses)
		p->taken = IMA_TAKEN_NO;
	else if (code == IMA_FAULT_LABEL_UNKNOWN && p->taken == IMA_TAKEN_YES)
		p->taken = IMA_TAKEN_DEPENDS;
	p->n_faults++;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static enum ima_key
find_key(struct span word, struct span *value)
{
	for (enum ima_key k = IMA_KEY_UNKNOWN + 1; k < IMA_KEY_COUNT; k++) {
		struct span text = span_str(ima_key_text(k));
		uint8_t last = text.p[text.n - 1];
		bool takes = last == '=' || last == '<' || last == '>';

		if (!takes && span_eq(word, text))
			return k;
		/* "%s" does not match an empty string. */
		if (takes && word.n > text.n && span_starts(word, text)) {
			*value = span_from(word, text.n);
			return k;
		}
	}
	return IMA_KEY_UNKNOWN;
}

/* What stands behind the first operator of a word no kernel knows. */
static struct span
guess_value(struct span word)
{
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] == '=' || word.p[i] == '<' || word.p[i] == '>')
			return span_from(word, i + 1);
	return span_of(NULL, 0);
}

bool
ima_policy_tokens(struct ima_parse *c, struct ima_token **tokens, size_t *n)
{
	struct span s = c->line.text;
	struct ima_token *t = NULL;
	size_t count = 0, cap = 0;

	for (size_t i = 0; i < s.n;) {
		size_t start = i;

		if (is_blank(s.p[i])) {
			i++;
			continue;
		}
		while (i < s.n && !is_blank(s.p[i]))
			i++;
		if ((t = arena_grow(c->a, t, count, &cap, sizeof(*t))) == NULL) {
			c->why = c->a->why;
			return false;
		}
		t[count] = (struct ima_token){ .text = span_of(s.p + start, i - start),
		    .column = (uint32_t)(c->line.column + start) };
		t[count].key = find_key(t[count].text, &t[count].value);
		if (t[count].key == IMA_KEY_UNKNOWN)
			t[count].value = guess_value(t[count].text);
		count++;
	}
	*tokens = t;
	*n = count;
	return true;
}

static bool
is_ignored(struct span s)
{
	size_t i = 0;

	while (i < s.n && is_blank(s.p[i]))
		i++;
	return i == s.n || s.p[i] == '#';
}

/* Faults of the line itself, before its words are looked at. */
static void
check_line(struct ima_parse *c)
{
	const struct ima_line *l = &c->line;

	if (l->cut)
		ima_fault(c, IMA_FAULT_CUT_LINE, NULL, "break the rule up, or load the file by its name",
		    "the line is longer than the 4095 bytes a write passes on: byte 4096 is lost "
		    "and the rest is read as a rule of its own");
	if (l->nul)
		ima_fault(c, IMA_FAULT_NUL_SPLITS, NULL, "remove the NUL byte",
		    "a NUL byte ends the line for the kernel, and what follows it is read as the next rule");
}

static bool
add_rule(struct ima_parse *c)
{
	struct ima_policy *p = c->p;
	struct ima_token *tokens = NULL;
	struct ima_rule *r;
	size_t n = 0;

	if ((r = arena_grow(c->a, p->rules, p->n_rules, &c->cap_rules, sizeof(*r))) == NULL) {
		c->why = c->a->why;
		return false;
	}
	p->rules = r;
	if (!ima_policy_tokens(c, &tokens, &n))
		return false;
	r = &p->rules[p->n_rules++];
	*r = (struct ima_rule){ .number = p->n_rules, .line = c->line.line,
	    .text = c->line.text, .tokens = tokens, .n_tokens = n };
	c->rule = r;
	ima_rule_read(c);
	c->rule = NULL;
	return c->why == 0;
}

static void
check_include(struct ima_parse *c)
{
	struct ima_token t = { .text = c->line.text, .column = (uint32_t)c->line.column };

	ima_fault(c, IMA_FAULT_INCLUDE, &t,
	    "begin the line with # or a blank if it is a remark; load one file at a time",
	    "a line that begins with / is the name of a file which the kernel then reads as a policy, "
	    "and what follows in the same write is dropped");
}

/* A custom policy may be written line by line only while no rule in force appraises
 * policies (ima_write_policy: IMA_APPRAISE_POLICY). */
static void
check_start(struct ima_parse *c, enum ima_load load)
{
	const struct ima_kernel *k = c->k;
	bool builtin = (k->builtin & IMA_BUILTIN_SECURE_BOOT) != 0 ||
	    ((k->builtin & IMA_BUILTIN_APPRAISE_TCB) != 0 && k->config[IMA_CONFIG_IMA_WRITE_POLICY]);

	if (!k->config[IMA_CONFIG_IMA])
		ima_fault(c, IMA_FAULT_NOT_CONFIGURED, NULL, "boot a kernel that has it",
		    "the target kernel was built without CONFIG_IMA and takes no policy at all");
	if (load == IMA_LOAD_WRITE && (builtin || k->config[IMA_CONFIG_IMA_APPRAISE_REQUIRE_POLICY_SIGS]))
		ima_fault(c, IMA_FAULT_SIGNED_REQUIRED, NULL,
		    "sign the file (evmctl ima_sign) and write its absolute path to the policy file; "
		    "assay ima-policy lint --load path judges that way",
		    "%s makes the kernel refuse policies that are written line by line: it wants a signed file",
		    builtin ? "ima_policy= on the kernel command line" :
		    "CONFIG_IMA_APPRAISE_REQUIRE_POLICY_SIGS");
}

static void
check_end(struct ima_parse *c, enum ima_load load, size_t size)
{
	/* ima_read_policy relies on a last line end: without one, it looks for it behind a
	 * buffer of whole pages, which the file fills to the last byte. */
	const char *oops = size % 4096 != 0 ? "" :
	    "; as its size is a multiple of 4096 bytes, the kernel even faults and kills the process "
	    "that loads it, which at boot is systemd";

	c->rule = NULL;
	if (load == IMA_LOAD_PATH && c->line.nul)
		ima_fault(c, IMA_FAULT_NUL_BYTE, NULL, "remove the NUL byte",
		    "the kernel stops reading the file at a NUL byte and refuses it");
	else if (load == IMA_LOAD_PATH && c->line.no_newline)
		ima_fault(c, IMA_FAULT_NO_NEWLINE, NULL, "end the file with a line end",
		    "the last line has no line end, and a kernel that reads the file itself refuses it%s", oops);
	else if (c->line.no_newline)
		ima_fault(c, IMA_FAULT_NO_NEWLINE_WRITE, NULL, "end the file with a line end",
		    "the last line has no line end: written with cat it is taken, though cat may report "
		    "an error; a kernel that reads the file itself, as systemd makes it do, refuses it%s", oops);
	c->line = (struct ima_line){ 0 };
	if (c->p->n_rules == 0)
		ima_fault(c, IMA_FAULT_EMPTY_POLICY, NULL, "write at least one rule",
		    "there is no rule in the policy");
}

int
ima_policy_parse(struct span text, const struct ima_kernel *k, enum ima_load load,
    struct arena *a, struct ima_policy *p, struct err *e)
{
	struct ima_policy out = { .taken = IMA_TAKEN_YES };
	struct ima_parse c = { .k = k, .a = a, .p = &out };
	struct ima_lines lines = ima_lines_init(text, load);
	struct ima_line line;

	if (text.n > LIMIT_IMA_POLICY)
		return err_set(e, ERR_LIMIT, "the policy has %zu bytes, more than the %zu assay reads",
		    text.n, (size_t)LIMIT_IMA_POLICY);
	check_start(&c, load);
	while (c.why == 0 && ima_lines_next(&lines, &line)) {
		c.line = line;
		if (load == IMA_LOAD_WRITE)
			check_line(&c);
		if (line.include)
			check_include(&c);
		else if (!is_ignored(line.text) && out.n_rules == LIMIT_IMA_RULES)
			return err_line(e, ERR_LIMIT, line.line, 0,
			    "more than %d rules, which is more than assay reads", LIMIT_IMA_RULES);
		else if (!is_ignored(line.text) && !add_rule(&c))
			break;
	}
	check_end(&c, load, text.n);
	if (c.why != 0)
		return arena_err(a, e);
	*p = out;
	return 0;
}
