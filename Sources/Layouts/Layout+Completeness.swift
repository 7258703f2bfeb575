public import Images

extension Layout {
  /// What is wrong with the place of a blob that an image lists: nothing when it lies in the archive with its
  /// size or is left out on purpose. Its bytes are not read.
  public func problem(with descriptor: Descriptor) -> LayoutProblem? {
    guard let extent = blobs[descriptor.digest] else {
      return omissions[descriptor.digest] == nil ? .missing(descriptor) : nil
    }
    guard extent.size == descriptor.size else {
      return .wrongSize(descriptor.digest, expected: descriptor.size, actual: extent.size)
    }
    return nil
  }
}
