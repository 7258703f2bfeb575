import Digests
import Images

/// The files for what is changed to name images anew.
struct NameTexts: Sendable {
  private let names: NameChanges

  init(_ names: NameChanges) { self.names = names }

  /// `old new digest`, and what is not confirmed.
  var table: String {
    var text = "# old\tnew\tdigest\tthe digest it had, where that was another\n"
    for change in names.changes {
      text += "\(change.old)\t\(change.new)\t\(change.digest)"
      text += (change.oldDigest.map { "\t\($0)" } ?? "") + "\n"
    }
    for name in names.unconfirmed {
      text += "# not confirmed, in none of these files: \(name.printedAsValue)\n"
    }
    return text
  }

  /// The same as enroot and pyxis write names, which have a tag.
  var enroot: String {
    var text = """
      # enroot and pyxis: names as --container-image takes them, and enroot import behind docker://
      # old\tnew\tdigest\n
      """
    for change in names.changes where change.old.tag != nil && change.new.tag != nil {
      text += "\(change.old.enrootName)\t\(change.new.enrootName)\t\(change.digest)\n"
    }
    return text
  }

  /// kustomize's `images`: by repository, whose tags and digests stay.
  var kustomization: String {
    var text = """
      # kustomize: the new names of images; their tags and digests stay. Name this directory below components:
      # What was converted or compressed on the way has another digest: ../names.tsv has both.\n
      """
    text += MirrorTexts.notes(
      names.repositories.compactMap { repository in repository.reason.map { (repository.old, $0) } })
    text += "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    var images = ""
    for repository in names.repositories {
      guard let new = repository.new else { continue }
      for name in repository.old.spellings {
        images += "- name: \(yaml(name))\n  newName: \(yaml(new.description))\n"
      }
    }
    return text + (images.isEmpty ? "images: []\n" : "images:\n" + images)
  }

  /// A script for sed that replaces whole names and nothing else.
  ///
  /// Each word of a line is put between two line feeds, which no line has by itself, so that a rule is for a whole word. What
  /// a rule writes has one inside as well, behind the last slash: so no other rule takes it for an old name.
  var script: String {
    var text = """
      # sed -i -f switch.sed FILE...   puts the new names of images into manifests, Dockerfiles and job scripts.
      # Only whole names are replaced: with their tag, with the digest they had, as enroot writes them, and those of
      # repositories that moved with all their tags.
      s|[A-Za-z0-9._/:@#$%{}*?+~-]\\{1,\\}|\\
      &\\
      |g
      s|://|&\\
      |g
      s|:\\(\\n\\)|\\1:\\1|g
      s|:\\([${]\\)|\\
      :\\1|g
      s|}\\(\\n\\)|\\1}\\1|g
      s|@\\([A-Za-z0-9.:-]*#\\)|@\\
      \\1|g\n
      """
    var rules: [String: String] = [:]
    func replace(_ old: String, with new: String) {
      // Words have no brackets.
      if old != new, !old.contains("["), rules[old] == nil { rules[old] = new }
    }
    for change in names.changes {
      let pinned = "@\(change.oldDigest ?? change.digest)"
      replace(change.old.description, with: change.new.description)
      replace(change.old.repositoryName + pinned, with: "\(change.new.repositoryName)@\(change.digest)")
      guard change.old.tag != nil else { continue }
      replace(
        change.old.description + pinned,
        with: change.new.tag == nil ? change.new.description : "\(change.new)@\(change.digest)")
      if change.new.tag != nil { replace(change.old.enrootName, with: change.new.enrootName) }
    }
    for repository in names.repositories {
      guard let new = repository.new else { continue }
      replace(repository.old.description, with: new.description)
      replace("\(repository.old.host)#\(repository.old.path)", with: "\(new.host)#\(new.path)")
    }
    let order = rules.sorted { ($1.key.utf8.count, $0.key) < ($0.key.utf8.count, $1.key) }
    for (old, new) in order { text += Self.rule(old, new) }
    return text + "s|\\n||g\n"
  }

  private static func rule(_ old: String, _ new: String) -> String {
    let pattern = old.replacing("\\", with: "\\\\").replacing(".", with: "\\.")
    let end = new.lastIndex { $0 == "/" || $0 == "#" }.map { new.index(after: $0) } ?? new.startIndex
    return "s|\\(\\n\\)\(pattern)\\n|\\1\(new[..<end])\\1\(new[end...])\\1|g\n"
  }
}

extension Reference {
  /// `HOST#REPOSITORY:TAG`
  fileprivate var enrootName: String { "\(host)#\(repository):\(tag ?? Self.defaultTag)" }
}

extension RegistryLocation {
  /// What manifests call the repository: of Docker Hub's also without its host.
  fileprivate var spellings: [String] {
    guard host == "docker.io" else { return [description] }
    guard path.hasPrefix("library/") else { return [description, path] }
    let name = String(path.dropFirst("library/".utf8.count))
    return [description, "\(host)/\(name)", path, name]
  }
}
