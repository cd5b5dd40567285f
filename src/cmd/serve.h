/* serve.h: what commands that stay have in common: an address to listen on, and signals. */
#ifndef CMD_SERVE_H
#define CMD_SERVE_H

#include <stdbool.h>

struct listen_address { char address[64]; unsigned short port; };

/** listen_parse(text, out): "ADDRESS:PORT", "[v6]:PORT"; NULL is 127.0.0.1:4433. */
bool listen_parse(const char *text, struct listen_address *out);

/** serve_block_signals(): Before any thread is started: SIGINT and SIGTERM are then
 * waited for, and SIGPIPE is ignored. */
void serve_block_signals(void);

/** serve_wait(): Until SIGINT or SIGTERM. */
void serve_wait(void);

#endif
