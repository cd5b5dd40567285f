/* Times are read as RFC 3339 has them and written as they were read, for every day. */
#include "base/rfc3339.h"
#include "tests/tap.h"

static void
reads(const char *text, int64_t want)
{
	int64_t t = -12345;

	ok(rfc3339_parse(span_str(text), &t) && t == want, "%s", text);
	if (t != want)
		diag("got %lld", (long long)t);
}

int
main(void)
{
	static const char *const bad[] = {
		"", "2026", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-02-29T00:00:00Z",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z",
		"2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00",
		"2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00Zx", "0000-01-01T00:00:00Z", "+026-01-01T00:00:00Z",
	};
	size_t refused = 0, same = 0, days = 0;

	reads("1970-01-01T00:00:00Z", 0);
	reads("2000-02-29T23:59:59Z", 951868799);
	reads("2026-01-31T12:00:00.123456789Z", 1769860800);
	reads("2026-01-31t12:00:00z", 1769860800);
	reads("2026-01-31T13:30:00+01:30", 1769860800);
	reads("2026-01-31T07:00:00-05:00", 1769860800);
	reads("2016-12-31T23:59:60Z", 1483228800);
	reads("0001-01-01T00:00:00Z", -62135596800);
	reads("9999-12-31T23:59:59Z", 253402300799);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int64_t t;

		refused += !rfc3339_parse(span_str(bad[i]), &t);
	}
	is_int((int64_t)refused, (int64_t)(sizeof(bad) / sizeof(bad[0])), "malformed times are refused");
	for (int64_t t = -62135596800; t <= 253402300799; t += 86400 * 5 + 3607, days++) {
		BUF_AUTO struct buf b = buf_init(64);
		int64_t back;

		buf_rfc3339(&b, t);
		same += rfc3339_parse(buf_view(&b), &back) && back == t;
	}
	is_int((int64_t)same, (int64_t)days, "a time every five days of 9,999 years comes back");
	return done();
}
