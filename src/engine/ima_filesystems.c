#include "engine/ima_filesystems.h"

static const struct fs_type types[] = {
#define FS(name, magic, kind, uuid, cookie) { name, magic, FS_##kind, uuid, cookie },
#include "engine/ima_filesystems.tbl"
#undef FS
};

const struct fs_type *
fs_type_at(size_t i)
{
	return i < sizeof(types) / sizeof(types[0]) ? &types[i] : NULL;
}

const struct fs_type *
fs_type_by_name(struct span name)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_is(name, types[i].name))
			return &types[i];
	return NULL;
}

const struct fs_type *
fs_type_by_magic(uint64_t magic)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (magic == types[i].magic)
			return &types[i];
	return NULL;
}
