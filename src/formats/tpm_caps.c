#include "formats/tpm_caps.h"

#define TPM_ST_NO_SESSIONS 0x8001u
#define TPM_CC_GET_CAPABILITY 0x17au

/* TPM_PT (Part 2, "TPM_PT"), counted from TPM_PT_FIXED. */
enum {
	PT_FAMILY = TPM_PT_FIXED, PT_LEVEL, PT_REVISION, PT_DAY, PT_YEAR, PT_MANUFACTURER,
	PT_VENDOR_1, PT_VENDOR_2, PT_VENDOR_3, PT_VENDOR_4, PT_VENDOR_TYPE,
	PT_FIRMWARE_1, PT_FIRMWARE_2,
};

void
tpm_caps_command(enum tpm_capability cap, uint32_t first, struct buf *b)
{
	buf_be16(b, TPM_ST_NO_SESSIONS);
	buf_be32(b, 22);
	buf_be32(b, TPM_CC_GET_CAPABILITY);
	buf_be32(b, (uint32_t)cap);
	buf_be32(b, first);
	buf_be32(b, cap == TPM_CAP_PCRS ? 1 : TPM_CAP_COUNT);
}

/* Four characters in a number; blanks and NULs at the end fall away. */
static void
four(uint32_t v, char *out)
{
	size_t n = 0;

	for (unsigned i = 0; i < 4; i++) {
		uint8_t c = (uint8_t)(v >> (24 - 8 * i));

		out[i] = (char)(c >= 0x20 && c < 0x7f ? c : c == 0 ? ' ' : '?');
	}
	for (unsigned i = 0; i < 4; i++)
		if (out[i] != ' ')
			n = i + 1;
	memset(out + n, '\0', 5 - n);
}

static void
take_property(struct tpm_caps *c, uint32_t property, uint32_t v)
{
	size_t n = strlen(c->vendor);

	switch (property) {
	case PT_FAMILY: four(v, c->family); break;
	case PT_LEVEL: c->level = v; break;
	case PT_REVISION: c->revision = v; break;
	case PT_DAY: c->day = v; break;
	case PT_YEAR: c->year = v; break;
	case PT_MANUFACTURER: four(v, c->manufacturer); break;
	case PT_VENDOR_1: case PT_VENDOR_2: case PT_VENDOR_3: case PT_VENDOR_4:
		if (n + 5 <= sizeof(c->vendor))
			four(v, c->vendor + n);
		break;
	case PT_FIRMWARE_1:
		c->firmware[0] = (uint16_t)(v >> 16);
		c->firmware[1] = (uint16_t)v;
		break;
	case PT_FIRMWARE_2:
		c->firmware[2] = (uint16_t)(v >> 16);
		c->firmware[3] = (uint16_t)v;
		break;
	default:	/* not asked for: ranges cannot be asked for exactly */
		break;
	}
}

static bool
read_properties(struct rd *r, struct tpm_caps *c, uint32_t *last)
{
	uint32_t n, property, value;

	if (!rd_be32(r, &n))
		return false;
	if (n > TPM_CAP_COUNT)
		return rd_fail(r, ERR_LIMIT);
	for (uint32_t i = 0; i < n; i++) {
		if (!(rd_be32(r, &property) && rd_be32(r, &value)))
			return false;
		/* In order: a TPM that repeats itself would keep us asking for ever. */
		if (property <= *last)
			return rd_fail(r, ERR_RANGE);
		*last = property;
		take_property(c, property, value);
	}
	return true;
}

static bool
read_algs(struct rd *r, struct tpm_caps *c, uint32_t *last)
{
	uint32_t n, attributes;
	uint16_t alg;

	if (!rd_be32(r, &n))
		return false;
	if (n > TPM_CAP_COUNT - c->n_algs)
		return rd_fail(r, ERR_LIMIT);
	for (uint32_t i = 0; i < n; i++) {
		if (!(rd_be16(r, &alg) && rd_be32(r, &attributes)))
			return false;
		if (alg <= *last)
			return rd_fail(r, ERR_RANGE);
		*last = alg;
		c->algs[c->n_algs++] = alg;
	}
	return true;
}

static bool
read_list(struct rd *r, enum tpm_capability cap, struct tpm_caps *c, uint32_t *last)
{
	switch (cap) {
	case TPM_CAP_ALGS: return read_algs(r, c, last);
	case TPM_CAP_PCRS: return tpm_selection_read(r, &c->pcrs);
	case TPM_CAP_PROPERTIES: return read_properties(r, c, last);
	}
	return false;
}

int
tpm_caps_response(struct span in, enum tpm_capability cap, struct tpm_caps *out, uint32_t *next,
    struct err *e)
{
	struct tpm_caps c = *out;
	struct rd r = rd_init(in);
	uint16_t tag;
	uint32_t size, code, got, last = 0;
	uint8_t more;

	if (!(rd_be16(&r, &tag) && rd_be32(&r, &size) && rd_be32(&r, &code)))
		return err_at(e, r.why, r.off, "the TPM's answer ends inside its header");
	if (code != 0)
		return err_set(e, ERR_IO, "the TPM refused TPM2_GetCapability with code 0x%x", code);
	if (tag != TPM_ST_NO_SESSIONS || size != in.n)
		return err_at(e, ERR_FORMAT, 0, "the TPM's answer of %zu bytes says that it has %u",
		    in.n, size);
	if (!(rd_u8(&r, &more) && rd_be32(&r, &got)))
		return err_at(e, r.why, r.off, "the TPM's answer ends before its list");
	if (got != (uint32_t)cap)
		return err_at(e, ERR_FORMAT, 11, "the TPM answered about capability %u, not %u", got, cap);
	if (!(read_list(&r, cap, &c, &last) && rd_end(&r)))
		return err_at(e, r.why, r.off, "the TPM's list of capability %u: %s", cap,
		    err_text(r.why));
	*next = more == 1 && cap != TPM_CAP_PCRS ? last + 1 : 0;
	*out = c;
	return 0;
}

void
tpm_caps_dump(const struct tpm_caps *c, struct buf *b)
{
	buf_printf(b, "family %s level %u revision %u.%02u (day %u of %u)\n", c->family, c->level,
	    c->revision / 100, c->revision % 100, c->day, c->year);
	buf_printf(b, "manufacturer %s vendor %s firmware %u.%u.%u.%u\n", c->manufacturer, c->vendor,
	    c->firmware[0], c->firmware[1], c->firmware[2], c->firmware[3]);
	buf_str(b, "pcrs ");
	tpm_selection_dump(&c->pcrs, b);
	buf_str(b, "\nalgorithms");
	for (size_t i = 0; i < c->n_algs; i++)
		buf_printf(b, " %s(%04x)", tpm_alg_name(c->algs[i]), c->algs[i]);
	buf_str(b, "\n");
}
