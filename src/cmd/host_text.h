/* host_text.h: hosts of a server's answers, for people. */
#ifndef CMD_HOST_TEXT_H
#define CMD_HOST_TEXT_H

#include "cmd/command.h"
#include "cmd/term.h"

/** verdict_colour_of(word): Of "trusted", "untrusted", ... */
enum colour verdict_colour_of(const char *verdict);

/** host_status(j): The exit status a host's verdict is. */
enum exit_status host_status(const json_t *j);

/** time_ago(text, out, n): "12 s ago" of RFC 3339 text; "" if it is none. */
void time_ago(const char *text, char *out, size_t n);

/** host_print(f, j): All of GET /v1/hosts/{id}. */
void host_print(FILE *f, const json_t *j);

/** field_print(f, name, text): "  name         text", nothing if ${text} is empty. */
void field_print(FILE *f, const char *name, const char *text);

#endif
