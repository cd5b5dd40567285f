/* db_sqlite.h: what only SQLite needs.  A file of ours says so in its header, so that
 * another's, or one of a newer assay, is known before anything opens it. */
#ifndef PORT_STORE_DB_SQLITE_H
#define PORT_STORE_DB_SQLITE_H

#include "base/rd.h"
#include "port/store/db.h"
#include "port/store/schema.h"

#define SQLITE_APPLICATION 0x41535359	/* "ASSY", application_id of the file */

/** db_sqlite_accept(d, e): The version is one of ours: write from here on as usual. */
MUST_CHECK int db_sqlite_accept(struct db *d, struct err *e);

#endif
