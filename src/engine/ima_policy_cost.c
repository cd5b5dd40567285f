#include "engine/ima_policy_cost.h"

const char *
ima_cost_kind_name(enum ima_cost_kind k)
{
	static const char *const names[] = { "programs", "libraries", "scripts", "modules", "firmware",
		"other files" };

	return names[k];
}

static bool
contains(struct span s, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; i + n <= s.n; i++)
		if (memcmp(s.p + i, what, n) == 0)
			return true;
	return false;
}

/* The name has ".so" at its end or before a version. */
static bool
is_library_name(struct span path)
{
	return span_ends(path, span_lit(".so")) || contains(path, ".so.");
}

static bool
is_module_name(struct span path)
{
	return span_ends(path, span_lit(".ko")) || span_ends(path, span_lit(".ko.xz")) ||
	    span_ends(path, span_lit(".ko.zst")) || span_ends(path, span_lit(".ko.gz"));
}

enum ima_cost_kind
ima_cost_kind_of(struct span path, bool executable, struct span head)
{
	bool elf = span_starts(head, span_lit("\177ELF"));

	if (is_module_name(path))
		return IMA_COST_MODULE;
	if (contains(path, "/lib/firmware/"))
		return IMA_COST_FIRMWARE;
	if (is_library_name(path) && (elf || head.n == 0))
		return IMA_COST_LIBRARY;
	if (span_starts(head, span_lit("#!")))
		return executable ? IMA_COST_SCRIPT : IMA_COST_DATA;
	if (elf)
		return executable ? IMA_COST_PROGRAM : IMA_COST_DATA;
	/* A recorded list has names only. */
	if (head.n == 0 && executable && (contains(path, "/bin/") || contains(path, "/sbin/") ||
	    contains(path, "/libexec/")))
		return IMA_COST_PROGRAM;
	return IMA_COST_DATA;
}

bool
ima_cost_changes(struct span path)
{
#define NEVER_UNDER(dir) if (span_starts(path, span_lit(dir))) return false;
#define CHANGES_UNDER(dir) if (span_starts(path, span_lit(dir))) return true;
#define CHANGES_NAMED(suffix) if (span_ends(path, span_lit(suffix))) return true;
#include "engine/ima_cost_paths.tbl"
#undef NEVER_UNDER
#undef CHANGES_UNDER
#undef CHANGES_NAMED
	return false;
}

/* The size classes of kmalloc: powers of two, and 96 and 192 (mm/slab_common.c). */
static uint64_t
kmalloc_size(uint64_t n)
{
	uint64_t size = 8;

	if (n > 64 && n <= 96)
		return 96;
	if (n > 128 && n <= 192)
		return 192;
	while (size < n)
		size *= 2;
	return size;
}

uint64_t
ima_cost_entry_memory(struct span fmt, size_t path_length, unsigned banks)
{
	uint64_t fields = 1;

	for (size_t i = 0; i < fmt.n; i++)
		fields += fmt.p[i] == '|';
	/* struct ima_queue_entry; ima_template_entry with its fields; a digest with its
	 * algorithm (66 bytes) for each bank and one more; d-ng; the path; the inode's iint. */
	return kmalloc_size(40) + kmalloc_size(32 + 16 * fields) + kmalloc_size(66 * (banks + 1)) +
	    kmalloc_size(8 + 32) + kmalloc_size(path_length + 1) + 192;
}

struct use { enum ima_func func; unsigned mask; };

/* How a file of each kind is used; the first line is what it is for. */
static const struct use uses[IMA_COST_KINDS][5] = {
	[IMA_COST_PROGRAM] = { { IMA_FUNC_BPRM_CHECK, IMA_MAY_EXEC }, { IMA_FUNC_CREDS_CHECK, IMA_MAY_EXEC },
		{ IMA_FUNC_MMAP_CHECK, IMA_MAY_EXEC }, { IMA_FUNC_FILE_CHECK, IMA_MAY_EXEC } },
	[IMA_COST_LIBRARY] = { { IMA_FUNC_MMAP_CHECK, IMA_MAY_EXEC },
		{ IMA_FUNC_MMAP_CHECK_REQPROT, IMA_MAY_EXEC }, { IMA_FUNC_FILE_CHECK, IMA_MAY_READ } },
	[IMA_COST_SCRIPT] = { { IMA_FUNC_BPRM_CHECK, IMA_MAY_EXEC }, { IMA_FUNC_CREDS_CHECK, IMA_MAY_EXEC },
		{ IMA_FUNC_FILE_CHECK, IMA_MAY_READ } },
	[IMA_COST_MODULE] = { { IMA_FUNC_MODULE_CHECK, IMA_MAY_READ }, { IMA_FUNC_FILE_CHECK, IMA_MAY_READ } },
	[IMA_COST_FIRMWARE] = { { IMA_FUNC_FIRMWARE_CHECK, IMA_MAY_READ } },
	[IMA_COST_DATA] = { { IMA_FUNC_FILE_CHECK, IMA_MAY_READ } },
};

struct seen { bool measured, depends, appraised, by_read; struct span fmt; };

static void
use_as(const struct ima_policy *p, const struct ima_kernel *k, const struct ima_cost_file *f,
    uint32_t uid, struct seen *s)
{
	struct ima_access a = f->place;

	a.uid = a.euid = a.suid = a.gid = a.egid = a.sgid = uid;
	a.cap_setuid = a.cap_setgid = uid == 0;
	a.given |= IMA_GIVEN_UID | IMA_GIVEN_EUID | IMA_GIVEN_GID | IMA_GIVEN_EGID;
	for (size_t i = 0; i < 5 && uses[f->kind][i].func != IMA_FUNC_NONE; i++) {
		struct ima_decision d;
		const struct ima_class_decision *m = &d.by[IMA_CLASS_MEASURE];

		a.func = uses[f->kind][i].func;
		a.mask = uses[f->kind][i].mask;
		ima_policy_decide(p, k, &a, &d);
		s->appraised = s->appraised || d.by[IMA_CLASS_APPRAISE].does;
		if (m->maybe != NULL && ima_rule_does(m->maybe) != m->does)
			s->depends = true;
		else if (m->does && !s->measured) {
			s->measured = true;
			s->fmt = d.template_fmt;
		}
		s->by_read = s->by_read || (m->does && a.func == IMA_FUNC_FILE_CHECK);
	}
}

static void
charge(struct ima_cost *c, const struct ima_cost_model *m, const struct ima_cost_file *f,
    const struct seen *s)
{
	c->by[f->kind].measured++;
	c->by[f->kind].bytes += f->size;
	c->entries++;
	c->extend_seconds += m->extend_ms / 1000;
	c->memory += ima_cost_entry_memory(s->fmt, f->path.n, m->banks);
	/* pcr, digest, name and their lengths; d-ng with "sha256:" and 32 bytes; n-ng. */
	c->list_bytes += 4 + 20 + 4 + ima_template_call(s->fmt).n + 4 + 4 + 40 + 4 + f->path.n + 1;
	if (s->by_read && ima_cost_changes(f->path)) {
		if (c->violations < IMA_COST_EXAMPLES)
			c->violating[c->violations] = f->path;
		c->violations++;
	}
}

void
ima_cost_add(struct ima_cost *c, const struct ima_policy *p, const struct ima_kernel *k,
    const struct ima_cost_model *m, const struct ima_cost_file *f)
{
	struct seen root = { 0 }, user = { 0 };
	struct seen *s;

	use_as(p, k, f, 0, &root);
	/* Modules and firmware are loaded by the kernel, for root. */
	if (f->kind != IMA_COST_MODULE && f->kind != IMA_COST_FIRMWARE)
		use_as(p, k, f, 1000, &user);
	s = root.measured ? &root : &user;
	c->by[f->kind].files++;
	c->by[f->kind].appraised += root.appraised || user.appraised;
	if (s->measured) {
		s->by_read = root.by_read || user.by_read;
		charge(c, m, f, s);
		c->root_only += !user.measured && f->kind != IMA_COST_MODULE && f->kind != IMA_COST_FIRMWARE;
		return;
	}
	if (root.depends || user.depends) {
		c->by[f->kind].depends++;
		return;
	}
	if (f->kind > IMA_COST_MODULE)
		return;
	if (c->n_unseen < IMA_COST_EXAMPLES)
		c->unseen[c->n_unseen] = f->path;
	c->n_unseen++;
}
