/* policy_write.h: writing a policy as Assay's JSON and its rules alone.
 *
 * The files are written from the table as it is walked, so that ten million of
 * them need no tree in memory. */
#ifndef FORMATS_POLICY_WRITE_H
#define FORMATS_POLICY_WRITE_H

#include "formats/runtime_policy.h"

/** policy_write_json(p, files, out, e): With ${files} the whole policy; without, what a
 * compiled table keeps as its meta data. */
MUST_CHECK int policy_write_json(const struct runtime_policy *p, bool files,
    struct buf *out, struct err *e);

#endif
