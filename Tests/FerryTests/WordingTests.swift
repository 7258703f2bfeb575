import Testing
import Transport

@testable import ferry

struct `Words for a terminal` {
  private func cut(_ text: String, to columns: Int) -> String { Wording.value(text).cut(to: columns).text }

  @Test func `are cut to columns, whatever each character takes`() {
    #expect(cut("fleet/app:1", to: 11) == "fleet/app:1")
    #expect(cut("fleet/app:1", to: 6) == "fleet…")
    #expect(Wording.value("日本語/app").width == 10)
    #expect(cut("日本語/app", to: 10) == "日本語/app")
    #expect(cut("日本語/app", to: 6) == "日本…")
    // Half of a character is none of it.
    #expect(cut("日本語/app", to: 4) == "日…")
    #expect(cut("日本", to: 0) == "…")
    // What is put onto a character takes nothing, and stays with it.
    #expect(Wording.value("e\u{301}e\u{301}").width == 2)
    #expect(cut("e\u{301}e\u{301}e\u{301}", to: 2) == "e\u{301}…")
    var table = Table([.left, .left])
    table.add("日本", "x")
    table.add("abcd", "x")
    #expect(Array(table.lines()) == ["日本  x", "abcd  x"])
  }

  @Test func `show what is drawn as nothing by its number`() {
    for character: Unicode.Scalar in ["\u{2800}", "\u{1D159}", "\u{3164}", "\u{200B}", "\u{A0}"] {
      let number = String(character.value, radix: 16, uppercase: true)
      #expect(Wording.value("a\(character)b").text == "a\\u{\(number)}b")
    }
  }

  @Test func `of a name that a proxy leaves to this machine say what has the proxy look it up`() {
    for reason in [
      "Could not resolve host: r.example", "Failed to resolve \"r.example\" for SOCKS5 connect.",
    ] {
      let text = TransportError.proxy(reason: reason).text
      #expect(text.remedy?.text.contains("socks5h://") == true)
    }
    #expect(TransportError.proxy(reason: "SOCKS4").text.remedy?.text.contains("socks5h://") == false)
  }
}
