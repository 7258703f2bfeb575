public import Digests
public import Images
import Transport

extension RegistryClient {
  /// Streams what `receiver` lacks of a blob into it; afterwards it has all bytes, and they are the right ones.
  ///
  /// After a cut line it continues inside the blob by `Range`. Where the registry sends all again, or another part than
  /// was asked for, and once where the bytes are wrong, the receiver is restarted. Progress refills the retries. When it
  /// throws, the receiver has what came. Throws ``RegistryError``, `wrongContent` among those, and what the receiver
  /// throws as it is.
  public func pullBlob(
    _ descriptor: Descriptor, from repository: String, into receiver: inout some BlobReceiver & ~Copyable
  ) throws {
    var pull = BlobPull(descriptor, from: receiver.position)
    if receiver.position > 0, receiver.position == descriptor.size {
      if (try? receiver.check()) != nil { return }
      _ = pull.mayStartOver()
      try receiver.restart()
    }
    var budget = http.retryBudget()
    while true {
      switch try advance(&pull, from: repository, into: &receiver) {
      case .done: return
      case .failed(let error, let retryAfter):
        let progressed = pull.hasProgressed(to: receiver.position)
        guard let delay = budget.delay(retryAfter: retryAfter, progressed: progressed) else { throw error }
        do { try http.wait(delay) } catch { throw RegistryError.transport(error) }
      case .wrong(let error):
        guard pull.mayStartOver() else { throw wrongContent(error, descriptor.digest, repository) }
        try receiver.restart()
      }
    }
  }

  /// All bytes of a blob that the caller knows to be small. Throws ``RegistryError``.
  public func smallBlob(_ descriptor: Descriptor, of repository: String) throws -> [UInt8] {
    var blob = BlobInMemory(digest: descriptor.digest, size: descriptor.size)
    try pullBlob(descriptor, from: repository, into: &blob)
    return try blob.finish()
  }

  /// Asks for what is missing, past the registry's challenges. Throws what is final.
  private func advance(
    _ pull: inout BlobPull, from repository: String, into receiver: inout some BlobReceiver & ~Copyable
  ) throws -> Advance {
    let errand = Errand.pulling(.blob(pull.descriptor.digest), from: repository)
    let url = try url(repository, "blobs/\(pull.descriptor.digest)")
    var authentication = try authentication(for: errand)
    while true {
      let request = try authentication.authorize(pull.request(url, from: receiver.position))
      do {
        let (response, promise) = try receive(request, &pull, into: &receiver)
        if try authentication.answer(response) { continue }
        switch promise {
        case .whole, .rest: return outcome(of: receiver, from: repository, pull.descriptor)
        case .wrongSize(let error): return .wrong(error)
        case .wrongPart:
          pull.distrustRanges()
          try receiver.restart()
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
        if receiver.position > 0, receiver.position == pull.descriptor.size {
          return outcome(of: receiver, from: repository, pull.descriptor)
        }
        guard http.isWorthRetrying(error, to: url) else { throw RegistryError.transport(error) }
        return .failed(.transport(error), retryAfter: nil)
      } catch let error as CallerError {
        throw error.error
      }
    }
  }

  /// What the bytes so far are: all of them and right, all and wrong, or too few.
  private func outcome(
    of receiver: borrowing some BlobReceiver & ~Copyable, from repository: String, _ descriptor: Descriptor
  ) -> Advance {
    do throws(DigestError) {
      try receiver.check()
      return .done
    } catch {
      guard case .short = error else { return .wrong(error) }
      return .failed(wrongContent(error, descriptor.digest, repository), retryAfter: nil)
    }
  }

  /// The error for a blob that is not what its digest says.
  func wrongContent(_ error: DigestError, _ digest: Digest, _ repository: String) -> RegistryError {
    .wrongContent(host: host, repository: repository, what: digest.description, error)
  }

  /// One exchange, with what its head promised; the body of a promise that can be used goes to `receiver`.
  private func receive(
    _ request: HTTPRequest, _ pull: inout BlobPull, into receiver: inout some BlobReceiver & ~Copyable
  ) throws -> (HTTPResponse, BlobPull.Promise) {
    var promise = BlobPull.Promise.none
    let response = try http.receive(request) { head in
      let position = receiver.position
      promise = pull.promise(of: head, at: position)
      switch promise {
      case .rest:
        pull.noteEntityTag(of: head, at: position)
        return true
      case .whole:
        pull.noteEntityTag(of: head, at: position)
        if position > 0 {
          do { try receiver.restart() } catch { throw CallerError(error: error) }
        }
        return true
      case .none, .wrongPart, .wrongSize: return false
      }
    } sink: { bytes in
      do {
        try receiver.write(bytes)
      } catch let error as DigestError {
        throw error
      } catch {
        throw CallerError(error: error)
      }
    }
    return (response, promise)
  }
}

/// What one attempt at a download came to.
private enum Advance {
  /// All bytes are there, and right.
  case done
  /// What may go better a little later.
  case failed(RegistryError, retryAfter: Duration?)
  case wrong(DigestError)
}
