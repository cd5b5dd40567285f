/* Who may connect while PostgreSQL answers nobody.
 *
 * An attempt that meets silence costs its thread LIMIT_STORE_CONNECT_S.  If every worker made one
 * for every request, a thousand waiting requests would be told "not now" in half an hour; so after
 * one such attempt the others fail at once, and one thread tries again from time to time. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "port/store/db_pgsql.h"

struct pgsql_gate {
	char *url;
	unsigned users;
	bool silent, trying;
	int64_t not_before;		/* pgsql_now_ms() */
	struct pgsql_gate *next;
};

/* One for each URL that somebody has open; the lock is held for no longer than it takes to look. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pgsql_gate *gates;

int64_t
pgsql_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct pgsql_gate *
find(const char *url)
{
	struct pgsql_gate *g = gates;

	while (g != NULL && strcmp(g->url, url) != 0)
		g = g->next;
	if (g != NULL || (g = calloc(1, sizeof(*g))) == NULL)
		return g;
	if ((g->url = strdup(url)) == NULL) {
		free(g);
		return NULL;
	}
	g->next = gates;
	return gates = g;
}

int
pgsql_gate_join(const char *url, struct pgsql_gate **out, struct err *e)
{
	struct pgsql_gate *g;

	pthread_mutex_lock(&lock);
	if ((g = find(url)) != NULL)
		g->users++;
	pthread_mutex_unlock(&lock);
	if (g == NULL)
		return err_set(e, ERR_NOMEM, "opening the database");
	*out = g;
	return 0;
}

void
pgsql_gate_leave(struct pgsql_gate *g)
{
	struct pgsql_gate **at = &gates;

	if (g == NULL)
		return;
	pthread_mutex_lock(&lock);
	if (--g->users == 0) {
		while (*at != g)
			at = &(*at)->next;
		*at = g->next;
		free(g->url);
		free(g);
	}
	pthread_mutex_unlock(&lock);
}

bool
pgsql_gate_enter(struct pgsql_gate *g)
{
	pthread_mutex_lock(&lock);
	bool may = !g->silent || (!g->trying && pgsql_now_ms() >= g->not_before);

	g->trying = g->trying || (may && g->silent);
	pthread_mutex_unlock(&lock);
	return may;
}

void
pgsql_gate_done(struct pgsql_gate *g, bool silent)
{
	pthread_mutex_lock(&lock);
	g->trying = false;
	g->silent = silent;
	g->not_before = pgsql_now_ms() + LIMIT_STORE_PAUSE_MS;
	pthread_mutex_unlock(&lock);
}

void
pgsql_gate_shut(struct pgsql_gate *g)
{
	pthread_mutex_lock(&lock);
	if (!g->silent) {
		g->silent = true;
		g->not_before = 0;	/* one may look at once: it may have been that session alone */
	}
	pthread_mutex_unlock(&lock);
}
