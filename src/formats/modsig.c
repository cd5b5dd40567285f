#include "formats/modsig.h"

#include "base/rd.h"

#define HEADER_SIZE	12
#define ID_TYPE_PKCS7	2

static const struct span marker = { (const uint8_t *)"~Module signature appended~\n", 28 };

/* The header's fixed fields; false with a phrase that says what is wrong. */
static bool
check_header(struct rd *r, uint32_t *size, const char **why)
{
	struct span zero2, zero5;
	uint8_t id_type;

	if (!(rd_bytes(r, 2, &zero2) && rd_u8(r, &id_type) && rd_bytes(r, 5, &zero5) &&
	    rd_be32(r, size))) {
		*why = "its header is cut";
		return false;
	}
	if (id_type != ID_TYPE_PKCS7) {
		*why = "its type is not PKCS#7";
		return false;
	}
	if (!span_zero(zero2) || !span_zero(zero5)) {
		*why = "a field that must be zero is not";
		return false;
	}
	return true;
}

int
modsig_parse(struct span file, struct modsig *m, struct err *e)
{
	const char *why = NULL;
	uint32_t size;
	size_t at;
	struct rd r;

	/* The kernel: no room for a header in front means no signature. */
	if (file.n <= marker.n + HEADER_SIZE || !span_ends(file, marker))
		return 0;
	at = file.n - marker.n - HEADER_SIZE;
	r = rd_init(span_of(file.p + at, HEADER_SIZE));
	if (!check_header(&r, &size, &why))
		return err_at(e, ERR_FORMAT, at, "the appended signature: %s", why);
	if (size == 0 || size >= at)
		return err_at(e, ERR_RANGE, at + 8,
		    "the appended signature: its size, %u, does not fit into the file", size);
	m->content = span_head(file, at - size);
	m->pkcs7 = span_of(file.p + (at - size), size);
	return 1;
}

void
modsig_dump(const struct modsig *m, struct buf *b)
{
	buf_printf(b, "content=%zu bytes pkcs7=", m->content.n);
	buf_hex(b, m->pkcs7);
	buf_u8(b, '\n');
}
