#include "port/monitor/journal_read.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "crypto/digest.h"

int
journal_map(int fd, size_t max, struct span *s, struct err *e)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) != 0)
		return err_errno(e, "cannot look at the monitor's list");
	if ((uint64_t)st.st_size > max)
		return err_set(e, ERR_LIMIT, "the monitor's list is larger than it can become");
	*s = span_of(NULL, 0);
	if (st.st_size == 0)
		return 0;
	/* Mapped, because it is ours and may be large: nobody else cuts it. */
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_errno(e, "cannot map the monitor's list");
	*s = span_of(p, (size_t)st.st_size);
	return 0;
}

void
journal_unmap(struct span *s)
{
	if (s->n > 0)
		(void)munmap((void *)(uintptr_t)s->p, s->n);
	*s = span_of(NULL, 0);
}

bool
journal_fields(struct span data, struct span *digest, struct span *name, struct span *text)
{
	static const struct span prefix = { (const uint8_t *)"sha256:", 8 };	/* with its NUL */
	struct rd r = rd_init(data);

	*text = span_of(NULL, 0);
	if (!(rd_le32_span(&r, LIMIT_PATH, digest) && rd_le32_span(&r, LIMIT_PATH, name)))
		return false;
	if (rd_left(&r) > 0 && !rd_le32_span(&r, LIMIT_PATH, text))
		return false;
	if (digest->n != prefix.n + 32 || !span_starts(*digest, prefix) || name->n == 0 || name->p[name->n - 1] != 0)
		return false;
	*digest = span_from(*digest, prefix.n);
	name->n--;
	return rd_end(&r);
}

bool
journal_note_of(struct span data, struct monitor_note *n)
{
	struct span digest, name, text;
	enum monitor_note_kind kind;

	if (!journal_fields(data, &digest, &name, &text) || text.n == 0)
		return false;
	kind = monitor_note_by_name(name);
	return kind != MONITOR_NOTE_NONE && monitor_note_parse(kind, text, n, NULL) == 0;
}

/* The last file's number, and with which note the sidecar was tied in last. */
struct walk { uint64_t last_file, chained; };

static int
read_list(struct span list, struct seen_files *seen, struct journal_state *x, struct walk *w, struct err *e)
{
	HASHER_AUTO struct hasher *h = NULL;
	struct rd r = rd_init(list);
	struct monitor_note n;
	struct span data;
	uint8_t id[32];
	uint32_t pcr;
	int rc;

	if ((rc = hasher_new(DIGEST_SHA256, &h, e)) != 0)
		return rc;
	while (monitor_record_next(&r, &pcr, &data)) {
		x->records++;
		x->stopped = false;
		if (!journal_note_of(data, &n)) {
			w->last_file = x->records;
			if (seen != NULL && hasher_run(h, data, span_of(NULL, 0), id))
				listed_add(seen, id);
			continue;
		}
		if (n.kind == MONITOR_NOTE_START) {
			x->start = n;
			x->has_start = true;
		} else if (n.kind == MONITOR_NOTE_STOP) {
			x->stop = n;
			x->stopped = true;
		}
		if (n.kind != MONITOR_NOTE_GAP)
			w->chained = x->records;
	}
	/* A record is cut where the machine or the disk gave out; anything else is not ours. */
	if (r.why != 0 && r.why != ERR_TRUNCATED)
		return err_hint(e, err_at(e, r.why, r.off, "the monitor's list is damaged"),
		    "move its directory away; without a reboot its PCR is then not explained any more");
	x->list_size = r.off;
	return 0;
}

static int
read_sidecar(struct span in, const struct walk *w, struct journal_state *x, struct err *e)
{
	struct rd r = rd_init(in);
	uint8_t boot_id[MONITOR_BOOT_ID];
	struct monitor_entry n;
	struct digest first;
	uint64_t before = 0;
	int rc;

	if (in.n < MONITOR_HEADER) {
		x->sidecar_lost = w->last_file > 0;
		return 0;
	}
	if ((rc = monitor_header_parse(&r, boot_id, e)) != 0 ||
	    (rc = digest_of(DIGEST_SHA256, span_head(in, MONITOR_HEADER), &first, e)) != 0)
		return rc;
	memcpy(x->chain, first.v, MONITOR_CHAIN);
	x->sidecar_size = r.off;
	while (monitor_entry_next(&r, before, &n, NULL) > 0 && n.body.number <= x->records) {
		before = n.body.number;
		memcpy(x->chain, n.chain.p, MONITOR_CHAIN);
		x->sidecar_size = r.off;
		x->unchained += before > w->chained;
	}
	x->sidecar_lost = before < w->last_file;
	return 0;
}

int
journal_read(int list, int sidecar, struct seen_files *seen, struct journal_state *out, struct err *e)
{
	JOURNAL_MAP_AUTO struct span l = { NULL, 0 };
	JOURNAL_MAP_AUTO struct span s = { NULL, 0 };
	struct journal_state x = { 0 };
	struct walk w = { 0 };
	int rc;

	if ((rc = journal_map(list, LIMIT_MONITOR_LIST + KIB(64), &l, e)) != 0 ||
	    (rc = journal_map(sidecar, LIMIT_IMA_LOG, &s, e)) != 0 ||
	    (rc = read_list(l, seen, &x, &w, e)) != 0 || (rc = read_sidecar(s, &w, &x, e)) != 0)
		return rc;
	*out = x;
	return 0;
}
