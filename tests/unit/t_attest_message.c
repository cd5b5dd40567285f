/* A message between agent and server is written in one way and read back as it was; a cut,
 * reordered, repeated or foreign one is refused with its place, and what a type needs it has. */
#include "formats/attest_message.h"
#include "tests/golden.h"

static void
bail(const struct err *e)
{
	printf("Bail out! %s\n", e->message);
	exit(99);
}

static void
put(struct attest_message *m, enum attest_section s, struct span bytes)
{
	if (!attest_put(m, s, bytes))
		printf("Bail out! %s\n", attest_section_name(s));
}

static const uint8_t some[64];

/* One of each type, whole. */
static struct attest_message
example(enum attest_type t)
{
	static uint8_t n8[3][8], n4[3][4];
	struct attest_message m = { .type = t };
	struct span b16 = span_of(some, 16), b32 = span_of(some, 32);
	bool good = true;

	switch (t) {
	case ATTEST_ENROL:
		put(&m, ATTEST_EK_PUBLIC, span_lit("ek public"));
		put(&m, ATTEST_EK_CERT, span_lit("leaf"));
		put(&m, ATTEST_EK_CERT, span_lit("intermediate"));
		put(&m, ATTEST_AK_PUBLIC, span_lit("ak public"));
		put(&m, ATTEST_CSR, span_lit("request"));
		put(&m, ATTEST_FACTS, span_lit("{}"));
		break;
	case ATTEST_CHALLENGE:
		put(&m, ATTEST_ENROLMENT, b16);
		put(&m, ATTEST_CREDENTIAL, span_lit("credential"));
		put(&m, ATTEST_SECRET, span_lit("secret"));
		break;
	case ATTEST_ACTIVATE:
		put(&m, ATTEST_ENROLMENT, b16);
		put(&m, ATTEST_PROOF, b32);
		break;
	case ATTEST_ENROLLED:
		put(&m, ATTEST_HOST_ID, span_lit("0123456789abcdef0123456789abcdef"));
		put(&m, ATTEST_STATE, span_lit("enrolled"));
		put(&m, ATTEST_CERTIFICATE, span_lit("host"));
		put(&m, ATTEST_CERTIFICATE, span_lit("authority"));
		break;
	case ATTEST_EVIDENCE:
		put(&m, ATTEST_NONCE, b32);
		put(&m, ATTEST_QUOTE, span_lit("quote"));
		put(&m, ATTEST_SIGNATURE, span_lit("signature"));
		put(&m, ATTEST_PCRS, span_lit("{}"));
		good = attest_put_u64(&m, ATTEST_FROM, 559, n8[0]) && attest_put_u64(&m, ATTEST_TOTAL, 560, n8[1]);
		put(&m, ATTEST_IMA_LOG, span_lit(""));
		break;
	case ATTEST_ACK:
		good = attest_put_u64(&m, ATTEST_FROM, UINT64_MAX, n8[0]) &&
		    attest_put_u64(&m, ATTEST_ACKNOWLEDGED, 1, n8[1]) && attest_put_u32(&m, ATTEST_WAIT_MS, 30000, n4[0]) &&
		    attest_put_u32(&m, ATTEST_DEADLINE_MS, 90000, n4[1]) &&
		    attest_put_u32(&m, ATTEST_WANT, ATTEST_WANT_FACTS, n4[2]);
		put(&m, ATTEST_NONCE, b32);
		break;
	}
	if (!good)
		printf("Bail out! numbers\n");
	return m;
}

static struct buf
written(const struct attest_message *m)
{
	struct buf b = buf_init(MIB(1));
	struct err e = { 0 };

	if (attest_message_write(m, &b, &e) != 0)
		bail(&e);
	return b;
}

static int
parse(const struct buf *b, struct attest_message *m, struct err *e)
{
	*e = (struct err){ 0 };
	return attest_message_parse(buf_view(b), m, e);
}

/* Every prefix is refused, with a sentence. */
static void
cut(enum attest_type t, const struct buf *b)
{
	struct attest_message m;
	struct err e;
	bool all = true;

	for (size_t n = 0; n < b->n; n++) {
		e = (struct err){ 0 };
		all = all && attest_message_parse(span_of(b->p, n), &m, &e) != 0 && e.message[0] != '\0';
	}
	ok(all, "%s: refused when cut at any byte", attest_type_name(t));
}

static void
round_trip(enum attest_type t)
{
	struct attest_message m = example(t), back;
	BUF_AUTO struct buf b = written(&m), again = { 0 };
	struct err e;

	ok(parse(&b, &back, &e) == 0 && back.type == t, "%s: parses: %s", attest_type_name(t), e.message);
	again = written(&back);
	ok(span_eq(buf_view(&b), buf_view(&again)), "%s: and is written the same", attest_type_name(t));
	cut(t, &b);
	buf_u8(&b, 0);
	ok(parse(&b, &back, &e) == ERR_TRAILING, "%s: nothing may follow", attest_type_name(t));
}

/* Without any one of its sections a message says too little; EVIDENCE may be empty. */
static void
needs_all(enum attest_type t)
{
	struct attest_message m = example(t);
	BUF_AUTO struct buf b = buf_init(MIB(1));
	struct err e = { 0 };

	for (enum attest_section s = 0; s < ATTEST_SECTIONS; s++) {
		struct attest_message less = m;

		if (!m.s[s].present || s == ATTEST_EK_CERT)
			continue;
		less.s[s].present = false;
		if (s == ATTEST_CERTIFICATE)
			less.chain.n = 0;
		ok(attest_message_write(&less, &b, &e) == ERR_FORMAT, "%s without %s", attest_type_name(t),
		    attest_section_name(s));
	}
}

/* A message by hand: version, type, then (tag, length) pairs of zero bytes. */
static struct buf
by_hand(uint32_t version, uint16_t type, const uint16_t (*tags)[2], uint16_t n)
{
	struct buf b = buf_init(MIB(1));

	buf_span(&b, span_lit("\x89" "AATM\r\n\x1a"));
	buf_le32(&b, version);
	buf_le16(&b, type);
	buf_le16(&b, n);
	for (uint16_t i = 0; i < n; i++) {
		buf_le16(&b, tags[i][0]);
		buf_le16(&b, 0);
		buf_le32(&b, tags[i][1]);
		buf_zero(&b, tags[i][1]);
	}
	return b;
}

static void
refused(uint32_t version, uint16_t type, const uint16_t (*tags)[2], uint16_t n, int want, const char *what)
{
	BUF_AUTO struct buf b = by_hand(version, type, tags, n);
	struct attest_message m;
	struct err e;
	int rc = parse(&b, &m, &e);

	ok(rc == want, "%s: %s (%s)", what, err_token(rc), e.message);
}

static void
foreign(void)
{
	static const uint16_t optional[][2] = { { 6, 2 }, { 0x8000, 3 }, { 0xffff, 0 } };
	static const uint16_t unknown[][2] = { { 6, 2 }, { 99, 1 } };
	static const uint16_t twice[][2] = { { 6, 2 }, { 6, 2 } };
	static const uint16_t optional_twice[][2] = { { 0x8000, 2 }, { 0x8000, 2 } };
	static const uint16_t order[][2] = { { 20, 1 }, { 6, 2 } };
	static const uint16_t small[][2] = { { 13, 31 } };
	static const uint16_t other[][2] = { { 9, 32 } };
	static const uint16_t ninth[][2] = { { 3, 1 }, { 3, 1 }, { 3, 1 }, { 3, 1 }, { 3, 1 }, { 3, 1 }, { 3, 1 }, { 3, 1 },
	    { 3, 1 } };
	BUF_AUTO struct buf b = by_hand(1, ATTEST_EVIDENCE, NULL, 0);

	refused(1, ATTEST_EVIDENCE, NULL, 0, 0, "a hello is empty evidence");
	refused(1, ATTEST_EVIDENCE, optional, 3, 0, "optional sections are stepped over");
	refused(2, ATTEST_EVIDENCE, NULL, 0, ERR_VERSION, "version 2");
	refused(1, 0, NULL, 0, ERR_UNSUPPORTED, "type 0");
	refused(1, 77, NULL, 0, ERR_UNSUPPORTED, "type 77");
	refused(1, ATTEST_EVIDENCE, unknown, 2, ERR_UNSUPPORTED, "an unknown section");
	refused(1, ATTEST_EVIDENCE, twice, 2, ERR_DUPLICATE, "facts twice");
	refused(1, ATTEST_EVIDENCE, optional_twice, 2, ERR_DUPLICATE, "an optional section twice");
	refused(1, ATTEST_EVIDENCE, order, 2, ERR_FORMAT, "sections out of order");
	refused(1, ATTEST_EVIDENCE, small, 1, ERR_FORMAT, "a short nonce");
	refused(1, ATTEST_EVIDENCE, other, 1, ERR_FORMAT, "a proof in evidence");
	refused(1, ATTEST_ENROL, ninth, 9, ERR_LIMIT, "nine certificates");
	b.p[14] = 65;
	refused(1, ATTEST_EVIDENCE, NULL, 0, 0, "as before");
	struct attest_message m;
	struct err e;
	ok(parse(&b, &m, &e) == ERR_LIMIT, "65 sections");
	b.p[0] = 0;
	ok(parse(&b, &m, &e) == ERR_FORMAT, "another magic");
}

int
main(void)
{
	struct attest_message m = example(ATTEST_ACK);
	BUF_AUTO struct buf text = buf_init(KIB(64)), b = buf_init(MIB(1));
	FILE_AUTO struct file want = golden("attest/messages-v1.want"), bin = golden("attest/evidence-v1.bin");

	for (enum attest_type t = ATTEST_ENROL; t <= ATTEST_ACK; t++) {
		round_trip(t);
		needs_all(t);
		m = example(t);
		attest_message_dump(&m, &text);
	}
	ok(span_eq(buf_view(&text), file_view(&want)), "the messages read as they always did");
	if (!span_eq(buf_view(&text), file_view(&want)))
		printf("# %s", buf_cstr(&text));
	m = example(ATTEST_EVIDENCE);
	b = written(&m);
	ok(span_eq(buf_view(&b), file_view(&bin)), "and are written as they always were");
	m = example(ATTEST_ACK);
	ok(attest_get_u64(&m, ATTEST_FROM) == UINT64_MAX && attest_get_u32(&m, ATTEST_WAIT_MS) == 30000 &&
	    attest_get_u64(&m, ATTEST_TOTAL) == 0, "numbers");
	foreign();
	return done();
}
