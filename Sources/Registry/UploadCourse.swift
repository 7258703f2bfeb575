/// What one blob's upload has been through: a value that decides how it goes on.
struct UploadCourse {
  var way: UploadHabits.Way
  /// The way that the registry refused, where that says something about other blobs.
  private(set) var lesson: UploadHabits.Way?
  private var hasTurned = false
  private var hasBeenWrong = false
  private var hasBeenLost = false
  /// The farthest byte ever acknowledged: only what lies beyond it is progress.
  private var farthest: Int64 = 0

  init(_ way: UploadHabits.Way) { self.way = way }

  /// Takes the other way because the registry refused this one. False when it has refused that too.
  mutating func turn(isLesson: Bool) -> Bool {
    guard !hasTurned else { return false }
    hasTurned = true
    if isLesson { lesson = way }
    way = way.other
    return true
  }

  /// Whether a blob whose bytes are right here and were wrong there may begin again. A cut line explains it
  /// once; without one, it is the way that the registry does not take as it should.
  mutating func mayBeginAgain(afterCut: Bool) -> Bool {
    guard afterCut, !hasBeenWrong else { return way == .chunks && turn(isLesson: true) }
    hasBeenWrong = true
    return true
  }

  /// Whether a blob that the registry has taken and does not have may be sent again: once.
  mutating func mayRepeat() -> Bool {
    defer { hasBeenLost = true }
    return !hasBeenLost
  }

  /// Whether bytes beyond the farthest so far were acknowledged since this was last asked.
  mutating func hasProgressed(to offset: Int64) -> Bool {
    defer { farthest = max(farthest, offset) }
    return offset > farthest
  }
}
