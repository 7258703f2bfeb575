#ifndef FERRY_CARCHIVE_SHIM_H
#define FERRY_CARCHIVE_SHIM_H

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/types.h>
#include <sys/xattr.h>

// The AE_IF* macros hold casts, which Swift cannot import.
static const mode_t carchive_regular = AE_IFREG;
static const mode_t carchive_directory = AE_IFDIR;
static const mode_t carchive_symlink = AE_IFLNK;

// What an archive's file needs of Linux and Swift's Glibc module leaves out, since it is built without
// _GNU_SOURCE: fallocate(2), sync_file_range(2), renameat2(2), O_TMPFILE of open(2).

extern int fallocate(int descriptor, int mode, off_t offset, off_t length);
extern int sync_file_range(int descriptor, off_t offset, off_t length, unsigned int flags);
extern int renameat2(int fromDirectory, const char *from, int toDirectory, const char *to,
                     unsigned int flags);

static const unsigned int carchive_start_write = 2;  // SYNC_FILE_RANGE_WRITE
static const int carchive_nameless = 020000000 | O_DIRECTORY;  // O_TMPFILE
static const unsigned int carchive_no_replace = 1;   // RENAME_NOREPLACE

#endif
