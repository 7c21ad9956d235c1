import Testing

@testable import Linux

struct LogTests {
    @Test(arguments: [
        ("plain", #""plain""#), (#"a "b" \c"#, #""a \"b\" \\c""#), ("line\nbreak\ttab\r", #""line\nbreak\ttab\r""#),
        ("", #""""#), ("ü", #""ü""#),
    ])
    func `a text is quoted on one line`(text: String, quoted: String) {
        #expect(Log.quoted(text) == quoted)
    }
}
