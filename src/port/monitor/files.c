#include "port/monitor/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/limits.h"

#define WAYS 4
#define SETS (LIMIT_MONITOR_CACHE / WAYS)
#define ID 16		/* bytes of an entry's digest: finding two alike takes 2^64 work */

struct generation { uint8_t (*ids)[ID]; size_t n, cap; };	/* open addressing; all zeros: free */

struct seen_files {
	struct file_key keys[SETS][WAYS];	/* inode 0 and device 0: free */
	uint8_t next[SETS];
	size_t n;
	struct generation young, old;
};

static int64_t
ns_of(struct statx_timestamp t)
{
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

bool
file_look(int fd, uint64_t now, struct file_facts *f)
{
	struct statx x;

	/* Never ask a server: the local times are those the kernel itself would compare. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_BTIME, &x) != 0)
		return false;
	memset(f, 0, sizeof(*f));		/* keys are compared as bytes */
	f->key = (struct file_key){ .device = makedev(x.stx_dev_major, x.stx_dev_minor), .inode = x.stx_ino,
	    .size = x.stx_size, .modified = ns_of(x.stx_mtime), .changed = ns_of(x.stx_ctime),
	    .born = (x.stx_mask & STATX_BTIME) != 0 ? ns_of(x.stx_btime) : 0 };
	f->mode = x.stx_mode;
	f->uid = x.stx_uid;
	f->major = x.stx_dev_major;
	f->minor = x.stx_dev_minor;
	/* A time in the future says nothing about when the last change was. */
	f->settled = f->key.changed < (int64_t)now && (int64_t)now - f->key.changed > FILE_SETTLED;
	return true;
}

/* A read lease is refused while the file is open for writing (fs/locks.c,
 * check_conflicting_open).  It is given back at once; a writer that comes between waits for
 * that moment.  Where leases are not supported nobody can tell. */
bool
file_written(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return true;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

int
seen_files_new(struct seen_files **s, struct err *e)
{
	struct seen_files *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*s = n;
	return 0;
}

void
seen_files_free(struct seen_files *s)
{
	if (s == NULL)
		return;
	free(s->young.ids);
	free(s->old.ids);
	free(s);
}

static size_t
set_of(const struct file_key *k)
{
	uint64_t h = k->inode * 0x9e3779b97f4a7c15u ^ k->device * 0xc2b2ae3d27d4eb4fu;

	return (size_t)(h >> 40) % SETS;
}

bool
seen_file(struct seen_files *s, const struct file_key *k)
{
	size_t i = set_of(k);

	for (size_t w = 0; w < WAYS; w++)
		if (file_key_eq(&s->keys[i][w], k))
			return true;
	return false;
}

/* An older state of the same file gives way first, then whichever was put in first. */
void
seen_file_add(struct seen_files *s, const struct file_key *k)
{
	size_t i = set_of(k), to = WAYS;

	for (size_t w = 0; w < WAYS && to == WAYS; w++) {
		const struct file_key *x = &s->keys[i][w];

		if (x->inode == k->inode && x->device == k->device)
			to = w;
	}
	for (size_t w = 0; w < WAYS && to == WAYS; w++)
		if (s->keys[i][w].inode == 0 && s->keys[i][w].device == 0) {
			to = w;
			s->n++;
		}
	if (to == WAYS)
		to = s->next[i]++ % WAYS;
	s->keys[i][to] = *k;
}

size_t
seen_files_count(const struct seen_files *s)
{
	return s->n;
}

static bool
generation_has(const struct generation *g, const uint8_t id[ID], size_t *at)
{
	static const uint8_t none[ID];
	uint64_t h;

	if (g->cap == 0)
		return false;
	memcpy(&h, id, sizeof(h));
	for (size_t i = (size_t)h & (g->cap - 1);; i = (i + 1) & (g->cap - 1)) {
		*at = i;
		if (memcmp(g->ids[i], id, ID) == 0)
			return true;
		if (memcmp(g->ids[i], none, ID) == 0)
			return false;
	}
}

/* Doubled, or, at the ceiling, made the old generation.  Without memory it stays as it is
 * until it is full, and then is forgotten. */
static void
generation_room(struct seen_files *s)
{
	struct generation *g = &s->young, n = { .cap = g->cap == 0 ? 1024 : g->cap * 2 };
	size_t at;

	if (g->n * 4 < g->cap * 3)
		return;
	if (g->n >= LIMIT_MONITOR_LISTED) {
		free(s->old.ids);
		s->old = *g;
		*g = (struct generation){ 0 };
		n.cap = 1024;
	}
	n.ids = calloc(n.cap, sizeof(*n.ids));
	if (n.ids == NULL) {
		if (g->n + 1 >= g->cap && g->ids != NULL) {
			memset(g->ids, 0, g->cap * sizeof(*g->ids));
			g->n = 0;
		}
		return;
	}
	for (size_t i = 0; i < g->cap; i++) {
		if (generation_has(&n, g->ids[i], &at) || span_zero(span_of(g->ids[i], ID)))
			continue;
		memcpy(n.ids[at], g->ids[i], ID);
		n.n++;
	}
	free(g->ids);
	*g = n;
}

bool
listed_has(const struct seen_files *s, const uint8_t digest[32])
{
	size_t at;

	return generation_has(&s->young, digest, &at) || generation_has(&s->old, digest, &at);
}

void
listed_add(struct seen_files *s, const uint8_t digest[32])
{
	size_t at;

	generation_room(s);
	if (s->young.cap == 0 || generation_has(&s->young, digest, &at))
		return;
	memcpy(s->young.ids[at], digest, ID);
	s->young.n++;
}
