/* File systems by their labels, from their superblocks: udev's links show only one of several
 * volumes with the same label. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/rd.h"
#include "base/text.h"
#include "port/sys/setup_read.h"

#define FIRST_BYTES KIB(68)

static struct span
piece(struct span s, size_t off, size_t n)
{
	struct span p = span_head(span_from(s, off), n);

	return p.n == n ? p : span_of(NULL, 0);
}

/* Where each has its magic, UUID and label (ext4_super_block, xfs_dsb, btrfs_super_block). */
static const struct layout {
	size_t magic_at, uuid_at, label_at, label_size;
	const char *magic;
	size_t magic_size;
} layouts[] = {
	{ 0x438, 0x468, 0x478, 16, "\x53\xef", 2 },
	{ 0, 32, 108, 12, "XFSB", 4 },
	{ 0x10040, 0x10020, 0x1012b, 256, "_BHRfS_M", 8 },
};

bool
setup_superblock(struct span first, struct span *label, uint8_t uuid[16])
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		const struct layout *l = &layouts[i];
		struct span id = piece(first, l->uuid_at, 16), name = piece(first, l->label_at, l->label_size);

		if (!span_eq(piece(first, l->magic_at, l->magic_size), span_of(l->magic, l->magic_size)) || id.n == 0 || name.n == 0)
			continue;
		*label = span_head(name, span_find(name, '\0'));
		memcpy(uuid, id.p, 16);
		return label->n > 0;
	}
	return false;
}

struct volumes {
	struct arena *a;
	struct disk_volume *v;
	size_t n, cap;
};

static int
add(struct volumes *x, struct span label, const uint8_t uuid[16], struct err *e)
{
	struct disk_volume *v = arena_grow(x->a, x->v, x->n, &x->cap, sizeof(*v));

	if (v == NULL || !arena_copy(x->a, label, &v[x->n].label))
		return arena_err(x->a, e);
	x->v = v;
	memcpy(v[x->n++].uuid, uuid, 16);
	return 0;
}

/* A device that cannot be read (no medium, no right) has no label for us. */
static int
read_device(const struct root_dir *r, const char *name, uint8_t *first, struct volumes *x, struct err *e)
{
	char path[LIMIT_SETUP_NAME];
	const char *base;
	struct err ignored;
	struct span label;
	uint8_t uuid[16];
	int dir, fd;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/dev/%s", name);
	for (char *p = path + 5; *p != '\0'; p++)
		if (*p == '!')
			*p = '/';	/* cciss!c0d0 */
	if (root_dir_parent(r, path, NULL, NULL, &dir, &base, &ignored) != 0)
		return 0;
	fd = openat(dir, base, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	(void)close(dir);
	if (fd < 0)
		return 0;
	n = pread(fd, first, FIRST_BYTES, 0);
	(void)close(fd);
	if (n <= 0 || !setup_superblock(span_of(first, (size_t)n), &label, uuid))
		return 0;
	return add(x, label, uuid, e);
}

int
setup_volumes(const struct root_dir *r, struct arena *a, struct disk_volume **v, size_t *n, struct err *e)
{
	struct volumes x = { .a = a };
	uint8_t *first = arena_alloc(a, FIRST_BYTES);
	const char **names;
	size_t devices;
	int rc;

	if (first == NULL)
		return arena_err(a, e);
	if ((rc = root_dir_list(r, "/sys/class/block", "", a, &names, &devices, e)) != 0)
		return rc;
	for (size_t i = 0; i < devices; i++)
		if ((rc = read_device(r, names[i], first, &x, e)) != 0)
			return rc;
	*v = x.v;
	*n = x.n;
	return 0;
}
