#include "tests/tap.h"
int
main(void)
{
	ok(true, "x");
	return done();
}
