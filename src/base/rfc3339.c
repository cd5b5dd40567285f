#include "base/rfc3339.h"

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so
 * that the leap day comes last. */
static int64_t
days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static int64_t
days_in_month(int64_t year, int64_t month)
{
	static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* ${n} digits at the start of ${*s}, then ${end} unless that is 0. */
static bool
number(struct span *s, size_t n, char end, int64_t *out)
{
	int64_t v = 0;

	if (s->n < n + (end != 0))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	if (end != 0 && s->p[n] != (uint8_t)end)
		return false;
	*s = span_from(*s, n + (end != 0));
	*out = v;
	return true;
}

static bool
fraction(struct span *s)
{
	size_t n = 1;

	if (s->n == 0 || s->p[0] != '.')
		return true;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (n == 1)
		return false;
	*s = span_from(*s, n);
	return true;
}

/* "Z" or "+hh:mm", and nothing behind it. */
static bool
zone(struct span s, int64_t *seconds)
{
	int64_t h, m;
	bool west;

	if (span_is(s, "Z") || span_is(s, "z")) {
		*seconds = 0;
		return true;
	}
	if (s.n == 0 || (s.p[0] != '+' && s.p[0] != '-'))
		return false;
	west = s.p[0] == '-';
	s = span_from(s, 1);
	if (!number(&s, 2, ':', &h) || !number(&s, 2, 0, &m) || s.n != 0 || h > 23 || m > 59)
		return false;
	*seconds = (west ? -1 : 1) * (h * 3600 + m * 60);
	return true;
}

bool
rfc3339_parse(struct span s, int64_t *t)
{
	int64_t year, month, day, h, m, sec, off;

	if (!(number(&s, 4, '-', &year) && number(&s, 2, '-', &month) && number(&s, 2, 0, &day)) ||
	    s.n == 0 || (s.p[0] != 'T' && s.p[0] != 't'))
		return false;
	s = span_from(s, 1);
	if (!(number(&s, 2, ':', &h) && number(&s, 2, ':', &m) && number(&s, 2, 0, &sec) &&
	    fraction(&s) && zone(s, &off)))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) ||
	    h > 23 || m > 59 || sec > 60)
		return false;
	*t = days_from_date(year, month, day) * 86400 + h * 3600 + m * 60 + sec - off;
	return true;
}

void
buf_rfc3339(struct buf *b, int64_t t)
{
	const int64_t first = days_from_date(1, 1, 1) * 86400;
	const int64_t last = days_from_date(10000, 1, 1) * 86400 - 1;

	t = t < first ? first : t > last ? last : t;

	/* All positive from here: days since 0000-03-01. */
	int64_t days = (t - first) / 86400 + 306, in_day = (t - first) % 86400;
	int64_t era = days / 146097, doe = days % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	int64_t year = era * 400 + yoe + (month <= 2);

	buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, (int)month,
	    (int)(doy - (153 * mp + 2) / 5 + 1), (int)(in_day / 3600),
	    (int)(in_day / 60 % 60), (int)(in_day % 60));
}
