import Foundation
import TestSupport
import Testing

@testable import Transport

@Suite(.waiting) struct `A secret in use` {
  private static let secret = #"p&ss<"w/+ö\%41 d'🚢-x"#

  /// How servers, and what they are written in, spell a text.
  private static func spellings(of secret: String) throws -> [String: String] {
    let program = """
      import base64, html, json, re, sys, urllib.parse as u
      s = sys.stdin.read()
      b = s.encode()
      go = json.dumps(s, ensure_ascii=False)
      for c in '<>&': go = go.replace(c, '\\\\u%04x' % ord(c))
      forms = {
        'plain': s, 'json': json.dumps(s)[1:-1], 'json, not ASCII': json.dumps(s, ensure_ascii=False)[1:-1],
        'go': go[1:-1], 'go in capitals': go[1:-1].replace('u003c', 'u003C'), 'php': json.dumps(s)[1:-1].replace('/', '\\\\/'),
        'url': u.quote(s, safe=''), 'url in small letters': re.sub('%..', lambda m: m.group().lower(), u.quote(s, safe='')),
        'url, slashes': u.quote(s), 'form': u.quote_plus(s), 'html': html.escape(s), 'html, decimal': ''.join('&#%d;' % ord(c) for c in s),
        'html, hexadecimal': ''.join('&#x%x;' % ord(c) for c in s), 'base64': base64.b64encode(b).decode(),
        'base64url': base64.urlsafe_b64encode(b).decode().rstrip('='), 'base64 in a url': u.quote(base64.b64encode(b).decode(), safe=''),
        'html in json': json.dumps(html.escape(s))[1:-1], 'html in go': html.escape(s).replace('&', '\\\\u0026').replace('"', '\\\\"').replace('\\\\%', '\\\\\\\\%'),
        'url in json': json.dumps(u.quote(s))[1:-1], 'url in a url': u.quote(u.quote(s, safe=''), safe=''),
        'html in html': html.escape(html.escape(s)), 'html, decimal, in html': html.escape(''.join('&#%d;' % ord(c) for c in s)),
        'url in html in json': json.dumps(html.escape(u.quote(s)))[1:-1], 'three times html': html.escape(html.escape(html.escape(s))),
        'escapes in json': json.dumps(''.join('\\\\u%04x' % int.from_bytes(s.encode('utf-16-be')[i:i+2]) for i in range(0, len(s.encode('utf-16-be')), 2)))[1:-1],
        'hexadecimal': b.hex(), 'hexadecimal in capitals': b.hex().upper(), 'base64 in html in json': json.dumps(html.escape(base64.b64encode(b).decode()))[1:-1],
      }
      print(json.dumps(forms))
      """
    var command = Command("python3", ["-c", program])
    command.input = Array(secret.utf8)
    return try JSONDecoder().decode([String: String].self, from: Data(command.run().standardOutput.utf8))
  }

  @Test(arguments: [secret, "hunter2&more", "nvapi-AbC_dEf-0123456789", "with blanks + and 100%"])
  func `is hidden in every spelling, and nothing else is`(_ secret: String) throws {
    let secrets = Secrets()
    secrets.add(["another-secret-of-it", secret])
    let forms = try Self.spellings(of: secret)
    #expect(forms.count == 28)
    for (name, form) in forms {
      let hidden = secrets.hiding(in: "before \(form) after &amp; 100% \\u0041")
      // Base64 may be filled up.
      #expect(
        hidden?.replacing("…==", with: "…").replacing("…=", with: "…").replacing("…%3D%3D", with: "…")
          .replacing("…%3D", with: "…") == "before … after &amp; 100% \\u0041", "\(name): \(form)")
    }
  }

  @Test(arguments: ["Summer%252026!x", "R&amp;D-team-key-1", "R&#38;D-team-key-1", #"a\\b\u0041-key"#])
  func `is hidden as it is, whatever escapes it has`(_ secret: String) {
    let secrets = Secrets()
    secrets.add([secret])
    #expect(secrets.hiding(in: "before \(secret) after") == "before … after")
  }

  @Test func `is hidden wherever it stands and however often`() {
    let secrets = Secrets()
    secrets.add(["swordfish", "swordfish-long"])
    #expect(secrets.hiding(in: "swordfishswordfish-long,swordfis") == "……,swordfis")
    #expect(secrets.hiding(in: "sword%66ish") == "…")
    #expect(secrets.hiding(in: "nothing") == nil)
    #expect(secrets.hiding(in: "") == nil)
  }

  @Test func `that is a word is hidden in what servers say alone`() {
    let secrets = Secrets()
    secrets.add(["team"])
    #expect(secrets.hiding(in: "team/app:1") == nil)
    #expect(Secrets.hide(["team", "x"], in: Array("no team for x".utf8)) == Array("no … for x".utf8))
  }

  @Test func `in an address is known by its name`() throws {
    let url = try HTTPURL(
      "https://s.example/b?X-Amz-Signature=0123abcd&X-Amz-Date=20260101T000000Z&sig=a%2Bb%2Fcdefg&n=1000")
    #expect(url.secrets == ["0123abcd", "a%2Bb%2Fcdefg", "a+b/cdefg"])
    #expect(Configured("http://me:p%40ssword@proxy:3128", by: "x").loginSecrets.contains("p@ssword"))
  }

  @Test func `of the user's is hidden however many others servers give`() {
    let secrets = Secrets()
    secrets.add(["swordfish"])
    for number in 0..<40 {
      secrets.add(passing: ["\(number)" + String(repeating: "-signature", count: 2000)])
    }
    secrets.add(["marlin-and-tuna"])
    #expect(secrets.hiding(in: "swordfish marlin-and-tuna") == "… …")
    #expect(secrets.hiding(in: "39" + String(repeating: "-signature", count: 2000))?.hasPrefix("…") == true)
  }

  @Test func `that is a token is hidden however many addresses a server gives`() {
    let secrets = Secrets()
    secrets.add(tokens: ["refresh-token"])
    for number in 0..<40 {
      secrets.add(passing: ["\(number)" + String(repeating: "-signature", count: 2000)])
    }
    #expect(secrets.hiding(in: "a refresh-token") == "a …")
  }

  @Test func `with two backslashes in a row is hidden as it is`() {
    let secrets = Secrets()
    secrets.add([#"ab\\cdefgh"#])
    #expect(secrets.hiding(in: #"is ab\\cdefgh"#) == "is …")
    #expect(secrets.hiding(in: #"is ab\\\\cdefgh"#) == "is …")
  }

  @Test func `that is longer than what is looked for is hidden as it is and in Base64`() {
    let secret = String(repeating: "aé日本", count: 4000)
    let secrets = Secrets()
    secrets.add([secret])
    #expect(secrets.hiding(in: secret)?.hasPrefix("…") == true)
    let encoded = Data(secret.utf8).base64EncodedString()
    #expect(secrets.hiding(in: encoded)?.hasPrefix("…") == true)
  }

  @Test func `that is a word of the command line is hidden in other forms alone`() {
    let secrets = Secrets()
    secrets.add(["trainers", "swordfish"])
    secrets.excuse(["registry.example/team-trainers/app:1"])
    secrets.add(["team-trainers"])
    #expect(secrets.hiding(in: "registry.example/team-trainers/app:1") == nil)
    #expect(secrets.hiding(in: "dHJhaW5lcnM= swordfish") == "…= …")
  }

  @Test func `is hidden where an answer brings thousands, and those before are known`() {
    let secrets = Secrets()
    secrets.add(["swordfish", "swordfish"])
    let all = (0..<2000).map { "\($0 * 7919 % 2000)-of-many" }
    secrets.add(tokens: Array(all[..<1000]))
    // Some of them twice, some known.
    secrets.add(passing: all + all[500...] + ["swordfish", "zz-later-one"])
    secrets.add(passing: ["aa-later-one"])
    for secret in all + ["swordfish", "aa-later-one", "zz-later-one"] {
      #expect(secrets.hiding(in: "a \(secret) z") == "a … z", "\(secret)")
      let encoded = Data(secret.utf8).base64EncodedString()
      #expect(secrets.hiding(in: encoded)?.first == "…", "\(secret)")
    }
    #expect(secrets.hiding(in: "2000-of-man 1-of-may") == nil)
    // The words that excuse a secret of the user's do so when it comes later, too.
    secrets.excuse(["a-cuttlefish-b"])
    secrets.add(["cuttlefish", "octopuses"])
    #expect(secrets.hiding(in: "cuttlefish octopuses") == "cuttlefish …")
  }

  @Test func `is found as quickly among thousands as alone`() {
    let secrets = Secrets()
    secrets.add(passing: (0..<300).map { "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.\($0).\($0)" })
    secrets.add(passing: (0..<300).map { String(repeating: String($0, radix: 16), count: 8) + "-" })
    let text = Array(String(repeating: "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ8", count: 300).utf8)
    #expect(secrets.hiding(in: text) == nil)
  }

  @Test func `is looked for in no more time than it takes to read`() {
    let secrets = Secrets()
    secrets.add(passing: (0..<500).map { "eyJhbGciOiJSUzI1NiJ9.token-\($0)" })
    let text = [UInt8](repeating: UInt8(ascii: "\\"), count: 256 << 10)
    #expect(secrets.hiding(in: text) == nil)
  }

  @Test(arguments: ["swordfish", "swordfish-1", "nvapi-AbC/dEf+0123456789"])
  func `is hidden in the Base64 of a longer text, wherever it stands there`(_ secret: String) {
    let secrets = Secrets()
    secrets.add([secret])
    for before in ["", "r", "ro", "rob", "robot:", "robots:"] {
      for after in ["", "&", "&a", "&ab"] {
        for alphabet in ["+/", "-_"] {
          let encoded = Data((before + secret + after).utf8).base64EncodedString()
            .replacing("+", with: alphabet.prefix(1)).replacing("/", with: alphabet.suffix(1))
          let shown = secrets.hiding(in: "a \(encoded) z") ?? encoded
          // But for the characters that stand for what is around it as well.
          let rest = shown.dropFirst(2).dropLast(2).split(separator: "…", omittingEmptySubsequences: false)
          #expect(rest.count == 2, "\(encoded): \(shown)")
          #expect((rest.first?.count ?? 0) <= before.utf8.count * 4 / 3 + 1, "\(encoded): \(shown)")
        }
      }
    }
  }

  @Test func `that is cut is hidden in every spelling, and what is no beginning of it is not`() throws {
    let secret = "nvapi-" + String(repeating: "Zq3&", count: 20)
    let secrets = Secrets()
    secrets.add([secret])
    let forms = try Self.spellings(of: secret)
    for (name, form) in forms {
      // A beginning of sixteen characters is there for sure, whatever is left of the next.
      let least = form.count * 16 / secret.count
      for length in least..<min(form.count, least + 40) {
        let cut = "before " + form.prefix(length)
        #expect(secrets.hiding(in: cut + "…' after") == "before …' after", "\(name): \(cut)")
        #expect(secrets.hiding(in: cut + #"\u2026" after"#) == #"before …" after"#, "\(name): \(cut)")
      }
    }
    #expect(secrets.hiding(in: "nva… and nvapi-Zq3&Zq3 …") == nil)
    #expect(secrets.hiding(in: "nvap… and nvapi-Zq…") == "… and …")
  }

  @Test func `is hidden though blanks became one in it, and other blanks are not`() {
    let secrets = Secrets()
    secrets.add(["one  two\tthree", "a        b"])
    #expect(secrets.hiding(in: "is one two three") == "is …")
    #expect(secrets.hiding(in: "is a b") == nil)
  }

  @Test func `is hidden as it is shown where its characters are not seen`() {
    let secrets = Secrets()
    secrets.add(["soft\u{AD}hyphen", "turned\u{202E}around"])
    #expect(secrets.hiding(in: #"soft\u{AD}hyphen turned\u{202E}around"#) == "… …")
  }

  @Test func `is hidden in letters of the other case, as hosts are shown`() {
    let secrets = Secrets()
    secrets.add(["SimpleSecret12345"])
    #expect(secrets.hiding(in: "http://simplesecret12345.example/") == "http://….example/")
    #expect(secrets.hiding(in: "http://s%49mpl%45secret12345.example/") == "http://….example/")
    #expect(secrets.hiding(in: "http://x.simplesec…") == "http://x.…")
  }

  @Test func `that is a word in letters of the other case is hidden in its own alone`() {
    let before = Secrets()
    before.excuse(["registry.example/Team-Trainers/app"])
    before.add(["team-trainers"])
    let after = Secrets()
    after.add(["team-trainers"])
    after.excuse(["registry.example/Team-Trainers/app"])
    for secrets in [before, after] {
      #expect(secrets.hiding(in: "Team-Trainers team-trainers dGVhbS10cmFpbmVycw") == "Team-Trainers … …")
      secrets.add(passing: (0..<40).map { "\($0)" + String(repeating: "-signature", count: 2000) })
      #expect(secrets.hiding(in: "Team-Trainers team-trainers") == "Team-Trainers …")
      secrets.excuse(["r.example/team-trainers"])
      #expect(secrets.hiding(in: "Team-Trainers team-trainers") == nil)
    }
  }

  @Test(arguments: [
    "\u{200B}", "\u{7}", "\n", "\r\n", "\u{2800}", "\u{FFFD}", "\u{3164}", " ", #"\n"#, #"\u{200B}"#, "%0a",
  ])
  func `is hidden whatever stands between its letters and is not seen`(_ unseen: String) {
    let secrets = Secrets()
    secrets.add(["SimpleSecret12345"])
    let text = "SimpleSecret12345".map(String.init).joined(separator: unseen)
    #expect(secrets.hiding(in: "a \(text)\(unseen)b") == "a …\(unseen)b")
    #expect(secrets.hiding(in: "a Simple\(unseen)Secret12345 b") == "a … b")
    if unseen != " " { #expect(secrets.hiding(in: "a S\(unseen)im\(unseen)p\(unseen)…") == "a …") }
  }

  @Test func `is no two words, and no short one in letters of the other case`() {
    let secrets = Secrets()
    secrets.add(["SimpleSecret12345"])
    #expect(secrets.hiding(in: "simple  secret12345") == nil)
    let hidden = Secrets.hide(["team", "at"], in: Array("te\nam a team at a token TEAM te am".utf8))
    #expect(String(decoding: hidden, as: UTF8.self) == "… a … … a token TEAM te am")
  }

  @Test func `is looked for in no more time where nothing is seen`() {
    let secrets = Secrets()
    secrets.add(["SimpleSecret12345"])
    let text = [UInt8](repeating: 7, count: 256 << 10)
    #expect(secrets.hiding(in: text) == nil)
  }

  @Test func `is known where the last character that was kept is cut`() {
    let secrets = Secrets()
    secrets.add(["ab日本cdefgh"])
    for limit in 7...9 {
      let cut = Array("a ab日本cdefgh".utf8).cut(to: limit)
      #expect(secrets.hiding(in: cut) == Array("a …".utf8), "\(limit)")
    }
    #expect(Array("abc".utf8).cut(to: 3) == Array("abc".utf8))
  }
}
