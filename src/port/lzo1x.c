#include "port/lzo1x.h"

#include "base/rd.h"

struct lzo {
	struct rd in;
	uint8_t *out;
	size_t n, at;		/* room, and bytes written */
	unsigned state;		/* literals the last instruction copied; 4: four or more */
};

static bool
literals(struct lzo *z, size_t n)
{
	if (n > z->n - z->at || !rd_copy(&z->in, z->out + z->at, n))
		return false;
	z->at += n;
	return true;
}

static bool
match(struct lzo *z, size_t distance, size_t length)
{
	if (distance > z->at || length > z->n - z->at)
		return false;
	/* Byte by byte: the source may overlap what is being written. */
	for (; length > 0; length--, z->at++)
		z->out[z->at] = z->out[z->at - distance];
	return true;
}

/* A length whose low bits were 0 goes on: 255 for each zero byte, then a last byte. */
static bool
long_length(struct lzo *z, size_t *length)
{
	uint8_t b = 0;

	while (rd_u8(&z->in, &b)) {
		if (b != 0) {
			*length += b;
			return true;
		}
		*length += 255;
		if (*length > z->n)
			return false;
	}
	return false;
}

/* What an instruction means: copy ${length} bytes from ${distance} back, then
 * ${tail} literals. */
struct copy { size_t distance, length; unsigned tail; };

/* 0 to 15 after literals: a short match nearby. */
static bool
short_match(struct lzo *z, uint8_t op, struct copy *c)
{
	uint8_t high;

	if (!rd_u8(&z->in, &high))
		return false;
	*c = (struct copy){ .distance = ((size_t)high << 2) + (op >> 2) + (z->state == 4 ? 2049 : 1),
	    .length = z->state == 4 ? 3 : 2, .tail = op & 3 };
	return true;
}

/* 16 to 63: lengths that may go on, and a 14-bit distance. */
static bool
far_match(struct lzo *z, uint8_t op, struct copy *c)
{
	unsigned mask = op >= 32 ? 31 : 7;
	size_t length = op & mask;
	uint16_t d;

	if (length == 0) {
		length = mask;
		if (!long_length(z, &length))
			return false;
	}
	if (!rd_le16(&z->in, &d))
		return false;
	*c = (struct copy){ .length = length + 2, .tail = d & 3, .distance = op >= 32 ?
	    (size_t)(d >> 2) + 1 : 16384 + ((size_t)(op & 8) << 11) + (d >> 2) };
	return true;
}

/* 64 to 255: short matches within 2 KiB. */
static bool
near_match(struct lzo *z, uint8_t op, struct copy *c)
{
	uint8_t high;

	if (!rd_u8(&z->in, &high))
		return false;
	*c = (struct copy){ .distance = ((size_t)high << 3) + ((op >> 2) & 7) + 1,
	    .length = op >= 128 ? 5u + ((op >> 5) & 3) : 3u + ((op >> 5) & 1), .tail = op & 3 };
	return true;
}

/* One instruction.  *end is set at the end mark. */
static bool
step(struct lzo *z, bool *end)
{
	struct copy c;
	uint8_t op;

	if (!rd_u8(&z->in, &op))
		return false;
	if (op < 16 && z->state == 0) {
		size_t length = op;

		if (length == 0) {
			length = 15;
			if (!long_length(z, &length))
				return false;
		}
		z->state = 4;
		return literals(z, length + 3);
	}
	if (!(op < 16 ? short_match(z, op, &c) : op < 64 ? far_match(z, op, &c) :
	    near_match(z, op, &c)))
		return false;
	*end = op >= 16 && op < 32 && c.distance == 16384;
	if (*end)
		return true;
	z->state = c.tail;
	return match(z, c.distance, c.length) && literals(z, c.tail);
}

bool
lzo1x_decode(struct span in, uint8_t *out, size_t n)
{
	struct lzo z = { .in = rd_init(in), .out = out, .n = n };
	bool end = false;

	/* A first byte over 17 is a run of literals. */
	if (in.n > 0 && in.p[0] > 17) {
		size_t run = in.p[0] - 17u;

		if (!rd_skip(&z.in, 1) || !literals(&z, run))
			return false;
		z.state = run < 4 ? (unsigned)run : 4;
	}
	while (!end)
		if (!step(&z, &end))
			return false;
	return z.at == n && rd_end(&z.in);
}
