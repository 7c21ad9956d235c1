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
}
