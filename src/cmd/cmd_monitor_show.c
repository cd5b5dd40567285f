/* assay monitor show: who executed what, from the monitor's list and its sidecar. */
#include "base/file.h"
#include "base/json_out.h"
#include "base/limits.h"
#include "base/rfc3339.h"
#include "cmd/command.h"
#include "cmd/term.h"
#include "engine/monitor_chain.h"

static const struct option_spec options[] = {
	{ .name = "data", .arg = "DIR", .complete = COMPLETE_DIR,
	  .help = "take DIR/monitor/list and DIR/monitor/sidecar" },
	{ .name = "list", .arg = "F", .complete = COMPLETE_FILE, .help = "the list" },
	{ .name = "sidecar", .arg = "F", .complete = COMPLETE_FILE, .help = "the sidecar" },
	{ .name = NULL },
};

/* JSON text goes out in pieces: a list has some hundred thousand entries. */
struct output { const struct invocation *in; struct buf b; struct json_out o; };

static void
put_string(struct output *out, const char *key, struct span value)
{
	json_out_string(&out->o, span_str(key), value);
}

static void
put_escaped(struct output *out, const char *key, struct span name)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));

	buf_escape(&b, name);
	put_string(out, key, buf_view(&b));
}

static void
put_base64(struct output *out, const char *key, struct span name)
{
	BUF_AUTO struct buf b = buf_init(MIB(1));

	buf_base64(&b, name);
	put_string(out, key, buf_view(&b));
}

static void
put_time(struct output *out, const char *key, uint64_t ns)
{
	BUF_AUTO struct buf b = buf_init(64);

	buf_rfc3339(&b, (int64_t)(ns / 1000000000));
	put_string(out, key, buf_view(&b));
}

static const char *
fault_name(enum monitor_fault fault)
{
	return fault == MONITOR_LACKS ? "lacks" : "altered";
}

static void
json_body(struct output *out, const struct monitor_body *y)
{
	BUF_AUTO struct buf flags = buf_init(256);

	monitor_flags_text(y->flags, &flags);
	put_string(out, "how", buf_view(&flags));
	put_time(out, "time", y->time);
	json_out_integer(&out->o, span_lit("time_ns"), (int64_t)y->time);
	json_out_integer(&out->o, span_lit("uptime_ns"), (int64_t)y->uptime);
	json_out_integer(&out->o, span_lit("pid"), y->pid);
	if (y->uid != UINT32_MAX)
		json_out_integer(&out->o, span_lit("uid"), y->uid);
	put_escaped(out, "comm", y->comm);
	put_escaped(out, "cgroup", y->cgroup);
	put_base64(out, "cgroup_b64", y->cgroup);
	if (y->path.n > 0)
		put_base64(out, "exact_path_b64", y->path);
}

static void
json_item(struct output *out, const struct monitor_item *x)
{
	BUF_AUTO struct buf digest = buf_init(256);

	json_out_flat_object(&out->o, JSON_OUT_ELEMENT);
	json_out_integer(&out->o, span_lit("entry"), (int64_t)x->entry.number);
	if (x->is_note) {
		put_escaped(out, "note", x->entry.path);
		put_escaped(out, "text", x->entry.buf);
	} else {
		buf_hex(&digest, x->entry.file_digest);
		put_string(out, "digest", buf_view(&digest));
		put_escaped(out, "path", x->entry.path);
		put_base64(out, "path_b64", x->entry.path);
	}
	if (x->has_body)
		json_body(out, &x->body);
	if (x->fault != MONITOR_FINE)
		put_string(out, "sidecar", span_str(fault_name(x->fault)));
	json_out_close(&out->o);
}

static void
text_item(struct output *out, const struct monitor_item *x)
{
	struct buf *b = &out->b;

	if (x->fault != MONITOR_FINE)
		buf_printf(b, "%sentry %llu: %s%s\n", term_colour(stdout, COLOUR_BAD), (unsigned long long)x->entry.number,
		    x->fault == MONITOR_LACKS ? "the sidecar lacks it" : "the sidecar was altered, here or before",
		    term_reset(stdout));
	buf_printf(b, "%6llu  ", (unsigned long long)x->entry.number);
	if (x->is_note) {
		buf_escape(b, x->entry.path);
		buf_u8(b, ' ');
		buf_escape(b, x->entry.buf);
		buf_u8(b, '\n');
		return;
	}
	if (x->has_body) {
		buf_rfc3339(b, (int64_t)(x->body.time / 1000000000));
		buf_str(b, "  ");
	}
	buf_hex(b, span_head(x->entry.file_digest, 6));
	buf_str(b, "  ");
	buf_escape(b, x->entry.path);
	if (x->has_body) {
		buf_str(b, "  (");
		monitor_flags_text(x->body.flags, b);
		buf_printf(b, ", %s %u ", x->body.uid == UINT32_MAX ? "user unknown, process" : "process", x->body.pid);
		buf_escape(b, x->body.comm);
		if (x->body.uid != UINT32_MAX)
			buf_printf(b, " of user %u", x->body.uid);
		buf_str(b, " in ");
		buf_escape(b, x->body.cgroup);
		buf_u8(b, ')');
	}
	buf_u8(b, '\n');
}

static int
flush(struct output *out, size_t from, struct err *e)
{
	int rc = buf_done(&out->b, e);

	if (rc != 0 || out->b.n < from)
		return rc;
	if (fwrite(out->b.p, 1, out->b.n, stdout) != out->b.n)
		return err_errno(e, "cannot write to standard output");
	out->b.n = 0;
	return 0;
}

static int
print_items(struct output *out, struct monitor_chain *c, struct err *e)
{
	struct monitor_item x;
	int rc;

	while ((rc = monitor_chain_next(c, &x, e)) > 0) {
		if (out->in->json)
			json_item(out, &x);
		else
			text_item(out, &x);
		if ((rc = flush(out, KIB(64), e)) != 0)
			return rc;
	}
	return rc;
}

static void
json_end(struct output *out, const struct monitor_chain *c, bool good)
{
	json_out_close(&out->o);
	put_string(out, "sidecar", span_str(good ? "good" : c->altered > 0 ? "altered" : "lacks-entries"));
	json_out_integer(&out->o, span_lit("files"), (int64_t)c->files);
	json_out_integer(&out->o, span_lit("lacking"), (int64_t)c->lacking);
	json_out_integer(&out->o, span_lit("altered"), (int64_t)c->altered);
	json_out_integer(&out->o, span_lit("tied"), (int64_t)c->tied);
	json_out_close(&out->o);
	json_out_end(&out->o);
}

static void
text_end(struct output *out, const struct monitor_chain *c, bool good)
{
	buf_printf(&out->b, "%s%s%s  %llu files; the sidecar is tied to the list up to entry %llu, lacks %llu, %llu"
	    " altered\n", term_colour(stdout, good ? COLOUR_GOOD : COLOUR_BAD), good ? "consistent" : "INCONSISTENT",
	    term_reset(stdout), (unsigned long long)c->files, (unsigned long long)c->tied,
	    (unsigned long long)c->lacking, (unsigned long long)c->altered);
}

static int
show(const struct invocation *in, struct span list, struct span sidecar, bool *good, struct err *e)
{
	MONITOR_CHAIN_AUTO struct monitor_chain c = { 0 };
	struct output out = { .in = in, .b = buf_init(MIB(16)) };
	int rc;

	if ((rc = monitor_chain_open(list, sidecar, &c, e)) != 0)
		return rc;
	out.o = json_out_init(&out.b);
	if (in->json) {
		json_out_object(&out.o, JSON_OUT_ELEMENT);
		json_out_integer(&out.o, span_lit("assay_monitor_show"), 1);
		json_out_array(&out.o, span_lit("entries"));
	}
	rc = print_items(&out, &c, e);
	*good = c.lacking == 0 && c.altered == 0;
	if (rc == 0 && in->json)
		json_end(&out, &c, *good);
	else if (rc == 0)
		text_end(&out, &c, *good);
	if (rc == 0)
		rc = flush(&out, 0, e);
	buf_free(&out.b);
	return rc;
}

/* --data names both files, unless one is named itself. */
static const char *
path_of(const struct invocation *in, const char *option, struct buf *b)
{
	if (opt_get(in, option) != NULL)
		return opt_get(in, option);
	if (opt_get(in, "data") == NULL)
		return NULL;
	buf_printf(b, "%s/monitor/%s", opt_get(in, "data"), option);
	return buf_cstr(b);
}

static enum exit_status
run(const struct invocation *in, struct err *e)
{
	BUF_AUTO struct buf a = buf_init(KIB(8)), b = buf_init(KIB(8));
	FILE_AUTO struct file list = { 0 }, sidecar = { 0 };
	const char *list_path = path_of(in, "list", &a), *sidecar_path = path_of(in, "sidecar", &b);
	bool good;
	int rc;

	if (list_path == NULL || sidecar_path == NULL)
		return cmd_usage(in, "nothing says whose list: give --data DIR of the monitor or agent, or --list F and --sidecar F");
	/* The sidecar last: the monitor writes it first. */
	if (file_read(list_path, LIMIT_IMA_LOG, &list, e) != 0 ||
	    file_read(sidecar_path, LIMIT_IMA_LOG, &sidecar, e) != 0)
		return cmd_error(in, e);
	if ((rc = show(in, file_view(&list), file_view(&sidecar), &good, e)) != 0) {
		err_file(e, rc, sidecar_path);
		return cmd_error(in, e);
	}
	return good ? EXIT_GOOD : EXIT_FINDING;
}

const struct command cmd_monitor_show = {
	.noun = "monitor", .verb = "show",
	.summary = "who executed what: the monitor's list with its sidecar",
	.operands = "", .min_operands = 0, .max_operands = 0,
	.description =
	    "Prints each entry of the list with the process, user and cgroup that the sidecar names for\n"
	    "it, and checks the chain that ties the two together. Exit status 1 if the sidecar lacks\n"
	    "entries, or was altered. What the list itself is worth, a quote says (assay evidence\n"
	    "verify --list-pcr).",
	.example =
	    "  # assay monitor show --data /var/lib/assay",
	.wants_json = true,
	.options = options,
	.run = run,
};
