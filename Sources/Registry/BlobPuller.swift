import Digests
import Images
import Transport

/// Fetches blobs into their receivers.
struct BlobPuller {
  private let connection: RegistryConnection

  init(_ connection: RegistryConnection) { self.connection = connection }

  /// What ``RegistryClient/pullBlob(_:from:into:)`` promises.
  func pull(
    _ descriptor: Descriptor, from repository: String, into receiver: inout some BlobReceiver & ~Copyable
  ) throws {
    var download = BlobDownload(descriptor, from: receiver.position)
    if receiver.position > 0, receiver.position == descriptor.size {
      if (try? receiver.check()) != nil { return }
      _ = download.mayStartOver()
      try receiver.restart()
    }
    var retrying = connection.http.retrying()
    while true {
      switch try advance(&download, from: repository, into: &receiver) {
      case .done: return
      case .failed(let error, let fault):
        let progressed = download.hasProgressed(to: receiver.position)
        guard try connection.again(&retrying, after: fault, progressed: progressed) else {
          throw strange(download, repository) ?? error
        }
      case .wrong(let error):
        guard download.mayStartOver() else {
          throw wrong(error, download, repository)
        }
        try receiver.restart()
      }
    }
  }

  /// All bytes of a blob that the caller knows to be small. Throws ``RegistryError``.
  func small(_ descriptor: Descriptor, of repository: String) throws -> [UInt8] {
    var blob = BlobInMemory(digest: descriptor.digest, size: descriptor.size)
    try pull(descriptor, from: repository, into: &blob)
    return try blob.finish()
  }

  /// Asks for what is missing, past the registry's challenges. Throws what is final.
  private func advance(
    _ download: inout BlobDownload, from repository: String,
    into receiver: inout some BlobReceiver & ~Copyable
  ) throws -> Advance {
    let purpose = Purpose.reading(.blob(download.descriptor.digest), in: repository)
    let url = try connection.url(repository, "blobs/\(download.descriptor.digest)")
    var authentication = try connection.authentication(for: purpose)
    while true {
      let request = try authentication.authorize(download.request(url, from: receiver.position))
      do {
        let (response, promise) = try receive(request, &download, into: &receiver)
        if try authentication.answer(response) { continue }
        switch promise {
        case .full, .range: return outcome(of: receiver, from: repository, download, at: url)
        case .wrongSize(let error): return .wrong(error)
        case .wrongRange:
          download.distrustRanges()
          try receiver.restart()
          return .failed(
            connection.malformed(response, .header("Content-Range")),
            ExchangeFault(.content, at: response.url))
        case .wrongEncoding(let encoding):
          download.distrustRanges(for: encoding)
          try receiver.restart()
          let error = connection.encoded(encoding, download.descriptor.digest.description, repository)
          return .failed(error, ExchangeFault(.content, at: response.url))
        case .none:
          let error = connection.failure(response, for: purpose, after: authentication)
          guard response.isRetryable else { throw error }
          return .failed(error, ExchangeFault(response))
        }
      } catch let error as DigestError {
        return .wrong(error)
      } catch let error as TransportError {
        // The line may fail after the last byte.
        if receiver.position > 0, receiver.position == download.descriptor.size {
          return outcome(of: receiver, from: repository, download, at: url)
        }
        guard connection.http.isWorthRetrying(error, to: url) else { throw RegistryError.transport(error) }
        return .failed(.transport(error), ExchangeFault(.line(error), at: url))
      } catch let error as CallbackError {
        throw error.error
      }
    }
  }

  /// What the bytes so far are: all of them and right, all and wrong, or too few.
  private func outcome(
    of receiver: borrowing some BlobReceiver & ~Copyable, from repository: String,
    _ download: borrowing BlobDownload, at url: HTTPURL
  ) -> Advance {
    do throws(DigestError) {
      try receiver.check()
      return .done
    } catch {
      guard case .short = error else { return .wrong(error) }
      return .failed(wrong(error, download, repository), ExchangeFault(.content, at: url))
    }
  }

  /// The error for bytes that are not the blob's: an encoding that nobody asked for explains them.
  private func wrong(
    _ error: DigestError, _ download: borrowing BlobDownload, _ repository: String
  ) -> RegistryError {
    let digest = download.descriptor.digest
    return download.encoding.map { connection.encoded($0, digest.description, repository) }
      ?? connection.wrongContent(error, digest, repository)
  }

  /// The error for a blob of which the rest came encoded: but for that it would have been resumed where it was cut.
  private func strange(_ download: borrowing BlobDownload, _ repository: String) -> RegistryError? {
    let digest = download.descriptor.digest
    return download.strangeEncoding.map { connection.encoded($0, digest.description, repository) }
  }

  /// One exchange, with what its head promised; the body of a promise that can be used goes to `receiver`.
  private func receive(
    _ request: HTTPRequest, _ download: inout BlobDownload, into receiver: inout some BlobReceiver & ~Copyable
  ) throws -> (HTTPResponse, BlobDownload.Promise) {
    var promise = BlobDownload.Promise.none
    let response = try connection.http.receive(request) { head in
      let position = receiver.position
      promise = download.promise(of: head, at: position)
      download.noteEncoding(of: head)
      switch promise {
      case .range:
        download.noteEntityTag(of: head, at: position)
        return true
      case .full:
        download.noteEntityTag(of: head, at: position)
        if position > 0 {
          do { try receiver.restart() } catch { throw CallbackError(error: error) }
        }
        return true
      case .none, .wrongRange, .wrongEncoding, .wrongSize: return false
      }
    } sink: { bytes in
      do {
        try receiver.write(bytes)
      } catch let error as DigestError {
        throw error
      } catch {
        throw CallbackError(error: error)
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
  case failed(RegistryError, ExchangeFault)
  case wrong(DigestError)
}
