/* http_address.c: how many connections each address has, over all workers. */
#include <sys/random.h>

#include "port/net/http_internal.h"

#define BUCKETS 4096	/* two connections each when 8,192 addresses are there */

struct entry {
	struct entry *next;
	uint8_t key[16];
	unsigned n;
};

struct address_table {
	pthread_mutex_t lock;
	uint64_t seed;		/* so that nobody can choose addresses of one bucket */
	struct entry *buckets[BUCKETS];
};

struct address_table *
address_table_new(void)
{
	struct address_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = 0x9e3779b97f4a7c15u ^ (uintptr_t)t;
	(void)pthread_mutex_init(&t->lock, NULL);
	return t;
}

void
address_table_free(struct address_table *t)
{
	struct entry *next;

	if (t == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *x = t->buckets[i]; x != NULL; x = next) {
			next = x->next;
			free(x);
		}
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct entry **
bucket(struct address_table *t, const uint8_t key[16])
{
	uint64_t h = t->seed, half[2];

	memcpy(half, key, sizeof(half));
	for (int i = 0; i < 2; i++) {
		h = (h ^ half[i]) * 0xff51afd7ed558ccdu;
		h ^= h >> 32;
	}
	return &t->buckets[h % BUCKETS];
}

bool
address_add(struct address_table *t, const uint8_t key[16], unsigned most)
{
	struct entry **at, *x;
	bool good = false;

	(void)pthread_mutex_lock(&t->lock);
	at = bucket(t, key);
	for (x = *at; x != NULL && memcmp(x->key, key, 16) != 0; x = x->next)
		;
	if (x == NULL && (x = calloc(1, sizeof(*x))) != NULL) {
		memcpy(x->key, key, 16);
		x->next = *at;
		*at = x;
	}
	if (x != NULL && x->n < most) {
		x->n++;
		good = true;
	}
	(void)pthread_mutex_unlock(&t->lock);
	return good;
}

void
address_remove(struct address_table *t, const uint8_t key[16])
{
	(void)pthread_mutex_lock(&t->lock);
	for (struct entry **at = bucket(t, key); *at != NULL; at = &(*at)->next) {
		struct entry *x = *at;

		if (memcmp(x->key, key, 16) != 0)
			continue;
		if (--x->n == 0) {
			*at = x->next;
			free(x);
		}
		break;
	}
	(void)pthread_mutex_unlock(&t->lock);
}
