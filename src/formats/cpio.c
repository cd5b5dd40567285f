#include "formats/cpio.h"

#include "base/limits.h"
#include "base/rd.h"

static bool
hex8(struct rd *r, uint32_t *out)
{
	struct span s;
	uint32_t v = 0;

	if (!rd_bytes(r, 8, &s))
		return false;
	for (size_t i = 0; i < 8; i++) {
		uint8_t c = s.p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
		else
			return rd_fail(r, ERR_FORMAT);
	}
	*out = v;
	return true;
}

int
cpio_header_parse(struct span in, struct cpio_header *h, struct err *e)
{
	struct rd r = rd_init(in);
	struct cpio_header got = { 0 };
	uint32_t ignored;
	struct span magic;

	if (!rd_bytes(&r, 6, &magic))
		return err_at(e, r.why, 0, "a cpio header is %d bytes, here are %zu", CPIO_HEADER_SIZE, in.n);
	if (span_is(magic, "070707"))
		return err_at(e, ERR_UNSUPPORTED, 0,
		    "a cpio archive of the old form; the kernel wants \"newc\" as well");
	if (span_is(magic, "07070X"))
		return err_at(e, ERR_UNSUPPORTED, 0,
		    "a cpio archive that leaves names and sizes to an RPM header (a file over 4 GiB)");
	got.checked = span_is(magic, "070702");
	if (!got.checked && !span_is(magic, "070701"))
		return err_at(e, ERR_FORMAT, 0, "no cpio header: the magic is not 070701 or 070702");
	if (!(hex8(&r, &got.ino) && hex8(&r, &got.mode) && hex8(&r, &ignored) &&
	    hex8(&r, &ignored) && hex8(&r, &got.nlink) && hex8(&r, &ignored) && hex8(&r, &got.size) &&
	    hex8(&r, &got.major) && hex8(&r, &got.minor) && hex8(&r, &ignored) &&
	    hex8(&r, &ignored) && hex8(&r, &got.name_size) && hex8(&r, &got.check) && rd_end(&r)))
		return err_at(e, r.why, r.off, "a cpio header is damaged: %s", err_text(r.why));
	if (got.name_size == 0 || got.name_size > LIMIT_PATH)
		return err_at(e, got.name_size == 0 ? ERR_FORMAT : ERR_LIMIT, 94,
		    "a cpio member's name takes %u bytes; 1 to %zu are accepted", got.name_size, LIMIT_PATH);
	*h = got;
	return 0;
}
