import Digests
import Images
import Testing
import Transport

@testable import Registry

/// What happens to an upload and what is to be done about it, without any registry. Up to 10 bytes go in one request, and
/// as many at first in a chunk.
@Suite struct `The state of an upload` {
  typealias Event = UploadMachine.Event
  typealias Action = UploadMachine.Action

  let small = descriptor(of: content(8))
  let large = descriptor(of: content(25))
  let first: HTTPURL
  let second: HTTPURL
  let line = RegistryError.transport(.connectTimedOut(host: "registry.example"))

  init() throws {
    first = try HTTPURL("https://registry.example/v2/team/app/blobs/uploads/1")
    second = try HTTPURL("https://registry.example/v2/team/app/blobs/uploads/2")
  }

  // MARK: In one request

  @Test func `of a small blob is one PUT, after which the registry is asked for it`() {
    var upload = upload(of: small)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.put)),
      (.closed(stored()), .confirm),
      (.confirmed(.held), .finish),
    ])
    #expect(upload.policy.mode(forSize: 8, reach: nil) == .monolithic)
  }

  @Test func `in one request begins again after a cut`() {
    var upload = upload(of: small)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.put)),
      (.interrupted(line), retry(line)),
      (.waited, .open(discarding: false)),
      (.opened(UploadSession(location: second)), .send(.put)),
    ])
    #expect(upload.machine.session.location == second)
  }

  @Test(arguments: [400, 404, 405, 411, 413, 416, 501])
  func `whose PUT is refused goes in chunks, and the next one too`(_ status: Int) {
    var upload = upload(of: small)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.put)),
      (.closed(refused(status)), .open(discarding: true)),
      (.opened(UploadSession(location: second)), .send(.patch(until: 8))),
      (.patched(taken(8), sent: 8, took: .seconds(1)), .send(.close)),
      (.closed(stored()), .confirm),
    ])
    // Nothing is learned before the blob is there.
    #expect(upload.policy.mode(forSize: 8, reach: nil) == .monolithic)
    upload.expect([(.confirmed(.held), .finish)])
    #expect(upload.policy.mode(forSize: 8, reach: nil) == .chunked)
  }

  @Test func `that the registry has forgotten says nothing about the next`() {
    var upload = upload(of: small)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.put)),
      (.closed(refused(404, ["BLOB_UPLOAD_UNKNOWN"])), .open(discarding: true)),
      (.opened(UploadSession(location: second)), .send(.patch(until: 8))),
      (.patched(taken(8), sent: 8, took: .seconds(1)), .send(.close)),
      (.closed(stored()), .confirm),
      (.confirmed(.held), .finish),
    ])
    #expect(upload.policy.mode(forSize: 8, reach: nil) == .monolithic)
  }

  // MARK: In chunks

  @Test func `of a large blob is chunks and an empty PUT, and the blob is asked for`() {
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(taken(10), sent: 10, took: .seconds(1)), .send(.patch(until: 20))),
      (.patched(taken(20), sent: 20, took: .seconds(1)), .send(.patch(until: 25))),
      (.patched(taken(25), sent: 25, took: .seconds(1)), .send(.close)),
      (.closed(stored()), .confirm),
      (.confirmed(.held), .finish),
    ])
  }

  @Test func `goes on from what is acknowledged, where the answer says`() {
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(taken(6, at: second), sent: 10, took: .seconds(1)), .send(.patch(until: 16))),
    ])
    #expect(upload.machine.session.location == second)
    upload.expect([
      // It says nothing, or more than was sent: all was taken, and the digest will tell.
      (.patched(taken(nil), sent: 16, took: .seconds(1)), .send(.patch(until: 25))),
      (.patched(taken(99), sent: 25, took: .seconds(1)), .send(.close)),
    ])
  }

  @Test func `of which next to nothing is acknowledged with each chunk has failed each time`() {
    var sizes = UploadSizes()
    (sizes.wholeLimit, sizes.firstChunk, sizes.smallestChunk, sizes.largestChunk) = (10, 1000, 1000, 1000)
    let policy = UploadPolicy(sizes)
    let machine = UploadMachine(
      descriptor(of: content(2000)), to: "team/app", of: "registry.example", reach: nil,
      through: UploadSession(location: first), policy)
    var upload = Upload(machine: machine, policy: policy)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 1000))),
      (.patched(taken(1), sent: 1000, took: .seconds(1)), retry(malformed(.header("Range")))),
      (.waited, .resume),
      (
        .resumed(UploadSession(location: first, offset: 1, isResumed: true)), .send(.patch(until: 1001))
      ),
      (.patched(taken(2), sent: 1001, took: .seconds(1)), retry(malformed(.header("Range")))),
      (.waited, .resume),
      (
        .resumed(UploadSession(location: first, offset: 2, isResumed: true)), .send(.patch(until: 1002))
      ),
      (.patched(taken(500), sent: 1002, took: .seconds(1)), .send(.patch(until: 1500))),
    ])
  }

  @Test func `that is acknowledged before all is sent, and not how far, is asked about`() {
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(taken(nil), sent: 4, took: .seconds(1)), retry(malformed(.header("Range")))),
      (.waited, .resume),
    ])
  }

  @Test func `that is led where it may not go fails`() {
    let error = malformed(.header("Location"))
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (
        .patched(answer(202, location: .failure(error)), sent: 10, took: .seconds(1)),
        .fail(error, discarding: true)
      ),
    ])
  }

  @Test func `has the chunks that the line moves in about a second, and so has the next`() {
    var upload = upload(of: descriptor(of: content(100)))
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(taken(10), sent: 10, took: .milliseconds(100)), .send(.patch(until: 30))),
      // Only a chunk that went whole says how long one takes.
      (.patched(taken(20), sent: 30, took: .milliseconds(100)), .send(.patch(until: 40))),
      (.patched(taken(40), sent: 40, took: .seconds(9)), .send(.patch(until: 50))),
    ])
    #expect(upload.policy.chunk.bytes == 10)
  }

  @Test func `of what can be sent again in part only has no larger chunks, unless the registry insists`() {
    var upload = upload(of: large, reach: 4)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 4))),
      (.opened(UploadSession(location: first, leastChunk: 6)), .send(.patch(until: 6))),
    ])
  }

  // MARK: Refusals of chunks

  @Test func `whose next byte is another than the registry wants asks how far it has come`() {
    let refusal = refused(416)
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(taken(10), sent: 10, took: .seconds(1)), .send(.patch(until: 20))),
      (.patched(refusal, sent: 20, took: .seconds(1)), retry(error(of: refusal), progressed: true)),
      (.waited, .resume),
      (.resumed(UploadSession(location: first, offset: 17, isResumed: true)), .send(.patch(until: 25))),
      (.patched(taken(25), sent: 25, took: .seconds(1)), .send(.close)),
    ])
  }

  @Test func `whose chunks are too large has smaller ones, and so has the next, until one is too small`() {
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(refused(413), sent: 10, took: .seconds(1)), .send(.patch(until: 5))),
      (.patched(refused(413), sent: 5, took: .seconds(1)), .send(.patch(until: 2))),
    ])
    #expect(upload.policy.chunk.bytes == 2)
    upload.expect([
      (.patched(refused(413), sent: 2, took: .seconds(1)), .open(discarding: true)),
      (.opened(UploadSession(location: second)), .send(.put)),
    ])
  }

  @Test func `has no smaller chunks than the registry itself asks for`() {
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first, leastChunk: 10)), .send(.patch(until: 10))),
      (.patched(refused(413), sent: 10, took: .seconds(1)), .open(discarding: true)),
      (.opened(UploadSession(location: second)), .send(.put)),
    ])
    #expect(upload.policy.chunk.bytes == 10)
  }

  @Test(arguments: [400, 404, 405, 411, 416, 501])
  func `whose PATCH is refused goes in one PUT, and the next one too`(_ status: Int) {
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(refused(status), sent: 10, took: .seconds(1)), .open(discarding: true)),
      (.opened(UploadSession(location: second)), .send(.put)),
      (.closed(stored()), .confirm),
      (.confirmed(.held), .finish),
    ])
    #expect(upload.policy.mode(forSize: 25, reach: nil) == .monolithic)
  }

  @Test func `that is refused both ways fails`() {
    let refusal = refused(405)
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(refusal, sent: 10, took: .seconds(1)), .open(discarding: true)),
      (.opened(UploadSession(location: second)), .send(.put)),
      (.closed(refusal), .fail(error(of: refusal), discarding: true)),
    ])
    #expect(upload.policy.mode(forSize: 25, reach: nil) == .chunked)
  }

  @Test(arguments: [403, 400, 404], ["DENIED", "NAME_UNKNOWN"])
  func `that another way would not help fails`(_ status: Int, _ code: String) {
    let refusal = refused(status, [code])
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (
        .patched(refusal, sent: 10, took: .seconds(1)), .fail(error(of: refusal), discarding: true)
      ),
    ])
  }

  // MARK: Cut and resumed

  @Test func `that was cut goes on where the registry says`() {
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(taken(10), sent: 10, took: .seconds(1)), .send(.patch(until: 20))),
      (.interrupted(line), retry(line, progressed: true)),
      (.waited, .resume),
      (.resumed(UploadSession(location: second, offset: 13, isResumed: true)), .send(.patch(until: 23))),
      (.interrupted(line), retry(line, progressed: true)),
      (.waited, .resume),
      // It has come no farther.
      (.resumed(UploadSession(location: second, offset: 13, isResumed: true)), .send(.patch(until: 23))),
      (.interrupted(line), retry(line)),
    ])
  }

  @Test func `that was cut and is lost begins again, and what is sent anew is no progress`() {
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(taken(10), sent: 10, took: .seconds(1)), .send(.patch(until: 20))),
      (.interrupted(line), retry(line, progressed: true)),
      (.waited, .resume),
      (.resumed(nil), .open(discarding: false)),
      (.opened(UploadSession(location: second)), .send(.patch(until: 10))),
      (.patched(taken(10), sent: 10, took: .seconds(1)), .send(.patch(until: 20))),
      (.interrupted(line), retry(line)),
    ])
  }

  @Test(arguments: ["BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID"])
  func `that the registry no longer knows is given up and begins again`(_ code: String) {
    let refusal = refused(404, [code])
    var upload = upload(of: large)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 10))),
      (.patched(refusal, sent: 10, took: .seconds(1)), retry(error(of: refusal), discarding: true)),
      (.waited, .open(discarding: false)),
      (.opened(UploadSession(location: second)), .send(.patch(until: 10))),
    ])
  }

  @Test func `of an earlier run goes on in chunks, whatever the blob's size`() {
    let earlier = UploadSession(location: first, offset: 3, isResumed: true)
    var upload = upload(of: small, through: earlier)
    upload.expect([
      (.opened(earlier), .send(.patch(until: 8))),
      (.patched(taken(8), sent: 8, took: .seconds(1)), .send(.close)),
      (.closed(stored()), .confirm),
      (.confirmed(.held), .finish),
    ])
  }

  @Test func `of an earlier run that had sent all is closed`() {
    let earlier = UploadSession(location: first, offset: 25, isResumed: true)
    var upload = upload(of: large, through: earlier)
    upload.expect([(.opened(earlier), .send(.close))])
  }

  /// skopeo#2055, distribution#2572: what an earlier run left is worth nothing by itself.
  @Test func `of an earlier run that comes to nothing begins anew, and is not held against the blob`() {
    let unauthorized = RegistryError.unauthorized(
      host: "registry.example", repository: "team/app", hadCredential: true, messages: [])
    let led = answer(202, location: .failure(malformed(.header("Location"))))
    let ends: [[(Event, Action)]] =
      [
        [(.failed(unauthorized), .open(discarding: false))],
        [(.failed(.transport(.notHTTP(host: "", port: 1, reason: ""))), .open(discarding: false))],
        [(.exhausted(line), .open(discarding: false))],
        [(.patched(led, sent: 13, took: .seconds(1)), .open(discarding: false))],
        [
          (.interrupted(line), retry(line, progressed: true)),
          (.waited, .resume), (.resumed(remembered), .send(.patch(until: 13))),
          (.interrupted(line), retry(line)),
          (.waited, .resume), (.resumed(remembered), .send(.patch(until: 13))),
          (.interrupted(line), .open(discarding: false)),
        ],
      ]
      + [400, 401, 403, 404, 405, 409, 410, 501].map { status in
        [(.patched(refused(status), sent: 13, took: .seconds(1)), .open(discarding: false))]
      }
    for steps in ends {
      var upload = upload(of: large, through: remembered)
      upload.expect([(.opened(remembered), .send(.patch(until: 13)))] + steps)
      upload.expect([
        (.opened(UploadSession(location: second)), .send(.patch(until: 10))),
        // What fails now is the blob's.
        (.failed(unauthorized), .fail(unauthorized, discarding: true)),
      ])
    }
  }

  @Test func `of an earlier run of which bytes were taken is any other`() {
    var upload = upload(of: large, through: remembered)
    upload.expect([
      (.opened(remembered), .send(.patch(until: 13))),
      (.patched(taken(13), sent: 13, took: .seconds(1)), .send(.patch(until: 23))),
      (.patched(refused(403), sent: 23, took: .seconds(1)), .fail(error(403), discarding: true)),
    ])
  }

  private var remembered: UploadSession {
    UploadSession(location: first, offset: 3, isResumed: true, isRemembered: true)
  }

  @Test func `of an earlier run that had sent nothing is taken at nobody's word`() {
    let earlier = UploadSession(location: first, isResumed: true)
    var upload = upload(of: small, through: earlier)
    upload.expect([
      (.opened(earlier), .send(.put)), (.closed(stored()), .confirm),
    ])
  }

  @Test func `whose bytes came wrong begins again, then the other way, then fails`() {
    let refusal = refused(400, ["DIGEST_INVALID"])
    let earlier = UploadSession(location: first, offset: 25, isResumed: true)
    var upload = upload(of: large, through: earlier)
    upload.expect([
      (.opened(earlier), .send(.close)),
      // A cut line explains it once.
      (.closed(refusal), retry(error(of: refusal), progressed: true, discarding: true)),
      (.waited, .open(discarding: false)),
      (.opened(UploadSession(location: second)), .send(.patch(until: 10))),
      // Nothing does now but the registry.
      (.patched(refusal, sent: 10, took: .seconds(1)), retry(error(of: refusal), discarding: true)),
      (.waited, .open(discarding: false)),
      (.opened(UploadSession(location: first)), .send(.put)),
      (.closed(refusal), .fail(error(of: refusal), discarding: true)),
    ])
  }

  // MARK: The end

  @Test func `whose end is refused for now is asked about after the wait that the registry names`() {
    let refusal = answer(503, refusal: error(503), isRetryable: true, retryAfter: .seconds(7))
    let earlier = UploadSession(location: first, offset: 25, isResumed: true)
    var upload = upload(of: large, through: earlier)
    upload.expect([
      (.opened(earlier), .send(.close)),
      (.closed(refusal), retry(error(503), after: .seconds(7), progressed: true)),
      (.waited, .resume),
      (.resumed(earlier), .send(.close)),
      (.closed(refusal), retry(error(503), after: .seconds(7))),
    ])
  }

  @Test func `whose end is refused goes the other way`() {
    let earlier = UploadSession(location: first, offset: 25, isResumed: true)
    var upload = upload(of: large, through: earlier)
    upload.expect([
      (.opened(earlier), .send(.close)),
      (.closed(refused(405)), .open(discarding: true)),
      (.opened(UploadSession(location: second)), .send(.put)),
    ])
  }

  @Test func `that stored other bytes fails`() {
    let other = Digest(of: [1])
    var upload = upload(of: small)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.put)),
      (
        .closed(stored(other)),
        .fail(
          .destinationDigestDiffers(
            repository: "team/app", identifier: "\(small.digest)", expected: small.digest, actual: other),
          discarding: true)
      ),
    ])
  }

  @Test(arguments: [BlobPresence.missing, .differs, .hollow])
  func `whose blob is not there is sent again, once`(_ presence: BlobPresence) {
    var upload = upload(of: small)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.put)),
      (.closed(stored()), .confirm),
      (.confirmed(presence), .open(discarding: false)),
      (.opened(UploadSession(location: second)), .send(.put)),
      (.closed(stored()), .confirm),
      (.confirmed(presence), notKept(small, isOther: presence == .differs)),
    ])
  }

  @Test func `whose blob is not there fails where not all of it can be sent again`() {
    var upload = upload(of: small, reach: 7)
    upload.expect([
      (.opened(UploadSession(location: first)), .send(.patch(until: 7))),
      (.patched(taken(8), sent: 8, took: .seconds(1)), .send(.close)),
      (.closed(stored()), .confirm),
      (.confirmed(.missing), notKept(small, isOther: false)),
    ])
  }
}

// MARK: - Events and actions

extension `The state of an upload` {
  /// A machine, and what uploads have taught so far.
  struct Upload {
    var machine: UploadMachine
    var policy: UploadPolicy

    /// Tells the machine what happens, and compares what it wants done.
    mutating func expect(_ steps: [(Event, Action)], _ location: SourceLocation = #_sourceLocation) {
      for (event, expected) in steps {
        let action = machine.handle(event, &policy)
        #expect(action == expected, "after \(event)", sourceLocation: location)
      }
    }
  }

  func upload(of blob: Descriptor, reach: Int64? = nil, through session: UploadSession? = nil) -> Upload {
    var sizes = UploadSizes()
    sizes.wholeLimit = 10
    sizes.firstChunk = 10
    sizes.smallestChunk = 4
    sizes.largestChunk = 40
    sizes.leastChunk = 2
    let policy = UploadPolicy(sizes)
    let machine = UploadMachine(
      blob, to: "team/app", of: "registry.example", reach: reach,
      through: session ?? UploadSession(location: first), policy)
    return Upload(machine: machine, policy: policy)
  }

  func answer(
    _ status: Int, refusal: RegistryError? = nil, isRetryable: Bool = false, retryAfter: Duration? = nil,
    codes: Set<String> = [], location: Result<HTTPURL?, RegistryError> = .success(nil), next: Int64? = nil,
    stored: Digest? = nil
  ) -> UploadAnswer {
    UploadAnswer(
      status: status, refusal: refusal, isRetryable: isRetryable, retryAfter: retryAfter, codes: codes,
      location: location, next: next, stored: stored)
  }

  /// A chunk's bytes are taken up to `next`.
  func taken(_ next: Int64?, at location: HTTPURL? = nil) -> UploadAnswer {
    answer(202, location: .success(location), next: next)
  }

  func stored(_ digest: Digest? = nil) -> UploadAnswer {
    answer(201, stored: digest)
  }

  func refused(_ status: Int, _ codes: Set<String> = []) -> UploadAnswer {
    answer(status, refusal: error(status), codes: codes)
  }

  func error(_ status: Int) -> RegistryError {
    .refused(url: "https://registry.example/", status: status, messages: [])
  }

  func error(of answer: UploadAnswer) -> RegistryError { answer.refusal ?? error(0) }

  func malformed(_ breach: RegistryError.Breach) -> RegistryError {
    .malformedResponse(url: first.description, breach)
  }

  func retry(
    _ error: RegistryError, after pause: Duration? = nil, progressed: Bool = false, discarding: Bool = false
  ) -> Action {
    .retry(error, after: pause, progressed: progressed, discarding: discarding)
  }

  func notKept(_ blob: Descriptor, isOther: Bool) -> Action {
    .fail(
      .blobNotKept(host: "registry.example", repository: "team/app", digest: blob.digest, isOther: isOther),
      discarding: false)
  }
}
