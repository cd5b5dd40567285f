#include "port/sys/tree_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

bool
tree_path(const struct tree *t, const char *path, char **out)
{
	size_t n = strlen(t->root) + strlen(path) + 1;

	if ((*out = arena_alloc(t->a, n)) == NULL)
		return false;
	(void)snprintf(*out, n, "%s%s", t->root, path);
	return true;
}

int
tree_read(const struct tree *t, const char *path, size_t max, struct span *out,
    enum machine_access *access, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	char *full;
	int rc;

	*out = span_of(NULL, 0);
	*access = ACCESS_ABSENT;
	if (!tree_path(t, path, &full))
		return arena_err(t->a, e);
	if (faccessat(AT_FDCWD, full, R_OK, AT_EACCESS) != 0) {
		*access = errno == EACCES || errno == EPERM ? ACCESS_DENIED : ACCESS_ABSENT;
		return 0;
	}
	if ((rc = file_read(full, max, &f, NULL)) != 0) {
		/* /proc and /sys refuse at reading what they let open. */
		*access = ACCESS_DENIED;
		if (rc == ERR_LIMIT || rc == ERR_NOMEM)
			return err_file(e, err_set(e, rc, "cannot be read: %s", err_text(rc)), full);
		return 0;
	}
	*access = ACCESS_OPEN;
	return arena_copy(t->a, file_view(&f), out) ? 0 : arena_err(t->a, e);
}

int
tree_line(const struct tree *t, const char *path, struct span *out, struct err *e)
{
	enum machine_access access;
	int rc = tree_read(t, path, LIMIT_SMALL_FILE, out, &access, e);

	if (rc == 0)
		*out = span_head(*out, span_find(*out, '\n'));
	return rc;
}

int
tree_count(const struct tree *t, const char *path, struct machine_count *out, struct err *e)
{
	struct span s;
	int rc = tree_line(t, path, &s, e);

	*out = (struct machine_count){ 0 };
	if (rc == 0)
		out->known = dec_u64(s, &out->n);
	return rc;
}

bool
tree_has(const struct tree *t, const char *path)
{
	char *full;
	struct stat st;

	return tree_path(t, path, &full) && stat(full, &st) == 0;
}
