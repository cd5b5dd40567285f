#include "port/store/runs.h"

/* Room for any varint. */
#define VARINT_MAX 10

static size_t
encode(uint64_t v, uint8_t out[VARINT_MAX])
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		out[n++] = (uint8_t)(v | 0x80);
	out[n++] = (uint8_t)v;
	return n;
}

static uint64_t
zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

void
runs_put_varint(struct buf *b, uint64_t v)
{
	uint8_t out[VARINT_MAX];

	buf_put(b, out, encode(v, out));
}

void
runs_put_signed(struct buf *b, int64_t v)
{
	runs_put_varint(b, zigzag(v));
}

bool
runs_varint(struct rd *r, uint64_t *out)
{
	uint64_t v = 0;
	uint8_t c;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (!rd_u8(r, &c))
			return false;
		if (shift == 63 && c > 1)
			return rd_fail(r, ERR_RANGE);
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80) {
			*out = v;
			return true;
		}
	}
	return rd_fail(r, ERR_RANGE);
}

bool
runs_signed(struct rd *r, int64_t *out)
{
	uint64_t v;

	if (!runs_varint(r, &v))
		return false;
	*out = (int64_t)((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
	return true;
}

void
runs_put(struct buf *b, int64_t dt, const uint64_t *entries, size_t n, uint64_t before)
{
	runs_put_signed(b, dt);
	runs_put_varint(b, n);
	for (size_t i = 0; i < n; i++) {
		runs_put_signed(b, (int64_t)(entries[i] - before));
		before = entries[i];
	}
}

size_t
runs_fit(const uint64_t *entries, size_t n, uint64_t before, size_t max)
{
	uint8_t out[VARINT_MAX];
	size_t used = 2 * VARINT_MAX, i = 0;

	for (; i < n; i++) {
		used += encode(zigzag((int64_t)(entries[i] - before)), out);
		if (used > max && i != 0)
			break;
		before = entries[i];
	}
	return i;
}

bool
runs_next(struct runs *it)
{
	int64_t d;

	while (it->left == 0) {
		if (rd_left(&it->r) == 0)
			return false;
		if (!runs_signed(&it->r, &d) || !runs_varint(&it->r, &it->left))
			return false;
		it->at = (int64_t)((uint64_t)it->at + (uint64_t)d);
	}
	if (!runs_signed(&it->r, &d))
		return false;
	it->entry += (uint64_t)d;
	it->left--;
	return true;
}

int
runs_damaged(const struct runs *it, struct err *e)
{
	if (it->r.why == 0 && it->left == 0)
		return 0;
	return err_set(e, ERR_STORE, "a log of the database is damaged at byte %zu of a row", it->r.off);
}
