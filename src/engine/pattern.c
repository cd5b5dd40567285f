#define PCRE2_CODE_UNIT_WIDTH 8
#include "engine/pattern.h"

#include <pcre2.h>

struct pattern {
	pcre2_code *code;		/* owned */
	enum policy_match match;
	struct span literal;		/* what every match begins with; in the arena */
	bool literal_is_all;		/* having the literal is matching */
	bool wild;			/* the literal is followed by '.' or a class */
};

/* One distinct literal and the patterns that begin with it. */
struct node {
	struct span literal;
	size_t first, count;		/* in order[] */
	size_t parent;			/* the longest other literal that is a prefix, or SIZE_MAX */
};

struct pattern_set {
	struct arena arena;
	size_t n;
	struct pattern *patterns;
	size_t *order;			/* indexes of patterns, sorted by literal */
	size_t n_nodes;
	struct node *nodes;		/* sorted by literal */
};

struct pattern_scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

/* ---- the literal beginning of a pattern ---------------------------------- */

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
contains(struct span s, const char *what)
{
	return s.n > 0 && memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* Whether the '(' or '[' at s.p[0] opens something that this reader does not know:
 * flags, comments and verbs change how the rest is read. */
static bool
opens_unknown(struct span s)
{
	if (s.p[0] == '(')
		return s.n > 1 && (s.p[1] == '*' || (s.p[1] == '?' && (s.n < 3 || s.p[2] != ':')));
	return s.n > 1 && (s.p[1] == ']' || (s.p[1] == '^' && s.n > 2 && s.p[2] == ']'));
}

/* Whether ${rest}, the pattern behind its literal, might hold an alternation that
 * makes the literal optional.  Wrong only towards "might". */
static bool
may_branch(struct span rest)
{
	size_t depth = 0;
	bool in_class = false;

	if (span_find(rest, '|') == rest.n)
		return false;
	if (contains(rest, "\\Q") || contains(rest, "\\c") || contains(rest, "[:") ||
	    contains(rest, "[.") || contains(rest, "[="))
		return true;
	for (size_t i = 0; i < rest.n; i++) {
		uint8_t c = rest.p[i];

		if (c == '\\') {
			i++;
		} else if (in_class) {
			in_class = c != ']';
		} else if (c == '[' || c == '(') {
			if (opens_unknown(span_from(rest, i)))
				return true;
			in_class = c == '[';
			depth += c == '(';
		} else if (c == ')') {
			if (depth-- == 0)
				return true;
		} else if (c == '|' && depth == 0) {
			return true;
		}
	}
	return in_class || depth != 0;
}

/* The literal text that ${regex} begins with goes to ${text} (room for regex.n bytes).
 * Returns the offset of what follows it. */
static size_t
literal_prefix(struct span regex, uint8_t *text, size_t *n)
{
	size_t i = 0, last = 0;

	*n = 0;
	if (regex.n > 0 && regex.p[0] == '^')
		i = 1;
	else if (regex.n > 1 && regex.p[0] == '\\' && regex.p[1] == 'A')
		i = 2;
	while (i < regex.n) {
		uint8_t c = regex.p[i];
		size_t width = 1;

		if (memchr(".[()|?*+{$^", c, 11) != NULL)
			break;
		if (c == '\\') {
			if (i + 1 >= regex.n || is_alnum(regex.p[i + 1]) || regex.p[i + 1] >= 0x80)
				break;
			c = regex.p[i + 1];
			width = 2;
		}
		text[(*n)++] = c;
		last = i;
		i += width;
	}
	/* A quantifier that allows none takes its character out of the literal. */
	if (i < regex.n && *n > 0 && memchr("?*{", regex.p[i], 3) != NULL) {
		(*n)--;
		i = last;
	}
	if (may_branch(span_from(regex, i)))
		*n = 0;
	return i;
}

static int
find_literal(struct pattern_set *set, struct pattern *p, struct span regex, struct err *e)
{
	uint8_t *text = arena_alloc(&set->arena, regex.n + 1);
	size_t n;

	if (text == NULL)
		return arena_err(&set->arena, e);

	size_t end = literal_prefix(regex, text, &n);
	struct span rest = span_from(regex, end);

	p->literal = span_of(text, n);
	p->literal_is_all = n > 0 && p->match == POLICY_MATCH_START &&
	    (rest.n == 0 || span_is(rest, ".*"));
	p->wild = rest.n > 0 && (rest.p[0] == '.' || rest.p[0] == '(');
	return 0;
}

/* ---- compiling ----------------------------------------------------------- */

static int
compile_error(size_t index, struct span regex, int code, size_t offset, struct err *e)
{
	PCRE2_UCHAR text[160] = "";

	(void)pcre2_get_error_message(code, text, sizeof(text));
	return err_line(e, ERR_REGEX, index + 1, offset + 1, "regular expression \"%.*s\"%s: %s",
	    regex.n < 200 ? (int)regex.n : 200, regex.n == 0 ? "" : (const char *)regex.p,
	    regex.n < 200 ? "" : " (cut)", (char *)text);
}

/* Whether ${regex} may call a group as a subroutine: "(?R)", "(?1)", "(?-1)", "(?&name)",
 * "(?P>name)", "\\g<name>".  Wrong only towards "may". */
static bool
may_call(struct span regex)
{
	for (size_t i = 0; i + 2 < regex.n; i++) {
		const uint8_t *p = regex.p + i;
		uint8_t next = i + 3 < regex.n ? p[3] : 0;

		if (p[0] == '\\' && p[1] == 'g' && (p[2] == '<' || p[2] == '\''))
			return true;
		if (p[0] != '(' || p[1] != '?')
			continue;
		if (p[2] == 'R' || p[2] == '&' || (p[2] >= '0' && p[2] <= '9') ||
		    (p[2] == 'P' && next == '>') ||
		    ((p[2] == '+' || p[2] == '-') && next >= '0' && next <= '9'))
			return true;
	}
	return false;
}

static int
compile(struct pattern_set *set, size_t i, const struct policy_pattern *in, struct err *e)
{
	/* A pattern must not switch UTF on: names that are not UTF-8 would then be
	 * errors.  \C is of no use without it. */
	uint32_t options = PCRE2_ANCHORED | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP |
	    (in->match == POLICY_MATCH_FULL ? PCRE2_ENDANCHORED : 0);
	struct pattern *p = &set->patterns[i];
	size_t offset = 0;
	int code = 0;

	if (in->regex.n > LIMIT_REGEX_LENGTH)
		return err_line(e, ERR_LIMIT, i + 1, 1,
		    "a regular expression of %zu bytes; the ceiling is %zu", in->regex.n,
		    LIMIT_REGEX_LENGTH);
	p->match = in->match;
	p->code = pcre2_compile(in->regex.n == 0 ? (PCRE2_SPTR)"" : in->regex.p, in->regex.n,
	    options, &code, &offset, NULL);
	if (p->code == NULL)
		return compile_error(i, in->regex, code, offset, e);
	/* Without JIT the interpreter runs: slower, same answers.  Compiled code does not
	 * hold subroutine calls against the match limit: "(0?)|(?0)|." as a whole-path
	 * pattern ran for minutes on three bytes; the interpreter stops at once. */
	if (!may_call(in->regex))
		(void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
	return find_literal(set, p, in->regex, e);
}

static int
by_literal(const void *a, const void *b, void *arg)
{
	const struct pattern *p = arg;
	const size_t *x = a, *y = b;
	int c = span_cmp(p[*x].literal, p[*y].literal);

	return c != 0 ? c : (*x > *y) - (*x < *y);
}

static int
build_index(struct pattern_set *set, struct err *e)
{
	set->order = arena_array(&set->arena, set->n, sizeof(*set->order));
	set->nodes = arena_array(&set->arena, set->n, sizeof(*set->nodes));
	if (set->order == NULL || set->nodes == NULL)
		return arena_err(&set->arena, e);
	for (size_t i = 0; i < set->n; i++)
		set->order[i] = i;
	qsort_r(set->order, set->n, sizeof(*set->order), by_literal, set->patterns);

	for (size_t i = 0; i < set->n; i++) {
		struct span literal = set->patterns[set->order[i]].literal;
		size_t last = set->n_nodes == 0 ? SIZE_MAX : set->n_nodes - 1;

		if (last != SIZE_MAX && span_eq(set->nodes[last].literal, literal)) {
			set->nodes[last].count++;
			continue;
		}
		/* In sorted order every prefix of this literal is the one before or
		 * an ancestor of it. */
		while (last != SIZE_MAX && !span_starts(literal, set->nodes[last].literal))
			last = set->nodes[last].parent;
		set->nodes[set->n_nodes++] = (struct node){ .literal = literal, .first = i,
		    .count = 1, .parent = last };
	}
	return 0;
}

int
pattern_set_new(const struct policy_pattern *p, size_t n, struct pattern_set **set, struct err *e)
{
	PATTERN_SET_AUTO struct pattern_set *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->arena = arena_init(LIMIT_APPRAISAL_ARENA);
	if (n > LIMIT_REGEX_COUNT)
		return err_set(e, ERR_LIMIT, "%zu regular expressions; the ceiling is %d", n,
		    LIMIT_REGEX_COUNT);
	if (n > 0) {
		s->patterns = arena_array(&s->arena, n, sizeof(*s->patterns));
		if (s->patterns == NULL)
			return arena_err(&s->arena, e);
	}
	for (; s->n < n; s->n++)
		if ((rc = compile(s, s->n, &p[s->n], e)) != 0)
			return rc;
	if (n > 0 && (rc = build_index(s, e)) != 0)
		return rc;
	*set = s;
	s = NULL;	/* transferred */
	return 0;
}

void
pattern_set_free(struct pattern_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->n; i++)
		pcre2_code_free(set->patterns[i].code);
	arena_free(&set->arena);
	free(set);
}

size_t
pattern_set_size(const struct pattern_set *set)
{
	return set->n;
}

/* ---- matching ------------------------------------------------------------ */

int
pattern_scratch_new(struct pattern_scratch **scratch, struct err *e)
{
	PATTERN_SCRATCH_AUTO struct pattern_scratch *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	s->data = pcre2_match_data_create(1, NULL);
	s->context = pcre2_match_context_create(NULL);
	s->stack = pcre2_jit_stack_create(KIB(32), KIB(LIMIT_REGEX_HEAP_KIB), NULL);
	if (s->data == NULL || s->context == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	(void)pcre2_set_match_limit(s->context, LIMIT_REGEX_MATCH);
	(void)pcre2_set_depth_limit(s->context, LIMIT_REGEX_DEPTH);
	(void)pcre2_set_heap_limit(s->context, LIMIT_REGEX_HEAP_KIB);
	if (s->stack != NULL)	/* NULL: there is no JIT here */
		pcre2_jit_stack_assign(s->context, NULL, s->stack);
	*scratch = s;
	s = NULL;	/* transferred */
	return 0;
}

void
pattern_scratch_free(struct pattern_scratch *scratch)
{
	if (scratch == NULL)
		return;
	pcre2_match_data_free(scratch->data);
	pcre2_match_context_free(scratch->context);
	pcre2_jit_stack_free(scratch->stack);
	free(scratch);
}

static int
match_error(size_t i, struct span path, int code, struct err *e)
{
	PCRE2_UCHAR text[160] = "";

	(void)pcre2_get_error_message(code, text, sizeof(text));
	err_set(e, ERR_REGEX, "regular expression %zu gave up on the path \"%.*s\": %s", i + 1,
	    path.n < 200 ? (int)path.n : 200, path.n == 0 ? "" : (const char *)path.p, (char *)text);
	return err_hint(e, ERR_REGEX,
	    "write the expression so that it needs less trying, for example without nested repetition");
}

int
pattern_match_one(const struct pattern_set *set, struct pattern_scratch *scratch, size_t i,
    struct span path, bool *hit, struct err *e)
{
	const struct pattern *p = &set->patterns[i];
	PCRE2_SPTR subject = path.n == 0 ? (PCRE2_SPTR)"" : path.p;

	if (!span_starts(path, p->literal)) {
		*hit = false;
		return 0;
	}
	if (p->literal_is_all) {
		*hit = true;
		return 0;
	}
	int rc = pcre2_match(p->code, subject, path.n, 0, 0, scratch->data, scratch->context);

	if (rc == PCRE2_ERROR_JIT_STACKLIMIT)	/* the interpreter has its own, larger room */
		rc = pcre2_match(p->code, subject, path.n, 0, PCRE2_NO_JIT, scratch->data,
		    scratch->context);
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		return match_error(i, path, rc, e);
	*hit = rc >= 0;
	return 0;
}

/* The last node that is not behind ${path} in byte order, or SIZE_MAX. */
static size_t
predecessor(const struct pattern_set *set, struct span path)
{
	size_t low = 0, high = set->n_nodes;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (span_cmp(set->nodes[mid].literal, path) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low == 0 ? SIZE_MAX : low - 1;
}

int
pattern_match(const struct pattern_set *set, struct pattern_scratch *scratch, struct span path,
    size_t *hit, struct err *e)
{
	/* Any literal that ${path} begins with is the predecessor or an ancestor of it. */
	for (size_t at = predecessor(set, path); at != SIZE_MAX; at = set->nodes[at].parent) {
		const struct node *node = &set->nodes[at];

		for (size_t k = 0; k < node->count; k++) {
			size_t i = set->order[node->first + k];
			bool matched;
			int rc = pattern_match_one(set, scratch, i, path, &matched, e);

			if (rc != 0)
				return rc;
			if (matched) {
				*hit = i;
				return 0;
			}
		}
	}
	*hit = SIZE_MAX;
	return 0;
}

bool
pattern_overreach(const struct pattern_set *set, struct pattern_scratch *scratch, size_t i,
    struct buf *example)
{
	const struct pattern *p = &set->patterns[i];
	struct span base = p->literal;
	BUF_AUTO struct buf name = buf_init(LIMIT_REGEX_LENGTH + 16);
	bool hit = false;

	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	/* Behind a wildcard the neighbours are what was meant. */
	if (p->match != POLICY_MATCH_START || base.n == 0 || p->wild)
		return false;
	buf_span(&name, base);
	buf_str(&name, "evil");
	if (pattern_match_one(set, scratch, i, buf_view(&name), &hit, NULL) != 0 || !hit)
		return false;
	buf_span(example, buf_view(&name));
	return true;
}
