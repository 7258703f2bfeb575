import Foundation
import Images
import Registry
import Synchronization
import TestSupport
import Testing
import Transport

@testable import Digests

extension RegistryConfiguration {
  /// For registries that are no vendor's.
  init(plainHTTP: Bool = false, credential: Credential? = nil) {
    self.init(plainHTTP: plainHTTP, credential: credential, realmRules: RealmRules(.none))
  }
}

/// A client that speaks plain HTTP to `host` and does not linger between attempts.
func client(
  _ host: String, _ credential: Credential? = nil, rules: RealmRules = RealmRules(.none), retries: Int = 2,
  stallTimeout: Duration = .seconds(300), uploadHosts: Set<String> = [],
  log: (@Sendable (String) -> Void)? = nil
) throws -> RegistryClient {
  let options = TransportOptions(
    retries: retries, backoff: .milliseconds(1), stallTimeout: stallTimeout, log: log)
  var configuration = RegistryConfiguration(plainHTTP: true, credential: credential, realmRules: rules)
  configuration.uploadHosts = uploadHosts
  return RegistryClient(host: host, configuration: configuration, http: try HTTPClient(options))
}

extension RegistryClient {
  /// All repositories the registry shows. Throws when a single one may be missing.
  func catalog() throws(RegistryError) -> [String] {
    let list = catalogList()
    if let failure = list.failure { throw failure }
    return list.names
  }
}

/// What `body` throws, when that is a registry's error.
func error(_ body: () throws -> Void) -> RegistryError? {
  do { try body() } catch { return error as? RegistryError }
  return nil
}

func descriptor(of bytes: [UInt8]) -> Descriptor {
  Descriptor(
    mediaType: MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar"), digest: Digest(of: bytes),
    size: Int64(bytes.count))
}

extension Proof {
  /// What the verifier says of a blob that is `bytes`.
  init(of bytes: [UInt8]) { self.init(digest: Digest(of: bytes), size: Int64(bytes.count)) }
}

/// Bytes that differ everywhere.
func content(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var random = SeededGenerator(seed: seed)
  return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
}

/// Keeps what it is given of a blob.
struct MemoryReceiver: BlobReceiver {
  let blob: Descriptor
  var bytes: [UInt8] = []
  var restarts = 0

  init(_ blob: Descriptor, bytes: [UInt8] = []) {
    self.blob = blob
    self.bytes = bytes
  }

  var position: Int64 { Int64(bytes.count) }

  mutating func write(_ piece: RawSpan) throws(DigestError) {
    guard Int64(piece.byteCount) <= blob.size - position else { throw .long(expected: blob.size) }
    piece.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  mutating func restart() {
    bytes = []
    restarts += 1
  }

  func check() throws(DigestError) {
    guard position == blob.size else { throw .short(expected: blob.size, received: position) }
    let actual = Digest(of: bytes)
    guard actual == blob.digest else { throw .mismatch(expected: blob.digest, actual: actual) }
  }
}

struct MemorySource: BlobSource {
  let bytes: [UInt8]

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int {
    let piece = bytes[min(Int(offset), bytes.count)...].prefix(buffer.count)
    buffer.copyBytes(from: piece)
    return piece.count
  }
}

/// What the caller's own code throws.
struct Mishap: Error, Equatable {}

/// A manifest of one config and one layer.
func imageManifest(_ text: String = "") throws -> Manifest {
  let json = """
    {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
    "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\(Digest(of: [1]))","size":1},\
    "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\(Digest(of: [2]))","size":1}],\
    "annotations":{"text":"\(text)"}}
    """
  return try Manifest(bytes: Array(json.utf8), mediaType: nil)
}

extension ScriptedRequest {
  var authorization: String? { header("Authorization") }

  /// The decoded values of a query item.
  func queryValues(_ name: String) -> [String] {
    (URLComponents(string: target)?.queryItems ?? []).filter { $0.name == name }.compactMap(\.value)
  }

  var text: String { String(decoding: body, as: UTF8.self) }
}

extension Credential {
  static let user = Credential.basic(username: "$oauthtoken", password: "s3cret")
  static let userHeader = "Basic " + Data("$oauthtoken:s3cret".utf8).base64EncodedString()
}

/// Something that tests and scripts count or note from several threads.
final class Noted<Value: Sendable>: Sendable {
  private let value: Mutex<Value>

  init(_ value: Value) { self.value = Mutex(value) }

  func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
    value.withLock { body(&$0) }
  }

  var now: Value { value.withLock { $0 } }
}

/// Runs what blocks on a thread of its own, so that the test's threads stay free.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result(catching: body)) }
  }
}
