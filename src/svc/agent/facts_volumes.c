/* facts_volumes.c: which labelled file systems are mounted where.  Asked of the mounted file
 * system itself (FS_IOC_GETFSLABEL): no device is opened, and no udev is needed. */
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "formats/mountinfo.h"
#include "svc/agent/facts.h"

/* Local ones that know the request.  A served one (NFS, FUSE) could hold us up. */
static bool
has_label(struct span type)
{
	static const char *const types[] = { "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_is(type, types[i]))
			return true;
	return false;
}

static void
put_volume(const char *root, const struct mountinfo *m, json_t *volumes)
{
	BUF_AUTO struct buf path = buf_init(LIMIT_PATH), key = buf_init(4 * FSLABEL_MAX + 1);
	char label[FSLABEL_MAX] = "";
	int fd, rc;

	buf_str(&path, root);
	buf_span(&path, m->point);
	if (path.why != 0 || memchr(m->point.p, 0, m->point.n) != NULL)
		return;
	fd = open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	rc = ioctl(fd, FS_IOC_GETFSLABEL, label);
	(void)close(fd);
	label[sizeof(label) - 1] = '\0';
	if (rc != 0 || label[0] == '\0')
		return;
	buf_escape(&key, span_str(label));
	if (key.why == 0 && json_object_get(volumes, buf_cstr(&key)) == NULL)
		(void)json_object_set_new(volumes, buf_cstr(&key), json_escaped(m->point));
}

void
facts_volumes(const char *root, json_t *j)
{
	ARENA_AUTO struct arena a = arena_init(MIB(4));
	BUF_AUTO struct buf name = buf_init(LIMIT_PATH);
	JSON_AUTO json_t *volumes = json_object();
	FILE_AUTO struct file f = { 0 };
	struct mountinfo m;
	struct err e = { 0 };
	uint64_t line = 0;
	struct rd r;

	buf_printf(&name, "%s/proc/self/mountinfo", root);
	if (name.why != 0 || file_read(buf_cstr(&name), LIMIT_MOUNTINFO, &f, &e) != 0)
		return;
	r = rd_init(file_view(&f));
	while (mountinfo_next(&r, &line, &a, &m, &e) > 0)
		if (has_label(m.type))
			put_volume(root, &m, volumes);
	if (json_object_size(volumes) > 0)
		(void)json_object_set(j, "volumes", volumes);
}
