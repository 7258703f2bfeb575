public import Digests
public import Images
import Transport

extension RegistryClient {
  /// Streams a blob into `sink` from its first byte, hashing on the way; the proof is that of all its bytes.
  ///
  /// After a cut line it continues inside the blob by `Range`; where the registry sends all again, or
  /// another part than was asked for, the sink is restarted. Progress refills the retries. Wrong content is
  /// fetched once more from zero, then it is ``RegistryError/wrongContent(host:repository:what:_:)``. Throws
  /// ``RegistryError``, and what `sink` throws as it is.
  public func pullBlob(
    _ descriptor: Descriptor, from repository: String, into sink: inout some BlobSink
  ) throws -> Proof {
    var verifier = BlobVerifier(digest: descriptor.digest, size: descriptor.size)
    return try pullBlob(descriptor, from: repository, continuing: &verifier, into: &sink)
  }

  /// Streams what `verifier`, which is the descriptor's, has not seen of a blob into `sink`; else as
  /// ``pullBlob(_:from:into:)``. Afterwards, also when it throws, `verifier` has seen what the sink was
  /// given: all of it but for a piece that the sink threw at.
  public func pullBlob(
    _ descriptor: Descriptor, from repository: String, continuing verifier: inout BlobVerifier,
    into sink: inout some BlobSink
  ) throws -> Proof {
    var pull = BlobPull(descriptor)
    pull.exchange(&verifier)
    defer { pull.exchange(&verifier) }
    if pull.received > 0, pull.isComplete {
      switch outcome(of: pull, from: repository) {
      case .proved(let proof): return proof
      case .failed, .wrong:
        _ = pull.startAgain()
        try sink.restart()
      }
    }
    var budget = http.retryBudget()
    while true {
      switch try advance(&pull, from: repository, into: &sink) {
      case .proved(let proof): return proof
      case .failed(let error, let retryAfter):
        let progressed = pull.hasProgressed()
        guard let delay = budget.delay(retryAfter: retryAfter, progressed: progressed) else { throw error }
        do { try http.wait(delay) } catch { throw RegistryError.transport(error) }
      case .wrong(let error):
        guard pull.startAgain() else { throw wrongContent(error, descriptor.digest, repository) }
        try sink.restart()
      }
    }
  }

  /// Asks for what is missing, past the registry's challenges. Throws what is final.
  private func advance(
    _ pull: inout BlobPull, from repository: String, into sink: inout some BlobSink
  ) throws -> Advance {
    let errand = Errand.pulling(.blob(pull.descriptor.digest), from: repository)
    let url = try url(repository, "blobs/\(pull.descriptor.digest)")
    var authentication = try authentication(for: errand)
    while true {
      let request = try authentication.authorize(pull.request(url))
      do {
        let (response, promise) = try receive(request, &pull, into: &sink)
        if try authentication.answer(response) { continue }
        switch promise {
        case .whole, .rest: return outcome(of: pull, from: repository)
        case .wrongSize(let error): return .wrong(error)
        case .wrongPart:
          pull.restartWithoutRanges()
          try sink.restart()
          let place = response.url.description
          return .failed(.malformedResponse(url: place, what: "Content-Range"), retryAfter: nil)
        case .none:
          let error = failure(response, for: errand, after: authentication)
          guard response.isRetryable else { throw error }
          return .failed(error, retryAfter: response.retryAfter)
        }
      } catch let error as DigestError {
        return .wrong(error)
      } catch let error as TransportError {
        // The line may fail after the last byte.
        if pull.isComplete, pull.received > 0 { return outcome(of: pull, from: repository) }
        guard http.isWorthRetrying(error, to: url) else { throw RegistryError.transport(error) }
        return .failed(.transport(error), retryAfter: nil)
      } catch let error as CallerError {
        throw error.error
      }
    }
  }

  /// What the bytes so far are: all of them and right, all and wrong, or too few.
  private func outcome(of pull: borrowing BlobPull, from repository: String) -> Advance {
    do {
      return .proved(try pull.check())
    } catch .short(let expected, let received) {
      let fault = DigestError.short(expected: expected, received: received)
      return .failed(wrongContent(fault, pull.descriptor.digest, repository), retryAfter: nil)
    } catch {
      return .wrong(error)
    }
  }

  /// The error for a blob that is not what its digest says.
  func wrongContent(_ error: DigestError, _ digest: Digest, _ repository: String) -> RegistryError {
    .wrongContent(host: host, repository: repository, what: digest.description, error)
  }

  /// One exchange, with what its head promised; the body of a promise that can be used goes to `sink`.
  private func receive(
    _ request: HTTPRequest, _ pull: inout BlobPull, into sink: inout some BlobSink
  ) throws -> (HTTPResponse, BlobPull.Promise) {
    var promise = BlobPull.Promise.none
    let response = try http.receive(request) { head in
      promise = pull.promise(of: head)
      switch promise {
      case .rest:
        pull.noteEntityTag(of: head)
        return true
      case .whole:
        pull.noteEntityTag(of: head)
        if pull.received > 0 {
          pull.restart()
          do { try sink.restart() } catch { throw CallerError(error: error) }
        }
        return true
      case .none, .wrongPart, .wrongSize: return false
      }
    } sink: { bytes in
      try pull.take(bytes)
      do {
        try sink.write(bytes)
        try sink.written(pull.verifier)
      } catch {
        throw CallerError(error: error)
      }
    }
    return (response, promise)
  }
}

/// What one attempt at a download came to.
private enum Advance {
  case proved(Proof)
  /// What may go better a little later.
  case failed(RegistryError, retryAfter: Duration?)
  case wrong(DigestError)
}
