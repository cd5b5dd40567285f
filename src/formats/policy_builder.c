/* Building the table of policy_table.h: paths are collected in a hash table, sorted
 * once at the end, and written in their order.  About 60 bytes a digest beside the
 * names, so that ten million fit into 4 GiB together with the finished table. */
#include <stdlib.h>

#include "formats/policy_table.h"
#include "formats/policy_table_layout.h"
#include "formats/policy_table_write.h"

#define NO_DIGEST UINT32_MAX
#define SEEDS 8		/* tries against names made to collide */

struct path_rec {
	uint64_t off;		/* in names */
	uint32_t len;
	uint32_t last;		/* its digest added last */
};

struct digest_rec {
	uint64_t off;		/* in bytes */
	uint32_t before;	/* the path's digest added before, or NO_DIGEST */
	uint32_t layer, package;
	uint8_t alg;		/* enum digest_alg */
};

struct policy_builder {
	struct buf names, bytes;
	struct path_rec *paths;
	struct digest_rec *digests;
	size_t n_paths, cap_paths, n_digests, cap_digests;
	uint64_t *slots;	/* 0, or high half of the hash << 32 | path + 1 */
	size_t n_slots;		/* a power of two */
	uint64_t seed;
};

int
policy_builder_new(struct policy_builder **out, struct err *e)
{
	struct policy_builder *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	b->names = b->bytes = buf_init(LIMIT_POLICY_TABLE);
	*out = b;
	return 0;
}

void
policy_builder_free(struct policy_builder *b)
{
	if (b == NULL)
		return;
	buf_free(&b->names);
	buf_free(&b->bytes);
	free(b->paths);
	free(b->digests);
	free(b->slots);
	free(b);
}

uint64_t
policy_builder_paths(const struct policy_builder *b)
{
	return b->n_paths;
}

static struct span
path_name(const struct policy_builder *b, size_t i)
{
	return span_of(b->names.p + b->paths[i].off, b->paths[i].len);
}

static struct span
digest_bytes(const struct policy_builder *b, const struct digest_rec *d)
{
	return span_of(b->bytes.p + d->off, digest_alg_size(d->alg));
}

/* The slot of ${name}, or the empty one where it belongs; false if too far away. */
static bool
find_slot(const struct policy_builder *b, struct span name, uint64_t hash, size_t *at)
{
	for (size_t k = 0; k <= TABLE_MAX_PROBE; k++) {
		size_t i = (size_t)((hash + k) & (b->n_slots - 1));
		uint64_t s = b->slots[i];

		if (s == 0 || (s >> 32 == hash >> 32 &&
		    span_eq(path_name(b, (uint32_t)s - 1), name))) {
			*at = i;
			return true;
		}
	}
	return false;
}

static bool
put_all(struct policy_builder *b)
{
	memset(b->slots, 0, b->n_slots * sizeof(*b->slots));
	for (size_t i = 0; i < b->n_paths; i++) {
		uint64_t hash = table_hash(path_name(b, i), b->seed);
		size_t at;

		if (!find_slot(b, path_name(b, i), hash, &at))
			return false;
		b->slots[at] = (hash >> 32) << 32 | (uint64_t)(i + 1);
	}
	return true;
}

static int
rehash(struct policy_builder *b, size_t n_slots, struct err *e)
{
	uint64_t *slots = realloc(b->slots, n_slots * sizeof(*slots));

	if (slots == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	b->slots = slots;
	b->n_slots = n_slots;
	for (; b->seed < SEEDS; b->seed++)
		if (put_all(b))
			return 0;
	return err_set(e, ERR_LIMIT, "the names of the files were chosen so that their hashes collide");
}

/* Room for one more element; the arrays only grow. */
static int
grow(void *array, size_t n, size_t *cap, size_t size, struct err *e)
{
	void **p = array;
	size_t want = *cap == 0 ? 1024 : *cap * 2;
	void *q;

	if (n < *cap)
		return 0;
	if (n >= NO_DIGEST - 1)
		return err_set(e, ERR_LIMIT, "a policy may have at most %u digests", NO_DIGEST - 1);
	if ((q = realloc(*p, want * size)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	*p = q;
	*cap = want;
	return 0;
}

/* ${name} was just written at the end of names: its number, which may be an old one. */
static int
intern(struct policy_builder *b, struct span name, uint32_t *id, struct err *e)
{
	uint64_t hash;
	size_t at;
	int rc;

	if ((rc = grow(&b->paths, b->n_paths, &b->cap_paths, sizeof(*b->paths), e)) != 0)
		return rc;
	if (b->n_paths >= b->n_slots / 2 &&
	    (rc = rehash(b, b->n_slots == 0 ? 2048 : b->n_slots * 2, e)) != 0)
		return rc;
	while (hash = table_hash(name, b->seed), !find_slot(b, name, hash, &at)) {
		b->seed++;
		if ((rc = rehash(b, b->n_slots, e)) != 0)
			return rc;
	}
	if (b->slots[at] == 0) {
		b->paths[b->n_paths] = (struct path_rec){
			.off = b->names.n - name.n, .len = (uint32_t)name.n, .last = NO_DIGEST,
		};
		b->slots[at] = (hash >> 32) << 32 | (uint64_t)++b->n_paths;
	} else {
		b->names.n -= name.n;		/* it was there: take the copy back */
	}
	*id = (uint32_t)b->slots[at] - 1;
	return 0;
}

static int
check_name(struct span path, struct err *e)
{
	if (path.n == 0)
		return err_set(e, ERR_FORMAT, "a file has an empty name");
	if (path.n > LIMIT_PATH)
		return err_set(e, ERR_LIMIT, "the name of a file is longer than %zu bytes", LIMIT_PATH);
	if (span_find(path, 0) != path.n)
		return err_set(e, ERR_FORMAT, "the name of a file holds a NUL byte");
	return 0;
}

int
policy_builder_add(struct policy_builder *b, struct span path, const struct digest *digest,
    uint32_t layer, uint32_t package, struct err *e)
{
	uint32_t id = 0;
	int rc;

	if ((rc = check_name(path, e)) != 0)
		return rc;
	if (layer >= LIMIT_POLICY_LAYERS)
		return err_set(e, ERR_LIMIT, "a policy may have at most %d layers", LIMIT_POLICY_LAYERS);
	buf_span(&b->names, path);
	buf_span(&b->bytes, digest_view(digest));
	if ((rc = buf_done(&b->names, e)) != 0 || (rc = buf_done(&b->bytes, e)) != 0 ||
	    (rc = grow(&b->digests, b->n_digests, &b->cap_digests, sizeof(*b->digests), e)) != 0)
		return rc;

	uint8_t *name = b->names.p + (b->names.n - path.n);

	for (size_t i = 0; i < path.n; i++)
		if (name[i] == ' ')
			name[i] = '_';
	if ((rc = intern(b, span_of(name, path.n), &id, e)) != 0)
		return rc;
	b->digests[b->n_digests] = (struct digest_rec){
		.off = b->bytes.n - digest->size, .before = b->paths[id].last,
		.layer = layer, .package = package, .alg = (uint8_t)digest->alg,
	};
	b->paths[id].last = (uint32_t)b->n_digests++;
	return 0;
}

/* Sorting by bytes, seven at a time: comparing whole names would touch memory at
 * random for each of the 20 n comparisons, and most names begin alike. */
struct item {
	uint64_t key;		/* seven bytes of the name, then how many follow (8: over 7) */
	uint32_t id;
};

static uint64_t
key_at(struct span name, size_t depth)
{
	struct span rest = span_from(name, depth);
	uint64_t key = 0;

	for (size_t i = 0; i < 7; i++)
		key = key << 8 | (i < rest.n ? rest.p[i] : 0);
	return key << 8 | (rest.n > 7 ? 8 : rest.n);
}

static int
cmp_item(const void *a, const void *b)
{
	uint64_t x = ((const struct item *)a)->key, y = ((const struct item *)b)->key;

	return (x > y) - (x < y);
}

static void
sort_from(const struct policy_builder *b, struct item *v, size_t n, size_t depth)
{
	for (;;) {
		bool alike = true;

		for (size_t i = 0; i < n; i++) {
			v[i].key = key_at(path_name(b, v[i].id), depth);
			alike = alike && v[i].key == v[0].key;
		}
		depth += 7;
		if (!alike || n < 2)
			break;
	}
	qsort(v, n, sizeof(*v), cmp_item);
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && v[k].key == v[i].key; k++)
			;
		if (k - i > 1)
			sort_from(b, v + i, k - i, depth);
	}
}

static int
cmp_digest(const void *x, const void *y, void *cookie)
{
	const struct policy_builder *b = cookie;
	const struct digest_rec *p = &b->digests[*(const uint32_t *)x];
	const struct digest_rec *q = &b->digests[*(const uint32_t *)y];
	uint8_t p_alg = digest_alg_ima(p->alg), q_alg = digest_alg_ima(q->alg);
	int c;

	if (p->layer != q->layer)
		return p->layer < q->layer ? -1 : 1;
	if (p_alg != q_alg)
		return p_alg < q_alg ? -1 : 1;
	if ((c = span_cmp(digest_bytes(b, p), digest_bytes(b, q))) != 0)
		return c;
	return (p->package > q->package) - (p->package < q->package);
}

static bool
same_approval(const struct policy_builder *b, uint32_t x, uint32_t y)
{
	const struct digest_rec *p = &b->digests[x], *q = &b->digests[y];

	return p->layer == q->layer && p->alg == q->alg &&
	    span_eq(digest_bytes(b, p), digest_bytes(b, q));
}

/* The digests of path ${id}, sorted, each once; of equal ones the lowest package. */
static int
gather(const struct policy_builder *b, uint32_t id, struct buf *list, uint32_t *n, struct err *e)
{
	uint32_t *v;
	uint32_t kept = 0, count = 0;

	list->n = 0;
	for (uint32_t d = b->paths[id].last; d != NO_DIGEST; d = b->digests[d].before, count++)
		buf_put(list, &d, sizeof(d));
	if (list->why != 0)
		return buf_done(list, e);
	v = (uint32_t *)(void *)list->p;
	if (count > 1)
		qsort_r(v, count, sizeof(*v), cmp_digest, (void *)(uintptr_t)b);
	for (uint32_t i = 0; i < count; i++)
		if (kept == 0 || !same_approval(b, v[kept - 1], v[i]))
			v[kept++] = v[i];
	*n = kept;
	return 0;
}

static int
put_entries(struct table_writer *w, const struct policy_builder *b, const struct item *order,
    struct err *e)
{
	BUF_AUTO struct buf list = buf_init(SIZE_MAX / 4);
	int rc;

	w->entries = w->out->n;
	for (size_t i = 0; i < b->n_paths; i++) {
		struct span name = path_name(b, order[i].id);
		uint32_t n = 0;

		if ((rc = gather(b, order[i].id, &list, &n, e)) != 0)
			return rc;
		if (w->out->why == 0)
			store_le64(w->out->p + w->index + 8 * i, w->out->n - w->entries);
		buf_le32(w->out, (uint32_t)name.n);
		buf_le32(w->out, n);
		buf_span(w->out, name);
		for (uint32_t k = 0; k < n; k++) {
			const struct digest_rec *d = &b->digests[((uint32_t *)(void *)list.p)[k]];

			w->algs |= (uint32_t)1 << digest_alg_ima(d->alg);
			buf_u8(w->out, digest_alg_ima(d->alg));
			buf_u8(w->out, (uint8_t)digest_alg_size(d->alg));
			buf_le16(w->out, (uint16_t)d->layer);
			buf_le32(w->out, d->package);
			buf_span(w->out, digest_bytes(b, d));
		}
		w->n_digests += n;
	}
	w->entries_size = w->out->n - w->entries;
	buf_zero(w->out, (8 - w->entries_size % 8) % 8);
	return buf_done(w->out, e);
}

/* Fill the slots in path order; false if some path lies too far from its first one. */
static bool
put_slots(struct table_writer *w, const struct policy_builder *b, const struct item *order)
{
	uint8_t *slots = w->out->p + w->slots;

	memset(slots, 0, (size_t)w->n_slots * 8);
	w->max_probe = 0;
	for (size_t i = 0; i < b->n_paths; i++) {
		uint64_t hash = table_hash(path_name(b, order[i].id), w->seed), at, k = 0;

		while (at = (hash + k) & (w->n_slots - 1), load_le64(slots + 8 * at) != 0)
			if (++k > TABLE_MAX_PROBE)
				return false;
		store_le64(slots + 8 * at, (hash >> TABLE_OFFSET_BITS) << TABLE_OFFSET_BITS |
		    (load_le64(w->out->p + w->index + 8 * i) + 1));
		if (k > w->max_probe)
			w->max_probe = (uint32_t)k;
	}
	return true;
}

/* Between a third and two thirds full: few steps, and not much memory. */
static uint64_t
slots_for(uint64_t paths)
{
	uint64_t n = 2;

	while (n < paths + paths / 2)
		n *= 2;
	return paths == 0 ? 0 : n;
}

static int
put_files(struct table_writer *w, const struct policy_builder *b, const struct item *order,
    struct err *e)
{
	int rc;

	table_writer_start(w);
	w->n_paths = b->n_paths;
	w->n_slots = slots_for(b->n_paths);
	w->slots = w->out->n;
	buf_zero(w->out, (size_t)w->n_slots * 8);
	w->index = w->out->n;
	buf_zero(w->out, (size_t)w->n_paths * 8);
	if ((rc = buf_done(w->out, e)) != 0 || (rc = put_entries(w, b, order, e)) != 0)
		return rc;
	for (w->seed = 0; w->seed < SEEDS; w->seed++)
		if (w->n_paths == 0 || put_slots(w, b, order))
			return 0;
	return err_set(e, ERR_LIMIT, "the names of the files were chosen so that their hashes collide");
}

int
policy_builder_finish(struct policy_builder *b, struct span meta, struct buf *out, struct err *e)
{
	struct item *order = calloc(b->n_paths + 1, sizeof(*order));
	struct table_writer w = { .out = out };
	size_t before = out->n;
	int rc;

	if (order == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < b->n_paths; i++)
		order[i].id = (uint32_t)i;
	if (b->n_paths > 1)
		sort_from(b, order, b->n_paths, 0);
	rc = put_files(&w, b, order, e);
	free(order);
	if (rc == 0)
		rc = table_writer_finish(&w, meta, NULL, 0, e);
	if (rc != 0)
		out->n = before;
	return rc;
}
