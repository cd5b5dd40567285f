#include "port/sys/mount_probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "formats/mountinfo.h"

/* linux/fs.h of kernel 6.9: FS_IOC_GETFSUUID. */
struct fsuuid2 {
	uint8_t len;
	uint8_t uuid[16];
};
#define GETFSUUID _IOR(0x15, 0, struct fsuuid2)

/* A signature by an RSA-2048 key: the header of signature_v2_hdr and 256 bytes. */
#define XATTR_ROOM (9 + 256)

static void
fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}
#define FD_AUTO __attribute__((cleanup(fd_close)))

/* Kernel interfaces and what is made of other mounts' files: nothing is ever run from
 * there or nothing there outlives a boot with content of its own. */
static bool
pseudo(struct span type)
{
	static const char *const names[] = { "proc", "sysfs", "devpts", "devtmpfs", "cgroup",
		"cgroup2", "securityfs", "debugfs", "tracefs", "configfs", "fusectl", "pstore", "bpf",
		"mqueue", "hugetlbfs", "binfmt_misc", "efivarfs", "autofs", "rpc_pipefs", "nsfs",
		"selinuxfs", "smackfs", "nfsd", "resctrl" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(type, names[i]))
			return true;
	return false;
}

static bool
served(struct span type)
{
	static const char *const names[] = { "nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs",
		"fuse", "virtiofs", "gfs2", "ocfs2", "lustre", "coda", "ncpfs" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is(type, names[i]))
			return true;
	return span_starts(type, span_lit("fuse."));
}

/* ---- trying out ----------------------------------------------------------------- */

/* security.ima itself if we may, else another name of the same length: what takes up
 * the room is the value. */
static void
try_xattr(int fd, struct machine_mount *m)
{
	static const char *const names[] = { "security.ima", "user.assay" };
	/* A real header: type and version of a signature, SHA-256, key 0, 256 bytes. */
	uint8_t value[XATTR_ROOM] = { 3, 2, 4, 0, 0, 0, 0, 1, 0 };

	for (size_t i = 0; i < 2; i++) {
		int why = fsetxattr(fd, names[i], value, sizeof(value), 0) == 0 ? 0 : errno;
		bool full = why == ENOSPC || why == E2BIG || why == ERANGE;

		/* user.* may also be off by a mount option, so it says no only for lack of room. */
		if (why != 0 && !full && !(i == 0 && why == ENOTSUP))
			continue;
		m->xattr_room = why == 0 ? FACT_YES : FACT_NO;
		m->xattr_name = names[i];
		return;
	}
}

/* Asking for the digest of what has none: ENODATA where fs-verity works, EOPNOTSUPP
 * where kernel or file system lack the feature, ENOTTY where it does not exist. */
static enum fact
ask_verity(int dir)
{
	/* The struct ends in an array of no length: the digest follows it. */
	union { struct fsverity_digest d; uint8_t room[sizeof(struct fsverity_digest) + 64]; } q =
	    { .d = { .digest_size = 64 } };

	if (ioctl(dir, FS_IOC_MEASURE_VERITY, &q) == 0 || errno == ENODATA)
		return FACT_YES;
	return errno == EOPNOTSUPP || errno == ENOTTY ? FACT_NO : FACT_UNKNOWN;
}

static void
ask_uuid(int dir, struct machine_mount *m)
{
	struct fsuuid2 u = { .len = 0 };

	if (ioctl(dir, GETFSUUID, &u) == 0 && u.len == sizeof(m->uuid)) {
		m->has_uuid = true;
		memcpy(m->uuid, u.uuid, sizeof(m->uuid));
	}
}

static void
ask_direct(int fd, struct machine_mount *m)
{
#ifdef STATX_DIOALIGN
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) == 0 && (st.stx_mask & STATX_DIOALIGN)) {
		m->direct = st.stx_dio_mem_align != 0 ? FACT_YES : FACT_NO;
		m->direct_align = st.stx_dio_mem_align;
		return;
	}
#endif
	char self[64];
	FD_AUTO int direct = -1;

	/* Not every file system says so (btrfs does not): open it that way. */
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	direct = open(self, O_RDONLY | O_DIRECT | O_CLOEXEC);
	m->direct = direct >= 0 ? FACT_YES : errno == EINVAL ? FACT_NO : FACT_UNKNOWN;
}

/* Any regular file of the folder, only to ask about it. */
static int
some_file(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	int looked = 0;

	if (d == NULL) {
		fd_close(&copy);
		return -1;
	}
	for (const struct dirent *ent; fd < 0 && looked < 256 && (ent = readdir(d)) != NULL; looked++)
		if (ent->d_type == DT_REG)
			fd = openat(dir, ent->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	(void)closedir(d);
	return fd;
}

/* Whether the folder is this mount and not one that was put over it. */
static bool
same_mount(int dir, const struct machine_mount *m)
{
	struct stat st;
#ifdef STATX_MNT_ID
	struct statx sx;

	if (statx(dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &sx) == 0 && (sx.stx_mask & STATX_MNT_ID))
		return sx.stx_mnt_id == m->id;
#endif
	return fstat(dir, &st) == 0 && st.st_dev == makedev(m->major, m->minor);
}

static void
probe_mount(struct machine_mount *m, struct arena *a)
{
	char *path = arena_str(a, m->point);
	FD_AUTO int dir = path == NULL ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FD_AUTO int tmp = -1;
	FD_AUTO int other = -1;

	if (dir < 0 || !same_mount(dir, m))
		return;
	m->probed = true;
	m->verity = ask_verity(dir);
	ask_uuid(dir, m);
	tmp = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (tmp >= 0)
		try_xattr(tmp, m);
	else
		other = some_file(dir);
	if (tmp >= 0 || other >= 0)
		ask_direct(tmp >= 0 ? tmp : other, m);
}

/* ---- the list ------------------------------------------------------------------- */

static struct machine_mount *
known(struct machine *m, const struct mountinfo *mi)
{
	for (size_t i = 0; i < m->n_mounts; i++)
		if (m->mounts[i].major == mi->major && m->mounts[i].minor == mi->minor)
			return &m->mounts[i];
	return NULL;
}

static int
join_options(struct arena *a, const struct mountinfo *mi, struct span *out, struct err *e)
{
	BUF_AUTO struct buf b = buf_init(LIMIT_TEXT_LINE * 2 + 1);
	int rc;

	buf_span(&b, mi->options);
	buf_u8(&b, ',');
	buf_span(&b, mi->super_options);
	if ((rc = buf_done(&b, e)) != 0)
		return rc;
	return arena_copy(a, buf_view(&b), out) ? 0 : arena_err(a, e);
}

static int
add_mount(const struct tree *t, const struct mountinfo *mi, size_t *cap, struct machine *m,
    struct err *e)
{
	struct machine_mount *old, *list, new = { .point = mi->point, .type = mi->type,
		.source = mi->source, .id = mi->id, .major = mi->major, .minor = mi->minor };
	int rc;

	for (size_t i = 0; i < m->n_mounts; i++)
		m->mounts[i].covered |= span_eq(m->mounts[i].point, mi->point);
	if (pseudo(mi->type)) {
		m->n_pseudo++;
		return 0;
	}
	if ((old = known(m, mi)) != NULL) {
		old->others++;
		/* What nobody sees any more says less than where it can be seen. */
		if (old->covered) {
			old->covered = false;
			old->point = mi->point;
			old->id = mi->id;
		}
		return 0;
	}
	if ((rc = join_options(t->a, mi, &new.options, e)) != 0)
		return rc;
	if ((list = arena_grow(t->a, m->mounts, m->n_mounts, cap, sizeof(*list))) == NULL)
		return arena_err(t->a, e);
	m->mounts = list;
	m->mounts[m->n_mounts++] = new;
	return 0;
}

int
mounts_read(const struct tree *t, bool probe, struct machine *m, struct err *e)
{
	static const char path[] = "/proc/self/mountinfo";
	enum machine_access access;
	struct mountinfo mi;
	struct span s;
	uint64_t line = 0;
	size_t cap = 0;
	int rc = tree_read(t, path, LIMIT_MOUNTINFO, &s, &access, e);

	if (rc != 0)
		return rc;
	struct rd r = rd_init(s);
	while ((rc = mountinfo_next(&r, &line, t->a, &mi, e)) > 0)
		if ((rc = add_mount(t, &mi, &cap, m, e)) != 0)
			return rc;
	if (rc < 0)
		return err_file(e, rc, path);
	for (size_t i = 0; probe && i < m->n_mounts; i++)
		if (!served(m->mounts[i].type) && !m->mounts[i].covered)
			probe_mount(&m->mounts[i], t->a);
	return 0;
}
