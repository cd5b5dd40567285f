/* result_json.h: an appraisal for machines: the same object from the command line and from
 * the server. */
#ifndef ENGINE_RESULT_JSON_H
#define ENGINE_RESULT_JSON_H

#include "engine/evidence.h"

/** result_json(r, report): docs/schema/result.schema.json.  NULL only if memory ran out. */
json_t *result_json(const struct result *r, const struct evidence_report *report);

/** finding_json(f): One of its findings. */
json_t *finding_json(const struct finding *f);

#endif
