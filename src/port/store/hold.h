/* hold.h: who uses a database: servers, any number, or one that takes all of it elsewhere.
 *
 * The kernel or PostgreSQL holds it as long as the handle is open, and lets it go when the
 * process dies, however it dies: nothing is left behind that would have to be cleared.
 *
 *	SQLite		flock(2) of the file PATH-use beside the database, which stays.  Not of the
 *			database: closing a descriptor of that takes SQLite's own locks away.
 *	PostgreSQL	an advisory lock of the session, by the number of the table assay_schema.  A
 *			connection that is made again takes it again, before it writes.
 */
#ifndef PORT_STORE_HOLD_H
#define PORT_STORE_HOLD_H

#include "port/store/db.h"

/** hold_take(d, alone, fd, e): ERR_STORE_BUSY if somebody has it who excludes us.  ${*fd} is SQLite's, to
 * be closed with the handle; -1: none. */
MUST_CHECK int hold_take(struct db *d, bool alone, int *fd, struct err *e);

#endif
