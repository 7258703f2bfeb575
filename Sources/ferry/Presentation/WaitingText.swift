import Glibc
import Transport

/// The words for waiting: on whom, why and until when.
enum WaitingText {
  static func line(for notice: TransportNotice) -> Wording {
    switch notice {
    case .waiting(let host, let status, let until, let seconds):
      "\(host) answers \(status) and asks to wait until \(moment(until)) (\(Amounts.duration(seconds: Double(seconds))))"
    case .failing(let host, let cause, let until?, _):
      "\(trouble(cause, at: host)); trying again until \(moment(until)) at the latest"
    case .failing(let host, let cause, nil, let attempts):
      "\(trouble(cause, at: host)); trying again, \(attempts == 1 ? "once" : "\(attempts) times at most")"
    }
  }

  private static func trouble(_ cause: ExchangeFault.Cause, at host: String) -> Wording {
    switch cause {
    case .status(let status): "\(host) answers \(status)"
    case .line(let error): error.text.summary
    case .content: "\(host) does not answer as it should"
    }
  }

  /// A moment in seconds since 1970 by this machine's clock: `14:35:10`, or with its date where it is not near.
  static func moment(_ seconds: Int64) -> Wording {
    let isNear = abs(seconds - Int64(time(nil))) < 12 * 3600
    var time = time_t(seconds)
    var parts = unsafe tm()
    guard unsafe localtime_r(&time, &parts) != nil else { return "a moment far away" }
    let (hour, minute, second) = unsafe (parts.tm_hour, parts.tm_min, parts.tm_sec)
    let clock: Wording = "\(twoDigits(hour)):\(twoDigits(minute))"
    guard !isNear else { return clock + ":\(twoDigits(second))" }
    let (year, month, day) = unsafe (Int(parts.tm_year) + 1900, parts.tm_mon + 1, parts.tm_mday)
    return "\(year)-\(twoDigits(month))-\(twoDigits(day)) \(clock)"
  }

  private static func twoDigits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
