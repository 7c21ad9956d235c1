import Linux
import Testing

@testable import Stdio

struct URITests {
    @Test(arguments: [
        ("file:///a/b", "/a/b"), ("file:/a/b", "/a/b"), ("file://host/a/b", "/a/b"), ("file:///a%20b%2Fc", "/a b/c"),
        ("file:///a+b", "/a+b"), ("file:///a?b=c", "/a"), ("file:///a#b?c", "/a"), ("file:///", "/"),
        ("file:///\u{e4}", "/\u{e4}"), ("binary-v2:///x", "/x"),
    ])
    func `the path is absolute, its escapes undone`(text: String, path: String) throws {
        #expect(try URI(text).path == path)
    }

    @Test(arguments: [
        ("x:///p", []), ("x:///p?", []), ("x:///p?a=1&b=2", ["a", "1", "b", "2"]), ("x:///p?b&a", ["b", "", "a", ""]),
        ("x:///p?a=1&a=2&c=3", ["a", "1", "c", "3"]), ("x:///p?a+b=c+d%2B", ["a b", "c d+"]),
        ("x:///p?a=b=c", ["a", "b=c"]), ("x:///p?=v", ["", "v"]), ("x:///p?a=%zz&b=1", ["b", "1"]),
        ("x:///p?a=1#b=2", ["a", "1"]), ("x:///p?a=1?b", ["a", "1?b"]), ("x:///p?&&a=1&", ["a", "1"]),
    ])
    func `the words are the keys and their first values, in their order`(text: String, words: [String]) throws {
        #expect(try URI(text).words == words)
    }

    @Test(arguments: ["file://", "file:", "file://host", "file:a", "file:///a%", "file:///a%2", "file:///%00", "/a"])
    func `what has no absolute path is refused`(text: String) {
        #expect(throws: Failure(.invalidArgument, "stdio \(Log.quoted(text)): no URI with an absolute path")) {
            try URI(text)
        }
    }
}
