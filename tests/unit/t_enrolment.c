/* An enrolment ends with the machine that began it or not at all: every wrong, late, repeated
 * or foreign proof has one answer (CVE-2023-38201); nothing that exists is changed, and the
 * same endorsement key with another attestation key is a new identity beside the old
 * (CVE-2025-13609); begun by one server it can be finished by another. */
#include "crypto/digest.h"
#include "engine/enrolment.h"
#include "tests/dump.h"
#include "tests/ek_case.h"

static struct x509_roots *roots;
static struct file ek, ak, other_ak, leaf, inter;
static struct buf tls_key, csr;
static struct span certs[2];
static const struct enrol_known nobody = { .state = IDENTITY_NONE };

#define CA	(1u << TRUST_CA)
#define OPERATOR (1u << TRUST_OPERATOR)

static struct enrol_request
request(struct span with_ak, bool with_certs)
{
	return (struct enrol_request){
		.keys = { .ek_public = file_view(&ek), .ak_public = with_ak, .ek_certs = certs,
		    .n_ek_certs = with_certs ? 2 : 0 },
		.csr = buf_view(&csr),
	};
}

/* The random bytes of a test: each their own. */
static const uint8_t *
bytes(uint8_t seed)
{
	static uint8_t v[ENROL_RANDOM_SIZE];

	for (size_t i = 0; i < sizeof(v); i++)
		v[i] = (uint8_t)(seed + i);
	return v;
}

static void
begin(const struct enrol_request *in, unsigned modes, bool approve, const struct enrol_known *known,
    struct enrol_begun *b)
{
	const struct trust_config config = { .modes = modes, .vendors = roots, .approve_new_ak = approve };
	struct err e = { 0 };

	if (!ok(enrolment_begin(in, &config, known, EK_NOW, bytes(1), b, &e) == 0, "an enrolment begins, or is refused"))
		diag("%s", e.message);
}

static void
prove(const struct enrol_begun *b, uint8_t proof[ENROL_PROOF_SIZE])
{
	struct err e = { 0 };

	ok(enrolment_proof(span_of(b->record.secret, ENROL_SECRET_SIZE), span_of(b->record.token, ENROL_TOKEN_SIZE),
	    buf_view(&csr), proof, &e) == 0, "the machine's proof");
}

static struct enrol_outcome
finish(struct enrolment *rec, struct span proof, const struct enrol_known *known, time_t now)
{
	const struct trust_config config = { 0 };
	struct enrol_outcome o = { .result = ENROL_ENROLLED };
	struct err e = { 0 };

	ok(enrolment_finish(rec, proof, &config, known, now, &o, &e) == 0, "it is judged");
	return o;
}

static struct span
area_of(const struct file *f)
{
	return span_from(file_view(f), 2);
}

static void
test_whole(void)
{
	struct enrol_request in = request(file_view(&ak), true);
	struct enrol_begun b = { 0 };
	uint8_t proof[ENROL_PROOF_SIZE];
	struct enrol_outcome o;
	struct digest d, key;
	struct err e = { 0 };
	char id[HOST_ID_SIZE];

	begin(&in, CA, false, &nobody, &b);
	ok(b.accepted && b.trust.mode == TRUST_CA && b.record.expires == EK_NOW + 600, "accepted for ten minutes");
	ok(span_eq(span_of(b.record.token, 16), span_of(bytes(1), 16)) &&
	    span_eq(span_of(b.record.secret, 32), span_of(bytes(1) + 16, 32)), "token and secret are the caller's bytes");
	ok(enrolment_host(&in, id, &key, &e) == 0 && strcmp(id, b.record.host_id) == 0 && digest_eq(&key, &b.record.ek_key),
	    "under the host's id");
	ok(span_eq(buf_view(&b.record.ek_area), area_of(&ek)) && span_eq(buf_view(&b.record.ak_area), area_of(&ak)) &&
	    digest_of(DIGEST_SHA256, buf_view(&csr), &d, &e) == 0 && digest_eq(&d, &b.record.csr_digest), "with both keys and the request");
	ok(b.challenge.id_object.n == 2 + 2 + 32 + 2 + 32 && b.challenge.encrypted_secret.n == 2 + 256, "and a challenge");
	prove(&b, proof);
	o = finish(&b.record, span_of(proof, 32), &nobody, EK_NOW + 3);
	ok(o.result == ENROL_ENROLLED && o.new_identity && o.issue && o.why[0] == '\0', "it ends enrolled, a new identity");
	o = finish(&b.record, span_of(proof, 32), &nobody, EK_NOW + 4);
	ok(o.result == ENROL_REFUSED && !o.new_identity && !o.issue, "once");
	enrol_begun_free(&b);
}

/* Every failure: what the client is told is the result, which is the same; and nothing happens. */
static void
test_failures(void)
{
	static const char *const what[] = { "a wrong proof", "a bit changed", "a proof cut short", "none", "a longer one",
	    "too late", "at the last second's end", "before it began (the clock went back)" };
	struct enrol_request in = request(file_view(&ak), true);

	for (int i = 0; i < 8; i++) {
		struct enrol_begun b = { 0 };
		uint8_t proof[ENROL_PROOF_SIZE + 1] = { 0 };
		time_t now = i == 5 ? EK_NOW + 9999 : i == 6 ? EK_NOW + 600 : i == 7 ? EK_NOW - 60 : EK_NOW + 1;
		struct enrol_outcome o, again;

		begin(&in, CA, false, &nobody, &b);
		prove(&b, proof);
		if (i == 0)
			memset(proof, 0, sizeof(proof));
		if (i == 1)
			proof[31] ^= 1;
		o = finish(&b.record, span_of(proof, i == 2 ? 31 : i == 3 ? 0 : i == 4 ? 33 : 32), &nobody, now);
		ok(o.result == ENROL_REFUSED && !o.new_identity && !o.issue && o.why[0] != '\0', "%s is refused", what[i]);
		prove(&b, proof);
		again = finish(&b.record, span_of(proof, 32), &nobody, EK_NOW + 2);
		ok(again.result == ENROL_REFUSED && b.record.used, "and the enrolment is used up");
		enrol_begun_free(&b);
	}

	uint8_t any[32] = { 0 };
	struct enrol_outcome o = finish(NULL, span_of(any, 32), &nobody, EK_NOW);

	ok(o.result == ENROL_REFUSED && !o.issue, "an unknown token is refused the same way");
}

/* The proof of one enrolment is none for another: token, secret and request are all in it. */
static void
test_foreign(void)
{
	struct enrol_request in = request(file_view(&ak), true);
	const struct trust_config config = { .modes = CA, .vendors = roots };
	struct enrol_begun a = { 0 }, b = { 0 };
	uint8_t proof[ENROL_PROOF_SIZE], one[ENROL_RANDOM_SIZE];
	struct buf key = buf_init(KIB(4)), mine = buf_init(KIB(4));
	struct err e = { 0 };

	begin(&in, CA, false, &nobody, &a);
	memcpy(one, bytes(1), sizeof(one));
	one[0] ^= 1;		/* another token, the same secret */
	ok(enrolment_begin(&in, &config, &nobody, EK_NOW, one, &b, &e) == 0, "another enrolment");
	prove(&a, proof);
	ok(finish(&b.record, span_of(proof, 32), &nobody, EK_NOW).result == ENROL_REFUSED, "has another proof");
	ok(key_create(&key, &e) == 0 && csr_create(buf_view(&key), "x", &mine, &e) == 0 &&
	    enrolment_proof(span_of(a.record.secret, 32), span_of(a.record.token, 16), buf_view(&mine), proof, &e) == 0,
	    "a proof over another's request");
	ok(finish(&a.record, span_of(proof, 32), &nobody, EK_NOW).result == ENROL_REFUSED, "is none");
	is_int(enrolment_proof(span_of(one, 31), span_of(one, 16), buf_view(&mine), proof, &e), ERR_RANGE,
	    "a secret of another size is no secret");
	enrol_begun_free(&a);
	enrol_begun_free(&b);
	buf_free(&key);
	buf_free(&mine);
}

/* --- what exists */

struct again {
	enum identity_state state;
	bool same_ak;
	unsigned modes;
	bool approve;
	enum enrol_result result;
	bool new_identity;
	const char *what;
};
static const struct again agains[] = {
	{ IDENTITY_NONE, false, CA, false, ENROL_ENROLLED, true, "unknown, with a certificate" },
	{ IDENTITY_NONE, false, OPERATOR, false, ENROL_PENDING, true, "unknown, by an operator" },
	{ IDENTITY_ENROLLED, true, CA, false, ENROL_ENROLLED, false, "enrolled, the same keys again" },
	{ IDENTITY_ENROLLED, true, OPERATOR, false, ENROL_ENROLLED, false, "approved, the same keys again" },
	{ IDENTITY_PENDING, true, OPERATOR, false, ENROL_PENDING, false, "pending, the same keys again" },
	{ IDENTITY_PENDING, true, CA, false, ENROL_PENDING, false, "pending: proving it again promotes nothing" },
	{ IDENTITY_ENROLLED, false, OPERATOR, false, ENROL_PENDING, true, "CVE-2025-13609: another AK waits for the operator" },
	{ IDENTITY_PENDING, false, OPERATOR, false, ENROL_PENDING, true, "CVE-2025-13609: also beside one that waits" },
	{ IDENTITY_ENROLLED, false, CA, false, ENROL_ENROLLED, true, "CVE-2025-13609: another AK of a certified TPM is another identity" },
	{ IDENTITY_ENROLLED, false, CA, true, ENROL_PENDING, true, "which waits too where that is asked for" },
	{ IDENTITY_BLOCKED, true, CA | OPERATOR, false, ENROL_REFUSED, false, "refused once, refused again" },
	{ IDENTITY_BLOCKED, false, CA | OPERATOR, false, ENROL_REFUSED, false, "with another AK too" },
};

static void
test_known(void)
{
	for (size_t i = 0; i < sizeof(agains) / sizeof(agains[0]); i++) {
		const struct again *a = &agains[i];
		struct enrol_request in = request(file_view(&ak), (a->modes & CA) != 0);
		struct enrol_known known = {
			.state = a->state, .ak = a->same_ak ? area_of(&ak) : a->state == IDENTITY_NONE ?
			    span_of(NULL, 0) : area_of(&other_ak),
		};
		struct enrol_begun b = { 0 };
		uint8_t proof[ENROL_PROOF_SIZE];
		struct enrol_outcome o;

		begin(&in, a->modes, a->approve, &known, &b);
		ok(b.accepted == (a->state != IDENTITY_BLOCKED), "%s", a->what);
		ok(ek_trust_has(&b.trust, TRUST_CODE_NEW_AK) == (a->new_identity && a->state != IDENTITY_NONE) ||
		    !b.accepted, "a new AK is noticed");
		if (!b.accepted) {
			ok(ek_trust_refusal(&b.trust)->code == TRUST_CODE_BLOCKED && b.challenge.id_object.n == 0,
			    "without a challenge");
			enrol_begun_free(&b);
			continue;
		}
		prove(&b, proof);
		o = finish(&b.record, span_of(proof, 32), &known, EK_NOW + 1);
		ok(o.result == a->result && o.new_identity == a->new_identity && o.issue, "what becomes of it");
		enrol_begun_free(&b);
	}
}

/* What is known may change between challenge and proof: the later counts. */
static void
test_meanwhile(void)
{
	struct enrol_request in = request(file_view(&ak), true);
	struct enrol_known blocked = { .state = IDENTITY_BLOCKED, .ak = area_of(&other_ak) };
	struct enrol_known there = { .state = IDENTITY_ENROLLED, .ak = area_of(&ak) };
	struct enrol_known twice = { .state = IDENTITY_NONE, .ek_elsewhere = true };
	struct enrol_known device = { .state = IDENTITY_ENROLLED, .ak = area_of(&ak), .device_elsewhere = true };
	const struct enrol_known *const later[] = { &blocked, &there, &twice, &device };

	for (int i = 0; i < 4; i++) {
		struct enrol_begun b = { 0 };
		uint8_t proof[ENROL_PROOF_SIZE];
		struct enrol_outcome o;

		begin(&in, CA, false, &nobody, &b);
		prove(&b, proof);
		o = finish(&b.record, span_of(proof, 32), later[i], EK_NOW + 1);
		ok(i == 1 ? o.result == ENROL_ENROLLED && !o.new_identity : o.result == ENROL_REFUSED && !o.issue,
		    i == 0 ? "blocked meanwhile" : i == 1 ? "enrolled meanwhile by a second request" :
		    i == 2 ? "its key known under another id" : "its device known under another id, though the keys are its own");
		enrol_begun_free(&b);
	}

	struct enrol_begun b = { 0 };

	begin(&in, CA, false, &twice, &b);
	ok(!b.accepted && ek_trust_has(&b.trust, TRUST_CODE_EK_TWICE), "one endorsement key is one host");
	enrol_begun_free(&b);
	begin(&in, CA, false, &nobody, &b);
	enrolment_meet_device(&there, &b);
	ok(b.accepted && b.trust.mode == TRUST_CA, "a device that is nobody else's");
	enrolment_meet_device(&device, &b);
	ok(!b.accepted && ek_trust_refusal(&b.trust)->code == TRUST_CODE_DEVICE_TWICE, "one device is one host");
	enrol_begun_free(&b);
}

static void
test_refused_requests(void)
{
	struct enrol_request in = request(file_view(&ek), true);
	struct enrol_begun b = { 0 };
	struct err e = { 0 };
	struct digest d;
	char id[HOST_ID_SIZE];

	begin(&in, CA, false, &nobody, &b);
	ok(!b.accepted && ek_trust_has(&b.trust, TRUST_CODE_AK_ATTRIBUTES) && b.record.csr.n == 0, "the EK as its own AK");
	enrol_begun_free(&b);
	in = request(file_view(&ak), true);
	in.csr = span_lit("0");
	begin(&in, CA, false, &nobody, &b);
	ok(!b.accepted && ek_trust_has(&b.trust, TRUST_CODE_CSR) && ek_trust_refusal(&b.trust) != NULL, "no certificate request");
	enrol_begun_free(&b);
	csr.p[csr.n - 1] ^= 1;
	in.csr = buf_view(&csr);
	begin(&in, CA, false, &nobody, &b);
	ok(!b.accepted && ek_trust_has(&b.trust, TRUST_CODE_CSR), "one that its key did not sign");
	enrol_begun_free(&b);
	csr.p[csr.n - 1] ^= 1;
	in.keys.ek_public = span_lit("x");
	begin(&in, CA, false, &nobody, &b);
	ok(!b.accepted && ek_trust_has(&b.trust, TRUST_CODE_EK_FORMAT), "no endorsement key");
	ok(enrolment_host(&in, id, &d, &e) != 0 && e.message[0] != '\0', "which has no host's id");
	enrol_begun_free(&b);
}

static void
test_record(void)
{
	struct enrol_request in = request(file_view(&ak), true);
	struct buf one = buf_init(MIB(2)), two = buf_init(MIB(2));
	struct enrol_begun b = { 0 };
	struct enrolment rec = { 0 };
	uint8_t proof[ENROL_PROOF_SIZE];
	struct err e = { 0 };
	size_t accepted = 0;

	begin(&in, CA, false, &nobody, &b);
	buf_str(&b.record.extra, "{\"facts\": 1}");
	b.record.device = b.record.ek_key;
	enrolment_write(&b.record, &one);
	ok(enrolment_parse(buf_view(&one), &rec, &e) == 0, "a record is read back");
	ok(rec.iak_key.alg == DIGEST_NONE && digest_eq(&rec.device, &b.record.ek_key), "with the device, and without the one that is none");
	enrolment_write(&rec, &two);
	ok(span_eq(buf_view(&one), buf_view(&two)) && span_is(buf_view(&rec.extra), "{\"facts\": 1}"), "as it was");
	prove(&b, proof);
	ok(finish(&rec, span_of(proof, 32), &nobody, EK_NOW + 5).result == ENROL_ENROLLED, "and another server finishes it");
	two.n = 0;
	enrolment_write(&rec, &two);
	enrolment_free(&rec);
	ok(enrolment_parse(buf_view(&two), &rec, &e) == 0 && rec.used &&
	    finish(&rec, span_of(proof, 32), &nobody, EK_NOW + 5).result == ENROL_REFUSED, "once, whichever server");
	enrolment_free(&rec);
	for (size_t n = 0; n < one.n; n++) {
		struct enrolment r;

		accepted += enrolment_parse(span_of(one.p, n), &r, &e) == 0;
	}
	is_int((int64_t)accepted, 0, "cut at any byte it is none");
	one.p[8] = 1;
	is_int(enrolment_parse(buf_view(&one), &rec, &e), ERR_VERSION, "of another version");
	one.p[8] = 2;
	one.p[68] = 0;
	is_int(enrolment_parse(buf_view(&one), &rec, &e), ERR_RANGE, "of no mode");
	one.p[68] = TRUST_CA;
	one.p[70] = 'X';
	is_int(enrolment_parse(buf_view(&one), &rec, &e), ERR_RANGE, "of no host");
	buf_free(&one);
	buf_free(&two);
	enrol_begun_free(&b);
}

int
main(void)
{
	struct err e = { 0 };

	ek = ek_file("ek-rsa.pub");
	ak = golden("debian12-vm/akecc.pub");
	other_ak = golden("debian12-vm/ak.pub");
	leaf = ek_file("ek-rsa.der");
	inter = ek_file("inter.der");
	certs[0] = file_view(&leaf);
	certs[1] = file_view(&inter);
	roots = ek_roots("root.der", NULL, NULL);
	tls_key = buf_init(KIB(4));
	csr = buf_init(KIB(4));
	ok(key_create(&tls_key, &e) == 0 && csr_create(buf_view(&tls_key), "agent", &csr, &e) == 0, "the machine's request");
	test_whole();
	test_failures();
	test_foreign();
	test_known();
	test_meanwhile();
	test_refused_requests();
	test_record();
	x509_roots_free(roots);
	file_free(&ek);
	file_free(&ak);
	file_free(&other_ak);
	file_free(&leaf);
	file_free(&inter);
	buf_free(&tls_key);
	buf_free(&csr);
	return done();
}
