#include "port/monitor/journal_write.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "port/monitor/journal_read.h"

static bool
write_at(int fd, struct span s, uint64_t at)
{
	while (s.n > 0) {
		ssize_t n = pwrite(fd, s.p, s.n, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		s = span_from(s, (size_t)n);
		at += (uint64_t)n;
	}
	return true;
}

/* The chain value that the body in w->body leads to, for an entry with this digest of its
 * template data, behind it. */
static bool
chain_body(struct writer *w, const uint8_t data[32], uint8_t chain[MONITOR_CHAIN])
{
	return hasher_start(w->sha256) && hasher_add(w->sha256, span_of(w->chain, MONITOR_CHAIN)) &&
	    hasher_add(w->sha256, span_of(data, 32)) && hasher_add(w->sha256, buf_view(&w->body)) &&
	    hasher_finish(w->sha256, chain);
}

/* The sidecar's entry first.  Half of either is cut off again, or by the next start. */
static bool
append(struct writer *w, const char *template, const struct monitor_body *body, const uint8_t data_digest[32])
{
	struct span data = buf_view(&w->data);
	uint8_t column[20], chain[MONITOR_CHAIN], length[4];
	uint64_t sidecar = w->sidecar_size;
	bool good;

	w->record.n = w->body.n = 0;
	w->record.why = w->body.why = 0;	/* one that was too large does not spoil the next */
	if (!hasher_run(w->sha1, data, span_of(NULL, 0), column))
		return false;
	monitor_record(&w->record, w->s->o.pcr, column, template, data);
	/* Notes have some room of their own, so that it can still be said that the list is full. */
	good = w->record.why == 0 && w->list_size + w->record.n <= LIMIT_MONITOR_LIST + (body == NULL ? KIB(64) : 0);
	if (body != NULL && good) {
		monitor_body_write(body, &w->body);
		for (unsigned i = 0; i < 4; i++)
			length[i] = (uint8_t)(w->body.n >> 8 * i);
		good = w->body.why == 0 && chain_body(w, data_digest, chain) &&
		    write_at(w->sidecar, span_of(length, 4), sidecar) &&
		    write_at(w->sidecar, buf_view(&w->body), sidecar + 4) &&
		    write_at(w->sidecar, span_of(chain, sizeof(chain)), sidecar + 4 + w->body.n);
		sidecar += 4 + w->body.n + MONITOR_CHAIN;
	}
	if (!good || !write_at(w->list, buf_view(&w->record), w->list_size)) {
		(void)!ftruncate(w->sidecar, (off_t)w->sidecar_size);
		(void)!ftruncate(w->list, (off_t)w->list_size);
		return false;
	}
	if (body != NULL) {
		memcpy(w->chain, chain, sizeof(chain));
		w->unchained++;
	}
	w->sidecar_size = sidecar;
	w->list_size += w->record.n;
	w->records++;
	atomic_store(&w->s->records, w->records);
	return true;
}

void
writer_lost(struct writer *w, uint64_t n)
{
	if (w->lost == 0) {
		w->lost_from = clock_ns(CLOCK_REALTIME);
		w->lost_from_uptime = clock_ns(CLOCK_BOOTTIME);
	}
	w->lost += n;
}

static bool
put_note(struct writer *w, const struct monitor_note *n)
{
	BUF_AUTO struct buf text = buf_init(KIB(1));
	uint8_t digest[32];

	monitor_note_write(n, &text);
	w->data.n = 0;
	w->data.why = 0;
	if (text.why != 0 || !hasher_run(w->sha256, buf_view(&text), span_of(NULL, 0), digest))
		return false;
	monitor_data_note(&w->data, span_of(digest, 32), span_str(monitor_note_name(n->kind)), buf_view(&text));
	if (w->data.why != 0 || !append(w, "ima-buf", NULL, NULL))
		return false;
	if (n->kind == MONITOR_NOTE_GAP)
		atomic_fetch_add(&w->s->gaps, 1);
	return true;
}

/* Once records can be written again, that some could not comes first. */
static bool
make_up(struct writer *w)
{
	struct monitor_note n = { .kind = MONITOR_NOTE_GAP, .from = w->lost_from, .from_uptime = w->lost_from_uptime,
	    .time = clock_ns(CLOCK_REALTIME), .uptime = clock_ns(CLOCK_BOOTTIME), .why = MONITOR_WHY_WRITE,
	    .count = w->lost };

	if (w->lost == 0)
		return true;
	if (!put_note(w, &n))
		return false;
	w->lost = 0;
	return true;
}

static bool
file_data(struct writer *w, const uint8_t digest[32], struct span path)
{
	w->data.n = 0;
	w->data.why = 0;
	monitor_data_file(&w->data, span_of(digest, 32), path);
	return w->data.why == 0;
}

/* Said once: what follows is not listed, which is the gap until the next boot. */
static bool
is_full(struct writer *w)
{
	struct monitor_note n = { .kind = MONITOR_NOTE_GAP, .why = MONITOR_WHY_FULL };

	if (!w->full && w->list_size + 2 * LIMIT_MONITOR_BODY > LIMIT_MONITOR_LIST) {
		w->full = true;
		n.time = n.from = clock_ns(CLOCK_REALTIME);
		n.uptime = n.from_uptime = clock_ns(CLOCK_BOOTTIME);
		(void)put_note(w, &n);
	}
	return w->full;
}

enum journal_result
writer_file(struct writer *w, const uint8_t digest[32], struct span path, struct monitor_body *body)
{
	uint8_t id[32];

	if (file_data(w, digest, path) && hasher_run(w->sha256, buf_view(&w->data), span_of(NULL, 0), id)) {
		if (listed_has(w->seen, id))
			return JOURNAL_KNOWN;
		if (is_full(w))
			return JOURNAL_LOST;
		if (w->lost == 0 || (make_up(w) && file_data(w, digest, path))) {
			body->number = w->records + 1;
			body->path = span_find(path, ' ') == path.n ? span_of(NULL, 0) : path;
			if (append(w, "ima-ng", body, id)) {
				listed_add(w->seen, id);
				w->last_file = clock_ns(CLOCK_BOOTTIME);
				return JOURNAL_NEW;
			}
		}
	}
	writer_lost(w, 1);
	return JOURNAL_LOST;
}

enum journal_result
writer_note(struct writer *w, struct monitor_note *n)
{
	n->time = clock_ns(CLOCK_REALTIME);
	n->uptime = clock_ns(CLOCK_BOOTTIME);
	n->entries = w->records;
	memcpy(n->chain, w->chain, sizeof(n->chain));
	if (!make_up(w) || !put_note(w, n)) {
		writer_lost(w, 1);
		return JOURNAL_LOST;
	}
	w->unchained = n->kind == MONITOR_NOTE_GAP ? w->unchained : 0;
	return JOURNAL_NEW;
}

void
writer_tick(struct writer *w, uint64_t now)
{
	if (w->unchained >= w->s->o.chain_records ||
	    (w->unchained > 0 && now - w->last_file >= w->s->o.chain_ms * MS))
		(void)writer_note(w, &(struct monitor_note){ .kind = MONITOR_NOTE_CHAIN });
	else if (w->lost > 0)
		(void)make_up(w);
}

static int
open_files(struct writer *w, struct err *e)
{
	w->list = openat(w->s->dir, JOURNAL_LIST, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->list < 0)
		return err_errno(e, "cannot open the monitor's list in %s", w->s->o.dir);
	w->sidecar = openat(w->s->dir, JOURNAL_SIDECAR, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w->sidecar < 0)
		return err_errno(e, "cannot open the monitor's sidecar in %s", w->s->o.dir);
	return 0;
}

/* Cut off what is not whole, and go on from there. */
static int
take_up(struct writer *w, struct err *e)
{
	struct journal_state x;
	int rc = journal_read(w->list, w->sidecar, w->seen, &x, e);

	if (rc != 0)
		return rc;
	if (ftruncate(w->list, (off_t)x.list_size) != 0 || ftruncate(w->sidecar, (off_t)x.sidecar_size) != 0)
		return err_errno(e, "cannot cut what is not whole off the monitor's list in %s", w->s->o.dir);
	w->list_size = x.list_size;
	w->records = x.records;
	w->sidecar_size = x.sidecar_size;
	w->unchained = x.unchained;
	memcpy(w->chain, x.chain, sizeof(w->chain));
	if (x.sidecar_lost)
		atomic_fetch_or(&w->s->ask, 1u << MONITOR_WHY_SIDECAR);
	if (x.sidecar_size == 0) {
		monitor_header_write(w->s->boot_id, &w->body);
		if (!write_at(w->sidecar, buf_view(&w->body), 0))
			return err_errno(e, "cannot write the monitor's sidecar in %s", w->s->o.dir);
		w->sidecar_size = w->body.n;
		if (!hasher_run(w->sha256, buf_view(&w->body), span_of(NULL, 0), w->chain))
			return err_set(e, ERR_CRYPTO, "hashing the sidecar's header");
	}
	return 0;
}

int
writer_open(struct writer *w, struct monitor_shared *s, struct err *e)
{
	int rc;

	*w = (struct writer){ .s = s, .record = buf_init(LIMIT_MONITOR_BODY + LIMIT_PATH),
	    .body = buf_init(LIMIT_MONITOR_BODY), .data = buf_init(LIMIT_PATH) };
	if ((rc = hasher_new(DIGEST_SHA1, &w->sha1, e)) != 0 || (rc = hasher_new(DIGEST_SHA256, &w->sha256, e)) != 0 ||
	    (rc = seen_files_new(&w->seen, e)) != 0 || (rc = open_files(w, e)) != 0)
		return rc;
	return take_up(w, e);
}
