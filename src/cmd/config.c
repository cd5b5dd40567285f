#include "cmd/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "formats/config_file.h"

bool
config_setting(const struct option_spec *o)
{
	static const char *const about[] = { "config", "check-config", "json", "help" };

	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		if (strcmp(o->name, about[i]) == 0)
			return false;
	return true;
}

void
config_key(const struct option_spec *o, char key[static CONFIG_KEY_MAX])
{
	(void)snprintf(key, CONFIG_KEY_MAX, "%s", o->name);
	for (char *c = key; *c != '\0'; c++)
		if (*c == '-')
			*c = '_';
}

static bool
is_key(const struct option_spec *o, struct span key)
{
	char name[CONFIG_KEY_MAX];

	config_key(o, name);
	return config_setting(o) && span_is(key, name);
}

/* ---- one value ---- */

static int
unwanted(uint64_t line, uint64_t column, struct err *e, const char *key, const char *wants, const char *words)
{
	return line == 0 ? err_set(e, ERR_USAGE, "%s%s", wants, words) :
	    err_line(e, ERR_USAGE, line, column, "\"%s\" %s%s", key, wants, words);
}

static bool
one_of(const char *words, const char *value)
{
	size_t n = strlen(value);

	for (const char *w = words; *w != '\0'; w += strcspn(w, " "), w += *w == ' ')
		if (strcspn(w, " ") == n && memcmp(w, value, n) == 0)
			return true;
	return false;
}

int
config_value(const struct command *c, const struct option_spec *o, const char *value, uint64_t line,
    uint64_t column, struct err *e)
{
	char key[CONFIG_KEY_MAX], range[64];
	uint64_t n;

	config_key(o, key);
	if (o->arg == NULL)
		return line == 0 || one_of("yes no", value) ? 0 : unwanted(line, column, e, key, "wants ", "yes or no");
	(void)snprintf(range, sizeof(range), "%llu to %llu", (unsigned long long)o->least, (unsigned long long)o->most);
	if (o->most != 0 && (!dec_u64(span_str(value), &n) || n < o->least || n > o->most))
		return unwanted(line, column, e, key, "wants a number from ", range);
	if (c->config != NULL && o->complete == COMPLETE_WORDS && !one_of(o->words, value))
		return unwanted(line, column, e, key, "wants one of: ", o->words);
	return 0;
}

/* ---- the file ---- */

/* Read as it was opened: who may change a file's name must not choose what was checked. */
static int
check_owner(const struct stat *st, const char *path, struct err *e)
{
	if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3))
		return 0;	/* /dev/null: no file */
	if (!S_ISREG(st->st_mode))
		return err_file(e, err_set(e, ERR_USAGE, "is not a regular file"), path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_hint(e, err_file(e, err_set(e, ERR_USAGE, "belongs to neither root nor whoever runs this"), path),
		    "chown root %s", path);
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return err_hint(e, err_file(e, err_set(e, ERR_USAGE, "others than its owner may write it"), path),
		    "chmod go-w %s", path);
	return 0;
}

static void
closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* The text, with a NUL behind it; NULL if the usual file is not there. */
static int
read_text(struct invocation *in, const char *path, struct stat *st, struct err *e)
{
	__attribute__((cleanup(closep))) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	FILE_AUTO struct file f = { 0 };
	int rc;

	if (fd < 0 && errno == ENOENT && !opt_has(in, "config"))
		return 0;
	if (fd < 0 || fstat(fd, st) != 0)
		return err_file(e, err_errno(e, "cannot open"), path);
	if ((rc = check_owner(st, path, e)) != 0 || (rc = file_read_open(fd, path, LIMIT_CONFIG_FILE, &f, e)) != 0)
		return rc;
	if ((in->config_text = malloc(f.n + 1)) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	if (f.n > 0)
		memcpy(in->config_text, f.p, f.n);
	in->config_text[f.n] = '\0';
	in->config_size = f.n;
	in->config = path;
	explicit_bzero(f.p, f.n);
	return 0;
}

/* The option of this command, else of another that shares the file. */
static const struct option_spec *
find_key(const struct invocation *in, struct span key, bool *ours)
{
	const struct option_spec *o;

	*ours = true;
	for (size_t i = 0; (o = command_option(in->cmd, i)) != NULL; i++)
		if (is_key(o, key))
			return o;
	*ours = false;
	for (size_t k = 0; commands[k] != NULL; k++) {
		if (commands[k]->config == NULL || strcmp(commands[k]->config, in->cmd->config) != 0)
			continue;
		for (size_t i = 0; (o = command_option(commands[k], i)) != NULL; i++)
			if (is_key(o, key))
				return o;
	}
	return NULL;
}

static int
check_once(const struct config_file *f, size_t i, const struct option_spec *o, struct err *e)
{
	const struct config_item *c = &f->items[i];

	for (size_t k = 0; !o->repeat && k < i; k++)
		if (span_eq(f->items[k].key, c->key))
			return err_line(e, ERR_USAGE, c->line, c->key_column, "\"%.*s\" stands in line %llu already",
			    (int)c->key.n, (const char *)c->key.p, (unsigned long long)f->items[k].line);
	return 0;
}

/* What was given by hand is not taken from the file. */
static bool
by_hand(const struct invocation *in, const struct option_spec *o)
{
	for (size_t i = 0; i < in->n_by_hand; i++)
		if (in->given[i].spec == o)
			return true;
	return false;
}

static int
take_item(struct invocation *in, const struct config_file *f, size_t i, const struct stat *st, struct err *e)
{
	const struct config_item *c = &f->items[i];
	const struct option_spec *o;
	char *value = (char *)(uintptr_t)c->value.p;
	bool ours;
	int rc;

	if ((o = find_key(in, c->key, &ours)) == NULL)
		return err_hint(e, err_line(e, ERR_USAGE, c->line, c->key_column, "there is no setting \"%.*s\"",
		    (int)span_head(c->key, 64).n, (const char *)c->key.p), "the settings are the options of " PROGRAM
		    " %s, with _ for -", command_title(in->cmd, ' '));
	if ((rc = check_once(f, i, o, e)) != 0)
		return rc;
	value[c->value.n] = '\0';	/* what stands there is a blank, a newline or the end */
	if ((rc = config_value(in->cmd, o, value, c->line, c->value_column, e)) != 0)
		return rc;
	if (o->secret && (st->st_mode & S_IROTH) != 0)
		return err_hint(e, err_line(e, ERR_USAGE, c->line, c->key_column,
		    "\"%.*s\" may hold a password, and everybody may read this file", (int)c->key.n, (const char *)c->key.p),
		    "chmod o-r, and give the file the group that runs this");
	if (ours && !by_hand(in, o))
		in->given[in->n_given++] = (struct given_option){ .spec = o, .value = o->arg == NULL ? NULL : value,
		    .line = c->line, .column = c->value_column, .off = o->arg == NULL && strcmp(value, "no") == 0 };
	return 0;
}

static int
take_file(struct invocation *in, const struct stat *st, struct err *e)
{
	ARENA_AUTO struct arena a = arena_init(MIB(64));
	struct config_file f;
	struct given_option *more;
	int rc = config_file_parse(span_of((const uint8_t *)in->config_text, in->config_size), &a, &f, e);

	if (rc != 0) {
		e->code = ERR_USAGE;	/* whatever is wrong in it, it is the configuration that is */
		return ERR_USAGE;
	}
	if ((more = realloc(in->given, (in->n_given + f.n + 1) * sizeof(*more))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	in->given = more;
	for (size_t i = 0; i < f.n && rc == 0; i++)
		rc = take_item(in, &f, i, st, e);
	return rc;
}

int
config_load(struct invocation *in, struct err *e)
{
	const char *path = opt_has(in, "config") ? opt_get(in, "config") : in->cmd->config;
	struct stat st;
	int rc;

	in->n_by_hand = in->n_given;
	if ((rc = read_text(in, path, &st, e)) != 0 || in->config_text == NULL)
		return rc;
	return err_file(e, take_file(in, &st, e), path);
}

void
config_free(struct invocation *in)
{
	if (in->config_text != NULL)
		explicit_bzero(in->config_text, in->config_size);
	free(in->config_text);
	free(in->given);
	in->config_text = NULL;
	in->given = NULL;
	in->n_given = 0;
}

/* ---- what is found wrong later ---- */

int
config_blame(const struct invocation *in, const char *name, int rc, struct err *e)
{
	char key[CONFIG_KEY_MAX];
	struct err was = *e;

	for (size_t i = 0; i < in->n_given; i++) {
		const struct given_option *g = &in->given[i];

		if (strcmp(g->spec->name, name) != 0 || g->line == 0)
			continue;
		config_key(g->spec, key);
		(void)err_line(e, rc, g->line, g->column, "\"%s\" %s", key, was.message);
		return err_hint(e, err_file(e, rc, in->config), "%s", was.hint);
	}
	(void)err_set(e, rc, "--%s %s", name, was.message);
	return err_hint(e, rc, "%s", was.hint);
}

int
config_named(const struct invocation *in, int rc, struct err *e)
{
	char key[CONFIG_KEY_MAX];

	for (size_t i = 0; rc != 0 && i < in->n_given; i++) {
		const struct given_option *g = &in->given[i];

		if (g->line == 0 || g->value == NULL || strcmp(g->value, e->file) != 0)
			continue;
		config_key(g->spec, key);
		return err_hint(e, rc, "\"%s\" names it: %s, line %llu", key, in->config, (unsigned long long)g->line);
	}
	return rc;
}

/* ---- reload ---- */

static bool
same_values(const struct invocation *a, const struct invocation *b, const struct option_spec *o)
{
	size_t n = opt_count(a, o->name);

	if (opt_count(b, o->name) != n)
		return false;
	for (size_t i = 0; i < n && o->arg != NULL; i++)
		if (strcmp(opt_nth(a, o->name, i), opt_nth(b, o->name, i)) != 0)
			return false;
	return true;
}

static int
check_fixed(const struct invocation *in, const struct invocation *fresh, struct err *e)
{
	const struct option_spec *o;
	char key[CONFIG_KEY_MAX];

	for (size_t i = 0; (o = command_option(in->cmd, i)) != NULL; i++) {
		if (!config_setting(o) || o->live || same_values(in, fresh, o))
			continue;
		config_key(o, key);
		return err_hint(e, err_file(e, err_set(e, ERR_USAGE, "\"%s\" changes at a start only", key),
		    fresh->config != NULL ? fresh->config : in->cmd->config), "restart, or undo this; nothing was changed");
	}
	return 0;
}

int
config_again(const struct invocation *in, struct invocation *fresh, struct err *e)
{
	INVOCATION_AUTO struct invocation x = { .cmd = in->cmd, .json = in->json, .operands = in->operands,
	    .n_operands = in->n_operands, .n_given = in->n_by_hand };
	int rc;

	if ((x.given = calloc(in->n_by_hand + 1, sizeof(*x.given))) == NULL)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < in->n_by_hand; i++)
		x.given[i] = in->given[i];
	if ((rc = config_load(&x, e)) != 0 || (rc = check_fixed(in, &x, e)) != 0)
		return rc;
	*fresh = x;
	x = (struct invocation){ 0 };
	return 0;
}
