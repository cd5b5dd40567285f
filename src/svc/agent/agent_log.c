#include "svc/agent/agent_log.h"

#include <stdarg.h>

#include "base/buf.h"
#include "base/limits.h"

void
agent_log(const struct agent_log *log, enum agent_level level, const char *fmt, ...)
{
	BUF_AUTO struct buf safe = buf_init(KIB(16));
	char line[KIB(2)];
	va_list ap;

	if (log->fn == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	buf_escape(&safe, span_str(line));
	log->fn(log->arg, level, buf_cstr(&safe));
}

void
agent_log_err(const struct agent_log *log, enum agent_level level, const char *what, const struct err *e)
{
	agent_log(log, level, "%s: %s%s%s%s%s", what, e->file, e->file[0] == '\0' ? "" : ": ", e->message,
	    e->hint[0] == '\0' ? "" : "; ", e->hint);
}
