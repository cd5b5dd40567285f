/* ima_policy_unknown.c: what somebody may have meant by a word that no kernel knows.
 *
 * Most policies that fail were copied from pages that show rules about paths, which
 * no kernel ever had; they get told what can be had instead.
 */
#include <ctype.h>

#include "formats/ima_policy_internal.h"

static const struct hint { const char *key, *prefix; bool path; const char *advice; } hints[] = {
#define HINT(key, prefix, path, advice) { key, prefix, path, advice },
#include "formats/ima_policy_hints.tbl"
#undef HINT
};

static const char no_paths[] =
    "limit the rule by file system (fsuuid=, fsname=), by owner (fowner=, fgroup=) or by SELinux "
    "label (obj_type=); leave single paths to the verifier's runtime policy (assay policy build "
    "--exclude), or put them on a file system of their own";

/* The word before its operator, without a '!' that stands for "not". */
static struct span
key_of(struct span word, bool *negated)
{
	size_t n = 0;

	while (n < word.n && word.p[n] != '=' && word.p[n] != '<' && word.p[n] != '>')
		n++;
	*negated = n > 0 && n < word.n && word.p[n - 1] == '!';
	return span_head(word, *negated ? n - 1 : n);
}

static bool
same_but_case(struct span a, const char *b)
{
	if (a.n != strlen(b))
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (tolower(a.p[i]) != tolower((unsigned char)b[i]))
			return false;
	return true;
}

/* Levenshtein's distance of two short words; 99 where they are too long to be typos. */
static unsigned
distance(struct span a, struct span b)
{
	unsigned row[40], up, corner;

	if (a.n >= 39 || b.n >= 39)
		return 99;
	for (unsigned j = 0; j <= b.n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.n; i++) {
		corner = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= b.n; j++) {
			up = row[j];
			unsigned change = corner + (a.p[i - 1] != b.p[j - 1]);
			unsigned drop = (up < row[j - 1] ? up : row[j - 1]) + 1;

			row[j] = change < drop ? change : drop;
			corner = up;
		}
	}
	return row[b.n];
}

/* The nearest word of the grammar, or NULL if none is near. */
static const char *
nearest_key(struct span word)
{
	const char *best = NULL;
	unsigned least = 3;

	for (enum ima_key k = IMA_KEY_UNKNOWN + 1; k < IMA_KEY_COUNT; k++) {
		struct span text = span_str(ima_key_text(k));
		uint8_t last = text.p[text.n - 1];
		unsigned d = distance(word, last == '=' || last == '<' || last == '>' ?
		    span_head(text, text.n - 1) : text);

		if (d < least && d < word.n) {
			least = d;
			best = ima_key_text(k);
		}
	}
	return best;
}

static const struct hint *
find_hint(struct span key, struct span value)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if (same_but_case(key, hints[i].key) && span_starts(value, span_str(hints[i].prefix)))
			return &hints[i];
	return NULL;
}

/* A word of the grammar in a form it does not have. */
static bool
wrong_form(struct ima_parse *c, const struct ima_token *t, struct span key, bool negated)
{
	for (enum ima_key k = IMA_KEY_UNKNOWN + 1; k < IMA_KEY_COUNT; k++) {
		struct span text = span_str(ima_key_text(k));
		uint8_t last = text.p[text.n - 1];
		bool takes = last == '=' || last == '<' || last == '>';
		char name[40];

		(void)snprintf(name, sizeof(name), "%.*s", (int)(text.n - takes), (const char *)text.p);
		if (!same_but_case(key, name))
			continue;
		if (negated)
			ima_fault(c, IMA_FAULT_UNKNOWN_TOKEN, t,
			    "write a dont_ rule with = in front of this one; for numbers use < and >",
			    "there is no != in IMA policies");
		else if (!span_is(key, name))
			ima_fault(c, IMA_FAULT_UNKNOWN_TOKEN, t, ima_text(c, "write %s", name),
			    "\"%s\" is not known: words are matched with their case", ima_safe(c, t->text));
		else if (takes && t->value.n == 0)
			ima_fault(c, IMA_FAULT_UNKNOWN_TOKEN, t, "write the value behind it, without blanks",
			    "\"%s\" has no value", ima_safe(c, t->text));
		else if (takes)
			ima_fault(c, IMA_FAULT_UNKNOWN_TOKEN, t, ima_text(c, "write %s=", name),
			    "%s cannot be compared with < or >", name);
		else
			ima_fault(c, IMA_FAULT_UNKNOWN_TOKEN, t, ima_text(c, "write %s alone", name),
			    "%s takes no value", name);
		return true;
	}
	return false;
}

void
ima_rule_unknown(struct ima_parse *c, const struct ima_token *t)
{
	bool negated;
	struct span key = key_of(t->text, &negated);
	const struct hint *h = find_hint(key, t->value);
	const char *near;

	if (t->text.p[0] == '/' || (h != NULL && h->path)) {
		ima_fault(c, IMA_FAULT_NO_PATH_RULES, t, no_paths,
		    "no IMA rule can name a path: \"%s\" is unknown to every kernel", ima_safe(c, t->text));
		return;
	}
	if (h != NULL) {
		ima_fault(c, IMA_FAULT_UNKNOWN_TOKEN, t, h->advice,
		    "\"%s\" is unknown to every kernel", ima_safe(c, t->text));
		return;
	}
	if (wrong_form(c, t, key, negated))
		return;
	near = nearest_key(key);
	ima_fault(c, IMA_FAULT_UNKNOWN_TOKEN, t,
	    near == NULL ? NULL : ima_text(c, "did you mean %s?", near),
	    "\"%s\" is unknown to every kernel", ima_safe(c, t->text));
}

void
ima_rule_unknown_func(struct ima_parse *c, const struct ima_token *t)
{
	const char *best = NULL;
	unsigned least = 5;

	if (same_but_case(t->value, "PATH") || same_but_case(t->value, "FILE") ||
	    (t->value.n > 0 && t->value.p[0] == '/')) {
		ima_fault(c, IMA_FAULT_NO_PATH_RULES, t, no_paths,
		    "func= names a hook of the kernel, and there is no hook \"%s\": no IMA rule can name a path",
		    ima_safe(c, t->value));
		return;
	}
	for (enum ima_func f = IMA_FUNC_NONE + 1; f < IMA_FUNC_COUNT; f++) {
		unsigned d = distance(t->value, span_str(ima_func_name(f)));

		if (d < least || same_but_case(t->value, ima_func_name(f))) {
			least = same_but_case(t->value, ima_func_name(f)) ? 0 : d;
			best = ima_func_name(f);
		}
	}
	ima_fault(c, IMA_FAULT_UNKNOWN_FUNC, t,
	    best != NULL ? ima_text(c, "did you mean func=%s?", best) :
	    "the hooks are FILE_CHECK, MMAP_CHECK, BPRM_CHECK, CREDS_CHECK, MODULE_CHECK, FIRMWARE_CHECK, "
	    "POLICY_CHECK, KEXEC_KERNEL_CHECK, KEXEC_INITRAMFS_CHECK, KEXEC_CMDLINE, KEY_CHECK, "
	    "CRITICAL_DATA, SETXATTR_CHECK and, from kernel 6.3 on, MMAP_CHECK_REQPROT",
	    "\"%s\" is not a hook of IMA", ima_safe(c, t->value));
}
