#include "port/tree.h"

#include <stdlib.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/path.h"

enum kind { GONE = 0, DIRECTORY, REGULAR, SYMLINK, SPECIAL };

struct node {
	uint32_t parent, first, sibling;	/* first child; next child of the parent */
	uint32_t chain;				/* next node in the same hash slot */
	uint32_t layer;				/* that put it there last */
	uint32_t content;			/* REGULAR */
	uint32_t whited;			/* layer that whited it out last; 0: none */
	enum kind kind;
	bool linked;				/* is in its parent's list of children */
	struct span name;			/* in the arena */
	struct span target;			/* SYMLINK; in the arena */
};

struct tree {
	struct arena arena;
	struct node *nodes;	/* owned; 0 is the root */
	uint32_t n, cap;
	uint32_t *slots;	/* owned; hash table over (parent, name), a power of 2 */
	uint32_t n_slots;
	struct digest *contents;	/* owned */
	uint32_t n_contents, cap_contents;
	uint32_t layer;
	uint64_t seed;
};

static uint32_t
hash_name(const struct tree *t, uint32_t parent, struct span name)
{
	/* Seeded, so that names cannot be chosen to meet in one slot. */
	uint64_t h = XXH3_64bits_withSeed(name.p, name.n, t->seed + parent);

	return (uint32_t)(h ^ h >> 32);
}

static int
grow_slots(struct tree *t, struct err *e)
{
	uint32_t n = t->n_slots == 0 ? 1024 : t->n_slots * 2;
	uint32_t *slots = malloc((size_t)n * sizeof(*slots));

	if (slots == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	memset(slots, 0xff, (size_t)n * sizeof(*slots));	/* TREE_NONE */
	for (uint32_t i = 1; i < t->n; i++) {
		uint32_t s = hash_name(t, t->nodes[i].parent, t->nodes[i].name) & (n - 1);

		t->nodes[i].chain = slots[s];
		slots[s] = i;
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return 0;
}

static int
grow_nodes(struct tree *t, struct err *e)
{
	uint32_t cap = t->cap == 0 ? 1024 : t->cap * 2;
	struct node *p;

	if (t->n < t->cap)
		return 0;
	if (t->n >= LIMIT_ARCHIVE_MEMBERS)
		return err_set(e, ERR_LIMIT, "more than %d files and directories", LIMIT_ARCHIVE_MEMBERS);
	if ((p = reallocarray(t->nodes, cap, sizeof(*p))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	t->nodes = p;
	t->cap = cap;
	return 0;
}

int
tree_new(struct tree **out, struct err *e)
{
	TREE_AUTO struct tree *t = calloc(1, sizeof(*t));
	int rc;

	if (t == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed))
		return err_errno(e, "no random number can be had");
	t->arena = arena_init(LIMIT_ARCHIVE_ARENA);
	if ((rc = grow_nodes(t, e)) != 0 || (rc = grow_slots(t, e)) != 0)
		return rc;
	t->nodes[t->n++] = (struct node){ .parent = TREE_NONE, .first = TREE_NONE,
	    .sibling = TREE_NONE, .chain = TREE_NONE, .kind = DIRECTORY };
	*out = t;
	t = NULL;	/* transferred */
	return 0;
}

void
tree_free(struct tree *t)
{
	if (t == NULL)
		return;
	arena_free(&t->arena);
	free(t->nodes);
	free(t->slots);
	free(t->contents);
	free(t);
}

static uint32_t
child(const struct tree *t, uint32_t parent, struct span name)
{
	uint32_t i = t->slots[hash_name(t, parent, name) & (t->n_slots - 1)];

	while (i != TREE_NONE &&
	    (t->nodes[i].parent != parent || !span_eq(t->nodes[i].name, name)))
		i = t->nodes[i].chain;
	return i;
}

/* The child ${name}, made (as GONE) if it is not there. */
static int
make_child(struct tree *t, uint32_t parent, struct span name, uint32_t *out, struct err *e)
{
	uint32_t i = child(t, parent, name), s;
	struct span copy;
	int rc;

	if (i != TREE_NONE) {
		*out = i;
		return 0;
	}
	if ((rc = grow_nodes(t, e)) != 0 || (t->n >= t->n_slots && (rc = grow_slots(t, e)) != 0))
		return rc;
	if (!arena_copy(&t->arena, name, &copy))
		return arena_err(&t->arena, e);
	s = hash_name(t, parent, name) & (t->n_slots - 1);
	i = t->n++;
	t->nodes[i] = (struct node){ .parent = parent, .first = TREE_NONE, .sibling = TREE_NONE,
	    .chain = t->slots[s], .layer = t->layer, .name = copy };
	t->slots[s] = i;
	*out = i;
	return 0;
}

/* The node now is of ${kind}, put there by the current layer. */
static void
become(struct tree *t, uint32_t i, enum kind kind)
{
	struct node *n = &t->nodes[i];

	n->kind = kind;
	n->layer = t->layer;
	if (!n->linked) {
		n->linked = true;
		n->sibling = t->nodes[n->parent].first;
		t->nodes[n->parent].first = i;
	}
}

/* ---- following a path ---------------------------------------------------- */

struct trail {
	uint32_t at;		/* the directory reached */
	struct span rest;	/* what is still to go; in the path or in work */
	struct buf work;
	unsigned links;
};

static void
trail_free(struct trail *w)
{
	buf_free(&w->work);
}

/* The next component, taken off the rest; empty at the end. */
static struct span
component(struct trail *w)
{
	struct span part;

	do {
		part = span_head(w->rest, span_find(w->rest, '/'));
		w->rest = span_from(w->rest, part.n + 1);
	} while (part.n == 0 && w->rest.n > 0);
	return part;
}

/* A symbolic link on the way: its target takes its place in front of the rest. */
static int
follow(struct tree *t, struct trail *w, uint32_t link, struct err *e)
{
	struct span target = t->nodes[link].target;
	struct buf joined = buf_init(2 * LIMIT_PATH);

	if (++w->links > LIMIT_SYMLINKS)
		return err_set(e, ERR_FORMAT, "too many symbolic links on the way");
	buf_span(&joined, target);
	buf_u8(&joined, '/');
	buf_span(&joined, w->rest);
	buf_free(&w->work);
	w->work = joined;
	w->rest = buf_view(&w->work);
	if (target.n > 0 && target.p[0] == '/')
		w->at = 0;
	return buf_done(&w->work, e);
}

static int
step(struct tree *t, struct trail *w, struct err *e)
{
	struct span part = component(w);
	uint32_t next;
	int rc;

	if (part.n == 0 || span_is(part, "."))
		return 0;
	if (span_is(part, "..")) {	/* from a link's target; above the root is the root */
		w->at = w->at == 0 ? 0 : t->nodes[w->at].parent;
		return 0;
	}
	if ((rc = make_child(t, w->at, part, &next, e)) != 0)
		return rc;
	if (t->nodes[next].kind == SYMLINK)
		return follow(t, w, next, e);
	/* A directory that no member named, or that replaces a file. */
	if (t->nodes[next].kind != DIRECTORY)
		become(t, next, DIRECTORY);
	w->at = next;
	return 0;
}

static int
about(struct span path, int rc, struct err *e)
{
	BUF_AUTO struct buf shown = buf_init(SIZE_MAX / 2);

	buf_escape(&shown, span_head(path, 200));
	return err_ctx(e, rc, "\"%s\"", buf_cstr(&shown));
}

/* The node for ${path}, whose last component is not followed. */
static int
resolve(struct tree *t, struct span path, uint32_t *out, struct err *e)
{
	__attribute__((cleanup(trail_free))) struct trail w = { .rest = path_parent(path) };
	struct span last = path_base(path);
	int rc;

	while (w.rest.n > 0)
		if ((rc = step(t, &w, e)) != 0)
			return about(path, rc, e);
	if (last.n == 0) {
		*out = 0;
		return 0;
	}
	return make_child(t, w.at, last, out, e);
}

/* ---- putting in ---------------------------------------------------------- */

/* Everything below ${top} goes; the work was paid for when it was put in. */
static void
clear_below(struct tree *t, uint32_t top)
{
	uint32_t i = t->nodes[top].first;

	t->nodes[top].first = TREE_NONE;
	while (i != TREE_NONE) {
		struct node *n = &t->nodes[i];
		uint32_t down = n->first, next = n->sibling;

		n->kind = GONE;
		n->linked = false;
		n->first = n->sibling = TREE_NONE;
		if (down != TREE_NONE) {
			/* The children go in front of what is left of this list. */
			uint32_t last = down;

			while (t->nodes[last].sibling != TREE_NONE)
				last = t->nodes[last].sibling;
			t->nodes[last].sibling = next;
			next = down;
		}
		i = next;
	}
}

static int
put(struct tree *t, struct span path, enum kind kind, uint32_t *out, struct err *e)
{
	uint32_t i;
	int rc = resolve(t, path, &i, e);

	if (rc != 0)
		return rc;
	if (i == 0 && kind != DIRECTORY)
		return err_set(e, ERR_FORMAT, "the root of the tree is not a directory");
	if (t->nodes[i].kind == DIRECTORY && kind != DIRECTORY)
		clear_below(t, i);
	if (i != 0 && (kind != DIRECTORY || t->nodes[i].kind != DIRECTORY))
		become(t, i, kind);
	*out = i;
	return 0;
}

static int
new_content(struct tree *t, const struct digest *d, uint32_t *out, struct err *e)
{
	if (t->n_contents == t->cap_contents) {
		uint32_t cap = t->cap_contents == 0 ? 1024 : t->cap_contents * 2;
		struct digest *p;

		if (t->n_contents >= LIMIT_ARCHIVE_MEMBERS)
			return err_set(e, ERR_LIMIT, "more than %d files", LIMIT_ARCHIVE_MEMBERS);
		if ((p = reallocarray(t->contents, cap, sizeof(*p))) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		t->contents = p;
		t->cap_contents = cap;
	}
	t->contents[t->n_contents] = *d;
	*out = t->n_contents++;
	return 0;
}

int
tree_file(struct tree *t, struct span path, const struct digest *d, uint32_t *content,
    struct err *e)
{
	uint32_t c;
	int rc;

	if ((rc = new_content(t, d, &c, e)) != 0 || (rc = tree_share(t, path, c, e)) != 0)
		return rc;
	if (content != NULL)
		*content = c;
	return 0;
}

int
tree_share(struct tree *t, struct span path, uint32_t content, struct err *e)
{
	uint32_t i;
	int rc = put(t, path, REGULAR, &i, e);

	if (rc == 0)
		t->nodes[i].content = content;
	return rc;
}

void
tree_content(struct tree *t, uint32_t content, const struct digest *d)
{
	t->contents[content] = *d;
}

int
tree_link(struct tree *t, struct span path, struct span target, uint32_t *content, struct err *e)
{
	uint32_t i, c;
	int rc = resolve(t, target, &i, e);

	if (rc != 0)
		return rc;
	if (t->nodes[i].kind == SYMLINK || t->nodes[i].kind == SPECIAL) {
		/* A link to a link or a device: no content of its own. */
		*content = TREE_NONE;
		return put(t, path, SPECIAL, &i, e);
	}
	if (t->nodes[i].kind != REGULAR)
		return about(path, err_set(e, ERR_FORMAT,
		    "a hard link to a file that did not come before it"), e);
	c = t->nodes[i].content;
	if ((rc = tree_share(t, path, c, e)) == 0)
		*content = c;
	return rc;
}

int
tree_symlink(struct tree *t, struct span path, struct span target, struct err *e)
{
	struct span copy;
	uint32_t i;
	int rc;

	if (target.n > LIMIT_PATH)
		return about(path, err_set(e, ERR_LIMIT, "its target is too long"), e);
	if (!arena_copy(&t->arena, target, &copy))
		return arena_err(&t->arena, e);
	if ((rc = put(t, path, SYMLINK, &i, e)) == 0)
		t->nodes[i].target = copy;
	return rc;
}

int
tree_dir(struct tree *t, struct span path, struct err *e)
{
	uint32_t i;

	return put(t, path, DIRECTORY, &i, e);
}

int
tree_special(struct tree *t, struct span path, struct err *e)
{
	uint32_t i;

	return put(t, path, SPECIAL, &i, e);
}

/* ---- layers -------------------------------------------------------------- */

void
tree_layer(struct tree *t)
{
	t->layer++;
}

/* What lower layers put below ${top} is gone. */
static void
fade_below(struct tree *t, uint32_t top)
{
	uint32_t i = t->nodes[top].first;

	/* Once a layer is enough, and a long list of whiteouts must not cost its square. */
	if (t->nodes[top].whited == t->layer + 1)
		return;
	t->nodes[top].whited = t->layer + 1;
	while (i != TREE_NONE) {
		struct node *n = &t->nodes[i];

		if (n->layer < t->layer && n->kind != DIRECTORY)
			n->kind = GONE;
		if (n->first != TREE_NONE) {
			i = n->first;
			continue;
		}
		while (i != top && t->nodes[i].sibling == TREE_NONE)
			i = t->nodes[i].parent;
		i = i == top ? TREE_NONE : t->nodes[i].sibling;
	}
}

int
tree_whiteout(struct tree *t, struct span path, struct err *e)
{
	uint32_t i;
	int rc = resolve(t, path, &i, e);

	if (rc != 0)
		return rc;
	if (i != 0 && t->nodes[i].layer < t->layer && t->nodes[i].kind != DIRECTORY)
		t->nodes[i].kind = GONE;
	fade_below(t, i);
	return 0;
}

int
tree_opaque(struct tree *t, struct span path, struct err *e)
{
	uint32_t i;
	int rc = resolve(t, path, &i, e);

	if (rc == 0)
		fade_below(t, i);
	return rc;
}

/* ---- telling ------------------------------------------------------------- */

/* The path of node ${i}, written backwards into the end of ${room}. */
static bool
path_of(const struct tree *t, uint32_t i, uint8_t *room, size_t n, struct span *out)
{
	size_t at = n;

	for (; i != 0; i = t->nodes[i].parent) {
		struct span name = t->nodes[i].name;

		if (at < name.n + 1)
			return false;
		at -= name.n;
		memcpy(room + at, name.p, name.n);
		room[--at] = '/';
	}
	*out = span_of(room + at, n - at);
	return true;
}

int
tree_each(struct tree *t,
    int (*fn)(void *cookie, struct span path, const struct digest *d, struct err *e),
    void *cookie, struct tree_counts *counts, struct err *e)
{
	uint8_t *room = arena_alloc(&t->arena, LIMIT_PATH);
	int rc;

	if (room == NULL)
		return arena_err(&t->arena, e);
	for (uint32_t i = 1; i < t->n; i++) {
		const struct node *n = &t->nodes[i];
		struct span path;

		counts->symlinks += n->kind == SYMLINK;
		counts->special += n->kind == SPECIAL;
		if (n->kind != REGULAR)
			continue;
		counts->files++;
		if (!path_of(t, i, room, LIMIT_PATH, &path))
			return err_set(e, ERR_LIMIT, "a path of more than %zu bytes", LIMIT_PATH);
		if ((rc = fn(cookie, path, &t->contents[n->content], e)) != 0)
			return rc;
	}
	return 0;
}
