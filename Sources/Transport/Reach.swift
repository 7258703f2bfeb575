/// Which addresses a request may go to: to a host that the user named wherever it is, and where a server leads only
/// where that server may lead to.
///
/// A host is judged by what it is called before anything else, and by each of its addresses when it is connected to: a
/// name says nothing of where it leads, and may lead elsewhere a moment later. By way of a proxy the address is the
/// proxy's, which the user chose, and what the host is called is all there is to judge by: also where libcurl looks the host up
/// before it asks the proxy for its address (SOCKS 4 and 5 without `h` or `a`), for it does not say what it has found.
struct Reach: Sendable {
  /// Who leads to the host, and from what kind of place; nil where the user did.
  struct Sender: Sendable {
    let authority: String
    let place: AddressClass
    /// Whether it leads to its own host.
    var isItself = false
  }

  private let host: String
  private let name: String
  private let sender: Sender?
  private let spelled: AddressClass
  /// Whether the user has said that the host may be in a private network.
  private let isKnownPrivate: Bool
  private let isByProxy: Bool

  init(to url: HTTPURL, by sender: Sender?, isKnownPrivate: Bool, isByProxy: Bool) {
    host = url.authority
    name = String(url.host.drop { $0 == "[" }.prefix { $0 != "]" })
    self.sender = sender
    spelled = isByProxy ? AddressClass(hostBehindProxy: url.host) : AddressClass(host: url.host)
    self.isKnownPrivate = isKnownPrivate
    self.isByProxy = isByProxy
  }

  /// Throws ``TransportError/addressRefused(host:address:_:by:)`` for a host that is none to go to by what it is called.
  func checkSpelling() throws(TransportError) {
    if sender != nil, !allows(spelled) { throw error(address: nil, spelled) }
  }

  /// The error for an address of the host that is none to go to.
  func refusal(of address: [UInt8]) -> TransportError? {
    guard !isByProxy else { return nil }
    let found = AddressClass(address: address)
    // Whoever means a metadata service names it: a name that leads there was made to.
    let isMetadata = found == .metadata || AddressClass.isMetadataService(address)
    let isNamed = AddressClass.addressBytes(name) != nil || spelled == .metadata
    let isRefused = isMetadata && !isNamed || !allows(found)
    return isRefused ? error(address: AddressClass.text(of: address), found) : nil
  }

  /// What kind of place the host is at an address; nil where that is the proxy's.
  func place(at address: [UInt8]) -> AddressClass? { isByProxy ? nil : AddressClass(address: address) }

  private func allows(_ found: AddressClass) -> Bool {
    guard let sender else { return true }
    // Where it is found itself, of whatever kind that is.
    if sender.isItself, found == sender.place { return true }
    return found.mayBeLedTo(by: sender.place) || isKnownPrivate && (found == .local || found == .loopback)
  }

  private func error(address: String?, _ found: AddressClass) -> TransportError {
    .addressRefused(host: host, address: address, found, by: sender?.authority)
  }
}
