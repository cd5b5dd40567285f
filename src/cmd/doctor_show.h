/* doctor_show.h: a diagnosis for people and for machines.
 * The JSON is docs/schema/doctor.schema.json. */
#ifndef CMD_DOCTOR_SHOW_H
#define CMD_DOCTOR_SHOW_H

#include <stdio.h>

#include "base/json.h"
#include "engine/doctor.h"

void doctor_text(FILE *f, const struct machine *m, const struct diagnosis *d);

/** doctor_json(m, d): NULL if memory ran out. */
json_t *doctor_json(const struct machine *m, const struct diagnosis *d);

#endif
