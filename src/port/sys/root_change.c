#include "port/sys/root_change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/digest.h"

/* One file under way. */
struct item {
	const struct root_step *step;
	int dir;			/* of its folder; -1: none */
	const char *base;
	char fresh[300], old[300];	/* names beside it: what will stand there, what stood there */
	bool has_fresh, has_old, done;
};

struct work {
	struct root_change *c;
	struct item *items;		/* owned; the last one is the state */
	size_t n, made;
	struct root_step journal, final;
	struct buf journal_text, final_text;
	size_t state_cap;
};

/* Nothing of ours is left beside the files. */
static void
sweep(struct work *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct item *it = &w->items[i];

		if (it->dir >= 0 && it->has_fresh)
			(void)unlinkat(it->dir, it->fresh, 0);
		if (it->dir >= 0 && it->has_old)
			(void)unlinkat(it->dir, it->old, 0);
		it->has_fresh = it->has_old = false;
	}
}

static void
work_done(struct work *w)
{
	sweep(w);
	for (size_t i = 0; i < w->n; i++)
		if (w->items[i].dir >= 0)
			(void)close(w->items[i].dir);
	free(w->items);
	buf_free(&w->journal_text);
	buf_free(&w->final_text);
}
#define WORK_AUTO __attribute__((cleanup(work_done)))

/* Directories become part of the state, so that undo can remove them. */
static int
note_directory(void *ctx, const char *path, struct err *e)
{
	struct work *w = ctx;
	struct setup_state *s = w->c->state;
	const char **v;

	if (s == NULL)
		return err_set(e, ERR_INTERNAL, "a folder was made that nobody asked for");
	for (size_t i = 0; i < s->n_directories; i++)
		if (strcmp(s->directories[i], path) == 0)
			return 0;
	if ((v = arena_array(&s->arena, s->n_directories + 1, sizeof(*v))) == NULL)
		return arena_err(&s->arena, e);
	if (s->n_directories > 0)
		memcpy(v, s->directories, s->n_directories * sizeof(*v));
	if ((v[s->n_directories] = arena_str(&s->arena, span_str(path))) == NULL)
		return arena_err(&s->arena, e);
	s->directories = v;
	s->n_directories++;
	w->made++;
	return 0;
}

static int
open_item(struct work *w, const struct root_step *step, struct item *it, struct err *e)
{
	int rc;

	*it = (struct item){ .step = step, .dir = -1 };
	rc = root_dir_parent(w->c->root, step->path, step->wanted ? note_directory : NULL, w, &it->dir, &it->base, e);
	if (rc == ERR_NOT_FOUND && !step->seen && !step->wanted)
		return 0;
	if (rc != 0)
		return rc;
	if (snprintf(it->fresh, sizeof(it->fresh), ".%s.assay-new", it->base) >= (int)sizeof(it->fresh) ||
	    snprintf(it->old, sizeof(it->old), ".%s.assay-old", it->base) >= (int)sizeof(it->old))
		return err_set(e, ERR_LIMIT, "%s is too long a name", step->path);
	return 0;
}

static int
changed(const struct item *it, struct err *e)
{
	return err_set(e, ERR_CONFLICT, "%s was changed by somebody else meanwhile", it->step->path);
}

/* That it is still what the caller saw, and no link. */
static int
check_item(const struct root_dir *root, const struct item *it, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_SETUP_STATE * 2);
	struct setup_file f = { 0 };
	struct digest d;
	struct stat st;
	int rc;

	if (it->dir < 0)
		return 0;
	if (fstatat(it->dir, it->base, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno != ENOENT ? err_errno(e, "%s", it->step->path) : it->step->seen ? changed(it, e) : 0;
	if (!S_ISREG(st.st_mode))
		return err_hint(e, err_set(e, ERR_UNSUPPORTED, "%s is %s, not a file", it->step->path,
		    S_ISLNK(st.st_mode) ? "a symbolic link" : "something else"), "nothing was changed");
	if ((rc = root_dir_read(root, it->step->path, LIMIT_SETUP_STATE, &a, &f, e)) != 0)
		return rc;
	if (!f.present || !it->step->seen)
		return changed(it, e);
	if ((rc = digest_of(DIGEST_SHA256, f.content, &d, e)) != 0)
		return rc;
	return digest_eq(&d, &it->step->seen_digest) ? 0 : changed(it, e);
}

static int
put_all(int fd, struct span s, struct err *e, const char *path)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, "writing %s", path);
		s = span_from(s, (size_t)n);
	}
	return fsync(fd) == 0 ? 0 : err_errno(e, "writing %s", path);
}

/* A new file of that name beside ${it}; what an earlier run left is removed. */
static int
make_beside(const struct item *it, const char *name, struct span content, bool *has, struct err *e)
{
	const struct root_step *s = it->step;
	int fd, rc;

	(void)unlinkat(it->dir, name, 0);
	if ((fd = openat(it->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		return err_errno(e, "making a file beside %s", s->path);
	*has = true;
	rc = put_all(fd, content, e, s->path);
	/* A file system without owners (an EFI partition) refuses what it does not have. */
	if (rc == 0 && fchown(fd, s->uid, s->gid) != 0 && (errno != EPERM || geteuid() == 0) && s->uid + s->gid > 0)
		rc = err_errno(e, "giving %s its owner", s->path);
	if (rc == 0 && fchmod(fd, s->mode) != 0 && errno != EPERM)
		rc = err_errno(e, "giving %s its mode", s->path);
	(void)close(fd);
	return rc;
}

/* The label of the file that is replaced: a policy of SELinux may know it by that. */
static void
keep_label(const struct item *it)
{
	static const char name[] = "security.selinux";
	char label[512];
	int from = openat(it->dir, it->base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int to = openat(it->dir, it->fresh, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = from < 0 ? -1 : fgetxattr(from, name, label, sizeof(label));

	if (n > 0 && to >= 0)
		(void)fsetxattr(to, name, label, (size_t)n, 0);
	if (from >= 0)
		(void)close(from);
	if (to >= 0)
		(void)close(to);
}

/* What stands there now, kept under another name: the same file where links exist. */
static int
keep_old(const struct root_dir *root, struct item *it, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_SETUP_STATE * 2);
	struct setup_file f = { 0 };
	int rc;

	(void)unlinkat(it->dir, it->old, 0);
	if (linkat(it->dir, it->base, it->dir, it->old, 0) == 0) {
		it->has_old = true;
		return 0;
	}
	if ((rc = root_dir_read(root, it->step->path, LIMIT_SETUP_STATE, &a, &f, e)) != 0)
		return rc;
	struct root_step copy = { .path = it->step->path, .mode = f.mode, .uid = f.uid, .gid = f.gid };
	struct item beside = *it;

	beside.step = &copy;
	return make_beside(&beside, it->old, f.content, &it->has_old, e);
}

static int
stage(struct work *w, struct item *it, struct err *e)
{
	int rc;

	if (it->dir < 0)
		return 0;
	(void)unlinkat(it->dir, it->fresh, 0);	/* an interrupted run's */
	(void)unlinkat(it->dir, it->old, 0);
	if ((rc = check_item(w->c->root, it, e)) != 0 ||
	    (it->step->wanted && (rc = make_beside(it, it->fresh, it->step->content, &it->has_fresh, e)) != 0))
		return rc;
	if (!it->step->seen)
		return 0;
	if (it->step->wanted)
		keep_label(it);
	return keep_old(w->c->root, it, e);
}

static int
commit(struct item *it, struct err *e)
{
	if (it->dir < 0)
		return 0;
	if (it->step->wanted) {
		if (renameat(it->dir, it->fresh, it->dir, it->base) != 0)
			return err_errno(e, "replacing %s", it->step->path);
		it->has_fresh = false;
	} else if (unlinkat(it->dir, it->base, 0) != 0 && errno != ENOENT) {
		return err_errno(e, "removing %s", it->step->path);
	}
	it->done = true;
	return fsync(it->dir) == 0 ? 0 : err_errno(e, "writing %s", it->step->path);
}

static bool
take_back(struct item *it)
{
	if (!it->done)
		return true;
	if (it->has_old ? renameat(it->dir, it->old, it->dir, it->base) != 0 : unlinkat(it->dir, it->base, 0) != 0)
		return false;
	it->has_old = it->done = false;
	return fsync(it->dir) == 0;
}

/* The journal comes first and goes last: as long as it is there, undo knows all. */
static int
roll_back(struct work *w, int rc, struct err *e)
{
	bool good = true;

	for (size_t i = w->n; i-- > 1;)
		good &= take_back(&w->items[i]);
	if (good)
		good = take_back(&w->items[0]);
	if (good)
		return err_hint(e, rc, "nothing was changed: what had been written was taken back");
	return err_hint(e, rc, "not all could be taken back; assay setup measurement --undo will, once the cause is gone");
}

static void
remove_directories(const struct root_dir *root, const char *const *v, size_t from, size_t n)
{
	for (size_t i = n; i-- > from;) {
		const char *base;
		struct err ignored;
		int fd;

		if (root_dir_parent(root, v[i], NULL, NULL, &fd, &base, &ignored) != 0)
			continue;
		(void)unlinkat(fd, base, AT_REMOVEDIR);	/* refused unless it is empty, as it should */
		(void)close(fd);
	}
}

/* The state's two texts; the folders that staging made are in both. */
static int
write_states(struct work *w, struct err *e)
{
	struct setup_state *s = w->c->state;
	int rc;

	w->journal_text = buf_init(LIMIT_SETUP_STATE);
	w->final_text = buf_init(LIMIT_SETUP_STATE);
	if (s == NULL)
		return 0;
	s->written = false;
	if ((rc = setup_state_write(s, &w->journal_text, e)) != 0)
		return rc;
	s->written = true;
	return setup_state_write(s, &w->final_text, e);
}

/* Beside the state file: first the journal takes its place, later the final text. */
static int
stage_state(struct work *w, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_SETUP_STATE * 2);
	struct setup_file old = { 0 };
	int rc;

	if ((rc = root_dir_read(w->c->root, SETUP_STATE_PATH, LIMIT_SETUP_STATE, &a, &old, e)) != 0)
		return rc;
	w->journal = (struct root_step){ .path = SETUP_STATE_PATH, .seen = old.present, .wanted = w->c->state != NULL,
	    .mode = 0600 };
	if (old.present && (rc = digest_of(DIGEST_SHA256, old.content, &w->journal.seen_digest, e)) != 0)
		return rc;
	return open_item(w, &w->journal, &w->items[0], e);
}

static int
stage_all(struct work *w, struct err *e)
{
	int rc;

	if ((rc = stage_state(w, e)) != 0)
		return rc;
	w->n = 1;
	for (size_t i = 0; i < w->c->n_steps; i++) {
		rc = open_item(w, &w->c->steps[i], &w->items[w->n], e);
		w->n++;
		if (rc != 0 || (rc = stage(w, &w->items[w->n - 1], e)) != 0)
			return rc;
	}
	if ((rc = write_states(w, e)) != 0)
		return rc;
	w->journal.content = buf_view(&w->journal_text);
	return stage(w, &w->items[0], e);
}

/* The final text was staged under its own name before anything was committed. */
static int
commit_all(struct work *w, struct item *last, struct err *e)
{
	int rc = 0;

	if (w->c->state != NULL && (rc = commit(&w->items[0], e)) != 0)
		return roll_back(w, rc, e);
	for (size_t i = 1; rc == 0 && i < w->n; i++)
		rc = commit(&w->items[i], e);
	if (rc == 0 && w->c->state != NULL)
		rc = commit(last, e);
	if (rc == 0 && w->c->state == NULL)
		rc = commit(&w->items[0], e);
	return rc == 0 ? 0 : roll_back(w, rc, e);
}

int
root_change_apply(struct root_change *c, struct err *e)
{
	WORK_AUTO struct work w = { .c = c, .items = calloc(c->n_steps + 1, sizeof(struct item)) };
	size_t before = c->state == NULL ? 0 : c->state->n_directories;
	struct item last = { .dir = -1 };
	int rc;

	if (w.items == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = stage_all(&w, e);
	if (w.n > 0 && w.items[0].dir >= 0) {
		last = w.items[0];
		last.has_fresh = false;
		(void)snprintf(last.fresh, sizeof(last.fresh), ".%s.assay-end", last.base);
		(void)unlinkat(last.dir, last.fresh, 0);	/* an interrupted run's */
	}
	if (rc == 0 && c->state != NULL) {
		w.final = w.journal;
		last.step = &w.final;
		rc = make_beside(&last, last.fresh, buf_view(&w.final_text), &last.has_fresh, e);
	}
	if (rc == 0)
		rc = commit_all(&w, &last, e);
	if (last.has_fresh)
		(void)unlinkat(last.dir, last.fresh, 0);
	sweep(&w);
	if (rc != 0 && c->state != NULL)
		remove_directories(c->root, c->state->directories, before, c->state->n_directories);
	if (rc == 0)
		remove_directories(c->root, c->empty, 0, c->n_empty);
	return rc;
}
