#include "cmd/up_events.h"

#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/rfc3339.h"
#include "cmd/host_text.h"
#include "cmd/term.h"

static const char *
text_of(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s != NULL ? s : "";
}

/* When it happened, as the server says. */
static int64_t
time_of(const json_t *j)
{
	int64_t t;

	return rfc3339_parse(span_str(text_of(j, "at")), &t) ? t : time(NULL);
}

static void
print_time(FILE *f, int64_t at)
{
	time_t then = (time_t)at;
	struct tm tm;
	char text[32];

	(void)strftime(text, sizeof(text), time(NULL) - then < 12 * 3600 ? "%H:%M:%S" : "%F %H:%M:%S",
	    localtime_r(&then, &tm));
	(void)fprintf(f, "%s%s%s  ", term_colour(f, COLOUR_DIM), text, term_reset(f));
}

static void
print_word(FILE *f, enum colour c, const char *word)
{
	(void)fprintf(f, "%s%-10s%s ", term_colour(f, c), word, term_reset(f));
}

/* Names come escaped from the server. */
static void
print_finding(FILE *f, const json_t *finding)
{
	(void)fprintf(f, "            %s  %s\n", text_of(finding, "code"), text_of(finding, "path"));
	if (text_of(finding, "seen")[0] != '\0')
		(void)fprintf(f, "            %s%s%s\n", term_colour(f, COLOUR_DIM), text_of(finding, "seen"), term_reset(f));
}

static void
print_verdict(FILE *f, const json_t *j)
{
	const char *verdict = text_of(j, "verdict");
	bool good = strcmp(verdict, "trusted") == 0, bad = strcmp(verdict, "untrusted") == 0;
	const json_t *findings = json_object_get(j, "findings");

	print_word(f, good ? COLOUR_GOOD : bad ? COLOUR_BAD : COLOUR_WARN,
	    good ? "TRUSTED" : bad ? "UNTRUSTED" : "UNDECIDED");
	(void)fprintf(f, "%s  %s\n", text_of(j, "name"), text_of(j, "reason"));
	for (size_t i = 0; i < json_array_size(findings); i++)
		print_finding(f, json_array_get(findings, i));
}

static void
print_other(FILE *f, const json_t *j, struct span what)
{
	BUF_AUTO struct buf kind = buf_init(256);
	const json_t *gap = json_array_get(json_object_get(j, "gaps"), 0);

	buf_escape(&kind, span_head(what, 64));
	print_word(f, COLOUR_PLAIN, buf_cstr(&kind));
	(void)fprintf(f, "%s %s%s%s\n", text_of(j, "name"), text_of(j, "registration"), text_of(j, "set"), text_of(gap, "why"));
}

static void
print_late(FILE *f, const json_t *j)
{
	char ago[64];

	print_word(f, COLOUR_WARN, "LATE");
	time_ago(text_of(j, "last_seen"), ago, sizeof(ago));
	(void)fprintf(f, "%s  the last evidence came %s\n", text_of(j, "name"), ago);
}

static void
print_before(struct up_events *u, FILE *f)
{
	if (u->before == NULL)
		return;
	print_time(f, time_of(u->before));
	print_verdict(f, u->before);
	json_decref(u->before);
	u->before = NULL;
	(void)fflush(f);
}

void
up_events_print(struct up_events *u, FILE *f, const struct http_event *ev)
{
	JSON_AUTO json_t *j = NULL;
	struct err ignored;

	if (ev == NULL) {
		print_before(u, f);
		return;
	}
	if (ev->id.n > 0 && ev->id.n < sizeof(u->last)) {
		memcpy(u->last, ev->id.p, ev->id.n);
		u->last[ev->id.n] = '\0';
	}
	if (json_parse(ev->data, LIMIT_SMALL_FILE, &j, &ignored) != 0)
		return;
	if (time_of(j) < u->began) {
		if (span_is(ev->event, "verdict")) {
			json_decref(u->before);
			u->before = json_incref(j);
		}
		return;
	}
	print_before(u, f);
	print_time(f, time_of(j));
	if (span_is(ev->event, "verdict"))
		print_verdict(f, j);
	else if (span_is(ev->event, "late"))
		print_late(f, j);
	else
		print_other(f, j, ev->event);
	(void)fflush(f);
}

void
up_events_done(struct up_events *u)
{
	json_decref(u->before);
	u->before = NULL;
}
