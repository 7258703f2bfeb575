/// A moment as HTTP writes it, in any of the three forms of RFC 9110, 5.6.7.
struct HTTPDate: Hashable {
  /// Seconds since 1970, UTC.
  let seconds: Int64

  /// Nil for a text in none of the forms.
  init?(_ text: String) {
    let words = text.split { $0 == " " || $0 == "," || $0 == "-" || $0 == "\t" }.map(String.init)
    let parsed: Int64?
    switch words.count {
    case 6:  // Sun, 06 Nov 1994 08:49:37 GMT · Sunday, 06-Nov-94 08:49:37 GMT
      guard words[5] == "GMT" else { return nil }
      parsed = Self.seconds(day: words[1], month: words[2], year: words[3], time: words[4])
    case 5:  // Sun Nov  6 08:49:37 1994
      parsed = Self.seconds(day: words[2], month: words[1], year: words[4], time: words[3])
    default: return nil
    }
    guard let parsed else { return nil }
    seconds = parsed
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private static func seconds(day: String, month: String, year: String, time: String) -> Int64? {
    let clock = time.split(separator: ":", omittingEmptySubsequences: false).map { number(String($0)) }
    guard let day = number(day), (1...31).contains(day), let index = months.firstIndex(of: month),
      var year = number(year), year <= 9999, clock.count == 3, let hour = clock[0], hour < 24,
      let minute = clock[1], minute < 60, let second = clock[2], second <= 60
    else { return nil }
    if year < 100 { year += year < 70 ? 2000 : 1900 }
    // Days since 1970 in the proleptic Gregorian calendar, counting years from March.
    let shifted = index < 2 ? year - 1 : year
    let monthFromMarch = Int64((index + 10) % 12)
    let days =
      365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + (153 * monthFromMarch + 2) / 5 + day - 1
      - 719_468
    return ((days * 24 + hour) * 60 + minute) * 60 + second
  }

  private static func number(_ text: String) -> Int64? {
    guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else {
      return nil
    }
    return Int64(text)
  }
}
