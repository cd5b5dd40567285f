#include "svc/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"

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

/* Lines of one kind: written by one call, or about one thing. */
struct kind {
	const void *of;
	unsigned room;			/* lines that may come at once */
	uint64_t left_out;
	int64_t since;			/* ms: when ${room} was right */
};

#define KINDS 64
static struct kind kinds[KINDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Its place; else that of the kind that was silent for longest. */
static struct kind *
kind_of(const void *of, int64_t now)
{
	struct kind *oldest = &kinds[0];

	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].of == of)
			return &kinds[i];
		if (kinds[i].since < oldest->since)
			oldest = &kinds[i];
	}
	*oldest = (struct kind){ .of = of, .room = LIMIT_LOG_LINES, .since = now };
	return oldest;
}

/* Whether one more may be written, and what is to stand behind it. */
static bool
may_write(const void *of, char *behind, size_t n)
{
	struct timespec t;
	struct kind *k;
	int64_t now, more;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	pthread_mutex_lock(&lock);
	k = kind_of(of, now);
	more = (now - k->since) / LIMIT_LOG_EVERY_MS;
	k->since += more * LIMIT_LOG_EVERY_MS;
	k->room = more > LIMIT_LOG_LINES - (int64_t)k->room ? LIMIT_LOG_LINES : k->room + (unsigned)more;
	bool may = k->room > 0;

	if (may && k->left_out > 0)
		(void)snprintf(behind, n, " (and %llu lines like this)", (unsigned long long)k->left_out);
	else if (may && k->room == 1)
		(void)snprintf(behind, n, " (more like this are counted only, for a while)");
	k->left_out = may ? 0 : k->left_out + 1;
	k->room -= may;
	pthread_mutex_unlock(&lock);
	return may;
}

/* One write for a line, so that threads do not mix theirs. */
static void ERR_PRINTF(3, 0)
write_line(enum log_level level, const void *of, const char *fmt, va_list ap)
{
	char text[1800], when[32] = "", behind[80] = "";
	struct timespec now;
	struct tm tm;

	if ((int)level > most_level || (level < LOG_LEVEL_DEBUG && !may_write(of, behind, sizeof(behind))))
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\n')
			*c = ' ';
	if (getenv("JOURNAL_STREAM") != NULL) {
		(void)fprintf(stderr, "<%d>%s%s\n", (int)level, text, behind);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now.tv_sec, &tm));
	(void)fprintf(stderr, "%s %s: %s%s\n", when, level_name(level), text, behind);
}

void
svc_log(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(level, fmt, fmt, ap);
	va_end(ap);
}

static void ERR_PRINTF(3, 4)
write_about(enum log_level level, const void *of, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(level, of, fmt, ap);
	va_end(ap);
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
	write_about(level, what, "%s: %s%s%s%s%s%s%s", what, e->file, e->file[0] == '\0' ? "" : ": ", place, e->message,
	    e->hint[0] == '\0' ? "" : " (", e->hint, e->hint[0] == '\0' ? "" : ")");
}
