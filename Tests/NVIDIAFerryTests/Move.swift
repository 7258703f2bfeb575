import Foundation
import TestSupport
import Testing

/// A move from DGX to NGC behind one host, made with the built `ferry` as a user makes it. Every run's output is
/// searched for secrets.
struct Move {
  let stage: NVIDIAStage
  var ferry: FerryProcess
  /// Files of the home directory that hold secrets because the test put them there.
  var known: Set<String> = []

  /// A layer that both of DGX's images have.
  static let shared = StagedImage.noise(300_000, seed: 7)
  static let trainer = StagedImage(index: [
    ("amd64", StagedImage(layers: [shared, StagedImage.noise(120_000, seed: 1)])),
    ("arm64", StagedImage(layers: [StagedImage.noise(110_000, seed: 2)], architecture: "arm64")),
  ])
  static let detector = StagedImage(layers: [shared, StagedImage.noise(50_000, seed: 3)], format: .docker)

  /// Two images on DGX, one of them in a project's space, and an empty organisation `acme` on NGC. The keys are
  /// in the phases' variables.
  init(
    _ behaviour: StageBehaviour = StageBehaviour(),
    dgx: StageAccount = .dgx(key: Keys.dgx),
    ngc: StageAccount = .ngc(key: Keys.ngc, organizations: ["acme"])
  ) throws {
    stage = NVIDIAStage(behaviour, accounts: [dgx, ngc])
    stage.add(Self.trainer, to: "olddept/trainer", tag: "1.0", on: .dgx)
    stage.add(Self.detector, to: "olddept_vision/detector", tag: "2.0", on: .dgx)
    ferry = try FerryProcess(environment: [
      "FERRY_NVIDIA_HOSTS": stage.host,
      "FERRY_NVIDIA_REALM_HOSTS": stage.realmHosts.sorted().joined(separator: ", "),
      "FERRY_DGX_API": stage.address(.dgxAPI),
      "FERRY_NGC_API": stage.address(.ngcAPI),
      "FERRY_NGC_AUTHN": stage.address(.authn),
      "FERRY_EXPORT_API_KEY": Keys.dgx,
      "FERRY_IMPORT_API_KEY": Keys.ngc,
    ])
  }

  /// What the images' tags are on NGC when all went well.
  static let moved = [
    "acme/trainer": ["1.0": trainer.digest], "acme/vision/detector": ["2.0": detector.digest],
  ]

  /// The tags of NGC's repositories, those without any left out.
  var tags: [String: [String: String]] {
    stage.content(on: .ngc).mapValues(\.tags).filter { !$0.value.isEmpty }
  }

  /// `host/name`
  func at(_ name: String) -> String { "\(stage.host)/\(name)" }

  var images: [String] { [at("olddept/trainer:1.0"), at("olddept_vision/detector:2.0")] }

  @discardableResult
  func run(
    _ arguments: [String], exits status: Int32 = 0, input: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    let result = try ferry.command(arguments + ["--plain-http"], input: input).run()
    #expect(
      result.status == status, "ferry \(arguments.joined(separator: " ")): \(result.standardError)",
      sourceLocation: sourceLocation)
    #expect(secrets.found(in: result.output + result.error).isEmpty, sourceLocation: sourceLocation)
    return result
  }

  @discardableResult
  func export(
    _ options: String..., images: [String]? = nil, exits status: Int32 = 0, input: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    try run(
      ["export", "-o", "fleet.tar"] + (images ?? self.images) + options, exits: status, input: input,
      sourceLocation: sourceLocation)
  }

  @discardableResult
  func `import`(
    _ options: String..., to place: String = "acme", exits status: Int32 = 0, input: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandResult {
    try run(
      ["import", "fleet.tar", "--to", at(place)] + options, exits: status, input: input,
      sourceLocation: sourceLocation)
  }

  var secrets: Secrets { Secrets(of: stage, keys: [Keys.dgx, Keys.ngc]) }

  /// Searches all that lies in the home directory.
  func searchHome(sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(secrets.found(below: ferry.home.path, except: known).isEmpty, sourceLocation: sourceLocation)
  }

  /// Writes a file that holds a secret.
  mutating func hide(_ text: String, in name: String) throws {
    try ferry.write(text, to: name)
    known.insert(name)
  }

  /// Takes the variables that hold keys away.
  mutating func forgetKeys() {
    ferry.environment["FERRY_EXPORT_API_KEY"] = nil
    ferry.environment["FERRY_IMPORT_API_KEY"] = nil
  }
}

extension CommandResult {
  /// The lines of standard output.
  var lines: [String] { standardOutput.split(separator: "\n").map(String.init) }

  /// Fails unless standard error holds every one of `words`.
  func says(_ words: String..., sourceLocation: SourceLocation = #_sourceLocation) {
    for word in words {
      #expect(standardError.contains(word), "\(standardError)", sourceLocation: sourceLocation)
    }
  }

  /// Fails if standard error holds one of `words`.
  func keepsQuiet(of words: String..., sourceLocation: SourceLocation = #_sourceLocation) {
    for word in words {
      #expect(!standardError.contains(word), "\(standardError)", sourceLocation: sourceLocation)
    }
  }

  /// Standard output, all of which has to be one JSON object.
  func json(sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: Data(output)) as? [String: Any], sourceLocation: sourceLocation)
  }
}

extension [String: Any] {
  /// The objects of the list `name`.
  func objects(_ name: String) -> [[String: Any]] { self[name] as? [[String: Any]] ?? [] }

  /// The field `field` of every object of the list `name`.
  func strings(_ name: String, _ field: String) -> [String] {
    objects(name).map { $0[field] as? String ?? "-" }
  }
}

extension NVIDIAStage {
  /// The requests at the registry that change something.
  var writes: [String] {
    lines(at: .registry).filter { !$0.hasPrefix("GET ") && !$0.hasPrefix("HEAD ") }
  }
}
