/* event_log_json.h: one event of a firmware log as JSON, for show and verify. */
#ifndef CMD_EVENT_LOG_JSON_H
#define CMD_EVENT_LOG_JSON_H

#include "base/json.h"
#include "formats/tcg_event.h"

/** event_json(event, uintn_size): Number, PCR, type, digests, data, and what they say. */
json_t *event_json(const struct tcg_event *event, uint8_t uintn_size);

#endif
