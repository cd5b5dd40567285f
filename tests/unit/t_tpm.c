/* t_tpm.c: a real (software) TPM gives its identity and quotes that verify; nothing is left
 * in it, and it may be killed at any moment: the next call works. */
#include <errno.h>
#include <sys/wait.h>

#include "crypto/digest.h"
#include "engine/verdict.h"
#include "port/tpm/tpm_internal.h"
#include "tests/quote_case.h"
#include "tests/swtpm_kit.h"

#define MASK 0x47ffu	/* PCRs 0 to 10 and 14 */

static TSS2_RC
count_loaded(struct tpm *t, void *arg)
{
	uint32_t *n = arg;
	TPML_HANDLE objects = { 0 }, sessions = { 0 };
	TSS2_RC rc = tpm_handles(t, TPM_TRANSIENT_FIRST, 100, &objects);

	if (rc == TSS2_RC_SUCCESS)
		rc = tpm_handles(t, TPM_LOADED_SESSION_FIRST, 100, &sessions);
	*n = objects.count + sessions.count;
	return rc;
}

/* What is in the TPM now. */
static uint32_t
loaded(struct tpm *t)
{
	uint32_t n = 999;

	return tpm_run(t, count_loaded, &n, NULL) == 0 ? n : 999;
}

static bool
engine_agrees(const struct tpm_ak *ak, const struct tpm_quote *q, struct span nonce)
{
	struct result r = result_init();
	struct attest_key key;
	struct quote_facts facts;
	struct tpm_pcrs pcrs = { 0 };
	struct err e = { 0 };
	struct tpm_selection wanted = { .n = 1, .banks = { { 0x0b, DIGEST_SHA256, q->mask } } };
	struct quote_input in = { .attest = buf_view(&q->attest), .signature = buf_view(&q->signature),
	    .ak = &key, .nonce = nonce, .bank = DIGEST_SHA256, .pcr = 10, .pcrs = &pcrs, .wanted = &wanted };
	bool good = attest_key_parse(buf_view(&ak->public), &key, &e) == 0;

	for (unsigned i = 0; i < LIMIT_PCRS && good; i++)
		if ((q->mask >> i & 1) != 0)
			good = tpm_pcrs_set(&pcrs, DIGEST_SHA256, i, span_of(q->pcrs[i], 32));
	pcrs.kind = TPM_PCRS_TOOLS;
	pcrs.selection = wanted;
	if (!good || quote_check(&in, &r, &facts, &e) != 0) {
		diag("%s", e.message);
		return false;
	}
	for (size_t i = 0; i < QUOTE_CHECKS; i++)
		if (r.checks[quote_checks[i]].state != CHECK_PASS) {
			diag("check %d: %d", (int)quote_checks[i], (int)r.checks[quote_checks[i]].state);
			good = false;
		}
	attest_key_free(&key);
	result_free(&r);
	return good;
}

static void
test_caps(struct swtpm_kit *k)
{
	struct tpm_caps caps = { 0 };
	struct err e = { 0 };

	ok(tpm_caps(k->t, &caps, &e) == 0 && caps.have, "the TPM tells about itself %s", e.message);
	is_str(caps.family, "2.0", "it is a TPM 2.0");
	ok(tpm_selection_has(&caps.pcrs, DIGEST_SHA256, 10), "with a bank of SHA-256");
}

static void
test_ek(struct swtpm_kit *k)
{
	struct err e = { 0 };

	for (enum tpm_ek_kind kind = TPM_EK_ANY; kind < TPM_EK_KINDS; kind++) {
		TPM_EK_AUTO struct tpm_ek ek = { 0 };
		TPM_EK_AUTO struct tpm_ek again = { 0 };
		struct tpm_public p;

		ok(tpm_ek(k->t, kind, &ek, &e) == 0 && tpm_public_parse(buf_view(&ek.public), &p, &e) == 0,
		    "the EK %s %s", tpm_ek_name(kind), e.message);
		ok(tpm_ek(k->t, kind, &again, &e) == 0 && span_eq(buf_view(&ek.public), buf_view(&again.public)),
		    "is the same each time");
		ok(tpm_ek_by_name(span_str(tpm_ek_name(kind))) == kind, "and has a name");
		if (kind == TPM_EK_ANY)
			ok(ek.kind == TPM_EK_RSA2048 && ek.n_certs == 1 && ek.certs[0].n > 500,
			    "any: the first with a certificate");
	}
	ok(tpm_ek_by_name(span_lit("rsa")) == TPM_EK_KINDS, "no such name");
	is_int(loaded(k->t), 0, "no key is left in the TPM");
}

static void
test_thousand_quotes(struct swtpm_kit *k, const struct tpm_ak *ak)
{
	struct err e = { 0 };
	size_t good = 0, agree = 0;

	for (int i = 0; i < 1000; i++) {
		TPM_QUOTE_AUTO struct tpm_quote q = { 0 };
		uint8_t nonce[32] = { (uint8_t)i, (uint8_t)(i >> 8) };

		if (tpm_quote(k->t, ak, span_of(nonce, sizeof(nonce)), DIGEST_SHA256, MASK, &q, &e) != 0)
			break;
		good++;
		agree += q.agree;
		if (i % 100 == 0 && !engine_agrees(ak, &q, span_of(nonce, sizeof(nonce))))
			break;
		if (i % 250 == 0)
			tpm_release(k->t);
	}
	ok(good == 1000 && agree == 1000, "1,000 quotes, verified by the engine (%zu; %s)", good, e.message);
	is_int(loaded(k->t), 0, "leave nothing in the TPM");
}

static void
test_refused(struct swtpm_kit *k, const struct tpm_ak *ak)
{
	TPM_QUOTE_AUTO struct tpm_quote q = { 0 };
	struct err e = { 0 };
	uint8_t nonce[65] = { 0 };
	BUF_AUTO struct buf out = buf_init(100);
	static const uint8_t blob[] = { 0, 4, 1, 2, 3, 4 };
	uint8_t values[LIMIT_PCRS][LIMIT_DIGEST];

	is_int(tpm_quote(k->t, ak, span_of(nonce, 65), DIGEST_SHA256, MASK, &q, &e), ERR_LIMIT, "a nonce too long");
	is_int(tpm_quote(k->t, ak, span_of(nonce, 64), DIGEST_SHA256, 1u << 24, &q, &e), ERR_RANGE, "PCR 24");
	is_int(tpm_quote(k->t, ak, span_of(nonce, 20), DIGEST_MD5, MASK, &q, &e), ERR_RANGE, "a bank of MD5");
	is_int(tpm_pcr_read(k->t, DIGEST_SHA512, MASK, values, &e), ERR_TPM, "a bank that is not in use");
	is_int(tpm_activate(k->t, TPM_EK_RSA2048, ak, span_of(blob, 5), span_of(blob, 6), &out, &e),
	    ERR_FORMAT, "a credential that is cut");
	is_int(tpm_activate(k->t, TPM_EK_RSA2048, ak, span_of(blob, 6), span_of(blob, 6), &out, &e), ERR_TPM,
	    "a credential of garbage");
	is_int(tpm_nv_read(k->t, 0x01c00005, 1000, &out, &e), ERR_UNSUPPORTED, "an NV index that is not there");
	is_int(tpm_nv_read(k->t, 0x01c00002, 100, &out, &e), ERR_LIMIT, "one that is too large");
	is_int(loaded(k->t), 0, "nothing is left in the TPM");
}

/* The connection breaks between any two calls, and during them. */
static void
test_killed(struct swtpm_kit *k, const struct tpm_ak *ak)
{
	struct err e = { 0 };
	int failed = 0;
	bool restarted = false;

	for (int i = 0; i < 4; i++) {
		TPM_QUOTE_AUTO struct tpm_quote q = { 0 };
		pid_t killer = fork();

		if (killer == 0) {	/* in the middle of what follows */
			tpm_pause_ms(5u + 7u * (unsigned)i);
			(void)kill(swtpm_pid(k->s), SIGKILL);
			_exit(0);
		}
		tpm_patience(k->t, 300);
		for (int n = 0; n < 200; n++) {
			tpm_quote_free(&q);
			q = (struct tpm_quote){ 0 };
			if (tpm_quote(k->t, ak, span_lit("0123456789abcdefghij"), DIGEST_SHA256, MASK, &q, &e) != 0) {
				failed++;
				break;
			}
		}
		(void)waitpid(killer, NULL, 0);
		ok(e.code == ERR_TPM, "killed during quotes: reported as the TPM's fault: %s", e.message);
		ok(swtpm_watch(k->s, &restarted, &e) == 0 && restarted, "it is started again %s", e.message);
		tpm_patience(k->t, TPM_PATIENCE_MS);
		tpm_quote_free(&q);
		q = (struct tpm_quote){ 0 };
		ok(tpm_quote(k->t, ak, span_lit("0123456789abcdefghij"), DIGEST_SHA256, MASK, &q, &e) == 0 &&
		    engine_agrees(ak, &q, span_lit("0123456789abcdefghij")), "and quotes with the same key");
	}
	is_int(failed, 4, "each kill was noticed");
	is_int(loaded(k->t), 0, "nothing is left in the TPM");
}

/* A TPM that does not answer for a while: the call waits for it. */
static void
test_slow(struct swtpm_kit *k, const struct tpm_ak *ak)
{
	TPM_QUOTE_AUTO struct tpm_quote q = { 0 };
	struct err e = { 0 };
	pid_t child;

	(void)kill(swtpm_pid(k->s), SIGSTOP);
	child = fork();
	if (child == 0) {
		tpm_pause_ms(200);
		(void)kill(swtpm_pid(k->s), SIGCONT);
		_exit(0);
	}
	ok(tpm_quote(k->t, ak, span_lit("0123456789abcdefghij"), DIGEST_SHA256, MASK, &q, &e) == 0,
	    "a TPM that is slow is waited for %s", e.message);
	(void)waitpid(child, NULL, 0);
}

static void
test_extend(struct swtpm_kit *k)
{
	uint8_t before[LIMIT_PCRS][LIMIT_DIGEST], after[LIMIT_PCRS][LIMIT_DIGEST], want[LIMIT_DIGEST];
	struct digest d[2] = { { .alg = DIGEST_SHA256, .size = 32, .v = { 1, 2, 3 } },
	    { .alg = DIGEST_SHA1, .size = 20, .v = { 4, 5, 6 } } };
	HASHER_AUTO struct hasher *h = NULL;
	struct err e = { 0 };
	bool restarted = false;

	ok(tpm_pcr_read(k->t, DIGEST_SHA256, 1u << 11, before, &e) == 0 &&
	    tpm_pcr_extend(k->t, 11, d, 2, &e) == 0 &&
	    tpm_pcr_read(k->t, DIGEST_SHA256, 1u << 11, after, &e) == 0 &&
	    hasher_new(DIGEST_SHA256, &h, &e) == 0 &&
	    hasher_run(h, span_of(before[11], 32), digest_view(&d[0]), want) &&
	    memcmp(after[11], want, 32) == 0, "a PCR is extended, in two banks %s", e.message);
	ok(tpm_pcr_read(k->t, DIGEST_SHA1, 1u << 11, after, &e) == 0 && !span_zero(span_of(after[11], 20)),
	    "in the second too");
	is_int(tpm_pcr_extend(k->t, 24, d, 1, &e), ERR_RANGE, "there is no PCR 24");
	d[0].alg = DIGEST_MD5;
	is_int(tpm_pcr_extend(k->t, 11, d, 1, &e), ERR_UNSUPPORTED, "nor a bank of MD5");
	d[0].alg = DIGEST_SHA256;

	(void)kill(swtpm_pid(k->s), SIGKILL);
	tpm_patience(k->t, 200);
	is_int(tpm_pcr_extend(k->t, 11, d, 1, &e), ERR_TPM, "an extend without a TPM is reported");
	tpm_patience(k->t, TPM_PATIENCE_MS);
	ok(swtpm_watch(k->s, &restarted, &e) == 0 && tpm_pcr_extend(k->t, 11, d, 1, &e) == 0,
	    "and works when it is back %s", e.message);
}

/* Objects that a broken connection left are cleared away when there is no room. */
static void
test_orphans(struct swtpm_kit *k, const struct tpm_ak *ak)
{
	TPM_QUOTE_AUTO struct tpm_quote q = { 0 };
	struct err e = { 0 };
	TPM2B_PUBLIC template;

	tpm_ek_template(TPM_EK_P256, &template);
	for (int i = 0; i < 3; i++) {
		struct tpm_handle h = { k->t, ESYS_TR_NONE };

		if (tpm_primary(k->t, &template, &h, NULL) != TSS2_RC_SUCCESS)
			break;
	}
	ok(loaded(k->t) == 3, "a TPM full of what others left");
	ok(tpm_quote(k->t, ak, span_lit("0123456789abcdefghij"), DIGEST_SHA256, MASK, &q, &e) == 0,
	    "quotes nevertheless %s", e.message);
	is_int(loaded(k->t), 0, "and is empty then");
}

static void
test_ak_kept(struct swtpm_kit *k, const struct tpm_ak *ak)
{
	TPM_AK_AUTO struct tpm_ak again = { 0 };
	TPM_AK_AUTO struct tpm_ak fresh = { 0 };
	struct err e = { 0 };
	bool restarted;
	char path[128];

	(void)kill(swtpm_pid(k->s), SIGKILL);
	while (waitpid(swtpm_pid(k->s), NULL, WNOHANG) == 0)
		tpm_pause_ms(5);
	ok(swtpm_watch(k->s, &restarted, &e) == 0, "the TPM is restarted %s", e.message);
	ok(tpm_ak(k->t, k->dir, TPM_AK_P256, &again, &e) == 0 && !again.made &&
	    span_eq(buf_view(&again.public), buf_view(&ak->public)), "the AK is the one made before %s", e.message);
	(void)snprintf(path, sizeof(path), "%s/ak.priv", k->dir);
	again.private.p[20] ^= 1;
	if (file_write(path, buf_view(&again.private), 0600, &e) != 0)
		diag("%s", e.message);
	tpm_ak_free(&again);
	again = (struct tpm_ak){ 0 };
	tpm_close(k->t);
	if (tpm_open(swtpm_tcti(k->s), &k->t, &e) != 0)
		printf("Bail out! %s\n", e.message);
	is_int(tpm_ak(k->t, k->dir, TPM_AK_P256, &again, &e), ERR_MISMATCH, "one that is not this TPM's is told");
	ok(tpm_ak_forget(k->dir, &e) == 0 && tpm_ak(k->t, k->dir, TPM_AK_RSA2048, &fresh, &e) == 0 && fresh.made,
	    "and can be replaced, here by RSA %s", e.message);
	is_int(loaded(k->t), 0, "nothing is left in the TPM");
}

/* A simulator whose parent died is taken over; a socket without one is removed. */
static void
test_second(struct swtpm_kit *k)
{
	SWTPM_AUTO struct swtpm *second = NULL;
	struct err e = { 0 };
	bool restarted = true;
	int pid = swtpm_pid(k->s);

	tpm_release(k->t);
	ok(swtpm_start(k->dir, &second, &e) == 0 && swtpm_pid(second) == 0, "a second start takes the first's TPM %s", e.message);
	ok(swtpm_watch(second, &restarted, &e) == 0 && !restarted, "and leaves it alone");
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	ok(swtpm_watch(second, &restarted, &e) == 0 && restarted && swtpm_pid(second) > 0,
	    "until it is gone %s", e.message);
}

int
main(void)
{
	struct swtpm_kit k;
	TPM_AK_AUTO struct tpm_ak ak = { 0 };
	TPM_AUTO struct tpm *none = NULL;
	struct err e = { 0 };

	if (!kit_start(&k))
		return done();
	test_caps(&k);
	test_ek(&k);
	ok(tpm_ak(k.t, k.dir, TPM_AK_P256, &ak, &e) == 0 && ak.made, "an AK is made %s", e.message);
	test_thousand_quotes(&k, &ak);
	test_refused(&k, &ak);
	test_killed(&k, &ak);
	test_slow(&k, &ak);
	test_extend(&k);
	kit_end(&k);

	if (!kit_start(&k))
		return done();
	tpm_ak_free(&ak);
	ak = (struct tpm_ak){ 0 };
	ok(tpm_ak(k.t, k.dir, TPM_AK_P256, &ak, &e) == 0 && ak.made, "another TPM %s", e.message);
	test_orphans(&k, &ak);
	test_ak_kept(&k, &ak);
	test_second(&k);
	kit_end(&k);
	is_int(tpm_open("swtpm:path=/nowhere/sock", &none, &e), ERR_TPM, "no TPM at all is an error");
	return done();
}
