extension Sequence<Int64> {
  /// The sum, or the largest number there is: sizes come from outside, and a sum that is shown must not trap.
  public func saturatingSum() -> Int64 {
    reduce(0) { sum, next in
      let (total, overflow) = sum.addingReportingOverflow(next)
      return overflow ? .max : total
    }
  }
}
