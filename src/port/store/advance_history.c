/* What a batch of attestations adds to the history. */
#include "port/store/advance.h"

static bool
fill_bundle(void *ctx, size_t item, struct db_value *params)
{
	const struct plan *p = &((struct batch *)ctx)->plans[item];
	const struct store_bundle *v = p->v->bundle;

	if (p->rc != 0 || v == NULL)
		return false;
	params[0] = db_int(p->v->host->number);
	params[1] = db_int((uint64_t)v->at);
	params[2] = db_int(v->verdict);
	params[3] = db_int(v->body.n);
	params[4] = db_bytes(v->policy);
	params[5] = db_bytes(v->body);
	return true;
}

static int
bundle_made(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	(void)n;
	(void)e;
	((struct batch *)ctx)->plans[item].bundle = (uint64_t)row[0].i;
	return 0;
}

int
batch_bundles(struct batch *b, struct err *e)
{
	struct db_many add = { .n = b->n, .ctx = b, .fill = fill_bundle, .row = bundle_made };

	return db_many(b->s->db, Q_BUNDLE_ADD, &add, e);
}

static bool
fill_end(void *ctx, size_t item, struct db_value *params)
{
	const struct plan *p = &((struct batch *)ctx)->plans[item];

	if (p->rc != 0 || p->v->change == NULL)
		return false;
	params[0] = db_int(p->v->host->number);
	params[1] = db_int((uint64_t)p->v->change->from);
	return true;
}

static bool
fill_interval(void *ctx, size_t item, struct db_value *params)
{
	const struct plan *p = &((struct batch *)ctx)->plans[item];
	const struct store_interval *v = p->v->change;

	if (!fill_end(ctx, item, params))
		return false;
	params[2] = db_int(v->verdict);
	params[3] = db_bytes(v->policy);
	params[4] = db_bytes(v->reason);
	params[5] = db_int(v->bundle != 0 ? v->bundle : p->bundle);
	return true;
}

static bool
fill_clear(void *ctx, size_t item, struct db_value *params)
{
	const struct plan *p = &((struct batch *)ctx)->plans[item];

	params[0] = db_int(p->v->host->number);
	return p->rc == 0 && p->v->findings_new;
}

struct findings { const struct plan *p; };

static bool
fill_finding(void *ctx, size_t item, struct db_value *params)
{
	const struct store_advance *v = ((struct findings *)ctx)->p->v;
	const struct store_finding *f = &v->findings[item];

	params[0] = db_int(v->host->number);
	params[1] = db_int(item);
	params[2] = db_int(f->entry);
	params[3] = db_bytes(f->code);
	params[4] = db_bytes(f->path);
	params[5] = db_bytes(f->text);
	return true;
}

static int
write_findings(struct batch *b, struct err *e)
{
	struct db_many clear = { .n = b->n, .ctx = b, .fill = fill_clear };
	int rc = db_many(b->s->db, Q_FINDING_DELETE, &clear, e);

	for (size_t i = 0; i < b->n && rc == 0; i++) {
		struct findings f = { .p = &b->plans[i] };
		struct db_many add = { .n = f.p->v->n_findings, .ctx = &f, .fill = fill_finding };

		if (f.p->rc == 0 && f.p->v->findings_new)
			rc = db_many(b->s->db, Q_FINDING_ADD, &add, e);
	}
	return rc;
}

/* Last of all, because whoever takes a number of the counter keeps all others waiting
 * until the commit; that is what makes the numbers appear in order. */
static int
write_events(struct batch *b, struct err *e)
{
	struct store_event *all;
	size_t n = 0, k = 0;
	int rc;

	for (size_t i = 0; i < b->n; i++)
		n += b->plans[i].rc == 0 ? b->plans[i].v->n_events : 0;
	if (n == 0)
		return 0;
	if ((all = arena_array(b->a, n, sizeof(*all))) == NULL)
		return arena_err(b->a, e);
	for (size_t i = 0; i < b->n; i++)
		for (size_t j = 0; b->plans[i].rc == 0 && j < b->plans[i].v->n_events; j++) {
			all[k] = b->plans[i].v->events[j];
			all[k++].host = b->plans[i].v->host->number;
		}
	if ((rc = store_event_add(b->s, all, n, e)) != 0)
		return rc;
	k = 0;
	for (size_t i = 0; i < b->n; i++)
		for (size_t j = 0; b->plans[i].rc == 0 && j < b->plans[i].v->n_events; j++)
			b->plans[i].v->events[j].sequence = all[k++].sequence;
	return 0;
}

int
batch_history(struct batch *b, struct err *e)
{
	struct db_many end = { .n = b->n, .ctx = b, .fill = fill_end };
	struct db_many add = { .n = b->n, .ctx = b, .fill = fill_interval };
	int rc;

	if ((rc = db_many(b->s->db, Q_HISTORY_END, &end, e)) == 0 &&
	    (rc = db_many(b->s->db, Q_HISTORY_ADD, &add, e)) == 0 &&
	    (rc = write_findings(b, e)) == 0)
		rc = write_events(b, e);
	return rc;
}
