/* What is let go: lists of boots that ended, and hosts with all that is theirs.  Each call takes
 * a piece that others need not wait for, and says whether there was any. */
#include "base/json.h"
#include "port/store/handle.h"
#include "port/store/rows.h"

#define BOOTS_AT_ONCE 20		/* with their logs: some thousand rows */
#define ROWS_AT_ONCE 1000

struct numbers { uint64_t v[ROWS_AT_ONCE]; size_t n; };

static int
number_row(void *ctx, size_t item, const struct db_value *row, size_t n, struct err *e)
{
	struct numbers *x = ctx;

	(void)item;
	(void)n;
	(void)e;
	if (x->n < ROWS_AT_ONCE)
		x->v[x->n++] = (uint64_t)row[0].i;
	return 0;
}

static int
drop_boots(struct store *s, const struct numbers *x, struct err *e)
{
	struct db_scope sc;
	int rc;

	if (x->n == 0)
		return 0;
	if ((rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	for (size_t i = 0; i < x->n && rc == 0; i++) {
		struct db_value key = db_int(x->v[i]);

		if ((rc = db_run(s->db, Q_LOG_DELETE, &key, NULL, NULL, NULL, e)) == 0)
			rc = db_run(s->db, Q_BOOT_DELETE, &key, NULL, NULL, NULL, e);
	}
	return db_scope_close(&sc, rc, e);
}

/* Found before anything is locked.  A boot that ended does not begin again, so what was found
 * stays true. */
int
store_boots_sweep(struct store *s, int64_t ended_before, uint64_t keep, uint64_t *deleted, struct err *e)
{
	struct db_value age[] = { db_int((uint64_t)ended_before), db_int(BOOTS_AT_ONCE) };
	struct db_value excess[] = { db_int(keep), db_int(BOOTS_AT_ONCE) };
	struct numbers x = { .n = 0 };
	int rc = 0;

	if (ended_before > 0)
		rc = db_run(s->db, Q_BOOT_OLD, age, number_row, &x, NULL, e);
	if (rc == 0 && keep > 0 && x.n == 0)
		rc = db_run(s->db, Q_BOOT_EXCESS, excess, number_row, &x, NULL, e);
	if (rc == 0 && (rc = drop_boots(s, &x, e)) == 0)
		*deleted = x.n;
	return rc;
}

int
store_hosts_unseen(struct store *s, int64_t before, uint32_t *v, size_t max, size_t *n, struct err *e)
{
	struct db_value params[] = { db_int((uint64_t)before), db_int(max < ROWS_AT_ONCE ? max : ROWS_AT_ONCE) };
	struct numbers x = { .n = 0 };
	int rc = db_run(s->db, Q_HOST_UNSEEN, params, number_row, &x, NULL, e);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < x.n; i++)
		v[i] = (uint32_t)x.v[i];
	*n = x.n;
	return 0;
}

/* Rows of one kind; ${*full}: there may be more. */
static int
drop_rows(struct store *s, enum query q, uint32_t host, bool *full, struct err *e)
{
	struct db_value params[] = { db_int(host), db_int(ROWS_AT_ONCE), db_bytes(span_lit("verdict")),
		db_bytes(span_lit("late")), db_bytes(span_lit("gap")), db_bytes(span_lit("changed")) };
	uint64_t gone = 0;
	int rc = db_run(s->db, q, params, NULL, NULL, &gone, e);

	*full = *full || gone == ROWS_AT_ONCE;
	return rc;
}

static int
drop_some(struct store *s, uint32_t host, bool *full, struct err *e)
{
	static const enum query kinds[] = { Q_FORGET_BUNDLES, Q_FORGET_HISTORY, Q_FORGET_EVENTS };
	struct db_value boots[] = { db_int(host), db_int(BOOTS_AT_ONCE) };
	struct numbers x = { .n = 0 };
	int rc = db_run(s->db, Q_BOOT_SOME, boots, number_row, &x, NULL, e);

	*full = x.n == BOOTS_AT_ONCE;
	if (rc == 0)
		rc = drop_boots(s, &x, e);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && rc == 0; i++)
		rc = drop_rows(s, kinds[i], host, full, e);
	return rc;
}

/* The row stays: its number is in bitmaps, and who it was is what the audit needs. */
static int
blank(struct store *s, uint32_t host, struct err *e)
{
	static const enum query last[] = { Q_FINDING_DELETE, Q_LABEL_DELETE, Q_JOURNAL_FORGET, Q_CERTIFICATE_FORGET,
	    Q_IDENTITY_BLANK, Q_HOST_BLANK };
	struct db_value params[] = { db_int(host), db_int(STORE_FORGOTTEN) };
	int rc = 0;

	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]) && rc == 0; i++)
		rc = db_run(s->db, last[i], params, NULL, NULL, NULL, e);
	return rc != 0 ? rc : db_run(s->db, Q_STATE_BLANK, params, NULL, NULL, NULL, e);
}

int
store_host_forget(struct store *s, uint32_t number, bool *done, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(16));
	struct store_host h;
	struct db_scope sc;
	bool full = false;
	int rc = store_host_by_number(s, number, &a, &h, e);

	if (rc != 0)
		return rc;
	if (h.registration != STORE_REMOVED)
		return err_set(e, ERR_CONFLICT, "host %s is not removed: it could attest meanwhile", h.id);
	if ((rc = drop_some(s, number, &full, e)) != 0)
		return rc;
	if (full) {
		*done = false;
		return 0;
	}
	if ((rc = db_scope_open(s->db, &sc, e)) != 0)
		return rc;
	if ((rc = db_scope_close(&sc, blank(s, number, e), e)) == 0)
		*done = true;
	return rc;
}
