#include "svc/server/pace.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* 65,536 names at once.  Of 100,000 hosts that speak every 30 s, some 700 have not run off. */
#define SETS 8192
#define WAYS 8

struct place {
	uint8_t name[PACE_NAME];
	int64_t until;			/* what it has taken reaches up to here; 0: free */
};

struct pace {
	pthread_mutex_t lock;
	uint64_t seed;			/* nobody chooses whom he shares a set with */
	struct place sets[SETS][WAYS];
};

int
pace_new(struct pace **out, struct err *e)
{
	struct pace *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if ((rc = random_bytes(&p->seed, sizeof(p->seed), e)) != 0) {
		free(p);
		return rc;
	}
	pthread_mutex_init(&p->lock, NULL);
	*out = p;
	return 0;
}

void
pace_free(struct pace *p)
{
	if (p == NULL)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static struct place *
set_of(struct pace *p, const uint8_t name[static PACE_NAME])
{
	uint64_t h = p->seed, half[2];

	memcpy(half, name, sizeof(half));
	for (int i = 0; i < 2; i++) {
		h = (h ^ half[i]) * 0xff51afd7ed558ccdU;
		h ^= h >> 32;
	}
	return p->sets[h % SETS];
}

/* Its place, or NULL. */
static struct place *
find(struct place *set, const uint8_t name[static PACE_NAME])
{
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].until != 0 && memcmp(set[i].name, name, PACE_NAME) == 0)
			return &set[i];
	return NULL;
}

static struct place *
find_or_make(struct place *set, const uint8_t name[static PACE_NAME])
{
	struct place *at = find(set, name);

	if (at != NULL)
		return at;
	at = set;
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].until < at->until)
			at = &set[i];
	memcpy(at->name, name, PACE_NAME);
	at->until = 0;
	return at;
}

int64_t
pace_take(struct pace *p, const uint8_t name[static PACE_NAME], const struct pace_rule *rule, int64_t now)
{
	struct place *at;
	int64_t from, over;

	pthread_mutex_lock(&p->lock);
	at = find_or_make(set_of(p, name), name);
	from = at->until > now ? at->until : now;
	over = from + rule->hold - now - rule->ahead;
	at->until = over > 0 ? from : from + rule->hold;
	pthread_mutex_unlock(&p->lock);
	return over > 0 ? over : 0;
}

void
pace_settle(struct pace *p, const uint8_t name[static PACE_NAME], int64_t more)
{
	struct place *at;

	pthread_mutex_lock(&p->lock);
	/* If it was let off meanwhile, it was. */
	if ((at = find(set_of(p, name), name)) != NULL)
		at->until = at->until + more > 1 ? at->until + more : 1;
	pthread_mutex_unlock(&p->lock);
}

int64_t
pace_cost(int64_t each, int64_t cpu)
{
	int64_t heavy = cpu > LIMIT_PACE_LIGHT_US ? (cpu - LIMIT_PACE_LIGHT_US) * LIMIT_PACE_SHARE : 0;

	if (heavy > LIMIT_PACE_MOST_US)
		heavy = LIMIT_PACE_MOST_US;
	return each + heavy;
}
