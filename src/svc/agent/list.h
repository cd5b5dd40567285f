/* list.h: the measurement list of this boot, from its first entry, wherever it stands.
 *
 * Sources: the kernel's list in securityfs, or a file that only grows (the execution
 * monitor's).  Entries are numbered from 0, since the boot (after a kexec that carried the
 * list over, since the boot before it), and a number stays an entry's for ever.
 *
 * Kernels from 7.2 on can be made to free entries (CONFIG_IMA_STAGING): writing "A" to
 * <list>_staged moves the whole list there, "D" deletes it; a number written to the list
 * itself drops so many from its head.  Nothing in what is left tells that something is
 * missing.  Where such a file exists, the agent copies all entries to a spool (spool.h)
 * as it reads them, finds again where the kernel's list begins in it, and goes on
 * numbering.  Entries that somebody else trimmed before we read them are lost: a gap,
 * which is reported and not mended.  With ${stage_at} the agent trims the list itself.
 *
 * Every look first makes sure that the last entry seen still stands where it stood, so
 * that a list that was trimmed or replaced behind our back is noticed.
 */
#ifndef SVC_AGENT_LIST_H
#define SVC_AGENT_LIST_H

#include "base/json.h"
#include "svc/agent/spool.h"

struct list_options {
	const char *file;		/* binary list */
	const char *count_file;		/* decimal count of it; NULL: look at the file itself */
	const char *staged_file;	/* NULL, or a file that may exist: then there is a spool */
	const char *spool_dir;		/* needed with staged_file */
	const char *boot_id;		/* "" if not known */
	uint64_t stage_at;		/* entries in the kernel's list at which it is trimmed; 0: never */
	/* Writes "A" or "D"; NULL: into staged_file.  (A test's stand-in for the kernel.) */
	int (*stage)(void *arg, char command, struct err *e);
	void *arg;
};

struct list;
MUST_CHECK int list_open(const struct list_options *o, struct list **l, struct err *e);
void list_close(struct list *l);

/** list_stamp(l, stamp, e): A number that is another as soon as the list is; cheap. */
MUST_CHECK int list_stamp(struct list *l, uint64_t *stamp, struct err *e);

/** list_look(l, total, e): Read what is new; entries of the boot so far. */
MUST_CHECK int list_look(struct list *l, uint64_t *total, struct err *e);

struct list_slice {
	int fd;			/* owned: memory file, sealed, with the records alone */
	uint64_t from, count;	/* entries in it */
	uint64_t total;		/* of the boot, counted after they were read */
	uint64_t bytes;
};
/** list_slice(l, from, s, e): Entries from ${from} on; none if there are not so many.
 * ERR_LIMIT if they take over LIMIT_ATTEST_LIST bytes. */
MUST_CHECK int list_slice(struct list *l, uint64_t from, struct list_slice *s, struct err *e);

/** list_stage(l, e): Trim the kernel's list if ${stage_at} says so. */
MUST_CHECK int list_stage(struct list *l, struct err *e);

/** list_gaps(l): [{"from","to","why"}]: entries that are known to be missing. */
json_t *list_gaps(const struct list *l);

/** list_trimmed(l): Entries that stand in the spool alone. */
uint64_t list_trimmed(const struct list *l);

static inline void
list_closep(struct list **l)
{
	list_close(*l);
}
#define LIST_AUTO __attribute__((cleanup(list_closep)))

#endif
