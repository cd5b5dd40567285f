/* policy_scan.h: the files of a large policy, read without building a tree of them.
 *
 * A policy of ten million digests is 1.4 GB of JSON, and nearly all of it is
 * "files" objects of one simple form.  The scanner reads those itself, strictly,
 * straight into the table's builder, and leaves "{}" in their place; what remains
 * is small and goes to the JSON parser.  It never decides that something is
 * wrong: whatever it does not take (names out of order, which might hide a
 * duplicate; anything unexpected; any error) makes it give up, and the caller
 * parses the whole text the ordinary way, which has the last word and the message.
 *
 * What it takes is a complete JSON object, and what remains is parsed with "{}" in
 * the same place: if that is valid JSON, the whole was.
 */
#ifndef FORMATS_POLICY_SCAN_H
#define FORMATS_POLICY_SCAN_H

#include "formats/policy_table.h"

/** policy_scan(text, b, rest): True: all files are in ${b}, and ${rest} is the text
 * without them.  False: use neither. */
MUST_CHECK bool policy_scan(struct span text, struct policy_builder *b, struct buf *rest);

#endif
