#include "port/monitor/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/digest.h"
#include "port/monitor/journal_read.h"

struct journal {
	struct monitor_shared *s;
	struct seen_files *seen;
	struct hasher *sha1, *sha256;
	int list, sidecar;
	uint64_t list_size, sidecar_size, records;
	uint8_t chain[MONITOR_CHAIN];
	uint64_t unchained, last_file;		/* entries behind the last monitor_chain, and when */
	struct buf record, body, data;		/* used again for each */

	/* What could not be written. */
	uint64_t lost, lost_from, lost_from_uptime;

	/* What the thread looks at, under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t work, idle;
	uint64_t dirty_since, written_records, written_bytes;
	bool finish;
};

static bool
write_at(int fd, struct span s, uint64_t at)
{
	while (s.n > 0) {
		ssize_t n = pwrite(fd, s.p, s.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = span_from(s, (size_t)n);
		at += (uint64_t)n;
	}
	return true;
}

static void
tell_thread(struct journal *j)
{
	(void)pthread_mutex_lock(&j->lock);
	j->written_records = j->records;
	j->written_bytes = j->list_size;
	if (j->dirty_since == 0)
		j->dirty_since = clock_ns(CLOCK_MONOTONIC);
	(void)pthread_cond_signal(&j->work);
	(void)pthread_mutex_unlock(&j->lock);
}

/* The chain value that the body in j->body leads to, for an entry with this digest of its
 * template data, behind it. */
static bool
chain_body(struct journal *j, const uint8_t data[32], uint8_t chain[MONITOR_CHAIN])
{
	return hasher_start(j->sha256) && hasher_add(j->sha256, span_of(j->chain, MONITOR_CHAIN)) &&
	    hasher_add(j->sha256, span_of(data, 32)) && hasher_add(j->sha256, buf_view(&j->body)) &&
	    hasher_finish(j->sha256, chain);
}

/* The sidecar's entry first.  Half of either is cut off again, or by the next start. */
static bool
append(struct journal *j, const char *template, const struct monitor_body *body, const uint8_t data_digest[32])
{
	struct span data = buf_view(&j->data);
	uint8_t column[20], chain[MONITOR_CHAIN], length[4];
	uint64_t sidecar = j->sidecar_size;
	bool good;

	j->record.n = j->body.n = 0;
	if (!hasher_run(j->sha1, data, span_of(NULL, 0), column))
		return false;
	monitor_record(&j->record, j->s->o.pcr, column, template, data);
	good = j->record.why == 0 && j->list_size + j->record.n <= LIMIT_MONITOR_LIST;
	if (body != NULL && good) {
		monitor_body_write(body, &j->body);
		for (unsigned i = 0; i < 4; i++)
			length[i] = (uint8_t)(j->body.n >> 8 * i);
		good = j->body.why == 0 && chain_body(j, data_digest, chain) &&
		    write_at(j->sidecar, span_of(length, 4), sidecar) &&
		    write_at(j->sidecar, buf_view(&j->body), sidecar + 4) &&
		    write_at(j->sidecar, span_of(chain, sizeof(chain)), sidecar + 4 + j->body.n);
		sidecar += 4 + j->body.n + MONITOR_CHAIN;
	}
	if (!good || !write_at(j->list, buf_view(&j->record), j->list_size)) {
		(void)!ftruncate(j->sidecar, (off_t)j->sidecar_size);
		(void)!ftruncate(j->list, (off_t)j->list_size);
		return false;
	}
	if (body != NULL) {
		memcpy(j->chain, chain, sizeof(chain));
		j->unchained++;
	}
	j->sidecar_size = sidecar;
	j->list_size += j->record.n;
	j->records++;
	atomic_store(&j->s->records, j->records);
	atomic_store(&j->s->last_listed, clock_ns(CLOCK_BOOTTIME));
	return true;
}

static void
note_lost(struct journal *j)
{
	if (j->lost++ > 0)
		return;
	j->lost_from = clock_ns(CLOCK_REALTIME);
	j->lost_from_uptime = clock_ns(CLOCK_BOOTTIME);
}

static bool
put_note(struct journal *j, const struct monitor_note *n)
{
	BUF_AUTO struct buf text = buf_init(KIB(1));
	uint8_t digest[32];

	monitor_note_write(n, &text);
	j->data.n = 0;
	if (text.why != 0 || !hasher_run(j->sha256, buf_view(&text), span_of(NULL, 0), digest))
		return false;
	monitor_data_note(&j->data, span_of(digest, 32), span_str(monitor_note_name(n->kind)), buf_view(&text));
	if (j->data.why != 0 || !append(j, "ima-buf", NULL, NULL))
		return false;
	if (n->kind == MONITOR_NOTE_GAP)
		atomic_fetch_add(&j->s->gaps, 1);
	return true;
}

/* Once records can be written again, that some could not comes first. */
static bool
make_up(struct journal *j)
{
	struct monitor_note n = { .kind = MONITOR_NOTE_GAP, .from = j->lost_from, .from_uptime = j->lost_from_uptime,
	    .time = clock_ns(CLOCK_REALTIME), .uptime = clock_ns(CLOCK_BOOTTIME), .why = MONITOR_WHY_WRITE,
	    .count = j->lost };

	if (j->lost == 0)
		return true;
	if (!put_note(j, &n))
		return false;
	j->lost = 0;
	return true;
}

bool
journal_file(struct journal *j, const uint8_t digest[32], struct span path, struct monitor_body *body, bool *listed)
{
	uint8_t id[32];

	*listed = false;
	j->data.n = 0;
	monitor_data_file(&j->data, span_of(digest, 32), path);
	if (j->data.why != 0 || !hasher_run(j->sha256, buf_view(&j->data), span_of(NULL, 0), id)) {
		j->data.why = 0;
		note_lost(j);
		return false;
	}
	if (listed_has(j->seen, id))
		return true;
	*listed = true;
	if (j->lost > 0) {
		if (!make_up(j)) {
			note_lost(j);
			return false;
		}
		j->data.n = 0;
		monitor_data_file(&j->data, span_of(digest, 32), path);
	}
	body->number = j->records + 1;
	body->path = span_find(path, ' ') == path.n ? span_of(NULL, 0) : path;
	if (!append(j, "ima-ng", body, id)) {
		note_lost(j);
		return false;
	}
	listed_add(j->seen, id);
	j->last_file = clock_ns(CLOCK_BOOTTIME);
	tell_thread(j);
	if (j->unchained >= j->s->o.chain_records)
		journal_tick(j, UINT64_MAX);
	return true;
}

void
journal_note(struct journal *j, struct monitor_note *n)
{
	n->time = clock_ns(CLOCK_REALTIME);
	n->uptime = clock_ns(CLOCK_BOOTTIME);
	n->entries = j->records;
	memcpy(n->chain, j->chain, sizeof(n->chain));
	if (!make_up(j) || !put_note(j, n)) {
		note_lost(j);
		return;
	}
	j->unchained = n->kind == MONITOR_NOTE_GAP ? j->unchained : 0;
	tell_thread(j);
}

void
journal_gap(struct journal *j, enum monitor_why why, uint64_t from, uint64_t from_uptime, uint64_t count)
{
	journal_note(j, &(struct monitor_note){ .kind = MONITOR_NOTE_GAP, .why = why, .from = from,
	    .from_uptime = from_uptime, .count = count });
}

void
journal_tick(struct journal *j, uint64_t now)
{
	if (j->unchained > 0 && (now == UINT64_MAX || now - j->last_file >= j->s->o.chain_ms * MS))
		journal_note(j, &(struct monitor_note){ .kind = MONITOR_NOTE_CHAIN });
	else if (j->lost > 0 && now - j->lost_from_uptime >= 1000 * MS)
		(void)make_up(j);
}

/* Wait until a batch is full or old enough; false to end. */
static bool
wait_for_batch(struct journal *j, uint64_t *records, uint64_t *bytes)
{
	uint64_t durable = atomic_load(&j->s->durable_records), until;
	struct timespec t;

	while (j->written_records == durable && !j->finish)
		(void)pthread_cond_wait(&j->work, &j->lock);
	until = j->dirty_since + j->s->o.batch_ms * MS;
	t = (struct timespec){ (time_t)(until / 1000000000), (long)(until % 1000000000) };
	while (!j->finish && j->written_records - durable < j->s->o.batch_records &&
	    pthread_cond_timedwait(&j->work, &j->lock, &t) == 0)
		;
	*records = j->written_records;
	*bytes = j->written_bytes;
	j->dirty_since = 0;
	return *records != durable;
}

static void *
sync_run(void *arg)
{
	struct journal *j = arg;
	uint64_t records, bytes;

	(void)pthread_mutex_lock(&j->lock);
	while (wait_for_batch(j, &records, &bytes)) {
		(void)pthread_mutex_unlock(&j->lock);
		/* An error here is one of the disk's: what is lost by it only a power cut shows. */
		if (fdatasync(j->sidecar) != 0 || fdatasync(j->list) != 0)
			atomic_fetch_or(&j->s->ask, 1u << MONITOR_WHY_WRITE);
		atomic_store(&j->s->durable_bytes, bytes);
		atomic_store(&j->s->durable_records, records);
		shared_poke(j->s->ready_fd);
		(void)pthread_mutex_lock(&j->lock);
	}
	j->finish = false;
	(void)pthread_cond_signal(&j->idle);
	(void)pthread_mutex_unlock(&j->lock);
	return NULL;
}

void
journal_finish(struct journal *j)
{
	struct timespec t;

	if (j->lost > 0)
		(void)make_up(j);
	journal_note(j, &(struct monitor_note){ .kind = MONITOR_NOTE_STOP });
	(void)pthread_mutex_lock(&j->lock);
	j->finish = true;
	(void)pthread_cond_signal(&j->work);
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += 2;
	while (j->finish && pthread_cond_timedwait(&j->idle, &j->lock, &t) == 0)
		;
	(void)pthread_mutex_unlock(&j->lock);
}

uint64_t
journal_records(const struct journal *j)
{
	return j->records;
}

static int
open_files(struct journal *j, struct err *e)
{
	j->list = openat(j->s->dir, JOURNAL_LIST, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->list < 0)
		return err_errno(e, "cannot open the monitor's list in %s", j->s->o.dir);
	j->sidecar = openat(j->s->dir, JOURNAL_SIDECAR, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->sidecar < 0)
		return err_errno(e, "cannot open the monitor's sidecar in %s", j->s->o.dir);
	return 0;
}

/* Cut off what is not whole, and go on from there. */
static int
take_up(struct journal *j, struct err *e)
{
	struct journal_state x;
	int rc = journal_read(j->list, j->sidecar, j->seen, &x, e);

	if (rc != 0)
		return rc;
	if (ftruncate(j->list, (off_t)x.list_size) != 0 || ftruncate(j->sidecar, (off_t)x.sidecar_size) != 0)
		return err_errno(e, "cannot cut what is not whole off the monitor's list in %s", j->s->o.dir);
	j->list_size = x.list_size;
	j->records = x.records;
	j->sidecar_size = x.sidecar_size;
	j->unchained = x.unchained;
	memcpy(j->chain, x.chain, sizeof(j->chain));
	if (x.sidecar_lost)
		atomic_fetch_or(&j->s->ask, 1u << MONITOR_WHY_SIDECAR);
	if (x.sidecar_size == 0) {
		monitor_header_write(j->s->boot_id, &j->body);
		if (!write_at(j->sidecar, buf_view(&j->body), 0))
			return err_errno(e, "cannot write the monitor's sidecar in %s", j->s->o.dir);
		j->sidecar_size = j->body.n;
		if (!hasher_run(j->sha256, buf_view(&j->body), span_of(NULL, 0), j->chain))
			return err_set(e, ERR_CRYPTO, "hashing the sidecar's header");
	}
	return 0;
}

static int
start_thread(struct journal *j, struct err *e)
{
	pthread_condattr_t clock;
	pthread_attr_t attr;
	pthread_t id;
	int rc;

	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&j->lock, NULL);
	(void)pthread_cond_init(&j->work, &clock);
	(void)pthread_cond_init(&j->idle, &clock);
	(void)pthread_condattr_destroy(&clock);
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, KIB(64));
	rc = pthread_create(&id, &attr, sync_run, j);
	(void)pthread_attr_destroy(&attr);
	errno = rc;
	return rc == 0 ? 0 : err_errno(e, "cannot start a thread");
}

int
journal_open(struct monitor_shared *s, struct seen_files *seen, struct journal **out, struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));
	int rc;

	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*j = (struct journal){ .s = s, .seen = seen, .record = buf_init(LIMIT_MONITOR_BODY + LIMIT_PATH),
	    .body = buf_init(LIMIT_MONITOR_BODY), .data = buf_init(LIMIT_PATH) };
	if ((rc = hasher_new(DIGEST_SHA1, &j->sha1, e)) != 0 || (rc = hasher_new(DIGEST_SHA256, &j->sha256, e)) != 0 ||
	    (rc = open_files(j, e)) != 0 || (rc = take_up(j, e)) != 0)
		return rc;	/* the process ends */
	atomic_store(&s->records, j->records);
	j->written_records = j->records;
	j->written_bytes = j->list_size;
	if (j->records != atomic_load(&s->durable_records))
		j->dirty_since = clock_ns(CLOCK_MONOTONIC);
	if ((rc = start_thread(j, e)) == 0)
		*out = j;
	return rc;
}
