/* A second setup begins where the first did: its changes are not the owner's. */
#include "engine/setup_internal.h"

static bool
restore(struct setup_file *f, const struct setup_state *s)
{
	const struct setup_change *c = f->path == NULL ? NULL : setup_state_find(s, f->path);

	if (c == NULL)
		return false;
	f->present = c->existed;
	f->content = c->existed ? c->before : span_of(NULL, 0);
	f->mode = c->mode;
	f->uid = c->uid;
	f->gid = c->gid;
	return true;
}

/* Files that were there only since then drop out. */
static void
restore_all(struct setup_files *v, const struct setup_state *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->n; i++) {
		(void)restore(&v->v[i], s);
		if (v->v[i].present)
			v->v[kept++] = v->v[i];
	}
	v->n = kept;
}

void
setup_facts_before(struct setup_facts *f, const struct setup_state *s)
{
	for (size_t i = 0; i < sizeof(f->policies) / sizeof(f->policies[0]); i++)
		(void)restore(&f->policies[i], s);
	(void)restore(&f->grub_default, s);
	(void)restore(&f->kernel_cmdline, s);
	(void)restore(&f->extlinux, s);
	restore_all(&f->grub_d, s);
	restore_all(&f->entries, s);
	if (setup_state_find(s, SETUP_DRACUT_PART) != NULL)
		f->dracut_asked = false;
}
