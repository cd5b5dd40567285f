#include "bench/machine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bench/measure.h"
#include "crypto/digest.h"

static struct hasher *sha1, *sha256;

static struct span
entry_path(size_t i, char room[static 160])
{
	static const char *const where[] = { "/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/share/perl/5.36",
	    "/usr/lib/python3/dist-packages", "/usr/lib/modules/6.1.0-50-amd64/kernel/drivers", "/usr/sbin" };
	static const char *const what[] = { "", ".so.1.2", ".pm", ".py", ".ko", "" };
	size_t kind = i % 6;

	if (i == 0)
		return span_lit("boot_aggregate");
	return span_of(room, (size_t)snprintf(room, 160, "%s/package-%zu/name-%05zu%s", where[kind],
	    i / 6 % 977, i, what[kind]));
}

static void
put_field(struct buf *b, struct span s)
{
	buf_le32(b, (uint32_t)s.n);
	buf_span(b, s);
}

static void
must(bool fine)
{
	if (!fine)
		bench_die("making the load", &(struct err){ .message = "hashing failed" });
}

/* security.ima's form: type, version, algorithm, key id, length. */
static void
put_signature(struct buf *b, const struct machine *m, size_t i)
{
	const struct buf *raw = &m->sigs[i % m->distinct];
	const uint8_t head[3] = { 3, 2, 4 };

	buf_le32(b, (uint32_t)raw->n + 9);
	buf_put(b, head, 3);
	buf_be32(b, pubkey_keyid(privkey_public(m->signer)));
	buf_be16(b, (uint16_t)raw->n);
	buf_span(b, buf_view(raw));
}

static void
put_entry(struct machine *m, size_t i, struct span path, const uint8_t digest[static 32])
{
	struct buf data = buf_init(KIB(8));
	uint8_t d[40] = "sha256:", column[20];

	memcpy(d + 8, digest, 32);
	put_field(&data, span_of(d, sizeof(d)));
	buf_le32(&data, (uint32_t)path.n + 1);
	buf_span(&data, path);
	buf_u8(&data, 0);
	if (m->distinct > 0)
		put_signature(&data, m, i);
	must(hasher_run(sha1, buf_view(&data), span_of(NULL, 0), column));
	m->offsets[i] = m->list.n;
	buf_le32(&m->list, 10);
	buf_put(&m->list, column, sizeof(column));
	put_field(&m->list, m->distinct > 0 ? span_lit("ima-sig") : span_lit("ima-ng"));
	put_field(&m->list, buf_view(&data));
	buf_free(&data);
}

static void
make_signatures(struct machine *m)
{
	struct err e = { 0 };

	m->sigs = calloc(m->distinct, sizeof(*m->sigs));
	m->digests = calloc(m->distinct, sizeof(*m->digests));
	if (m->sigs == NULL || m->digests == NULL)
		exit(3);
	for (size_t k = 0; k < m->distinct; k++) {
		char text[32];
		struct span content = span_of(text, (size_t)snprintf(text, sizeof(text), "content %zu", k));

		m->sigs[k] = buf_init(KIB(2));
		if (digest_of(DIGEST_SHA256, content, &m->digests[k], &e) != 0 ||
		    privkey_sign(m->signer, SIG_RSASSA, content, DIGEST_SHA256, &m->sigs[k], &e) != 0)
			bench_die("signing", &e);
	}
}

static void
make_list(struct machine *m)
{
	POLICY_BUILDER_AUTO struct policy_builder *b = NULL;
	struct err e = { 0 };
	char room[160];
	struct digest d;

	if (policy_builder_new(&b, &e) != 0)
		bench_die("policy", &e);
	for (size_t i = 0; i < m->entries; i++) {
		struct span path = entry_path(i, room);
		uint8_t md[32];

		must(hasher_run(sha256, path, span_of(NULL, 0), md) &&
		    digest_make(DIGEST_SHA256, span_of(md, 32), &d));
		if (m->distinct == 0 && policy_builder_add(b, path, &d, 0, POLICY_NO_PACKAGE, &e) != 0)
			bench_die("policy", &e);
		put_entry(m, i, path, m->distinct > 0 ? m->digests[i % m->distinct].v : md);
	}
	m->offsets[m->entries] = m->list.n;

	struct runtime_policy p;

	runtime_policy_init(&p);
	p.layers = arena_array(&p.arena, 1, sizeof(*p.layers));
	if (p.layers == NULL)
		exit(3);
	p.layers[p.n_layers++].name = span_lit("bench");
	if (runtime_policy_take(&p, b, &e) != 0 || runtime_policy_merged_usr(&p, &e) != 0 ||
	    runtime_policy_compile(&p, &m->table, &e) != 0)
		bench_die("policy", &e);
	runtime_policy_free(&p);
}

static void
find_data(struct machine *m)
{
	size_t head = 4 + 20 + 4 + (m->distinct > 0 ? 7 : 6) + 4;

	for (size_t i = 0; i < m->entries; i++)
		m->data[i] = span_of(m->list.p + m->offsets[i] + head, m->offsets[i + 1] - m->offsets[i] - head);
}

void
machine_make(struct machine *m)
{
	struct err e = { 0 };

	if (sha1 == NULL && (hasher_new(DIGEST_SHA1, &sha1, &e) != 0 ||
	    hasher_new(DIGEST_SHA256, &sha256, &e) != 0))
		bench_die("hashing", &e);
	m->list = buf_init(GIB(2));
	m->table = buf_init(GIB(2));
	m->nonce = span_lit("twenty bytes, random");
	m->data = calloc(m->entries, sizeof(*m->data));
	m->offsets = calloc(m->entries + 1, sizeof(*m->offsets));
	if (m->data == NULL || m->offsets == NULL)
		exit(3);
	if (m->distinct > 0)
		make_signatures(m);
	make_list(m);
	if (buf_done(&m->list, &e) != 0)
		bench_die("list", &e);
	find_data(m);
	machine_quote(m, m->entries);
}

static void
replay(const struct machine *m, size_t entries, uint8_t pcr[static 32])
{
	uint8_t d[32];

	memset(pcr, 0, 32);
	for (size_t i = 0; i < entries; i++)
		must(hasher_run(sha256, m->data[i], span_of(NULL, 0), d) &&
		    hasher_run(sha256, span_of(pcr, 32), span_of(d, 32), pcr));
}

/* TPMS_ATTEST of a quote over sha256:10 (TPM 2.0 Part 2, 10.12.12). */
static void
put_attest(struct buf *b, const struct machine *m, const uint8_t digest[static 32])
{
	static const uint8_t head[] = { 0xff, 'T', 'C', 'G', 0x80, 0x18 };
	static const uint8_t selection[] = { 0, 0, 0, 1, 0, 0x0b, 3, 0, 4, 0 };

	buf_put(b, head, sizeof(head));
	buf_be16(b, 34);			/* qualified name of the key */
	buf_be16(b, 0x000b);
	buf_zero(b, 32);
	buf_be16(b, (uint16_t)m->nonce.n);
	buf_span(b, m->nonce);
	buf_be64(b, 100000);			/* clock, reset count, restart count, safe */
	buf_be32(b, 7);
	buf_be32(b, 0);
	buf_u8(b, 1);
	buf_be64(b, 0x2020031600000000);	/* firmware version */
	buf_put(b, selection, sizeof(selection));
	buf_be16(b, 32);
	buf_put(b, digest, 32);
}

/* DER SEQUENCE { r, s } to TPMT_SIGNATURE; P-256 needs no long lengths. */
static void
put_tpmt(struct buf *b, struct span der)
{
	struct span rest = span_from(der, 2);

	buf_be16(b, 0x0018);
	buf_be16(b, 0x000b);
	for (int i = 0; i < 2; i++) {
		struct span v = span_head(span_from(rest, 2), rest.p[1]);

		rest = span_from(rest, 2 + v.n);
		while (v.n > 32)
			v = span_from(v, 1);
		buf_be16(b, (uint16_t)v.n);
		buf_span(b, v);
	}
}

void
machine_quote(struct machine *m, size_t entries)
{
	struct buf der = buf_init(KIB(1));
	struct err e = { 0 };
	uint8_t pcr[32], digest[32];

	replay(m, entries, pcr);
	must(tpm_pcrs_set(&m->pcrs, DIGEST_SHA256, 10, span_of(pcr, 32)));
	must(hasher_run(sha256, span_of(pcr, 32), span_of(NULL, 0), digest));
	buf_free(&m->quote);
	buf_free(&m->signature);
	m->quote = m->signature = buf_init(KIB(4));
	put_attest(&m->quote, m, digest);
	if (privkey_sign(m->ak, SIG_ECDSA, buf_view(&m->quote), DIGEST_SHA256, &der, &e) != 0)
		bench_die("the quote", &e);
	put_tpmt(&m->signature, buf_view(&der));
	buf_free(&der);
}

struct evidence_input
machine_input(const struct machine *m, const struct runtime_policy *const *policies, size_t n)
{
	return (struct evidence_input){ .ima_log = buf_view(&m->list), .has_quote = true,
	    .quote = buf_view(&m->quote), .signature = buf_view(&m->signature),
	    .ak = pubkey_spki(privkey_public(m->ak)), .nonce = m->nonce, .bank = DIGEST_SHA256,
	    .pcrs = &m->pcrs,
	    .policy_id = { .alg = DIGEST_SHA256, .size = 32 },
	    .policies = policies, .n_policies = n };
}
