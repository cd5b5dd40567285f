/* Attestations into the database, many at once. */
#include "port/store/advance.h"

#include <stdlib.h>

#include "crypto/digest.h"
#include "port/store/host_rows.h"

/* What one host sent must not keep the others' from being stored. */
static int
acceptable(const struct store_advance *v)
{
	if (v->host->state.verdict >= STORE_VERDICTS ||
	    (v->change != NULL && v->change->verdict >= STORE_VERDICTS))
		return ERR_RANGE;
	if (v->host->state.policy_set.n > LIMIT_STORE_NAME || v->boot_id.n > LIMIT_STORE_BOOT_ID ||
	    v->event_log.n > LIMIT_STORE_BLOB ||
	    (v->bundle != NULL && v->bundle->body.n > LIMIT_STORE_BLOB))
		return ERR_LIMIT;
	for (size_t i = 0; i < v->n_records; i++) {
		const struct store_record *r = &v->records[i];

		if (r->path.n > LIMIT_PATH || r->bytes.n > LIMIT_STORE_RECORD || r->key_id.n > LIMIT_STORE_NAME)
			return ERR_LIMIT;
		if (r->digest.size != digest_alg_size(r->digest.alg))
			return ERR_RANGE;
	}
	return 0;
}

static int
by_host(const void *a, const void *b)
{
	const struct plan *x = a, *y = b;
	uint32_t n = x->v->host->number, m = y->v->host->number;

	return n != m ? (n > m) - (n < m) : (x->v > y->v) - (x->v < y->v);
}

static bool
fill_host(void *ctx, size_t item, struct db_value *params)
{
	const struct batch *b = ctx;

	params[0] = db_int(b->plans[item].v->host->number);
	return b->plans[item].rc == 0;
}

static int
host_seen(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct plan *p = &((struct batch *)ctx)->plans[item];
	const struct store_host *h = p->v->host;

	(void)n;
	(void)e;
	p->seen = true;
	if ((uint64_t)row[0].i != h->revision || (uint64_t)row[1].i != h->count)
		p->rc = ERR_CONFLICT;
	else if (p->v->boot_id.n != 0 && p->v->first != (plan_new_boot(p) ? 0 : h->count))
		p->rc = ERR_MISMATCH;
	return 0;
}

static int
look(struct batch *b, struct err *e)
{
	struct db_many seen = { .n = b->n, .ctx = b, .fill = fill_host, .row = host_seen };
	int rc;

	qsort(b->plans, b->n, sizeof(*b->plans), by_host);
	for (size_t i = 0; i < b->n; i++) {
		b->plans[i].rc = acceptable(b->plans[i].v);
		if (i != 0 && b->plans[i].v->host->number == b->plans[i - 1].v->host->number)
			b->plans[i].rc = ERR_CONFLICT;
	}
	if ((rc = db_many(b->s->db, Q_STATE_SEEN, &seen, e)) != 0)
		return rc;
	for (size_t i = 0; i < b->n; i++)
		if (b->plans[i].rc == 0 && !b->plans[i].seen)
			b->plans[i].rc = ERR_NOT_FOUND;
	return 0;
}

static void
fill_state(const struct plan *p, struct db_value *v)
{
	const struct store_host *h = p->v->host;
	const struct store_state *st = &h->state;
	const struct log_end *end = &p->end;

	v[0] = db_int(h->number);
	v[1] = db_int(h->revision);
	v[2] = db_int((uint64_t)st->verdict_since);
	v[3] = db_int((uint64_t)st->valid_until);
	v[4] = db_int((uint64_t)st->last_seen);
	v[5] = db_int((uint64_t)st->next_due);
	v[6] = db_int(st->entries);
	v[7] = db_int(st->findings);
	v[8] = db_int((uint64_t)st->nonce_expires);
	v[9] = db_int(end->boot);
	v[10] = db_int(end->count);
	v[11] = db_int(end->tail_first);
	v[12] = db_int((uint64_t)end->tail_at);
	v[13] = db_int((uint64_t)end->tail_last);
	v[14] = db_int(end->tail_n);
	v[15] = db_bytes(end->boot_id);
	v[16] = db_bytes(span_of(end->bytes, end->size));
	v[17] = db_bytes(st->policy_set);
	v[18] = db_bytes(st->policy);
	v[19] = db_bytes(st->nonce);
	v[20] = db_bytes(st->resume);
	v[21] = db_bytes(st->detail);
	v[22] = db_int(st->verdict);
}

static bool
same_verdict(void *ctx, size_t item, struct db_value *params)
{
	const struct plan *p = &((struct batch *)ctx)->plans[item];

	if (p->rc != 0 || p->v->host->state.verdict != p->v->host->stored_verdict)
		return false;
	fill_state(p, params);
	return true;
}

static bool
other_verdict(void *ctx, size_t item, struct db_value *params)
{
	const struct plan *p = &((struct batch *)ctx)->plans[item];

	if (p->rc != 0 || p->v->host->state.verdict == p->v->host->stored_verdict)
		return false;
	fill_state(p, params);
	return true;
}

/* The row is locked since it was looked at: it cannot have changed. */
static int
state_written(void *ctx, size_t item, uint64_t changed, struct err *e)
{
	const struct batch *b = ctx;

	return changed == 1 ? 0 : err_set(e, ERR_STORE, "the state of host %s could not be written",
	    b->plans[item].v->host->id);
}

static bool
fill_facts(void *ctx, size_t item, struct db_value *params)
{
	const struct plan *p = &((struct batch *)ctx)->plans[item];

	if (p->rc != 0 || !p->v->facts_new)
		return false;
	params[0] = db_int(p->v->host->number);
	params[1] = db_bytes(p->v->host->facts);
	params[2] = db_int((uint64_t)p->v->host->facts_at);
	return true;
}

static int
write_states(struct batch *b, struct err *e)
{
	struct db_many same = { .n = b->n, .ctx = b, .fill = same_verdict, .done = state_written };
	struct db_many other = { .n = b->n, .ctx = b, .fill = other_verdict, .done = state_written };
	struct db_many facts = { .n = b->n, .ctx = b, .fill = fill_facts };
	int rc;

	if ((rc = db_many(b->s->db, Q_STATE_ADVANCE, &same, e)) == 0 &&
	    (rc = db_many(b->s->db, Q_STATE_ADVANCE_VERDICT, &other, e)) == 0)
		rc = db_many(b->s->db, Q_HOST_FACTS, &facts, e);
	return rc;
}

/* Each is as large as all the rest: in a statement of its own. */
static int
write_event_logs(struct batch *b, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < b->n && rc == 0; i++) {
		const struct plan *p = &b->plans[i];
		struct digest d;

		if (!plan_logs(p) || p->v->event_log.n == 0)
			continue;
		if ((rc = digest_of(DIGEST_SHA256, p->v->event_log, &d, e)) == 0)
			rc = store_event_log_put(b->s, p->end.boot, digest_view(&d), p->v->event_log, b->now, e);
	}
	return rc;
}

static int
phases(struct batch *b, struct err *e)
{
	int rc;

	if ((rc = look(b, e)) == 0 && (rc = batch_append(b, e)) == 0 &&
	    (rc = batch_bundles(b, e)) == 0 && (rc = write_states(b, e)) == 0 &&
	    (rc = batch_history(b, e)) == 0)
		rc = write_event_logs(b, e);
	return rc;
}

static void
tell(const struct plan *p)
{
	struct store_host *h = p->v->host;
	const struct log_end *end = &p->end;

	p->v->rc = p->rc;
	if (p->rc != 0)
		return;
	h->revision++;
	h->stored_verdict = h->state.verdict;
	h->boot = end->boot;
	h->boot_id = end->boot_id;
	h->count = end->count;
	h->tail_first = end->tail_first;
	h->tail_at = end->tail_at;
	h->tail_last = end->tail_last;
	h->tail_n = end->tail_n;
	h->tail_size = (uint16_t)end->size;
	memcpy(h->tail, end->bytes, end->size);
	if (p->v->bundle != NULL) {
		p->v->bundle->number = p->bundle;
		p->v->bundle->host = h->number;
	}
}

static int
attempt(struct store *s, struct store_advance *v, size_t n, int64_t now, bool *again, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(LIMIT_STORE_SCRATCH);
	struct batch b = { .s = s, .a = &a, .now = now, .n = n };
	struct db_scope sc;
	int rc;

	if ((b.plans = arena_array(&a, n, sizeof(*b.plans))) == NULL)
		return arena_err(&a, e);
	for (size_t i = 0; i < n; i++)
		b.plans[i].v = &v[i];
	if ((rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	rc = phases(&b, e);
	/* Before the commit nothing has happened yet, so it may be done again. */
	*again = rc == ERR_STORE_BUSY && sc.own && s->db->collided;
	if ((rc = db_scope_close(&sc, rc, e)) != 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		tell(&b.plans[i]);
	return 0;
}

int
store_advance(struct store *s, struct store_advance *v, size_t n, int64_t now, struct err *e)
{
	bool again = true;
	int rc = 0;

	if (n == 0)
		return 0;
	/* Two servers whose hosts bring the same new entries in different orders lock each
	 * other out; PostgreSQL ends one of the two. */
	for (int i = 0; i < 3 && again; i++) {
		again = false;
		rc = attempt(s, v, n, now, &again, e);
	}
	return rc;
}
