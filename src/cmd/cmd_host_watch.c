/* assay host watch: what happens, a line each, as it happens. */
#include <time.h>

#include "base/text.h"
#include "cmd/api_client.h"
#include "cmd/host_text.h"
#include "cmd/interrupt.h"

static const struct option_spec options[] = {
	{ .name = "since", .arg = "N", .help = "begin behind event N; with those to come if not given" },
	{ .name = "count", .arg = "N", .help = "end after N events" },
	API_OPTIONS,
	{ .name = NULL },
};

struct watch {
	const struct invocation *in;
	const char *host;	/* id, or NULL: all */
	uint64_t left;		/* events to go; 0: no end */
	char last[32];		/* id of the last event, to go on behind it */
	bool alive;		/* the server was there */
	bool ended;
};

/* One line: moment, kind or verdict, host, why. */
static void
print_line(const struct http_event *ev, const json_t *j)
{
	const char *verdict = api_str(j, "verdict"), *name = api_str(j, "name"), *why = api_str(j, "reason");
	const json_t *first = json_array_get(json_object_get(j, "findings"), 0);
	const json_t *gap = json_array_get(json_object_get(j, "gaps"), 0);
	BUF_AUTO struct buf kind = buf_init(256), text = buf_init(MIB(1));

	if (verdict[0] != '\0')
		buf_str(&kind, verdict);
	else
		buf_escape(&kind, ev->event);
	(void)printf("%s  %s%-10s%s  ", api_str(j, "at"), verdict[0] == '\0' ? "" :
	    term_colour(stdout, verdict_colour_of(verdict)), buf_cstr(&kind), verdict[0] == '\0' ? "" : term_reset(stdout));
	if (name[0] != '\0')
		buf_str(&text, name);
	if (why[0] != '\0')
		buf_printf(&text, "  %s", why);
	if (api_str(j, "set")[0] != '\0')
		buf_printf(&text, "%s for %s", api_str(j, "set"), api_str(j, "labels")[0] == '\0' ? "all hosts" :
		    api_str(j, "labels"));
	if (api_str(j, "who")[0] != '\0')
		buf_printf(&text, "%sby %s", text.n == 0 ? "" : "  ", api_str(j, "who"));
	if (api_str(gap, "why")[0] != '\0')
		buf_printf(&text, "  %s", api_str(gap, "why"));
	if (api_str(first, "seen")[0] != '\0')
		buf_printf(&text, "  %s", api_str(first, "seen"));
	for (const uint8_t *p = buf_view(&text).p, *end = p + text.n; p < end; p++)
		(void)putchar(*p >= 0x20 && *p <= 0x7e ? *p : '?');
	(void)putchar('\n');
}

static bool
seen(void *arg, const struct http_event *ev)
{
	struct watch *w = arg;
	JSON_AUTO json_t *j = NULL;
	struct err ignored;

	w->alive = true;
	if (ev == NULL)
		return !interrupted();
	if (ev->id.n > 0 && ev->id.n < sizeof(w->last))
		(void)snprintf(w->last, sizeof(w->last), "%.*s", (int)ev->id.n, (const char *)ev->id.p);
	if (json_parse(ev->data, LIMIT_HTTP_SSE_LINE, &j, &ignored) != 0 || !json_is_object(j) ||
	    (w->host != NULL && strcmp(api_str(j, "id"), w->host) != 0))
		return !interrupted();
	if (w->in->json) {
		json_object_set_new(j, "event", json_escaped(ev->event));
		json_object_set_new(j, "sequence", json_integer(strtoll(w->last, NULL, 10)));
		(void)json_dumpf(j, stdout, JSON_COMPACT | JSON_SORT_KEYS);
		(void)putchar('\n');
	} else {
		print_line(ev, j);
	}
	w->ended = fflush(stdout) != 0 || (w->left > 0 && --w->left == 0);
	return !w->ended && !interrupted();
}

/* A server that goes away comes back: events go on behind the last one that was seen. */
static int
follow(struct watch *w, struct api *a, struct err *e)
{
	API_REQUEST_AUTO struct api_request q = api_request("events", NULL);
	struct timespec pause = { .tv_sec = 1 };
	bool told = false;

	for (;;) {
		struct err why = { 0 };
		int rc = http_client_stream(a->http, buf_cstr(&q.target), w->last[0] == '\0' ? NULL : w->last, seen, w, &why);

		if (w->ended || interrupted())
			return cmd_flush(e);
		if (rc != 0 && (rc != ERR_NETWORK || !w->alive)) {	/* refused, or never there */
			*e = why;
			return api_hint(a, rc, e);
		}
		if (!told)
			(void)fprintf(stderr, "assay: the server went away; trying again\n");
		told = rc != 0;
		(void)nanosleep(&pause, NULL);
	}
}

static bool
read_count(const struct invocation *in, const char *name, uint64_t *out)
{
	const char *text = opt_get(in, name);

	return text == NULL || dec_u64(span_str(text), out);
}

static enum exit_status
watch(const struct invocation *in, struct err *e)
{
	API_AUTO struct api a = { 0 };
	struct watch w = { .in = in };
	uint64_t since = 0;
	char id[33];

	if (!read_count(in, "since", &since) || !read_count(in, "count", &w.left))
		return cmd_usage(in, "--since and --count want numbers");
	if (opt_has(in, "since"))
		(void)snprintf(w.last, sizeof(w.last), "%llu", (unsigned long long)since);
	if (api_open(in, &a, e) != 0 || (in->n_operands > 0 && api_host(&a, in->operands[0], id, e) != 0))
		return cmd_error(in, e);
	w.host = in->n_operands > 0 ? id : NULL;
	interrupt_catch();
	return follow(&w, &a, e) == 0 ? EXIT_GOOD : cmd_error(in, e);
}

const struct command cmd_host_watch = {
	.noun = "host", .verb = "watch",
	.summary = "print what happens to hosts, as it happens",
	.operands = "[HOST]", .min_operands = 0, .max_operands = 1,
	.description =
	    "One line for each event, until Ctrl-C: verdicts that change, hosts that are late, enrolments, what\n"
	    "people change. If the server goes away, the watch goes on behind the last event it printed when\n"
	    "it is back. With --json each line is an object with \"event\", \"sequence\" (for --since) and \"at\".",
	.example =
	    "  $ assay host watch\n"
	    "  2026-07-01T12:00:03Z  untrusted   web-17  /opt/backdoor: the path is not in the policy ...",
	.wants_json = true,
	.options = options,
	.run = watch,
};
