import Glibc

/// A file descriptor that is closed when its owner goes.
struct OwnedDescriptor: ~Copyable {
  let number: CInt

  init(_ number: CInt) { self.number = number }

  deinit { close(number) }

  /// Gives the descriptor up unclosed.
  consuming func release() -> CInt {
    let number = number
    discard self
    return number
  }

  /// A pipe whose ends no child inherits, unless one is started before this returns.
  static func pipe() throws(CredentialHelperFailure) -> Ends {
    var numbers: [CInt] = [-1, -1]
    guard unsafe Glibc.pipe(&numbers) == 0 else { throw .notStarted(errno: errno) }
    for number in numbers { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }
    return Ends(reading: Self(numbers[0]), writing: Self(numbers[1]))
  }

  struct Ends: ~Copyable {
    let reading: OwnedDescriptor
    let writing: OwnedDescriptor
  }
}
