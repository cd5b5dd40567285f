/* The connection to PostgreSQL: made, waited for with an end, and its faults in one line. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>

#include "port/store/db_pgsql.h"

/* By SQLSTATE (PostgreSQL 15, appendix A): what may be over in a moment, and what not. */
static int
code_of(const char *state)
{
	static const char *const again[] = {
		"08",		/* connection */
		"40",		/* rolled back: deadlock, serialization */
		"53300",	/* too many connections */
		"55P03",	/* lock not available */
		"57",		/* cancelled, shutting down, starting up */
		"25006",	/* read-only: a standby, until it is promoted */
	};

	if (state == NULL)
		return ERR_STORE_BUSY;
	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
		if (strncmp(state, again[i], strlen(again[i])) == 0)
			return ERR_STORE_BUSY;
	if (strcmp(state, "23505") == 0)
		return ERR_DUPLICATE;
	return strcmp(state, "53200") == 0 ? ERR_NOMEM : ERR_STORE;
}

/* libpq's messages end with newlines and may have several lines. */
static void
one_line(const char *text, char *out, size_t n)
{
	size_t o = 0;

	for (; *text != '\0' && o + 1 < n; text++)
		if (!isspace((unsigned char)*text))
			out[o++] = *text;
		else if (o != 0 && out[o - 1] != ' ')
			out[o++] = ' ';
	while (o != 0 && out[o - 1] == ' ')
		o--;
	out[o] = '\0';
}

int
link_fault(struct db_pgsql *b, const PGresult *r, struct err *e)
{
	const char *state = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_SQLSTATE);
	char text[600];
	int rc;

	one_line(r == NULL ? PQerrorMessage(b->c) : PQresultErrorMessage(r), text, sizeof(text));
	if (PQstatus(b->c) == CONNECTION_BAD)
		rc = ERR_STORE_BUSY;
	else
		rc = code_of(state);
	b->d.collided = state != NULL && strncmp(state, "40", 2) == 0;
	rc = err_set(e, rc, "%s: %s", b->d.where, text);
	if (state != NULL && strcmp(state, "53100") == 0)
		return err_hint(e, rc, "make room on the database's disk; nothing that was acknowledged is lost");
	return rc;
}

/* Large values take the database a while after it has them: a second for each 4 MiB. */
static unsigned
patience(const struct db_pgsql *b)
{
	unsigned ms = b->d.silence_ms != 0 ? b->d.silence_ms : LIMIT_STORE_SILENCE_MS;

	return ms + (unsigned)(b->sent / KIB(4));
}

/* Nothing is said to it any more, either: what it has begun, it ends or rolls back by itself. */
static int
leave(struct db_pgsql *b, struct err *e)
{
	unsigned ms = patience(b);

	PQfinish(b->c);
	b->c = NULL;
	b->d.collided = false;
	pgsql_gate_shut(b->gate);
	return err_set(e, ERR_STORE_BUSY, "%s: nothing came from the database for %u s", b->d.where, ms / 1000);
}

/* Until it has something to read or takes what is to be sent. */
static int
await(struct db_pgsql *b, bool sending, struct err *e)
{
	int64_t until = pgsql_now_ms() + patience(b);
	struct pollfd p = { .fd = PQsocket(b->c), .events = (short)(sending ? POLLIN | POLLOUT : POLLIN) };
	int n;

	do {
		int64_t left = until - pgsql_now_ms();

		n = poll(&p, 1, left < 0 ? 0 : (int)left);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_errno(e, "%s: waiting for the database", b->d.where);
	return n == 0 ? leave(b, e) : 0;
}

int
link_result(struct db_pgsql *b, PGresult **r, struct err *e)
{
	int rc, more;

	for (;;) {
		if ((more = PQflush(b->c)) < 0)
			break;		/* the connection is bad: its result says so */
		if (more == 0 && !PQisBusy(b->c))
			break;
		if ((rc = await(b, more > 0, e)) != 0)
			return rc;
		if (!PQconsumeInput(b->c))
			break;
	}
	*r = PQgetResult(b->c);
	b->sent = 0;
	return 0;
}

bool
link_good(const PGresult *r)
{
	ExecStatusType s = PQresultStatus(r);

	return s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK;
}

int
link_last(struct db_pgsql *b, PGresult **r, struct err *e)
{
	PGresult *last = NULL, *next = NULL;
	int rc, bad = 0;

	while ((rc = link_result(b, &next, e)) == 0 && next != NULL) {
		if (bad == 0 && !link_good(next))
			bad = link_fault(b, next, e);
		PQclear(last);
		last = next;
	}
	if (rc == 0)
		rc = bad != 0 || last != NULL ? bad : link_fault(b, NULL, e);
	if (rc == 0)
		*r = last;
	else
		PQclear(last);
	return rc;
}

int
link_exec(struct db_pgsql *b, const char *sql, struct err *e)
{
	PGresult *r = NULL;
	int rc = PQsendQuery(b->c, sql) ? link_last(b, &r, e) : link_fault(b, NULL, e);

	PQclear(r);
	return rc;
}

/* Notices: nothing prints here. */
static void
quiet(void *ctx, const PGresult *r)
{
	(void)ctx;
	(void)r;
}

/* What a session needs, as far as this database knows it.  A commit that is acknowledged
 * has been written, whatever the database's default; nothing waits for ever on a lock, or
 * on a server that died, and a session whose client left ends what it does.  Every statement has
 * its index: plans do not depend on statistics, which a new database does not have, and are made once. */
#define TEXT_OF(n) #n
#define TEXT(n) TEXT_OF(n)
static const char settings[] =
    "SELECT set_config(s.name, w.v, false) FROM (VALUES"
    " ('lock_timeout', '" TEXT(LIMIT_STORE_WAIT_MS) "'),"
    " ('statement_timeout', '" TEXT(LIMIT_STORE_STATEMENT_MS) "'),"
    " ('idle_in_transaction_session_timeout', '" TEXT(LIMIT_STORE_IDLE_MS) "'),"
    " ('client_connection_check_interval', '1000'),"
    " ('client_encoding', 'UTF8'), ('jit', 'off'), ('enable_seqscan', 'off'),"
    " ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'),"
    " ('plan_cache_mode', 'force_generic_plan')) w (n, v) JOIN pg_settings s ON s.name = w.n;"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'";

static int
connect_to(struct db_pgsql *b, struct err *e)
{
	/* What stands before dbname, the URL may change. */
	static const char *const keys[] = { "connect_timeout", "application_name", "tcp_user_timeout",
		"keepalives_idle", "keepalives_interval", "keepalives_count", "dbname", NULL };
	const char *values[] = { TEXT(LIMIT_STORE_CONNECT_S), "assay", TEXT(LIMIT_STORE_SILENCE_MS),
		"10", "3", "3", b->url, NULL };

	if ((b->c = PQconnectdbParams(keys, values, 1)) == NULL)
		return err_set(e, ERR_NOMEM, "%s: connecting", b->d.where);
	PQsetNoticeReceiver(b->c, quiet, NULL);
	if (PQstatus(b->c) != CONNECTION_OK || PQsetnonblocking(b->c, 1) != 0)
		return link_fault(b, NULL, e);
	return link_exec(b, settings, e);
}

int
link_open(struct db_pgsql *b, struct err *e)
{
	int64_t begun = pgsql_now_ms();
	int rc;

	PQfinish(b->c);
	b->c = NULL;
	b->sent = 0;
	memset(b->prepared, 0, sizeof(b->prepared));
	if (!pgsql_gate_enter(b->gate))
		return err_set(e, ERR_STORE_BUSY, "%s: the database answers nobody; it is tried again in a moment",
		    b->d.where);
	rc = connect_to(b, e);
	/* A refusal comes at once and says what is wrong; it keeps nobody waiting. */
	pgsql_gate_done(b->gate, rc != 0 && pgsql_now_ms() - begun >= LIMIT_STORE_PAUSE_MS);
	return rc;
}

int
link_name(struct db_pgsql *b, struct err *e)
{
	PQconninfoOption *o = PQconninfoParse(b->url, NULL);
	const char *host = NULL, *port = NULL, *name = NULL;

	if (o == NULL)
		return err_set(e, ERR_USAGE, "the URL of the database cannot be read");
	for (const PQconninfoOption *p = o; p->keyword != NULL; p++) {
		if (p->val == NULL)
			continue;
		if (strcmp(p->keyword, "host") == 0)
			host = p->val;
		else if (strcmp(p->keyword, "port") == 0)
			port = p->val;
		else if (strcmp(p->keyword, "dbname") == 0)
			name = p->val;
	}
	(void)snprintf(b->d.where, sizeof(b->d.where), "postgresql://%s%s%s/%s", host == NULL ? "" : host,
	    port == NULL ? "" : ":", port == NULL ? "" : port, name == NULL ? "" : name);
	PQconninfoFree(o);
	return 0;
}
