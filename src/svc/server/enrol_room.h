/* enrol_room.h: how much a host may have the server write by enrolling, and who is nobody yet.
 *
 * All of it is proven before it counts: a host is held back by what it did itself, never by
 * what others said in its name.
 */
#ifndef SVC_SERVER_ENROL_ROOM_H
#define SVC_SERVER_ENROL_ROOM_H

#include <stdbool.h>

#include "port/store/store_host.h"

/** enrol_room_certificate(s, host, most, now, room, e): Whether host number ${host} (0: it is new) may have
 * one more certificate, being allowed ${most} in an hour. */
MUST_CHECK int enrol_room_certificate(struct store *s, uint32_t host, unsigned most, int64_t now, bool *room,
    struct err *e);

/** enrol_room_pending(s, room, e): Whether one more host may wait for an operator. */
MUST_CHECK int enrol_room_pending(struct store *s, bool *room, struct err *e);

#endif
