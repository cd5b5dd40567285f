#include "port/fs_facts.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/rd.h"

static struct span
word(struct span *rest)
{
	size_t n = span_find(*rest, ' ');
	struct span w = span_head(*rest, n);

	*rest = span_from(*rest, n + 1);
	return w;
}

/* proc(5): "id parent major:minor root mountpoint options [optional...] - type source ..." */
static bool
type_in_line(struct span line, dev_t dev, char type[32])
{
	char want[32];
	struct span w;

	(void)snprintf(want, sizeof(want), "%u:%u", major(dev), minor(dev));
	(void)word(&line);
	(void)word(&line);
	if (!span_is(word(&line), want))
		return false;
	while (line.n > 0 && !span_is(word(&line), "-"))
		;
	w = word(&line);
	if (w.n == 0 || w.n >= 32)
		return false;
	memcpy(type, w.p, w.n);
	type[w.n] = '\0';
	return true;
}

static void
find_type(struct fs_fact *fact)
{
	FILE_AUTO struct file f = { 0 };
	struct span line;

	if (file_read("/proc/self/mountinfo", MIB(16), &f, NULL) != 0)
		return;
	struct rd r = rd_init(file_view(&f));

	while (rd_line(&r, LIMIT_TEXT_LINE, &line))
		if (type_in_line(line, fact->dev, fact->type))
			return;
}

static void
dir_closep(DIR **d)
{
	if (*d != NULL)
		closedir(*d);
}

static void
find_uuid(struct fs_fact *fact)
{
	__attribute__((cleanup(dir_closep))) DIR *d = opendir("/dev/disk/by-uuid");
	struct dirent *n;
	struct stat st;

	while (d != NULL && (n = readdir(d)) != NULL)
		if (strlen(n->d_name) == 36 && fstatat(dirfd(d), n->d_name, &st, 0) == 0 &&
		    S_ISBLK(st.st_mode) && st.st_rdev == fact->dev)
			(void)snprintf(fact->uuid, sizeof(fact->uuid), "%.36s", n->d_name);
}

int
fs_facts_of(struct fs_facts *f, dev_t dev, int fd, const struct fs_fact **out, struct err *e)
{
	struct fs_fact fact = { .dev = dev };
	struct statfs sf;

	for (size_t i = 0; i < f->n; i++)
		if (f->facts[i].dev == dev) {
			*out = &f->facts[i];
			return 0;
		}
	if (f->n == f->cap) {
		size_t cap = f->cap == 0 ? 16 : 2 * f->cap;
		struct fs_fact *grown = reallocarray(f->facts, cap, sizeof(*grown));

		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "out of memory");
		f->facts = grown;
		f->cap = cap;
	}
	if (fstatfs(fd, &sf) != 0)
		return err_errno(e, "cannot ask for the type of a file system");
	/* The magic is 32 bits wide, whatever the sign and size of f_type here. */
	fact.magic = (uint32_t)sf.f_type;
	find_type(&fact);
	find_uuid(&fact);
	f->facts[f->n] = fact;
	*out = &f->facts[f->n++];
	return 0;
}

void
fs_facts_free(struct fs_facts *f)
{
	free(f->facts);
	*f = (struct fs_facts){ 0 };
}
