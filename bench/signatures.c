/* signatures: what it costs to judge a list of signed files, beside what it must cost.
 *
 *	signatures RSA-KEY.pem [ENTRIES [DISTINCT]]
 *
 * The list: ENTRIES (63,000) of template ima-sig with paths like a distribution's, signed by
 * one RSA-2048 key with DISTINCT (5,000) different signatures.  The floor is one SHA-1 and
 * two SHA-256 of each entry's data, and DISTINCT verifications.  Measured is the same three
 * digests, reading the list, and ima_verify_entry of each entry.  CPU time of this thread,
 * the best of some rounds each; promised is at most 1.2 times the floor.
 */
#include <time.h>

#include "base/file.h"
#include "crypto/digest.h"
#include "engine/ima_verify.h"

#define ROUNDS 5

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
die(const struct err *e)
{
	fprintf(stderr, "signatures: %s\n", e->message);
	exit(3);
}

struct load {
	struct buf list;
	struct buf *sigs;		/* of the distinct contents */
	struct digest *digests;
	size_t entries, distinct;
	struct pubkey *pub;
};

static void
put_field(struct buf *b, const void *p, size_t n)
{
	buf_le32(b, (uint32_t)n);
	buf_put(b, p, n);
}

/* One record; the digest column is not what is measured here. */
static void
put_entry(struct load *l, size_t i, struct buf *data)
{
	size_t k = i % l->distinct;
	char path[128];
	uint8_t d[40] = "sha256:";
	uint8_t head[9] = { 3, 2, 4 };
	uint32_t id = pubkey_keyid(l->pub);
	struct buf sig = buf_init(KIB(2));

	(void)snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/package-%05zu/file-%05zu.so", k % 700, i);
	memcpy(d + 8, l->digests[k].v, 32);
	for (int s = 0; s < 4; s++)
		head[3 + s] = (uint8_t)(id >> 8 * (3 - s));
	head[7] = (uint8_t)(l->sigs[k].n >> 8);
	head[8] = (uint8_t)l->sigs[k].n;
	buf_put(&sig, head, 9);
	buf_span(&sig, buf_view(&l->sigs[k]));
	data->n = 0;
	put_field(data, d, 40);
	put_field(data, path, strlen(path) + 1);
	put_field(data, sig.p, sig.n);
	buf_le32(&l->list, 10);
	for (int z = 0; z < 20; z++)
		buf_u8(&l->list, 7);
	put_field(&l->list, "ima-sig", 7);
	put_field(&l->list, data->p, data->n);
	buf_free(&sig);
}

static void
make_load(struct load *l, struct privkey *key)
{
	struct err e = { 0 };
	struct buf data = buf_init(KIB(8));

	l->list = buf_init(GIB(1));
	l->sigs = calloc(l->distinct, sizeof(*l->sigs));
	l->digests = calloc(l->distinct, sizeof(*l->digests));
	if (l->sigs == NULL || l->digests == NULL)
		exit(3);
	for (size_t k = 0; k < l->distinct; k++) {
		char content[32];
		struct span c = span_of(content, (size_t)snprintf(content, sizeof(content), "content %zu", k));

		l->sigs[k] = buf_init(KIB(2));
		if (digest_of(DIGEST_SHA256, c, &l->digests[k], &e) != 0 ||
		    privkey_sign(key, SIG_RSASSA, c, DIGEST_SHA256, &l->sigs[k], &e) != 0)
			die(&e);
	}
	for (size_t i = 0; i < l->entries; i++)
		put_entry(l, i, &data);
	if (buf_done(&l->list, &e) != 0)
		die(&e);
	buf_free(&data);
}

static void
new_hashers(struct hasher *h[3])
{
	struct err e = { 0 };

	if (hasher_new(DIGEST_SHA1, &h[0], &e) != 0 || hasher_new(DIGEST_SHA256, &h[1], &e) != 0 ||
	    hasher_new(DIGEST_SHA256, &h[2], &e) != 0)
		die(&e);
}

static void
digest3(struct hasher *h[3], struct span data)
{
	uint8_t md[64];

	for (int i = 0; i < 3; i++)
		if (!hasher_run(h[i], data, span_of(NULL, 0), md))
			exit(3);
}

/* The list's entries as spans, made beforehand: the floor has nothing to read. */
static double
floor_time(const struct load *l, const struct span *data, double *verifications)
{
	struct hasher *h[3];
	struct pubkey *fresh;
	struct err e = { 0 };
	bool good = true;
	double t;

	new_hashers(h);
	if (pubkey_parse(pubkey_spki(l->pub), &fresh, &e) != 0)
		die(&e);
	t = now();
	for (size_t i = 0; i < l->entries; i++)
		digest3(h, data[i]);
	*verifications = now();
	for (size_t k = 0; k < l->distinct && good; k++)
		if (pubkey_verify(fresh, SIG_RSASSA, &l->digests[k], buf_view(&l->sigs[k]), &good, &e) != 0)
			die(&e);
	double end = now();

	*verifications = end - *verifications;
	if (!good)
		exit(3);
	pubkey_free(fresh);
	for (int i = 0; i < 3; i++)
		hasher_free(h[i]);
	return end - t;
}

static double
engine_time(const struct load *l, const struct runtime_policy *p)
{
	const struct runtime_policy *all[] = { p };
	const struct sig_context ctx = { 0 };
	struct hasher *h[3];
	struct keyring *ring;
	struct err e = { 0 };
	struct ima_log log;
	struct ima_entry n;
	struct sig_outcome o;
	size_t good = 0;
	double t;

	new_hashers(h);
	t = now();
	if (keyring_new(all, 1, &ring, &e) != 0 || ima_log_open(buf_view(&l->list), &log, &e) != 0)
		die(&e);
	while (ima_log_next(&log, &n, &e) > 0) {
		digest3(h, n.data);
		if (ima_verify_entry(ring, &n, &ctx, &o, &e) != 0)
			die(&e);
		good += o.state == SIG_GOOD;
	}
	ima_log_close(&log);
	struct keyring_stats st = keyring_stats(ring);

	keyring_free(ring);
	t = now() - t;
	if (good != l->entries || st.verified != l->distinct) {
		fprintf(stderr, "signatures: %zu good, %llu verified\n", good, (unsigned long long)st.verified);
		exit(3);
	}
	for (int i = 0; i < 3; i++)
		hasher_free(h[i]);
	return t;
}

static struct span *
entry_data(const struct load *l)
{
	struct span *data = calloc(l->entries, sizeof(*data));
	struct err e = { 0 };
	struct ima_log log;
	struct ima_entry n;
	size_t i = 0;

	if (data == NULL || ima_log_open(buf_view(&l->list), &log, &e) != 0)
		die(&e);
	while (i < l->entries && ima_log_next(&log, &n, &e) > 0)
		data[i++] = n.data;
	ima_log_close(&log);
	return data;
}

int
main(int argc, char **argv)
{
	struct load l = { .entries = 63000, .distinct = 5000 };
	struct policy_key key = { 0 };
	struct runtime_policy p = { .keys = &key, .n_keys = 1 };
	struct privkey *priv;
	struct err e = { 0 };
	struct file f;
	double floor = 1e9, engine = 1e9, part = 0, v = 0, t;

	if (argc < 2)
		return 2;
	if (argc > 2)
		l.entries = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		l.distinct = strtoull(argv[3], NULL, 10);
	if (file_read(argv[1], KIB(64), &f, &e) != 0 || privkey_parse(file_view(&f), &priv, &e) != 0 ||
	    pubkey_parse(pubkey_spki(privkey_public(priv)), &l.pub, &e) != 0)
		die(&e);
	make_load(&l, priv);
	key.der = pubkey_spki(l.pub);

	struct span *data = entry_data(&l);

	for (int i = 0; i < ROUNDS; i++) {
		if ((t = floor_time(&l, data, &part)) < floor) {
			floor = t;
			v = part;
		}
		if ((t = engine_time(&l, &p)) < engine)
			engine = t;
	}
	printf("signatures: %zu entries, %zu distinct: %.1f ms, floor %.1f ms (digests %.1f, verifications"
	    " %.1f: %.1f us each), ratio %.2f, promised 1.20\n", l.entries, l.distinct, engine * 1e3,
	    floor * 1e3, (floor - v) * 1e3, v * 1e3, v * 1e6 / (double)l.distinct, engine / floor);
	return 0;
}
