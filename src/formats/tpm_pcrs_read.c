#include "formats/tpm_pcrs_read.h"

#include "base/json.h"
#include "base/text.h"

#define LIST_ROOM 8u	/* digests in a TPML_DIGEST */

/* The file's TPMS_PCR_SELECTION, host struct with padding: 8 bytes, always 16 of them. */
static bool
read_bank(struct rd *r, struct tpm_bank *bank)
{
	uint8_t size, octets[5];

	if (!(rd_le16(r, &bank->id) && rd_u8(r, &size) && rd_copy(r, octets, sizeof(octets))))
		return false;
	if (size > 4)
		return rd_fail(r, ERR_RANGE);
	bank->alg = digest_alg_by_tpm(bank->id);
	bank->mask = 0;
	for (unsigned i = 0; i < size; i++)
		bank->mask |= (uint32_t)octets[i] << (8 * i);
	return true;
}

static int
read_selection(struct rd *r, struct tpm_selection *s, struct err *e)
{
	uint32_t n = 0;

	if (!rd_le32(r, &n) || n == 0 || n > LIMIT_TPM_BANKS)
		return err_at(e, r->why != 0 ? r->why : ERR_RANGE, 0,
		    "PCR file names %u banks, want 1 to %d", n, LIMIT_TPM_BANKS);
	for (size_t i = 0; i < LIMIT_TPM_BANKS; i++) {
		struct tpm_bank *b = &s->banks[i];
		size_t at = r->off;

		if (i >= n) {			/* room that is not used */
			if (!rd_skip(r, 8))
				return err_at(e, r->why, at, "PCR selection: %s", err_text(r->why));
			continue;
		}
		if (!read_bank(r, b))
			return err_at(e, r->why, at, "PCR selection: %s", err_text(r->why));
		if (b->alg == DIGEST_NONE)
			return err_at(e, ERR_UNSUPPORTED, at, "PCR bank of unknown hash 0x%04x", b->id);
		if (b->mask >> LIMIT_PCRS != 0)
			return err_at(e, ERR_RANGE, at, "PCR selection names a PCR over %d", LIMIT_PCRS - 1);
	}
	s->n = n;
	return 0;
}

/* Where the next value belongs: walks a selection bank by bank, PCR by PCR. */
struct place {
	size_t bank;
	unsigned pcr;
};

/* False at the end of the selection. */
static bool
place_find(const struct tpm_selection *s, struct place *p)
{
	for (; p->bank < s->n; p->bank++, p->pcr = 0)
		for (; p->pcr < LIMIT_PCRS; p->pcr++)
			if ((s->banks[p->bank].mask >> p->pcr & 1) != 0)
				return true;
	return false;
}

static int
store_value(struct tpm_pcrs *out, struct place *at, struct span v, size_t off, struct err *e)
{
	enum digest_alg alg;
	struct span old;

	if (!place_find(&out->selection, at))
		return err_at(e, ERR_FORMAT, off, "more PCR values follow than the selection names");
	alg = out->selection.banks[at->bank].alg;
	if (v.n != digest_alg_size(alg))
		return err_at(e, ERR_FORMAT, off, "value of PCR %u has %zu bytes, bank %s has %zu",
		    at->pcr, v.n, digest_alg_name(alg), digest_alg_size(alg));
	old = tpm_pcrs_get(out, alg, at->pcr);
	if (old.n != 0 && !span_eq(old, v))
		return err_at(e, ERR_DUPLICATE, off, "PCR %u of bank %s has two values", at->pcr,
		    digest_alg_name(alg));
	if (!tpm_pcrs_set(out, alg, at->pcr, v))
		return err_at(e, ERR_LIMIT, off, "more than %d banks", LIMIT_TPM_BANKS);
	at->pcr++;
	return 0;
}

/* One TPML_DIGEST of fixed size. */
static int
read_list(struct rd *r, struct tpm_pcrs *out, struct place *at, struct err *e)
{
	size_t start = r->off;
	uint32_t n;
	int rc;

	if (!rd_le32(r, &n) || n > LIST_ROOM)
		return err_at(e, r->why != 0 ? r->why : ERR_RANGE, start,
		    "list of PCR values: %s", err_text(r->why != 0 ? r->why : ERR_RANGE));
	for (unsigned i = 0; i < LIST_ROOM; i++) {
		size_t off = r->off;
		struct span v;
		uint16_t size;

		if (!(rd_le16(r, &size) && rd_bytes(r, LIMIT_DIGEST, &v)))
			return err_at(e, r->why, off, "PCR value: %s", err_text(r->why));
		if (i >= n)
			continue;
		if (size > LIMIT_DIGEST)
			return err_at(e, ERR_RANGE, off, "PCR value of %u bytes", size);
		if ((rc = store_value(out, at, span_head(v, size), off, e)) != 0)
			return rc;
	}
	return 0;
}

int
tpm_pcrs_read_tools(struct span in, struct tpm_pcrs *out, struct err *e)
{
	struct rd r = rd_init(in);
	struct place at = { 0 };
	uint32_t lists;
	int rc;

	out->kind = TPM_PCRS_TOOLS;
	if ((rc = read_selection(&r, &out->selection, e)) != 0)
		return rc;
	if (!rd_le32(&r, &lists) || lists > LIMIT_TPM_PCR_LISTS)
		return err_at(e, r.why != 0 ? r.why : ERR_RANGE, r.off, "count of lists of PCR values: %s",
		    err_text(r.why != 0 ? r.why : ERR_RANGE));
	for (uint32_t i = 0; i < lists; i++)
		if ((rc = read_list(&r, out, &at, e)) != 0)
			return rc;
	if (place_find(&out->selection, &at))
		return err_at(e, ERR_FORMAT, r.off, "the selection names PCR %u of bank %s, "
		    "but its value does not follow", at.pcr,
		    digest_alg_name(out->selection.banks[at.bank].alg));
	if (!rd_end(&r))
		return err_at(e, r.why, r.off, "%zu bytes follow the PCR values", rd_left(&r));
	return 0;
}

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span
trim(struct span s)
{
	while (s.n > 0 && blank(s.p[0]))
		s = span_from(s, 1);
	while (s.n > 0 && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* What the text and the JSON say of one value. */
static const char *
add_value(struct tpm_pcrs *out, enum digest_alg alg, struct span number, struct span hex)
{
	uint8_t v[LIMIT_DIGEST];
	uint64_t pcr;

	if (span_starts(hex, span_lit("0x")) || span_starts(hex, span_lit("0X")))
		hex = span_from(hex, 2);
	if (!dec_u64(number, &pcr) || pcr >= LIMIT_PCRS)
		return "is not the number of a PCR, 0 to 23";
	if (!hex_fixed(hex, v, digest_alg_size(alg)))
		return "has a value that is not hex of the bank's size";
	if (tpm_pcrs_get(out, alg, (unsigned)pcr).n != 0)
		return "is given twice";
	return tpm_pcrs_set(out, alg, (unsigned)pcr, span_of(v, digest_alg_size(alg))) ? NULL :
	    "is in one bank too many";
}

/* The selection of the formats that have none: the values that are there. */
static int
finish_selection(struct tpm_pcrs *out, struct err *e)
{
	for (size_t i = 0; i < out->n_banks; i++)
		out->selection.banks[out->selection.n++] = (struct tpm_bank){
		    .id = digest_alg_tpm(out->banks[i].alg), .alg = out->banks[i].alg,
		    .mask = out->banks[i].mask };
	return out->n_banks > 0 ? 0 : err_set(e, ERR_FORMAT, "no PCR value in it");
}

static int
read_line(struct span line, uint64_t number, enum digest_alg *alg, struct tpm_pcrs *out,
    struct err *e)
{
	size_t colon = span_find(line, ':');
	struct span key = trim(span_head(line, colon)), rest = trim(span_from(line, colon + 1));
	const char *why;

	if (colon == line.n)
		return err_line(e, ERR_FORMAT, number, 0, "neither a bank nor a PCR value");
	if (rest.n == 0) {
		if ((*alg = tpm_bank_by_name(key)) == DIGEST_NONE)
			return err_line(e, ERR_UNSUPPORTED, number, 0, "not the name of a PCR bank");
		return 0;
	}
	if (*alg == DIGEST_NONE)
		return err_line(e, ERR_FORMAT, number, 0, "a PCR value before the name of a bank");
	if ((why = add_value(out, *alg, key, rest)) != NULL)
		return err_line(e, ERR_FORMAT, number, 0, "PCR %.*s of bank %s %s",
		    key.n > 8 || !utf8_valid(key) ? 0 : (int)key.n, (const char *)key.p,
		    digest_alg_name(*alg), why);
	return 0;
}

int
tpm_pcrs_read_text(struct span in, struct tpm_pcrs *out, struct err *e)
{
	struct rd r = rd_init(in);
	enum digest_alg alg = DIGEST_NONE;
	struct span line;
	uint64_t number = 0;
	int rc;

	out->kind = TPM_PCRS_TEXT;
	while (rd_line(&r, LIMIT_TEXT_LINE, &line)) {
		number++;
		if (trim(line).n > 0 && (rc = read_line(line, number, &alg, out, e)) != 0)
			return rc;
	}
	if (r.why != 0)
		return err_line(e, r.why, number + 1, 0, "%s", err_text(r.why));
	return finish_selection(out, e);
}

static int
read_json_bank(const char *name, json_t *values, struct tpm_pcrs *out, struct err *e)
{
	enum digest_alg alg = tpm_bank_by_name(span_str(name));
	const char *key, *why;
	json_t *v;

	if (alg == DIGEST_NONE)
		return err_set(e, ERR_UNSUPPORTED, "/%.32s is not the name of a PCR bank", name);
	if (!json_is_object(values))
		return err_set(e, ERR_FORMAT, "/%.32s is not an object of PCR values", name);
	json_object_foreach(values, key, v) {
		if (!json_is_string(v))
			return err_set(e, ERR_FORMAT, "/%.32s/%.8s is not a string", name, key);
		if ((why = add_value(out, alg, span_str(key), json_string_span(v))) != NULL)
			return err_set(e, ERR_FORMAT, "/%.32s/%.8s %s", name, key, why);
	}
	return 0;
}

int
tpm_pcrs_read_json(struct span in, struct tpm_pcrs *out, struct err *e)
{
	JSON_AUTO json_t *doc = NULL;
	const char *name;
	json_t *values;
	int rc;

	out->kind = TPM_PCRS_JSON;
	if ((rc = json_parse(in, LIMIT_SMALL_FILE, &doc, e)) != 0)
		return rc;
	if (!json_is_object(doc))
		return err_set(e, ERR_FORMAT, "the document is not an object of PCR banks");
	json_object_foreach(doc, name, values)
		if ((rc = read_json_bank(name, values, out, e)) != 0)
			return rc;
	return finish_selection(out, e);
}
