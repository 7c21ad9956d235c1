import Linux
import Testing

@testable import JSON

struct JSONValueTests {
    private func parse(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: Array(text.utf8), subject: "test")
    }

    private func text(_ value: JSONValue) -> String { String(decoding: value.text, as: UTF8.self) }

    @Test func `members are found however deep they are`() throws {
        let value = try parse(#"{"a":{"b":[{"c":"x"},{"c":"y"}]},"n":-7,"t":true,"f":false}"#)
        #expect(value["a"]?["b"]?.elements.map { $0["c"]?.string } == ["x", "y"])
        #expect(value["n"]?.integer == -7)
        #expect(value["t"]?.bool == true)
        #expect(value["f"]?.bool == false)
    }

    @Test func `an object's keys are in their order`() throws {
        #expect(try parse(#"{"b":1,"a":{"c":2},"z":null}"#).keys == ["b", "a", "z"])
        for text in ["{}", "[]", #""a""#] { #expect(try parse(text).keys.isEmpty) }
    }

    @Test func `a value outlives the one it was taken from`() throws {
        var value: JSONValue? = try parse(#"{"a":[{"b":"kept"}]}"#)
        let inner = value?["a"]?.elements[0]["b"]
        value = nil
        #expect(inner?.string == "kept")
    }

    @Test func `what is missing, null or of another type is nil`() throws {
        let value = try parse(#"{"s":"1","n":1,"d":1.5,"b":true,"a":[1],"o":{},"z":null}"#)
        #expect(value["none"] == nil && value["z"] == nil)
        #expect(value["s"]?["x"] == nil && value["a"]?["x"] == nil)
        for key in ["n", "d", "b", "a", "o"] { #expect(value[key]?.string == nil, "\(key)") }
        for key in ["s", "d", "b", "a", "o"] { #expect(value[key]?.integer == nil, "\(key)") }
        for key in ["s", "n", "d", "a", "o"] { #expect(value[key]?.bool == nil, "\(key)") }
        for key in ["s", "n", "d", "b", "o"] { #expect(value[key]?.elements.isEmpty == true, "\(key)") }
    }

    @Test func `a NUL is a character and no end`() throws {
        #expect(try parse(#""a\u0000b""#).string == "a\0b")
    }

    @Test func `a lonely null and an unfinished text say what they are`() throws {
        let null = #expect(throws: Failure.self) { try parse("null\n") }
        #expect(null?.message.hasSuffix(": null") == true)
        let unfinished = #expect(throws: Failure.self) { try parse("{") }
        #expect(unfinished?.message.hasSuffix(": unexpected end of text") == true)
    }

    @Test func `objects and arrays are told apart`() throws {
        #expect(try parse("{}").isObject)
        #expect(try !parse("[]").isObject)
        #expect(try parse(#" "x" "#).string == "x")
    }

    @Test func `the nulls of an array are passed over`() throws {
        #expect(try parse("[1,null,2]").elements.map(\.integer) == [1, 2])
    }

    @Test(arguments: [
        "", " ", "{", "}", "[1,", #"{"a"}"#, #"{"a":}"#, "nul", "\"x", "{\"a\":1 \"b\":2}", "\0{}",
        // What json-c would take if it were asked to be kind.
        "[01e]", "[01]", "[1,]", "[TRUE]", "/**/[]",
    ])
    func `broken text is refused`(text: String) {
        let failure = #expect(throws: Failure.self) { try parse(text) }
        #expect(failure?.kind == .invalidArgument)
        #expect(failure?.message.hasPrefix("test: ") == true)
    }

    @Test(arguments: ["{} x", "{}{}", "[] ]", "{},", "{}\0", "\"a\" \"b\""])
    func `text after the value is refused`(text: String) {
        #expect(throws: Failure(.invalidArgument, "test: text after the end of the JSON value")) { try parse(text) }
    }

    @Test func `white space around the value is not`() throws {
        #expect(try parse(" \r\n\t{\"a\":1}\n\t \r\n")["a"]?.integer == 1)
    }

    @Test func `nesting has a bound`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try parse(nested(100)).elements.count == 1)
        #expect(throws: Failure.self) { try parse(nested(100_000)) }
    }

    @Test func `setting a member changes no other`() throws {
        let value = try parse(#"{"x-unknown":{"deep":[1,{"a":null}]},"terminal":true,"args":["sh"]}"#)
        value.set("terminal", to: false)
        #expect(text(value) == #"{"x-unknown":{"deep":[1,{"a":null}]},"terminal":false,"args":["sh"]}"#)
        let without = try parse(#"{"args":[]}"#)
        without.set("terminal", to: true)
        #expect(text(without) == #"{"args":[],"terminal":true}"#)
        #expect(without["terminal"]?.bool == true)
    }

    @Test func `numbers keep their digits`() throws {
        let numbers =
            #"{"a":18446744073709551615,"b":-9223372036854775808,"c":1.10,"d":1e400,"e":0.1000000000000000055"#
        let value = try parse(numbers + "}")
        value.set("t", to: true)
        #expect(text(value) == numbers + #","t":true}"#)
    }

    @Test func `an integer that is too large is no small one`() throws {
        #expect(try parse("[18446744073709551615]").elements[0].integer == .max)
    }

    @Test func `text may have any character`() throws {
        let value = try parse(#"{"a":"é\u00e9\ud83d\ude00/\"\\\n\t","😀":1}"#)
        #expect(value["a"]?.string == "éé😀/\"\\\n\t")
        #expect(value["😀"]?.integer == 1)
        #expect(text(value) == #"{"a":"éé😀/\"\\\n\t","😀":1}"#)
    }

    @Test func `a NUL stays where it is`() throws {
        let value = try parse(#"{"a":"x\u0000y"}"#)
        value.set("t", to: true)
        #expect(text(value) == #"{"a":"x\u0000y","t":true}"#)
    }

    @Test(arguments: [
        ("", #""""#), ("a/b é😀", #""a/b é😀""#), (#"say "x" \"#, #""say \"x\" \\""#),
        ("\0\n\u{1f}\u{7f}", "\"\\u0000\\u000a\\u001f\u{7f}\""),
    ])
    func `a quoted text is a JSON string`(text: String, quoted: String) throws {
        #expect(JSONValue.quoted(text) == quoted)
        if !text.contains("\0") { #expect(try parse("[\(quoted)]").elements[0].string == text) }
    }
}
