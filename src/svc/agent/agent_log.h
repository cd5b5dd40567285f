/* agent_log.h: where the agent's processes tell what they do: a callback of main's. */
#ifndef SVC_AGENT_AGENT_LOG_H
#define SVC_AGENT_AGENT_LOG_H

#include "base/err.h"

enum agent_level { AGENT_ERROR = 3, AGENT_WARNING = 4, AGENT_NOTICE = 5, AGENT_INFO = 6, AGENT_DEBUG = 7 };

/* One line, without newline; bytes that are not printable are escaped already. */
typedef void agent_log_fn(void *arg, enum agent_level level, const char *line);

struct agent_log {
	agent_log_fn *fn;	/* NULL: nothing is told */
	void *arg;
};

void agent_log(const struct agent_log *log, enum agent_level level, const char *fmt, ...) ERR_PRINTF(3, 4);

/** agent_log_err(log, level, what, e): "what: message; hint". */
void agent_log_err(const struct agent_log *log, enum agent_level level, const char *what,
    const struct err *e);

#endif
