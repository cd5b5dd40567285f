#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int code;
	const char *token, *text;
} codes[] = {
#define ERR(sym, val, token, text) { (val), token, text },
#include "base/err_codes.tbl"
#undef ERR
};

const char *
err_token(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].token;
	return "unknown";
}

const char *
err_text(int code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			return codes[i].text;
	return "unknown error";
}

__attribute__((format(printf, 3, 0))) static void
set_message(struct err *e, int code, const char *fmt, va_list ap)
{
	e->code = code;
	e->place = ERR_NOWHERE;
	e->file[0] = e->hint[0] = '\0';
	/* A message that is cut is still a message: the return value is not needed. */
	(void)vsnprintf(e->message, sizeof(e->message), fmt, ap);
}

int
err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return code;
	va_start(ap, fmt);
	set_message(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int
err_at(struct err *e, int code, uint64_t offset, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return code;
	va_start(ap, fmt);
	set_message(e, code, fmt, ap);
	va_end(ap);
	e->place = ERR_AT_OFFSET;
	e->offset = offset;
	return code;
}

int
err_line(struct err *e, int code, uint64_t line, uint64_t column,
    const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return code;
	va_start(ap, fmt);
	set_message(e, code, fmt, ap);
	va_end(ap);
	e->place = ERR_AT_LINE;
	e->line = line;
	e->column = column;
	return code;
}

int
err_errno(struct err *e, const char *fmt, ...)
{
	int saved = errno, code = saved == ENOMEM ? ERR_NOMEM : ERR_IO;
	va_list ap;

	if (e == NULL)
		return code;
	va_start(ap, fmt);
	set_message(e, code, fmt, ap);
	va_end(ap);

	size_t n = strlen(e->message);
	(void)snprintf(e->message + n, sizeof(e->message) - n, ": %s", strerror(saved));
	return code;
}

int
err_ctx(struct err *e, int rc, const char *fmt, ...)
{
	char inner[sizeof(e->message)];
	va_list ap;

	if (e == NULL)
		return rc;
	memcpy(inner, e->message, sizeof(inner));
	va_start(ap, fmt);
	(void)vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);

	size_t n = strlen(e->message);
	(void)snprintf(e->message + n, sizeof(e->message) - n, ": %s", inner);
	return rc;
}

int
err_file(struct err *e, int rc, const char *name)
{
	if (e != NULL && e->file[0] == '\0')
		(void)snprintf(e->file, sizeof(e->file), "%s", name);
	return rc;
}

int
err_hint(struct err *e, int rc, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL || e->hint[0] != '\0')
		return rc;
	va_start(ap, fmt);
	(void)vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return rc;
}

int
err_shift(struct err *e, int rc, uint64_t base)
{
	if (e != NULL && e->place == ERR_AT_OFFSET)
		e->offset += base;
	return rc;
}
