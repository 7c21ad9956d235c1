import Linux
import Testing

@testable import Shim

struct ExecSpecificationTests {
    private func specification(_ terminal: Bool, _ text: String) throws -> String {
        String(decoding: try ExecSpecification.withTerminal(terminal, in: Array(text.utf8)), as: UTF8.self)
    }

    @Test func `what says the same already stays byte for byte`() throws {
        for text in [#"{ "terminal": true, "x" : 1.10 }"#, "{\"terminal\":true}\n"] {
            #expect(try specification(true, text) == text)
        }
        for text in [#"{ "terminal" : false }"#, "{ }", #"{"terminal":null, "a":[ ]}"#] {
            #expect(try specification(false, text) == text)
        }
    }

    @Test func `the request's terminal wins, and all else stays`() throws {
        #expect(
            try specification(true, #"{"x-new":{"a":[1.10,null]},"args":["sh","-c","é"],"cwd":"/"}"#)
                == #"{"x-new":{"a":[1.10,null]},"args":["sh","-c","é"],"cwd":"/","terminal":true}"#)
        #expect(
            try specification(false, #"{"terminal":true,"rlimits":[{"hard":18446744073709551615}]}"#)
                == #"{"terminal":false,"rlimits":[{"hard":18446744073709551615}]}"#)
    }

    @Test(arguments: ["", "[]", "null", "\"x\"", "{", "{}{}"])
    func `what is no JSON object is refused`(text: String) {
        let failure = #expect(throws: Failure.self) { try specification(true, text) }
        #expect(failure?.kind == .invalidArgument)
        #expect(failure?.message.hasPrefix("exec spec: ") == true)
    }
}
