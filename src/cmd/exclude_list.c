#include "cmd/exclude_list.h"

#include <stdarg.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/rd.h"

static int
add(struct exclude_list *x, struct span regex, struct err *e)
{
	struct policy_pattern *p = arena_grow(&x->arena, x->patterns, x->n, &x->cap, sizeof(*p));
	struct span copy;

	if (p == NULL || !arena_copy(&x->arena, regex, &copy))
		return arena_err(&x->arena, e);
	x->patterns = p;
	x->patterns[x->n++] = (struct policy_pattern){ .regex = copy, .match = POLICY_MATCH_START };
	return 0;
}

static int
warn(struct exclude_list *x, const char *text, struct err *e)
{
	const char **p = arena_grow(&x->arena, x->warnings, x->n_warnings, &x->cap_warnings, sizeof(*p));
	char *copy = arena_str(&x->arena, span_str(text));

	if (p == NULL || copy == NULL)
		return arena_err(&x->arena, e);
	x->warnings = p;
	x->warnings[x->n_warnings++] = copy;
	return 0;
}

/* Warnings about the i-th pattern; ${where} is "list.txt, line 3" or "--exclude". */
static int
check_meaning(struct exclude_list *x, const struct pattern_set *set, size_t i, struct span regex,
    const char *where, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(MIB(1)), example = buf_init(MIB(1));
	int rc = 0;

	if (pattern_overreach(set, x->scratch, i, &example)) {
		buf_printf(&text, "%s: the exclude \"", where);
		buf_escape(&text, regex);
		buf_str(&text, "\" matches from the start of a path only, so it covers \"");
		buf_escape(&text, buf_view(&example));
		buf_str(&text, "\" as well; end it with \"/\" for a directory or \"$\" for a file");
		rc = warn(x, buf_cstr(&text), e);
	}
	if (rc == 0 && span_find(regex, ' ') != regex.n) {
		text.n = 0;
		buf_printf(&text, "%s: the exclude \"", where);
		buf_escape(&text, regex);
		buf_str(&text, "\" holds a space, but the kernel writes '_' for spaces in paths");
		rc = warn(x, buf_cstr(&text), e);
	}
	return rc;
}

/* Lines of one list file, compiled on their own so that errors name the line. */
struct lines {
	struct policy_pattern *patterns;
	uint64_t *numbers;
	size_t n;
};

static int
split(struct exclude_list *x, struct span text, struct lines *l, struct err *e)
{
	struct rd r = rd_init(text);
	struct span line;
	size_t most = 1;
	uint64_t number = 0;

	for (size_t i = 0; i < text.n; i++)
		most += text.p[i] == '\n';
	l->patterns = arena_array(&x->arena, most, sizeof(*l->patterns));
	l->numbers = arena_array(&x->arena, most, sizeof(*l->numbers));
	if (l->patterns == NULL || l->numbers == NULL)
		return arena_err(&x->arena, e);
	while (rd_line(&r, LIMIT_REGEX_LENGTH + 1, &line)) {
		number++;
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		l->patterns[l->n].regex = line;
		l->numbers[l->n++] = number;
	}
	if (r.why != 0)
		return err_line(e, r.why, number + 1, 0, "a line of more than %zu bytes",
		    LIMIT_REGEX_LENGTH);
	return 0;
}

static int
load_file(struct exclude_list *x, const char *path, struct err *e)
{
	PATTERN_SET_AUTO struct pattern_set *set = NULL;
	FILE_AUTO struct file f = { 0 };
	struct lines l = { 0 };
	char where[600];
	int rc;

	if ((rc = file_read(path, LIMIT_POLICY_FILE, &f, e)) != 0)
		return rc;
	if ((rc = split(x, file_view(&f), &l, e)) != 0)
		return err_file(e, rc, path);
	if ((rc = pattern_set_new(l.patterns, l.n, &set, e)) != 0) {
		if (e != NULL && e->place == ERR_AT_LINE && e->line >= 1 && e->line <= l.n)
			e->line = l.numbers[e->line - 1];
		return err_file(e, rc, path);
	}
	for (size_t i = 0; i < l.n; i++) {
		(void)snprintf(where, sizeof(where), "%.500s, line %llu", path,
		    (unsigned long long)l.numbers[i]);
		if ((rc = check_meaning(x, set, i, l.patterns[i].regex, where, e)) != 0 ||
		    (rc = add(x, l.patterns[i].regex, e)) != 0)
			return rc;
	}
	return 0;
}

static int
load_one(struct exclude_list *x, const char *regex, struct err *e)
{
	struct policy_pattern p = { .regex = span_str(regex), .match = POLICY_MATCH_START };
	PATTERN_SET_AUTO struct pattern_set *set = NULL;
	int rc;

	if ((rc = pattern_set_new(&p, 1, &set, e)) != 0)
		return err_file(e, rc, "--exclude");
	if ((rc = check_meaning(x, set, 0, p.regex, "--exclude", e)) != 0)
		return rc;
	return add(x, p.regex, e);
}

int
exclude_list_load(const struct invocation *in, const char *one, const char *file,
    struct exclude_list *x, struct err *e)
{
	int rc;

	*x = (struct exclude_list){ .arena = arena_init(GIB(2)) };
	if ((rc = pattern_scratch_new(&x->scratch, e)) != 0)
		return rc;
	for (size_t i = 0; i < opt_count(in, one); i++)
		if ((rc = load_one(x, opt_nth(in, one, i), e)) != 0)
			return rc;
	for (size_t i = 0; i < opt_count(in, file); i++)
		if ((rc = load_file(x, opt_nth(in, file, i), e)) != 0)
			return rc;
	return pattern_set_new(x->patterns, x->n, &x->set, e);
}

void
exclude_list_free(struct exclude_list *x)
{
	pattern_set_free(x->set);
	pattern_scratch_free(x->scratch);
	arena_free(&x->arena);
	*x = (struct exclude_list){ 0 };
}

int
exclude_list_covers(struct exclude_list *x, struct span path, bool *yes, struct err *e)
{
	BUF_AUTO struct buf form = buf_init(LIMIT_PATH + 2);
	size_t hit = SIZE_MAX;
	int rc;

	*yes = false;
	if (x->n == 0)
		return 0;
	if (span_find(path, ' ') != path.n) {
		buf_span(&form, path);
		for (size_t i = 0; i < form.n; i++)
			if (form.p[i] == ' ')
				form.p[i] = '_';
		if ((rc = buf_done(&form, e)) != 0)
			return rc;
		path = buf_view(&form);
	}
	if ((rc = pattern_match(x->set, x->scratch, path, &hit, e)) != 0)
		return rc;
	*yes = hit != SIZE_MAX;
	return 0;
}
