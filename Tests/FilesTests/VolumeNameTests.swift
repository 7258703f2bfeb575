import Files
import Testing

struct `A volume's name` {
  @Test(arguments: [
    ("a.tar.001", "a.tar", 1, 3), ("dir.002/a.tar.010", "dir.002/a.tar", 10, 3), ("a.0999", "a", 999, 4),
    ("x.9999", "x", 9999, 4),
  ])
  func `is read`(text: String, base: String, number: Int, digits: Int) throws {
    let name = try #require(VolumeName(text))
    #expect(name.base == base)
    #expect(name.number == number)
    #expect(name.digits == digits)
    #expect(VolumeName.text(base, number, digits: digits) == text)
  }

  @Test(arguments: [
    "a.tar", "a.01", "a.000", "a.0000", "a.10000", ".001", "dir/.001", "001", "a.00x", "a.+01", "a.٠٠١",
    "a.001/", "",
  ])
  func `is not seen in other names`(text: String) {
    #expect(VolumeName(text) == nil)
  }

  @Test func `has as many digits as the last one needs`() {
    for (size, last) in [(Int64(999), "a.999"), (1000, "a.1000"), (9999, "a.9999")] {
      let paths = ArchivePlace("a", volumeSize: 1).paths(for: size)
      #expect(paths.last == last)
      #expect(paths == paths.sorted())
      #expect(Set(paths.map(\.utf8.count)).count == 1)
    }
  }

  @Test(arguments: [(10, 3, [3, 3, 3, 1]), (9, 3, [3, 3, 3]), (2, 3, [2]), (0, 3, [0])])
  func `goes with the size of its part`(total: Int64, size: Int64, sizes: [Int64]) {
    let place = ArchivePlace("a", volumeSize: size)
    #expect(place.sizes(for: total) == sizes)
    #expect(place.paths(for: total).count == sizes.count)
    #expect(ArchivePlace("a").sizes(for: total) == [total])
  }
}
