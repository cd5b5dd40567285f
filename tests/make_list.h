/* make_list.h: a machine of our own, whose kernel measures what a test says: the list it shows,
 * and what its TPM really saw.  Written from the kernel's format (formats/ima_log.h), with the
 * digests of OpenSSL and none of the replay. */
#ifndef MAKE_LIST_H
#define MAKE_LIST_H

#include "base/buf.h"
#include "crypto/digest.h"
#include "tests/make_quote.h"

struct machine {
	struct buf list;
	uint8_t pcr[24][32];		/* bank SHA-256 */
	bool padded;			/* extends zero-padded SHA-1, as kernels before 5.8 */
};

/* One entry; what is 0 is usual. */
struct measured {
	const char *path;
	uint8_t digest;			/* each of the 32 bytes of the file's digest */
	unsigned pcr;			/* 0: PCR 10 */
	const char *template, *alg;	/* ima-ng, sha256 */
	bool hidden;			/* extended, but not in the list */
	bool invented;			/* in the list, but not extended */
	bool violation;
	struct span data;		/* the whole data, in place of path and digest */
};

static void
bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(99);
}

static struct machine
machine_new(void)
{
	return (struct machine){ .list = buf_init(1 << 20) };
}

static void
hash_of(enum digest_alg alg, struct span s, uint8_t *out)
{
	struct digest d = { 0 };

	if (digest_of(alg, s, &d, NULL) != 0)
		bail_out(digest_alg_name(alg));
	memcpy(out, d.v, d.size);
}

static void
extend(struct machine *m, unsigned pcr, const uint8_t v[static 32])
{
	uint8_t both[64];

	memcpy(both, m->pcr[pcr], 32);
	memcpy(both + 32, v, 32);
	hash_of(DIGEST_SHA256, span_of(both, 64), m->pcr[pcr]);
}

static void
put_data(const struct measured *x, struct buf *data)
{
	const char *alg = x->alg == NULL ? "sha256" : x->alg;
	uint8_t digest[32];

	if (x->data.n > 0) {
		buf_span(data, x->data);
		return;
	}
	memset(digest, x->digest, sizeof(digest));
	buf_le32(data, (uint32_t)strlen(alg) + 2 + 32);
	buf_put(data, alg, strlen(alg));
	buf_put(data, ":", 2);
	buf_put(data, digest, 32);
	buf_le32(data, (uint32_t)strlen(x->path) + 1);
	buf_put(data, x->path, strlen(x->path) + 1);
}

static void
measure(struct machine *m, struct measured x)
{
	const char *template = x.template == NULL ? "ima-ng" : x.template;
	unsigned pcr = x.pcr == 0 ? 10 : x.pcr;
	struct buf data = buf_init(1 << 16);
	uint8_t sha1[32] = { 0 }, v[32];

	put_data(&x, &data);
	hash_of(DIGEST_SHA1, buf_view(&data), sha1);
	hash_of(DIGEST_SHA256, buf_view(&data), v);
	if (m->padded)
		memcpy(v, sha1, sizeof(v));
	if (x.violation) {
		memset(v, 0xff, sizeof(v));
		memset(sha1, 0, sizeof(sha1));
	}
	if (!x.invented)
		extend(m, pcr, v);
	if (!x.hidden) {
		buf_le32(&m->list, pcr);
		buf_put(&m->list, sha1, 20);
		buf_le32(&m->list, (uint32_t)strlen(template));
		buf_str(&m->list, template);
		buf_le32(&m->list, (uint32_t)data.n);
		buf_span(&m->list, buf_view(&data));
	}
	buf_free(&data);
}

/* A quote over the PCRs of ${mask} as they are now. */
__attribute__((unused)) static struct made_quote
machine_quote(const struct machine *m, uint32_t mask, uint64_t clock)
{
	struct buf values = buf_init(24 * 32);
	struct made_quote q;

	for (unsigned i = 0; i < 24; i++)
		if ((mask >> i & 1) != 0)
			buf_put(&values, m->pcr[i], 32);
	q = make_quote_of(&(struct quote_spec){ mask, buf_view(&values), 3, clock });
	buf_free(&values);
	return q;
}

#endif
