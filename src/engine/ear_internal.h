/* ear_internal.h: for the fuzzer, which cannot sign. */
#ifndef ENGINE_EAR_INTERNAL_H
#define ENGINE_EAR_INTERNAL_H

#include "engine/ear.h"

/** ear_read(payload, now, nonce, status, claims, e): ear_verify behind the signature. */
MUST_CHECK int ear_read(struct span payload, int64_t now, struct span nonce,
    enum ear_tier *status, json_t **claims, struct err *e);

#endif
