import Testing

@testable import Linux

struct LogTests {
    @Test(arguments: [
        ("plain", #""plain""#), (#"a "b" \c"#, #""a \"b\" \\c""#), ("line\nbreak\ttab\r", #""line\nbreak\ttab\r""#),
        ("", #""""#), ("ü", #""ü""#), ("\u{1b}[2Jx\u{0}\u{7f}\u{9b}0m", #""\x1b[2Jx\x00\x7f\x9b0m""#),
    ])
    func `a text is quoted on one line`(text: String, quoted: String) {
        #expect(Log.quoted(text) == quoted)
    }

    @Test(arguments: ["x", "\u{1f40b}", "\\", "\u{1}"])
    func `a line is no longer than a pipe takes whole, and ends as a text does`(character: String) {
        let text = Log.quoted(String(repeating: character, count: 5000))
        for padding in 0..<4 {
            let line = Log.limited("msg=" + String(repeating: " ", count: padding) + text + " id=c1\n")
            #expect(line.count <= 4096 && line.count > 4080)
            let said = String(validating: line, as: UTF8.self)
            #expect(said?.hasSuffix("...\"\n") == true)
            #expect(said?.dropFirst(5 + padding).dropLast(5).contains("\"") == false)
        }
        #expect(Log.limited("short\n") == Array("short\n".utf8))
    }
}
