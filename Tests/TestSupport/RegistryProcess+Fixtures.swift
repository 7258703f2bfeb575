extension RegistryProcess {
  /// An open registry with all ``FixtureImages``, for tests that only read from it: all of a run share it.
  public static func fixtures() throws -> RegistryProcess { try sharedFixtures.get() }

  private static let sharedFixtures = Result {
    var options = Options()
    options.holdsFixtures = true
    options.isReadOnly = true
    return try RegistryProcess(root: RunDirectory.make("shared-registry"), options: options)
  }

  /// An open, empty registry that the tests of a run share for `purpose`. Its storage goes with the run.
  public static func shared(for purpose: String) throws -> RegistryProcess {
    try RegistryProcess(root: RunDirectory.make(purpose), options: Options())
  }
}
