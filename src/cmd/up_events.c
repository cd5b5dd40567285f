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

/* When it happened, as the server says; that may be before this program was started. */
static void
print_time(FILE *f, const char *at)
{
	struct tm tm;
	int64_t seconds;
	time_t then;
	char text[16];

	then = rfc3339_parse(span_str(at), &seconds) ? (time_t)seconds : time(NULL);
	(void)strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&then, &tm));
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

void
up_events_print(struct up_events *u, FILE *f, const struct http_event *ev)
{
	JSON_AUTO json_t *j = NULL;
	struct err ignored;
	char ago[64];

	if (ev->id.n > 0 && ev->id.n < sizeof(u->last)) {
		memcpy(u->last, ev->id.p, ev->id.n);
		u->last[ev->id.n] = '\0';
	}
	if (json_parse(ev->data, LIMIT_SMALL_FILE, &j, &ignored) != 0)
		return;
	print_time(f, text_of(j, "at"));
	if (span_is(ev->event, "verdict")) {
		print_verdict(f, j);
	} else if (span_is(ev->event, "late")) {
		print_word(f, COLOUR_WARN, "LATE");
		time_ago(text_of(j, "last_seen"), ago, sizeof(ago));
		(void)fprintf(f, "%s  the last evidence came %s\n", text_of(j, "name"), ago);
	} else if (span_is(ev->event, "gap")) {
		const json_t *first = json_array_get(json_object_get(j, "gaps"), 0);

		print_word(f, COLOUR_WARN, "GAP");
		(void)fprintf(f, "%s  the execution monitor did not see all: %s\n", text_of(j, "name"), text_of(first, "why"));
	} else {
		BUF_AUTO struct buf kind = buf_init(256);

		buf_escape(&kind, span_head(ev->event, 64));
		print_word(f, COLOUR_PLAIN, buf_cstr(&kind));
		(void)fprintf(f, "%s %s%s\n", text_of(j, "name"), text_of(j, "registration"), text_of(j, "set"));
	}
	(void)fflush(f);
}
