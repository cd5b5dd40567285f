#include "formats/policy_table_write.h"

#include "formats/policy_table_layout.h"

static void
pad(struct table_writer *w)
{
	buf_zero(w->out, (8 - (w->out->n - w->base) % 8) % 8);
}

void
table_writer_start(struct table_writer *w)
{
	w->base = w->out->n;
	buf_zero(w->out, TABLE_HEADER);
}

static int
put_packages(struct table_writer *w, const struct policy_package *packages, size_t n,
    struct err *e)
{
	BUF_AUTO struct buf strings = buf_init(UINT32_MAX);
	int rc;

	for (size_t i = 0; i < n; i++) {
		const struct span part[3] = { packages[i].name, packages[i].version, packages[i].arch };

		for (unsigned k = 0; k < 3; k++) {
			buf_le32(w->out, (uint32_t)strings.n);
			buf_le32(w->out, (uint32_t)part[k].n);
			buf_span(&strings, part[k]);
		}
		buf_le32(w->out, packages[i].layer);
		buf_le32(w->out, 0);
	}
	if ((rc = buf_done(&strings, e)) != 0)
		return rc;
	buf_span(w->out, buf_view(&strings));
	return 0;
}

static void
put_section(struct buf *header, size_t off, size_t n)
{
	buf_le64(header, off);
	buf_le64(header, n);
}

int
table_writer_finish(struct table_writer *w, struct span meta,
    const struct policy_package *packages, size_t n, struct err *e)
{
	BUF_AUTO struct buf h = buf_init(TABLE_HEADER);
	size_t at_packages = w->out->n, at_meta, size_packages;
	int rc;

	if ((rc = put_packages(w, packages, n, e)) != 0)
		return rc;
	size_packages = w->out->n - at_packages;
	pad(w);
	at_meta = w->out->n;
	buf_span(w->out, meta);
	pad(w);
	if ((rc = buf_done(w->out, e)) != 0)
		return rc;

	const uint8_t *body = w->out->p + w->base + TABLE_HEADER;
	size_t total = w->out->n - w->base;

	buf_put(&h, TABLE_MAGIC, TABLE_MAGIC_LEN);
	buf_le32(&h, TABLE_VERSION);
	buf_le32(&h, TABLE_HEADER);
	buf_le64(&h, total);
	buf_le64(&h, XXH3_64bits(body, total - TABLE_HEADER));
	buf_le64(&h, w->seed);
	buf_le64(&h, w->n_paths);
	buf_le64(&h, w->n_digests);
	buf_le64(&h, n);
	buf_le64(&h, w->n_slots);
	buf_le32(&h, w->max_probe);
	buf_le32(&h, w->algs);
	put_section(&h, w->slots - w->base, (size_t)w->n_slots * 8);
	put_section(&h, w->index - w->base, (size_t)w->n_paths * 8);
	put_section(&h, w->entries - w->base, w->entries_size);
	put_section(&h, at_packages - w->base, size_packages);
	put_section(&h, at_meta - w->base, meta.n);
	buf_le64(&h, XXH3_64bits(h.p, TABLE_HEADER_HASHED));
	if ((rc = buf_done(&h, e)) != 0)
		return rc;
	memcpy(w->out->p + w->base, h.p, TABLE_HEADER);
	return 0;
}

int
policy_table_with(const struct policy_table *t, struct span meta,
    const struct policy_package *packages, size_t n, struct buf *out, struct err *e)
{
	struct table_writer w = {
		.out = out, .n_paths = t->n_paths, .n_digests = t->n_digests,
		.n_slots = t->n_slots, .seed = t->seed, .max_probe = t->max_probe,
		.algs = t->algs, .entries_size = t->entries.n,
	};
	int rc;

	table_writer_start(&w);
	w.slots = out->n;
	buf_span(out, t->slots);
	w.index = out->n;
	buf_span(out, t->index);
	w.entries = out->n;
	buf_span(out, t->entries);
	pad(&w);
	if ((rc = table_writer_finish(&w, meta, packages, n, e)) != 0)
		out->n = w.base;
	return rc;
}
