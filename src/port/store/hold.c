#include "port/store/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

static int
busy(struct db *d, bool alone, struct err *e)
{
	int rc = err_set(e, ERR_STORE_BUSY, alone ? "%s: a server uses it, or everything is being moved" :
	    "%s: everything is being moved between it and another database", d->where);

	return err_hint(e, rc, alone ? "stop every server that uses it (systemctl stop assay-server); a process that"
	    " is gone holds nothing" : "wait until \"assay server move\" has ended, and start with the new database");
}

/* Root may move what a server's user has: the file must stay that user's. */
static int
same_owner(const char *path, int fd)
{
	struct stat st;

	return geteuid() == 0 && stat(path, &st) == 0 ? fchown(fd, st.st_uid, st.st_gid) : 0;
}

static int
hold_file(struct db *d, bool alone, int *fd, struct err *e)
{
	BUF_AUTO struct buf path = buf_init(KIB(8));
	int f, rc;

	buf_printf(&path, "%s-use", d->where);
	if ((rc = buf_done(&path, e)) != 0)
		return rc;
	if ((f = open(buf_cstr(&path), O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		return err_set(e, ERR_STORE, "%s: %s", buf_cstr(&path), strerror(errno));
	if (same_owner(d->where, f) != 0 || flock(f, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
		rc = errno == EWOULDBLOCK ? busy(d, alone, e) :
		    err_set(e, ERR_STORE, "%s: locking: %s", buf_cstr(&path), strerror(errno));
		close(f);
		return rc;
	}
	*fd = f;
	return 0;
}

/* "ASSY" and the table's number, so that two of assay's in one database do not meet. */
#define KEY "(4707197677249495040 + 'assay_schema'::regclass::oid::bigint)"

static int
hold_session(struct db *d, bool alone, struct err *e)
{
	int64_t got = 0;
	int rc = db_once_number(d, alone ? "SELECT CASE WHEN pg_try_advisory_lock" KEY " THEN 1 ELSE 0 END::bigint" :
	    "SELECT CASE WHEN pg_try_advisory_lock_shared" KEY " THEN 1 ELSE 0 END::bigint", &got, e);

	return rc != 0 || got == 1 ? rc : busy(d, alone, e);
}

int
hold_take(struct db *d, bool alone, int *fd, struct err *e)
{
	int f = -1;
	int rc = d->kind == STORE_SQLITE ? hold_file(d, alone, &f, e) : hold_session(d, alone, e);

	if (rc == 0)
		*fd = f;
	return rc;
}
