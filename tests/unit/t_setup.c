/* assay setup measurement, without a file: what loads a policy and what starts the kernel is told
 * from facts, the owner's words stay and conflicts are named, nothing is planned where something
 * is not known, labels become UUIDs or a named error, and a state is read back as it was written. */
#include "base/limits.h"
#include "crypto/digest.h"
#include "engine/setup_internal.h"
#include "engine/setup_status.h"
#include "tests/tap.h"

static struct arena arena;
static const struct setup_kernel debian = { .release = "6.1.0-50-amd64" };

static struct setup_file
file(const char *path, const char *text)
{
	return (struct setup_file){ .path = path, .present = true, .content = span_str(text), .mode = 0644 };
}

static struct setup_facts
base_facts(void)
{
	return (struct setup_facts){ .image = true, .root = "/mnt", .systemd = true, .systemd_says = true, .systemd_ima = true,
	    .policies = { { .path = "/etc/ima/ima-policy" }, { .path = "/etc/sysconfig/ima-policy" },
	    { .path = "/etc/default/ima-policy" } }, .kernels = (struct setup_kernel *)(uintptr_t)&debian, .n_kernels = 1,
	    .grub_default = { .path = "/etc/default/grub" }, .kernel_cmdline = { .path = "/etc/kernel/cmdline" } };
}

static struct setup_facts
grub_facts(void)
{
	struct setup_facts f = base_facts();

	f.grub_mkconfig = "update-grub";
	f.grub_cfg = "/boot/grub/grub.cfg";
	f.grub_parts = true;
	f.grub_default = file("/etc/default/grub", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n");
	return f;
}

static bool
plan(const struct setup_facts *f, struct setup_plan *p, struct err *e)
{
	struct setup_request r = { .policy = span_lit("measure func=BPRM_CHECK\n") };

	*e = (struct err){ 0 };
	return setup_plan_make(f, &r, &arena, p, e) == 0;
}

static const struct setup_change *
change(const struct setup_plan *p, const char *path)
{
	for (size_t i = 0; i < p->n_changes; i++)
		if (strcmp(p->changes[i].path, path) == 0)
			return &p->changes[i];
	return NULL;
}

static bool
holds(const struct setup_change *c, const char *text)
{
	return c != NULL && memmem(c->after.p, c->after.n, text, strlen(text)) != NULL;
}

static bool
noted(const struct setup_plan *p, const char *word)
{
	for (size_t i = 0; i < p->n_notes; i++)
		if (strstr(p->notes[i], word) != NULL)
			return true;
	return false;
}

static void
test_inits(void)
{
	struct setup_facts f = grub_facts();
	struct setup_plan p;
	struct err e;

	ok(plan(&f, &p, &e) && p.init == SETUP_INIT_SYSTEMD && strcmp(p.policy_path, "/etc/ima/ima-policy") == 0 &&
	    strcmp(p.measured_as, "/etc/ima/ima-policy") == 0, "systemd with +IMA loads it by its name: %s", e.message);
	f.systemd_ima = false;
	ok(!plan(&f, &p, &e) && e.code == ERR_UNSUPPORTED && strstr(e.message, "-IMA") != NULL && e.hint[0] != '\0',
	    "without it nothing does: %s", e.message);
	f.systemd_says = false;
	ok(!plan(&f, &p, &e) && strstr(e.message, "could not be found out") != NULL, "unknown is not yes: %s", e.message);
	f.dracut = f.dracut_integrity = f.dracut_by_path = true;
	ok(plan(&f, &p, &e) && p.init == SETUP_INIT_DRACUT && strcmp(p.measured_as, "/sysroot/etc/sysconfig/ima-policy") == 0 &&
	    holds(change(&p, SETUP_DRACUT_PART), "integrity") && p.n_commands == 2,
	    "dracut's module is asked for, and the initramfs made anew");
	f.dracut_asked = true;
	ok(plan(&f, &p, &e) && change(&p, SETUP_DRACUT_PART) == NULL, "which is left alone where the owner asked for it");
	f.dracut_by_path = false;
	ok(plan(&f, &p, &e) && p.measured_as == NULL && noted(&p, "cannot demand"), "an older module gives the text: it is not measured");
	f.dracut = false;
	f.initramfs_hook = "/etc/initramfs-tools/scripts/init-bottom/ima";
	ok(plan(&f, &p, &e) && p.init == SETUP_INIT_INITRAMFS && strcmp(p.policy_path, "/etc/default/ima-policy") == 0 &&
	    p.measured_as == NULL, "a script of initramfs-tools");
	f.systemd_ima = true;
	f.policies[2] = file("/etc/default/ima-policy", "measure func=MODULE_CHECK\n");
	ok(plan(&f, &p, &e) && p.init == SETUP_INIT_SYSTEMD && noted(&p, "conflict: /etc/default/ima-policy"),
	    "a second policy that would be loaded first is named");
}

static void
test_grub(void)
{
	struct setup_facts f = grub_facts();
	struct setup_plan p;
	struct err e;

	ok(plan(&f, &p, &e) && p.boot == SETUP_BOOT_GRUB && p.n_changes == 2 && p.changes[1].existed == false &&
	    holds(&p.changes[1], "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX ima_policy=tcb\"\n") && p.n_commands == 1 &&
	    strcmp(p.commands[0], "update-grub") == 0, "a part of its own, and update-grub");
	f.grub_parts = false;
	f.grub_mkconfig = "grub2-mkconfig";
	f.grub_cfg = "/boot/grub2/grub.cfg";
	ok(plan(&f, &p, &e) && holds(change(&p, "/etc/default/grub"), "quiet") &&
	    holds(change(&p, "/etc/default/grub"), "$GRUB_CMDLINE_LINUX ima_policy=tcb") &&
	    strcmp(p.commands[0], "grub2-mkconfig -o /boot/grub2/grub.cfg") == 0, "else a line at the end of the owner's file");
	f.grub_default.content = span_lit("GRUB_CMDLINE_LINUX='ima_policy=critical_data|tcb ima_hash=sha512'");
	ok(plan(&f, &p, &e) && p.n_changes == 1 && p.n_commands == 0, "nothing where the owner has it, among others");
	f.grub_default.content = span_lit("#GRUB_CMDLINE_LINUX=ima_policy=tcb\nGRUB_TERMINAL=ima_policy=tcb");
	ok(plan(&f, &p, &e) && p.n_changes == 2, "a comment is no parameter, nor is another variable");
	ok(holds(&p.changes[1], "tcb\n# Added"), "a last line without its end gets one");
	f.grub_default.content = span_lit("GRUB_CMDLINE_LINUX=\"quiet ima_tcb\"\n");
	ok(!plan(&f, &p, &e) && strstr(e.message, "ima_tcb") != NULL, "ima_tcb would win: %s", e.message);
	f.grub_default.content = span_lit("GRUB_CMDLINE_LINUX=\"ima=off\"\n");
	ok(!plan(&f, &p, &e) && strstr(e.message, "ima=off") != NULL, "ima=off too");
	f.grub_default.content = span_lit("GRUB_CMDLINE_LINUX=\"ima_hash=sha1 ima_template=ima\"\n");
	ok(plan(&f, &p, &e) && noted(&p, "ima_hash=sha1 is kept") && noted(&p, "ima_template=ima is kept"), "others are kept, and named");
	f.grub_mkconfig = NULL;
	ok(!plan(&f, &p, &e) && strstr(e.message, "/boot/grub2/grub.cfg") != NULL && strstr(e.hint, "ima_policy=tcb") != NULL,
	    "a grub.cfg that nothing makes: by hand, and how: %s", e.message);
}

static void
test_entries(void)
{
	struct setup_facts f = base_facts();
	struct setup_file v[] = {
		file("/boot/loader/entries/a.conf", "title A\nlinux /a\noptions root=UUID=1 ro\ninitrd /i\n"),
		file("/boot/loader/entries/b.conf", "title B\r\noptions root=UUID=1 ima_policy=tcb \r\n"),
	};
	struct setup_plan p;
	struct err e;

	f.entries = (struct setup_files){ v, 2 };
	ok(!plan(&f, &p, &e) && strstr(e.message, "no boot loader") != NULL, "entries alone are no boot loader");
	f.loader_conf = "/boot/loader/loader.conf";
	ok(plan(&f, &p, &e) && p.boot == SETUP_BOOT_SYSTEMD && p.n_changes == 2 &&
	    span_is(p.changes[1].after, "title A\nlinux /a\noptions root=UUID=1 ro ima_policy=tcb\ninitrd /i\n"),
	    "systemd-boot: each entry that lacks it: %s", e.message);
	f.kernel_cmdline = file("/etc/kernel/cmdline", "root=UUID=1 ro\n");
	ok(plan(&f, &p, &e) && span_is(change(&p, "/etc/kernel/cmdline")->after, "root=UUID=1 ro ima_policy=tcb\n"),
	    "and what kernels to come are given");
	f.grub_mkconfig = "grub-mkconfig";
	f.grub_default = file("/etc/default/grub", "");
	ok(!plan(&f, &p, &e) && strstr(e.hint, "--boot-loader") != NULL, "two boot loaders: who knows");
	f.image = false;
	f.booted_systemd_boot = true;
	ok(plan(&f, &p, &e) && p.boot == SETUP_BOOT_SYSTEMD, "the firmware of the running system does");
	f.booted_systemd_boot = false;
	f.loader_conf = NULL;
	f.grub_bls = true;
	f.grub_cfg = "/boot/grub2/grub.cfg";
	v[0].content = span_lit("options $kernelopts\n");
	ok(plan(&f, &p, &e) && p.boot == SETUP_BOOT_BLS && holds(change(&p, v[0].path), "options $kernelopts ima_policy=tcb\n") &&
	    holds(change(&p, "/etc/default/grub"), "ima_policy=tcb") && noted(&p, "grub2-editenv"), "GRUB with the same entries");
	v[0].content = span_lit("title broken\n");
	ok(!plan(&f, &p, &e) && strstr(e.message, "options") != NULL, "an entry without options is not guessed at");
}

static void
test_others(void)
{
	struct setup_facts f = base_facts();
	struct setup_plan p;
	struct err e;

	f.uki = "/efi/EFI/Linux/arch.efi";
	ok(!plan(&f, &p, &e) && strstr(e.message, "/etc/kernel/cmdline") != NULL && p.n_changes == 0,
	    "a unified image whose command line comes from nowhere: nothing is planned");
	f.kernel_cmdline = file("/etc/kernel/cmdline", "root=/dev/vda2 rw");
	f.uki_builder = "mkinitcpio";
	ok(plan(&f, &p, &e) && p.boot == SETUP_BOOT_UKI && span_is(p.changes[1].after, "root=/dev/vda2 rw ima_policy=tcb") &&
	    strcmp(p.commands[0], "mkinitcpio -P") == 0 && noted(&p, "built anew"), "else the image is to be built anew, and how");
	f = base_facts();
	f.extlinux = file("/boot/extlinux/extlinux.conf", "label l0\n\tAPPEND root=/dev/mmcblk0p2 ro\nlabel l0r\n\tappend single\n");
	ok(plan(&f, &p, &e) && p.boot == SETUP_BOOT_EXTLINUX && span_is(p.changes[1].after, "label l0\n\tAPPEND root=/dev/mmcblk0p2 ro"
	    " ima_policy=tcb\nlabel l0r\n\tappend single ima_policy=tcb\n"), "extlinux: each append line");
	ok(setup_boot_by_token("lilo") == SETUP_BOOT_NONE && setup_boot_by_token("uki") == SETUP_BOOT_UKI &&
	    setup_init_by_token("dracut") == SETUP_INIT_DRACUT && setup_init_by_token("none") == SETUP_INIT_NONE, "names");
}

static void
test_kernels(void)
{
	struct setup_facts f = grub_facts();
	struct setup_kernel v[] = { debian, { .release = "5.4.0",
	    .config = span_lit("CONFIG_IMA=y\nCONFIG_IMA_DEFAULT_HASH=\"sha1\"\nCONFIG_IMA_DEFAULT_TEMPLATE=\"ima\"\n") } };
	struct setup_plan p;
	struct err e = { 0 };

	f.kernels = v;
	f.n_kernels = 2;
	ok(plan(&f, &p, &e) && p.n_parameters == 3 && holds(&p.changes[1], "ima_policy=tcb ima_template=ima-ng ima_hash=sha256"),
	    "a kernel whose own choice is SHA-1 is told better: %s", e.message);
	ok(setup_lint(&f, span_lit("measure func=BPRM_CHECK\n"), IMA_LOAD_PATH, &arena, &e) == 0, "a policy all take");
	ok(setup_lint(&f, span_lit("measure func=BPRM_CHECK\nmeasure func=SETXATTR_CHECK\n"), IMA_LOAD_PATH, &arena, &e) == ERR_FORMAT &&
	    e.line == 2 && e.column > 0, "one that some kernel refuses, with its line and column: %s", e.message);
	e = (struct err){ 0 };
	ok(setup_lint(&f, span_lit("measure func=CRITICAL_DATA\n"), IMA_LOAD_PATH, &arena, &e) == ERR_FORMAT &&
	    strstr(e.message, "5.4.0") != NULL, "by the older one of two: %s", e.message);
	e = (struct err){ 0 };
	ok(setup_lint(&f, span_lit("measure func=BPRM_CHECK"), IMA_LOAD_PATH, &arena, &e) == ERR_FORMAT,
	    "by its name, a last line without end is refused: %s", e.message);
}

static void
test_labels(void)
{
	static const struct setup_volume v[] = {
		{ span_lit("COS_OEM"), { 0x12, 0x34 } }, { span_lit("COS_OEM"), { 0x12, 0x34 } },
		{ span_lit("TWO"), { 1 } }, { span_lit("TWO"), { 2 } }, { span_lit("a b"), { 0xff } },
	};
	BUF_AUTO struct buf b = buf_init(KIB(64));
	struct err e = { 0 };

	ok(setup_labels_resolve(span_lit("# fslabel=NONE here\ndont_measure\tfslabel=COS_OEM func=FILE_CHECK\nmeasure fslabel=a\\x20b"),
	    v, 5, &b, &e) == 0 && strcmp(buf_cstr(&b), "# fslabel=NONE here\ndont_measure\tfsuuid=12340000-0000-0000-0000-000000000000"
	    " func=FILE_CHECK\nmeasure fsuuid=ff000000-0000-0000-0000-000000000000") == 0, "labels become UUIDs, comments stay");
	b.n = 0;
	ok(setup_labels_resolve(span_lit("measure\nmeasure fslabel=GONE\n"), v, 5, &b, &e) == ERR_NOT_FOUND && e.line == 2 &&
	    e.column == 9 && strstr(e.message, "\"GONE\"") != NULL, "one that nothing has: %s", e.message);
	b.n = 0;
	ok(setup_labels_resolve(span_lit("measure fslabel=TWO\n"), v, 5, &b, &e) == ERR_DUPLICATE && strstr(e.message, "\"TWO\"") != NULL,
	    "one that two have: %s", e.message);
	b.n = 0;
	ok(setup_labels_resolve(span_lit("measure fslabel= func=BPRM_CHECK\n"), v, 5, &b, &e) == ERR_FORMAT, "one that is none");
	b.n = 0;
	ok(setup_labels_resolve(span_lit("# fslabel=COS_OEM is fsuuid=66666666-7777-4888-8999-aaaaaaaaaaaa\n"
	    "measure fsuuid=66666666-7777-4888-8999-aaaaaaaaaaaa\nmeasure fsuuid=11111111-7777-4888-8999-aaaaaaaaaaaa\n"), v, 5, &b, &e) == 0 &&
	    strstr(buf_cstr(&b), "\nmeasure fsuuid=12340000-0000-0000-0000-000000000000\nmeasure fsuuid=11111111-") != NULL,
	    "a stand-in that a comment declares; another UUID stays");
	ok(setup_labels_any(span_lit("measure fslabel=X")) && !setup_labels_any(span_lit("# fslabel=X\nmeasure")), "whether there is any");
}

static void
test_diff(void)
{
	struct setup_change c = { .path = "/x", .existed = true, .before = span_lit("a\nb\nc\n"), .after = span_lit("a\nB\n\x1b[2J\nc\n"),
	    .written = { .alg = DIGEST_SHA256 } };
	BUF_AUTO struct buf b = buf_init(KIB(4));

	setup_diff(&c, &b);
	ok(strcmp(buf_cstr(&b), "--- /x\n+++ /x\n@@ -2,1 +2,2 @@\n-b\n+B\n+\\x1b[2J\n") == 0, "a change");
	b.n = 0;
	c.existed = false;
	c.after = span_lit("new");
	setup_diff(&c, &b);
	ok(strcmp(buf_cstr(&b), "--- /dev/null\n+++ /x\n@@ -0,0 +1,1 @@\n+new\n\\ No newline at end of file\n") == 0, "a new file");
	b.n = 0;
	c = (struct setup_change){ .path = "/x", .existed = true, .before = span_lit("a\n") };
	setup_diff(&c, &b);
	ok(strcmp(buf_cstr(&b), "--- /x\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n") == 0, "one that goes");
}

static struct setup_state
sample_state(void)
{
	static const char *const parameters[] = { "ima_policy=tcb" }, *const commands[] = { "update-grub" };
	static const char *const directories[] = { "/var/lib/assay", "/etc/ima" };
	static struct setup_change files[] = {
		{ .path = "/etc/ima/ima-policy", .mode = 0644 },
		{ .path = "/etc/default/grub", .existed = true, .before = span_lit("x\0y\n"), .mode = 0600, .uid = 1, .gid = 2 },
	};
	struct setup_state s = { .written = true, .source = "sample tcb", .policy_path = "/etc/ima/ima-policy",
	    .measured_as = "/etc/ima/ima-policy", .init = "systemd", .boot = "grub", .boot_id = "b", .parameters = (const char **)(uintptr_t)parameters,
	    .n_parameters = 1, .commands = (const char **)(uintptr_t)commands, .n_commands = 1, .directories = (const char **)(uintptr_t)directories,
	    .n_directories = 2, .files = files, .n_files = 2 };
	struct err e;

	ok(digest_of(DIGEST_SHA256, span_lit("policy"), &s.policy, &e) == 0 &&
	    digest_of(DIGEST_SHA256, span_lit("policy"), &files[0].written, &e) == 0 &&
	    digest_of(DIGEST_SHA256, span_lit("new"), &files[1].written, &e) == 0 &&
	    digest_of(DIGEST_SHA256, span_lit("old"), &files[1].previous, &e) == 0, "a state");
	return s;
}

static void
test_state(void)
{
	BUF_AUTO struct buf b = buf_init(MIB(1)), again = buf_init(MIB(1));
	struct setup_state s = sample_state(), t;
	struct err e = { 0 };
	size_t taken = 0;

	ok(setup_state_write(&s, &b, &e) == 0 && setup_state_parse(buf_view(&b), &t, &e) == 0, "is written and read: %s", e.message);
	ok(setup_state_write(&t, &again, &e) == 0 && span_eq(buf_view(&b), buf_view(&again)), "and is the same again");
	ok(t.n_files == 2 && t.files[1].existed && span_eq(t.files[1].before, span_lit("x\0y\n")) && t.files[1].uid == 1 &&
	    digest_eq(&t.files[1].previous, &s.files[1].previous) && setup_state_find(&t, "/etc/default/grub") == &t.files[1] &&
	    setup_state_find(&t, "/x") == NULL, "with what stood there");
	setup_state_free(&t);
	for (size_t i = 0; i + 1 < b.n; i++)
		if (setup_state_parse(span_head(buf_view(&b), i), &t, &e) == 0) {
			taken++;
			setup_state_free(&t);
		}
	ok(taken == 0, "cut anywhere it is refused");
	ok(setup_state_parse(span_lit("{\"assay_setup\": 2}"), &t, &e) == ERR_VERSION, "a newer one is refused: %s", e.message);
	/* A state decides what undo writes: a name that leaves its folder is none. */
	again.n = 0;
	s.files[0].path = "/etc/../root/.ssh/authorized_keys";
	ok(setup_state_write(&s, &again, &e) == 0 && setup_state_parse(buf_view(&again), &t, &e) == ERR_FORMAT, "a name with .. is refused");
	s.files[0].path = "/etc/ima/ima-policy";
}

static void
test_before(void)
{
	struct setup_facts f = grub_facts();
	struct setup_state s = sample_state();
	struct setup_file part[] = { file("/etc/default/grub.d/a.cfg", "A"), file("/etc/default/grub.d/zz-assay-measurement.cfg", "B") };
	struct setup_change files[] = { s.files[0], { .path = "/etc/default/grub.d/zz-assay-measurement.cfg" } };
	struct setup_plan p, q;
	struct err e;

	ok(plan(&f, &p, &e), "a first plan");
	f.policies[0] = file("/etc/ima/ima-policy", "measure func=BPRM_CHECK\n");
	part[1].content = p.changes[1].after;
	f.grub_d = (struct setup_files){ part, 2 };
	s.files = files;
	setup_facts_before(&f, &s);
	ok(!f.policies[0].present && f.grub_d.n == 1, "what it wrote counts as not written");
	ok(plan(&f, &q, &e) && q.n_changes == p.n_changes && span_eq(q.changes[1].after, p.changes[1].after), "so that the second is the first");
}

static enum setup_point_state
state_of(const struct setup_point *v, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].what, what) == 0)
			return v[i].state;
	return SETUP_POINT_UNKNOWN;
}

static void
test_status(void)
{
	struct setup_state s = sample_state();
	struct setup_seen seen = { .cmdline = span_lit("BOOT_IMAGE=/x ima_policy=critical_data|tcb"), .boot_id = span_lit("c"), .ima = true,
	    .installed = true, .now = s.policy, .list_read = true };
	struct setup_point *v;
	struct err e = { 0 };
	size_t n;

	ok(setup_status_judge(&s, &seen, &arena, &v, &n, &e) == 0, "judged: %s", e.message);
	ok(state_of(v, n, "policy file") == SETUP_POINT_YES && state_of(v, n, "boot") == SETUP_POINT_YES &&
	    state_of(v, n, "boot parameter") == SETUP_POINT_YES && state_of(v, n, "a policy is loaded") == SETUP_POINT_YES, "what is");
	ok(state_of(v, n, "boot_aggregate") == SETUP_POINT_NO && state_of(v, n, "policy in the list") == SETUP_POINT_NO, "an empty list shows nothing");
	seen = (struct setup_seen){ .cmdline = span_lit("quiet"), .boot_id = span_lit("b"), .ima = true, .policy_there = true, .policy_writable = true };
	ok(setup_status_judge(&s, &seen, &arena, &v, &n, &e) == 0 && state_of(v, n, "policy file") == SETUP_POINT_NO &&
	    state_of(v, n, "boot") == SETUP_POINT_NO && state_of(v, n, "boot parameter") == SETUP_POINT_NO &&
	    state_of(v, n, "a policy is loaded") == SETUP_POINT_UNKNOWN && state_of(v, n, "measurement list") == SETUP_POINT_UNKNOWN,
	    "what is not, and what cannot be known");
}

int
main(void)
{
	arena = arena_init(MIB(64));
	test_inits();
	test_grub();
	test_entries();
	test_others();
	test_kernels();
	test_labels();
	test_diff();
	test_state();
	test_before();
	test_status();
	arena_free(&arena);
	return done();
}
