/* ima_policy_match.c: one rule against another, as sets of the accesses they match. */
#include "engine/ima_policy_match.h"

const char *
ima_class_name(enum ima_class c)
{
	static const char *const names[] = { "measure", "appraise", "audit", "hash" };

	return names[c];
}

enum ima_class
ima_rule_class(const struct ima_rule *r)
{
	if (r->action & (IMA_ACT_MEASURE | IMA_ACT_DONT_MEASURE))
		return IMA_CLASS_MEASURE;
	if (r->action & (IMA_ACT_APPRAISE | IMA_ACT_DONT_APPRAISE))
		return IMA_CLASS_APPRAISE;
	if (r->action & (IMA_ACT_AUDIT | IMA_ACT_DONT_AUDIT))
		return IMA_CLASS_AUDIT;
	return IMA_CLASS_HASH;
}

bool
ima_rule_does(const struct ima_rule *r)
{
	return (r->action & IMA_ACT_DO) != 0;
}

/* The masks that the kernel passes at a hook, as a set: an open of any kind for
 * FILE_CHECK, exec for programs and mappings, read where the kernel reads a file itself,
 * none for kexec's command line. */
static uint32_t
masks_at(enum ima_func f)
{
	switch (f) {
	case IMA_FUNC_FILE_CHECK:
		return 0xffff;
	case IMA_FUNC_MMAP_CHECK:
	case IMA_FUNC_MMAP_CHECK_REQPROT:
	case IMA_FUNC_BPRM_CHECK:
	case IMA_FUNC_CREDS_CHECK:
		return 1u << IMA_MAY_EXEC;
	case IMA_FUNC_MODULE_CHECK:
	case IMA_FUNC_FIRMWARE_CHECK:
	case IMA_FUNC_POLICY_CHECK:
	case IMA_FUNC_KEXEC_KERNEL_CHECK:
	case IMA_FUNC_KEXEC_INITRAMFS_CHECK:
		return 1u << IMA_MAY_READ;
	case IMA_FUNC_KEXEC_CMDLINE:
	case IMA_FUNC_KEY_CHECK:
	case IMA_FUNC_CRITICAL_DATA:
		return 1u << 0;
	case IMA_FUNC_NONE:
	case IMA_FUNC_SETXATTR_CHECK:
	case IMA_FUNC_COUNT:
		break;
	}
	return 0;
}

uint32_t
ima_rule_masks(const struct ima_rule *r, enum ima_func f)
{
	uint32_t set = masks_at(f), out = 0;

	if (r->func != IMA_FUNC_NONE && r->func != f)
		return 0;
	/* Keys and critical data are matched by rules that name them only. */
	if (r->func == IMA_FUNC_NONE && (f == IMA_FUNC_KEY_CHECK || f == IMA_FUNC_CRITICAL_DATA))
		return 0;
	for (unsigned m = 0; m < 16; m++) {
		if ((set >> m & 1) == 0 || ((r->has & IMA_HAS_MASK) != 0 && m != r->mask) ||
		    ((r->has & IMA_HAS_INMASK) != 0 && (m & r->mask) == 0))
			continue;
		out |= 1u << m;
	}
	return out;
}

bool
ima_rule_at(const struct ima_rule *r, enum ima_func f)
{
	return ima_rule_masks(r, f) != 0;
}

bool
ima_rule_reads(const struct ima_rule *r)
{
	return (ima_rule_masks(r, IMA_FUNC_FILE_CHECK) & 1u << IMA_MAY_READ) != 0;
}

bool
ima_rule_has_object_label(const struct ima_rule *r)
{
	return r->labels[IMA_OBJ_USER].n > 0 || r->labels[IMA_OBJ_ROLE].n > 0 ||
	    r->labels[IMA_OBJ_TYPE].n > 0;
}

/* The ids a condition allows, as an interval; empty if lo > hi. */
static void
interval(struct ima_id id, uint64_t *lo, uint64_t *hi)
{
	*lo = id.op == IMA_OP_EQ ? id.value : id.op == IMA_OP_GT ? (uint64_t)id.value + 1 : 0;
	*hi = id.op == IMA_OP_EQ ? id.value : id.op == IMA_OP_GT ? UINT32_MAX - 1u :
	    (uint64_t)id.value - 1;
	if (id.op == IMA_OP_LT && id.value == 0) {
		*lo = 1;
		*hi = 0;
	}
}

static bool
id_empty(struct ima_id id)
{
	uint64_t lo, hi;

	interval(id, &lo, &hi);
	return lo > hi;
}

static bool
id_within(struct ima_id inner, struct ima_id outer)
{
	uint64_t a, b, c, d;

	interval(inner, &a, &b);
	interval(outer, &c, &d);
	return a >= c && b <= d;
}

static bool
id_meets(struct ima_id x, struct ima_id y)
{
	uint64_t a, b, c, d;

	interval(x, &a, &b);
	interval(y, &c, &d);
	return (a > c ? a : c) <= (b < d ? b : d);
}

bool
ima_rule_never(const struct ima_rule *r)
{
	bool anywhere = r->func == IMA_FUNC_SETXATTR_CHECK;

	for (enum ima_func f = IMA_FUNC_NONE + 1; f < IMA_FUNC_COUNT; f++)
		anywhere = anywhere || ima_rule_at(r, f);
	if (!anywhere)
		return true;
	return ((r->has & (IMA_HAS_UID | IMA_HAS_EUID)) != 0 && id_empty(r->uid)) ||
	    ((r->has & (IMA_HAS_GID | IMA_HAS_EGID)) != 0 && id_empty(r->gid)) ||
	    ((r->has & IMA_HAS_FOWNER) != 0 && id_empty(r->fowner)) ||
	    ((r->has & IMA_HAS_FGROUP) != 0 && id_empty(r->fgroup));
}

static bool
list_has(const struct span *items, size_t n, struct span s)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(items[i], s))
			return true;
	return false;
}

/* Whether the names of ${b} are all among those of ${a}; no list means all names. */
static bool
list_covers(const struct span *a, size_t n_a, const struct span *b, size_t n_b)
{
	if (n_a == 0)
		return true;
	for (size_t i = 0; i < n_b; i++)
		if (!list_has(a, n_a, b[i]))
			return false;
	return n_b > 0;
}

static bool
list_meets(const struct span *a, size_t n_a, const struct span *b, size_t n_b)
{
	if (n_a == 0 || n_b == 0)
		return true;
	for (size_t i = 0; i < n_b; i++)
		if (list_has(a, n_a, b[i]))
			return true;
	return false;
}

/* On the buffer hooks only uid=, keyrings= and label= are looked at (ima_match_rule_data). */
static bool
covers_data(const struct ima_rule *a, const struct ima_rule *b)
{
	if ((a->has & IMA_HAS_UID) != 0 &&
	    ((b->has & IMA_HAS_UID) == 0 || !id_within(b->uid, a->uid)))
		return false;
	return list_covers(a->keyrings, a->n_keyrings, b->keyrings, b->n_keyrings) &&
	    list_covers(a->data_labels, a->n_data_labels, b->data_labels, b->n_data_labels);
}

static bool
covers_id(const struct ima_rule *a, const struct ima_rule *b, uint32_t bit, struct ima_id x,
    struct ima_id y)
{
	return (a->has & bit) == 0 || ((b->has & bit) != 0 && id_within(y, x));
}

static bool
covers_file_system(const struct ima_rule *a, const struct ima_rule *b)
{
	if ((a->has & IMA_HAS_FSMAGIC) && !((b->has & IMA_HAS_FSMAGIC) && a->fsmagic == b->fsmagic))
		return false;
	if ((a->has & IMA_HAS_FSNAME) &&
	    !((b->has & IMA_HAS_FSNAME) && span_eq(a->fsname, b->fsname)))
		return false;
	if ((a->has & IMA_HAS_FS_SUBTYPE) &&
	    !((b->has & IMA_HAS_FS_SUBTYPE) && span_eq(a->fs_subtype, b->fs_subtype)))
		return false;
	return !(a->has & IMA_HAS_FSUUID) ||
	    ((b->has & IMA_HAS_FSUUID) && memcmp(a->fsuuid, b->fsuuid, 16) == 0);
}

bool
ima_rule_covers(const struct ima_rule *a, const struct ima_rule *b)
{
	for (enum ima_func f = IMA_FUNC_NONE + 1; f < IMA_FUNC_COUNT; f++)
		if ((ima_rule_masks(b, f) & ~ima_rule_masks(a, f)) != 0)
			return false;
	if (b->func == IMA_FUNC_SETXATTR_CHECK)
		return a->func == IMA_FUNC_SETXATTR_CHECK;
	if (b->func == IMA_FUNC_KEY_CHECK || b->func == IMA_FUNC_CRITICAL_DATA)
		return covers_data(a, b);
	for (unsigned i = 0; i < IMA_LABEL_SLOTS; i++)
		if (a->labels[i].n > 0 && !span_eq(a->labels[i], b->labels[i]))
			return false;
	return covers_file_system(a, b) && covers_id(a, b, IMA_HAS_UID, a->uid, b->uid) &&
	    covers_id(a, b, IMA_HAS_EUID, a->uid, b->uid) &&
	    covers_id(a, b, IMA_HAS_GID, a->gid, b->gid) &&
	    covers_id(a, b, IMA_HAS_EGID, a->gid, b->gid) &&
	    covers_id(a, b, IMA_HAS_FOWNER, a->fowner, b->fowner) &&
	    covers_id(a, b, IMA_HAS_FGROUP, a->fgroup, b->fgroup);
}

static bool
meets_file_system(const struct ima_rule *a, const struct ima_rule *b)
{
	uint32_t both = a->has & b->has;

	return !((both & IMA_HAS_FSMAGIC) && a->fsmagic != b->fsmagic) &&
	    !((both & IMA_HAS_FSNAME) && !span_eq(a->fsname, b->fsname)) &&
	    !((both & IMA_HAS_FS_SUBTYPE) && !span_eq(a->fs_subtype, b->fs_subtype)) &&
	    !((both & IMA_HAS_FSUUID) && memcmp(a->fsuuid, b->fsuuid, 16) != 0);
}

bool
ima_rule_meets(const struct ima_rule *a, const struct ima_rule *b)
{
	uint32_t both = a->has & b->has;
	bool somewhere = false;

	for (enum ima_func f = IMA_FUNC_NONE + 1; f < IMA_FUNC_COUNT; f++)
		somewhere = somewhere || (ima_rule_masks(a, f) & ima_rule_masks(b, f)) != 0;
	for (unsigned i = 0; i < IMA_LABEL_SLOTS; i++)
		if (a->labels[i].n > 0 && b->labels[i].n > 0 && !span_eq(a->labels[i], b->labels[i]))
			return false;
	return somewhere && meets_file_system(a, b) &&
	    !((both & IMA_HAS_UID) && !id_meets(a->uid, b->uid)) &&
	    !((both & IMA_HAS_GID) && !id_meets(a->gid, b->gid)) &&
	    !((both & IMA_HAS_FOWNER) && !id_meets(a->fowner, b->fowner)) &&
	    !((both & IMA_HAS_FGROUP) && !id_meets(a->fgroup, b->fgroup)) &&
	    list_meets(a->keyrings, a->n_keyrings, b->keyrings, b->n_keyrings) &&
	    list_meets(a->data_labels, a->n_data_labels, b->data_labels, b->n_data_labels);
}
