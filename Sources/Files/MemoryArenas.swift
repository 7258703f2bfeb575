private import CLinux

/// Where the C library takes the memory from that is allocated.
public enum MemoryArenas {
  /// Has all threads take it from one place. glibc gives each thread one of its own, and what one has freed the others do not
  /// take: of a second export of 2,000 images that was a quarter of all memory. It takes no longer: small pieces each thread
  /// keeps for itself, and large ones are allocated once for each transfer. To be called before there are threads.
  ///
  /// Lists of a megabyte and more it has given back to the system when they are done with: glibc does that with the first, and
  /// keeps the place of those that follow. Of an import of 60,000 images that was a fifteenth.
  public static func useOne() { clinux_use_one_arena() }
}
