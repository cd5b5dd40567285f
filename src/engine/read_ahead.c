#include "engine/read_ahead.h"

int
read_ahead_open(struct span list, const struct appraiser *judge, struct read_ahead *a, struct err *e)
{
	int rc = ima_log_open(list, &a->log, e);

	if (rc != 0)
		return rc;
	a->judge = judge;
	a->depth = a->log.kind == IMA_LOG_ASCII ? 1 : READ_AHEAD;
	a->first = a->n = 0;
	a->handed_out = a->ended = false;
	return 0;
}

void
read_ahead_close(struct read_ahead *a)
{
	ima_log_close(&a->log);
}

static struct ima_entry *
at(struct read_ahead *a, size_t i)
{
	return &a->window[(a->first + i) % READ_AHEAD];
}

static int
fill(struct read_ahead *a, struct err *e)
{
	int rc;

	while (!a->ended && a->n < a->depth) {
		struct ima_entry *n = at(a, a->n);

		if ((rc = ima_log_next(&a->log, n, e)) < 0)
			return rc;
		if (rc == 0) {
			a->ended = true;
			break;
		}
		a->n++;
		if (a->judge == NULL)
			continue;
		appraise_expect(a->judge, n, POLICY_TABLE_SLOT);
		appraise_expect(a->judge, at(a, a->n / 2), POLICY_TABLE_ENTRY);
	}
	return 0;
}

int
read_ahead_next(struct read_ahead *a, struct ima_entry **entry, struct err *e)
{
	int rc;

	if (a->handed_out) {
		a->first = (a->first + 1) % READ_AHEAD;
		a->n--;
		a->handed_out = false;
	}
	if ((rc = fill(a, e)) != 0 || a->n == 0)
		return rc;
	a->handed_out = true;
	*entry = at(a, 0);
	return 1;
}
