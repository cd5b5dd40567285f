#include "formats/evidence_bundle.h"

#include "base/json.h"
#include "base/rd.h"
#include "base/rfc3339.h"
#include "base/text.h"

#define MAGIC "\x89" "AEVB\r\n\x1a"
#define HEADER 56
#define ROW 32			/* of the section table */
#define NAME 16
#define WHERE "manifest"

static const struct { const char *name; size_t limit; } sections[EVIDENCE_SECTIONS] = {
	[EVIDENCE_MANIFEST] = { "manifest", LIMIT_SMALL_FILE },
	[EVIDENCE_IMA_LOG] = { "ima-log", LIMIT_IMA_LOG },
	[EVIDENCE_QUOTE] = { "quote", LIMIT_SMALL_FILE },
	[EVIDENCE_SIGNATURE] = { "signature", LIMIT_SMALL_FILE },
	[EVIDENCE_AK] = { "ak", LIMIT_SMALL_FILE },
	[EVIDENCE_NONCE] = { "nonce", LIMIT_TPM_NONCE },
	[EVIDENCE_PCRS] = { "pcrs", LIMIT_SMALL_FILE },
	[EVIDENCE_EVENT_LOG] = { "event-log", LIMIT_EVENT_LOG },
};

const char *
evidence_section_name(enum evidence_section s)
{
	return sections[s].name;
}

size_t
evidence_section_limit(enum evidence_section s)
{
	return sections[s].limit;
}

void
evidence_bundle_free(struct evidence_bundle *b)
{
	arena_free(&b->arena);
	*b = (struct evidence_bundle){ 0 };
}

/* The number of the section whose name fills the field, or EVIDENCE_SECTIONS. */
static enum evidence_section
section_by_field(struct span field)
{
	enum evidence_section s = EVIDENCE_MANIFEST;

	for (; s < EVIDENCE_SECTIONS; s++) {
		struct span name = span_str(sections[s].name);

		if (span_starts(field, name) && span_zero(span_from(field, name.n)))
			break;
	}
	return s;
}

/* Only the list may be empty: a kernel without a rule has measured nothing. */
static int
check_size(enum evidence_section s, uint64_t size, uint64_t at, struct err *e)
{
	if (size > sections[s].limit)
		return err_at(e, ERR_LIMIT, at, "section \"%s\" has %llu bytes; the ceiling is %zu",
		    sections[s].name, (unsigned long long)size, sections[s].limit);
	if (size == 0 && s != EVIDENCE_IMA_LOG)
		return err_at(e, ERR_FORMAT, at, "section \"%s\" is empty", sections[s].name);
	return 0;
}

/* One row of the table; ${next} is where the section must begin, then where it ends. */
static int
read_row(struct rd *r, struct evidence_bundle *b, enum evidence_section *least, uint64_t *next,
    struct err *e)
{
	uint64_t at = r->off, offset, size;
	struct span field;
	enum evidence_section s;
	int rc;

	if (!(rd_bytes(r, NAME, &field) && rd_le64(r, &offset) && rd_le64(r, &size)))
		return err_at(e, r->why, at, "the bundle ends inside its section table");
	s = section_by_field(field);
	if (s == EVIDENCE_SECTIONS)
		return err_at(e, ERR_FORMAT, at, "the section table names a section that version %d does not have",
		    EVIDENCE_BUNDLE_VERSION);
	if (s < *least)
		return err_at(e, b->parts[s].present ? ERR_DUPLICATE : ERR_FORMAT, at,
		    "section \"%s\" stands twice or in the wrong place", sections[s].name);
	if (offset != *next)
		return err_at(e, ERR_FORMAT, at + NAME, "section \"%s\" is said to begin at byte %llu, not %llu",
		    sections[s].name, (unsigned long long)offset, (unsigned long long)*next);
	if ((rc = check_size(s, size, at + NAME + 8, e)) != 0)
		return rc;
	if (offset > r->in.n || size > r->in.n - offset)
		return err_at(e, ERR_TRUNCATED, at + NAME + 8, "section \"%s\" reaches over the end of the bundle",
		    sections[s].name);
	b->parts[s].present = true;
	b->parts[s].offset = (size_t)offset;
	b->parts[s].bytes = span_of(r->in.p + offset, (size_t)size);
	*next += size;
	*least = s + 1;
	return 0;
}

static int
read_header(struct rd *r, struct evidence_bundle *b, uint32_t *n, struct err *e)
{
	struct span magic, sum;
	uint32_t version;
	uint64_t size;

	if (!rd_bytes(r, 8, &magic) || !span_eq(magic, span_lit(MAGIC)))
		return err_at(e, ERR_FORMAT, 0, "is not an evidence bundle");
	if (!rd_le32(r, &version))
		return err_at(e, r->why, 8, "the bundle ends inside its header");
	if (version != EVIDENCE_BUNDLE_VERSION)
		return err_at(e, ERR_VERSION, 8, "evidence bundle is of version %u, this assay reads version %d",
		    version, EVIDENCE_BUNDLE_VERSION);
	if (!(rd_le32(r, n) && rd_le64(r, &size) && rd_bytes(r, 32, &sum)))
		return err_at(e, r->why, r->off, "the bundle ends inside its header");
	if (*n < 2 || *n > EVIDENCE_SECTIONS)
		return err_at(e, ERR_RANGE, 12, "the bundle is said to have %u sections; there are 2 to %d", *n,
		    EVIDENCE_SECTIONS);
	if (size != r->in.n)
		return err_at(e, size > r->in.n ? ERR_TRUNCATED : ERR_TRAILING, 16,
		    "the bundle has %zu bytes, and its header says %llu", r->in.n, (unsigned long long)size);
	return digest_make(DIGEST_SHA256, sum, &b->parts[EVIDENCE_MANIFEST].sha256) ? 0 :
	    err_set(e, ERR_INTERNAL, "no SHA-256");
}

static int
read_table(struct span in, struct evidence_bundle *b, struct err *e)
{
	struct rd r = rd_init(in);
	enum evidence_section least = EVIDENCE_MANIFEST;
	uint64_t next;
	uint32_t n = 0;
	int rc;

	if ((rc = read_header(&r, b, &n, e)) != 0)
		return rc;
	next = HEADER + (uint64_t)ROW * n;
	for (uint32_t i = 0; i < n; i++)
		if ((rc = read_row(&r, b, &least, &next, e)) != 0)
			return rc;
	if (!b->parts[EVIDENCE_MANIFEST].present || !b->parts[EVIDENCE_IMA_LOG].present)
		return err_at(e, ERR_FORMAT, HEADER, "the bundle has no %s",
		    b->parts[EVIDENCE_MANIFEST].present ? "measurement list" : "manifest");
	if (next != in.n)
		return err_at(e, ERR_TRAILING, next, "data follows the last section");
	return 0;
}

static int
get_u64(const json_t *j, const char *where, const char *key, uint64_t *out, struct err *e)
{
	json_t *v;
	int rc = json_member(j, where, key, JSON_INTEGER, true, &v, e);

	if (rc != 0)
		return rc;
	if (json_integer_value(v) < 0)
		return err_set(e, ERR_RANGE, "%s: \"%s\" is out of range", where, key);
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

static int
get_sha256(const json_t *v, const char *what, struct digest *d, struct err *e)
{
	uint8_t raw[32];
	BUF_AUTO struct buf canonical = buf_init(128);

	/* One spelling only: what is written again must be the same bytes. */
	if (!hex_fixed(json_string_span(v), raw, sizeof(raw)) ||
	    !digest_make(DIGEST_SHA256, span_of(raw, sizeof(raw)), d))
		return err_set(e, ERR_ENCODING, WHERE ": the SHA-256 of %s is not 64 hexadecimal digits", what);
	buf_hex(&canonical, digest_view(d));
	return span_eq(buf_view(&canonical), json_string_span(v)) ? 0 :
	    err_set(e, ERR_ENCODING, WHERE ": the SHA-256 of %s is not in lower case", what);
}

/* What the manifest says of a section must be what the table says. */
static int
get_section(const json_t *all, enum evidence_section s, struct evidence_part *p, struct err *e)
{
	static const char *const members[] = { "size", "sha256", NULL };
	const char *name = sections[s].name;
	json_t *j, *sum;
	uint64_t size;
	int rc;

	if ((rc = json_member(all, WHERE " sections", name, JSON_OBJECT, false, &j, e)) != 0)
		return rc;
	if ((j != NULL) != p->present)
		return err_set(e, ERR_MISMATCH, "section \"%s\" is only in the %s", name,
		    p->present ? "section table" : "manifest");
	if (j == NULL)
		return 0;
	if ((rc = json_only(j, name, members, e)) != 0 || (rc = get_u64(j, name, "size", &size, e)) != 0 ||
	    (rc = json_member(j, name, "sha256", JSON_STRING, true, &sum, e)) != 0)
		return rc;
	if (size != p->bytes.n)
		return err_set(e, ERR_MISMATCH, "section \"%s\" has %zu bytes; its manifest recorded %llu",
		    name, p->bytes.n, (unsigned long long)size);
	return get_sha256(sum, name, &p->sha256, e);
}

static int
get_sections(const json_t *j, struct evidence_bundle *b, struct err *e)
{
	const char *members[EVIDENCE_SECTIONS] = { NULL };
	json_t *all;
	int rc;

	for (enum evidence_section s = EVIDENCE_IMA_LOG; s < EVIDENCE_SECTIONS; s++)
		members[s - EVIDENCE_IMA_LOG] = sections[s].name;
	if ((rc = json_member(j, WHERE, "sections", JSON_OBJECT, true, &all, e)) != 0 ||
	    (rc = json_only(all, WHERE " sections", members, e)) != 0)
		return rc;
	for (enum evidence_section s = EVIDENCE_IMA_LOG; s < EVIDENCE_SECTIONS; s++)
		if ((rc = get_section(all, s, &b->parts[s], e)) != 0)
			return rc;
	return 0;
}

static int
get_policies(const json_t *j, struct evidence_bundle *b, struct err *e)
{
	json_t *list, *v;
	size_t i;
	int rc = json_member(j, WHERE, "policies", JSON_ARRAY, false, &list, e);

	if (rc != 0 || list == NULL)
		return rc;
	b->policies = arena_array(&b->arena, json_array_size(list) + 1, sizeof(*b->policies));
	if (b->policies == NULL)
		return arena_err(&b->arena, e);
	json_array_foreach(list, i, v) {
		if (!json_is_string(v))
			return err_set(e, ERR_FORMAT, WHERE ": \"policies\" holds something that is not a string");
		if ((rc = get_sha256(v, "a policy", &b->policies[b->n_policies++], e)) != 0)
			return rc;
	}
	return 0;
}

static int
get_facts(const json_t *j, struct evidence_bundle *b, struct err *e)
{
	json_t *created, *generator, *bank, *verdict;
	int rc;

	if ((rc = json_member(j, WHERE, "created", JSON_STRING, true, &created, e)) != 0 ||
	    (rc = json_member(j, WHERE, "generator", JSON_STRING, true, &generator, e)) != 0 ||
	    (rc = json_member(j, WHERE, "bank", JSON_STRING, true, &bank, e)) != 0 ||
	    (rc = json_member(j, WHERE, "verdict", JSON_STRING, false, &verdict, e)) != 0 ||
	    (rc = get_u64(j, WHERE, "entries", &b->entries, e)) != 0)
		return rc;
	if (!rfc3339_parse(json_string_span(created), &b->created))
		return err_set(e, ERR_FORMAT, WHERE ": \"created\" is not a time of RFC 3339");
	b->bank = digest_alg_by_name(json_string_span(bank));
	if (b->bank == DIGEST_NONE)
		return err_set(e, ERR_FORMAT, WHERE ": \"bank\" is not a digest algorithm");
	if (verdict != NULL && !span_is(json_string_span(verdict), "trusted") &&
	    !span_is(json_string_span(verdict), "untrusted") && !span_is(json_string_span(verdict), "undecided"))
		return err_set(e, ERR_FORMAT, WHERE ": \"verdict\" is not a verdict");
	if (!arena_copy(&b->arena, json_string_span(generator), &b->generator) ||
	    (verdict != NULL && !arena_copy(&b->arena, json_string_span(verdict), &b->verdict)))
		return arena_err(&b->arena, e);
	return 0;
}

static int
get_manifest(const json_t *j, struct evidence_bundle *b, struct err *e)
{
	static const char *const members[] = { "assay_evidence_bundle", "created", "generator", "bank",
		"entries", "sections", "verdict", "policies", NULL };
	uint64_t version;
	int rc;

	if ((rc = json_only(j, WHERE, members, e)) != 0 ||
	    (rc = get_u64(j, WHERE, "assay_evidence_bundle", &version, e)) != 0)
		return rc;
	if (version != EVIDENCE_BUNDLE_VERSION)
		return err_set(e, ERR_VERSION, WHERE " is of version %llu, its bundle of version %d",
		    (unsigned long long)version, EVIDENCE_BUNDLE_VERSION);
	if ((rc = get_facts(j, b, e)) != 0 || (rc = get_policies(j, b, e)) != 0)
		return rc;
	return get_sections(j, b, e);
}

/* A place inside the manifest is of no use to who sees the bundle: name the section. */
static int
at_manifest(struct err *e, int rc, size_t offset)
{
	char text[sizeof(e->message)];

	if (e == NULL)
		return rc;
	memcpy(text, e->message, sizeof(text));
	return err_at(e, rc, offset, "in the bundle's manifest: %s", text);
}

int
evidence_bundle_parse(struct span in, struct evidence_bundle *out, struct err *e)
{
	struct evidence_bundle b = { .arena = arena_init(LIMIT_SMALL_FILE * 4) };
	const struct evidence_part *m = &b.parts[EVIDENCE_MANIFEST];
	JSON_AUTO json_t *j = NULL;
	int rc;

	if ((rc = read_table(in, &b, e)) == 0 &&
	    ((rc = json_parse(m->bytes, LIMIT_SMALL_FILE, &j, e)) != 0 || (rc = get_manifest(j, &b, e)) != 0))
		rc = at_manifest(e, rc, m->offset);
	if (rc != 0) {
		evidence_bundle_free(&b);
		return rc;
	}
	*out = b;
	return 0;
}

static json_t *
sections_json(const struct evidence_bundle *b)
{
	json_t *all = json_object();

	for (enum evidence_section s = EVIDENCE_IMA_LOG; s < EVIDENCE_SECTIONS; s++)
		if (b->parts[s].present)
			json_object_set_new(all, sections[s].name, json_pack("{s:I, s:o}",
			    "size", (json_int_t)b->parts[s].bytes.n,
			    "sha256", json_hex(digest_view(&b->parts[s].sha256))));
	return all;
}

int
evidence_manifest_write(const struct evidence_bundle *b, struct buf *out, struct err *e)
{
	BUF_AUTO struct buf created = buf_init(64);
	JSON_AUTO json_t *j = NULL;
	json_t *policies = json_array();

	for (size_t i = 0; i < b->n_policies; i++)
		json_array_append_new(policies, json_hex(digest_view(&b->policies[i])));
	buf_rfc3339(&created, b->created);
	j = json_pack("{s:i, s:s, s:o, s:s, s:I, s:o}", "assay_evidence_bundle", EVIDENCE_BUNDLE_VERSION,
	    "created", buf_cstr(&created), "generator", json_new_string(b->generator),
	    "bank", digest_alg_name(b->bank), "entries", (json_int_t)b->entries, "sections", sections_json(b));
	if (b->verdict.n > 0)
		json_object_set_new(j, "verdict", json_new_string(b->verdict));
	if (b->n_policies > 0)
		json_object_set(j, "policies", policies);
	json_decref(policies);
	json_write(j, out);
	return buf_done(out, e);
}

int
evidence_bundle_write(const struct evidence_bundle *b, struct buf *out, struct err *e)
{
	uint32_t n = 0;
	uint64_t at, size;
	int rc;

	for (enum evidence_section s = EVIDENCE_MANIFEST; s < EVIDENCE_SECTIONS; s++)
		n += b->parts[s].present;
	size = HEADER + (uint64_t)ROW * n;
	at = size;
	for (enum evidence_section s = EVIDENCE_MANIFEST; s < EVIDENCE_SECTIONS; s++) {
		if (!b->parts[s].present)
			continue;
		if ((rc = check_size(s, b->parts[s].bytes.n, size, e)) != 0)
			return rc;
		size += b->parts[s].bytes.n;
	}
	buf_span(out, span_lit(MAGIC));
	buf_le32(out, EVIDENCE_BUNDLE_VERSION);
	buf_le32(out, n);
	buf_le64(out, size);
	buf_span(out, digest_view(&b->parts[EVIDENCE_MANIFEST].sha256));
	for (enum evidence_section s = EVIDENCE_MANIFEST; s < EVIDENCE_SECTIONS; s++) {
		if (!b->parts[s].present)
			continue;
		buf_str(out, sections[s].name);
		buf_zero(out, NAME - strlen(sections[s].name));
		buf_le64(out, at);
		buf_le64(out, b->parts[s].bytes.n);
		at += b->parts[s].bytes.n;
	}
	for (enum evidence_section s = EVIDENCE_MANIFEST; s < EVIDENCE_SECTIONS; s++)
		buf_span(out, b->parts[s].bytes);	/* of no bytes where there is none */
	return buf_done(out, e);
}

void
evidence_bundle_dump(const struct evidence_bundle *b, struct buf *out)
{
	buf_printf(out, "version      %d\ncreated      ", EVIDENCE_BUNDLE_VERSION);
	buf_rfc3339(out, b->created);
	buf_str(out, "\ngenerator    ");
	buf_escape(out, b->generator);
	buf_printf(out, "\nbank         %s\nentries      %llu\n", digest_alg_name(b->bank),
	    (unsigned long long)b->entries);
	if (b->verdict.n > 0) {
		buf_str(out, "verdict      ");
		buf_span(out, b->verdict);
		buf_str(out, " (as recorded)\n");
	}
	for (size_t i = 0; i < b->n_policies; i++) {
		buf_str(out, "policy       sha256:");
		buf_hex(out, digest_view(&b->policies[i]));
		buf_u8(out, '\n');
	}
	buf_str(out, "\nsection        offset      size  sha256\n");
	for (enum evidence_section s = EVIDENCE_MANIFEST; s < EVIDENCE_SECTIONS; s++) {
		if (!b->parts[s].present)
			continue;
		buf_printf(out, "%-11s %9zu %9zu  ", sections[s].name, b->parts[s].offset, b->parts[s].bytes.n);
		buf_hex(out, digest_view(&b->parts[s].sha256));
		buf_u8(out, '\n');
	}
}
