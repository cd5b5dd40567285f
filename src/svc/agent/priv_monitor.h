/* priv_monitor.h: the execution monitor in the privileged process: its extends go through the
 * process's own connection to the TPM, its list is what is attested. */
#ifndef SVC_AGENT_PRIV_MONITOR_H
#define SVC_AGENT_PRIV_MONITOR_H

#include "port/monitor/monitor.h"
#include "svc/agent/priv.h"

struct monitored;

/** monitored_new(dir, pcr, below, m, e): What can be known before the TPM: nothing starts yet.
 * ${below}: only what is mounted there or below is watched; NULL: all. */
MUST_CHECK int monitored_new(const char *dir, unsigned pcr, const char *below, struct monitored **m,
    struct err *e);

/** monitored_start(m, p, e): Start it; ${p} has the TPM. */
MUST_CHECK int monitored_start(struct monitored *m, struct priv *p, struct err *e);

/** monitored_list(m): The path its list will have; as long as ${m}. */
const char *monitored_list(const struct monitored *m);
struct priv_monitor monitored_hooks(struct monitored *m);

/** monitored_stop(m): End it and free ${m}; NULL is nothing. */
void monitored_stop(struct monitored *m);

/** monitored_wanted(securityfs): Whether the kernel measures nothing by itself: it has no
 * list, or one without an entry behind boot_aggregate. */
bool monitored_wanted(const char *securityfs);

#endif
