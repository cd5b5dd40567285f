#include "svc/agent/facts.h"

#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rd.h"
#include "base/text.h"

static int
read_below(const char *root, const char *name, size_t max, struct file *f)
{
	BUF_AUTO struct buf path = buf_init(LIMIT_PATH);
	struct err e = { 0 };

	buf_printf(&path, "%s%s", root, name);
	return path.why != 0 ? path.why : file_read(buf_cstr(&path), max, f, &e);
}

static struct span
trimmed(struct span s)
{
	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\0'))
		s.n--;
	return s;
}

static json_t *
text(struct span s)
{
	return utf8_valid(s) && memchr(s.n == 0 ? "" : (const char *)s.p, 0, s.n) == NULL ? json_new_string(s) :
	    json_escaped(s);
}

/* A member from a file of one line, if it is there. */
static void
put_file(json_t *j, const char *key, const char *root, const char *name)
{
	FILE_AUTO struct file f = { 0 };
	struct span s;

	if (read_below(root, name, LIMIT_KERNEL_CMDLINE, &f) != 0)
		return;
	s = trimmed(file_view(&f));
	if (s.n > 0)
		(void)json_object_set_new(j, key, text(s));
}

void
facts_boot_id(const char *root, char id[37])
{
	FILE_AUTO struct file f = { 0 };
	struct span s;

	id[0] = '\0';
	if (read_below(root, "/proc/sys/kernel/random/boot_id", 64, &f) != 0)
		return;
	s = trimmed(file_view(&f));
	if (s.n == 36) {
		memcpy(id, s.p, 36);
		id[36] = '\0';
	}
}

/* KEY=value, KEY="value" or KEY='value' of os-release(5). */
static void
put_os_line(json_t *os, struct span line)
{
	static const struct { const char *name, *key; } known[] = { { "ID", "id" },
	    { "VERSION_ID", "version_id" }, { "PRETTY_NAME", "name" }, { "IMAGE_ID", "image_id" },
	    { "IMAGE_VERSION", "image_version" }, { "BUILD_ID", "build_id" } };
	size_t eq = span_find(line, '=');
	struct span v = span_from(line, eq + 1);

	if (v.n >= 2 && (v.p[0] == '"' || v.p[0] == '\'') && v.p[v.n - 1] == v.p[0])
		v = span_of(v.p + 1, v.n - 2);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (eq < line.n && span_is(span_head(line, eq), known[i].name))
			(void)json_object_set_new(os, known[i].key, text(v));
}

static void
put_os(json_t *j, const char *root)
{
	FILE_AUTO struct file f = { 0 };
	json_t *os = json_object();
	struct span line;
	struct rd r;

	if (read_below(root, "/etc/os-release", KIB(64), &f) == 0 ||
	    read_below(root, "/usr/lib/os-release", KIB(64), &f) == 0) {
		r = rd_init(file_view(&f));
		while (rd_line(&r, LIMIT_TEXT_LINE, &line))
			put_os_line(os, line);
	}
	(void)json_object_set_new(j, "os", os);
}

static void
put_kernel(json_t *j, const char *root)
{
	struct utsname u;

	put_file(j, "hostname", root, "/proc/sys/kernel/hostname");
	put_file(j, "kernel", root, "/proc/sys/kernel/osrelease");
	if (uname(&u) == 0)
		(void)json_object_set_new(j, "machine", text(span_str(u.machine)));
	put_file(j, "cmdline", root, "/proc/cmdline");
	put_file(j, "boot_id", root, "/proc/sys/kernel/random/boot_id");
	put_file(j, "machine_id", root, "/etc/machine-id");
	put_os(j, root);
}

static void
put_tpm(json_t *j, const struct facts_input *in)
{
	const struct tpm_caps *c = in->tpm;
	char firmware[64];

	if (c == NULL)
		return;
	(void)snprintf(firmware, sizeof(firmware), "%u.%u.%u.%u", c->firmware[0], c->firmware[1],
	    c->firmware[2], c->firmware[3]);
	(void)json_object_set_new(j, "tpm", json_pack("{s:o,s:s,s:s}", "manufacturer",
	    text(span_str(c->manufacturer)), "firmware", firmware, "kind", in->software_tpm ? "swtpm" : "device"));
}

static const char *
worth(const struct facts_input *in)
{
	if (strcmp(in->list, "none") == 0)
		return "nothing is measured: neither has the kernel an IMA policy nor does a monitor run";
	if (in->tpm == NULL)
		return "nothing can be proved: no TPM answers";
	if (in->software_tpm)
		return "nothing is proved: the TPM is a program on the same machine";
	if (strcmp(in->list, "monitor") == 0)
		return "what was executed until root was taken: the list is made by a program, not by the kernel";
	return "what the kernel's IMA policy measures, by the kernel and the TPM";
}

int
facts_make(const struct facts_input *in, json_t **out, struct err *e)
{
	json_t *j = json_pack("{s:s}", "agent", ASSAY_VERSION);

	if (j == NULL)
		return err_set(e, ERR_NOMEM, "no memory for the facts");
	put_kernel(j, in->root);
	(void)json_object_set_new(j, "list", json_string(in->list));
	if (strcmp(in->list, "none") != 0)
		(void)json_object_set_new(j, "list_pcr", json_integer(in->list_pcr));
	(void)json_object_set_new(j, "list_worth", json_string(worth(in)));
	put_tpm(j, in);
	if (in->ima_policy_sha256.n != 0)
		(void)json_object_set_new(j, "ima_policy_sha256", json_hex(in->ima_policy_sha256));
	if (json_array_size(in->gaps) > 0)
		(void)json_object_set(j, "gaps", in->gaps);
	if (in->trimmed > 0)
		(void)json_object_set_new(j, "list_trimmed", json_integer((json_int_t)in->trimmed));
	facts_volumes(in->root, j);
	if (in->monitor_state != NULL)
		(void)json_object_set_new(j, "monitor", json_string(in->monitor_state));
	*out = j;
	return 0;
}
