extension Sequence where Element: FixedWidthInteger {
  /// The sum, or the largest number there is: sizes and counts come from outside, and a sum that is shown must not trap.
  public func saturatingSum() -> Element {
    reduce(0) { sum, next in
      let (total, overflow) = sum.addingReportingOverflow(next)
      return overflow ? .max : total
    }
  }
}
