#include "formats/tpm_attest.h"

/* The bodies other than the quote's: b a TPM2B, a digit an integer of that many bytes.
 * Part 2, clauses "TPMS_NV_CERTIFY_INFO" to "TPMS_NV_DIGEST_CERTIFY_INFO". */
static const struct {
	uint16_t type;
	const char *name, *shape;
	const char *fields[TPM_ATTEST_FIELDS];
} bodies[] = {
	{ TPM_ST_ATTEST_NV, "nv", "b2b", { "index-name", "offset", "nv-contents" } },
	{ TPM_ST_ATTEST_COMMAND_AUDIT, "command-audit", "82bb",
	    { "audit-counter", "digest-alg", "audit-digest", "command-digest" } },
	{ TPM_ST_ATTEST_SESSION_AUDIT, "session-audit", "1b",
	    { "exclusive-session", "session-digest" } },
	{ TPM_ST_ATTEST_CERTIFY, "certify", "bb", { "name", "qualified-name" } },
	{ TPM_ST_ATTEST_TIME, "time", "884418",
	    { "time", "clock", "reset-count", "restart-count", "safe", "firmware-version" } },
	{ TPM_ST_ATTEST_CREATION, "creation", "bb", { "object-name", "creation-hash" } },
	{ TPM_ST_ATTEST_NV_DIGEST, "nv-digest", "bb", { "index-name", "nv-digest" } },
};
#define BODIES (sizeof(bodies) / sizeof(bodies[0]))

static size_t
body_of(uint16_t type)
{
	size_t i = 0;

	while (i < BODIES && bodies[i].type != type)
		i++;
	return i;
}

const char *
tpm_attest_type_name(uint16_t type)
{
	size_t i = body_of(type);

	return type == TPM_ST_ATTEST_QUOTE ? "quote" : i < BODIES ? bodies[i].name : "unknown";
}

/* Part 2, clause "TPMI_YES_NO": nothing but 0 and 1. */
static bool
read_yes_no(struct rd *r, bool *out)
{
	uint8_t v;

	if (!rd_u8(r, &v))
		return false;
	if (v > 1)
		return rd_fail(r, ERR_RANGE);
	*out = v == 1;
	return true;
}

static bool
read_header(struct rd *r, struct tpm_attest *a)
{
	return rd_be32(r, &a->magic) && rd_be16(r, &a->type) &&
	    rd_be16_span(r, LIMIT_TPM_NAME, &a->qualified_signer) &&
	    rd_be16_span(r, LIMIT_TPM_NAME, &a->extra_data) &&
	    rd_be64(r, &a->clock.clock) &&
	    rd_be32(r, &a->clock.reset_count) && rd_be32(r, &a->clock.restart_count) &&
	    read_yes_no(r, &a->clock.safe) && rd_be64(r, &a->firmware_version);
}

static bool
read_quote(struct rd *r, struct tpm_attest *a)
{
	return tpm_selection_read(r, &a->selection) &&
	    rd_be16_span(r, LIMIT_DIGEST, &a->pcr_digest);
}

/* The reader is left behind the body if it fits, else where it was. */
static bool
read_other(struct rd *outer, struct tpm_attest *a)
{
	size_t i = body_of(a->type), n = 0;
	struct rd r = *outer;

	if (i == BODIES)
		return false;
	for (const char *c = bodies[i].shape; *c != '\0'; c++, n++)
		if (*c == 'b' ? !rd_be16_span(&r, LIMIT_TPM_NV, &a->fields[n]) :
		    !rd_bytes(&r, (size_t)(*c - '0'), &a->fields[n]))
			return false;
	a->n_fields = n;
	*outer = r;
	return true;
}

/* The three files of tpm2_quote are easily confused. */
static int
not_a_quote(int rc, struct err *e)
{
	return err_hint(e, rc, "give the message that was signed (tpm2_quote -m); its signature (-s) and"
	    " the PCR file (-o) are others");
}

int
tpm_attest_parse(struct span in, struct tpm_attest *out, struct err *e)
{
	struct tpm_attest a = { 0 };
	struct rd r = rd_init(in);

	if (!read_header(&r, &a))
		return not_a_quote(err_at(e, r.why, r.off, "TPMS_ATTEST of %zu bytes: %s", in.n,
		    err_text(r.why)), e);
	if (a.type == TPM_ST_ATTEST_QUOTE) {
		if (!read_quote(&r, &a))
			return not_a_quote(err_at(e, r.why, r.off, "TPMS_QUOTE_INFO: %s", err_text(r.why)), e);
		a.body_fits = true;
	} else {
		a.body_fits = read_other(&r, &a);
	}
	a.trailing = span_from(in, r.off);
	*out = a;
	return 0;
}

static void
dump_body(const struct tpm_attest *a, struct buf *b)
{
	size_t i = body_of(a->type);

	if (a->type == TPM_ST_ATTEST_QUOTE) {
		buf_str(b, "pcr-select ");
		tpm_selection_dump(&a->selection, b);
		buf_str(b, "\n");
		tpm_dump_bytes(b, "pcr-digest", a->pcr_digest);
	} else if (!a->body_fits) {
		buf_str(b, "attested does not fit the type\n");
	}
	for (size_t k = 0; i < BODIES && k < a->n_fields; k++)
		tpm_dump_bytes(b, bodies[i].fields[k], a->fields[k]);
}

void
tpm_attest_dump(const struct tpm_attest *a, struct buf *b)
{
	buf_printf(b, "magic %08x%s\n", a->magic, a->magic == TPM_GENERATED ? "" : " (not the TPM's)");
	buf_printf(b, "type %04x %s\n", a->type, tpm_attest_type_name(a->type));
	tpm_dump_bytes(b, "qualified-signer", a->qualified_signer);
	tpm_dump_bytes(b, "extra-data", a->extra_data);
	buf_printf(b, "clock %llu\nreset-count %u\nrestart-count %u\nsafe %s\n",
	    (unsigned long long)a->clock.clock, a->clock.reset_count, a->clock.restart_count,
	    a->clock.safe ? "yes" : "no");
	buf_printf(b, "firmware-version %016llx\n", (unsigned long long)a->firmware_version);
	dump_body(a, b);
	if (a->trailing.n > 0)
		tpm_dump_bytes(b, "trailing", a->trailing);
}
