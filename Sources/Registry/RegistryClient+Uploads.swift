import Digests
public import Images
import Transport

extension RegistryClient {
  /// Stores a blob: mounted from `mountingFrom` where the registry does that, else uploaded from `source`,
  /// hashed on the way. The last bytes are held back until the digest agrees, so wrong content never
  /// commits: its upload is cancelled, and it is ``RegistryError/wrongContent(host:repository:what:_:)``.
  ///
  /// Small blobs go in one PUT, large ones in chunks; a registry that refuses the one gets the other, from
  /// then on. It counts as stored when the registry's own origin says so in answer to all of its bytes, else when it
  /// is asked for the blob and has it, with its size; mounted, and sent over a line that failed, when a byte of it comes.
  /// After a cut line an upload in chunks goes on from what the registry has of it, as does one that `log` holds of an
  /// earlier run; progress refills the retries. A failed upload stays open, and in the log. Throws ``RegistryError``, and
  /// what `source` throws as it is.
  public func pushBlob(
    _ descriptor: Descriptor, to repository: String, mountingFrom: String?, from source: some BlobSource,
    log: (any UploadLog)? = nil
  ) throws -> BlobPush {
    let log = log ?? NoUploadLog()
    let mountingFrom = mountingFrom == repository ? nil : mountingFrom
    var held = try heldBack(source, descriptor, repository)
    var course = UploadCourse(uploadHabits.way(forSize: descriptor.size, reach: source.reach))
    var budget = http.retryBudget()
    guard var upload = try begin(descriptor, repository, mountingFrom, log) else { return .mounted }
    if upload.offset > 0 { course.way = .chunks }
    while true {
      let error: RegistryError
      var retryAfter: Duration?
      var isOpen = false
      switch try send(&held, through: &upload, course.way, log) {
      case .stored(let isCertain):
        guard let proof = held.proof else { throw malformed(upload.location, "success before the last byte") }
        log.closed(descriptor.digest, in: repository)
        let presence = isCertain ? .held : try confirm(descriptor, in: repository)
        guard presence == .held else {
          let isRepeatable = source.reach.map { $0 >= descriptor.size } ?? true
          guard isRepeatable, course.mayRepeat() else {
            throw notKept(descriptor, in: repository, presence)
          }
          upload = try reopen(upload, log)
          continue
        }
        if let refused = course.lesson { uploadHabits.noteRefusal(of: refused) }
        return .uploaded(proof)
      case .refused(let refusal, let isForgotten):
        cancel(upload.location, for: upload.errand)
        log.closed(descriptor.digest, in: repository)
        guard course.turn(isLesson: !isForgotten) else { throw refusal }
        upload = try reopen(upload, log)
        continue
      case .lost(let loss, let isWrong):
        log.closed(descriptor.digest, in: repository)
        cancel(upload.location, for: upload.errand)
        guard !isWrong || course.mayBeginAgain(afterCut: upload.isContinued) else { throw loss }
        error = loss
      case .failed(let failure, let pause):
        error = failure
        retryAfter = pause
        isOpen = course.way == .chunks
      }
      let progressed = course.hasProgressed(to: upload.offset)
      guard let delay = budget.delay(retryAfter: retryAfter, progressed: progressed) else { throw error }
      do { try http.wait(delay) } catch { throw RegistryError.transport(error) }
      // The line may have failed after the registry had it all.
      if let proof = held.proof,
        (try? presenceOfBytes(of: descriptor, in: repository)) == .held
      {
        log.closed(descriptor.digest, in: repository)
        return .uploaded(proof)
      }
      if isOpen, try refresh(&upload) { continue }
      upload = try reopen(upload, log)
    }
  }

  /// The upload to send through: an earlier run's, or a new one; nil when the blob was mounted.
  private func begin(
    _ descriptor: Descriptor, _ repository: String, _ mountable: String?, _ log: any UploadLog
  ) throws(RegistryError) -> BlobUpload? {
    if mountable == nil, let earlier = try earlierUpload(of: descriptor, in: repository, log) {
      return earlier
    }
    guard let opened = try open(descriptor, in: repository, mountingFrom: mountable) else {
      log.closed(descriptor.digest, in: repository)
      return nil
    }
    guard mountable != nil, let earlier = try earlierUpload(of: descriptor, in: repository, log) else {
      return opened
    }
    cancel(opened.location, for: opened.errand)
    return earlier
  }

  /// A new upload in place of one that is lost.
  private func reopen(_ upload: BlobUpload, _ log: any UploadLog) throws(RegistryError) -> BlobUpload {
    log.closed(upload.descriptor.digest, in: upload.repository)
    guard let opened = try open(upload.descriptor, in: upload.repository, mountingFrom: nil) else {
      throw malformed(upload.location, "mounted unasked")
    }
    return opened
  }

  private func heldBack<Source: BlobSource>(
    _ source: Source, _ descriptor: Descriptor, _ repository: String
  ) throws(RegistryError) -> HeldBackSource<Source> {
    do { return try HeldBackSource(source, of: descriptor) } catch {
      throw wrongContent(error, descriptor.digest, repository)
    }
  }
}
