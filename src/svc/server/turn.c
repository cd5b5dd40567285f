#include "svc/server/turn.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/random.h"
#include "svc/log.h"

#define SHARD 0u
#define RENEW_MS (TURN_LEASE_MS / 3)	/* two attempts may fail */
#define ASK_MS 1000

int64_t
turn_clock(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
turn_open(struct store *store, struct turn *t, struct err *e)
{
	char name[40] = "";
	uint64_t random;
	int rc = random_bytes(&random, sizeof(random), e);

	if (rc != 0)
		return rc;
	(void)gethostname(name, sizeof(name) - 1);
	*t = (struct turn){ .store = store, .alone = store_kind(store) == STORE_SQLITE };
	t->ours = t->alone;
	t->asked = turn_clock() - TURN_LEASE_MS;
	(void)snprintf(t->owner, sizeof(t->owner), "%016llx@%s", (unsigned long long)random, name);
	return 0;
}

int
turn_ask(struct turn *t, struct err *e)
{
	const uint32_t shard = SHARD;
	int64_t now = turn_clock();
	bool got = false;
	int rc;

	if (t->alone || now - t->asked < (t->ours ? RENEW_MS : ASK_MS))
		return 0;
	if ((rc = store_lease_take(t->store, span_str(t->owner), &shard, 1, TURN_LEASE_MS, &got, e)) != 0) {
		if (now - t->asked >= TURN_LEASE_MS)
			t->ours = false;
		return rc;
	}
	if (got != t->ours)
		svc_log(LOG_LEVEL_INFO, got ? "this server looks after silent hosts now" :
		    "another server looks after silent hosts now");
	t->ours = got;
	t->asked = now;
	return 0;
}

int
turn_hold(struct turn *t, struct err *e)
{
	int rc = t->alone ? 0 : store_lease_hold(t->store, span_str(t->owner), SHARD, e);

	if (rc == ERR_CONFLICT)
		t->ours = false;
	return rc;
}

void
turn_give(struct turn *t)
{
	const uint32_t shard = SHARD;
	struct err ignored = { 0 };

	if (t->ours && !t->alone && store_lease_release(t->store, span_str(t->owner), &shard, 1, &ignored) != 0)
		svc_log_err(LOG_LEVEL_DEBUG, "giving the lease back", &ignored);
	t->ours = false;
}
