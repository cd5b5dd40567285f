/* tap.h: the whole unit-test framework: Test Anything Protocol on stdout.
 *
 * ok(condition, what, ...) records one point; done() prints the plan and gives
 * the exit status.  A test program is a main() that calls functions and ends
 * with "return done();".
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool
ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	tap_failed += !good;
	return good;
}

/* Many checks of one kind count as one point; failures show themselves. */
__attribute__((format(printf, 1, 2), unused)) static void
diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

__attribute__((unused)) static bool
is_int(int64_t got, int64_t want, const char *what)
{
	if (!ok(got == want, "%s", what))
		diag("got %lld, want %lld", (long long)got, (long long)want);
	return got == want;
}

__attribute__((unused)) static bool
is_str(const char *got, const char *want, const char *what)
{
	bool same = strcmp(got, want) == 0;

	if (!ok(same, "%s", what))
		diag("got \"%s\", want \"%s\"", got, want);
	return same;
}

__attribute__((unused)) static int
done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed == 0 ? 0 : 1;
}

#endif
