/* The notes' text: one table says which keys a note has, in order; writer and reader go by it. */
#include "base/text.h"
#include "formats/monitor_list.h"

enum key_type { KEY_VERSION = 1, KEY_U64, KEY_BOOT_ID, KEY_WHY, KEY_CHAIN };

struct key { const char *name; enum key_type type; size_t at; };

#define AT(member) offsetof(struct monitor_note, member)

static const struct key start_keys[] = {
	{ "version", KEY_VERSION, 0 }, { "boot_id", KEY_BOOT_ID, AT(boot_id) }, { "time", KEY_U64, AT(time) },
	{ "uptime", KEY_U64, AT(uptime) }, { "pcr", KEY_U64, AT(pcr) }, { "why", KEY_WHY, AT(why) },
	{ "chain", KEY_CHAIN, AT(chain) }, { NULL, 0, 0 },
};
static const struct key stop_keys[] = {
	{ "version", KEY_VERSION, 0 }, { "time", KEY_U64, AT(time) }, { "uptime", KEY_U64, AT(uptime) },
	{ "chain", KEY_CHAIN, AT(chain) }, { NULL, 0, 0 },
};
static const struct key gap_keys[] = {
	{ "version", KEY_VERSION, 0 }, { "from", KEY_U64, AT(from) }, { "from_uptime", KEY_U64, AT(from_uptime) },
	{ "to", KEY_U64, AT(time) }, { "to_uptime", KEY_U64, AT(uptime) }, { "why", KEY_WHY, AT(why) },
	{ "count", KEY_U64, AT(count) }, { NULL, 0, 0 },
};
static const struct key chain_keys[] = {
	{ "version", KEY_VERSION, 0 }, { "entries", KEY_U64, AT(entries) }, { "chain", KEY_CHAIN, AT(chain) },
	{ NULL, 0, 0 },
};

static const struct { const char *name; const struct key *keys; } notes[] = {
	[MONITOR_NOTE_NONE] = { "none", NULL },
	[MONITOR_NOTE_START] = { "monitor_start", start_keys },
	[MONITOR_NOTE_STOP] = { "monitor_stop", stop_keys },
	[MONITOR_NOTE_GAP] = { "monitor_gap", gap_keys },
	[MONITOR_NOTE_CHAIN] = { "monitor_chain", chain_keys },
};
#define NOTES (sizeof(notes) / sizeof(notes[0]))

const char *
monitor_note_name(enum monitor_note_kind kind)
{
	return notes[kind < NOTES ? kind : 0].name;
}

enum monitor_note_kind
monitor_note_by_name(struct span name)
{
	for (unsigned i = 1; i < NOTES; i++)
		if (span_is(name, notes[i].name))
			return (enum monitor_note_kind)i;
	return MONITOR_NOTE_NONE;
}

static const uint8_t *
member(const struct monitor_note *n, const struct key *k)
{
	return (const uint8_t *)n + k->at;
}

static void
put_value(const struct monitor_note *n, const struct key *k, struct buf *b)
{
	uint64_t u;

	switch (k->type) {
	case KEY_VERSION:
		buf_u8(b, '1');
		break;
	case KEY_U64:
		memcpy(&u, member(n, k), sizeof(u));
		buf_printf(b, "%llu", (unsigned long long)u);
		break;
	case KEY_BOOT_ID:
		buf_hex(b, span_of(member(n, k), MONITOR_BOOT_ID));
		break;
	case KEY_WHY:
		buf_str(b, monitor_why_token(n->why));
		break;
	case KEY_CHAIN:
	default:
		buf_hex(b, span_of(member(n, k), MONITOR_CHAIN));
		break;
	}
}

void
monitor_note_write(const struct monitor_note *n, struct buf *b)
{
	for (const struct key *k = notes[n->kind].keys; k->name != NULL; k++) {
		buf_printf(b, "%s=", k->name);
		put_value(n, k, b);
		buf_u8(b, ';');
	}
}

static bool
lower_hex(struct span s, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'F')
			return false;
	return hex_fixed(s, out, n);
}

static bool
get_value(struct span v, const struct key *k, struct monitor_note *n)
{
	uint8_t *at = (uint8_t *)n + k->at;
	uint64_t u;

	switch (k->type) {
	case KEY_VERSION:
		return span_is(v, "1");
	case KEY_U64:
		if (!dec_u64(v, &u))
			return false;
		memcpy(at, &u, sizeof(u));
		return true;
	case KEY_BOOT_ID:
		return lower_hex(v, at, MONITOR_BOOT_ID);
	case KEY_WHY:
		return (n->why = monitor_why_by_token(v)) != MONITOR_WHY_NONE;
	case KEY_CHAIN:
	default:
		return lower_hex(v, at, MONITOR_CHAIN);
	}
}

int
monitor_note_parse(enum monitor_note_kind kind, struct span text, struct monitor_note *n, struct err *e)
{
	struct monitor_note out = { .kind = kind };
	struct span rest = text;

	if (kind == MONITOR_NOTE_NONE || kind >= NOTES)
		return err_set(e, ERR_FORMAT, "not a note of the execution monitor");
	for (const struct key *k = notes[kind].keys; k->name != NULL; k++) {
		size_t at = text.n - rest.n, eq = span_find(rest, '='), end = span_find(rest, ';');

		if (end == rest.n || eq > end || !span_is(span_head(rest, eq), k->name))
			return err_at(e, ERR_FORMAT, at, "%s: \"%s=\" is missing", notes[kind].name, k->name);
		if (!get_value(span_of(rest.p + eq + 1, end - eq - 1), k, &out))
			return err_at(e, k->type == KEY_VERSION ? ERR_VERSION : ERR_FORMAT, at,
			    "%s: \"%s\" has a value that is not known", notes[kind].name, k->name);
		rest = span_from(rest, end + 1);
	}
	if (rest.n != 0)
		return err_at(e, ERR_TRAILING, text.n - rest.n, "%s: something follows its last key", notes[kind].name);
	*n = out;
	return 0;
}
