#include "port/store/entry_cache.h"

#include <stdlib.h>
#include <string.h>

#define SETS 16384
#define WAYS 4		/* 65,536 entries of 40 bytes: 2.5 MiB for each thread that writes */

void
entry_cache_free(struct entry_cache *c)
{
	free(c->v);
	*c = (struct entry_cache){ 0 };
}

static struct entry_cache_slot *
set_of(struct entry_cache *c, uint64_t generation, const uint8_t key[32])
{
	size_t bytes = SETS * WAYS * sizeof(*c->v);
	uint32_t h;

	if (c->v == NULL && (c->v = calloc(1, bytes)) == NULL)
		return NULL;		/* only slower */
	if (c->generation != generation)
		memset(c->v, 0, bytes);
	c->generation = generation;
	memcpy(&h, key, sizeof(h));
	return &c->v[(h % SETS) * WAYS];
}

uint64_t
entry_cache_get(struct entry_cache *c, uint64_t generation, const uint8_t key[32])
{
	struct entry_cache_slot *s = set_of(c, generation, key);

	for (size_t i = 0; s != NULL && i < WAYS; i++)
		if (s[i].number != 0 && memcmp(s[i].key, key, 32) == 0)
			return s[i].number;
	return 0;
}

void
entry_cache_put(struct entry_cache *c, uint64_t generation, const uint8_t key[32], uint64_t number)
{
	struct entry_cache_slot *s = set_of(c, generation, key);
	size_t way = 0;

	if (s == NULL)
		return;
	while (way < WAYS && s[way].number != 0)
		way++;
	if (way == WAYS)
		way = key[8] % WAYS;
	memcpy(s[way].key, key, 32);
	s[way].number = number;
}
