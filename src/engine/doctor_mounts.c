/* doctor_mounts.c: what each file system keeps, and what that means for IMA and for
 * file integrity monitoring. */
#include "engine/doctor_internal.h"
#include "formats/ima_kernel.h"

enum keeps { KEEPS_NO = 0, KEEPS_YES, KEEPS_HALF };

static const struct fs {
	const char *type;
	unsigned cookie_since, cookie_until;
	enum keeps uuid, xattr, verity, direct;
} filesystems[] = {
#define NOW 0xffffffffu
#define FS(type, since, until, uuid, xattr, verity, direct) \
	{ type, since, until, KEEPS_##uuid, KEEPS_##xattr, KEEPS_##verity, KEEPS_##direct },
#include "engine/doctor_filesystems.tbl"
#undef FS
#undef NOW
};

static const struct fs *
fs_of(struct span type)
{
	size_t dot = span_find(type, '.');	/* "fuse.sshfs" is fuse */

	for (size_t i = 0; i < sizeof(filesystems) / sizeof(filesystems[0]); i++)
		if (span_is(span_head(type, dot), filesystems[i].type))
			return &filesystems[i];
	return NULL;
}

static bool
has_option(struct span options, const char *name)
{
	while (options.n > 0) {
		size_t n = span_find(options, ',');

		if (span_is(span_head(options, n), name))
			return true;
		options = span_from(options, n + 1);
	}
	return false;
}

/* The counter is the kernel's own; no system call shows it, so the file system's kind
 * and the kernel's version must tell. */
static void
cookie(struct judge *j, const struct machine_mount *m, const struct fs *fs)
{
	static const char code[] = "mount-cookie", name[] = "change cookie";
	bool asked = has_option(m->options, "i_version") || has_option(m->options, "iversion");

	if (fs == NULL || j->version == 0) {
		judge_mount(j, m->point, code, name, MARK_UNKNOWN, "unknown", "not in the table");
		return;
	}
	if (has_option(m->options, "ro")) {
		judge_mount(j, m->point, code, name, MARK_INFO, "read-only", "");
		return;
	}
	if (asked || (fs->cookie_since != 0 && j->version >= fs->cookie_since &&
	    j->version <= fs->cookie_until)) {
		judge_mount(j, m->point, code, name, MARK_GOOD, "yes", "");
		return;
	}
	bool stack = strcmp(fs->type, "overlay") == 0;
	judge_mount(j, m->point, code, name, stack ? MARK_INFO : MARK_WARN, "no", stack ?
	    "that of the file system below counts" :
	    "IMA cannot tell whether a file changed: it measures after each writer, and may miss what "
	    "changes behind its back");
	if (strcmp(fs->type, "xfs") == 0 && j->version > fs->cookie_until)
		judge_advise(j, 28, "xfs-cookie", "On %.*s: from kernel 6.13 on xfs no longer hands out its change "
		    "counter, and IMA measures a file there again after each writer, changed or not.  "
		    "Expect a longer list, or boot a kernel of 6.12.", (int)m->point.n, (const char *)m->point.p);
	else if (strcmp(fs->type, "ext4") == 0 || strcmp(fs->type, "ext3") == 0)
		judge_advise(j, 38, "mount-cookie", "On %.*s (and others like it): mount with the option "
		    "iversion, so that IMA sees each change of a file.", (int)m->point.n,
		    (const char *)m->point.p);
}

static void
xattr(struct judge *j, const struct machine_mount *m, const struct fs *fs)
{
	static const char code[] = "mount-xattr", name[] = "xattr room";

	if (m->xattr_room != FACT_UNKNOWN) {
		bool yes = m->xattr_room == FACT_YES;

		judge_mount(j, m->point, code, name, yes ? MARK_GOOD : MARK_WARN, yes ? "yes" : "no",
		    judge_text(j, "tried with %s of 265 bytes", m->xattr_name));
		if (!yes)
			judge_advise(j, 27, "mount-xattr", "%.*s has no room for a file signature (265 bytes for "
			    "RSA-2048).  Sign with P-256 keys, which need about 80 bytes, or make the "
			    "file system with larger inodes.", (int)m->point.n, (const char *)m->point.p);
		return;
	}
	if (fs == NULL)
		judge_mount(j, m->point, code, name, MARK_UNKNOWN, "unknown", "not in the table");
	else
		judge_mount(j, m->point, code, name, fs->xattr == KEEPS_NO ? MARK_WARN : MARK_INFO,
		    fs->xattr == KEEPS_NO ? "no" : "should be", "by its kind; not tried");
}

static void
uuid(struct judge *j, const struct machine_mount *m, const struct fs *fs)
{
	static const char code[] = "mount-fsuuid", name[] = "fsuuid";
	BUF_AUTO struct buf b = buf_init(64);

	if (m->has_uuid && span_zero(span_of(m->uuid, sizeof(m->uuid)))) {
		judge_mount(j, m->point, code, name, MARK_WARN, "all zero",
		    "not its own: a rule with this fsuuid= matches others made the same way");
		return;
	}
	if (m->has_uuid) {
		for (size_t i = 0; i < 16; i++)
			buf_printf(&b, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", m->uuid[i]);
		bool memory = span_is(m->type, "tmpfs");

		judge_mount(j, m->point, code, name, memory ? MARK_INFO : MARK_GOOD,
		    judge_text(j, "%s", buf_cstr(&b)), memory ? "another at each mount" : "");
		return;
	}
	if (fs == NULL)
		judge_mount(j, m->point, code, name, MARK_UNKNOWN, "unknown", "not in the table");
	else
		judge_mount(j, m->point, code, name, MARK_INFO, fs->uuid == KEEPS_NO ? "no" : "should be",
		    fs->uuid == KEEPS_NO ? "rules with fsuuid= never match here" : "by its kind");
}

static void
verity(struct judge *j, const struct machine_mount *m, const struct fs *fs)
{
	static const char code[] = "mount-verity", name[] = "fs-verity";
	bool could = fs != NULL && fs->verity != KEEPS_NO;

	if (m->verity == FACT_YES)
		judge_mount(j, m->point, code, name, MARK_GOOD, "yes", "");
	else if (m->verity == FACT_NO)
		judge_mount(j, m->point, code, name, MARK_INFO, "no", !could ? "" :
		    judge_option(j, "CONFIG_FS_VERITY") == FACT_NO ? "not compiled into the kernel" :
		    "the feature is off in this file system (ext4: tune2fs -O verity)");
	else if (!could || judge_option(j, "CONFIG_FS_VERITY") == FACT_NO)
		judge_mount(j, m->point, code, name, MARK_INFO, "no", "by its kind");
	else
		judge_mount(j, m->point, code, name, MARK_UNKNOWN, "perhaps",
		    fs->verity == KEEPS_YES ? "by its kind; not tried" : "if chosen when it was made; not tried");
}

static void
direct(struct judge *j, const struct machine_mount *m, const struct fs *fs)
{
	static const char code[] = "mount-direct", name[] = "O_DIRECT";
	/* Some accept it and read the cache all the same. */
	bool blind = fs != NULL && fs->direct == KEEPS_NO, half = fs != NULL && fs->direct == KEEPS_HALF;

	if (m->direct == FACT_NO || (blind && strcmp(fs->type, "tmpfs") != 0))
		judge_mount(j, m->point, code, name, MARK_INFO, "no",
		    "tampering with the page cache alone cannot be told from the disk's content");
	else if (blind)
		judge_mount(j, m->point, code, name, MARK_INFO, "no", "there is no disk below");
	else if (half)
		judge_mount(j, m->point, code, name, MARK_WARN, "in part",
		    "some files (compressed, sealed, or those of the file system below) go through the cache");
	else if (m->direct == FACT_YES)
		judge_mount(j, m->point, code, name, MARK_GOOD, m->direct_align == 0 ? "yes" :
		    judge_text(j, "yes, aligned to %u", m->direct_align), "");
	else
		judge_mount(j, m->point, code, name, fs == NULL ? MARK_UNKNOWN : MARK_INFO,
		    fs == NULL ? "unknown" : "should work", fs == NULL ? "not in the table" : "by its kind; not tried");
}

void
judge_mounts(struct judge *j)
{
	const struct machine *m = j->m;

	if (m->n_pseudo > 0)
		judge_item(j, GROUP_MOUNTS, "mounts-pseudo", "pseudo file systems", MARK_INFO,
		    judge_text(j, "%zu", m->n_pseudo), "interfaces of the kernel (proc, sysfs, cgroup and "
		    "the like); policies leave them out");
	for (size_t i = 0; i < m->n_mounts; i++) {
		const struct machine_mount *x = &m->mounts[i];
		const struct fs *fs = fs_of(x->type);
		BUF_AUTO struct buf b = buf_init(LIMIT_PATH * 16);

		buf_span(&b, x->type);
		buf_str(&b, " from ");
		buf_span(&b, x->source);
		if (x->others > 0)
			buf_printf(&b, ", %zu more %s of it", x->others, x->others == 1 ? "mount" : "mounts");
		judge_mount(j, x->point, "mount", "file system", MARK_INFO,
		    judge_text(j, "%s", buf_cstr(&b)), x->covered ? "another is mounted over it" : "");
		if (x->covered)
			continue;
		cookie(j, x, fs);
		xattr(j, x, fs);
		uuid(j, x, fs);
		verity(j, x, fs);
		direct(j, x, fs);
	}
}
