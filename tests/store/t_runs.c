/* Promise: a log's row gives back what was put into it, and one that was cut or changed is
 * noticed or read as something else, never beyond its end. */
#include "port/store/runs.h"
#include "tests/store/kit.h"

static uint64_t
next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void
round_trip(void)
{
	uint64_t seed = 88172645463325252u, ids[300];
	bool same = true;

	for (int turn = 0; turn < 200 && same; turn++) {
		BUF_AUTO struct buf out = buf_init(MIB(1));
		size_t n = 1 + next(&seed) % 300, half = n / 2;
		struct runs it;

		for (size_t i = 0; i < n; i++)
			ids[i] = next(&seed) >> (next(&seed) % 64);
		runs_put(&out, 0, ids, half, 0);
		runs_put(&out, -5, ids + half, n - half, half == 0 ? 0 : ids[half - 1]);
		it = runs_init(buf_view(&out), 100);
		for (size_t i = 0; i < n; i++)
			same = same && runs_next(&it) && it.entry == ids[i] && it.at == (i < half ? 100 : 95);
		same = same && !runs_next(&it) && runs_damaged(&it, NULL) == 0;
	}
	ok(same, "runs of all sizes of numbers are read back");
}

static void
cut(void)
{
	static const uint64_t ids[] = { 1, 300, 2, UINT64_MAX, 0 };
	BUF_AUTO struct buf out = buf_init(KIB(1));
	struct err e = { 0 };
	bool noticed = true;

	runs_put(&out, 1000, ids, 5, 0);
	for (size_t n = 1; n < out.n; n++) {
		struct runs it = runs_init(span_of(out.p, n), 0);

		while (runs_next(&it))
			;
		noticed = noticed && runs_damaged(&it, &e) == ERR_STORE;
	}
	ok(noticed, "a row that was cut at any byte is noticed");
}

static void
fit(void)
{
	uint64_t ids[500];
	size_t n, done = 0;
	bool fits = true;

	for (size_t i = 0; i < 500; i++)
		ids[i] = i * i * 1000;
	for (; done < 500; done += n) {
		BUF_AUTO struct buf out = buf_init(KIB(4));

		n = runs_fit(ids + done, 500 - done, 0, 100);
		runs_put(&out, INT64_MAX, ids + done, n, 0);
		fits = fits && n != 0 && out.n <= 100;
	}
	ok(fits && runs_fit(ids, 1, 0, 1) == 1, "rows have the size that was asked for");
}

void
test_runs(void)
{
	if (kit_pgsql())
		return;
	round_trip();
	cut();
	fit();
}
