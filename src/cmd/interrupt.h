/* interrupt.h: commands that go on until somebody ends them (Ctrl-C, SIGTERM) end in order: what
 * they wait in returns with EINTR, and they look. */
#ifndef CMD_INTERRUPT_H
#define CMD_INTERRUPT_H

#include <stdbool.h>

void interrupt_catch(void);
bool interrupted(void);

#endif
