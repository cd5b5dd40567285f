/* http_bodies.c: who may have how much memory for bodies.  What is promised is counted, not what came, so
 * that many that come slowly cannot fill it together; and in shares, so that some of one kind cannot keep out
 * all of another: small bodies of those who are known always find room beside large ones and strangers'. */
#include "port/net/http_internal.h"

static bool
is_large(const struct http_request *r)
{
	return r->reserved > LIMIT_HTTP_SMALL_BODY;
}

static bool
is_strange(const struct http_request *r)
{
	return r->caller.principal == PRINCIPAL_UNSET;
}

static const char *
find_place(struct http_server *s, struct http_request *r)
{
	size_t at = LIMIT_HTTP_LARGE, of_one = 0;

	for (size_t i = LIMIT_HTTP_LARGE; i-- > 0;) {
		const struct http_request *x = s->large[i];

		if (x == NULL)
			at = i;
		else if (x->caller.principal == r->caller.principal && strcmp(x->caller.id, r->caller.id) == 0)
			of_one++;
	}
	if (of_one >= LIMIT_HTTP_LARGE_OF_ONE && !is_strange(r))
		return "you are sending too many large bodies already";
	if (at == LIMIT_HTTP_LARGE)
		return "the server holds too many large bodies; try again later";
	s->large[at] = r;
	return NULL;
}

const char *
bodies_take(struct http_server *s, struct http_request *r, size_t n)
{
	const size_t most = s->o.bodies_max;
	const char *why = NULL;

	(void)pthread_mutex_lock(&s->bodies_lock);
	r->reserved = n;
	if (s->bodies + n > most || (is_strange(r) && s->bodies_strange + n > most / 4) ||
	    (is_large(r) && s->bodies_large + n > most / 4 * 3))
		why = "the server holds too many bodies; try again later";
	else if (is_large(r))
		why = find_place(s, r);
	if (why == NULL) {
		s->bodies += n;
		s->bodies_strange += is_strange(r) ? n : 0;
		s->bodies_large += is_large(r) ? n : 0;
	} else {
		r->reserved = 0;
	}
	(void)pthread_mutex_unlock(&s->bodies_lock);
	return why;
}

void
bodies_give(struct http_server *s, struct http_request *r)
{
	if (r->reserved == 0)
		return;
	(void)pthread_mutex_lock(&s->bodies_lock);
	s->bodies -= r->reserved;
	s->bodies_strange -= is_strange(r) ? r->reserved : 0;
	s->bodies_large -= is_large(r) ? r->reserved : 0;
	for (size_t i = 0; i < LIMIT_HTTP_LARGE && is_large(r); i++)
		if (s->large[i] == r)
			s->large[i] = NULL;
	(void)pthread_mutex_unlock(&s->bodies_lock);
	r->reserved = 0;
}
