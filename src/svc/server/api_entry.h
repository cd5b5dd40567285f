/* api_entry.h: one record of a measurement list, for people and programs. */
#ifndef SVC_SERVER_API_ENTRY_H
#define SVC_SERVER_API_ENTRY_H

#include "base/err.h"
#include "base/json.h"

/** api_entry_json(record, out, e): What the bytes of one record say; a record that does not
 * fit its template has null where it says nothing. */
MUST_CHECK int api_entry_json(struct span record, json_t **out, struct err *e);

#endif
