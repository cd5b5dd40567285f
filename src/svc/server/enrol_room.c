#include "svc/server/enrol_room.h"

#include "base/limits.h"

#define HOUR_MS ((int64_t)3600 * 1000)

int
enrol_room_certificate(struct store *s, uint32_t host, unsigned most, int64_t now, bool *room, struct err *e)
{
	uint64_t recent = 0;
	/* Of the future are those from before the clock was set back. */
	int rc = host == 0 ? 0 : store_certificates_within(s, host, now - HOUR_MS, now + LIMIT_CLOCK_SKEW_MS, &recent, e);

	if (rc == 0)
		*room = recent < most;
	return rc;
}

int
enrol_room_pending(struct store *s, bool *room, struct err *e)
{
	uint64_t waiting = 0;
	int rc = store_hosts_pending(s, LIMIT_HOSTS_PENDING, &waiting, e);

	if (rc == 0)
		*room = waiting < LIMIT_HOSTS_PENDING;
	return rc;
}
