/* entry_cache.h: the numbers of entries that were looked up lately.
 *
 * Nearly all entries of a fleet are shared, so a list that arrives whole (a reboot) is
 * mostly known here.  Four ways a set; the keys are SHA-256, and somebody who makes many
 * fall into one set makes his own entries slow to find.  What one transaction put in is
 * forgotten if it is rolled back, and everything if the database is opened again.
 */
#ifndef PORT_STORE_ENTRY_CACHE_H
#define PORT_STORE_ENTRY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

struct entry_cache_slot { uint8_t key[32]; uint64_t number; };

struct entry_cache {
	struct entry_cache_slot *v;	/* owned; NULL until first used */
	uint64_t generation;
};

void entry_cache_free(struct entry_cache *c);

/** entry_cache_get(c, generation, key): The number, or 0.  What another generation put in
 * is dropped. */
uint64_t entry_cache_get(struct entry_cache *c, uint64_t generation, const uint8_t key[32]);
void entry_cache_put(struct entry_cache *c, uint64_t generation, const uint8_t key[32],
    uint64_t number);

#endif
