import Foundation

/// The arguments of one `posix_spawn(3)`.
struct Spawn: Sendable {
  let program: String
  /// With the program's name as the first.
  let arguments: [String]
  let environment: [String]
  /// What the child gets as descriptors 0, 1, 2 and so on. All others are closed in it.
  let descriptors: [Int32]

  /// Starts the process. Returns its id, or a negated errno.
  func perform() -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // First out of the way of the final numbers, then into place.
    let apart: Int32 = 1000
    for (number, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, apart + Int32(number))
    }
    for number in descriptors.indices {
      posix_spawn_file_actions_adddup2(&actions, apart + Int32(number), Int32(number))
    }
    guard let closeFrom = Self.closeFrom, closeFrom(&actions, Int32(descriptors.count)) == 0 else {
      return -ENOSYS
    }

    // The tests' own mask and handlers are not for the child.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var id: pid_t = 0
    let code = Self.withCStrings(arguments) { arguments in
      Self.withCStrings(environment) { environment in
        posix_spawn(&id, program, &actions, &attributes, arguments, environment)
      }
    }
    return code == 0 ? id : -code
  }

  /// `posix_spawn_file_actions_addclosefrom_np(3)`, in glibc since 2.34 but not in Swift's Glibc module.
  private static let closeFrom: CloseFrom? = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np")
    .map { unsafeBitCast($0, to: CloseFrom.self) }

  private typealias CloseFrom =
    @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32

  private static func withCStrings(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Int32
  ) -> Int32 {
    let pointers = texts.map { strdup($0) }
    defer { pointers.forEach { free($0) } }
    return body(pointers + [nil])
  }
}
