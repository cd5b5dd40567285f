#include "port/monitor/journal.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "port/monitor/journal_write.h"
#include "port/monitor/thread.h"

/* Results are kept for so many numbers: more than there are tasks that ask for one. */
#define RESULTS 4096

struct request {
	struct request *next;
	uint64_t number;
	bool is_note;
	struct monitor_note note;
	struct monitor_body body;
	uint8_t digest[32];
	size_t n_path, n_comm, n_cgroup;
	uint8_t names[];		/* path, comm, cgroup */
};

struct journal {
	struct monitor_shared *s;
	struct writer w;		/* the writing thread's */
	int done_fd;
	uint64_t handed;		/* requests so far: the dispatcher's */
	_Atomic uint64_t done;
	_Atomic uint8_t results[RESULTS];

	pthread_mutex_t lock;		/* for what follows */
	pthread_cond_t work, dirty, idle;
	struct request *first, **end;
	uint64_t waiting, dropped;	/* dropped: no memory, or too many wait */
	uint64_t dirty_since, written_records, written_bytes;
	bool finish, written_all;	/* finish: asked for; the syncing thread takes it back */
};

/* The queue's ceiling: what waits longer than hold_ms has been let go long ago. */
#define REQUESTS (2 * RESULTS)

/* Its number, or 0 if it cannot be taken. */
static uint64_t
hand_over(struct journal *j, struct request *q)
{
	uint64_t number = 0;

	(void)pthread_mutex_lock(&j->lock);
	if (q == NULL || j->waiting >= REQUESTS) {
		j->dropped++;
		free(q);
	} else {
		number = j->handed + 1;
		q->number = ++j->handed;
		atomic_store(&j->results[q->number % RESULTS], JOURNAL_WAITS);
		q->next = NULL;
		*j->end = q;
		j->end = &q->next;
		j->waiting++;
		(void)pthread_cond_signal(&j->work);
	}
	(void)pthread_mutex_unlock(&j->lock);
	return number;
}

uint64_t
journal_file(struct journal *j, const uint8_t digest[32], struct span path, const struct monitor_body *body)
{
	struct request *q = calloc(1, sizeof(*q) + path.n + body->comm.n + body->cgroup.n);

	if (q != NULL) {
		q->body = *body;
		memcpy(q->digest, digest, sizeof(q->digest));
		q->n_path = path.n;
		q->n_comm = body->comm.n;
		q->n_cgroup = body->cgroup.n;
		if (path.n > 0)
			memcpy(q->names, path.p, path.n);
		if (q->n_comm > 0)
			memcpy(q->names + path.n, body->comm.p, q->n_comm);
		if (q->n_cgroup > 0)
			memcpy(q->names + path.n + q->n_comm, body->cgroup.p, q->n_cgroup);
	}
	return hand_over(j, q);
}

void
journal_note(struct journal *j, const struct monitor_note *n)
{
	struct request *q = calloc(1, sizeof(*q));

	if (q != NULL) {
		q->is_note = true;
		q->note = *n;
	}
	(void)hand_over(j, q);
}

void
journal_gap(struct journal *j, enum monitor_why why, uint64_t from, uint64_t from_uptime, uint64_t count)
{
	journal_note(j, &(struct monitor_note){ .kind = MONITOR_NOTE_GAP, .why = why, .from = from,
	    .from_uptime = from_uptime, .count = count });
}

enum journal_result
journal_result(const struct journal *j, uint64_t number)
{
	if (number == 0)
		return JOURNAL_LOST;
	return number > atomic_load(&j->done) ? JOURNAL_WAITS :
	    (enum journal_result)atomic_load(&j->results[number % RESULTS]);
}

static enum journal_result
carry_out(struct journal *j, struct request *q)
{
	if (q->is_note)
		return writer_note(&j->w, &q->note);
	q->body.comm = span_of(q->names + q->n_path, q->n_comm);
	q->body.cgroup = span_of(q->names + q->n_path + q->n_comm, q->n_cgroup);
	return writer_file(&j->w, q->digest, span_of(q->names, q->n_path), &q->body);
}

/* The next request, or NULL when it is time to look for what is due. */
static struct request *
wait_for_request(struct journal *j, uint64_t *dropped)
{
	struct request *q;
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += 1;
	(void)pthread_mutex_lock(&j->lock);
	while ((q = j->first) == NULL && !j->finish)
		if (pthread_cond_timedwait(&j->work, &j->lock, &t) != 0)
			break;
	if ((q = j->first) != NULL) {
		if ((j->first = q->next) == NULL)
			j->end = &j->first;
		j->waiting--;
	}
	*dropped = j->dropped;
	j->dropped = 0;
	(void)pthread_mutex_unlock(&j->lock);
	return q;
}

/* True: everything is written, and the end was asked for. */
static bool
tell_written(struct journal *j)
{
	bool over;

	(void)pthread_mutex_lock(&j->lock);
	if (j->written_records != j->w.records && j->dirty_since == 0)
		j->dirty_since = clock_ns(CLOCK_MONOTONIC);
	j->written_records = j->w.records;
	j->written_bytes = j->w.list_size;
	over = j->written_all = j->finish && j->first == NULL;
	(void)pthread_cond_signal(&j->dirty);
	(void)pthread_mutex_unlock(&j->lock);
	return over;
}

static void *
write_run(void *arg)
{
	struct journal *j = arg;
	const int keep[] = { 2, j->w.list, j->w.sidecar, j->done_fd };

	thread_isolate(keep, 4);
	thread_urgent(THREAD_WORKER);
	do {
		uint64_t dropped;
		struct request *q = wait_for_request(j, &dropped);

		if (dropped > 0)
			writer_lost(&j->w, dropped);
		if (q != NULL) {
			atomic_store(&j->results[q->number % RESULTS], carry_out(j, q));
			atomic_store(&j->done, q->number);
			free(q);
			shared_poke(j->done_fd);
		}
		writer_tick(&j->w, clock_ns(CLOCK_BOOTTIME));
	} while (!tell_written(j));
	return NULL;
}

/* Wait until a batch is full or old enough; false to end. */
static bool
wait_for_batch(struct journal *j, uint64_t *records, uint64_t *bytes)
{
	uint64_t durable = atomic_load(&j->s->durable_records), until;
	struct timespec t;

	while (j->written_records == durable && !j->written_all)
		(void)pthread_cond_wait(&j->dirty, &j->lock);
	until = j->dirty_since + j->s->o.batch_ms * MS;
	t = (struct timespec){ (time_t)(until / 1000000000), (long)(until % 1000000000) };
	while (!j->finish && j->written_records - durable < j->s->o.batch_records &&
	    pthread_cond_timedwait(&j->dirty, &j->lock, &t) == 0)
		;
	*records = j->written_records;
	*bytes = j->written_bytes;
	j->dirty_since = 0;
	return *records != durable || !j->written_all;
}

static void *
sync_run(void *arg)
{
	struct journal *j = arg;
	const int keep[] = { 2, j->w.list, j->w.sidecar, j->s->ready_fd };
	uint64_t records, bytes;

	thread_isolate(keep, 4);
	(void)pthread_mutex_lock(&j->lock);
	while (wait_for_batch(j, &records, &bytes)) {
		(void)pthread_mutex_unlock(&j->lock);
		/* An error here is one of the disk's: what is lost by it only a power cut shows. */
		if (fdatasync(j->w.sidecar) != 0 || fdatasync(j->w.list) != 0)
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

	journal_note(j, &(struct monitor_note){ .kind = MONITOR_NOTE_STOP });
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += 2;
	(void)pthread_mutex_lock(&j->lock);
	j->finish = true;
	(void)pthread_cond_signal(&j->work);
	(void)pthread_cond_signal(&j->dirty);
	while (j->finish && pthread_cond_timedwait(&j->idle, &j->lock, &t) == 0)
		;
	(void)pthread_mutex_unlock(&j->lock);
}

int
journal_open(struct monitor_shared *s, int done_fd, struct journal **out, struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));
	pthread_condattr_t clock;
	int rc;

	if (j == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	j->s = s;
	j->done_fd = done_fd;
	j->end = &j->first;
	if ((rc = writer_open(&j->w, s, e)) != 0)
		return rc;	/* the process ends */
	atomic_store(&s->records, j->w.records);
	j->written_records = j->w.records;
	j->written_bytes = j->w.list_size;
	(void)pthread_condattr_init(&clock);
	(void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&j->lock, NULL);
	(void)pthread_cond_init(&j->work, &clock);
	(void)pthread_cond_init(&j->dirty, &clock);
	(void)pthread_cond_init(&j->idle, &clock);
	(void)pthread_condattr_destroy(&clock);
	if ((rc = thread_start(write_run, j, KIB(128), e)) != 0 || (rc = thread_start(sync_run, j, KIB(64), e)) != 0)
		return rc;
	*out = j;
	return 0;
}
