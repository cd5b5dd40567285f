#include "engine/doctor_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "formats/ima_kernel.h"
#include "formats/kernel_config.h"

const char *
mark_token(enum mark mark)
{
	static const char *const tokens[] = { "unknown", "info", "good", "warn", "bad" };

	return tokens[mark];
}

static const struct { const char *token, *title; } groups[GROUP_COUNT] = {
	[GROUP_BOOT] = { "boot", "Boot" },
	[GROUP_KERNEL] = { "kernel", "Kernel" },
	[GROUP_IMA] = { "ima", "IMA (measurement and appraisal)" },
	[GROUP_EVM] = { "evm", "EVM (metadata)" },
	[GROUP_KEYS] = { "keys", "Keyrings" },
	[GROUP_TPM] = { "tpm", "TPM" },
	[GROUP_MOUNTS] = { "mounts", "File systems" },
};

const char *doctor_group_token(enum doctor_group g) { return groups[g].token; }
const char *doctor_group_title(enum doctor_group g) { return groups[g].title; }

/* ---- what the parts use ------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static const char *
text_v(struct judge *j, const char *fmt, va_list ap)
{
	char text[2048], *copy;

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	if (j->rc != 0)
		return "";
	if ((copy = arena_str(j->a, span_str(text))) == NULL) {
		j->rc = arena_err(j->a, j->e);
		return "";
	}
	return copy;
}

const char *
judge_text(struct judge *j, const char *fmt, ...)
{
	const char *text;
	va_list ap;

	va_start(ap, fmt);
	text = text_v(j, fmt, ap);
	va_end(ap);
	return text;
}

static void
append(struct judge *j, const struct doctor_item *item)
{
	struct diagnosis *d = j->d;
	struct doctor_item *list;

	if (j->rc != 0)
		return;
	list = arena_grow(j->a, d->items, d->n_items, &d->cap_items, sizeof(*list));
	if (list == NULL) {
		j->rc = arena_err(j->a, j->e);
		return;
	}
	d->items = list;
	d->items[d->n_items++] = *item;
}

void
judge_item(struct judge *j, enum doctor_group group, const char *code, const char *name,
    enum mark mark, const char *value, const char *fmt, ...)
{
	struct doctor_item item = { .group = group, .mark = mark, .code = code, .name = name,
		.value = value };
	va_list ap;

	va_start(ap, fmt);
	item.text = text_v(j, fmt, ap);
	va_end(ap);
	append(j, &item);
}

void
judge_mount(struct judge *j, struct span mount, const char *code, const char *name, enum mark mark,
    const char *value, const char *text)
{
	append(j, &(struct doctor_item){ .group = GROUP_MOUNTS, .mark = mark, .code = code,
	    .name = name, .value = value, .text = text, .mount = mount });
}

void
judge_advise(struct judge *j, unsigned weight, const char *code, const char *fmt, ...)
{
	struct diagnosis *d = j->d;
	struct doctor_advice *list;
	const char *text;
	va_list ap;

	for (size_t i = 0; i < d->n_advice; i++)
		if (strcmp(d->advice[i].code, code) == 0)
			return;
	va_start(ap, fmt);
	text = text_v(j, fmt, ap);
	va_end(ap);
	if (j->rc != 0)
		return;
	list = arena_grow(j->a, d->advice, d->n_advice, &d->cap_advice, sizeof(*list));
	if (list == NULL) {
		j->rc = arena_err(j->a, j->e);
		return;
	}
	d->advice = list;
	d->advice[d->n_advice++] = (struct doctor_advice){ weight, code, text };
}

enum fact
judge_option(const struct judge *j, const char *name)
{
	if (j->m->config_source == NULL)
		return FACT_UNKNOWN;
	return kernel_config_on(j->m->config, name) ? FACT_YES : FACT_NO;
}

bool
judge_parameter(const struct judge *j, const char *name, struct span *value)
{
	struct span rest = j->m->cmdline, n, v;
	bool has, found = false;

	while (ima_cmdline_next(&rest, &n, &v, &has))
		if (span_is(n, name)) {
			*value = v;
			found = true;
		}
	return found;
}

/* ---- the whole ------------------------------------------------------------------ */

/* "6.1.0-50-cloud-amd64": major and minor. */
static unsigned
version_of(struct span release)
{
	struct ima_kernel k;

	return ima_kernel_set_version(&k, release, NULL) == 0 ? k.version : 0;
}

/* The heaviest first; of equal weight, as they were found. */
static void
sort_advice(struct diagnosis *d)
{
	for (size_t i = 1; i < d->n_advice; i++) {
		struct doctor_advice a = d->advice[i];
		size_t k = i;

		for (; k > 0 && d->advice[k - 1].weight < a.weight; k--)
			d->advice[k] = d->advice[k - 1];
		d->advice[k] = a;
	}
}

/* Groups in their order, items in theirs: parts add to several groups. */
static int
sort_items(struct judge *j)
{
	struct diagnosis *d = j->d;
	struct doctor_item *sorted = arena_array(j->a, d->n_items + 1, sizeof(*sorted));
	size_t n = 0;

	if (sorted == NULL)
		return arena_err(j->a, j->e);
	for (int g = 0; g < GROUP_COUNT; g++)
		for (size_t i = 0; i < d->n_items; i++)
			if ((int)d->items[i].group == g)
				sorted[n++] = d->items[i];
	d->items = sorted;
	return 0;
}

int
doctor_judge(const struct machine *m, struct arena *a, struct diagnosis *out, struct err *e)
{
	struct diagnosis d = { 0 };
	struct judge j = { .m = m, .a = a, .d = &d, .version = version_of(m->release), .e = e };

	judge_boot(&j);
	judge_options(&j);
	judge_ima(&j);
	judge_keys(&j);
	judge_tpm(&j);
	judge_mounts(&j);
	if (j.rc == 0)
		j.rc = sort_items(&j);
	if (j.rc != 0)
		return j.rc;
	sort_advice(&d);
	d.nothing = m->release.n == 0 && m->config_source == NULL && m->cmdline.n == 0 &&
	    !m->tpm_class && !m->tpm.have && m->n_mounts == 0 && !m->keys_known;
	*out = d;
	return 0;
}
