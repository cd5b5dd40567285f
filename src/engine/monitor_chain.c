#include "engine/monitor_chain.h"

/* The sidecar's next entry, if it is whole; what follows one that is not counts as missing. */
static void
advance(struct monitor_chain *c)
{
	c->have_next = !c->sidecar_over && monitor_entry_next(&c->sidecar, c->before, &c->next, NULL) > 0;
	if (c->have_next)
		c->before = c->next.body.number;
	else
		c->sidecar_over = true;
}

int
monitor_chain_open(struct span list, struct span sidecar, struct monitor_chain *c, struct err *e)
{
	struct monitor_chain n = { .sidecar = rd_init(sidecar) };
	int rc;

	if ((rc = monitor_header_parse(&n.sidecar, n.boot_id, e)) != 0 ||
	    (rc = hasher_new(DIGEST_SHA256, &n.sha256, e)) != 0)
		return rc;
	if (!hasher_run(n.sha256, span_head(sidecar, MONITOR_HEADER), span_of(NULL, 0), n.value))
		rc = err_set(e, ERR_CRYPTO, "hashing the sidecar's header");
	if (rc != 0 || (rc = ima_log_open(list, &n.log, e)) != 0) {
		hasher_free(n.sha256);
		return rc;
	}
	*c = n;
	advance(c);
	return 0;
}

void
monitor_chain_close(struct monitor_chain *c)
{
	if (c->sha256 == NULL)
		return;
	hasher_free(c->sha256);
	ima_log_close(&c->log);
	*c = (struct monitor_chain){ 0 };
}

/* A note's value stands for all before it. */
static void
take_note(struct monitor_chain *c, struct monitor_item *x)
{
	if (x->note.kind == MONITOR_NOTE_GAP)
		return;
	if (memcmp(x->note.chain, c->value, MONITOR_CHAIN) != 0) {
		x->fault = MONITOR_ALTERED;
		memcpy(c->value, x->note.chain, MONITOR_CHAIN);
		return;
	}
	c->tied = x->entry.number;
}

static int
take_body(struct monitor_chain *c, struct monitor_item *x, struct err *e)
{
	uint8_t data[32], value[MONITOR_CHAIN];

	/* Entries for numbers that the list passed over belong to nothing. */
	while (c->have_next && c->next.body.number < x->entry.number) {
		c->altered++;
		advance(c);
	}
	if (!c->have_next || c->next.body.number != x->entry.number) {
		x->fault = MONITOR_LACKS;
		return 0;
	}
	if (!hasher_run(c->sha256, x->entry.data, span_of(NULL, 0), data) || !hasher_start(c->sha256) ||
	    !hasher_add(c->sha256, span_of(c->value, MONITOR_CHAIN)) || !hasher_add(c->sha256, span_of(data, 32)) ||
	    !hasher_add(c->sha256, c->next.raw) || !hasher_finish(c->sha256, value))
		return err_set(e, ERR_CRYPTO, "hashing an entry of the sidecar");
	x->has_body = true;
	x->body = c->next.body;
	if (!span_eq(c->next.chain, span_of(value, MONITOR_CHAIN)))
		x->fault = MONITOR_ALTERED;
	memcpy(c->value, value, MONITOR_CHAIN);
	advance(c);
	return 0;
}

int
monitor_chain_next(struct monitor_chain *c, struct monitor_item *item, struct err *e)
{
	struct monitor_item x = { 0 };
	enum monitor_note_kind kind;
	int rc = ima_log_next(&c->log, &x.entry, e);

	if (rc <= 0)
		return rc;
	c->entries++;
	kind = x.entry.has_buf ? monitor_note_by_name(x.entry.path) : MONITOR_NOTE_NONE;
	x.is_note = kind != MONITOR_NOTE_NONE && monitor_note_parse(kind, x.entry.buf, &x.note, NULL) == 0;
	if (x.is_note) {
		take_note(c, &x);
	} else {
		c->files++;
		if ((rc = take_body(c, &x, e)) != 0)
			return rc;
	}
	c->lacking += x.fault == MONITOR_LACKS;
	c->altered += x.fault == MONITOR_ALTERED;
	*item = x;
	return 1;
}
