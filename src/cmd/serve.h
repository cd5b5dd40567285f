/* serve.h: what commands that stay have in common: an address to listen on, and signals. */
#ifndef CMD_SERVE_H
#define CMD_SERVE_H

#include <stdbool.h>

struct listen_address { char address[64]; unsigned short port; };

/** listen_parse(text, out): "ADDRESS:PORT", "[v6]:PORT"; NULL is 127.0.0.1:4433. */
bool listen_parse(const char *text, struct listen_address *out);

/** serve_block_signals(reload): Before any thread is started: SIGINT, SIGTERM and, with
 * ${reload}, SIGHUP are then waited for, and SIGPIPE is ignored. */
void serve_block_signals(bool reload);

/** serve_wait(reload): Until one of them, which it gives. */
int serve_wait(bool reload);

#endif
