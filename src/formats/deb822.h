/* deb822.h: Debian's paragraphs of fields (deb822(5)), and what is in a Release file.
 *
 * A paragraph is lines "Name: value"; a line that begins with a space or a tab
 * continues the value; lines that begin with '#' are comments; empty lines
 * separate paragraphs.  Names compare without case; a field that stands twice in
 * a paragraph is ERR_DUPLICATE where deb822_get looks for it.
 *
 * Spans point into the input.
 */
#ifndef FORMATS_DEB822_H
#define FORMATS_DEB822_H

#include "base/digest_alg.h"
#include "base/err.h"
#include "base/rd.h"

struct deb822 {
	struct rd r;
	uint64_t line;		/* lines read so far */
};

static inline struct deb822
deb822_init(struct span in)
{
	return (struct deb822){ .r = rd_init(in) };
}

/* One paragraph: its bytes. */
struct deb822_paragraph {
	struct span text;
	uint64_t line;		/* of its first line, from 1 */
};

/** deb822_next(d, p, e): 1 and the next paragraph, 0 at the end, or an error for a line
 * that is no field (with its number). */
MUST_CHECK int deb822_next(struct deb822 *d, struct deb822_paragraph *p, struct err *e);

/** deb822_get(p, name, required, value, e): The value of a field without its first line's
 * leading blanks, continuation lines and their newlines included; empty if absent
 * and not required. */
MUST_CHECK int deb822_get(const struct deb822_paragraph *p, const char *name, bool required,
    struct span *value, struct err *e);

/* One line of a Release file's "SHA256" field. */
struct release_file {
	struct digest digest;
	uint64_t size;
	struct span name;	/* relative to the Release file */
};

/** release_file_next(list, f, e): Take the next line off ${list}: 1, 0 at the end, or an error. */
MUST_CHECK int release_file_next(struct span *list, struct release_file *f, struct err *e);

#endif
