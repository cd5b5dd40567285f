/* sandbox_internal.h: the steps, for port/sandbox alone. */
#ifndef PORT_SANDBOX_SANDBOX_INTERNAL_H
#define PORT_SANDBOX_SANDBOX_INTERNAL_H

#include "port/sandbox/sandbox.h"

MUST_CHECK int landlock_enter(const struct sandbox_network *o, struct sandbox_state *s, struct err *e);
MUST_CHECK int seccomp_network(struct sandbox_state *s, struct err *e);
MUST_CHECK int seccomp_privileged(const struct sandbox_privileged *o, struct sandbox_state *s,
    struct err *e);

/** sandbox_note(s, what): Add to what is missing. */
void sandbox_note(struct sandbox_state *s, const char *what);

#endif
