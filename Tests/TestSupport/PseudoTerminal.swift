import Foundation

/// A pair of descriptors, one of which looks like a terminal.
enum PseudoTerminal {
  /// Returns the side to read from and the side that is a terminal. Throws ``TestFailure``.
  static func open(columns: UInt16 = 100) throws -> (reading: Int32, writing: Int32) {
    var size = winsize(ws_row: 30, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    var reading: Int32 = -1
    var writing: Int32 = -1
    guard openpty(&reading, &writing, nil, nil, &size) == 0 else {
      throw TestFailure("no pseudo terminal: \(String(cString: strerror(errno)))")
    }
    for end in [reading, writing] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (reading, writing)
  }
}
