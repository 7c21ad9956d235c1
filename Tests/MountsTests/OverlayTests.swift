import Linux
import Testing

@testable import Mounts

struct OverlayTests {
    private func overlay(_ options: [String]) throws -> Overlay? {
        Overlay(source: "overlay", try MountOptions(options))
    }

    @Test(arguments: [
        ("/s/1/fs:/s/22/fs", "/s", ["1/fs", "22/fs"]),
        ("/s/10:/s/1", "/s", ["10", "1"]),
        ("/s/1/fs", "/s/1", ["fs"]),
        ("/s/a:/s/a/b", "/s", ["a", "a/b"]),
        ("/a/x:/b/x", "/", ["a/x", "b/x"]),
        ("/a", "/", ["a"]),
    ])
    func `layers are named below the directory that all are in`(text: String, base: String, layers: [String]) throws {
        let overlay = try overlay(["index=off", "lowerdir=\(text)", "upperdir=/u"])
        #expect(overlay?.base == base)
        #expect(overlay?.layers == layers)
    }

    @Test(arguments: [
        ["upperdir=/u"], ["lowerdir=/a\\:b:/c"], ["lowerdir=/a::/data"], ["lowerdir=a:b"], ["lowerdir="],
        ["lowerdir=/"], ["lowerdir=/a", "lowerdir=/b"], ["lowerdir=//"], ["lowerdir=/a:///:/b"],
    ])
    func `what needs care is left alone`(options: [String]) throws {
        #expect(try overlay(options) == nil)
    }
}
