/* log.h: what a service tells whoever runs it: one line an occurrence, on standard error.
 *
 * Under systemd (JOURNAL_STREAM) a line begins with its priority, <3> to <7>, and has no
 * time; elsewhere with the time.  Names in it are escaped by the caller.  Nothing here is
 * a verdict: those are events in the store.  Of lines that one call writes (svc_log_err: about
 * one ${what}) so many come at once and then one now and then (LIMIT_LOG_LINES): it says how
 * many were left out.  Lines for debugging all come.
 */
#ifndef SVC_LOG_H
#define SVC_LOG_H

#include "base/err.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/** svc_log_level(most): Lines above ${most} are dropped; LOG_LEVEL_INFO at first. */
void svc_log_level(enum log_level most);

void svc_log(enum log_level level, const char *fmt, ...) ERR_PRINTF(2, 3);

/** svc_log_err(level, what, e): "what: file: message (hint)". */
void svc_log_err(enum log_level level, const char *what, const struct err *e);

#endif
