#include "cmd/collect.h"

#include <stdarg.h>

#include "base/limits.h"

/* ---- the sink ------------------------------------------------------------ */

static int
on_file(void *cookie, struct span path, const struct digest *d, uint32_t package, struct err *e)
{
	struct collect *c = cookie;

	if (c->min_digest != DIGEST_NONE && (digest_alg_weak(d->alg) ||
	    digest_alg_size(d->alg) < digest_alg_size(c->min_digest))) {
		c->weak++;
		return 0;
	}
	return policy_builder_add(c->builder, path, d, c->from[c->at].layer,
	    package == SOURCE_NO_PACKAGE ? POLICY_NO_PACKAGE : package, e);
}

static int
on_package(void *cookie, struct span name, struct span version, struct span arch, uint32_t *index,
    struct err *e)
{
	struct collect *c = cookie;
	struct runtime_policy *p = c->policy;
	struct policy_package k = { .layer = c->from[c->at].layer };
	struct policy_package *v = arena_grow(&p->arena, p->packages, p->n_packages, &c->cap_packages,
	    sizeof(*v));

	if (v == NULL || !arena_copy(&p->arena, name, &k.name) ||
	    !arena_copy(&p->arena, version, &k.version) || !arena_copy(&p->arena, arch, &k.arch))
		return arena_err(&p->arena, e);
	p->packages = v;
	*index = (uint32_t)p->n_packages;
	p->packages[p->n_packages++] = k;
	return 0;
}

static int
on_excluded(void *cookie, struct span path, bool *yes, struct err *e)
{
	return exclude_list_covers(((struct collect *)cookie)->excludes, path, yes, e);
}

static int
on_unreadable(void *cookie, struct span path, const struct err *why, struct err *e)
{
	struct collect *c = cookie;
	struct arena *a = &c->policy->arena;
	struct unreadable *v = arena_grow(a, c->unreadable, c->n_unreadable, &c->cap_unreadable,
	    sizeof(*v)), u = { 0 };

	if (v == NULL || !arena_copy(a, path, &u.path) ||
	    (u.why = arena_str(a, span_str(why->message))) == NULL)
		return arena_err(a, e);
	c->unreadable = v;
	c->unreadable[c->n_unreadable++] = u;
	return 0;
}

static int ERR_PRINTF(3, 4)
on_warn(void *cookie, struct err *e, const char *fmt, ...)
{
	struct collect *c = cookie;
	struct arena *a = &c->policy->arena;
	const char **v = arena_grow(a, c->warnings, c->n_warnings, &c->cap_warnings, sizeof(*v));
	char text[2048], *copy;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (v == NULL || (copy = arena_str(a, span_str(text))) == NULL)
		return arena_err(a, e);
	c->warnings = v;
	c->warnings[c->n_warnings++] = copy;
	return 0;
}

static void
on_progress(void *cookie, uint64_t count, uint64_t total, const char *unit)
{
	struct collect *c = cookie;

	if (c->quiet)
		return;
	if (strcmp(unit, "bytes") == 0) {
		count >>= 20;
		total = total == 0 ? 0 : (total >> 20) + 1;
		unit = "MiB";
	}
	c->progress.total = total;
	progress_update(&c->progress, count, unit);
}

/* ---- layers -------------------------------------------------------------- */

static const char *
last_part(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	return path[n] == '\0' || path[n] == '/' ? path : path + n;
}

static bool
name_taken(const struct collect *c, const char *name)
{
	for (size_t i = 0; i < c->n_from; i++)
		if (strcmp(c->from[i].name, name) == 0)
			return true;
	return false;
}

/* KIND:PATH at ${text} into ${l}; ${*kind_text} is what stood before the colon. */
static bool
kind_of(const char *text, struct collect_layer *l)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL || colon[1] == '\0')
		return false;
	l->kind = source_kind_by_name(span_of(text, (size_t)(colon - text)));
	l->text = text;
	l->where = colon + 1;
	return l->kind != SOURCE_NONE;
}

static int
usage(const char *text, struct err *e)
{
	BUF_AUTO struct buf kinds = buf_init(4096);

	for (enum source_kind k = SOURCE_NONE + 1; k < SOURCE_COUNT; k++)
		buf_printf(&kinds, "%s%s", k == SOURCE_NONE + 1 ? "" : ", ", source_kind_name(k));
	return err_set(e, ERR_USAGE, "--from %s is not [NAME=]KIND:PATH with a KIND of %s", text,
	    buf_cstr(&kinds));
}

/* The layer's name: the one given, else made from kind and path. */
static int
name_layer(struct collect *c, struct collect_layer *l, struct span given, struct err *e)
{
	struct arena *a = &c->policy->arena;
	BUF_AUTO struct buf name = buf_init(LIMIT_PATH);

	if (given.n > 0) {
		buf_span(&name, given);
	} else {
		buf_printf(&name, "%s:%s", source_kind_name(l->kind), last_part(l->where));
		if (name_taken(c, buf_cstr(&name))) {
			name.n = 0;
			buf_str(&name, l->text);
		}
	}
	l->name = arena_str(a, buf_view(&name));
	return l->name != NULL ? 0 : arena_err(a, e);
}

static int
add_layer(struct collect *c, struct collect_layer *l, struct err *e)
{
	struct runtime_policy *p = c->policy;
	struct span source;

	for (uint32_t i = 0; i < p->n_layers; i++)
		if (span_is(p->layers[i].name, l->name)) {
			l->layer = i;
			return 0;
		}
	if (!arena_copy(&p->arena, span_str(l->text), &source))
		return arena_err(&p->arena, e);
	l->layer = (uint32_t)p->n_layers;
	p->layers[p->n_layers++] = (struct policy_layer){ .name = span_str(l->name), .source = source };
	return 0;
}

int
collect_init(struct collect *c, struct runtime_policy *p, struct exclude_list *x,
    const char *const *from, size_t n, struct err *e)
{
	int rc;

	*c = (struct collect){ .policy = p, .excludes = x };
	if ((rc = policy_builder_new(&c->builder, e)) != 0)
		return rc;
	c->from = arena_array(&p->arena, n, sizeof(*c->from));
	p->layers = arena_array(&p->arena, n, sizeof(*p->layers));
	if (c->from == NULL || p->layers == NULL)
		return arena_err(&p->arena, e);
	for (size_t i = 0; i < n; i++) {
		struct collect_layer l = { 0 };
		struct span given = { NULL, 0 };
		const char *equal = strchr(from[i], '=');

		if (!kind_of(from[i], &l)) {
			if (equal == NULL || equal == from[i] || !kind_of(equal + 1, &l))
				return usage(from[i], e);
			given = span_of(from[i], (size_t)(equal - from[i]));
		}
		if ((rc = name_layer(c, &l, given, e)) != 0 || (rc = add_layer(c, &l, e)) != 0)
			return rc;
		c->from[c->n_from++] = l;
	}
	return 0;
}

void
collect_free(struct collect *c)
{
	progress_end(&c->progress);
	policy_builder_free(c->builder);
	*c = (struct collect){ 0 };
}

/* ---- running ------------------------------------------------------------- */

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int
collect_run(struct collect *c, const struct source_options *o, struct err *e)
{
	struct source_sink sink = { .cookie = c, .file = on_file, .package = on_package,
	    .excluded = on_excluded, .unreadable = on_unreadable, .warn = on_warn,
	    .progress = on_progress };
	int rc;

	for (c->at = 0; c->at < c->n_from; c->at++) {
		struct collect_layer *l = &c->from[c->at];
		double start = now();

		(void)snprintf(c->progress_name, sizeof(c->progress_name), "%.70s", l->name);
		if (!c->quiet)
			progress_start(&c->progress, c->progress_name, 0);
		rc = source_read(l->kind, l->where, o, &sink, &l->stats, e);
		progress_end(&c->progress);
		l->seconds = now() - start;
		if (rc != 0)
			return rc;
		if (l->stats.vanished > 0 && (rc = on_warn(c, e, "%s: %llu files went away while it "
		    "was read", l->text, (unsigned long long)l->stats.vanished)) != 0)
			return rc;
	}
	if (c->weak > 0)
		return on_warn(c, e, "%llu digests weaker than %s left out (--min-digest)",
		    (unsigned long long)c->weak, digest_alg_name(c->min_digest));
	return 0;
}

int
collect_finish(struct collect *c, struct err *e)
{
	return runtime_policy_take(c->policy, c->builder, e);
}
