public import Images

extension RegistryClient {
  /// Makes a blob of one repository one of another's, without its bytes. False when the registry does not do
  /// that, and wants them.
  public func mountBlob(
    _ descriptor: Descriptor, to repository: String, from holder: String
  ) throws(RegistryError) -> Bool {
    guard let opened = try open(descriptor, in: repository, mountingFrom: holder) else { return true }
    cancel(opened.location, for: opened.errand)
    return false
  }
}
