/// Carries what a caller's sink or source threw through a transfer, so that it is not mistaken for the
/// registry's or the line's doing.
struct CallerError: Error {
  let error: any Error
}
