#include "cmd/event_log_json.h"

#include "base/text.h"
#include "formats/uefi_devpath.h"

static json_t *
guid_json(const struct uefi_guid *g)
{
	BUF_AUTO struct buf b = buf_init(256);

	uefi_guid_put(g, &b);
	return json_string(buf_cstr(&b));
}

static json_t *
variable_json(const struct tcg_variable *v)
{
	BUF_AUTO struct buf name = buf_init(LIMIT_EVENT_LOG * 2);

	tcg_variable_name_put(v, &name);
	return json_pack("{s:o, s:o, s:o}", "guid", guid_json(&v->guid),
	    "name", json_escaped(buf_view(&name)), "content_b64", json_base64(v->content));
}

static json_t *
image_json(const struct tcg_image *m)
{
	BUF_AUTO struct buf path = buf_init(LIMIT_EVENT_LOG * 8);

	(void)uefi_devpath_put(m->device_path, &path);
	return json_pack("{s:I, s:I, s:I, s:o}", "address", (json_int_t)m->address,
	    "length", (json_int_t)m->length, "link_address", (json_int_t)m->link_address,
	    "device_path", json_escaped(buf_view(&path)));
}

/* The members a program may want without parsing text; the rest is in "text". */
static void
add_decoded(json_t *j, const struct tcg_data *d)
{
	if (d->kind == TCG_DATA_VARIABLE)
		json_object_set_new(j, "variable", variable_json(&d->u.variable));
	else if (d->kind == TCG_DATA_IMAGE)
		json_object_set_new(j, "image", image_json(&d->u.image));
	else if (d->kind == TCG_DATA_GRUB_CMD)
		json_object_set_new(j, "grub_cmd", json_escaped(d->u.text));
	else if (d->kind == TCG_DATA_KERNEL_CMDLINE)
		json_object_set_new(j, "kernel_cmdline", json_escaped(d->u.text));
	else if (d->kind == TCG_DATA_TAG)
		json_object_set_new(j, "tag", json_integer(d->u.tag.tag));
	else if (d->kind == TCG_DATA_LOCALITY)
		json_object_set_new(j, "locality", json_integer(d->u.locality));
	if (d->why != NULL)
		json_object_set_new(j, "malformed", json_string(d->why));
}

json_t *
event_json(const struct tcg_event *event, uint8_t uintn_size)
{
	BUF_AUTO struct buf type = buf_init(256);
	BUF_AUTO struct buf text = buf_init(LIMIT_EVENT_LOG * 8);
	json_t *digests = json_object(), *j;
	struct tcg_data d;

	tcg_type_put(event->type, &type);
	tcg_event_describe(event, uintn_size, &text);
	for (size_t i = 0; i < event->n_digests; i++) {
		const struct tcg_digest *x = &event->digests[i];
		char name[16];

		(void)snprintf(name, sizeof(name), "0x%04x", x->id);
		json_object_set_new(digests, x->alg == DIGEST_NONE ? name : digest_alg_name(x->alg),
		    json_hex(x->bytes));
	}
	j = json_pack("{s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:s}", "event", (json_int_t)event->number,
	    "offset", (json_int_t)event->offset, "pcr", (json_int_t)event->pcr,
	    "type_value", (json_int_t)event->type, "type", buf_cstr(&type), "digests", digests,
	    "data_b64", json_base64(event->data), "text", buf_cstr(&text));
	tcg_event_decode(event, uintn_size, &d);
	add_decoded(j, &d);
	return j;
}
