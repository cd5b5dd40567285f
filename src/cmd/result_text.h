/* result_text.h: an appraisal for people. */
#ifndef CMD_RESULT_TEXT_H
#define CMD_RESULT_TEXT_H

#include <stdio.h>

#include "engine/evidence.h"

/** result_print(f, r, report): Verdict first, then what it stands on, then every finding. */
void result_print(FILE *f, const struct result *r, const struct evidence_report *report);

/** result_print_findings(f, r): Only the findings about entries, and the warnings. */
void result_print_findings(FILE *f, const struct result *r);

#endif
