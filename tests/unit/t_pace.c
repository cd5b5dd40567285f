/* Promise: whoever asks for more than his share waits, for as long as he is told and no longer; nobody
 * else does, however many come; what was heavy counts as such. */
#include "svc/server/pace.h"
#include "tests/tap.h"

#define S ((int64_t)1000000)

static const struct pace_rule rule = { .ahead = 60 * S, .hold = 15 * S };

static void
name(uint8_t out[static PACE_NAME], unsigned i)
{
	memset(out, 0, PACE_NAME);
	memcpy(out, &i, sizeof(i));
}

/* How many of ${n} messages that each take ${each} go on, one behind the other. */
static unsigned
send(struct pace *p, unsigned who, unsigned n, int64_t each, int64_t now)
{
	uint8_t me[PACE_NAME];
	unsigned in = 0;

	name(me, who);
	for (unsigned i = 0; i < n; i++)
		if (pace_take(p, me, &rule, now) == 0) {
			pace_settle(p, me, each - rule.hold);
			in++;
		}
	return in;
}

static void
one(struct pace *p)
{
	uint8_t me[PACE_NAME];
	int64_t now = 1000 * S, wait;
	unsigned sent;

	name(me, 1);
	sent = send(p, 1, 1000, S / 5, now);
	is_int(sent, 226, "a minute's worth goes on at once, but for what is held for one");
	wait = pace_take(p, me, &rule, now);
	ok(wait > 0 && wait <= S / 5, "then it is told how long to wait: %lld us", (long long)wait);
	ok(pace_take(p, me, &rule, now + wait - 1) > 0, "a moment too early is too early");
	is_int(pace_take(p, me, &rule, now + wait), 0, "then it may");
	pace_settle(p, me, S / 5 - rule.hold);
	is_int(send(p, 1, 100, S / 5, now + wait + 2 * S), 10, "in two seconds as many as in two seconds");
	is_int(send(p, 2, 1000, S / 5, now), 226, "another one is another");
	is_int(send(p, 1, 1000, S / 5, now + 3600 * S), 226, "in an hour all is run off");
}

static void
at_once(struct pace *p)
{
	uint8_t me[PACE_NAME];
	unsigned in = 0;

	name(me, 10);
	while (in < 100 && pace_take(p, me, &rule, S) == 0)
		in++;
	is_int(in, 4, "four of one are worked on at once");
	pace_settle(p, me, S / 5 - rule.hold);
	is_int(pace_take(p, me, &rule, S + S / 5), 0, "as one ends, another begins");
	ok(pace_take(p, me, &rule, S + S / 5) > 0, "and no second one");
}

static void
heavy(struct pace *p)
{
	is_int(pace_cost(S / 5, 600), S / 5, "a light message costs what each does");
	is_int(pace_cost(S / 5, S + LIMIT_PACE_LIGHT_US), S / 5 + 10 * S, "a second of a processor, ten");
	is_int(pace_cost(S / 5, 1000 * S), S / 5 + LIMIT_PACE_MOST_US, "but a host is not away for ever for one");
	is_int(send(p, 20, 100, pace_cost(S / 5, 2 * S), 5 * S), 3, "of heavy ones few go on");
	ok(send(p, 20, 1, S / 5, 65 * S) == 1, "and then others");
}

static void
many(struct pace *p)
{
	uint8_t me[PACE_NAME];
	unsigned all = 0;

	for (unsigned i = 0; i < 200000; i++)
		all += send(p, 1000 + i, 1, S / 5, 7200 * S);
	is_int(all, 200000, "200,000 who come once each may");
	is_int(send(p, 30, 1000, S / 5, 7300 * S), 226, "one who comes often is counted among them");
	for (unsigned i = 0; i < 100000; i++)
		all += send(p, 300000 + i, 1, S / 5, 7300 * S);
	is_int(all, 300000, "more may");
	name(me, 30);
	ok(pace_take(p, me, &rule, 7300 * S) > 0, "and he who owes most is not forgotten by it");
	name(me, 31);
	pace_settle(p, me, 1000 * S);
	is_int(pace_take(p, me, &rule, 7300 * S), 0, "what nobody took is no debt");
}

int
main(void)
{
	struct err e = { 0 };
	struct pace *p;

	if (pace_new(&p, &e) != 0)
		return 1;
	one(p);
	at_once(p);
	heavy(p);
	many(p);
	pace_free(p);
	return done();
}
