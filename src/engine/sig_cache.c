#include "engine/sig_cache.h"

#include <stdlib.h>

#include "base/arena.h"

#define BUCKETS	32768u	/* a power of two; 63,000 triples make chains of two */
#define WALK	16	/* nodes looked at behind one bucket */

struct node {
	struct node *next;
	uint64_t hash;
	bool good;
	enum digest_alg key_alg, alg;
	uint32_t sig_size;
	uint8_t bytes[];	/* fingerprint, digest, signature */
};

struct sig_cache {
	struct arena arena;
	struct node *buckets[BUCKETS];
};

int
sig_cache_new(struct sig_cache **out, struct err *e)
{
	struct sig_cache *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->arena = arena_init(LIMIT_SIG_CACHE);
	*out = c;
	return 0;
}

void
sig_cache_free(struct sig_cache *c)
{
	if (c == NULL)
		return;
	arena_free(&c->arena);
	free(c);
}

/* The last eight bytes at most, as a number. */
static uint64_t
tail(struct span s)
{
	uint64_t v = 0;

	for (size_t i = s.n > 8 ? s.n - 8 : 0; i < s.n; i++)
		v = v << 8 | s.p[i];
	return v;
}

/* Digests, and RSA and ECDSA values, are evenly spread where nobody plays tricks. */
static uint64_t
hash(const struct digest *key, const struct digest *digest, struct span sig)
{
	uint64_t h = tail(sig) * 0x9e3779b97f4a7c15u;

	h = (h ^ h >> 32 ^ tail(digest_view(digest))) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 32 ^ tail(digest_view(key))) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 32;
}

static bool
is_triple(const struct node *n, const struct digest *key, const struct digest *digest, struct span sig)
{
	return n->key_alg == key->alg && n->alg == digest->alg && n->sig_size == sig.n &&
	    memcmp(n->bytes, key->v, key->size) == 0 &&
	    memcmp(n->bytes + key->size, digest->v, digest->size) == 0 &&
	    span_eq(span_of(n->bytes + key->size + digest->size, n->sig_size), sig);
}

bool
sig_cache_get(const struct sig_cache *c, const struct digest *key, const struct digest *digest,
    struct span sig, bool *good)
{
	uint64_t h = hash(key, digest, sig);
	unsigned steps = 0;

	/* Mostly it is the first; asking for all of it at once halves the wait for memory. */
	for (uintptr_t i = 64; i < 384; i += 64)
		__builtin_prefetch((const void *)((uintptr_t)c->buckets[h % BUCKETS] + i));
	for (const struct node *n = c->buckets[h % BUCKETS]; n != NULL && steps < WALK; n = n->next) {
		if (n->hash == h && is_triple(n, key, digest, sig)) {
			*good = n->good;
			return true;
		}
		steps++;
	}
	return false;
}

int
sig_cache_put(struct sig_cache *c, const struct digest *key, const struct digest *digest,
    struct span sig, bool good, struct err *e)
{
	uint64_t h = hash(key, digest, sig);
	size_t size = sizeof(struct node) + key->size + digest->size + sig.n;
	struct node *n = arena_alloc(&c->arena, size);

	if (n == NULL && c->arena.why == ERR_LIMIT) {
		arena_free(&c->arena);
		memset(c->buckets, 0, sizeof(c->buckets));
		n = arena_alloc(&c->arena, size);
	}
	if (n == NULL)
		return arena_err(&c->arena, e);
	*n = (struct node){ .next = c->buckets[h % BUCKETS], .hash = h, .good = good,
	    .key_alg = key->alg, .alg = digest->alg, .sig_size = (uint32_t)sig.n };
	memcpy(n->bytes, key->v, key->size);
	memcpy(n->bytes + key->size, digest->v, digest->size);
	if (sig.n != 0)
		memcpy(n->bytes + key->size + digest->size, sig.p, sig.n);
	c->buckets[h % BUCKETS] = n;
	return 0;
}
