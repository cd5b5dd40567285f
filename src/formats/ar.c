#include "formats/ar.h"

#include "base/rd.h"
#include "base/text.h"

static struct span
unpad(struct span s)
{
	while (s.n > 0 && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

int
ar_member_parse(struct span in, struct ar_member *m, struct err *e)
{
	struct rd r = rd_init(in);
	struct ar_member got;
	struct span size, end;

	if (!(rd_bytes(&r, 16, &got.name) && rd_skip(&r, 32) && rd_bytes(&r, 10, &size) &&
	    rd_bytes(&r, 2, &end) && rd_end(&r)))
		return err_at(e, r.why, r.off, "an ar member's header is 60 bytes: %s", err_text(r.why));
	if (!span_is(end, "`\n"))
		return err_at(e, ERR_FORMAT, 58, "no ar member's header stands here");
	if (!dec_u64(unpad(size), &got.size))
		return err_at(e, ERR_FORMAT, 48, "an ar member's size is no number");
	got.name = unpad(got.name);
	if (got.name.n > 0 && got.name.p[got.name.n - 1] == '/')
		got.name.n--;
	*m = got;
	return 0;
}
