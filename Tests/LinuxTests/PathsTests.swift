import Testing

@testable import Linux

struct PathsTests {
    /// From the tests of Go's filepath.Clean, which containerd and its shims use.
    @Test(arguments: [
        ("", "."), ("abc", "abc"), ("abc/def", "abc/def"), (".", "."), ("..", ".."), ("../..", "../.."),
        ("../../abc", "../../abc"), ("/abc", "/abc"), ("/", "/"), ("abc/", "abc"), ("a//b///c/", "a/b/c"),
        ("./abc/./def", "abc/def"), ("abc/def/ghi/../jkl", "abc/def/jkl"), ("abc/..", "."), ("abc/../..", ".."),
        ("/..", "/"), ("/../abc", "/abc"), ("/abc/../..", "/"), ("abc/../../../def", "../../def"),
        ("/abc/.../x", "/abc/.../x"), ("/a/../\u{301}b", "/\u{301}b"),
    ])
    func `clean makes the shortest equal path`(path: String, clean: String) {
        #expect(Paths.clean(path) == clean)
        #expect(Paths.clean(clean) == clean)
    }

    @Test(arguments: ["a", "A.b-c_d", "...", "ü", " ", String(repeating: "x", count: 255)])
    func `a component may be any name`(name: String) {
        #expect(Paths.isComponent(name))
    }

    @Test(arguments: ["", ".", "..", "a/b", "/", "a\0b", "a\nb", "\u{7f}", String(repeating: "x", count: 256)])
    func `but not what is several, none or no name`(name: String) {
        #expect(!Paths.isComponent(name))
    }

    @Test func `parent and last component take a path apart`() {
        #expect(Paths.parent(of: "/a/b") == "/a")
        #expect(Paths.parent(of: "/a") == "/")
        #expect(Paths.parent(of: "/") == "/")
        #expect(Paths.lastComponent(of: "/a/b") == "b")
        #expect(Paths.lastComponent(of: "b") == "b")
    }

    @Test func `resolved follows symlinks`() throws {
        #expect(try Paths.resolved("/proc/self/exe").hasPrefix("/"))
        #expect(try Paths.resolved("/usr/../usr/.") == "/usr")
        let failure = #expect(throws: Failure.self) { try Paths.resolved("/no/such/path") }
        #expect(failure?.errno == Errno.noEntry)
        #expect(failure?.message == "realpath /no/such/path: no such file or directory")
    }
}
