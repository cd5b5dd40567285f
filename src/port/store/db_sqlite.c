/* SQLite 3: one file beside the server.
 *
 * WAL, so that readers never wait, and synchronous=FULL, so that a commit has been
 * synced when it is acknowledged.  The schema's version also stands in the file's header
 * (user_version), where it can be read before SQLite, which would make files beside it,
 * opens a database that is too new for us.
 */
#include "port/store/db_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

struct db_sqlite {
	struct db d;
	sqlite3 *h;
	sqlite3_stmt *prepared[Q_COUNT];
};

static struct db_sqlite *
mine(struct db *d)
{
	return (struct db_sqlite *)d;
}

static int
code_of(int sqlite_code)
{
	switch (sqlite_code) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return ERR_DUPLICATE;
	default:
		break;
	}
	switch (sqlite_code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_STORE_BUSY;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	default:
		return ERR_STORE;
	}
}

/* What the system said to an input or output that failed: of the file, or of its log. */
static int
system_error(sqlite3 *h, int code)
{
	sqlite3_file *log = NULL;
	int why = 0;

	if ((code & 0xff) != SQLITE_IOERR)
		return 0;
	if ((why = sqlite3_system_errno(h)) != 0)
		return why;
	if (sqlite3_file_control(h, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK && log != NULL &&
	    log->pMethods != NULL)
		(void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &why);
	if (why == 0)
		(void)sqlite3_file_control(h, "main", SQLITE_FCNTL_LAST_ERRNO, &why);
	return why;
}

static int
fault(struct db_sqlite *b, struct err *e)
{
	int c = sqlite3_extended_errcode(b->h), rc;
	char text[256];
	int why;

	/* Asking for the rest may replace it. */
	(void)snprintf(text, sizeof(text), "%s", sqlite3_errmsg(b->h));
	why = system_error(b->h, c);
	rc = err_set(e, code_of(c), "%s: %s%s%s (SQLite %d)", b->d.where, text, why != 0 ? ": " : "",
	    why != 0 ? strerror(why) : "", c);
	/* Some calls that find no room fail as any input or output does. */
	if ((c & 0xff) == SQLITE_FULL || why == ENOSPC)
		return err_hint(e, rc, "make room on its file system; nothing that was acknowledged is lost");
	if (why == EROFS)
		return err_hint(e, rc, "its file system can only be read now, by an order or after faults of the disk;"
		    " nothing that was acknowledged is lost");
	if ((c & 0xff) == SQLITE_CORRUPT || (c & 0xff) == SQLITE_NOTADB)
		return err_hint(e, rc, "keep the file and restore a copy of it");
	return rc;
}

static int
prepare(struct db_sqlite *b, const char *text, unsigned flags, sqlite3_stmt **st, struct err *e)
{
	BUF_AUTO struct buf sql = buf_init(KIB(16));
	int rc = db_sql(text, STORE_SQLITE, &sql, e);

	if (rc == 0 && sqlite3_prepare_v3(b->h, buf_cstr(&sql), (int)sql.n + 1, flags, st, NULL) != SQLITE_OK)
		rc = err_ctx(e, fault(b, e), "statement \"%.60s...\"", text);
	return rc;
}

static int
bind(struct db_sqlite *b, sqlite3_stmt *st, const char *types, const struct db_value *params,
    struct err *e)
{
	int rc = SQLITE_OK;

	for (int i = 0; types[i] != '\0' && rc == SQLITE_OK; i++) {
		const struct db_value *v = &params[i];

		if (v->type == DB_NULL)
			rc = sqlite3_bind_null(st, i + 1);
		else if (v->type == DB_INT)
			rc = sqlite3_bind_int64(st, i + 1, v->i);
		else if (v->s.n == 0)
			rc = sqlite3_bind_zeroblob(st, i + 1, 0);
		else
			rc = sqlite3_bind_blob64(st, i + 1, v->s.p, v->s.n, SQLITE_STATIC);
	}
	return rc == SQLITE_OK ? 0 : fault(b, e);
}

static void
columns(sqlite3_stmt *st, struct db_value *row, int n)
{
	for (int i = 0; i < n; i++) {
		row[i] = (struct db_value){ 0 };
		switch (sqlite3_column_type(st, i)) {
		case SQLITE_NULL:
			break;
		case SQLITE_INTEGER:
			row[i] = db_int((uint64_t)sqlite3_column_int64(st, i));
			break;
		default:
			row[i] = db_bytes(span_of(sqlite3_column_blob(st, i), (size_t)sqlite3_column_bytes(st, i)));
		}
	}
}

/* One execution of a statement that is bound. */
static int
step(struct db_sqlite *b, sqlite3_stmt *st, db_row_fn *fn, void *ctx, size_t item, struct err *e)
{
	struct db_value row[DB_PARAMS];
	int rc = 0, n = sqlite3_column_count(st), s;

	if (n > DB_PARAMS)
		return err_set(e, ERR_INTERNAL, "a row of %d columns", n);
	while ((s = sqlite3_step(st)) == SQLITE_ROW && rc == 0) {
		if (fn == NULL)
			continue;
		columns(st, row, n);
		rc = fn(ctx, item, row, (size_t)n, e);
	}
	if (rc == 0 && s != SQLITE_DONE)
		rc = fault(b, e);
	sqlite3_reset(st);
	return rc;
}

static int
sqlite_many(struct db *d, enum query q, const struct db_many *m, struct err *e)
{
	struct db_sqlite *b = mine(d);
	struct db_value params[DB_PARAMS];
	int rc = 0;

	if (b->prepared[q] == NULL)
		rc = prepare(b, db_text(q), SQLITE_PREPARE_PERSISTENT, &b->prepared[q], e);
	for (size_t i = 0; i < m->n && rc == 0; i++) {
		if (!m->fill(m->ctx, i, params))
			continue;
		if ((rc = bind(b, b->prepared[q], db_types(q), params, e)) == 0 &&
		    (rc = step(b, b->prepared[q], m->row, m->ctx, i, e)) == 0 && m->done != NULL)
			rc = m->done(m->ctx, i, (uint64_t)sqlite3_changes(b->h), e);
	}
	return rc;
}

static int
sqlite_once(struct db *d, const char *sql, const char *types, const struct db_value *params,
    db_row_fn *row, void *ctx, struct err *e)
{
	struct db_sqlite *b = mine(d);
	sqlite3_stmt *st = NULL;
	int rc = prepare(b, sql, 0, &st, e);

	if (rc == 0 && (rc = bind(b, st, types, params, e)) == 0)
		rc = step(b, st, row, ctx, 0, e);
	sqlite3_finalize(st);
	return rc;
}

static int
sqlite_exec(struct db *d, const char *sql, struct err *e)
{
	return sqlite3_exec(mine(d)->h, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fault(mine(d), e);
}

/* IMMEDIATE: a transaction that began with a read could not become a writing one while
 * another writes. */
static int
sqlite_begin(struct db *d, bool snapshot, struct err *e)
{
	return sqlite_exec(d, snapshot ? "BEGIN" : "BEGIN IMMEDIATE", e);
}

static int
sqlite_commit(struct db *d, struct err *e)
{
	return sqlite_exec(d, "COMMIT", e);
}

static void
sqlite_rollback(struct db *d)
{
	/* After some errors SQLite has rolled back by itself. */
	if (!sqlite3_get_autocommit(mine(d)->h))
		(void)sqlite_exec(d, "ROLLBACK", NULL);
}

static bool
sqlite_lost(const struct db *d)
{
	(void)d;
	return false;
}

static int
sqlite_reopen(struct db *d, struct err *e)
{
	(void)d;
	(void)e;
	return 0;
}

static void
sqlite_close(struct db *d)
{
	struct db_sqlite *b = mine(d);

	for (size_t i = 0; i < Q_COUNT; i++)
		sqlite3_finalize(b->prepared[i]);
	sqlite3_close(b->h);
	free(b);
}

static const struct db_ops ops = {
	.close = sqlite_close, .exec = sqlite_exec, .begin = sqlite_begin, .commit = sqlite_commit,
	.rollback = sqlite_rollback, .many = sqlite_many, .once = sqlite_once, .lost = sqlite_lost,
	.reopen = sqlite_reopen,
};

/* A new file, for its owner only; SQLite gives the files beside it the same mode.  It gets
 * its name once it is closed: a descriptor of ours that is closed takes away the locks of
 * this process's other handles (fcntl(2)), and so damages what they write. */
static int
make_file(const char *path, struct err *e)
{
	BUF_AUTO struct buf tmp = buf_init(KIB(8));
	int fd, rc = 0;

	buf_printf(&tmp, "%s.XXXXXX", path);
	if ((rc = buf_done(&tmp, e)) != 0)
		return rc;
	(void)buf_cstr(&tmp);
	if ((fd = mkostemp((char *)tmp.p, O_CLOEXEC)) < 0)
		return err_set(e, ERR_STORE, "%s: %s", path, strerror(errno));
	close(fd);
	if (link((char *)tmp.p, path) != 0 && errno != EEXIST)
		rc = err_set(e, ERR_STORE, "%s: %s", path, strerror(errno));
	(void)unlink((char *)tmp.p);
	return rc;
}

/* The header as it is, before anything is locked or made beside the file; by SQLite's
 * descriptor, as above (https://www.sqlite.org/fileformat.html 1.3: offset 0 magic,
 * 60 user_version, 68 application_id). */
static int
look(struct db_sqlite *b, int64_t newest, struct err *e)
{
	uint8_t head[100] = { 0 };
	sqlite3_file *f = NULL;
	sqlite3_int64 size = 0;
	struct rd r = rd_init(span_of(head, sizeof(head)));
	struct span magic;
	uint32_t version, id;

	if (sqlite3_file_control(b->h, "main", SQLITE_FCNTL_FILE_POINTER, &f) != SQLITE_OK || f == NULL ||
	    f->pMethods == NULL || f->pMethods->xFileSize(f, &size) != SQLITE_OK)
		return fault(b, e);
	if (size == 0)
		return 0;		/* new, or just being made by another */
	if (size >= (sqlite3_int64)sizeof(head) && f->pMethods->xRead(f, head, sizeof(head), 0) != SQLITE_OK)
		return err_set(e, ERR_STORE, "%s: its header cannot be read", b->d.where);
	if (!(rd_bytes(&r, 16, &magic) && rd_skip(&r, 44) && rd_be32(&r, &version) && rd_skip(&r, 4) &&
	    rd_be32(&r, &id)) || !span_eq(magic, span_lit("SQLite format 3\0")) ||
	    (id != SQLITE_APPLICATION && id + version != 0))
		return err_set(e, ERR_FORMAT, "%s: this is not a database of assay", b->d.where);
	return schema_refuses(b->d.where, (int64_t)version, newest, e);
}

static int
settle(struct db_sqlite *b, struct err *e)
{
	int rc;

	sqlite3_busy_timeout(b->h, LIMIT_STORE_WAIT_MS);
	/* A newer assay's log must stay as it is until its version has been seen. */
	sqlite3_db_config(b->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(b->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(b->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_extended_result_codes(b->h, 1);
	sqlite3_limit(b->h, SQLITE_LIMIT_LENGTH, (int)(LIMIT_STORE_BLOB + MIB(1)));
	rc = sqlite_exec(&b->d, "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
	    "PRAGMA cache_size = -16384; PRAGMA cell_size_check = ON", e);
	return rc;
}

int
db_sqlite_accept(struct db *d, struct err *e)
{
	struct db_sqlite *b = mine(d);

	sqlite3_db_config(b->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	/* 4,096 pages: 16 MiB, written into the database at once, which costs less than often. */
	return sqlite_exec(d, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4096;"
	    "PRAGMA journal_size_limit = 67108864", e);
}

static int
open_file(struct db_sqlite *b, const char *path, int64_t newest, struct err *e)
{
	int rc;

	if (sqlite3_open_v2(path, &b->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return b->h == NULL ? err_set(e, ERR_NOMEM, "%s: opening", path) : fault(b, e);
	rc = look(b, newest, e);
	return rc != 0 ? rc : settle(b, e);
}

int
db_sqlite_open(const char *path, bool create, int64_t newest, struct db **d, struct err *e)
{
	struct db_sqlite *b;
	struct stat st;
	int rc = 0;

	if (stat(path, &st) != 0 && errno == ENOENT)
		rc = create ? make_file(path, e) : err_set(e, ERR_NOT_FOUND, "%s: there is no such database", path);
	if (rc != 0)
		return rc;
	if ((b = calloc(1, sizeof(*b))) == NULL)
		return err_set(e, ERR_NOMEM, "%s: opening", path);
	b->d = (struct db){ .ops = &ops, .kind = STORE_SQLITE };
	(void)snprintf(b->d.where, sizeof(b->d.where), "%s", path);
	if ((rc = open_file(b, path, newest, e)) != 0) {
		sqlite_close(&b->d);
		return rc;
	}
	*d = &b->d;
	return 0;
}
