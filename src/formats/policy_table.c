#include "formats/policy_table.h"

#include "base/rd.h"
#include "formats/policy_table_layout.h"

/* Every read of the table's content goes through a reader that starts at a checked
 * offset of a checked section, so that a damaged offset is a miss. */
static bool
at_le64(struct span s, uint64_t i, uint64_t *v)
{
	struct rd r = rd_init(i >= s.n / 8 ? span_of(NULL, 0) : span_of(s.p + 8 * i, 8));

	return rd_le64(&r, v);
}

/* Section number ${i}: in the file, behind the one before. */
static bool
read_section(struct rd *r, struct span bytes, uint64_t *end, struct span *out)
{
	uint64_t off, n;

	if (!(rd_le64(r, &off) && rd_le64(r, &n)))
		return false;
	if (off < *end || off % 8 != 0 || off > bytes.n || n > bytes.n - off)
		return rd_fail(r, ERR_RANGE);
	*out = span_of(bytes.p + off, (size_t)n);
	*end = off + n;
	return true;
}

static bool
read_header(struct rd *r, struct span bytes, struct policy_table *t)
{
	uint64_t end = TABLE_HEADER;

	return rd_le64(r, &t->seed) && rd_le64(r, &t->n_paths) && rd_le64(r, &t->n_digests) &&
	    rd_le64(r, &t->n_packages) && rd_le64(r, &t->n_slots) &&
	    rd_le32(r, &t->max_probe) && rd_le32(r, &t->algs) &&
	    read_section(r, bytes, &end, &t->slots) && read_section(r, bytes, &end, &t->index) &&
	    read_section(r, bytes, &end, &t->entries) &&
	    read_section(r, bytes, &end, &t->packages) && read_section(r, bytes, &end, &t->meta);
}

/* What the counts promise about the sections. */
static bool
counts_fit(const struct policy_table *t)
{
	bool power = (t->n_slots & (t->n_slots - 1)) == 0;

	return power && t->slots.n % 8 == 0 && t->n_slots == t->slots.n / 8 &&
	    t->index.n % 8 == 0 && t->n_paths == t->index.n / 8 &&
	    (t->n_paths == 0 || t->n_paths < t->n_slots) &&
	    t->n_packages <= t->packages.n / TABLE_PACKAGE &&
	    t->n_digests <= t->entries.n / TABLE_DIGEST_HEAD &&
	    t->max_probe <= TABLE_MAX_PROBE && t->entries.n < TABLE_OFFSET_MASK;
}

static int
check_size(uint64_t size, size_t have, struct err *e)
{
	if (size > have)
		return err_at(e, ERR_TRUNCATED, have,
		    "compiled policy is cut short: it has %zu bytes, its header says %llu",
		    have, (unsigned long long)size);
	if (size < have)
		return err_at(e, ERR_TRAILING, size, "data follows the compiled policy");
	return 0;
}

bool
policy_table_sniff(struct span bytes)
{
	return span_starts(bytes, span_lit(TABLE_MAGIC));
}

int
policy_table_open(struct span bytes, struct policy_table *t, struct err *e)
{
	struct policy_table got = { .bytes = bytes };
	struct rd r = rd_init(bytes);
	struct span magic;
	uint32_t version, header;
	uint64_t size, sum, want;
	int rc;

	if (!policy_table_sniff(bytes))
		return err_at(e, ERR_FORMAT, 0, "is not a compiled policy: its magic is missing");
	if (!(rd_bytes(&r, TABLE_MAGIC_LEN, &magic) && rd_le32(&r, &version) && rd_le32(&r, &header)))
		return err_at(e, r.why, r.off, "compiled policy ends inside its header");
	if (version > TABLE_VERSION)
		return err_hint(e, err_at(e, ERR_VERSION, 8,
		    "compiled policy is of version %u, this program reads version %d",
		    version, TABLE_VERSION), "compile the policy with this program, or update it");
	if (version != TABLE_VERSION || header != TABLE_HEADER)
		return err_at(e, ERR_FORMAT, 8, "compiled policy has an impossible version or header size");
	if (!(rd_le64(&r, &size) && rd_le64(&r, &sum)))
		return err_at(e, r.why, r.off, "compiled policy ends inside its header");
	if ((rc = check_size(size, bytes.n, e)) != 0)
		return rc;
	if (!read_header(&r, bytes, &got) || !rd_le64(&r, &want))
		return err_at(e, r.why == ERR_TRUNCATED ? ERR_TRUNCATED : ERR_FORMAT, r.off,
		    "header of the compiled policy is damaged");
	if (XXH3_64bits(bytes.p, TABLE_HEADER_HASHED) != want || !counts_fit(&got))
		return err_at(e, ERR_FORMAT, 0, "header of the compiled policy is damaged");
	*t = got;
	return 0;
}

struct span
policy_table_meta(const struct policy_table *t)
{
	return t->meta;
}

/* The digest record at ${*at}, which moves behind it. */
static bool
read_digest(const struct policy_table *t, uint64_t *at, struct policy_digest *d)
{
	struct rd r = rd_init(span_from(t->entries, *at));
	uint8_t alg, size;
	uint16_t layer;
	struct policy_digest got;

	if (!(rd_u8(&r, &alg) && rd_u8(&r, &size) && rd_le16(&r, &layer) &&
	    rd_le32(&r, &got.package) && rd_bytes(&r, size, &got.bytes)))
		return false;
	got.alg = digest_alg_by_ima(alg);
	got.layer = layer;
	if (got.alg == DIGEST_NONE || digest_alg_size(got.alg) != size)
		return false;
	*at += r.off;
	*d = got;
	return true;
}

/* The entry at ${off}: its path, and an iterator over its digests. */
static bool
read_entry(const struct policy_table *t, uint64_t off, struct span *path, struct policy_iter *it)
{
	struct rd r = rd_init(span_from(t->entries, off));
	struct policy_digest first;
	uint32_t n, len;
	uint64_t at;

	if (!(rd_le32(&r, &len) && rd_le32(&r, &n) && rd_bytes(&r, len, path)) || n == 0)
		return false;
	*it = (struct policy_iter){ .t = t, .at = off + r.off, .left = n };
	at = it->at;
	return read_digest(t, &at, &first);	/* a known path has at least one */
}

bool
policy_table_find(const struct policy_table *t, struct span path, struct policy_iter *it)
{
	struct policy_iter got;
	struct span name;
	uint64_t hash, slot;

	if (t->n_slots == 0)
		return false;
	hash = table_hash(path, t->seed);
	for (uint64_t k = 0; k <= t->max_probe; k++) {
		if (!at_le64(t->slots, (hash + k) & (t->n_slots - 1), &slot) || slot == 0)
			return false;
		if (slot >> TABLE_OFFSET_BITS != hash >> TABLE_OFFSET_BITS)
			continue;
		if (read_entry(t, (slot & TABLE_OFFSET_MASK) - 1, &name, &got) && span_eq(name, path)) {
			*it = got;
			return true;
		}
	}
	return false;
}

/* The first bytes of ${s} on their way from memory.  The empty asm is there because gcc 12
 * takes a function that only prefetches for one that does nothing, and drops its calls. */
static void
fetch(struct span s, size_t most)
{
	for (size_t i = 0; i < s.n && i < most; i += 64)
		__builtin_prefetch(s.p + i);
	__asm__ volatile("");
}

void
policy_table_expect(const struct policy_table *t, struct span path, enum policy_table_step step)
{
	uint64_t hash, slot;

	if (t->n_slots == 0)
		return;
	hash = table_hash(path, t->seed);
	if (step == POLICY_TABLE_SLOT) {
		fetch(span_from(t->slots, 8 * (hash & (t->n_slots - 1))), 1);
		return;
	}
	/* An entry with one SHA-256 has 48 bytes and its path, which begin anywhere. */
	for (uint64_t k = 0; k < 8 && at_le64(t->slots, (hash + k) & (t->n_slots - 1), &slot) && slot != 0; k++) {
		if (slot >> TABLE_OFFSET_BITS == hash >> TABLE_OFFSET_BITS) {
			fetch(span_from(t->entries, (slot & TABLE_OFFSET_MASK) - 1), 192);
			return;
		}
	}
}

bool
policy_iter_next(struct policy_iter *it, struct policy_digest *d)
{
	if (it->left == 0)
		return false;
	if (!read_digest(it->t, &it->at, d)) {
		it->left = 0;
		return false;
	}
	it->left--;
	return true;
}

bool
policy_table_at(const struct policy_table *t, uint64_t i, struct span *path, struct policy_iter *it)
{
	uint64_t off;
	struct policy_iter got;
	struct span name;

	if (!at_le64(t->index, i, &off) || off >= t->entries.n || !read_entry(t, off, &name, &got))
		return false;
	*path = name;
	*it = got;
	return true;
}

bool
policy_table_package(const struct policy_table *t, uint64_t i, struct policy_package *p)
{
	struct span strings, part[3];
	uint32_t off, len, layer;

	if (i >= t->n_packages)
		return false;
	strings = span_from(t->packages, (size_t)t->n_packages * TABLE_PACKAGE);
	struct rd r = rd_init(span_of(t->packages.p + i * TABLE_PACKAGE, TABLE_PACKAGE));

	for (unsigned k = 0; k < 3; k++) {
		if (!(rd_le32(&r, &off) && rd_le32(&r, &len)) ||
		    off > strings.n || len > strings.n - off)
			return false;
		part[k] = span_head(span_from(strings, off), len);
	}
	if (!rd_le32(&r, &layer))
		return false;
	*p = (struct policy_package){ part[0], part[1], part[2], layer };
	return true;
}

static int
damaged(struct err *e, uint64_t i)
{
	return err_set(e, ERR_FORMAT, "compiled policy is damaged at its path number %llu",
	    (unsigned long long)i);
}

int
policy_table_check(const struct policy_table *t, struct err *e)
{
	struct span last = { 0 }, path = { 0 };
	struct policy_iter it, found;
	struct policy_digest d;
	struct policy_package p;
	struct rd r = rd_init(span_from(t->bytes, 24));
	uint64_t sum, digests = 0;
	uint32_t algs = 0;

	if (!rd_le64(&r, &sum) ||
	    XXH3_64bits(t->bytes.p + TABLE_HEADER, t->bytes.n - TABLE_HEADER) != sum)
		return err_set(e, ERR_FORMAT, "compiled policy is damaged: its checksum is wrong");
	for (uint64_t i = 0; i < t->n_paths; i++, last = path) {
		if (!policy_table_at(t, i, &path, &it) || (i > 0 && span_cmp(last, path) >= 0) ||
		    !policy_table_find(t, path, &found) || found.at != it.at)
			return damaged(e, i);
		for (uint32_t left = it.left; left > 0; left--, digests++) {
			if (!policy_iter_next(&it, &d) ||
			    (d.package != POLICY_NO_PACKAGE && d.package >= t->n_packages))
				return damaged(e, i);
			algs |= (uint32_t)1 << digest_alg_ima(d.alg);
		}
	}
	for (uint64_t i = 0; i < t->n_packages; i++)
		if (!policy_table_package(t, i, &p))
			return err_set(e, ERR_FORMAT, "compiled policy is damaged in its packages");
	if (digests != t->n_digests || algs != t->algs)
		return err_set(e, ERR_FORMAT, "compiled policy is damaged: it counts its digests wrongly");
	return 0;
}
