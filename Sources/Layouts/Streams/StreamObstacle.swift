/// Why an archive cannot be read as it comes.
public enum StreamObstacle: Hashable, Sendable {
  /// This entry comes before the ones that say what it is.
  case order(entry: String)
  /// Another tool wrote it: nothing promises that all that describes it comes first.
  case foreign
  /// Its layers are to be compressed on their way, which takes two readings.
  case twoReadings
}
