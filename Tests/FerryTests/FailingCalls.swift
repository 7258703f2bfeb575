import Foundation
import TestSupport

/// Has one call of a program to the system fail, by its number, as SQLite has its own tested: a library in C that is loaded
/// before the C library and stands in front of its functions.
struct FailingCalls: Sendable {
  /// Which calls are counted.
  enum Kind: String, Sendable {
    /// Those that open, read, write, sync, size, name or remove plain files and directories.
    case files
    /// Those that begin threads.
    case threads
    /// Those that ask for memory.
    case memory
  }

  /// How many calls there were, or which one failed.
  enum Outcome: Sendable, Equatable {
    case failed(call: String)
    case counted(Int)
  }

  private let library: String
  private let directory: TemporaryDirectory

  init() throws {
    directory = TemporaryDirectory()
    library = directory.file("failing.so")
    directory.write(Array(Self.source.utf8), to: "failing.c")
    try Command.run("cc", ["-O1", "-shared", "-fPIC", "-o", library, directory.file("failing.c"), "-ldl"])
  }

  /// Runs `command` with its call number `number` of `kind` failing, from 1 on: with `EIO` or `ENOSPC` in turn where it is one
  /// about files. 0 for none.
  func run(_ command: Command, failing number: Int, of kind: Kind) throws -> (
    result: CommandResult, outcome: Outcome
  ) {
    var command = command
    let note = directory.file("note")
    try? FileManager.default.removeItem(atPath: note)
    command.environment.merge([
      "LD_PRELOAD": library, "FAILING_KIND": kind.rawValue, "FAILING_NUMBER": "\(number)",
      "FAILING_NOTE": note,
    ]) { $1 }
    let result = try command.run(within: .seconds(60))
    let text = (try? String(contentsOfFile: note, encoding: .utf8)) ?? ""
    return (result, Int(text).map { .counted($0) } ?? .failed(call: text))
  }

  private static let source = #"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <pthread.h>
    #include <stdarg.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>
    #include <sys/stat.h>
    #include <sys/syscall.h>
    #include <sys/vfs.h>
    #include <unistd.h>

    static int number, seen, hasFailed;
    static char kind, path[4096];

    __attribute__((constructor)) static void begin(void) {
      const char *text = getenv("FAILING_KIND");
      kind = text ? *text : 0;
      text = getenv("FAILING_NUMBER");
      number = text ? atoi(text) : 0;
      text = getenv("FAILING_NOTE");
      if (text) strncpy(path, text, sizeof path - 1);
    }

    static void note(const char *text) {
      int file = syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
      if (file < 0) return;
      syscall(SYS_write, file, text, strlen(text));
      syscall(SYS_close, file);
    }

    __attribute__((destructor)) static void end(void) {
      char text[16];
      if (!kind || hasFailed) return;
      snprintf(text, sizeof text, "%d", seen);
      note(text);
    }

    void _exit(int status) {
      end();
      for (;;) syscall(SYS_exit_group, status);
    }

    static int fails(char of, const char *name) {
      if (kind != of) return 0;
      int mine = __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED);
      if (mine != number) return 0;
      hasFailed = 1;
      note(name);
      errno = of == 'f' ? (mine & 1 ? EIO : ENOSPC) : of == 't' ? EAGAIN : ENOMEM;
      return 1;
    }

    // What Swift's runtime reads of the system's own state is on no disk.
    static int isFile(int descriptor) {
      struct stat status;
      struct statfs system;
      if (descriptor <= 2 || (fstatfs(descriptor, &system) == 0 && system.f_type == 0x9fa0)) return 0;
      if (fstat(descriptor, &status) != 0) return 0;
      return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
    }

    #define NEXT(name) \
      static __typeof__(name) *next; \
      if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
    #define CALL(result, name, parameters, arguments, failure) \
      result name parameters { NEXT(name); if (fails('f', #name)) return failure; return next arguments; }
    #define ON(result, name, parameters, arguments) \
      result name parameters { \
        NEXT(name); if (isFile(file) && fails('f', #name)) return -1; return next arguments; }
    #define OPEN(name) \
      int name(const char *path, int flags, ...) { \
        NEXT(name); \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, int); va_end(list); \
        if (strncmp(path, "/proc/", 6) != 0 && fails('f', #name)) return -1; \
        return next(path, flags, mode); }
    #define OPENAT(name) \
      int name(int directory, const char *path, int flags, ...) { \
        NEXT(name); \
        va_list list; va_start(list, flags); mode_t mode = va_arg(list, int); va_end(list); \
        if (fails('f', #name)) return -1; \
        return next(directory, path, flags, mode); }

    OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)
    ON(ssize_t, read, (int file, void *bytes, size_t count), (file, bytes, count))
    ON(ssize_t, pread, (int file, void *bytes, size_t count, off_t at), (file, bytes, count, at))
    ON(ssize_t, pread64, (int file, void *bytes, size_t count, off64_t at), (file, bytes, count, at))
    ON(ssize_t, write, (int file, const void *bytes, size_t count), (file, bytes, count))
    ON(ssize_t, pwrite, (int file, const void *bytes, size_t count, off_t at), (file, bytes, count, at))
    ON(ssize_t, pwrite64, (int file, const void *bytes, size_t count, off64_t at), (file, bytes, count, at))
    ON(int, fsync, (int file), (file))
    ON(int, fdatasync, (int file), (file))
    ON(int, ftruncate, (int file, off_t size), (file, size))
    ON(int, ftruncate64, (int file, off64_t size), (file, size))
    ON(int, fallocate, (int file, int mode, off_t at, off_t count), (file, mode, at, count))
    ON(int, fallocate64, (int file, int mode, off64_t at, off64_t count), (file, mode, at, count))
    ON(int, fchmod, (int file, mode_t mode), (file, mode))
    CALL(int, mkstemp, (char *path), (path), -1)
    CALL(int, mkstemp64, (char *path), (path), -1)
    CALL(int, rename, (const char *from, const char *to), (from, to), -1)
    CALL(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), -1)
    CALL(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags), -1)
    CALL(int, link, (const char *from, const char *to), (from, to), -1)
    CALL(int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), -1)
    CALL(int, unlink, (const char *path), (path), -1)
    CALL(int, unlinkat, (int directory, const char *path, int flags), (directory, path, flags), -1)
    CALL(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
    CALL(int, mkdirat, (int directory, const char *path, mode_t mode), (directory, path, mode), -1)

    int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*body)(void *), void *argument) {
      NEXT(pthread_create);
      return fails('t', "pthread_create") ? EAGAIN : next(thread, attributes, body, argument);
    }

    // dlsym asks for memory itself: these have other names.
    extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
    void *malloc(size_t size) { return fails('m', "malloc") ? 0 : __libc_malloc(size); }
    void *calloc(size_t count, size_t size) { return fails('m', "calloc") ? 0 : __libc_calloc(count, size); }
    void *realloc(void *old, size_t size) { return fails('m', "realloc") ? 0 : __libc_realloc(old, size); }
    void *mmap(void *address, size_t size, int protection, int flags, int file, off_t at) {
      if (fails('m', "mmap")) return MAP_FAILED;
      return (void *)syscall(SYS_mmap, address, size, protection, flags, file, at);
    }
    """#
}
