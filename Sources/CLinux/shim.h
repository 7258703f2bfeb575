#ifndef FERRY_CLINUX_SHIM_H
#define FERRY_CLINUX_SHIM_H

// What files need of Linux and Swift's Glibc module leaves out, since it is built without _GNU_SOURCE: fallocate(2),
// sync_file_range(2), renameat2(2), O_TMPFILE of open(2); and `struct stat` and extended attributes, which it does not
// have alone; statfs(2), for the kind of a file system;
// prctl(2) and mallopt(3).

#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/xattr.h>

extern int fallocate(int descriptor, int mode, off_t offset, off_t length);
extern int sync_file_range(int descriptor, off_t offset, off_t length, unsigned int flags);
extern int renameat2(int fromDirectory, const char *from, int toDirectory, const char *to,
                     unsigned int flags);

static const unsigned int clinux_start_write = 2;  // SYNC_FILE_RANGE_WRITE
static const int clinux_nameless = 020000000 | O_DIRECTORY;  // O_TMPFILE
static const unsigned int clinux_no_replace = 1;   // RENAME_NOREPLACE

// The kind of the file system that a file is on, by its magic number (linux/magic.h); 0 when it cannot be told.
static inline unsigned long clinux_file_system(int descriptor) {
  struct statfs status;
  return fstatfs(descriptor, &status) == 0 ? (unsigned long)status.f_type & 0xffffffffUL : 0;
}

// Leaves no core file of this process, whoever takes them, and lets no other process look into it: prctl(2) is variadic.
static inline int clinux_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

// Has all threads take memory from one arena, where the C library has several (glibc): what one has freed the others take. And
// has it give back what is large, however large what was freed before.
static inline void clinux_use_one_arena(void) {
#ifdef M_ARENA_MAX
  mallopt(M_ARENA_MAX, 1);
#endif
#ifdef M_MMAP_THRESHOLD
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

// The commit that the program is made of, where whoever links it says so: fixtures/package gives the linker an object with
// this name, and nothing has to be compiled again for it.
extern const char ferry_commit[] __attribute__((weak));
static inline const char *clinux_commit(void) { return ferry_commit ? ferry_commit : ""; }

#endif
