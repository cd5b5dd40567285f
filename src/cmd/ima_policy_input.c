#include "cmd/ima_policy_input.h"

#include <unistd.h>

#include "base/limits.h"

static int
read_cmdline(const char *arg, struct ima_policy_input *x, struct err *e)
{
	int rc;

	/* What looks like a path and can be read is one; a command line has blanks or '='
	 * in its first word and names no file. */
	if (strchr(arg, '/') != NULL && strchr(arg, ' ') == NULL && access(arg, R_OK) == 0) {
		if ((rc = file_read(arg, LIMIT_KERNEL_CMDLINE, &x->cmdline_file, e)) != 0)
			return rc;
		x->cmdline = file_view(&x->cmdline_file);
	} else {
		x->cmdline = span_str(arg);
	}
	ima_kernel_set_cmdline(&x->kernel, x->cmdline);
	return 0;
}

static int
read_labels(const char *path, struct ima_policy_input *x, struct err *e)
{
	int rc = file_read(path, LIMIT_KERNEL_CONFIG, &x->labels_file, e);

	if (rc == 0)
		rc = ima_kernel_set_labels(&x->kernel, file_view(&x->labels_file), &x->arena, e);
	return err_file(e, rc, path);
}

int
ima_policy_input_kernel(const struct invocation *in, struct ima_policy_input *x, struct err *e)
{
	const char *version = opt_get(in, "kernel"), *config = opt_get(in, "config");
	const char *cmdline = opt_get(in, "cmdline"), *labels = opt_get(in, "labels");
	const char *load = opt_get(in, "load");
	int rc = 0;

	x->arena = arena_init(LIMIT_IMA_POLICY_ARENA);
	x->version = version == NULL ? "6.1" : version;
	ima_kernel_default(&x->kernel);
	if (load != NULL && strcmp(load, "path") != 0 && strcmp(load, "write") != 0)
		return err_set(e, ERR_USAGE, "--load takes write or path, not \"%s\"", load);
	x->load = load != NULL && strcmp(load, "path") == 0 ? IMA_LOAD_PATH : IMA_LOAD_WRITE;
	if (version != NULL &&
	    (rc = ima_kernel_set_version(&x->kernel, span_str(version), e)) != 0)
		return rc;
	if (config != NULL) {
		if ((rc = file_read(config, LIMIT_KERNEL_CONFIG, &x->config_file, e)) == 0)
			rc = ima_kernel_set_config(&x->kernel, file_view(&x->config_file), e);
		if (rc != 0)
			return err_file(e, rc, config);
	}
	if (cmdline != NULL && (rc = read_cmdline(cmdline, x, e)) != 0)
		return rc;
	return labels == NULL ? 0 : read_labels(labels, x, e);
}

int
ima_policy_input_policy(const char *path, struct ima_policy_input *x, struct err *e)
{
	int rc = file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, LIMIT_IMA_POLICY,
	    &x->policy_file, e);

	if (rc == 0)
		rc = ima_policy_parse(file_view(&x->policy_file), &x->kernel, x->load, &x->arena,
		    &x->policy, e);
	return err_file(e, rc, path);
}

const struct ima_fault *
ima_policy_input_first_refusal(const struct ima_policy_input *x)
{
	for (size_t i = 0; i < x->policy.n_faults; i++)
		if (ima_fault_refuses(x->policy.faults[i].code))
			return &x->policy.faults[i];
	return NULL;
}

bool
ima_policy_input_must_load(const struct invocation *in, const struct ima_policy_input *x,
    const char *name, enum exit_status *status)
{
	const struct ima_fault *f = ima_policy_input_first_refusal(x);
	struct err e = { 0 };

	if (f == NULL)
		return true;
	err_line(&e, ERR_FORMAT, f->line, f->column, "kernel %u.%u would refuse this policy: %s",
	    x->kernel.version / 1000, x->kernel.version % 1000, f->what);
	err_hint(&e, ERR_FORMAT, "assay ima-policy lint tells all of it");
	err_file(&e, ERR_FORMAT, name);
	(void)cmd_error(in, &e);
	*status = EXIT_FINDING;
	return false;
}

void
ima_policy_input_free(struct ima_policy_input *x)
{
	file_free(&x->policy_file);
	file_free(&x->config_file);
	file_free(&x->cmdline_file);
	file_free(&x->labels_file);
	arena_free(&x->arena);
}
