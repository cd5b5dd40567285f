/* What setup did, or would do. */
#include <stdio.h>

#include "base/limits.h"
#include "cmd/host_text.h"
#include "cmd/setup_internal.h"
#include "cmd/table.h"

static json_t *
texts(const char *const *v, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(v[i]));
	return list;
}

static json_t *
files_json(const struct setup_outcome *o, bool dry)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->n_files; i++) {
		json_t *j = json_pack("{s:s, s:s}", "path", o->files[i].path, "change", o->files[i].what);

		if (dry) {
			BUF_AUTO struct buf b = buf_init(LIMIT_SETUP_STATE);

			setup_diff(&o->files[i].change, &b);
			json_object_set_new(j, "diff", json_string(buf_cstr(&b)));
		}
		json_array_append_new(list, j);
	}
	return list;
}

static json_t *
outcome_json(const struct setup_run *x, const struct setup_outcome *o, bool dry)
{
	const struct setup_state *s = o->state;
	json_t *j = json_pack("{s:i, s:s, s:s, s:b, s:{s:s, s:o, s:s}, s:s, s:s}", "version", 1, "action", o->action,
	    "root", x->root_name == NULL ? "/" : x->root_name, "dry_run", (int)dry,
	    "policy", "path", s->policy_path, "sha256", json_hex(digest_view(&s->policy)), "source", s->source,
	    "init", s->init, "boot_loader", s->boot);
	json_t *ran = json_array();

	json_object_set_new(json_object_get(j, "policy"), "measured_as", s->measured_as == NULL ? json_null() :
	    json_string(s->measured_as));
	json_object_set_new(j, "parameters", texts(s->parameters, s->n_parameters));
	json_object_set_new(j, "files", files_json(o, dry));
	for (size_t i = 0; i < o->n_ran; i++)
		json_array_append_new(ran, json_pack("{s:s, s:b}", "command", o->ran[i].command, "ran", (int)o->ran[i].ran));
	json_object_set_new(j, "commands", ran);
	json_object_set_new(j, "notes", o->plan == NULL ? json_array() : texts(o->plan->notes, o->plan->n_notes));
	return j;
}

static void
print_head(const struct setup_run *x, const struct setup_outcome *o, bool dry)
{
	const struct setup_state *s = o->state;
	BUF_AUTO struct buf b = buf_init(LIMIT_SMALL_FILE);
	bool undo = o->plan == NULL;

	printf("%s%s%s\n", term_colour(stdout, COLOUR_BOLD), strcmp(o->action, "unchanged") == 0 ? "Unchanged: all of it is set up already" :
	    undo ? dry ? "Would be undone" : "Undone" : dry ? "Would be installed" : "Installed", term_reset(stdout));
	if (x->root_name != NULL)
		field_print(stdout, "root", x->root_name);
	buf_printf(&b, "%s, sha256:", s->source);
	buf_hex(&b, digest_view(&s->policy));
	field_print(stdout, "policy", buf_cstr(&b));
	b.n = 0;
	buf_printf(&b, "%s, from %s", s->init, s->policy_path);
	field_print(stdout, undo ? "was loaded by" : "loaded by", buf_cstr(&b));
	if (!undo)
		field_print(stdout, "in the list as", s->measured_as == NULL ? "nothing: it is loaded by its text" : s->measured_as);
	b.n = 0;
	for (size_t i = 0; i < s->n_parameters; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : " ", s->parameters[i]);
	field_print(stdout, "boot loader", s->boot);
	field_print(stdout, "parameters", buf_cstr(&b));
}

static int
print_files(const struct setup_outcome *o, bool dry, struct err *e)
{
	static const struct table_column columns[] = { { "CHANGE", 0 }, { "FILE", TABLE_BENDS } };
	TABLE_AUTO struct table t = table_init(columns, 2);
	int rc;

	for (size_t i = 0; i < o->n_files; i++) {
		BUF_AUTO struct buf name = buf_init(LIMIT_SMALL_FILE);

		buf_escape(&name, span_str(o->files[i].path));
		if ((rc = table_row(&t, COLOUR_PLAIN, (const char *const[]){ o->files[i].what, buf_cstr(&name) }, e)) != 0)
			return rc;
	}
	if (o->n_files > 0)
		(void)putchar('\n');
	table_print(&t, stdout);
	for (size_t i = 0; dry && i < o->n_files; i++) {
		BUF_AUTO struct buf b = buf_init(LIMIT_SETUP_STATE);

		setup_diff(&o->files[i].change, &b);
		if (strcmp(o->files[i].what, "as it is") != 0)
			printf("\n%s", buf_cstr(&b));
	}
	return 0;
}

static void
print_rest(const struct setup_run *x, const struct setup_outcome *o, bool dry)
{
	if (o->n_ran > 0 || (o->plan != NULL && o->plan->n_notes > 0))
		(void)putchar('\n');
	for (size_t i = 0; i < o->n_ran; i++) {
		if (x->root_name != NULL && !o->ran[i].ran)
			printf("To be run in the system itself (chroot, or at its first boot): %s\n", o->ran[i].command);
		else
			printf("%s: %s\n", o->ran[i].ran ? "Was run" : dry ? "Would be run, or is to be" : "Is to be run", o->ran[i].command);
	}
	for (size_t i = 0; o->plan != NULL && i < o->plan->n_notes; i++)
		term_text(stdout, o->plan->notes[i], 0, 2);
	if (!dry && o->plan != NULL && strcmp(o->action, "installed") == 0)
		term_text(stdout, "It counts from the next boot on; assay setup measurement --status then shows whether it is in force.", 0, 2);
}

int
setup_print(const struct setup_run *x, const struct setup_outcome *o, bool dry, struct err *e)
{
	JSON_AUTO json_t *j = NULL;
	int rc;

	if (x->in->json) {
		j = outcome_json(x, o, dry);
		return cmd_print_json(j, e);
	}
	print_head(x, o, dry);
	if ((rc = print_files(o, dry, e)) != 0)
		return rc;
	print_rest(x, o, dry);
	return cmd_flush(e);
}
