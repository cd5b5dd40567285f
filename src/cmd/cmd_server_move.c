/* assay server move: everything a server keeps, into another database. */
#include "base/limits.h"
#include "cmd/api_client.h"
#include "cmd/term.h"
#include "port/store/store.h"

static const struct option_spec options[] = {
	{ .name = "to", .arg = "URL", .help = "the new database, which must be empty; must be given" },
	{ .name = "from", .arg = "URL", .help = "the old one; SQLite in --data if not given" },
	{ .name = "data", .arg = "DIR", .complete = COMPLETE_DIR, .help = "the server's directory; " API_DATA " if not given" },
	{ .name = NULL },
};

struct moving { struct progress bar; const char *table; bool checking; };

static void
moved(void *ctx, const struct store_move *m)
{
	struct moving *v = ctx;

	if (v->table == NULL || m->checking != v->checking) {
		progress_end(&v->bar);
		progress_start(&v->bar, m->checking ? "comparing" : "copying", 0);
	}
	v->table = m->table;
	v->checking = m->checking;
	progress_update(&v->bar, m->rows, "rows");
}

static int
move(const char *from, const char *to, struct err *e)
{
	STORE_AUTO struct store *a = NULL, *b = NULL;
	struct moving v = { 0 };
	int rc;

	/* The old one is only read: its schema is what this program has, or it is refused. */
	if ((rc = store_open(from, STORE_ALONE, &a, e)) != 0)
		return err_ctx(e, rc, "the old database");
	if ((rc = store_open(to, STORE_CREATE | STORE_ALONE, &b, e)) != 0)
		return err_ctx(e, rc, "the new database");
	rc = store_move(a, b, moved, &v, e);
	progress_end(&v.bar);
	if (rc == ERR_DUPLICATE)
		return err_hint(e, rc, "move into a database that nothing was ever kept in");
	if (rc == 0)
		(void)fprintf(stderr, "everything is in %s too, row by row the same; start the server with it: --store, or \"store =\" in"
		    " /etc/assay/server.conf\n", store_where(b));
	return rc;
}

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	const char *to = opt_get(in, "to"), *from = opt_get(in, "from"), *data = opt_get(in, "data");
	BUF_AUTO struct buf own = buf_init(KIB(8));

	if (to == NULL)
		return cmd_usage(in, "--to is missing: the new database, such as postgresql://user@host/assay");
	if (from != NULL && data != NULL)
		return cmd_usage(in, "--from and --data exclude each other");
	buf_printf(&own, "sqlite:%s/assay.db", data != NULL ? data : API_DATA);
	return move(from != NULL ? from : buf_cstr(&own), to, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
}

const struct command cmd_server_move = {
	.noun = "server", .verb = "move",
	.summary = "take everything a server keeps into another database",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "SQLite to PostgreSQL or the other way: hosts, evidence, history, policies, who may ask. Stop the\n"
	    "servers first: where one uses either database nothing is moved (exit status 3), and none starts\n"
	    "on them meanwhile. All is copied in one transaction, then both sides are read and compared; if a\n"
	    "row differs, nothing was moved. The old database is not changed. The server's keys stay in --data.",
	.example =
	    "  # systemctl stop assay-server\n"
	    "  # assay server move --to postgresql://assay@db.example.org/assay\n"
	    "  # assay server --store postgresql://assay@db.example.org/assay",
	.options = options,
	.run = run,
};
