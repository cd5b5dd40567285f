#include "cmd/policy_choice.h"

#include "base/text.h"

/* "-5", "10": at most nine digits. */
static bool
read_rank(const char *text, json_int_t *out)
{
	bool below = text[0] == '-';
	uint64_t n;

	if (!dec_u64(span_str(text + below), &n) || n > 999999999)
		return false;
	*out = below ? -(json_int_t)n : (json_int_t)n;
	return true;
}

/* "web" is the newest version, "web@VERSION" that one. */
static json_t *
member(const char *text)
{
	const char *at = strchr(text, '@');

	return at == NULL ? json_new_string(span_str(text)) : json_pack("{s:o, s:o}", "policy",
	    json_new_string(span_of(text, (size_t)(at - text))), "version", json_new_string(span_str(at + 1)));
}

bool
policy_choice(const struct invocation *in, json_t **body, const char **wrong)
{
	const char *label = opt_get(in, "label"), *rank = opt_get(in, "rank");
	JSON_AUTO json_t *j = json_pack("{s:[]}", "policies");
	json_int_t n = 0;

	if (rank != NULL && !read_rank(rank, &n)) {
		*wrong = "--rank wants a number";
		return false;
	}
	for (size_t i = 0; i < in->n_operands; i++)
		if (json_array_append_new(json_object_get(j, "policies"), member(in->operands[i])) != 0) {
			*wrong = "a policy's name is text";
			return false;
		}
	if (label != NULL && (strchr(label, '=') == NULL ||
	    json_object_set_new(j, "labels", json_new_string(span_str(label))) != 0)) {
		*wrong = "--label wants KEY=VALUE,KEY=VALUE,...";
		return false;
	}
	if (rank != NULL)
		json_object_set_new(j, "rank", json_integer(n));
	*body = json_incref(j);
	return true;
}
