/* boot_facts_internal.h: between the parts of boot_facts.h. */
#ifndef ENGINE_BOOT_FACTS_INTERNAL_H
#define ENGINE_BOOT_FACTS_INTERNAL_H

#include "engine/boot_facts.h"

/** boot_secure_boot_find(log, arena, f, e): What PCR 7 says. */
MUST_CHECK int boot_secure_boot_find(const struct boot_log *log, struct arena *arena,
    struct boot_facts *f, struct err *e);

#endif
