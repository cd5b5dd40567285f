#include "formats/attest_message.h"

#include "base/rd.h"

#define MAGIC "\x89" "AATM\r\n\x1a"
#define HEADER 16
#define OPTIONAL 0x8000		/* tags from here on may be stepped over */
#define BIT(s) (1U << ATTEST_##s)

static const struct { uint16_t tag; const char *name; size_t least, most; } sections[ATTEST_SECTIONS] = {
#define SECTION(sym, tag, name, least, most) [ATTEST_##sym] = { (tag), (name), (least), (most) },
#include "formats/attest_message.tbl"
#undef SECTION
};

/* What a quote needs beside it: all of it or nothing. */
#define QUOTED (BIT(NONCE) | BIT(QUOTE) | BIT(SIGNATURE) | BIT(PCRS) | BIT(FROM) | BIT(TOTAL) | BIT(IMA_LOG))

static const struct { const char *name; uint32_t must, may; } types[] = {
	[ATTEST_ENROL] = { "enrol", BIT(EK_PUBLIC) | BIT(AK_PUBLIC) | BIT(CSR) | BIT(FACTS),
	    BIT(EK_CERT) | BIT(IAK_CERT) | BIT(IDEVID_CERT) },
	[ATTEST_CHALLENGE] = { "challenge", BIT(ENROLMENT) | BIT(CREDENTIAL) | BIT(SECRET), 0 },
	[ATTEST_ACTIVATE] = { "activate", BIT(ENROLMENT) | BIT(PROOF), 0 },
	[ATTEST_ENROLLED] = { "enrolled", BIT(HOST_ID) | BIT(STATE) | BIT(CERTIFICATE), 0 },
	[ATTEST_EVIDENCE] = { "evidence", 0, QUOTED | BIT(EVENT_LOG) | BIT(FACTS) | BIT(CSR) },
	[ATTEST_ACK] = { "ack", BIT(ACKNOWLEDGED) | BIT(NONCE) | BIT(WAIT_MS) | BIT(DEADLINE_MS) | BIT(WANT) |
	    BIT(FROM), BIT(CERTIFICATE) },
};
#define TYPES (sizeof(types) / sizeof(types[0]))

const char *
attest_section_name(enum attest_section s)
{
	return sections[s].name;
}

const char *
attest_type_name(enum attest_type t)
{
	return (size_t)t < TYPES && types[t].name != NULL ? types[t].name : "unknown";
}

/* The chain that a section is part of, or NULL. */
static struct attest_chain *
chain_of(struct attest_message *m, enum attest_section s)
{
	return s == ATTEST_EK_CERT ? &m->ek_chain : s == ATTEST_CERTIFICATE ? &m->chain :
	    s == ATTEST_IAK_CERT ? &m->iak_chain : s == ATTEST_IDEVID_CERT ? &m->idevid_chain : NULL;
}

static const struct attest_chain *
chain_in(const struct attest_message *m, enum attest_section s)
{
	return chain_of((struct attest_message *)(uintptr_t)m, s);
}

static enum attest_section
section_by_tag(uint16_t tag)
{
	enum attest_section s = 0;

	while (s < ATTEST_SECTIONS && sections[s].tag != tag)
		s++;
	return s;
}

bool
attest_put(struct attest_message *m, enum attest_section s, struct span bytes)
{
	struct attest_chain *c = chain_of(m, s);

	if (c != NULL && c->n == LIMIT_ATTEST_CHAIN)
		return false;
	if (c != NULL)
		c->der[c->n++] = bytes;
	if (c != NULL && c->n > 1)
		return true;
	m->s[s].present = true;
	m->s[s].bytes = bytes;
	return true;
}

bool
attest_put_u32(struct attest_message *m, enum attest_section s, uint32_t v, uint8_t store[static 4])
{
	v = htole32(v);
	memcpy(store, &v, 4);
	return attest_put(m, s, span_of(store, 4));
}

bool
attest_put_u64(struct attest_message *m, enum attest_section s, uint64_t v, uint8_t store[static 8])
{
	v = htole64(v);
	memcpy(store, &v, 8);
	return attest_put(m, s, span_of(store, 8));
}

uint32_t
attest_get_u32(const struct attest_message *m, enum attest_section s)
{
	struct rd r = rd_init(m->s[s].bytes);
	uint32_t v;

	return m->s[s].present && rd_le32(&r, &v) && rd_end(&r) ? v : 0;
}

uint64_t
attest_get_u64(const struct attest_message *m, enum attest_section s)
{
	struct rd r = rd_init(m->s[s].bytes);
	uint64_t v;

	return m->s[s].present && rd_le64(&r, &v) && rd_end(&r) ? v : 0;
}

static int
check_size(enum attest_section s, size_t n, uint64_t at, struct err *e)
{
	if (n > sections[s].most)
		return err_at(e, ERR_LIMIT, at, "section \"%s\" has %zu bytes; the ceiling is %zu", sections[s].name,
		    n, sections[s].most);
	if (n < sections[s].least)
		return err_at(e, ERR_FORMAT, at, "section \"%s\" has %zu bytes; it has at least %zu", sections[s].name,
		    n, sections[s].least);
	return 0;
}

/* A message is of one type, and holds what that type needs and nothing else. */
static int
check_sections(const struct attest_message *m, struct err *e)
{
	uint32_t have = 0, wrong;
	enum attest_section s = 0;

	for (; s < ATTEST_SECTIONS; s++)
		if (m->s[s].present)
			have |= 1U << s;
	if ((wrong = types[m->type].must & ~have) == 0 && m->type == ATTEST_EVIDENCE && (have & QUOTED) != 0)
		wrong = QUOTED & ~have;
	if (wrong != 0)
		return err_set(e, ERR_FORMAT, "the message \"%s\" lacks its section \"%s\"", types[m->type].name,
		    sections[__builtin_ctz(wrong)].name);
	wrong = have & ~(types[m->type].must | types[m->type].may);
	if (wrong != 0)
		return err_set(e, ERR_FORMAT, "the message \"%s\" has no section \"%s\"", types[m->type].name,
		    sections[__builtin_ctz(wrong)].name);
	return 0;
}

static int
read_section(struct rd *r, struct attest_message *m, uint32_t *last, struct err *e)
{
	uint64_t at = r->off;
	uint16_t tag, zero;
	struct span bytes;
	enum attest_section s;
	int rc;

	if (!(rd_le16(r, &tag) && rd_le16(r, &zero) && rd_le32_span(r, LIMIT_ATTEST_LIST, &bytes)))
		return err_at(e, r->why, at, r->why == ERR_LIMIT ? "a section is larger than any may be" :
		    "the message ends inside a section");
	if (zero != 0)
		return err_at(e, ERR_FORMAT, at + 2, "two bytes that are zero in version %d are not",
		    ATTEST_MESSAGE_VERSION);
	s = section_by_tag(tag);
	if (s == ATTEST_SECTIONS && tag < OPTIONAL)
		return err_at(e, ERR_UNSUPPORTED, at, "section %u is not known, and its sender did not mark it as optional",
		    tag);
	if (tag < *last || (tag == *last && (s == ATTEST_SECTIONS || chain_of(m, s) == NULL)))
		return err_at(e, tag == *last ? ERR_DUPLICATE : ERR_FORMAT, at,
		    "section %u stands twice or in the wrong place", tag);
	*last = tag;
	if (s == ATTEST_SECTIONS)
		return 0;
	if ((rc = check_size(s, bytes.n, at + 4, e)) != 0)
		return rc;
	return attest_put(m, s, bytes) ? 0 : err_at(e, ERR_LIMIT, at, "section \"%s\" stands over %d times",
	    sections[s].name, LIMIT_ATTEST_CHAIN);
}

static int
read_header(struct rd *r, struct attest_message *m, uint16_t *n, struct err *e)
{
	struct span magic;
	uint32_t version;
	uint16_t type;

	if (!rd_bytes(r, 8, &magic) || !span_eq(magic, span_lit(MAGIC)))
		return err_at(e, ERR_FORMAT, 0, "is not a message between an agent and a server");
	if (!rd_le32(r, &version))
		return err_at(e, r->why, 8, "the message ends inside its header");
	if (version != ATTEST_MESSAGE_VERSION)
		return err_at(e, ERR_VERSION, 8, "message is of version %u, this assay reads version %d", version,
		    ATTEST_MESSAGE_VERSION);
	if (!(rd_le16(r, &type) && rd_le16(r, n)))
		return err_at(e, r->why, 12, "the message ends inside its header");
	if (type >= TYPES || types[type].name == NULL)
		return err_at(e, ERR_UNSUPPORTED, 12, "messages of type %u are not known", type);
	if (*n > LIMIT_ATTEST_SECTIONS)
		return err_at(e, ERR_LIMIT, 14, "the message is said to have %u sections; the ceiling is %d", *n,
		    LIMIT_ATTEST_SECTIONS);
	m->type = (enum attest_type)type;
	return 0;
}

int
attest_message_parse(struct span in, struct attest_message *m, struct err *e)
{
	struct attest_message out = { 0 };
	struct rd r = rd_init(in);
	uint32_t last = 0;
	uint16_t n = 0;
	int rc = read_header(&r, &out, &n, e);

	for (uint16_t i = 0; rc == 0 && i < n; i++)
		rc = read_section(&r, &out, &last, e);
	if (rc != 0)
		return rc;
	if (!rd_end(&r))
		return err_at(e, r.why, r.off, "data follows the last section");
	if ((rc = check_sections(&out, e)) != 0)
		return rc;
	*m = out;
	return 0;
}

static void
write_section(struct buf *out, enum attest_section s, struct span bytes)
{
	buf_le16(out, sections[s].tag);
	buf_le16(out, 0);
	buf_le32(out, (uint32_t)bytes.n);
	buf_span(out, bytes);
}

/* How often a section stands in a message, and the ${i}th of them. */
static size_t
times(const struct attest_message *m, enum attest_section s)
{
	const struct attest_chain *c = chain_in(m, s);

	return c != NULL ? c->n : m->s[s].present ? 1 : 0;
}

static struct span
nth(const struct attest_message *m, enum attest_section s, size_t i)
{
	const struct attest_chain *c = chain_in(m, s);

	return c != NULL ? c->der[i] : m->s[s].bytes;
}

int
attest_message_write(const struct attest_message *m, struct buf *out, struct err *e)
{
	uint16_t n = 0;
	int rc = check_sections(m, e);

	for (enum attest_section s = 0; rc == 0 && s < ATTEST_SECTIONS; s++)
		for (size_t i = 0; rc == 0 && i < times(m, s); i++, n++)
			rc = check_size(s, nth(m, s, i).n, 0, e);
	if (rc != 0)
		return rc;
	buf_span(out, span_lit(MAGIC));
	buf_le32(out, ATTEST_MESSAGE_VERSION);
	buf_le16(out, (uint16_t)m->type);
	buf_le16(out, n);
	for (enum attest_section s = 0; s < ATTEST_SECTIONS; s++)
		for (size_t i = 0; i < times(m, s); i++)
			write_section(out, s, nth(m, s, i));
	return buf_done(out, e);
}

void
attest_message_dump(const struct attest_message *m, struct buf *out)
{
	buf_printf(out, "%s\n", attest_type_name(m->type));
	for (enum attest_section s = 0; s < ATTEST_SECTIONS; s++)
		for (size_t i = 0; i < times(m, s); i++) {
			struct span b = nth(m, s, i);

			buf_printf(out, "%-12s %zu", sections[s].name, b.n);
			if (b.n > 0 && b.n <= 32) {
				buf_u8(out, ' ');
				buf_hex(out, b);
			}
			buf_u8(out, '\n');
		}
}
