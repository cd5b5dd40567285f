/* files.h: which files were measured, and which entries were listed; both bounded.
 *
 * A file is known by device, inode, size, mtime, ctime and birth time: the kernel's change
 * cookie is shown to programs by no system call.  Its times advance in ticks of up to
 * 10 ms, so a file changed in the tick of its hashing would look unchanged: a file whose
 * ctime is younger than FILE_SETTLED when it is looked at is not remembered.  It cannot
 * be set by programs, but who sets the clock back (root) can repeat one.
 *
 * What is forgotten is measured again, and listed once all the same; what falls out of the
 * second table may be listed again, which is only longer.
 */
#ifndef PORT_MONITOR_FILES_H
#define PORT_MONITOR_FILES_H

#include "base/err.h"
#include "base/span.h"

#define FILE_SETTLED 50000000	/* nanoseconds */

struct file_key {
	uint64_t device, inode, size;
	int64_t modified, changed, born;	/* nanoseconds */
};

struct file_facts {
	struct file_key key;
	uint32_t mode, uid, major, minor;
	bool settled;
};

/** file_look(fd, now, f): False if the file cannot be asked. ${now}: CLOCK_REALTIME. */
MUST_CHECK bool file_look(int fd, uint64_t now, struct file_facts *f);

/** file_written(fd): Whether somebody has it open for writing, or that cannot be told. */
bool file_written(int fd);

static inline bool
file_key_eq(const struct file_key *a, const struct file_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

struct seen_files;

MUST_CHECK int seen_files_new(struct seen_files **s, struct err *e);
void seen_files_free(struct seen_files *s);
bool seen_file(struct seen_files *s, const struct file_key *k);
void seen_file_add(struct seen_files *s, const struct file_key *k);
size_t seen_files_count(const struct seen_files *s);

/** Entries, by the SHA-256 of their template data. */
bool listed_has(const struct seen_files *s, const uint8_t digest[32]);
void listed_add(struct seen_files *s, const uint8_t digest[32]);

#endif
