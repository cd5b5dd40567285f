#include "engine/keyring.h"

#include <stdlib.h>

#include "crypto/digest.h"
#include "engine/key_scope.h"
#include "engine/sig_cache.h"

struct slot {
	uint32_t keyid, number;		/* sorted by both */
};

struct keyring {
	struct arena arena;		/* names, scopes */
	const struct runtime_policy *const *policies;	/* copied into the arena */
	size_t n_policies;
	struct trusted_key **keys;	/* each owned */
	size_t n_keys, cap_keys, n_fixed;
	struct slot *slots;
	size_t n_slots, cap_slots;
	struct hasher *hashers[DIGEST_ALG_COUNT];	/* owned, made when first needed */
	struct sig_cache *cache;			/* owned, made when first needed */
	struct keyring_stats stats;
};

static void
key_free(struct trusted_key *key)
{
	if (key == NULL)
		return;
	pubkey_free(key->pub);
	free(key);
}

static void
key_freep(struct trusted_key **key)
{
	key_free(*key);
}

void
keyring_free(struct keyring *ring)
{
	if (ring == NULL)
		return;
	for (size_t i = 0; i < ring->n_keys; i++)
		key_free(ring->keys[i]);
	for (size_t i = 0; i < DIGEST_ALG_COUNT; i++)
		hasher_free(ring->hashers[i]);
	sig_cache_free(ring->cache);
	free(ring->keys);
	free(ring->slots);
	arena_free(&ring->arena);
	free(ring);
}

static bool
is_revoked(const struct keyring *ring, const struct pubkey *pub)
{
	for (size_t i = 0; i < ring->n_policies; i++)
		for (size_t k = 0; k < ring->policies[i]->n_revoked_keys; k++)
			if (digest_eq(&ring->policies[i]->revoked_keys[k], pubkey_fingerprint(pub)))
				return true;
	return false;
}

/* The first slot that is not before (keyid, number). */
static size_t
slot_at(const struct keyring *ring, uint32_t keyid, uint64_t number)
{
	size_t lo = 0, hi = ring->n_slots;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct slot *s = &ring->slots[mid];

		if (s->keyid < keyid || (s->keyid == keyid && s->number < number))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
slot_add(struct keyring *ring, uint32_t keyid, uint32_t number)
{
	size_t at = slot_at(ring, keyid, number);

	memmove(ring->slots + at + 1, ring->slots + at, (ring->n_slots - at) * sizeof(*ring->slots));
	ring->slots[at] = (struct slot){ keyid, number };
	ring->n_slots++;
}

/* Room for one more key and its two slots. */
static int
make_room(struct keyring *ring, struct err *e)
{
	void *p;

	if (ring->n_keys >= LIMIT_TRUSTED_KEYS)
		return err_set(e, ERR_LIMIT, "more than %u trusted keys", (unsigned)LIMIT_TRUSTED_KEYS);
	if (ring->n_keys == ring->cap_keys) {
		size_t cap = ring->cap_keys == 0 ? 16 : ring->cap_keys * 2;

		if ((p = reallocarray(ring->keys, cap, sizeof(struct trusted_key *))) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		ring->keys = p;
		ring->cap_keys = cap;
	}
	if (ring->n_slots + 2 > ring->cap_slots) {
		size_t cap = ring->cap_slots == 0 ? 32 : ring->cap_slots * 2;

		if ((p = reallocarray(ring->slots, cap, sizeof(*ring->slots))) == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		ring->slots = p;
		ring->cap_slots = cap;
	}
	return 0;
}

/* Takes ${key} over when it succeeds. */
static int
add_key(struct keyring *ring, struct trusted_key *key, struct err *e)
{
	int rc = make_room(ring, e);

	if (rc != 0)
		return rc;
	key->number = (uint32_t)ring->n_keys;
	key->keyid = pubkey_keyid(key->pub);
	key->keyid_bits = pubkey_keyid_bits(key->pub);
	key->revoked = is_revoked(ring, key->pub);
	ring->keys[ring->n_keys++] = key;
	slot_add(ring, key->keyid, key->number);
	if (key->keyid_bits != key->keyid)
		slot_add(ring, key->keyid_bits, key->number);
	return 0;
}

static int
add_policy_key(struct keyring *ring, const struct runtime_policy *p,
    const struct policy_key *k, struct err *e)
{
	__attribute__((cleanup(key_freep))) struct trusted_key *key = calloc(1, sizeof(*key));
	int rc;

	if (key == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	key->policy = k;
	key->owner = p;
	if ((rc = pubkey_parse(k->der, &key->pub, e)) != 0)
		return err_ctx(e, rc, "key \"%.*s\" of the policy", (int)(k->name.n < 128 ? k->name.n : 128),
		    (const char *)k->name.p);
	key->name = k->name.n > 0 ? k->name : span_str(pubkey_subject(key->pub));
	if ((rc = key_scope_prepare(key, &ring->arena, e)) != 0 || (rc = add_key(ring, key, e)) != 0)
		return rc;
	key = NULL;		/* handed over */
	return 0;
}

int
keyring_new(const struct runtime_policy *const *policies, size_t n,
    struct keyring **out, struct err *e)
{
	KEYRING_AUTO struct keyring *ring = calloc(1, sizeof(*ring));
	const struct runtime_policy **copy;
	int rc;

	if (ring == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	ring->arena = arena_init(LIMIT_APPRAISAL_ARENA);
	if ((copy = arena_array(&ring->arena, n + 1, sizeof(*copy))) == NULL)
		return arena_err(&ring->arena, e);
	for (size_t i = 0; i < n; i++)
		copy[i] = policies[i];
	ring->policies = copy;
	ring->n_policies = n;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < policies[i]->n_keys; k++)
			if ((rc = add_policy_key(ring, policies[i], &policies[i]->keys[k], e)) != 0)
				return rc;
	ring->n_fixed = ring->n_keys;
	*out = ring;
	ring = NULL;		/* handed over */
	return 0;
}

size_t
keyring_count(const struct keyring *ring)
{
	return ring->n_keys;
}

struct trusted_key *
keyring_at(struct keyring *ring, size_t i)
{
	return i < ring->n_keys ? ring->keys[i] : NULL;
}

struct trusted_key *
keyring_find(struct keyring *ring, uint32_t keyid, const struct trusted_key *after)
{
	size_t at = slot_at(ring, keyid, after == NULL ? 0 : (uint64_t)after->number + 1);

	return at < ring->n_slots && ring->slots[at].keyid == keyid ?
	    ring->keys[ring->slots[at].number] : NULL;
}

void
keyring_forget(struct keyring *ring)
{
	size_t kept = 0;

	for (size_t i = 0; i < ring->n_slots; i++)
		if (ring->slots[i].number < ring->n_fixed)
			ring->slots[kept++] = ring->slots[i];
	ring->n_slots = kept;
	while (ring->n_keys > ring->n_fixed)
		key_free(ring->keys[--ring->n_keys]);
}

bool
key_load_like(struct span buf)
{
	size_t n = 0, head = 2;

	/* X.690 8.1.3: a SEQUENCE with the short form, or the long form in up to 4 bytes. */
	if (buf.n < 2 || buf.p[0] != 0x30)
		return false;
	if (buf.p[1] < 0x80) {
		n = buf.p[1];
	} else {
		size_t octets = buf.p[1] & 0x7f;

		if (octets == 0 || octets > 4 || buf.n < 2 + octets)
			return false;
		for (size_t i = 0; i < octets; i++)
			n = n << 8 | buf.p[2 + i];
		head += octets;
	}
	return n > 0 && n == buf.n - head;
}

/* What the policies say about a payload in a keyring, by its digest. */
struct verdict_of_lists { bool approved, trust, ignored; };

static int
ask_lists(struct keyring *ring, struct span name, struct span der, struct verdict_of_lists *v,
    struct err *e)
{
	struct digest seen[DIGEST_ALG_COUNT] = { 0 };
	int rc;

	for (size_t i = 0; i < ring->n_policies; i++) {
		const struct runtime_policy *p = ring->policies[i];

		for (size_t k = 0; k < p->n_keyrings; k++) {
			const struct policy_keyring *kr = &p->keyrings[k];

			if (!span_is(kr->name, "*") && !span_eq(kr->name, name))
				continue;
			v->ignored |= kr->ignore;
			for (size_t d = 0; d < kr->n_digests; d++) {
				struct digest *s = &seen[kr->digests[d].alg];

				if (s->alg == DIGEST_NONE &&
				    (rc = keyring_digest(ring, kr->digests[d].alg, &der, 1, s, e)) != 0)
					return rc;
				if (digest_eq(s, &kr->digests[d])) {
					v->approved = true;
					v->trust |= kr->trust;
				}
			}
		}
	}
	return 0;
}

/* A key of the ring that is the same, and for this keyring: a policy's key before a
 * learned one; one whose scope names the keyring before one whose scope does not. */
static struct trusted_key *
same_key(struct keyring *ring, const struct pubkey *pub, struct span name, bool *in_scope)
{
	struct trusted_key *found = NULL;

	*in_scope = false;
	for (size_t i = 0; i < ring->n_keys && !*in_scope; i++) {
		struct trusted_key *k = ring->keys[i];

		if (!pubkey_eq(k->pub, pub) || (k->policy == NULL && !span_eq(k->learned_from, name)))
			continue;
		if (found == NULL || k->policy != NULL)
			found = k;
		*in_scope = k->policy != NULL && key_scope_has_ring(&k->policy->scope, name);
	}
	return found;
}

/* Takes ${*pub} over when it succeeds. */
static int
learn(struct keyring *ring, struct span name, struct pubkey **pub, struct load_outcome *o, struct err *e)
{
	/* The name lies behind the key, so that both go together. */
	__attribute__((cleanup(key_freep))) struct trusted_key *key = calloc(1, sizeof(*key) + name.n);
	int rc;

	if (key == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (name.n != 0)
		memcpy(key + 1, name.p, name.n);
	key->learned_from = span_of(key + 1, name.n);
	key->pub = *pub;
	key->name = span_str(pubkey_subject(key->pub));
	if ((rc = add_key(ring, key, e)) != 0) {
		key->pub = NULL;	/* stays the caller's */
		return rc;
	}
	*pub = NULL;
	o->key = key;
	o->learned = true;
	key = NULL;			/* handed over */
	return 0;
}

/* A payload that cannot be a trusted key for us (weak, of another kind, not a key)
 * is judged by its digest all the same; only our own faults are errors. */
static int
parse_payload(struct span der, struct pubkey **pub, struct err *e)
{
	struct err why = { 0 };
	int rc = key_load_like(der) ? pubkey_parse(der, pub, &why) : 0;

	if (rc != ERR_NOMEM && rc != ERR_INTERNAL)
		return 0;
	if (e != NULL)
		*e = why;
	return rc;
}

int
keyring_load(struct keyring *ring, struct span name, struct span der, struct load_outcome *out,
    struct err *e)
{
	PUBKEY_AUTO struct pubkey *pub = NULL;
	struct load_outcome o = { .why = "a key was loaded that no policy names for this keyring" };
	struct verdict_of_lists v = { 0 };
	bool in_scope = false;
	int rc;

	if ((rc = ask_lists(ring, name, der, &v, e)) != 0 || (rc = parse_payload(der, &pub, e)) != 0)
		return rc;
	if (pub != NULL)
		o.key = same_key(ring, pub, name, &in_scope);
	if (pub != NULL && is_revoked(ring, pub)) {
		o.state = LOAD_REVOKED;
		o.why = "a key was loaded that the policy revokes";
	} else if (v.approved || in_scope) {
		o.state = LOAD_APPROVED;
		o.why = v.approved ? "its digest is listed for the keyring" : "it is a key of the policy";
		if (v.trust && pub != NULL && o.key == NULL && (rc = learn(ring, name, &pub, &o, e)) != 0)
			return rc;
	} else if (v.ignored) {
		o.state = LOAD_IGNORED;
		o.why = "the policy does not judge this keyring";
	} else if (o.key != NULL && o.key->policy != NULL) {
		o.state = LOAD_OUT_OF_SCOPE;
		o.why = "a key of the policy was loaded into a keyring that its scope does not name";
	}
	*out = o;
	return 0;
}

int
keyring_verify(struct keyring *ring, const struct trusted_key *key, const struct digest *digest,
    struct span sig, bool *ok, struct err *e)
{
	const struct digest *print = pubkey_fingerprint(key->pub);
	bool good;
	int rc;

	if (ring->cache == NULL && (rc = sig_cache_new(&ring->cache, e)) != 0)
		return rc;
	if (sig_cache_get(ring->cache, print, digest, sig, ok)) {
		ring->stats.remembered++;
		return 0;
	}
	rc = pubkey_verify(key->pub, pubkey_kind(key->pub) == PUBKEY_EC ? SIG_ECDSA : SIG_RSASSA,
	    digest, sig, &good, e);
	if (rc != 0)
		return rc;
	ring->stats.verified++;
	if ((rc = sig_cache_put(ring->cache, print, digest, sig, good, e)) != 0)
		return rc;
	*ok = good;
	return 0;
}

struct keyring_stats
keyring_stats(const struct keyring *ring)
{
	return ring->stats;
}

int
keyring_digest(struct keyring *ring, enum digest_alg alg, const struct span *parts, size_t n,
    struct digest *out, struct err *e)
{
	struct digest d = { .alg = alg, .size = (uint8_t)digest_alg_size(alg) };
	struct hasher *h;
	int rc;

	if (ring->hashers[alg] == NULL && (rc = hasher_new(alg, &ring->hashers[alg], e)) != 0)
		return rc;
	h = ring->hashers[alg];

	bool good = hasher_start(h);

	for (size_t i = 0; i < n && good; i++)
		good = hasher_add(h, parts[i]);
	if (!good || !hasher_finish(h, d.v))
		return err_set(e, ERR_CRYPTO, "computing a %s digest", digest_alg_name(alg));
	*out = d;
	return 0;
}
