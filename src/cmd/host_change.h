/* host_change.h: commands that change hosts. */
#ifndef CMD_HOST_CHANGE_H
#define CMD_HOST_CHANGE_H

#include "cmd/api_client.h"

struct host_change {
	const char *operation;		/* of the API, with an {id} */
	const json_t *body;		/* or NULL */
	const char *done;		/* "NAME (ID) ${done}" */
	size_t n;			/* so many operands are hosts */
};

/** host_change(in, c, e): The same request about each of the hosts; the whole command. */
enum exit_status host_change(const struct invocation *in, const struct host_change *c, struct err *e);

#endif
