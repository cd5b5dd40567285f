/* dump.h: a dump against its golden text.  With ASSAY_GOLDEN_WRITE=1 the text is
 * written instead, to be read before it is committed. */
#ifndef DUMP_H
#define DUMP_H

#include "base/buf.h"
#include "tests/golden.h"

__attribute__((unused)) static void
is_golden(struct buf *got, const char *name)
{
	const char *dir = getenv("ASSAY_GOLDEN"), *write = getenv("ASSAY_GOLDEN_WRITE");
	struct err e = { 0 };
	struct file want;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", dir == NULL ? "tests/golden" : dir, name);
	if (write != NULL && *write == '1')
		ok(file_write(path, buf_view(got), 0644, &e) == 0, "%s is written", name);
	want = golden(name);
	if (!ok(span_eq(file_view(&want), buf_view(got)), "the dump is %s", name))
		diag("got:\n%s", buf_cstr(got));
	file_free(&want);
}

#endif
