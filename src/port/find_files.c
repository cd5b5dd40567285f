#include "port/find_files.h"

#include <sys/stat.h>

#include "port/walk.h"

struct finder {
	const struct source_run *r;
	const char *suffix;
	struct arena *a;
	struct found found;
};

static int
add(struct finder *f, struct span path, struct err *e)
{
	struct span *v = arena_grow(f->a, f->found.paths, f->found.n, &f->found.cap, sizeof(*v));

	if (v == NULL)
		return arena_err(f->a, e);
	f->found.paths = v;
	return arena_copy(f->a, path, &v[f->found.n++]) ? 0 : arena_err(f->a, e);
}

static int
on_file(void *cookie, int dir, const char *name, struct span path, struct err *e)
{
	struct finder *f = cookie;

	(void)dir;
	return span_ends(span_str(name), span_str(f->suffix)) ? add(f, path, e) : 0;
}

static int
on_other(void *cookie, enum walk_other what, struct span path, struct err *e)
{
	(void)cookie, (void)what, (void)path, (void)e;
	return 0;
}

static bool
on_descend(void *cookie, struct span path)
{
	(void)cookie, (void)path;
	return true;
}

static int
on_left_out(void *cookie, struct span path, bool pseudo, struct err *e)
{
	(void)cookie, (void)path, (void)pseudo, (void)e;
	return 0;
}

static int
on_failed(void *cookie, struct span path, const struct err *why, struct err *e)
{
	struct finder *f = cookie;

	return f->r->sink->unreadable(f->r->sink->cookie, path, why, e);
}

int
find_files(const struct source_run *r, const char *suffix, struct arena *a, struct found *out,
    struct err *e)
{
	static const struct walk_ops ops = { on_file, on_other, on_descend, on_left_out, on_failed };
	struct finder f = { .r = r, .suffix = suffix, .a = a };
	struct stat st;
	int rc;

	if (stat(r->where, &st) != 0)
		return err_file(e, err_errno(e, "cannot open"), r->where);
	if (!S_ISDIR(st.st_mode))
		rc = add(&f, span_str(r->where), e);
	else
		rc = walk(r->where, r->o->one_file_system, &ops, &f, e);
	if (rc != 0)
		return rc;
	if (f.found.n == 0)
		return err_file(e, err_set(e, ERR_FORMAT, "no file below it ends with %s", suffix), r->where);
	*out = f.found;
	return 0;
}
