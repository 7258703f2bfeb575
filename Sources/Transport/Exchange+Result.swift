extension Exchange {
  /// Whether the answer is whole as far as it was wanted.
  var isAnswered: Bool {
    switch interruption {
    case nil, .enough: true
    case .thrown, .failed: false
    }
  }

  /// The answer, or what the caller's code threw.
  func get() throws -> HTTPResponse {
    if case .thrown(let error) = interruption { throw error }
    return response
  }
}
