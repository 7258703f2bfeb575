import Foundation

/// A tar written by Python's `tarfile`, in any of its forms and with whatever entries.
public struct PythonTar: Sendable {
  public enum Kind: Sendable, Hashable {
    case file([UInt8])
    case directory
    case symbolicLink(String)
    case hardLink(String)
  }

  public struct Entry: Sendable {
    public var name: String
    public var kind: Kind

    public init(_ name: String, _ kind: Kind) {
      self.name = name
      self.kind = kind
    }

    public init(_ name: String, _ text: String) { self.init(name, .file(Array(text.utf8))) }
  }

  /// What long names and odd values are written with.
  public enum Format: String, Sendable, CaseIterable {
    case ustar = "USTAR_FORMAT"
    case gnu = "GNU_FORMAT"
    case pax = "PAX_FORMAT"
  }

  public var entries: [Entry]
  public var format: Format
  /// Whether headers say more than they must: pax records of fractions of seconds, owners' names.
  public var isChatty: Bool

  public init(_ entries: [Entry], _ format: Format = .ustar, isChatty: Bool = false) {
    self.entries = entries
    self.format = format
    self.isChatty = isChatty
  }

  private static let script = """
    import base64, io, json, sys, tarfile
    spec = json.load(sys.stdin)
    out = tarfile.open(sys.argv[1], 'w', format=getattr(tarfile, spec['format']))
    kinds = {'directory': tarfile.DIRTYPE, 'symlink': tarfile.SYMTYPE, 'hardlink': tarfile.LNKTYPE}
    for name, kind, text in spec['entries']:
      info = tarfile.TarInfo(name)
      if spec['chatty']:
        info.mtime, info.uid, info.uname = 1700000000.125, 1000, 'someone'
        info.pax_headers = {'comment': 'x' * 600}
      if kind == 'file':
        data = base64.b64decode(text); info.size = len(data); out.addfile(info, io.BytesIO(data))
      else:
        info.type, info.linkname = kinds[kind], text; out.addfile(info)
    out.close()
    """

  public func write(to path: String) throws {
    let list = entries.map { entry in
      switch entry.kind {
      case .file(let bytes): [entry.name, "file", Data(bytes).base64EncodedString()]
      case .directory: [entry.name, "directory", ""]
      case .symbolicLink(let target): [entry.name, "symlink", target]
      case .hardLink(let target): [entry.name, "hardlink", target]
      }
    }
    let spec: [String: Any] = ["entries": list, "format": format.rawValue, "chatty": isChatty]
    var command = Command("python3", ["-c", Self.script, path])
    command.input = [UInt8](try JSONSerialization.data(withJSONObject: spec))
    let result = try command.run()
    guard result.status == 0 else { throw TestFailure("python3: \(result.standardError)") }
  }

  /// The tar itself.
  public func bytes() throws -> [UInt8] {
    let directory = TemporaryDirectory()
    try write(to: directory.file("x.tar"))
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory.file("x.tar"))))
  }
}
