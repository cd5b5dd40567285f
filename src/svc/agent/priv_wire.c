#include "svc/agent/priv_wire.h"

const char *
priv_request_name(unsigned n)
{
	static const char *const names[] = {
#define REQUEST(number, sym, name, when, least, most) [number] = (name),
#include "svc/agent/priv_requests.tbl"
#undef REQUEST
	};

	return n < sizeof(names) / sizeof(names[0]) && names[n] != NULL ? names[n] : "unknown";
}

void
priv_write(struct buf *b, unsigned number, int code)
{
	buf_le16(b, PRIV_VERSION);
	buf_le16(b, (uint16_t)number);
	buf_le32(b, (uint32_t)code);
}

bool
priv_read(struct span in, unsigned *number, int *code, struct span *body)
{
	struct rd r = rd_init(in);
	uint16_t version, n;
	uint32_t c;

	if (!(rd_le16(&r, &version) && rd_le16(&r, &n) && rd_le32(&r, &c)) || version != PRIV_VERSION)
		return false;
	*number = n;
	*code = (int)c;
	*body = span_from(in, PRIV_HEADER);
	return true;
}
