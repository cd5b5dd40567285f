#include "svc/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static _Atomic int most_level = LOG_LEVEL_INFO;

void
svc_log_level(enum log_level most)
{
	most_level = (int)most;
}

static const char *
level_name(enum log_level level)
{
	return level <= LOG_LEVEL_ERROR ? "error" : level == LOG_LEVEL_WARNING ? "warning" :
	    level == LOG_LEVEL_INFO ? "info" : "debug";
}

/* One write for a line, so that threads do not mix theirs. */
void
svc_log(enum log_level level, const char *fmt, ...)
{
	char text[1800], when[32] = "";
	struct timespec now;
	struct tm tm;
	va_list ap;

	if ((int)level > most_level)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	if (getenv("JOURNAL_STREAM") != NULL) {
		(void)fprintf(stderr, "<%d>%s\n", (int)level, text);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now.tv_sec, &tm));
	(void)fprintf(stderr, "%s %s: %s\n", when, level_name(level), text);
}

void
svc_log_err(enum log_level level, const char *what, const struct err *e)
{
	char place[64] = "";

	if (e->place == ERR_AT_LINE && e->column != 0)
		(void)snprintf(place, sizeof(place), "line %llu, column %llu: ", (unsigned long long)e->line,
		    (unsigned long long)e->column);
	else if (e->place == ERR_AT_LINE)
		(void)snprintf(place, sizeof(place), "line %llu: ", (unsigned long long)e->line);
	svc_log(level, "%s: %s%s%s%s%s%s%s", what, e->file, e->file[0] == '\0' ? "" : ": ", place, e->message,
	    e->hint[0] == '\0' ? "" : " (", e->hint, e->hint[0] == '\0' ? "" : ")");
}
