/* Attesters in software, against a server that runs: bench-attest URL DATA STORE HOSTS SECONDS.
 *
 * Each host has a key, a certificate and a connection of its own, kept; each message brings a
 * fresh quote and one new entry, which the policy lists.  The hosts are written into the store
 * before, because enrolment is not what is measured.  One line of JSON: messages, their rate,
 * and the CPU of this process; that of the server is for whoever started it to read. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/file.h"
#include "base/json.h"
#include "base/pem.h"
#include "base/text.h"
#include "bench/measure.h"
#include "crypto/digest.h"
#include "crypto/x509_issue.h"
#include "formats/attest_message.h"
#include "port/net/http_client.h"
#include "port/store/store.h"

#define FILES 20000		/* that the policy lists */
#define FIRST 300		/* entries of a host's first message */
#define PCR_MASK 0x47ffU	/* 0 to 10, and 14 */

struct host {
	char id[33];
	struct buf key_pem, chain_pem;
	struct http_client *client;
	struct tls_client *tls;
	uint8_t nonce[32], pcr10[32];
	uint64_t sent;		/* entries */
	uint64_t clock, done;
	pthread_t thread;
};

static const char *url;
static struct file ca_pem;
static struct privkey *ak;	/* one for all: what counts is its verification */
static volatile bool stop;
static int64_t until;

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
die(const char *what, const struct err *e)
{
	bench_die(what, e);
}

static void
file_of(uint64_t k, char path[64], struct digest *d)
{
	struct err e = { 0 };

	(void)snprintf(path, 64, "/usr/lib/program-%06llu", (unsigned long long)k);
	if (digest_of(DIGEST_SHA256, span_str(path), d, &e) != 0)
		die("digest", &e);
}

/* The next record of the list all hosts have: boot_aggregate, then file after file. */
static void
add_record(struct host *h, struct buf *out)
{
	BUF_AUTO struct buf data = buf_init(1024), run = buf_init(128);
	struct digest d, t1, t256;
	struct err e = { 0 };
	char path[64];

	if (h->sent == 0) {
		uint8_t zeros[320] = { 0 };

		(void)snprintf(path, sizeof(path), "boot_aggregate");
		if (digest_of(DIGEST_SHA256, span_of(zeros, sizeof(zeros)), &d, &e) != 0)
			die("digest", &e);
	} else {
		file_of((h->sent - 1) % FILES, path, &d);
	}
	buf_le32(&data, 40);
	buf_put(&data, "sha256:", 8);
	buf_span(&data, digest_view(&d));
	buf_le32(&data, (uint32_t)strlen(path) + 1);
	buf_put(&data, path, strlen(path) + 1);
	if (digest_of(DIGEST_SHA1, buf_view(&data), &t1, &e) != 0 ||
	    digest_of(DIGEST_SHA256, buf_view(&data), &t256, &e) != 0)
		die("digest", &e);
	buf_le32(out, 10);
	buf_span(out, digest_view(&t1));
	buf_le32(out, 6);
	buf_str(out, "ima-ng");
	buf_le32(out, (uint32_t)data.n);
	buf_span(out, buf_view(&data));
	buf_put(&run, h->pcr10, 32);
	buf_span(&run, digest_view(&t256));
	if (digest_of(DIGEST_SHA256, buf_view(&run), &d, &e) != 0)
		die("digest", &e);
	memcpy(h->pcr10, digest_view(&d).p, 32);
	h->sent++;
}

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
quote(struct host *h, struct buf *attest, struct buf *sig)
{
	BUF_AUTO struct buf values = buf_init(1024), der = buf_init(512);
	struct digest d;
	struct err e = { 0 };

	buf_zero(&values, (size_t)10 * 32);
	buf_put(&values, h->pcr10, 32);
	buf_zero(&values, 32);
	if (digest_of(DIGEST_SHA256, buf_view(&values), &d, &e) != 0)
		die("digest", &e);
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
	buf_span(attest, digest_view(&d));
	if (privkey_sign(ak, SIG_ECDSA, buf_view(attest), DIGEST_SHA256, &der, &e) != 0)
		die("signing", &e);
	buf_be16(sig, 0x0018);
	buf_be16(sig, 0x000b);
	put_mpi(sig, der.p + 4, der.p[3]);
	put_mpi(sig, der.p + 4 + der.p[3] + 2, der.p[4 + der.p[3] + 1]);
}

static void
values_json(const struct host *h, struct buf *out)
{
	buf_str(out, "{\"sha256\":{");
	for (unsigned i = 0; i < 15; i++)
		if ((PCR_MASK >> i) & 1) {
			static const uint8_t zeros[32];

			buf_printf(out, "%s\"%u\":\"", i == 0 ? "" : ",", i);
			buf_hex(out, span_of(i == 10 ? h->pcr10 : zeros, 32));
			buf_str(out, "\"");
		}
	buf_str(out, "}}");
}

static void
post(struct host *h, const struct attest_message *m)
{
	BUF_AUTO struct buf body = buf_init(MIB(16));
	HTTP_RESULT_AUTO struct http_result r = { 0 };
	struct attest_message ack;
	struct err e = { 0 };

	if (attest_message_write(m, &body, &e) != 0 || http_client_call(h->client, &(struct http_call){
	    .method = HTTP_POST, .target = "/v1/agent/attest", .body = buf_view(&body), .type = ATTEST_MESSAGE_TYPE },
	    &r, &e) != 0 || http_result_check(&r, &e) != 0 || attest_message_parse(buf_view(&r.body), &ack, &e) != 0)
		die("attesting", &e);
	memcpy(h->nonce, ack.s[ATTEST_NONCE].bytes.p, 32);
	if (attest_get_u64(&ack, ATTEST_FROM) != h->sent && m->s[ATTEST_QUOTE].present) {
		(void)snprintf(e.message, sizeof(e.message), "the server has %llu entries, not %llu",
		    (unsigned long long)attest_get_u64(&ack, ATTEST_FROM), (unsigned long long)h->sent);
		die("attesting", &e);
	}
}

static void
attest(struct host *h, uint64_t n)
{
	BUF_AUTO struct buf list = buf_init(MIB(16)), att = buf_init(4096), sig = buf_init(512), values = buf_init(8192);
	struct attest_message m = { .type = ATTEST_EVIDENCE };
	uint8_t from[8], total[8];
	uint64_t before = h->sent;

	for (uint64_t i = 0; i < n; i++)
		add_record(h, &list);
	quote(h, &att, &sig);
	values_json(h, &values);
	if (!attest_put(&m, ATTEST_NONCE, span_of(h->nonce, 32)) || !attest_put(&m, ATTEST_QUOTE, buf_view(&att)) ||
	    !attest_put(&m, ATTEST_SIGNATURE, buf_view(&sig)) || !attest_put(&m, ATTEST_PCRS, buf_view(&values)) ||
	    !attest_put_u64(&m, ATTEST_FROM, before, from) || !attest_put_u64(&m, ATTEST_TOTAL, h->sent, total) ||
	    !attest_put(&m, ATTEST_IMA_LOG, buf_view(&list)))
		abort();
	/* The message borrows the nonce, which the answer replaces. */
	BUF_AUTO struct buf nonce = buf_init(32);

	buf_put(&nonce, h->nonce, 32);
	m.s[ATTEST_NONCE].bytes = buf_view(&nonce);
	post(h, &m);
	h->done++;
}

static void
begin(struct host *h)
{
	struct tls_client_options t = { .server_ca = file_view(&ca_pem), .chain = buf_view(&h->chain_pem),
	    .key = buf_view(&h->key_pem) };
	struct err e = { 0 };

	if (tls_client_new(&t, &h->tls, &e) != 0 || http_client_new(&(struct http_client_options){ .url = url,
	    .tls = h->tls }, &h->client, &e) != 0)
		die("connecting", &e);
	post(h, &(struct attest_message){ .type = ATTEST_EVIDENCE });
	attest(h, FIRST);
	h->done = 0;
}

static void *
run(void *arg)
{
	struct host *h = arg;

	while (!stop && now_ms() < until && h->sent < FILES)
		attest(h, 1);
	return NULL;
}

/* A policy that lists every file, assigned to all hosts. */
static void
put_policy(struct store *s)
{
	BUF_AUTO struct buf text = buf_init(MIB(64)), members = buf_init(4096), version = buf_init(128);
	struct digest d;
	struct err e = { 0 };
	char path[64];

	buf_str(&text, "{\"assay_policy\":1,\"name\":\"load\",\"layers\":[{\"name\":\"all\",\"files\":{");
	for (uint64_t k = 0; k < FILES; k++) {
		file_of(k, path, &d);
		buf_printf(&text, "%s\"%s\":[\"sha256:", k == 0 ? "" : ",", path);
		buf_hex(&text, digest_view(&d));
		buf_str(&text, "\"]");
	}
	buf_str(&text, "}}]}");
	if (buf_done(&text, &e) != 0 || digest_of(DIGEST_SHA256, buf_view(&text), &d, &e) != 0)
		die("policy", &e);
	buf_hex(&version, digest_view(&d));
	buf_printf(&members, "[{\"policy\":\"load\",\"version\":\"%s\"}]", buf_cstr(&version));
	struct store_policy p = { .name = span_lit("load"), .version = buf_view(&version), .document = buf_view(&text),
	    .size = text.n, .who = span_lit("bench"), .at = now_ms() };
	struct store_policy_set set = { .name = span_lit("load"), .version = buf_view(&version),
	    .members = buf_view(&members), .who = span_lit("bench"), .at = now_ms() };
	struct store_assignment a = { .set = set.name, .version = set.version, .who = set.who, .began = now_ms() };

	if (store_policy_add(s, &p, &e) != 0 || store_policy_set_add(s, &set, &e) != 0 || store_assign(s, &a, 0, &e) != 0)
		die("policy", &e);
}

static void
put_host(struct store *s, struct issuer *ca, unsigned number, struct host *h)
{
	BUF_AUTO struct buf der = buf_init(KIB(16)), name = buf_init(64);
	PRIVKEY_AUTO struct privkey *key = NULL;
	struct digest d;
	struct err e = { 0 };
	int64_t now = now_ms();

	*h = (struct host){ .key_pem = buf_init(KIB(16)), .chain_pem = buf_init(KIB(32)), .clock = 1000 };
	(void)snprintf(h->id, sizeof(h->id), "%032x", number + 1);
	buf_printf(&name, "load-%u", number);
	if (key_create(&h->key_pem, &e) != 0 || privkey_parse(buf_view(&h->key_pem), &key, &e) != 0 ||
	    cert_issue(ca, &(struct cert_order){ .kind = CERT_CLIENT, .key = privkey_public(key), .cn = h->id,
	    .from = now / 1000 - 60, .to = now / 1000 + 86400 }, &der, &e) != 0 ||
	    digest_of(DIGEST_SHA256, buf_view(&der), &d, &e) != 0)
		die("certificates", &e);
	pem_write("CERTIFICATE", buf_view(&der), &h->chain_pem);
	struct store_certificate cert = { .der = buf_view(&der), .issued = now, .expires = now + 86400000 };
	struct store_identity who = { .made = now, .trust_mode = span_lit("operator"),
	    .ak_public = pubkey_spki(privkey_public(ak)), .ek_public = span_str(h->id), .ak_name = span_str(h->id) };
	struct store_host row = { .name = buf_view(&name), .registration = STORE_ENROLLED, .made = now,
	    .labels = span_lit("{}"), .facts = span_lit("{\"boot_id\":\"b\"}"), .facts_at = now };

	memcpy(cert.sha256, digest_view(&d).p, 32);
	memcpy(row.id, h->id, sizeof(row.id));
	if (store_host_add(s, &row, &who, &cert, &e) != 0)
		die("hosts", &e);
}

static void
read_in(const char *data, const char *name, struct file *f)
{
	char path[4096];
	struct err e = { 0 };

	(void)snprintf(path, sizeof(path), "%s/%s", data, name);
	if (file_read(path, MIB(1), f, &e) != 0)
		die(path, &e);
}

int
main(int argc, char **argv)
{
	FILE_AUTO struct file ca_key = { 0 };
	ISSUER_AUTO struct issuer *ca = NULL;
	BUF_AUTO struct buf key = buf_init(KIB(16));
	STORE_AUTO struct store *s = NULL;
	struct err e = { 0 };
	uint64_t n, seconds, done = 0;
	struct host *hosts;
	struct rusage own;

	if (argc != 6 || !dec_u64(span_str(argv[4]), &n) || !dec_u64(span_str(argv[5]), &seconds) || n == 0 || n > 10000) {
		(void)fprintf(stderr, "usage: bench-attest URL DATA STORE HOSTS SECONDS\n");
		return 2;
	}
	url = argv[1];
	read_in(argv[2], "ca.pem", &ca_pem);
	read_in(argv[2], "ca.key", &ca_key);
	if (issuer_open(file_view(&ca_pem), file_view(&ca_key), &ca, &e) != 0 || key_create(&key, &e) != 0 ||
	    privkey_parse(buf_view(&key), &ak, &e) != 0 || store_open(argv[3], 0, &s, &e) != 0)
		die("starting", &e);
	if ((hosts = calloc(n, sizeof(*hosts))) == NULL)
		return 3;
	put_policy(s);
	for (uint64_t i = 0; i < n; i++)
		put_host(s, ca, (unsigned)i, &hosts[i]);
	for (uint64_t i = 0; i < n; i++)
		begin(&hosts[i]);
	/* From here on the server's CPU counts: who reads it waits for this line. */
	(void)printf("ready\n");
	(void)fflush(stdout);
	(void)getchar();
	int64_t start = now_ms();

	until = start + (int64_t)seconds * 1000;
	for (uint64_t i = 0; i < n; i++)
		if (pthread_create(&hosts[i].thread, NULL, run, &hosts[i]) != 0)
			return 3;
	for (uint64_t i = 0; i < n; i++) {
		pthread_join(hosts[i].thread, NULL);
		done += hosts[i].done;
	}
	double wall = (double)(now_ms() - start) / 1000;

	getrusage(RUSAGE_SELF, &own);
	(void)printf("{\"messages\":%llu,\"wall_s\":%.3f,\"own_cpu_s\":%.3f}\n", (unsigned long long)done, wall,
	    (double)own.ru_utime.tv_sec + (double)own.ru_utime.tv_usec / 1e6 + (double)own.ru_stime.tv_sec +
	    (double)own.ru_stime.tv_usec / 1e6);
	return 0;
}
