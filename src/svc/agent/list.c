#include "svc/agent/list.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

#define GAPS_MAX 64		/* a host that has more of them has told enough */

struct gap { uint64_t from, to; const char *why; };

struct list {
	struct list_options o;
	char *file, *count_file, *staged_file;	/* owned */
	struct records now;		/* the source; entry 0 of it is entry ${first} */
	uint64_t first;
	bool aligned;			/* ${first} is known */
	bool spooling;
	struct spool spool;
	struct gap gaps[GAPS_MAX];
	size_t n_gaps;
};

static void
add_gap(struct list *l, uint64_t from, uint64_t to, const char *why)
{
	if (l->n_gaps < GAPS_MAX)
		l->gaps[l->n_gaps++] = (struct gap){ from, to, why };
}

json_t *
list_gaps(const struct list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; a != NULL && i < l->n_gaps; i++)
		(void)json_array_append_new(a, json_pack("{s:I,s:I,s:s}", "from", (json_int_t)l->gaps[i].from,
		    "to", (json_int_t)l->gaps[i].to, "why", l->gaps[i].why));
	return a;
}

uint64_t
list_trimmed(const struct list *l)
{
	return l->aligned ? l->first : 0;
}

static int
copy_name(const char *name, char **out, struct err *e)
{
	*out = name == NULL ? NULL : strdup(name);
	return name != NULL && *out == NULL ? err_set(e, ERR_NOMEM, "no memory for a file's name") : 0;
}

static int
default_stage(void *arg, char command, struct err *e)
{
	struct list *l = arg;
	int fd = open(l->staged_file, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 || write(fd, &command, 1) != 1)
		rc = err_errno(e, "cannot write \"%c\" to %s", command, l->staged_file);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static int stage_recover(struct list *l, struct err *e);

int
list_open(const struct list_options *o, struct list **out, struct err *e)
{
	LIST_AUTO struct list *l = calloc(1, sizeof(*l));
	struct stat st;
	int rc;

	if (l == NULL)
		return err_set(e, ERR_NOMEM, "no memory for the measurement list");
	l->o = *o;
	l->now = records_none();
	l->spool = (struct spool){ .list = records_none(), .chain = -1, .dir = -1 };
	if (l->o.stage == NULL) {
		l->o.stage = default_stage;
		l->o.arg = l;
	}
	if ((rc = copy_name(o->file, &l->file, e)) != 0 || (rc = copy_name(o->count_file, &l->count_file, e)) != 0 ||
	    (rc = copy_name(o->staged_file, &l->staged_file, e)) != 0)
		return rc;
	if (o->staged_file != NULL && stat(o->staged_file, &st) == 0) {
		if ((rc = spool_open(o->spool_dir, o->boot_id, &l->spool, e)) != 0)
			return rc;
		l->spooling = true;
		if (l->spool.damaged)
			add_gap(l, l->spool.list.n, l->spool.list.n, "the spool was damaged");
		if ((rc = stage_recover(l, e)) != 0)
			return rc;
	}
	*out = l;
	l = NULL;	/* transferred */
	return 0;
}

void
list_close(struct list *l)
{
	if (l == NULL)
		return;
	records_close(&l->now);
	spool_close(&l->spool);
	free(l->file);
	free(l->count_file);
	free(l->staged_file);
	free(l);
}

/* A decimal number in a file of securityfs. */
static int
read_count(const char *path, uint64_t *n, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	struct span s;
	int rc = file_read(path, 64, &f, e);

	if (rc != 0)
		return rc;
	s = file_view(&f);
	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	return dec_u64(s, n) ? 0 : err_set(e, ERR_FORMAT, "%s holds no number", path);
}

int
list_stamp(struct list *l, uint64_t *stamp, struct err *e)
{
	struct stat st;

	if (l->count_file != NULL)
		return read_count(l->count_file, stamp, e);
	if (stat(l->file, &st) != 0)
		return err_errno(e, "cannot find the measurement list %s", l->file);
	*stamp = (uint64_t)st.st_size;
	return 0;
}

static int
open_now(struct list *l, struct err *e)
{
	if (l->now.fd >= 0)
		return 0;
	if ((l->now.fd = open(l->file, O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0)
		return err_errno(e, "cannot open the measurement list %s", l->file);
	return 0;
}

/* The kernel lets many read or one write: where somebody may want to write, the list is
 * open no longer than it is read. */
static void
close_now(struct list *l)
{
	if (l->spooling && l->now.fd >= 0) {
		(void)close(l->now.fd);
		l->now.fd = -1;
	}
}

/* Whether bytes [0, n) of one file are bytes [at, at + n) of the other. */
static int
same_bytes(int a, int b, uint64_t at, uint64_t n, bool *same, struct err *e)
{
	uint8_t x[KIB(16)], y[KIB(16)];

	*same = true;
	for (uint64_t off = 0; off < n && *same;) {
		size_t want = n - off < sizeof(x) ? (size_t)(n - off) : sizeof(x);
		ssize_t k = pread(a, x, want, (off_t)off);

		if (k < 0)
			return err_errno(e, "cannot read the measurement list");
		*same = k > 0 && pread(b, y, (size_t)k, (off_t)(at + off)) == k && memcmp(x, y, (size_t)k) == 0;
		off += (uint64_t)k;
	}
	return 0;
}

/* Looks in the spool for the place at which a file of records (all of which were looked
 * at) begins.  The file holds all that came later, so from there on both must be alike to
 * the spool's end: a list that merely begins like an old one, as after a reboot, is not
 * taken for its continuation. */
struct seek {
	struct list *l;
	const struct records *r;
	struct buf first;		/* its first record */
	uint64_t index, at;
	bool found;
};

static int
seek_first(void *arg, uint64_t offset, struct span record, struct err *e)
{
	struct seek *s = arg;

	(void)offset;
	buf_span(&s->first, record);
	return s->first.why != 0 ? buf_done(&s->first, e) : 1;
}

static int
seek_one(void *arg, uint64_t offset, struct span record, struct err *e)
{
	struct seek *s = arg;
	uint64_t rest = s->l->spool.list.end - offset;
	int rc;

	if (span_eq(record, buf_view(&s->first)) && rest <= s->r->end) {
		if ((rc = same_bytes(s->r->fd, s->l->spool.list.fd, offset, rest, &s->found, e)) != 0)
			return rc;
		s->at = s->index;
	}
	s->index++;
	return s->found;
}

static int
find_in_spool(struct list *l, const struct records *r, uint64_t *at, bool *found, struct err *e)
{
	struct seek s = { .l = l, .r = r, .first = buf_init(2 * LIMIT_IMA_DATA) };
	int rc = records_each(r, seek_first, &s, e);

	if (rc == 0 && r->n > 0)
		rc = records_each(&l->spool.list, seek_one, &s, e);
	buf_free(&s.first);
	*at = s.at;
	*found = s.found;
	return rc;
}

static bool
same_boot(const struct list *l)
{
	char id[SPOOL_BOOT_ID + 1];

	(void)snprintf(id, sizeof(id), "%-36.36s", l->o.boot_id);
	return memcmp(id, l->spool.boot_id, SPOOL_BOOT_ID) == 0;
}

/* Where a file of records that was looked at begins, among all entries of the boot. */
static int
place(struct list *l, const struct records *r, struct err *e)
{
	uint64_t at = 0;
	bool found = false;
	int rc = find_in_spool(l, r, &at, &found, e);

	if (rc != 0)
		return rc;
	l->first = at;
	/* Found behind the begin: trimmed, or carried over by kexec.  Found at the begin: the
	 * list is whole; under another boot_id it is alike by chance, or kexec carried it. */
	if (found)
		return at == 0 && !same_boot(l) ? spool_begin(&l->spool, l->o.boot_id, e) : 0;
	if (!same_boot(l))
		return spool_begin(&l->spool, l->o.boot_id, e);
	l->first = l->spool.list.n;
	if (l->first > 0 && r->n > 0 && !l->spool.emptied)
		add_gap(l, l->first, l->first, "entries were trimmed from the kernel's list before the agent read them");
	return 0;
}

/* New records of the kernel's that the spool lacks. */
static int
to_spool(void *arg, uint64_t index, struct span record, struct err *e)
{
	struct list *l = arg;

	return l->first + index < l->spool.list.n + l->spool.n_pending ? 0 : spool_add(&l->spool, record, e);
}

static int
spool_now(struct list *l, struct err *e)
{
	int rc;

	/* Again from the begin: the look before had no place in the spool yet. */
	records_forget(&l->now);
	if ((rc = records_look(&l->now, to_spool, l, e)) != 0)
		return rc;
	return spool_flush(&l->spool, false, e);
}

/* What was seen before is not there any more. */
static int
start_over(struct list *l, struct err *e)
{
	uint64_t seen = l->first + l->now.n;
	bool had = l->aligned && l->now.n > 0;
	int rc;

	records_forget(&l->now);
	l->aligned = false;
	if ((rc = records_look(&l->now, NULL, NULL, e)) != 0)
		return rc;
	if (!l->spooling && had)
		add_gap(l, 0, seen, "the measurement list was replaced by another while the agent ran");
	return 0;
}

static int
look(struct list *l, struct err *e)
{
	bool same = true;
	int rc;

	if ((rc = open_now(l, e)) != 0 || (rc = records_same(&l->now, &same, e)) != 0)
		return rc;
	if (!same && (rc = start_over(l, e)) != 0)
		return rc;
	if (l->aligned) {
		if ((rc = records_look(&l->now, l->spooling ? to_spool : NULL, l, e)) != 0)
			return rc;
		return l->spooling ? spool_flush(&l->spool, false, e) : 0;
	}
	if ((rc = records_look(&l->now, NULL, NULL, e)) != 0)
		return rc;
	l->first = 0;
	l->aligned = true;
	if (!l->spooling)
		return 0;
	/* An empty list can begin anywhere: it is asked again when there is something. */
	l->aligned = l->now.n > 0;
	rc = place(l, &l->now, e);
	return rc != 0 ? rc : spool_now(l, e);
}

static uint64_t
total_of(const struct list *l)
{
	return !l->aligned && l->spooling ? l->spool.list.n : l->first + l->now.n;
}

int
list_look(struct list *l, uint64_t *total, struct err *e)
{
	int rc = look(l, e);

	close_now(l);
	if (rc == 0)
		*total = total_of(l);
	return rc;
}

/* Both parts of what was asked for, one behind the other. */
static int
copy_parts(struct list *l, uint64_t from, uint64_t to, int out, struct err *e)
{
	uint64_t split = l->first < from ? from : l->first > to ? to : l->first;
	int rc = 0;

	if (l->spooling && !l->aligned)
		split = to;
	if (from < split)
		rc = records_copy(&l->spool.list, from, split, out, e);
	if (rc == 0 && split < to)
		rc = records_copy(&l->now, split - l->first, to - l->first, out, e);
	return rc;
}

static int
check_size(struct list *l, uint64_t from, struct err *e)
{
	uint64_t a = 0, b = 0, bytes;
	int rc = 0;

	if (from < l->first && l->spooling && (rc = records_offset(&l->spool.list, from, &a, e)) != 0)
		return rc;
	if (from >= l->first && (rc = records_offset(&l->now, from - l->first, &b, e)) != 0)
		return rc;
	bytes = (from < l->first ? l->spool.list.end - a : 0) + (l->now.end - b);
	if (bytes > LIMIT_ATTEST_LIST)
		return err_hint(e, err_set(e, ERR_LIMIT, "%llu bytes of the measurement list are new; one message takes %zu",
		    (unsigned long long)bytes, LIMIT_ATTEST_LIST),
		    "the host measured too much before it was attested; reboot it, and let the agent start early");
	return 0;
}

static int
seal(struct list_slice *s, struct err *e)
{
	struct stat st;

	if (fstat(s->fd, &st) != 0 || lseek(s->fd, 0, SEEK_SET) != 0 ||
	    fcntl(s->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return err_errno(e, "cannot seal a file in memory");
	s->bytes = (uint64_t)st.st_size;
	return 0;
}

int
list_slice(struct list *l, uint64_t from, struct list_slice *out, struct err *e)
{
	struct list_slice s = { .fd = -1 };
	int rc = look(l, e);

	if (rc == 0) {
		s.total = total_of(l);
		s.from = from < s.total ? from : s.total;
		s.count = s.total - s.from;
		rc = check_size(l, s.from, e);
	}
	if (rc == 0 && (s.fd = memfd_create("measurement-list", MFD_CLOEXEC | MFD_ALLOW_SEALING)) < 0)
		rc = err_errno(e, "cannot make a file in memory");
	if (rc == 0 && (rc = copy_parts(l, s.from, s.total, s.fd, e)) == 0)
		rc = seal(&s, e);
	close_now(l);
	if (rc != 0) {
		if (s.fd >= 0)
			(void)close(s.fd);
		return rc;
	}
	*out = s;
	return 0;
}

/* Entries that are staged: into the spool what it lacks, then away with them. */
static int
take_staged(struct list *l, struct err *e)
{
	RECORDS_AUTO struct records staged = records_none();
	int rc;

	if ((staged.fd = open(l->staged_file, O_RDONLY | O_CLOEXEC)) < 0)
		return err_errno(e, "cannot open %s", l->staged_file);
	if ((rc = records_look(&staged, NULL, NULL, e)) != 0 || staged.n == 0 ||
	    (rc = place(l, &staged, e)) != 0)
		return rc;
	l->aligned = true;
	records_forget(&staged);
	if ((rc = records_look(&staged, to_spool, l, e)) != 0 || (rc = spool_flush(&l->spool, true, e)) != 0)
		return rc;
	records_close(&staged);	/* the kernel lets nobody write while somebody reads */
	return l->o.stage(l->o.arg, 'D', e);
}

/* An agent that ended between "A" and "D" left them staged. */
static int
stage_recover(struct list *l, struct err *e)
{
	struct stat st;
	int fd, rc;
	char c;

	if (stat(l->staged_file, &st) != 0 || (fd = open(l->staged_file, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;	/* nothing staged: some kernels refuse to open it then */
	rc = read(fd, &c, 1) > 0;
	(void)close(fd);
	if (rc == 0)
		return 0;
	rc = take_staged(l, e);
	l->aligned = false;
	l->first = 0;
	return rc;
}

int
list_stage(struct list *l, struct err *e)
{
	int rc;

	if (!l->spooling || l->o.stage_at == 0)
		return 0;
	if ((rc = look(l, e)) != 0 || l->now.n < l->o.stage_at) {
		close_now(l);
		return rc;
	}
	close_now(l);
	if ((rc = l->o.stage(l->o.arg, 'A', e)) != 0 || (rc = take_staged(l, e)) != 0)
		return err_ctx(e, rc, "trimming the kernel's measurement list");
	/* The list begins anew behind what was staged. */
	records_forget(&l->now);
	l->first = l->spool.list.n;
	l->aligned = true;
	return 0;
}
