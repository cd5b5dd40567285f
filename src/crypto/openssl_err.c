#include "crypto/openssl_err.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

int
openssl_err(struct err *e, int code, const char *fmt, ...)
{
	unsigned long last = ERR_peek_last_error();
	const char *reason = last == 0 ? NULL : ERR_reason_error_string(last);
	char text[512];
	va_list ap;

	ERR_clear_error();
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(e, code, "%s%s%s", text, reason == NULL ? "" : ": ",
	    reason == NULL ? "" : reason);
}
