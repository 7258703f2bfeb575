import Files

/// Finds volumes that hold something else than they should, by what the plan knows of their bytes: headers, and
/// the archive's own files.
struct VolumeCheck {
  let plan: ArchivePlan
  let set: VolumeSet

  /// The foreign ones, and which volume's bytes they hold where that can be told. A volume that lies inside a
  /// layer from end to end has nothing it could be told by, unless it holds what another one should.
  func foreign() throws(LayoutError) -> [Int: Int?] {
    try foreign(sorted())
  }

  /// The numbers of those that can be told to be this archive's, whatever has happened to them. Where something in one of
  /// them is as it should be, these are also those of the right size that lie inside a layer; else there are none.
  func own() throws(LayoutError) -> Set<Int> {
    let sorted = try sorted()
    guard !sorted.right.isEmpty else { return [] }
    let foreign = try foreign(sorted)
    let own = set.volumes.filter { volume in
      switch volume.state {
      // One that holds what another should is of the archive, too.
      case .present: foreign[volume.number] != .some(nil)
      case .wrongSize(let actual): actual < volume.size && sorted.right.contains(volume.number)
      case .missing, .foreign, .surplus: false
      }
    }
    return Set(own.map(\.number))
  }

  private func foreign(_ sorted: (right: Set<Int>, wrong: Set<Int>)) throws(LayoutError) -> [Int: Int?] {
    let (right, wrong) = sorted
    guard !wrong.isEmpty else { return [:] }
    let origins = try origins(of: set.volumes.filter { $0.isThere && !right.contains($0.number) })
    var foreign: [Int: Int?] = [:]
    for number in wrong { foreign[number] = .some(nil) }
    for (number, origin) in origins where wrong.contains(origin) || wrong.contains(number) {
      foreign[number] = .some(origin)
    }
    return foreign
  }

  /// Volumes in which something is as it should be, and those in which nothing is.
  private func sorted() throws(LayoutError) -> (right: Set<Int>, wrong: Set<Int>) {
    let content = try set.content()
    var right: Set<Int> = []
    var wrong: Set<Int> = []
    try plan.forEachKnownPiece { piece throws(LayoutError) in
      guard let number = number(of: piece), content.holds(piece.range) else { return }
      let found = try piece.extent.bytes(in: content)
      if piece.isLike(found) { right.insert(number) } else { wrong.insert(number) }
    }
    return (right, wrong.subtracting(right))
  }

  /// In which volume a telling piece lies from end to end.
  private func number(of piece: KnownPiece) -> Int? {
    guard piece.part == .header || piece.part == .content else { return nil }
    let number = piece.offset / set.volumeSize
    guard number < Int64(VolumeName.most), (piece.range.upperBound - 1) / set.volumeSize == number else {
      return nil
    }
    return Int(number) + 1
  }

  /// For each suspect the one volume whose every telling piece it has at its place.
  private func origins(of suspects: [Volume]) throws(LayoutError) -> [Int: Int] {
    var files: [Int: DataFile] = [:]
    for suspect in suspects.prefix(Self.mostSuspects) {
      files[suspect.number] = try LayoutError.wrapping { () throws(FileError) in
        try DataFile.open(reading: suspect.path)
      }
    }
    var fits: [Int: [Int: Bool]] = [:]
    try plan.forEachKnownPiece { piece throws(LayoutError) in
      guard let number = number(of: piece) else { return }
      let place = BlobExtent(offset: piece.offset % set.volumeSize, size: Int64(piece.bytes.count))
      for (suspect, file) in files where suspect != number && fits[suspect]?[number] != false {
        fits[suspect, default: [:]][number] = try place.bytes(in: file) == piece.bytes
      }
    }
    return fits.compactMapValues { candidates in
      let fitting = candidates.filter(\.value).keys
      return fitting.count == 1 ? fitting.first : nil
    }
  }

  /// With more than that, somebody took quite another set.
  private static let mostSuspects = 100
}

extension KnownPiece {
  var range: Range<Int64> { offset..<offset + Int64(bytes.count) }

  fileprivate var extent: BlobExtent { BlobExtent(offset: offset, size: Int64(bytes.count)) }

  /// Whether `found` is this, or was before something happened to it. Headers are told by the ends of their
  /// names: all else in them is much alike.
  fileprivate func isLike(_ found: [UInt8]) -> Bool {
    let telling: Range<Int>
    if part == .header {
      let name = Array(path.utf8.prefix(100))
      let start = name.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
      // Of a header of pax the name stands elsewhere.
      telling = bytes.starts(with: name) ? start..<name.count : 0..<bytes.count
    } else {
      telling = 0..<bytes.count
    }
    guard found.count == bytes.count else { return false }
    let same = telling.count { bytes[$0] == found[$0] }
    return same * 2 >= telling.count
  }
}
