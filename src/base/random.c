#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

int
random_bytes(void *p, size_t n, struct err *e)
{
	uint8_t *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(e, "the kernel gives no random bytes");
		at += got;
		n -= (size_t)got;
	}
	return 0;
}
