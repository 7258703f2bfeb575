import Synchronization

/// What uploads have taught about a registry, for the rest of the run.
final class UploadHabits: Sendable {
  private let refusals = Atomic(false)

  /// Whether the registry refuses a whole blob in its closing PUT and takes it by PATCH.
  var refusesWholePut: Bool { refusals.load(ordering: .relaxed) }

  func noteRefusal() { refusals.store(true, ordering: .relaxed) }
}
