/// Numbers as people read them.
enum Amounts {
  /// `512 B`, `1.4 GiB`.
  static func bytes(_ count: Int64) -> Wording {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
    guard count >= 1024 else { return "\(count) B" }
    var value = Double(count) / 1024
    var unit = 0
    while value >= 1023.95, unit + 1 < units.count {
      value /= 1024
      unit += 1
    }
    return "\(decimal(value)) \(units[unit])"
  }

  /// With one digit behind the point.
  private static func decimal(_ value: Double) -> Wording {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  /// `41 s`, `3 min 20 s`, `2 h 5 min`, `1 d 4 h`.
  static func duration(seconds: Double) -> Wording {
    let total = Int(min(max(seconds, 0), 1e9).rounded())
    switch total {
    case ..<60: return "\(total) s"
    case ..<3600: return total % 60 == 0 ? "\(total / 60) min" : "\(total / 60) min \(total % 60) s"
    case ..<86_400: return "\(total / 3600) h \(total / 60 % 60) min"
    default: return "\(total / 86_400) d \(total / 3600 % 24) h"
    }
  }

  /// `2 images`, `2 images and 1 referrer`.
  static func images(_ images: Int, _ referrers: Int) -> Wording {
    count(images, "image") + (referrers > 0 ? " and \(count(referrers, "referrer"))" : "")
  }

  /// `1 image`, `2 images`.
  static func count(_ number: Int, _ noun: String, plural: String? = nil) -> Wording {
    "\(number) \(number == 1 ? noun : plural ?? noun + "s")"
  }
}
