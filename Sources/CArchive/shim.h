#ifndef FERRY_CARCHIVE_SHIM_H
#define FERRY_CARCHIVE_SHIM_H

#include <archive.h>
#include <archive_entry.h>
#include <sys/types.h>

// The AE_IF* macros hold casts, which Swift cannot import.
static const mode_t carchive_regular = AE_IFREG;
static const mode_t carchive_directory = AE_IFDIR;
static const mode_t carchive_symlink = AE_IFLNK;

#endif
