/* The store's conformance suite: what store.h promises, on SQLite or PostgreSQL.
 *
 *	store-conformance [URL]	without one, on SQLite in a temporary directory
 *	store-conformance --fill PATH	a store for tests/golden/store/mk.sh
 */
#include "tests/store/kit.h"

#include <stdio.h>

int
main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && strcmp(argv[1], "--fill") == 0) {
		kit_begin("");
		kit_fill(kit_store(argv[2]), 5, 260);
		return 0;
	}
	kit_begin(argc > 1 ? argv[1] : NULL);
	test_runs();
	test_open();
	test_golden();
	test_hosts();
	test_lists();
	test_advance();
	test_logs();
	test_search();
	test_history();
	test_retention();
	test_admin();
	test_transactions();
	test_move();
	kit_end();
	return kit_done();
}
