import Digests
import Files
import Foundation
import Images
import TestSupport
import Testing

@testable import Transfers

@Suite(.waiting) struct `What those who pull are given` {
  private static let digest = Digest(of: [1])
  private static let other = Digest(of: [2])

  /// `old → new` as confirmed names, each with the digest of its own; a `-` before one that is not confirmed.
  private func names(at destination: String, _ lines: String...) throws -> NameChanges {
    var confirmed: [NameChange] = []
    var unconfirmed: [UnconfirmedName] = []
    for line in lines {
      let parts = line.split(separator: " ").map(String.init)
      let new = parts.count > 2 ? try Reference(anyTag: parts[2]) : nil
      guard !line.hasPrefix("-"), let new else {
        unconfirmed.append(UnconfirmedName(name: String(parts[0].dropFirst()), new: new))
        continue
      }
      confirmed.append(
        NameChange(
          old: try Reference(anyTag: parts[0]), new: new, digest: Self.digest,
          oldDigest: parts.count > 3 ? Self.other : nil))
    }
    return NameChanges(
      at: try RegistryLocation(destination), confirmed: confirmed.shuffled(), unconfirmed: unconfirmed)
  }

  /// The files without the line that Ferry knows them by.
  private func files(_ names: NameChanges, _ connection: MirrorConnection = .init()) throws -> [String:
    String]
  {
    try SwitchOver(names, to: "unused", connection).texts.mapValues { text in
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      let mark = try #require(lines.dropLast().last)
      #expect(lines.last == "" && mark.hasPrefix("# ferry switch-over sha256:"))
      return lines.dropLast(2).map { $0 + "\n" }.joined()
    }
  }

  private func move() throws -> NameChanges {
    try names(
      at: "nvcr.io/acme", "nvcr.io/olddept/trainer:1.0 → nvcr.io/acme/trainer:1.0",
      "nvcr.io/olddept/trainer:1.0-arm → nvcr.io/acme/trainer:1.0-arm changed",
      "nvcr.io/olddept_vision/detector:2.0 → nvcr.io/acme/vision/detector:2.0",
      "nvcr.io/olddept_vision/old.1:1 → nvcr.io/acme/vision/old.1:1",
      "-nvcr.io/olddept_vision/old.1:2 → nvcr.io/acme/vision/old.1:2")
  }

  @Test
  func `is no rule for a repository of which a receipt alone tells, and the old digest of what changed`()
    throws
  {
    let known = try names(at: "new.example", "old.example/a/app:1 → new.example/app:1")
    #expect(known.repositories[0].new != nil)
    let told = NameChanges(
      at: known.destination, confirmed: known.changes, unconfirmed: [], knowsAll: false)
    guard case .unknown? = told.repositories[0].reason else {
      Issue.record("\(told.repositories)")
      return
    }
    #expect(try files(told)["registries.conf"]?.contains("name the archives") == true)
    let changed = NameChange(
      old: try Reference("old.example/a/app@\(Self.digest)"),
      new: try Reference("new.example/app@\(Self.digest)"),
      digest: Self.digest, oldDigest: Self.other)
    #expect(changed.old.digest == Self.other)
  }

  @Test func `names everything from DGX to NGC behind one host, where mirrors have to rewrite`() throws {
    let files = try files(move())
    #expect(
      files.keys.sorted() == [
        "README.txt", "enroot.tsv", "kustomize/kustomization.yaml", "names.tsv", "openshift.yaml",
        "registries.conf", "registries.yaml", "switch.sed",
      ])
    let readme = try #require(files["README.txt"])
    #expect(readme.contains("confirmed at nvcr.io/acme: 4.\n"))
    #expect(readme.contains("in none of these files: 1 (listed in names.tsv).\n"))
    #expect(
      readme.contains(
        "certs.d/ has nothing for nvcr.io: the new registry is the same host, and containerd's mirrors keep the path.\n"
      ))
    let (one, two) = (Self.digest, Self.other)
    #expect(
      files["names.tsv"] == """
        # old\tnew\tdigest\tthe digest it had, where that was another
        nvcr.io/olddept/trainer:1.0\tnvcr.io/acme/trainer:1.0\t\(one)
        nvcr.io/olddept/trainer:1.0-arm\tnvcr.io/acme/trainer:1.0-arm\t\(one)\t\(two)
        nvcr.io/olddept_vision/detector:2.0\tnvcr.io/acme/vision/detector:2.0\t\(one)
        nvcr.io/olddept_vision/old.1:1\tnvcr.io/acme/vision/old.1:1\t\(one)
        # not confirmed, in none of these files: nvcr.io/olddept_vision/old.1:2

        """)
    #expect(
      files["enroot.tsv"] == """
        # enroot and pyxis: names as --container-image takes them, and enroot import behind docker://
        # old\tnew\tdigest
        nvcr.io#olddept/trainer:1.0\tnvcr.io#acme/trainer:1.0\t\(one)
        nvcr.io#olddept/trainer:1.0-arm\tnvcr.io#acme/trainer:1.0-arm\t\(one)
        nvcr.io#olddept_vision/detector:2.0\tnvcr.io#acme/vision/detector:2.0\t\(one)
        nvcr.io#olddept_vision/old.1:1\tnvcr.io#acme/vision/old.1:1\t\(one)

        """)
    #expect(
      files["kustomize/kustomization.yaml"] == """
        # kustomize: the new names of images; their tags and digests stay. Name this directory below components:
        # What was converted or compressed on the way has another digest: ../names.tsv has both.
        # Not here: nvcr.io/olddept_vision/old.1: not all of its images are confirmed.
        apiVersion: kustomize.config.k8s.io/v1alpha1
        kind: Component
        images:
        - name: 'nvcr.io/olddept/trainer'
          newName: 'nvcr.io/acme/trainer'
        - name: 'nvcr.io/olddept_vision/detector'
          newName: 'nvcr.io/acme/vision/detector'

        """)
    #expect(
      files["registries.yaml"] == """
        # k3s and RKE2: where images are now. Belongs into /etc/rancher/k3s/registries.yaml or /etc/rancher/rke2/registries.yaml of
        # every node, with the registry's login below configs.
        # Not here: nvcr.io/olddept_vision/old.1: not all of its images are confirmed.
        # With its port the new registry counts as a mirror of its own host: without, k3s would not rewrite. Its login below
        # configs goes by nvcr.io:443.
        mirrors:
          'nvcr.io':
            endpoint:
              - 'https://nvcr.io:443'
            rewrite:
              '^olddept/trainer$': 'acme/trainer'
              '^olddept_vision/detector$': 'acme/vision/detector'

        """)
    #expect(
      files["openshift.yaml"] == """
        # OpenShift 4.13 and later: where images are now, asked for by digest and by tag. oc apply -f openshift.yaml
        # What was converted or compressed on the way has another digest: names.tsv has both.
        # Not in ImageTagMirrorSet: nvcr.io/olddept_vision/old.1: not all of its images are confirmed.
        ---
        apiVersion: config.openshift.io/v1
        kind: ImageDigestMirrorSet
        metadata:
          name: ferry-switch-over
        spec:
          imageDigestMirrors:
          - source: 'nvcr.io/olddept/trainer'
            mirrors:
            - 'nvcr.io/acme/trainer'
          - source: 'nvcr.io/olddept_vision/detector'
            mirrors:
            - 'nvcr.io/acme/vision/detector'
          - source: 'nvcr.io/olddept_vision/old.1'
            mirrors:
            - 'nvcr.io/acme/vision/old.1'
        ---
        apiVersion: config.openshift.io/v1
        kind: ImageTagMirrorSet
        metadata:
          name: ferry-switch-over
        spec:
          imageTagMirrors:
          - source: 'nvcr.io/olddept/trainer'
            mirrors:
            - 'nvcr.io/acme/trainer'
          - source: 'nvcr.io/olddept_vision/detector'
            mirrors:
            - 'nvcr.io/acme/vision/detector'

        """)
    #expect(
      files["registries.conf"] == """
        # podman, skopeo, buildah, CRI-O: where images are now. Belongs into /etc/containers/registries.conf.d.
        # Not here: nvcr.io/olddept_vision/old.1: not all of its images are confirmed.

        [[registry]]
        prefix = "nvcr.io/olddept/trainer"
        location = "nvcr.io/olddept/trainer"
        [[registry.mirror]]
        location = "nvcr.io/acme/trainer"

        [[registry]]
        prefix = "nvcr.io/olddept_vision/detector"
        location = "nvcr.io/olddept_vision/detector"
        [[registry.mirror]]
        location = "nvcr.io/acme/vision/detector"

        """)
  }

  @Test func `names mirrors of another host, with a prefix where there is one`() throws {
    let names = try names(
      at: "n.example:5000", "o.example:80/a/b:1 → n.example:5000/a/b:1",
      "o.example:80/c.d:1 → n.example:5000/copy/of/c.d:1", "o.example:80/e/f:1 → n.example:5000/f:1")
    let files = try files(
      names, MirrorConnection(isPlainHTTP: true, isUnverified: true, hasOwnAuthority: true))
    #expect(
      files["certs.d/o.example_80_/hosts.toml"] == """
        # containerd: where images of o.example:80 are now. Belongs into o.example_80_ below config_path.
        # Logins to the new registry are configured apart.
        # Not here: o.example:80/e/f: its new path is not the old one behind a prefix, and mirrors keep the path.

        [host."http://n.example:5000"]
          capabilities = ["pull", "resolve"]
          skip_verify = true
          # ca = "the registry's CA certificate, on each node"

        [host."http://n.example:5000/v2/copy/of"]
          capabilities = ["pull", "resolve"]
          override_path = true
          skip_verify = true
          # ca = "the registry's CA certificate, on each node"

        """)
    #expect(
      files["registries.yaml"]?.hasSuffix(
        """
        mirrors:
          'o.example:80':
            endpoint:
              - 'http://n.example:5000'
            rewrite:
              '^c\\.d$': 'copy/of/c.d'
              '^e/f$': 'f'
        configs:
          'n.example:5000':
            tls:
              insecure_skip_verify: true

        """) == true)
    #expect(files["registries.conf"]?.components(separatedBy: "insecure = true").count == 4)
    #expect(files["openshift.yaml"]?.contains("# n.example:5000 belongs into insecureRegistries") == true)
  }

  /// Where a rule for a repository would give what nobody has confirmed under the old name, the mirrors have none.
  static let traps: [(lines: [String], file: String, left: String)] = [
    // Another image has the name already that this one was to get.
    (
      ["o.example/a:1 → n.example/a:1", "-o.example/a:2 → n.example/a:2"], "registries.conf",
      "o.example/a: not all of its images are confirmed"
    ),
    (["o.example/a:1 → n.example/x:1", "-o.example/a:2"], "registries.yaml", "o.example/a: not all of"),
    (
      ["o.example/a:1 → n.example/x:1", "o.example/b:2 → n.example/x:2"], "registries.yaml",
      "o.example/b: n.example/x has another repository's images too"
    ),
    (
      ["o.example/a:1 → n.example/x:1", "o.example/a:2 → n.example/y:2"], "kustomize/kustomization.yaml",
      "o.example/a: its images went to several repositories"
    ),
    (
      ["o.example/a:1 → n.example/x:2"], "registries.conf",
      "o.example/a: images of it have other tags or digests now"
    ),
    // The mirror is asked for what is not rewritten as well.
    (
      ["o.example/a:1 → n.example/x:1", "-o.example/b:1 → n.example/b:1"], "registries.yaml",
      "o.example/a: its rule would give another image for o.example/b"
    ),
    (
      ["o.example/a:1 → n.example/a:1", "o.example/b:1 → n.example/c:1", "p.example/q:1 → n.example/b:1"],
      "certs.d/o.example/hosts.toml", ""
    ),
    // A prefix holds for what lies below it.
    (
      ["o.example/a:1 → n.example/x:1", "-o.example/a/b:1 → n.example/x/b:1"], "registries.conf",
      "o.example/a: its rule would hold for o.example/a/b too, for which none is right"
    ),
    (
      ["o.example/a:1 → n.example/x:1", "o.example/q:1 → n.example/x/b:1"], "openshift.yaml",
      "o.example/a: its rule would give another image for o.example/a/b"
    ),
    (
      ["n.example:5/a:1 → n.example:5/b:1"], "registries.yaml",
      "n.example:5/a: the new registry is at the old"
    ),
  ]

  @Test(arguments: traps.indices) func `has no mirror by which another image would be pulled`(index: Int)
    throws
  {
    let trap = Self.traps[index]
    let host = trap.lines[0].hasPrefix("n.example:5") ? "n.example:5" : "n.example"
    var confirmed: [NameChange] = []
    var unconfirmed: [UnconfirmedName] = []
    for line in trap.lines {
      let part = try names(at: host, line)
      confirmed += part.changes
      let words = line.split(separator: " ").map(String.init)
      unconfirmed += try part.unconfirmed.map {
        UnconfirmedName(name: $0, new: words.count > 2 ? try Reference(words[2]) : nil)
      }
    }
    let files = try files(
      NameChanges(at: try RegistryLocation(host), confirmed: confirmed, unconfirmed: unconfirmed))
    guard !trap.left.isEmpty else {
      #expect(files[trap.file] == nil)
      return
    }
    let text = try #require(files[trap.file])
    #expect(text.contains(": \(trap.left)"), "\(text)")
    let old = trap.left.prefix { $0 != " " }.dropLast()
    let rules = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    let tagged = rules.drop { trap.file == "openshift.yaml" && !$0.contains("ImageTagMirrorSet") }
    #expect(!tagged.contains { $0.contains("\(old)'") || $0.contains("\(old)\"") }, "\(text)")
    #expect(
      trap.file != "registries.yaml" || rules.allSatisfy { !$0.contains("^\(old.split(separator: "/")[1])$") }
    )
  }

  @Test func `has Docker Hub's repositories by each of their names`() throws {
    let files = try files(
      names(
        at: "n.example/hub", "docker.io/library/redis:7 → n.example/hub/redis:7",
        "docker.io/bitnami/redis:7 → n.example/hub/bitnami/redis:7"))
    let text = try #require(files["kustomize/kustomization.yaml"])
    let named = text.split(separator: "\n").filter { $0.hasPrefix("- name") }
    #expect(
      named == [
        "- name: 'docker.io/bitnami/redis'", "- name: 'bitnami/redis'", "- name: 'docker.io/library/redis'",
        "- name: 'docker.io/redis'", "- name: 'library/redis'", "- name: 'redis'",
      ])
    #expect(files["certs.d/docker.io/hosts.toml"]?.contains(#"[host."https://n.example/v2/hub"]"#) == true)
  }

  @Test func `has no name that was confirmed at another host or not everywhere`() throws {
    let names = try names(
      at: "n.example", "o.example/a:1 → evil.example/a:1", "o.example/b:1 → n.example/b:1", "-o.example/b:1")
    #expect(names.changes.isEmpty && names.unconfirmed == ["o.example/a:1", "o.example/b:1"])
    for text in try files(names).values { #expect(!text.contains("evil.example")) }
  }

  @Test func `shows hostile names on one line of comment`() throws {
    let name = "o.example/a:1\nmirrors: {evil: {}}\u{202E}\r'\"# \\"
    let names = NameChanges(
      at: try RegistryLocation("n.example"), confirmed: [], unconfirmed: [UnconfirmedName(name: name)])
    let text = try #require(try files(names)["names.tsv"])
    #expect(
      text.split(separator: "\n").dropFirst() == [
        #"# not confirmed, in none of these files: o.example/a:1\nmirrors: {evil: {}}\u{202E}\r'"#
          + "\"# \\\\"
      ])
  }

  @Test func `is the same for the same names`() throws {
    #expect(try files(move()) == files(move()))
  }

  // MARK: What reads them

  private func write(_ names: NameChanges, _ connection: MirrorConnection = .init()) throws
    -> TemporaryDirectory
  {
    let directory = TemporaryDirectory()
    try SwitchOver(names, to: directory.path, connection).write()
    return directory
  }

  @Test func `is read by readers of YAML and TOML as it is meant`() throws {
    let directory = try write(
      names(at: "n.example", "o.example/a.b:1 → n.example/x/a.b:1", "n.example/c:1 → n.example/d:1"))
    let script = """
      import json, sys, tomllib, yaml
      read = lambda name: open(sys.argv[1] + '/' + name, 'rb')
      print(json.dumps([
        yaml.safe_load(read('registries.yaml')), yaml.safe_load(read('kustomize/kustomization.yaml')),
        [d and [d['kind'], d['spec']] for d in yaml.safe_load_all(read('openshift.yaml'))],
        tomllib.load(read('registries.conf')), tomllib.load(read('certs.d/o.example/hosts.toml')),
      ], sort_keys=True))
      """
    let output = try Command.run("/usr/bin/python3", ["-c", script, directory.path])
    #expect(
      output == """
        [{"mirrors": {"n.example": {"endpoint": ["https://n.example:443"], "rewrite": {"^c$": "d"}}, \
        "o.example": {"endpoint": ["https://n.example"], "rewrite": {"^a\\\\.b$": "x/a.b"}}}}, \
        {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "images": [\
        {"name": "n.example/c", "newName": "n.example/d"}, {"name": "o.example/a.b", "newName": "n.example/x/a.b"}], \
        "kind": "Component"}, [\
        ["ImageDigestMirrorSet", {"imageDigestMirrors": [{"mirrors": ["n.example/d"], "source": "n.example/c"}, \
        {"mirrors": ["n.example/x/a.b"], "source": "o.example/a.b"}]}], \
        ["ImageTagMirrorSet", {"imageTagMirrors": [{"mirrors": ["n.example/d"], "source": "n.example/c"}, \
        {"mirrors": ["n.example/x/a.b"], "source": "o.example/a.b"}]}]], \
        {"registry": [{"location": "n.example/c", "mirror": [{"location": "n.example/d"}], "prefix": "n.example/c"}, \
        {"location": "o.example/a.b", "mirror": [{"location": "n.example/x/a.b"}], "prefix": "o.example/a.b"}]}, \
        {"host": {"https://n.example/v2/x": {"capabilities": ["pull", "resolve"], "override_path": true}}}]

        """)
  }

  /// A line before and behind sed; the same where nothing is to be replaced.
  static let lines: [(before: String, after: String)] = [
    ("image: nvcr.io/olddept/trainer:1.0", "image: nvcr.io/acme/trainer:1.0"),
    ("FROM nvcr.io/olddept/trainer:1.0-arm AS base\r", "FROM nvcr.io/acme/trainer:1.0-arm AS base\r"),
    (
      #"{"a": "nvcr.io/olddept/trainer:1.0", "b":"nvcr.io/olddept/trainer:1.0"}"#,
      #"{"a": "nvcr.io/acme/trainer:1.0", "b":"nvcr.io/acme/trainer:1.0"}"#
    ),
    (
      "nvcr.io/olddept/trainer:1.0 nvcr.io/olddept/trainer:1.0",
      "nvcr.io/acme/trainer:1.0 nvcr.io/acme/trainer:1.0"
    ),
    ("docker://nvcr.io/olddept/trainer:1.0", "docker://nvcr.io/acme/trainer:1.0"),
    (
      "srun --container-image=nvcr.io#olddept/trainer:1.0 x",
      "srun --container-image=nvcr.io#acme/trainer:1.0 x"
    ),
    ("docker://$oauthtoken@nvcr.io#olddept/trainer:1.0", "docker://$oauthtoken@nvcr.io#acme/trainer:1.0"),
    ("{image: nvcr.io/olddept/trainer:1.0}", "{image: nvcr.io/acme/trainer:1.0}"),
    ("nvcr.io/olddept/trainer:1.0: old", "nvcr.io/acme/trainer:1.0: old"),
    (
      "x@\(Digest(of: [9])) nvcr.io/olddept/trainer@\(other)",
      "x@\(Digest(of: [9])) nvcr.io/acme/trainer@\(digest)"
    ),
    ("nvcr.io/olddept/trainer:1.0-arm@\(other)", "nvcr.io/acme/trainer:1.0-arm@\(digest)"),
    ("repository: nvcr.io/olddept/trainer", "repository: nvcr.io/acme/trainer"),
    (
      "nvcr.io/olddept/trainer:${TAG} nvcr.io/olddept/trainer:$(TAG)",
      "nvcr.io/acme/trainer:${TAG} nvcr.io/acme/trainer:$(TAG)"
    ),
    // Names that are others.
    ("nvcr.io/olddept/trainer:1.0.1 nvcr.io/olddept/trainer:1.0-x nvcr.io/olddept/trainer:1", ""),
    ("nvcr.io/olddept/trainer2 nvcr.io/olddept/trainer/sub:1.0 nvcr.io/olddept/trainer_x", ""),
    ("mirror.example/nvcr.io/olddept/trainer:1.0 xnvcr.io/olddept/trainer:1.0", ""),
    ("nvcrXio/olddept/trainer:1.0 nvcr.io/olddept/trainer:1X0", ""),
    ("nvcr.io/olddept/trainer:1.0@\(Digest(of: [9])) nvcr.io/olddept/trainer@\(Digest(of: [9]))", ""),
    ("nvcr.io/olddept/trainer:1.0${SUFFIX} ${PREFIX}nvcr.io/olddept/trainer:1.0", ""),
    // Not all of this repository is there.
    ("nvcr.io/olddept_vision/old.1:1", "nvcr.io/acme/vision/old.1:1"),
    ("nvcr.io/olddept_vision/old.1:2 nvcr.io/olddept_vision/old.1 nvcr.io/olddept_vision/old.1:$TAG", ""),
  ]

  @Test func `has a script by which sed replaces whole names alone, and once`() throws {
    let directory = try write(move())
    for program in [["sed"], ["sed", "--posix"], ["busybox", "sed"]] {
      for (before, after) in Self.lines {
        var command = Command(program[0], program.dropFirst() + ["-f", directory.file("switch.sed")])
        command.input = Array(before.utf8)
        let result = try command.run()
        #expect(result.status == 0 && result.standardOutput == (after.isEmpty ? before : after), "\(program)")
      }
    }
  }

  @Test func `has a script that takes no new name for an old one`() throws {
    let directory = try write(
      names(
        at: "n.example", "n.example/a:1 → n.example/b:1", "n.example/b:1 → n.example/a:1",
        "n.example/x/a:1 → n.example/b/c:1", "n.example/b/c:1 → n.example/d:1"))
    var command = Command("sed", ["-f", directory.file("switch.sed")])
    command.input = Array(
      "n.example/a:1 n.example/b:1 n.example/x/a:1 n.example/b/c:1 n.example/a n.example/b".utf8)
    #expect(
      try command.run().standardOutput
        == "n.example/b:1 n.example/a:1 n.example/b/c:1 n.example/d:1 n.example/b n.example/a")
  }

  // MARK: The directory

  private func paths(_ directory: TemporaryDirectory) -> [String] {
    let found = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    return found.filter { !FileManager.default.fileExists(atPath: directory.file($0) + "/.") }.sorted()
  }

  @Test func `replaces what Ferry wrote, and takes away its mirrors of other names`() throws {
    let directory = try write(names(at: "n.example", "o.example/a:1 → n.example/a:1"))
    #expect(paths(directory).contains("certs.d/o.example/hosts.toml"))
    directory.write("mine\n", to: "certs.d/notes")
    let next = try names(at: "n.example", "p.example/a:1 → n.example/a:1")
    try SwitchOver(next, to: directory.path).write()
    #expect(
      paths(directory) == [
        "README.txt", "certs.d/notes", "certs.d/p.example/hosts.toml", "enroot.tsv",
        "kustomize/kustomization.yaml", "names.tsv", "openshift.yaml", "registries.conf", "registries.yaml",
        "switch.sed",
      ])
    #expect(!FileManager.default.fileExists(atPath: directory.file("certs.d/o.example")))

    // Whoever changes a mirror makes it theirs.
    let mirror = directory.file("certs.d/p.example/hosts.toml")
    let text = try String(contentsOfFile: mirror, encoding: .utf8) + "# mine\n"
    directory.write(text, to: "certs.d/p.example/hosts.toml")
    try SwitchOver(names(at: "n.example", "o.example/a:1 → n.example/a:1"), to: directory.path).write()
    #expect(try String(contentsOfFile: mirror, encoding: .utf8) == text)
    #expect(throws: FileError.self) { try SwitchOver(next, to: directory.path).check() }
    #expect(throws: FileError.self) { try SwitchOver(next, to: directory.path).write() }
    #expect(try String(contentsOfFile: mirror, encoding: .utf8) == text)
  }
}
