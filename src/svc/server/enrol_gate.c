#include "svc/server/enrol_gate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct place {
	uint8_t address[8];	/* IPv4, or a /64 */
	uint8_t token[16];
	int64_t until;		/* 0: free */
};

struct enrol_gate {
	pthread_mutex_t lock;
	size_t used;		/* places below this were used: most servers need few */
	struct place places[LIMIT_ENROL_OPEN];
};

int
enrol_gate_new(struct enrol_gate **out, struct err *e)
{
	struct enrol_gate *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	pthread_mutex_init(&g->lock, NULL);
	*out = g;
	return 0;
}

void
enrol_gate_free(struct enrol_gate *g)
{
	if (g == NULL)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

void
enrol_gate_network(const char *address, uint8_t out[static 8])
{
	uint8_t six[16] = { 0 };

	memset(out, 0, 8);
	if (inet_pton(AF_INET, address, out) == 1)
		return;
	if (inet_pton(AF_INET6, address, six) == 1)
		memcpy(out, six, 8);
}

static enum enrol_entry
find_place(struct enrol_gate *g, const uint8_t network[static 8], int64_t now, size_t *place)
{
	size_t of_it = 0, at = g->used;

	for (size_t i = g->used; i-- > 0;) {
		if (g->places[i].until <= now)
			at = i;
		else if (memcmp(g->places[i].address, network, 8) == 0)
			of_it++;
	}
	*place = at;
	if (of_it >= LIMIT_ENROL_OPEN_ADDRESS)
		return ENROL_FULL_ADDRESS;
	return at < LIMIT_ENROL_OPEN ? ENROL_ENTERED : ENROL_FULL;
}

enum enrol_entry
enrol_gate_enter(struct enrol_gate *g, const char *address, int64_t now, size_t *place)
{
	struct place p = { .until = now + (int64_t)LIMIT_ENROL_SECONDS * 1000 };
	enum enrol_entry entry;

	enrol_gate_network(address, p.address);
	pthread_mutex_lock(&g->lock);
	if ((entry = find_place(g, p.address, now, place)) == ENROL_ENTERED) {
		g->places[*place] = p;
		g->used += *place == g->used;
	}
	pthread_mutex_unlock(&g->lock);
	return entry;
}

void
enrol_gate_name(struct enrol_gate *g, size_t place, const uint8_t token[16])
{
	pthread_mutex_lock(&g->lock);
	memcpy(g->places[place].token, token, 16);
	pthread_mutex_unlock(&g->lock);
}

static void
release(struct enrol_gate *g, size_t place)
{
	g->places[place] = (struct place){ 0 };
	while (g->used > 0 && g->places[g->used - 1].until == 0)
		g->used--;
}

void
enrol_gate_leave(struct enrol_gate *g, size_t place)
{
	pthread_mutex_lock(&g->lock);
	release(g, place);
	pthread_mutex_unlock(&g->lock);
}

void
enrol_gate_end(struct enrol_gate *g, const uint8_t token[16])
{
	size_t i = 0;

	pthread_mutex_lock(&g->lock);
	while (i < g->used && (g->places[i].until == 0 || memcmp(g->places[i].token, token, 16) != 0))
		i++;
	if (i < g->used)
		release(g, i);
	pthread_mutex_unlock(&g->lock);
}
