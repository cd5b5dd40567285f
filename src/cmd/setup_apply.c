/* From a plan, or back from a state, to the files: what stands there now decides what is done. */
#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/limits.h"
#include "cmd/setup_internal.h"
#include "crypto/digest.h"
#include "port/sys/root_change.h"

/* What is wanted of one file. */
struct target {
	const char *path;
	bool wanted;
	struct span content;
	uint32_t mode, uid, gid;
	const char *verb;		/* "changed", "restored" */
};

struct batch {
	struct setup_run *x;
	struct root_step *steps;
	struct setup_shown *shown;
	struct digest *now;		/* of each file as it is; none: it is not there */
	size_t n;
	size_t differ;
};

static int
batch_init(struct setup_run *x, size_t max, struct batch *b, struct err *e)
{
	*b = (struct batch){ .x = x, .steps = arena_array(&x->arena, max + 1, sizeof(*b->steps)),
	    .shown = arena_array(&x->arena, max + 1, sizeof(*b->shown)),
	    .now = arena_array(&x->arena, max + 1, sizeof(*b->now)) };
	return b->steps == NULL || b->shown == NULL || b->now == NULL ? arena_err(&x->arena, e) : 0;
}

/* Whether the file is as we left it, or as we found it, or half way in an interrupted run. */
static bool
is_ours(const struct setup_change *c, bool present, const struct digest *now, struct err *e)
{
	struct digest before = { 0 };

	if (!present)
		return !c->existed || c->written.alg == DIGEST_NONE;
	if (c->existed && digest_of(DIGEST_SHA256, c->before, &before, e) != 0)
		return false;
	return digest_eq(now, &c->written) || (c->existed && digest_eq(now, &before)) ||
	    (c->previous.alg != DIGEST_NONE && digest_eq(now, &c->previous));
}

static int
add_target(struct batch *b, const struct target *t, struct err *e)
{
	const struct setup_change *c = b->x->has_state ? setup_state_find(&b->x->state, t->path) : NULL;
	struct root_step *s = &b->steps[b->n];
	struct setup_file f = { 0 };
	struct digest d = { 0 };
	bool same;
	int rc = root_dir_read(&b->x->root, t->path, LIMIT_SETUP_FILE, &b->x->arena, &f, e);

	if (rc == 0 && f.present)
		rc = digest_of(DIGEST_SHA256, f.content, &d, e);
	if (rc != 0)
		return rc;
	if (c != NULL && !is_ours(c, f.present, &d, e))
		return err_hint(e, err_set(e, ERR_CONFLICT, "%s was %s since assay wrote it", t->path,
		    f.present ? "changed" : "removed"), "put back what you want to keep of it, or take out by hand what assay"
		    " added; what stood there before is in " SETUP_STATE_PATH);
	same = f.present == t->wanted && (!t->wanted || span_eq(f.content, t->content));
	*s = (struct root_step){ .path = t->path, .seen = f.present, .seen_digest = d, .wanted = t->wanted,
	    .content = t->content, .mode = t->mode, .uid = t->uid, .gid = t->gid };
	b->shown[b->n] = (struct setup_shown){ t->path, same ? "as it is" : !t->wanted ? "removed" :
	    !f.present ? "new" : t->verb, { .path = t->path, .existed = f.present, .before = f.content, .after = t->content,
	    .written = t->wanted ? (struct digest){ .alg = DIGEST_SHA256 } : (struct digest){ 0 } } };
	b->now[b->n] = d;
	b->differ += !same;
	b->n++;
	return 0;
}

/* ---- boot loader commands -------------------------------------------------------- */

/* Only what makes a boot loader's file anew is run by us; what builds whole images is told. */
static bool
runs_by_itself(const char *command)
{
	return strncmp(command, "update-grub", 11) == 0 || strncmp(command, "grub-mkconfig ", 14) == 0 ||
	    strncmp(command, "grub2-mkconfig ", 15) == 0;
}

static int
run_command(struct arena *a, const char *command, int *status, struct err *e)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *const env[] = { path, NULL };
	char *argv[8], *text = arena_str(a, span_str(command)), *next = NULL;
	posix_spawn_file_actions_t to_stderr;
	size_t n = 0;
	pid_t child;
	int rc;

	if (text == NULL)
		return arena_err(a, e);
	for (char *w = strtok_r(text, " ", &next); w != NULL && n < 7; w = strtok_r(NULL, " ", &next))
		argv[n++] = w;
	argv[n] = NULL;
	(void)fflush(stdout);
	posix_spawn_file_actions_init(&to_stderr);
	posix_spawn_file_actions_adddup2(&to_stderr, 2, 1);	/* its words are none of our output */
	rc = posix_spawnp(&child, argv[0], &to_stderr, NULL, argv, env);
	posix_spawn_file_actions_destroy(&to_stderr);
	if (rc != 0) {
		errno = rc;
		return err_errno(e, "starting %s", argv[0]);
	}
	while (waitpid(child, status, 0) < 0)
		if (errno != EINTR)
			return err_errno(e, "waiting for %s", argv[0]);
	return 0;
}

static int
run_commands(struct setup_run *x, const char *const *list, size_t n, bool dry, struct setup_outcome *o,
    struct err *e)
{
	int rc;

	if ((o->ran = arena_array(&x->arena, n + 1, sizeof(*o->ran))) == NULL)
		return arena_err(&x->arena, e);
	for (size_t i = 0; i < n; i++) {
		struct setup_ran *r = &o->ran[o->n_ran++];

		*r = (struct setup_ran){ .command = list[i] };
		if (dry || x->root_name != NULL || !runs_by_itself(list[i]))
			continue;
		if ((rc = run_command(&x->arena, list[i], &r->status, e)) != 0)
			return rc;
		r->ran = true;
		if (!WIFEXITED(r->status) || WEXITSTATUS(r->status) != 0)
			return err_set(e, ERR_IO, "%s failed", list[i]);
	}
	return 0;
}

/* ---- install and undo -------------------------------------------------------------- */

/* Each file of the state back to what it was before. */
static int
add_restored(struct batch *b, const struct setup_plan *but, struct err *e)
{
	const struct setup_state *s = &b->x->state;
	int rc;

	for (size_t i = 0; b->x->has_state && i < s->n_files; i++) {
		const struct setup_change *c = &s->files[i];
		bool planned = false;

		for (size_t k = 0; but != NULL && k < but->n_changes; k++)
			planned |= strcmp(but->changes[k].path, c->path) == 0;
		if (planned)
			continue;
		if ((rc = add_target(b, &(struct target){ c->path, c->existed, c->before, c->mode, c->uid, c->gid,
		    "restored" }, e)) != 0)
			return rc;
	}
	return 0;
}

static int
gather_install(struct batch *b, const struct setup_plan *plan, struct setup_state *s, struct err *e)
{
	int rc;

	for (size_t i = 0; i < plan->n_changes; i++) {
		struct setup_change *c = &plan->changes[i];

		if ((rc = add_target(b, &(struct target){ c->path, true, c->after, c->mode, c->uid, c->gid, "changed" }, e)) != 0)
			return rc;
		if (b->now[b->n - 1].alg != DIGEST_NONE && !digest_eq(&b->now[b->n - 1], &c->written))
			c->previous = b->now[b->n - 1];
	}
	if ((rc = add_restored(b, plan, e)) != 0)
		return rc;
	/* Restored files stay in the journal, so that an interruption leaves nothing unknown. */
	s->files = arena_array(&s->arena, b->n + 1, sizeof(*s->files));
	if (s->files == NULL)
		return arena_err(&s->arena, e);
	for (size_t i = 0; i < plan->n_changes; i++)
		s->files[s->n_files++] = plan->changes[i];
	for (size_t i = plan->n_changes; i < b->n; i++) {
		struct setup_change c = *setup_state_find(&b->x->state, b->steps[i].path);

		if (b->now[i].alg != DIGEST_NONE)
			c.previous = b->now[i];
		c.written = (struct digest){ 0 };
		if (c.existed && (rc = digest_of(DIGEST_SHA256, c.before, &c.written, e)) != 0)
			return rc;
		s->files[s->n_files++] = c;
	}
	return 0;
}

/* The folders that an earlier run made are still ours. */
static int
keep_directories(struct setup_run *x, struct setup_state *s, struct err *e)
{
	size_t n = x->has_state ? x->state.n_directories : 0;

	if ((s->directories = arena_array(&s->arena, n + 1, sizeof(*s->directories))) == NULL)
		return arena_err(&s->arena, e);
	for (size_t i = 0; i < n; i++)
		if ((s->directories[s->n_directories++] = arena_str(&s->arena, span_str(x->state.directories[i]))) == NULL)
			return arena_err(&s->arena, e);
	return 0;
}

/* What a failed command leaves: the files are put back as they were before this run. */
static int
take_back(struct setup_run *x, const struct batch *b, const struct setup_state *s, int rc, struct err *e)
{
	struct batch back;
	struct root_change c = { .root = &x->root, .state = x->has_state ? &x->state : NULL };
	struct err ignored = { 0 };

	if (batch_init(x, b->n, &back, &ignored) != 0)
		return rc;
	for (size_t i = 0; i < b->n; i++) {
		const struct root_step *was = &b->steps[i];
		struct root_step *r = &back.steps[back.n++];

		*r = *was;
		r->seen = was->wanted;
		if (was->wanted && digest_of(DIGEST_SHA256, was->content, &r->seen_digest, &ignored) != 0)
			return rc;
		r->wanted = was->seen;
		r->content = b->shown[i].change.before;
	}
	if (!x->has_state) {
		c.empty = s->directories;
		c.n_empty = s->n_directories;
	}
	c.steps = back.steps;
	c.n_steps = back.n;
	if (root_change_apply(&c, &ignored) != 0)
		return err_hint(e, rc, "the files stay changed (%s): assay setup measurement --undo", ignored.message);
	return err_hint(e, rc, "the files were put back as they were");
}

int
setup_install(struct setup_run *x, const struct setup_plan *plan, struct setup_state *s, bool dry,
    struct setup_outcome *o, struct err *e)
{
	struct root_change c = { .root = &x->root, .state = s };
	struct batch b;
	int rc;

	if ((rc = batch_init(x, plan->n_changes + (x->has_state ? x->state.n_files : 0), &b, e)) != 0 ||
	    (rc = keep_directories(x, s, e)) != 0 || (rc = gather_install(&b, plan, s, e)) != 0)
		return rc;
	*o = (struct setup_outcome){ .action = dry ? "planned" : "installed", .plan = plan, .state = s, .files = b.shown,
	    .n_files = b.n };
	if (b.differ == 0 && (x->has_state ? x->state.written : b.n == 0)) {
		o->action = "unchanged";
		return 0;
	}
	c.steps = b.steps;
	c.n_steps = b.n;
	if (!dry && (rc = root_change_apply(&c, e)) != 0)
		return rc;
	if ((rc = run_commands(x, plan->commands, plan->n_commands, dry, o, e)) != 0)
		return take_back(x, &b, s, rc, e);
	return 0;
}

int
setup_undo(struct setup_run *x, bool dry, struct setup_outcome *o, struct err *e)
{
	struct root_change c = { .root = &x->root, .empty = x->state.directories, .n_empty = x->state.n_directories };
	struct batch b;
	int rc;

	if ((rc = batch_init(x, x->state.n_files, &b, e)) != 0 || (rc = add_restored(&b, NULL, e)) != 0)
		return rc;
	*o = (struct setup_outcome){ .action = "undone", .state = &x->state, .files = b.shown, .n_files = b.n };
	c.steps = b.steps;
	c.n_steps = b.n;
	if (!dry && (rc = root_change_apply(&c, e)) != 0)
		return rc;
	if ((rc = run_commands(x, x->state.commands, x->state.n_commands, dry, o, e)) != 0)
		return err_hint(e, rc, "the files are as they were before; the boot loader's own is not made anew");
	return 0;
}
