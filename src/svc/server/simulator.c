/* One thread that works simulations off, one after the other, and keeps the last few. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/random.h"
#include "engine/result_json.h"
#include "svc/server/simulate.h"

#define KEPT 16			/* simulations, waiting ones among them */
#define FIRST_BELOW ((uint64_t)1 << 48)	/* a number of JSON is exact below 2^53 */
#define PAGE 100		/* hosts read at once */
#define CHANGES 1000		/* told one by one */
#define FEW_FINDINGS 3		/* of each of them */
#define COUNTED_FINDINGS 100	/* of a host, for the causes */
#define CAUSES 20
#define CAUSES_COUNTED 20000	/* different ones; more say nothing more */

enum state { FREE = 0, WAITING, RUNNING, DONE, FAILED, CANCELLED };

struct counts {
	uint64_t hosts, done;
	uint64_t by_verdict[4];
	uint64_t unchanged, overruled, without, changes;
};

struct simulation {
	uint64_t number;
	enum state state;
	bool stop;
	struct arena arena;
	struct simulation_order order;
	struct counts counts;
	json_t *changes;	/* the thread's until it is done */
	json_t *causes;		/* object while it runs: key to {.., "hosts"}; then a list */
	struct err why;
};

struct simulator {
	struct server *server;
	struct worker worker;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	uint64_t last;		/* number given */
	struct simulation kept[KEPT];
};

static void
simulation_free(struct simulation *x)
{
	json_decref(x->changes);
	json_decref(x->causes);
	arena_free(&x->arena);
	*x = (struct simulation){ 0 };
}

/* ---- what was found ---- */

static const char *
sentence(const struct simulated *s, struct buf *out)
{
	const struct finding *first = NULL;

	for (size_t i = 0; first == NULL && i < s->result.n_findings; i++)
		if (s->result.findings[i].decides)
			first = &s->result.findings[i];
	if (s->unreadable.code != 0) {
		buf_str(out, "the evidence cannot be read: ");
		buf_escape(out, span_str(s->unreadable.message));
	} else if (first != NULL) {
		if (first->path.n > 0) {
			buf_escape(out, first->path);
			buf_str(out, ": ");
		}
		buf_str(out, first->text);
	} else {
		buf_str(out, s->verdict == HOST_TRUSTED ? "all approved" : "not all that the policies demand was shown");
	}
	return buf_cstr(out);
}

static void
add_change(struct simulation *x, const struct store_host *h, const struct simulated *s)
{
	BUF_AUTO struct buf why = buf_init(LIMIT_SMALL_FILE);
	json_t *list = json_array(), *j;

	if (json_array_size(x->changes) >= CHANGES) {
		json_decref(list);
		return;
	}
	for (size_t i = 0; i < s->result.n_findings && json_array_size(list) < FEW_FINDINGS; i++)
		if (s->result.findings[i].decides)
			json_array_append_new(list, finding_json(&s->result.findings[i]));
	j = json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:I}", "id", h->id, "name", json_escaped(h->name),
	    "before", host_verdict_token(h->state.verdict), "after", host_verdict_token(s->verdict),
	    "reason", api_text(span_str(sentence(s, &why))), "findings", list, "findings_total", (json_int_t)s->findings);
	if (j != NULL)
		json_array_append_new(x->changes, j);
}

static void
count_cause(struct simulation *x, const struct finding *f)
{
	BUF_AUTO struct buf key = buf_init(LIMIT_SMALL_FILE);
	json_t *one;

	buf_printf(&key, "%s ", reason_code(f->reason));
	buf_escape(&key, f->path);
	buf_u8(&key, ' ');
	buf_hex(&key, digest_view(&f->seen));
	if ((one = json_object_get(x->causes, buf_cstr(&key))) != NULL) {
		json_object_set_new(one, "hosts", json_integer(json_integer_value(json_object_get(one, "hosts")) + 1));
		return;
	}
	if (json_object_size(x->causes) >= CAUSES_COUNTED)
		return;
	JSON_AUTO json_t *whole = finding_json(f);

	one = json_pack("{s:O, s:O, s:i}", "code", json_object_get(whole, "code"), "path", json_object_get(whole, "path"),
	    "hosts", 1);
	if (json_object_get(whole, "seen") != NULL)
		json_object_set(one, "seen", json_object_get(whole, "seen"));
	json_object_set_new(x->causes, buf_cstr(&key), one);
}

static void
count_causes(struct simulation *x, const struct simulated *s)
{
	size_t counted = 0;

	for (size_t i = 0; i < s->result.n_findings && counted < COUNTED_FINDINGS; i++)
		if (s->result.findings[i].decides) {
			count_cause(x, &s->result.findings[i]);
			counted++;
		}
}

static json_int_t
hosts_of(const json_t *cause)
{
	return json_integer_value(json_object_get(cause, "hosts"));
}

/* Those of most hosts. */
static void
rank_causes(struct simulation *x)
{
	json_t *list = json_array();

	for (void *i = json_object_iter(x->causes); i != NULL; i = json_object_iter_next(x->causes, i)) {
		json_t *one = json_object_iter_value(i);
		size_t at = json_array_size(list);

		while (at > 0 && hosts_of(json_array_get(list, at - 1)) < hosts_of(one))
			at--;
		if (at < CAUSES)
			json_array_insert(list, at, one);
		if (json_array_size(list) > CAUSES)
			(void)json_array_remove(list, CAUSES);
	}
	json_decref(x->causes);
	x->causes = list;
}

/* ---- the work ---- */

struct run {
	struct simulator *m;
	struct simulation *x;
	struct store_assignment *assignments;
	size_t n_assignments;
	struct counts counts;
};

/* Whether an assignment that stays holds for the host before the pending one. */
static bool
overruled(const struct run *run, const struct store_host *h)
{
	for (size_t i = 0; i < run->n_assignments; i++) {
		const struct store_assignment *a = &run->assignments[i];

		if (a->ended == 0 && a->rank > run->x->order.rank && labels_match(h->labels, a->selector))
			return true;
	}
	return false;
}

static int
look_at(struct run *run, const struct store_host *h, struct err *e)
{
	SIMULATED_AUTO struct simulated s = { .result = result_init() };
	struct worker *w = &run->m->worker;
	struct counts *c = &run->counts;
	struct policy_choice choice;
	int rc;

	c->done++;
	if (!labels_match(h->labels, run->x->order.selector))
		return 0;
	if (overruled(run, h)) {
		c->overruled++;
		return 0;
	}
	if ((rc = policy_cache_pending(w->policies, w, &run->x->order.set, &choice, e)) != 0 ||
	    (rc = simulate_host(w, h, choice.policies, &s, e)) != 0)
		return rc;
	if (!s.judged) {
		c->without++;
		return 0;
	}
	c->by_verdict[s.verdict]++;
	if (s.verdict == h->state.verdict) {
		c->unchanged++;
		return 0;
	}
	c->changes++;
	if (s.verdict == HOST_UNTRUSTED)
		count_causes(run->x, &s);
	add_change(run->x, h, &s);
	return 0;
}

/* True: somebody wants it to end. */
static bool
publish(struct run *run)
{
	pthread_mutex_lock(&run->m->lock);
	run->x->counts = run->counts;
	bool stop = run->x->stop || run->m->stopping;

	pthread_mutex_unlock(&run->m->lock);
	return stop;
}

static int
look_at_all(struct run *run, bool *stopped, struct err *e)
{
	struct store_host_filter f = { .verdict = -1, .registration = STORE_ENROLLED, .by_number = true };
	struct store_host_cursor cursor = { 0 };
	int rc = 0;

	*stopped = false;
	do {
		ARENA_AUTO struct arena a = arena_init(MIB(256));
		struct store_host *v;
		size_t n;

		if ((rc = store_host_list(run->m->worker.store, &f, &cursor, PAGE, &a, &v, &n, e)) != 0)
			return rc;
		cursor.name = span_of(NULL, 0);	/* lies in the arena; the number decides */
		for (size_t i = 0; i < n && rc == 0 && !*stopped; i++) {
			rc = look_at(run, &v[i], e);
			*stopped = publish(run);
		}
	} while (rc == 0 && cursor.more && !*stopped);
	return rc;
}

static int
simulate(struct simulator *m, struct simulation *x, bool *stopped, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(64));
	struct run run = { .m = m, .x = x };
	struct store_counts counts;
	int rc;

	worker_settle(&m->worker);
	if ((rc = store_host_counts(m->worker.store, &counts, e)) != 0 || (rc = store_assignments(m->worker.store,
	    server_now(), &a, &run.assignments, &run.n_assignments, e)) != 0)
		return rc;
	run.counts.hosts = counts.enrolled;
	if ((rc = look_at_all(&run, stopped, e)) != 0)
		return rc;
	run.counts.hosts = *stopped ? run.counts.hosts : run.counts.done;	/* some came or went meanwhile */
	(void)publish(&run);
	return 0;
}

static struct simulation *
next_waiting(struct simulator *m)
{
	struct simulation *first = NULL;

	for (size_t i = 0; i < KEPT; i++)
		if (m->kept[i].state == WAITING && (first == NULL || m->kept[i].number < first->number))
			first = &m->kept[i];
	return first;
}

static struct simulation *
take(struct simulator *m)
{
	struct simulation *x;

	pthread_mutex_lock(&m->lock);
	while ((x = next_waiting(m)) == NULL && !m->stopping)
		pthread_cond_wait(&m->wake, &m->lock);
	x = m->stopping ? NULL : x;
	if (x != NULL)
		x->state = RUNNING;
	pthread_mutex_unlock(&m->lock);
	return x;
}

static void *
work(void *arg)
{
	struct simulator *m = arg;
	struct simulation *x;

	while ((x = take(m)) != NULL) {
		struct err e = { 0 };
		bool stopped = false;
		int rc = simulate(m, x, &stopped, &e);

		if (rc != 0)
			svc_log_err(LOG_LEVEL_WARNING, "simulating policies", &e);
		rank_causes(x);
		pthread_mutex_lock(&m->lock);
		x->why = e;
		x->state = rc != 0 ? FAILED : stopped ? CANCELLED : DONE;
		pthread_mutex_unlock(&m->lock);
	}
	return NULL;
}

/* ---- asking ---- */

static const char *
state_token(enum state s)
{
	switch (s) {
	case WAITING: return "waiting";
	case RUNNING: return "running";
	case DONE: return "done";
	case CANCELLED: return "cancelled";
	case FREE:
	case FAILED:
	default: return "failed";
	}
}

/* With the lock.  What a running one has found so far is its thread's. */
static json_t *
simulation_json(const struct simulation *x)
{
	const struct counts *c = &x->counts;
	bool ended = x->state != WAITING && x->state != RUNNING;
	json_t *j = json_pack("{s:I, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "number", (json_int_t)x->number,
	    "state", state_token(x->state), "set", json_escaped(x->order.set.name),
	    "version", json_escaped(x->order.set.version), "labels", json_escaped(x->order.selector),
	    "rank", (json_int_t)x->order.rank, "hosts", (json_int_t)c->hosts, "done", (json_int_t)c->done,
	    "trusted", (json_int_t)c->by_verdict[HOST_TRUSTED], "untrusted", (json_int_t)c->by_verdict[HOST_UNTRUSTED],
	    "undecided", (json_int_t)c->by_verdict[HOST_UNDECIDED]);

	if (j == NULL)
		return NULL;
	json_object_set_new(j, "unchanged", json_integer((json_int_t)c->unchanged));
	json_object_set_new(j, "overruled", json_integer((json_int_t)c->overruled));
	json_object_set_new(j, "without_evidence", json_integer((json_int_t)c->without));
	json_object_set_new(j, "changes_total", json_integer((json_int_t)c->changes));
	json_object_set_new(j, "changes", ended ? json_incref(x->changes) : json_array());
	json_object_set_new(j, "causes", ended ? json_incref(x->causes) : json_array());
	if (x->state == FAILED)
		json_object_set_new(j, "error", api_text(span_str(x->why.message)));
	return j;
}

static int
fill(struct simulation *x, uint64_t number, const struct simulation_order *o, struct err *e)
{
	x->number = number;
	x->arena = arena_init(MIB(4));
	x->changes = json_array();
	x->causes = json_object();
	x->order.rank = o->rank;
	if (x->changes == NULL || x->causes == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (!arena_copy(&x->arena, o->set.name, &x->order.set.name) ||
	    !arena_copy(&x->arena, o->set.version, &x->order.set.version) ||
	    !arena_copy(&x->arena, o->set.members, &x->order.set.members) ||
	    !arena_copy(&x->arena, o->selector, &x->order.selector))
		return arena_err(&x->arena, e);
	return 0;
}

int
simulator_add(struct simulator *m, const struct simulation_order *order, json_t **out, struct err *e)
{
	struct simulation *x;
	int rc = 0;

	pthread_mutex_lock(&m->lock);
	x = &m->kept[(m->last + 1) % KEPT];
	if (x->state == WAITING || x->state == RUNNING)
		rc = err_set(e, ERR_STORE_BUSY, "too many simulations wait already");
	if (rc == 0) {
		simulation_free(x);
		rc = fill(x, m->last + 1, order, e);
	}
	if (rc == 0) {
		m->last++;
		x->state = WAITING;
		*out = simulation_json(x);
		pthread_cond_signal(&m->wake);
	}
	pthread_mutex_unlock(&m->lock);
	return rc;
}

static struct simulation *
find(struct simulator *m, uint64_t number)
{
	struct simulation *x = &m->kept[number % KEPT];

	return number != 0 && x->state != FREE && x->number == number ? x : NULL;
}

/* It may be another server's, behind one address. */
static int
not_here(uint64_t number, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "this server keeps no simulation %llu: the one that was asked for it keeps it, until it"
	    " ends or was asked for %d more; name that server, not an address that several answer", (unsigned long long)number, KEPT);
}

int
simulator_get(struct simulator *m, uint64_t number, json_t **out, struct err *e)
{
	struct simulation *x;

	pthread_mutex_lock(&m->lock);
	*out = (x = find(m, number)) == NULL ? NULL : simulation_json(x);
	pthread_mutex_unlock(&m->lock);
	return x == NULL ? not_here(number, e) :
	    *out == NULL ? err_set(e, ERR_NOMEM, "out of memory") : 0;
}

int
simulator_cancel(struct simulator *m, uint64_t number, struct err *e)
{
	struct simulation *x;

	pthread_mutex_lock(&m->lock);
	if ((x = find(m, number)) != NULL) {
		x->stop = true;
		if (x->state == WAITING) {
			rank_causes(x);
			x->state = CANCELLED;
		}
	}
	pthread_mutex_unlock(&m->lock);
	return x == NULL ? not_here(number, e) : 0;
}

int
simulator_start(struct server *s, struct simulator **out, struct err *e)
{
	struct simulator *m = calloc(1, sizeof(*m));
	int rc;

	if (m == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	m->server = s;
	/* Another server, or this one when it was started again, must not answer for a number of ours
	 * with what is another simulation. */
	if ((rc = random_bytes(&m->last, sizeof(m->last), e)) == 0)
		m->last %= FIRST_BELOW;
	if (rc != 0 || (rc = worker_open(s, 0, &m->worker, e)) != 0) {
		free(m);
		return rc;
	}
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->wake, NULL);
	if (pthread_create(&m->thread, NULL, work, m) != 0) {
		worker_close(&m->worker);
		free(m);
		return err_set(e, ERR_NOMEM, "cannot start a thread");
	}
	*out = m;
	return 0;
}

void
simulator_stop(struct simulator *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->stopping = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
	pthread_join(m->thread, NULL);
	for (size_t i = 0; i < KEPT; i++)
		simulation_free(&m->kept[i]);
	worker_close(&m->worker);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
	free(m);
}
