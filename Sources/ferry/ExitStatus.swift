/// How the process ends (design §1, "Exit status").
enum ExitStatus: Int32 {
  case done = 0
  case unforeseen = 1
  case someFailed = 3
  case differences = 4
  case credentialsRefused = 10
  case permissionDenied = 11
  case notFound = 12
  case networkFailed = 13
  case integrityFailure = 14
  case destinationConflict = 15
  case cannotWrite = 16
  case usage = 64
  case interrupted = 130
}
