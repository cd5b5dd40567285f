#include "bench/attester.h"

#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/pem.h"
#include "crypto/digest.h"
#include "formats/attest_message.h"

#define PCR_MASK 0x47ffU	/* 0 to 10, and 14 */
#define DAY_MS 86400000
#define CERT_DAYS 90		/* as a server gives them */

struct attesters {
	struct file ca_pem;
	struct issuer *ca;
	struct privkey *ak;
	unsigned patience_ms;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
read_in(const char *data, const char *name, struct file *f, struct err *e)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", data, name);
	return file_read(path, MIB(1), f, e);
}

int
attesters_new(const char *data, unsigned patience_ms, struct attesters **out, struct err *e)
{
	FILE_AUTO struct file ca_key = { 0 };
	BUF_AUTO struct buf key = buf_init(KIB(16));
	struct attesters *a = calloc(1, sizeof(*a));
	int rc;

	if (a == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	a->patience_ms = patience_ms;
	if ((rc = read_in(data, "ca.pem", &a->ca_pem, e)) != 0 || (rc = read_in(data, "ca.key", &ca_key, e)) != 0 ||
	    (rc = issuer_open(file_view(&a->ca_pem), file_view(&ca_key), &a->ca, e)) != 0 ||
	    (rc = key_create(&key, e)) != 0 || (rc = privkey_parse(buf_view(&key), &a->ak, e)) != 0) {
		attesters_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

void
attesters_free(struct attesters *a)
{
	if (a == NULL)
		return;
	file_free(&a->ca_pem);
	issuer_free(a->ca);
	privkey_free(a->ak);
	free(a);
}

/* -- the list ------------------------------------------------------------------------------ */

static int
file_of(uint64_t k, char path[64], struct digest *d, struct err *e)
{
	(void)snprintf(path, 64, "/usr/lib/program-%06llu", (unsigned long long)k);
	return digest_of(DIGEST_SHA256, span_str(path), d, e);
}

/* Template data of ima-ng: the boot aggregate first, then file after file. */
static int
data_of(uint64_t index, struct buf *data, struct err *e)
{
	static const uint8_t zeros[320];
	char path[64] = "boot_aggregate";
	struct digest d;
	int rc = index == 0 ? digest_of(DIGEST_SHA256, span_of(zeros, sizeof(zeros)), &d, e) :
	    file_of((index - 1) % ATTESTER_FILES, path, &d, e);

	if (rc != 0)
		return rc;
	buf_le32(data, 40);
	buf_put(data, "sha256:", 8);
	buf_span(data, digest_view(&d));
	buf_le32(data, (uint32_t)strlen(path) + 1);
	buf_put(data, path, strlen(path) + 1);
	return buf_done(data, e);
}

int
attester_record(uint64_t index, struct buf *out, struct err *e)
{
	BUF_AUTO struct buf data = buf_init(1024);
	struct digest d;
	int rc = data_of(index, &data, e);

	if (rc != 0 || (rc = digest_of(DIGEST_SHA1, buf_view(&data), &d, e)) != 0)
		return rc;
	buf_le32(out, 10);
	buf_span(out, digest_view(&d));
	buf_le32(out, 6);
	buf_str(out, "ima-ng");
	buf_le32(out, (uint32_t)data.n);
	buf_span(out, buf_view(&data));
	return buf_done(out, e);
}

int
attester_measure(struct attester *h, uint64_t n, struct err *e)
{
	for (; n > 0; n--, h->measured++) {
		BUF_AUTO struct buf data = buf_init(1024), both = buf_init(128);
		struct digest d;
		int rc = data_of(h->measured, &data, e);

		if (rc != 0 || (rc = digest_of(DIGEST_SHA256, buf_view(&data), &d, e)) != 0)
			return rc;
		buf_put(&both, h->pcr10, 32);
		buf_span(&both, digest_view(&d));
		if ((rc = digest_of(DIGEST_SHA256, buf_view(&both), &d, e)) != 0)
			return rc;
		memcpy(h->pcr10, digest_view(&d).p, 32);
	}
	return 0;
}

/* -- the quote ----------------------------------------------------------------------------- */

static void
put_mpi(struct buf *b, const uint8_t *p, size_t n)
{
	while (n > 1 && *p == 0) {
		p++;
		n--;
	}
	buf_be16(b, (uint16_t)n);
	buf_put(b, p, n);
}

static void
put_attest(struct attester *h, const struct digest *pcrs, struct buf *attest)
{
	buf_be32(attest, 0xff544347);
	buf_be16(attest, 0x8018);
	buf_be16(attest, 34);
	buf_be16(attest, 0x000b);
	buf_zero(attest, 32);
	buf_be16(attest, 32);
	buf_put(attest, h->nonce, 32);
	buf_be64(attest, ++h->clock);
	buf_be32(attest, 7);
	buf_be32(attest, 0);
	buf_u8(attest, 1);
	buf_be64(attest, 1);
	buf_be32(attest, 1);
	buf_be16(attest, 0x000b);
	buf_u8(attest, 3);
	buf_u8(attest, PCR_MASK & 0xff);
	buf_u8(attest, PCR_MASK >> 8);
	buf_u8(attest, 0);
	buf_be16(attest, 32);
	buf_span(attest, digest_view(pcrs));
}

static int
quote(struct attesters *a, struct attester *h, struct buf *attest, struct buf *sig, struct err *e)
{
	BUF_AUTO struct buf values = buf_init(1024), der = buf_init(512);
	struct digest d;
	int rc;

	buf_zero(&values, (size_t)10 * 32);
	buf_put(&values, h->pcr10, 32);
	buf_zero(&values, 32);
	if ((rc = digest_of(DIGEST_SHA256, buf_view(&values), &d, e)) != 0)
		return rc;
	put_attest(h, &d, attest);
	if ((rc = privkey_sign(a->ak, SIG_ECDSA, buf_view(attest), DIGEST_SHA256, &der, e)) != 0)
		return rc;
	buf_be16(sig, 0x0018);
	buf_be16(sig, 0x000b);
	put_mpi(sig, der.p + 4, der.p[3]);
	put_mpi(sig, der.p + 4 + der.p[3] + 2, der.p[4 + der.p[3] + 1]);
	return 0;
}

static void
values_json(const struct attester *h, struct buf *out)
{
	static const uint8_t zeros[32];

	buf_str(out, "{\"sha256\":{");
	for (unsigned i = 0; i < 15; i++)
		if ((PCR_MASK >> i) & 1) {
			buf_printf(out, "%s\"%u\":\"", i == 0 ? "" : ",", i);
			buf_hex(out, span_of(i == 10 ? h->pcr10 : zeros, 32));
			buf_str(out, "\"");
		}
	buf_str(out, "}}");
}

/* -- messages ------------------------------------------------------------------------------ */

static int
post(struct attester *h, const struct attest_message *m, struct err *e)
{
	BUF_AUTO struct buf body = buf_init(MIB(16));
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	struct http_call call = { .method = HTTP_POST, .target = "/v1/agent/attest", .type = ATTEST_MESSAGE_TYPE };
	struct attest_message ack;
	uint64_t from;
	int rc = attest_message_write(m, &body, e);

	call.body = buf_view(&body);
	h->status = 0;
	if (rc != 0 || (rc = http_client_call(h->client, &call, &r, e)) != 0)
		return rc;
	h->status = r.status;
	if ((rc = http_result_check(&r, e)) != 0 || (rc = attest_message_parse(buf_view(&r.body), &ack, e)) != 0)
		return rc;
	memcpy(h->nonce, ack.s[ATTEST_NONCE].bytes.p, 32);
	from = attest_get_u64(&ack, ATTEST_FROM);
	if (from < h->acknowledged || from > h->measured)
		return err_set(e, ERR_MISMATCH, "the server has %llu entries of %s; it had acknowledged %llu of %llu",
		    (unsigned long long)from, h->id, (unsigned long long)h->acknowledged, (unsigned long long)h->measured);
	h->from = h->acknowledged = from;
	return 0;
}

int
attester_hello(struct attester *h, struct err *e)
{
	return post(h, &(struct attest_message){ .type = ATTEST_EVIDENCE }, e);
}

int
attester_evidence(struct attesters *a, struct attester *h, struct err *e)
{
	BUF_AUTO struct buf list = buf_init(MIB(16)), att = buf_init(4096), sig = buf_init(512), values = buf_init(8192);
	struct attest_message m = { .type = ATTEST_EVIDENCE };
	uint8_t from[8], total[8], nonce[32];
	int rc = quote(a, h, &att, &sig, e);

	for (uint64_t i = h->from; i < h->measured && rc == 0; i++)
		rc = attester_record(i, &list, e);
	if (rc != 0)
		return rc;
	values_json(h, &values);
	memcpy(nonce, h->nonce, 32);	/* the message borrows it, the answer replaces it */
	if (!attest_put(&m, ATTEST_NONCE, span_of(nonce, 32)) || !attest_put(&m, ATTEST_QUOTE, buf_view(&att)) ||
	    !attest_put(&m, ATTEST_SIGNATURE, buf_view(&sig)) || !attest_put(&m, ATTEST_PCRS, buf_view(&values)) ||
	    !attest_put_u64(&m, ATTEST_FROM, h->from, from) || !attest_put_u64(&m, ATTEST_TOTAL, h->measured, total) ||
	    !attest_put(&m, ATTEST_IMA_LOG, buf_view(&list)))
		return err_set(e, ERR_INTERNAL, "a message with too many parts");
	return post(h, &m, e);
}

int
attester_connect(struct attesters *a, struct attester *h, const char *url, struct err *e)
{
	struct tls_client_options t = { .server_ca = file_view(&a->ca_pem), .chain = buf_view(&h->chain_pem),
	    .key = buf_view(&h->key_pem) };
	int rc = 0;

	http_client_free(h->client);
	h->client = NULL;
	if (h->tls == NULL)
		rc = tls_client_new(&t, &h->tls, e);
	return rc != 0 ? rc : http_client_new(&(struct http_client_options){ .url = url, .tls = h->tls,
	    .connect_ms = a->patience_ms, .answer_ms = a->patience_ms }, &h->client, e);
}

void
attester_close(struct attester *h)
{
	http_client_free(h->client);
	tls_client_free(h->tls);
	buf_free(&h->key_pem);
	buf_free(&h->chain_pem);
	*h = (struct attester){ 0 };
}

/* -- in the store -------------------------------------------------------------------------- */

int
attesters_policy(struct store *s, struct err *e)
{
	BUF_AUTO struct buf text = buf_init(MIB(64)), members = buf_init(4096), version = buf_init(128);
	struct digest d;
	char path[64];
	int rc;

	buf_str(&text, "{\"assay_policy\":1,\"name\":\"load\",\"layers\":[{\"name\":\"all\",\"files\":{");
	for (uint64_t k = 0; k < ATTESTER_FILES; k++) {
		if ((rc = file_of(k, path, &d, e)) != 0)
			return rc;
		buf_printf(&text, "%s\"%s\":[\"sha256:", k == 0 ? "" : ",", path);
		buf_hex(&text, digest_view(&d));
		buf_str(&text, "\"]");
	}
	buf_str(&text, "}}]}");
	if ((rc = buf_done(&text, e)) != 0 || (rc = digest_of(DIGEST_SHA256, buf_view(&text), &d, e)) != 0)
		return rc;
	buf_hex(&version, digest_view(&d));
	buf_printf(&members, "[{\"policy\":\"load\",\"version\":\"%s\"}]", buf_cstr(&version));
	struct store_policy p = { .name = span_lit("load"), .version = buf_view(&version), .document = buf_view(&text),
	    .size = text.n, .who = span_lit("bench"), .at = now_ms() };
	struct store_policy_set set = { .name = span_lit("load"), .version = buf_view(&version),
	    .members = buf_view(&members), .who = span_lit("bench"), .at = now_ms() };
	struct store_assignment a = { .set = set.name, .version = set.version, .who = set.who, .began = now_ms() };

	if ((rc = store_policy_add(s, &p, e)) == ERR_DUPLICATE)
		return 0;	/* of an earlier run */
	if (rc != 0 || (rc = store_policy_set_add(s, &set, e)) != 0)
		return rc;
	return store_assign(s, &a, 0, e);
}

static int
make_certificate(struct attesters *a, struct attester *h, struct buf *der, struct store_certificate *cert,
    struct err *e)
{
	PRIVKEY_AUTO struct privkey *key = NULL;
	int64_t now = now_ms();
	struct digest d;
	int rc;

	if ((rc = key_create(&h->key_pem, e)) != 0 || (rc = privkey_parse(buf_view(&h->key_pem), &key, e)) != 0 ||
	    (rc = cert_issue(a->ca, &(struct cert_order){ .kind = CERT_CLIENT, .key = privkey_public(key), .cn = h->id,
	    .from = now / 1000 - 3500, .to = now / 1000 + CERT_DAYS * 86400 }, der, e)) != 0 ||
	    (rc = digest_of(DIGEST_SHA256, buf_view(der), &d, e)) != 0)
		return rc;
	pem_write("CERTIFICATE", buf_view(der), &h->chain_pem);
	*cert = (struct store_certificate){ .der = buf_view(der), .issued = now, .expires = now + CERT_DAYS * (int64_t)DAY_MS };
	memcpy(cert->sha256, digest_view(&d).p, 32);
	return buf_done(&h->chain_pem, e);
}

int
attester_put(struct attesters *a, struct store *s, unsigned number, struct attester *h, struct err *e)
{
	BUF_AUTO struct buf der = buf_init(KIB(16)), name = buf_init(64);
	struct store_certificate cert;
	int64_t now = now_ms();
	int rc;

	*h = (struct attester){ .key_pem = buf_init(KIB(16)), .chain_pem = buf_init(KIB(32)), .clock = 1000 };
	(void)snprintf(h->id, sizeof(h->id), "%032x", number + 1);
	buf_printf(&name, "load-%u", number);
	if ((rc = make_certificate(a, h, &der, &cert, e)) != 0)
		return rc;
	struct store_identity who = { .made = now, .trust_mode = span_lit("operator"),
	    .ak_public = pubkey_spki(privkey_public(a->ak)), .ek_public = span_str(h->id), .ak_name = span_str(h->id) };
	struct store_host row = { .name = buf_view(&name), .registration = STORE_ENROLLED, .made = now,
	    .labels = span_lit("{}"), .facts = span_lit("{\"boot_id\":\"b\"}"), .facts_at = now };

	memcpy(row.id, h->id, sizeof(row.id));
	return store_host_add(s, &row, &who, &cert, e);
}
