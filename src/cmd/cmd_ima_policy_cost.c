/* assay ima-policy cost: what a policy would measure on given files, and at what price. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "cmd/ima_policy_input.h"
#include "cmd/term.h"
#include "engine/ima_policy_cost.h"
#include "engine/ima_policy_explain.h"
#include "formats/ima_log.h"
#include "port/fs_facts.h"
#include "port/walk.h"

struct bill {
	const struct ima_policy_input *x;
	struct ima_cost_model model;
	struct ima_cost cost;
	struct arena names;		/* of the examples */
	struct fs_facts facts;
	size_t strip;			/* bytes of each path that are not part of the system's */
	uint64_t left_out, unreadable, recorded, recorded_violations;
	struct progress progress;
};

static void
bill_free(struct bill *b)
{
	arena_free(&b->names);
	fs_facts_free(&b->facts);
}

static void
fd_closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* Examples outlive the walk: only then is the path copied. */
static int
charge(struct bill *b, struct ima_cost_file *f, struct err *e)
{
	const struct ima_cost *c = &b->cost;
	struct span path = f->path;

	if ((c->n_unseen < IMA_COST_EXAMPLES || c->violations < IMA_COST_EXAMPLES) &&
	    !arena_copy(&b->names, path, &f->path))
		return arena_err(&b->names, e);
	ima_cost_add(&b->cost, &b->x->policy, &b->x->kernel, &b->model, f);
	return 0;
}

static void
place_on(struct ima_access *a, const struct fs_fact *fact)
{
	a->fsmagic = fact->magic;
	a->given |= IMA_GIVEN_FSMAGIC;
	if (fact->type[0] != '\0') {
		a->fsname = span_str(fact->type);
		a->given |= IMA_GIVEN_FSNAME;
		if (strncmp(fact->type, "fuse", 4) != 0)
			a->given |= IMA_GIVEN_FS_SUBTYPE;
	}
	if (fact->uuid[0] != '\0' && ima_uuid_parse(span_str(fact->uuid), a->fsuuid))
		a->given |= IMA_GIVEN_FSUUID;
}

static int
tree_file(void *cookie, int dir, const char *name, struct span path, struct err *e)
{
	struct bill *b = cookie;
	__attribute__((cleanup(fd_closep))) int fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct ima_cost_file f = { .path = span_from(path, b->strip), .place = { .real_file = true } };
	const struct fs_fact *fact;
	uint8_t head[16];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) != 0) {
		b->unreadable++;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	if (fs_facts_of(&b->facts, st.st_dev, fd, &fact, e) != 0)
		return e->code;
	place_on(&f.place, fact);
	f.place.fowner = st.st_uid;
	f.place.fgroup = st.st_gid;
	f.place.given |= IMA_GIVEN_FOWNER | IMA_GIVEN_FGROUP;
	n = read(fd, head, sizeof(head));
	f.size = (uint64_t)st.st_size;
	f.kind = ima_cost_kind_of(f.path, (st.st_mode & 0111) != 0, span_of(head, n > 0 ? (size_t)n : 0));
	/* An empty file has no first bytes either, but is not one of a recorded list. */
	if (n <= 0 && f.kind == IMA_COST_PROGRAM)
		f.kind = IMA_COST_DATA;
	progress_update(&b->progress, ++b->recorded, "files");
	return charge(b, &f, e);
}

static int
tree_left_out(void *cookie, struct span path, bool pseudo, struct err *e)
{
	struct bill *b = cookie;

	(void)path;
	(void)e;
	b->left_out += !pseudo;
	return 0;
}

static int
tree_failed(void *cookie, struct span path, const struct err *why, struct err *e)
{
	struct bill *b = cookie;

	(void)path;
	(void)why;
	(void)e;
	b->unreadable++;
	return 0;
}

/* Links and devices are not measured; what vanished is not there any more. */
static int
tree_other(void *cookie, enum walk_other what, struct span path, struct err *e)
{
	(void)cookie;
	(void)what;
	(void)path;
	(void)e;
	return 0;
}

static bool
tree_descend(void *cookie, struct span path)
{
	(void)cookie;
	(void)path;
	return true;
}

static int
bill_tree(struct bill *b, const char *dir, bool as_root, struct err *e)
{
	static const struct walk_ops ops = { .file = tree_file, .other = tree_other,
		.descend = tree_descend, .left_out = tree_left_out, .failed = tree_failed };
	char *real = as_root ? realpath(dir, NULL) : NULL;
	int rc;

	if (real != NULL && strcmp(real, "/") != 0)
		b->strip = strlen(real);
	free(real);
	progress_start(&b->progress, "looking at files", 0);
	rc = walk(dir, false, &ops, b, e);
	progress_end(&b->progress);
	return rc;
}

static int
bill_entry(struct bill *b, const struct ima_entry *n, struct err *e)
{
	struct ima_cost_file f = { .path = n->path, .place = { .real_file = true } };

	b->recorded_violations += n->violation;
	/* Buffers and the boot aggregate are no files. */
	if (n->violation || n->path.n == 0 || n->path.p[0] != '/')
		return 0;
	b->recorded++;
	f.kind = ima_cost_kind_of(n->path, true, span_of(NULL, 0));
	return charge(b, &f, e);
}

static int
bill_list(struct bill *b, const char *path, struct err *e)
{
	FILE_AUTO struct file f = { 0 };
	struct ima_log log;
	struct ima_entry n;
	int rc;

	if ((rc = file_read(path, LIMIT_IMA_LOG, &f, e)) != 0)
		return rc;
	if ((rc = ima_log_open(file_view(&f), &log, e)) == 0) {
		while ((rc = ima_log_next(&log, &n, e)) > 0)
			if ((rc = bill_entry(b, &n, e)) != 0)
				break;
		ima_log_close(&log);
	}
	return err_file(e, rc, path);
}

static const char *
human(uint64_t n, char *buf, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	size_t u = 0;

	for (; v >= 1024 && u < 4; u++)
		v /= 1024;
	(void)snprintf(buf, size, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return buf;
}

static void
print_table(const struct ima_cost *c)
{
	printf("%s%-12s %9s %9s %9s %9s %11s%s\n", term_colour(stdout, COLOUR_BOLD), "", "files", "measured",
	    "depends", "appraised", "hashed", term_reset(stdout));
	for (enum ima_cost_kind k = 0; k < IMA_COST_KINDS; k++) {
		const struct ima_cost_line *l = &c->by[k];
		char size[32];

		printf("%-12s %9llu %9llu %9llu %9llu %11s\n", ima_cost_kind_name(k),
		    (unsigned long long)l->files, (unsigned long long)l->measured,
		    (unsigned long long)l->depends, (unsigned long long)l->appraised,
		    human(l->bytes, size, sizeof(size)));
	}
}

static void
print_examples(const struct span *names, uint64_t n)
{
	for (uint64_t i = 0; i < n && i < IMA_COST_EXAMPLES; i++) {
		printf("  ");
		term_name(stdout, names[i], term_left(stdout, 2));
		putchar('\n');
	}
	if (n > IMA_COST_EXAMPLES)
		printf("  and %llu more\n", (unsigned long long)(n - IMA_COST_EXAMPLES));
}

static void
print_blind(const struct bill *b)
{
	bool out[IMA_BLIND_COUNT];

	if (!ima_policy_has_class(&b->x->policy, IMA_CLASS_MEASURE)) {
		printf("\nThe policy measures nothing.\n");
		return;
	}
	ima_policy_blind(&b->x->policy, &b->x->kernel, IMA_CLASS_MEASURE, out);
	printf("\n%sNot measured in any case:%s\n", term_colour(stdout, COLOUR_BOLD), term_reset(stdout));
	for (enum ima_blind i = 0; i < IMA_BLIND_COUNT; i++)
		if (out[i]) {
			printf("  -");
			term_text(stdout, ima_blind_text(i), 1, 4);
		}
}

static void
print_text(const struct bill *b, bool list)
{
	const struct ima_cost *c = &b->cost;
	char memory[32], bytes[32];

	print_table(c);
	printf("\nIf each of these files is used once in the way of its kind:\n"
	    "  entries          %llu", (unsigned long long)c->entries);
	if (c->root_only > 0)
		printf(" (%llu only if root uses them)", (unsigned long long)c->root_only);
	printf("\n  TPM extends      %.0f s (%.2f ms each)\n  kernel memory    %s\n  measurement list %s\n"
	    "  violations       %llu likely: measured when read, and written all the time\n",
	    c->extend_seconds, b->model.extend_ms, human(c->memory, memory, sizeof(memory)),
	    human(c->list_bytes, bytes, sizeof(bytes)), (unsigned long long)c->violations);
	print_examples(c->violating, c->violations);
	if (list)
		printf("  (the recorded list itself has %llu violations)\n",
		    (unsigned long long)b->recorded_violations);
	if (c->n_unseen > 0) {
		printf("\n%sPrograms, libraries, scripts and modules that are not measured: %llu%s\n",
		    term_colour(stdout, COLOUR_BOLD), (unsigned long long)c->n_unseen, term_reset(stdout));
		print_examples(c->unseen, c->n_unseen);
	}
	if (b->unreadable > 0)
		printf("\n%llu files or directories could not be read and are not counted.\n",
		    (unsigned long long)b->unreadable);
	print_blind(b);
}

static json_t *
examples_json(const struct span *names, uint64_t n)
{
	json_t *j = json_array();

	for (uint64_t i = 0; i < n && i < IMA_COST_EXAMPLES; i++)
		json_array_append_new(j, json_pack("{s:o, s:o}", "path", json_escaped(names[i]),
		    "path_b64", json_base64(names[i])));
	return j;
}

static json_t *
blind_json(const struct bill *b)
{
	json_t *list = json_array();
	bool out[IMA_BLIND_COUNT];

	ima_policy_blind(&b->x->policy, &b->x->kernel, IMA_CLASS_MEASURE, out);
	for (enum ima_blind i = 0; i < IMA_BLIND_COUNT; i++)
		if (out[i])
			json_array_append_new(list, json_string(ima_blind_slug(i)));
	return list;
}

static int
print_json(const struct bill *b, struct err *e)
{
	const struct ima_cost *c = &b->cost;
	json_t *kinds = json_object();
	JSON_AUTO json_t *j = json_pack("{s:i, s:o, s:I, s:I, s:f, s:f, s:I, s:I, s:I, s:o, s:I, s:o, s:I, s:o}",
	    "version", 1, "kinds", kinds, "entries", (json_int_t)c->entries,
	    "root_only", (json_int_t)c->root_only, "extend_seconds", c->extend_seconds,
	    "extend_ms", b->model.extend_ms, "kernel_memory", (json_int_t)c->memory,
	    "list_bytes", (json_int_t)c->list_bytes, "violations", (json_int_t)c->violations,
	    "violating", examples_json(c->violating, c->violations),
	    "unseen", (json_int_t)c->n_unseen, "unseen_examples", examples_json(c->unseen, c->n_unseen),
	    "unreadable", (json_int_t)b->unreadable, "does_not_see", blind_json(b));

	for (enum ima_cost_kind k = 0; k < IMA_COST_KINDS; k++)
		json_object_set_new(kinds, ima_cost_kind_name(k), json_pack("{s:I, s:I, s:I, s:I, s:I}",
		    "files", (json_int_t)c->by[k].files, "measured", (json_int_t)c->by[k].measured,
		    "depends", (json_int_t)c->by[k].depends, "appraised", (json_int_t)c->by[k].appraised,
		    "bytes", (json_int_t)c->by[k].bytes));
	return cmd_print_json(j, e);
}

static int
read_model(const struct invocation *in, struct ima_cost_model *m, struct err *e)
{
	const char *ms = opt_get(in, "extend-ms"), *banks = opt_get(in, "banks");
	char *end = NULL;

	/* Measured on a discrete TPM: 12,313 extends took 102.8 s. */
	*m = (struct ima_cost_model){ .extend_ms = 8.35, .banks = 2 };
	if (ms != NULL) {
		m->extend_ms = strtod(ms, &end);
		if (end == ms || *end != '\0' || !(m->extend_ms >= 0 && m->extend_ms <= 10000))
			return err_set(e, ERR_USAGE, "--extend-ms takes milliseconds, not \"%s\"", ms);
	}
	if (banks != NULL) {
		m->banks = (unsigned)strtoul(banks, &end, 10);
		if (end == banks || *end != '\0' || m->banks < 1 || m->banks > LIMIT_TPM_BANKS)
			return err_set(e, ERR_USAGE, "--banks takes a number from 1 to %d, not \"%s\"",
			    LIMIT_TPM_BANKS, banks);
	}
	return 0;
}

static enum exit_status
cost(const struct invocation *in, struct err *e)
{
	IMA_POLICY_INPUT_AUTO struct ima_policy_input x = { 0 };
	__attribute__((cleanup(bill_free))) struct bill b = { .x = &x, .names = arena_init(MIB(64)) };
	const char *tree = opt_get(in, "tree"), *list = opt_get(in, "list");
	enum exit_status status;

	if ((tree == NULL) == (list == NULL))
		return cmd_usage(in, "name either a directory with --tree or a measurement list with --list");
	if (ima_policy_input_kernel(in, &x, e) != 0 || read_model(in, &b.model, e) != 0 ||
	    ima_policy_input_policy(in->operands[0], &x, e) != 0)
		return cmd_error(in, e);
	if (!ima_policy_input_must_load(in, &x, in->operands[0], &status))
		return status;
	if ((tree != NULL ? bill_tree(&b, tree, opt_has(in, "as-root"), e) : bill_list(&b, list, e)) != 0)
		return cmd_error(in, e);
	if (!in->json)
		print_text(&b, list != NULL);
	else if (print_json(&b, e) != 0)
		return cmd_error(in, e);
	return EXIT_GOOD;
}

static const struct option_spec options[] = {
	{ .name = "tree", .arg = "DIR", .complete = COMPLETE_DIR, .help = "the files below a directory" },
	{ .name = "as-root", .help = "with --tree: DIR is the root of another system, such as a mounted image" },
	{ .name = "list", .arg = "FILE", .complete = COMPLETE_FILE,
	  .help = "the files named in a recorded measurement list, binary or ASCII" },
	{ .name = "extend-ms", .arg = "MS", .help = "time of one TPM extend (default 8.35)" },
	{ .name = "banks", .arg = "N", .help = "number of PCR banks (default 2)" },
	IMA_POLICY_OPTION_KERNEL,
	IMA_POLICY_OPTION_CONFIG,
	IMA_POLICY_OPTION_CMDLINE,
	IMA_POLICY_OPTION_LABELS,
	IMA_POLICY_OPTION_LOAD,
	{ 0 }
};

const struct command cmd_ima_policy_cost = {
	.noun = "ima-policy", .verb = "cost",
	.summary = "predict what an IMA policy would measure, and at what price",
	.operands = "FILE", .min_operands = 1, .max_operands = 1, .complete = COMPLETE_FILE,
	.description = "Goes through the files below a directory, or those named in a recorded measurement list, and "
	    "predicts the entries, the time of the TPM extends, the kernel memory and the violations that a "
	    "policy would cause, and names what it does not see.\n\n"
	    "The figures are an upper bound: each file is taken as used once in the way of its kind (a program "
	    "executed, a library mapped, a module loaded, all else opened for reading). They are there to "
	    "compare policies. What a recorded list does not tell, such as the file system, leaves \"depends\" "
	    "where a rule asks for it.\n\n"
	    "Exit status: 1 if the kernel would refuse the policy.",
	.example = "  assay ima-policy cost /etc/ima/ima-policy --tree /\n"
	    "  assay ima-policy cost new.policy --list binary_runtime_measurements",
	.wants_json = true,
	.options = options,
	.run = cost,
};
