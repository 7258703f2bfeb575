private import CLinux
private import Glibc

/// The files that the system makes of a process that crashes: all its memory, on a disk, for whoever may read it.
public enum CoreFiles {
  /// Sees that there is none of this process.
  ///
  /// The limit alone does not hold where the system hands such memory to a program. A process that may not be dumped is
  /// none, either, that others of the same user may look into (`ptrace`, `mem` and `environ` below `/proc`), but for root
  /// and for whoever traced it from its start. What anybody may know of a process, its status among that, stays readable;
  /// what it may know of itself below `/proc/self` is root's, but `/proc/self/fd` and the like are asked by nobody here.
  /// What it starts may be dumped again.
  public static func forbid() {
    var none = rlimit()
    none.rlim_cur = 0
    none.rlim_max = 0
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    _ = clinux_forbid_dumps()
  }
}
