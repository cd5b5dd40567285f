/* help.h: what is told about a command, generated from the command table: --help
 * (help.c) and the man pages (help_man.c).  Shell completion is completion.h's. */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include <stdio.h>

#include "cmd/command.h"

void help_overview(FILE *f);
void help_noun(FILE *f, const char *noun);
void help_command(FILE *f, const struct command *c);

/** help_man(f, c): A man page in man(7) macros; c NULL: assay(1) itself. */
void help_man(FILE *f, const struct command *c);

#endif
