import Digests
public import Files
import FoundationEssentials
import Images

/// A directory with what everything that pulls images needs to find them under their new names: `--switch-over`.
///
/// The same names give the same files, byte by byte. Each ends with a line of comment that has the digest of all before it:
/// by that Ferry knows what it may replace. A `hosts.toml` of its own that is not of these names is removed.
public struct SwitchOver: Sendable {
  private let names: NameChanges
  private let files: [(path: String, bytes: [UInt8])]
  private let place: DirectoryFiles

  public init(_ names: NameChanges, to directory: String, _ connection: MirrorConnection = .init()) {
    self.names = names
    place = DirectoryFiles(directory: directory, isOwn: { Self.isOwn($1) })
    let (texts, mirrors) = (NameTexts(names), MirrorTexts(names, connection))
    var all: [(path: String, text: String)] = [
      ("README.txt", Self.guide(names, mirrors)), ("names.tsv", texts.table), ("switch.sed", texts.script),
      ("enroot.tsv", texts.enroot), ("kustomize/kustomization.yaml", texts.kustomization),
      ("registries.yaml", mirrors.k3s), ("openshift.yaml", mirrors.openShift),
      ("registries.conf", mirrors.podman),
    ]
    all += mirrors.hosts.map { ("\(Self.hosts)/\($0.directory)/\(Self.hostsFile)", $0.text) }
    files = all.map { ($0.path, Self.signed($0.text)) }
  }

  /// How many images have their new names in the files.
  public var count: Int { names.changes.count }
  /// The names that are in none of them, for no registry has confirmed them. Not fit to be printed.
  public var unconfirmed: [String] { names.unconfirmed }
  /// Where the files lie in the directory.
  public var paths: [String] { files.map(\.path) }

  /// What each file holds, by its path.
  var texts: [String: String] {
    Dictionary(uniqueKeysWithValues: files.map { ($0.path, String(decoding: $0.bytes, as: UTF8.self)) })
  }

  /// Makes sure, before anything is asked, that files can be made in `directory`, or that it can be made, and that none is in
  /// the place of one of them, mirrors of old `hosts` among them. Leaves nothing. Throws `FileError`. Blocks.
  public static func checkWritable(_ directory: String, hosts: Set<String> = []) throws(FileError) {
    let nothing = NameChanges(at: RegistryLocation(host: "localhost"), confirmed: [], unconfirmed: [])
    let empty = SwitchOver(nothing, to: directory)
    let mirrors = hosts.sorted().map { host in
      (path: "\(Self.hosts)/\(MirrorTexts.directory(of: host))/\(hostsFile)", bytes: [UInt8]())
    }
    try empty.place.check(empty.files + mirrors)
  }

  /// Makes sure, before anything moves, that ``write()`` can do its work. Leaves nothing. Throws `FileError`: `foreign` where
  /// a file has one of the names that Ferry did not write, or that was changed since, or where a link or something else has.
  /// Blocks.
  public func check() throws(FileError) { try place.check(files) }

  /// Writes what is not there yet. Throws what ``check()`` throws. Blocks.
  public func write() throws(FileError) {
    try place.write(files)
    try place.remove(Self.hostsFile, below: Self.hosts, except: Set(files.map(\.path)))
  }

  private static let hosts = "certs.d"
  private static let hostsFile = "hosts.toml"
  private static let mark = "# ferry switch-over "

  private static func signed(_ text: String) -> [UInt8] {
    Array((text + mark + Digest(of: Array(text.utf8)).description + "\n").utf8)
  }

  /// Whether all that a file holds was written here.
  private static func isOwn(_ bytes: [UInt8]) -> Bool {
    let length = mark.utf8.count + Digest(of: []).description.utf8.count + 1
    guard bytes.count >= length else { return false }
    let text = Array(bytes.dropLast(length))
    return bytes.suffix(length).elementsEqual((mark + Digest(of: text).description + "\n").utf8)
  }

  /// What is for whom.
  private static func guide(_ names: NameChanges, _ mirrors: MirrorTexts) -> String {
    var text = """
      The new names of images, each confirmed at \(names.destination): \(names.changes.count).
      Not confirmed, and in none of these files: \(names.unconfirmed.count)\(names.unconfirmed.isEmpty ? "" : " (listed in names.tsv)").

      Change what names images:
        names.tsv          old name, new name, digest
        switch.sed         any text: sed -i -f switch.sed FILE...
        kustomize/         kustomize: name the directory below components:
        enroot.tsv         enroot and pyxis (Slurm), as --container-image takes names

      Or leave it, and tell what pulls by old names where to look:
        registries.yaml    k3s: /etc/rancher/k3s/   RKE2: /etc/rancher/rke2/
        openshift.yaml     OpenShift: oc apply -f openshift.yaml
        registries.conf    podman, skopeo, CRI-O: /etc/containers/registries.conf.d/
        certs.d/           containerd: its config_path, often /etc/containerd/certs.d/

      These know repositories, no tags: what was not among the images is looked for at the new place first as well. A
      repository of which not everything is there, under the tags it had, is left out; each file says so.\n
      """
    for line in mirrors.hostsWithout { text += "certs.d/ has nothing for \(line).\n" }
    return text + "\n"
  }
}
