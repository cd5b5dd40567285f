/* host_rows.h: a host between its struct and its rows; queries.tbl has the columns. */
#ifndef PORT_STORE_HOST_ROWS_H
#define PORT_STORE_HOST_ROWS_H

#include "port/store/rows.h"

void host_decode(struct row *r, void *out);		/* HOST_COLUMNS to struct store_host */
void certificate_decode(struct row *r, void *out);	/* CERTIFICATE_COLUMNS */

/** state_check(st, e): Whether the database would take it. */
MUST_CHECK int state_check(const struct store_state *st, struct err *e);

/** labels_write(s, number, labels, e): The rows by which hosts are found by label.  ERR_FORMAT
 * unless ${labels} is empty or a JSON object of strings. */
MUST_CHECK int labels_write(struct store *s, uint32_t number, struct span labels, bool replace,
    struct err *e);

/** host_text_check(h, e): Name and labels, before anything is written. */
MUST_CHECK int host_text_check(const struct store_host *h, struct err *e);

#endif
