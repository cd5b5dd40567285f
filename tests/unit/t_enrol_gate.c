/* Promise: no address has more than its share of open enrolments, and none is lost or counted
 * twice, whatever ends them: the proof, a refusal or time. */
#include "svc/server/enrol_gate.h"
#include "tests/tap.h"

#define LATER ((int64_t)LIMIT_ENROL_SECONDS * 1000)

static void
name(uint8_t token[static 16], unsigned i)
{
	memset(token, 0, 16);
	memcpy(token, &i, sizeof(i));
	token[15] = 1;
}

/* How many of ${n} are let in; named from ${first} on. */
static unsigned
enter(struct enrol_gate *g, const char *address, unsigned first, unsigned n, int64_t now)
{
	unsigned in = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t token[16];
		size_t place;

		name(token, first + i);
		if (enrol_gate_enter(g, address, now, &place) != ENROL_ENTERED)
			continue;
		enrol_gate_name(g, place, token);
		in++;
	}
	return in;
}

static void
end(struct enrol_gate *g, unsigned first, unsigned n)
{
	uint8_t token[16];

	for (unsigned i = 0; i < n; i++) {
		name(token, first + i);
		enrol_gate_end(g, token);
	}
}

static void
one_address(struct enrol_gate *g)
{
	size_t place;

	is_int(enter(g, "192.0.2.1", 0, 1000, 1), LIMIT_ENROL_OPEN_ADDRESS, "an address has so many open");
	is_int(enrol_gate_enter(g, "192.0.2.1", 1, &place), ENROL_FULL_ADDRESS, "and is told that it is its own");
	is_int(enter(g, "192.0.2.2", 1000, 5, 1), 5, "its neighbour is not kept out");
	end(g, 0, 10);
	is_int(enter(g, "192.0.2.1", 0, 1000, 1), 10, "for each that ends another may begin");
	end(g, 5000, 10);
	is_int(enter(g, "192.0.2.1", 6000, 10, 1), 0, "an end that nobody began is none");
	is_int(enter(g, "192.0.2.1", 6000, 1000, 1 + LATER), LIMIT_ENROL_OPEN_ADDRESS, "time ends all");
}

static void
six(struct enrol_gate *g)
{
	is_int(enter(g, "2001:db8:1:2::1", 20000, 300, 1), LIMIT_ENROL_OPEN_ADDRESS, "IPv6");
	is_int(enter(g, "2001:db8:1:2:ffff::9", 21000, 5, 1), 0, "counts by the /64");
	is_int(enter(g, "2001:db8:1:3::1", 21000, 5, 1), 5, "another is another");
}

static void
all(struct enrol_gate *g)
{
	unsigned in = 0;
	size_t place = 0;

	for (unsigned i = 0; i < 100; i++) {
		char address[32];

		(void)snprintf(address, sizeof(address), "198.51.100.%u", i);
		in += enter(g, address, i * 1000, 300, 1);
	}
	is_int(in, LIMIT_ENROL_OPEN, "all addresses together have so many");
	is_int(enrol_gate_enter(g, "203.0.113.1", 1, &place), ENROL_FULL, "then nobody may");
	end(g, 3000, 1);
	is_int(enrol_gate_enter(g, "203.0.113.1", 1, &place), ENROL_ENTERED, "until one ends");
	enrol_gate_leave(g, place);
	is_int(enter(g, "203.0.113.1", 900000, 5, 1), 1, "a refusal gives its place back");
	is_int(enter(g, "203.0.113.1", 910000, 5, 2 + LATER), 5, "and time gives all of them");
}

int
main(void)
{
	static void (*const parts[])(struct enrol_gate *) = { one_address, six, all };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct enrol_gate *g = NULL;
		struct err e = { 0 };

		is_int(enrol_gate_new(&g, &e), 0, "a gate");
		parts[i](g);
		enrol_gate_free(g);
	}
	return done();
}
