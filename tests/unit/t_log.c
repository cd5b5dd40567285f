/* Promise: whatever fails again and again, the log gets some lines of it and then how many there
 * were; lines of another kind all come. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "svc/log.h"
#include "tests/tap.h"

static unsigned
count(struct span text, const char *what)
{
	unsigned n = 0;

	for (size_t i = 0; i + strlen(what) <= text.n; i++)
		n += memcmp(text.p + i, what, strlen(what)) == 0;
	return n;
}

int
main(void)
{
	char path[] = "/tmp/assay-log.XXXXXX";
	FILE_AUTO struct file f = { 0 };
	struct err e = { .message = "it cannot be reached" };
	int fd = mkstemp(path), keep = dup(2);

	if (fd < 0 || keep < 0 || dup2(fd, 2) < 0)
		return 1;
	for (int i = 0; i < 1000; i++) {
		svc_log(LOG_LEVEL_WARNING, "request %d failed", i);
		svc_log_err(LOG_LEVEL_ERROR, "the one", &e);
		if (i % 100 == 0)
			svc_log_err(LOG_LEVEL_ERROR, "the other", &e);
	}
	svc_log_level(LOG_LEVEL_DEBUG);
	for (int i = 0; i < 200; i++)
		svc_log(LOG_LEVEL_DEBUG, "detail %d", i);
	svc_log(LOG_LEVEL_INFO, "the end");
	(void)dup2(keep, 2);
	if (file_read(path, MIB(1), &f, &e) != 0)
		return 1;
	(void)unlink(path);
	/* One more where it took longer than ten seconds. */
	unsigned failed = count(file_view(&f), " failed"), one = count(file_view(&f), "the one: ");

	ok(failed >= LIMIT_LOG_LINES && failed < 2 * LIMIT_LOG_LINES, "of a thousand lines of one call %u come", failed);
	ok(one >= LIMIT_LOG_LINES && one < 2 * LIMIT_LOG_LINES, "and %u about one thing", one);
	is_int(count(file_view(&f), "the other: "), 10, "all about another");
	ok(count(file_view(&f), "counted only") >= 2, "and the last says that there are more");
	is_int(count(file_view(&f), "detail "), 200, "who asks for details gets all");
	is_int(count(file_view(&f), "the end"), 1, "lines of other calls come");
	return done();
}
