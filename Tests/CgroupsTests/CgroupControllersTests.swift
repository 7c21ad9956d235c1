import Linux
import Testing

@testable import Cgroups

struct CgroupControllersTests {
    @Test func `what is missing is what is not enabled, in the root's order`() {
        let all = Array("cpuset cpu io memory pids\n".utf8)
        #expect(Cgroup.missing(from: Array("cpu pids\n".utf8), of: all) == ["cpuset", "io", "memory"])
        #expect(Cgroup.missing(from: all, of: all) == [])
        #expect(Cgroup.missing(from: [], of: Array("cpu".utf8)) == ["cpu"])
        #expect(Cgroup.missing(from: Array("cpuset\n".utf8), of: Array("cpu\n".utf8)) == ["cpu"])
    }

    @Test func `those above it are asked from the root down, and nobody outside`() {
        #expect(Cgroup.ancestors(of: "/r/a/b/c", root: "/r") == ["/r", "/r/a", "/r/a/b"])
        #expect(Cgroup.ancestors(of: "/r/a", root: "/r") == ["/r"])
        #expect(Cgroup.ancestors(of: "/r", root: "/r") == [])
        #expect(Cgroup.ancestors(of: "/other/a", root: "/r") == [])
    }

    @Test func `each above it gets what it lacks, the container's own nothing`() throws {
        let scratch = try Scratch([
            "cgroup.controllers": "memory pids\n", "cgroup.subtree_control": "memory pids\n",
            "a/cgroup.subtree_control": "memory\n", "a/b/cgroup.subtree_control": "",
            "a/b/c/cgroup.subtree_control": "",
        ])
        Cgroup.enableControllers(above: "\(scratch.path)/a/b/c", root: scratch.path)
        func text(_ directory: String) throws -> String {
            try Files.text("\(scratch.path)\(directory)/cgroup.subtree_control")
        }
        #expect(try text("") == "memory pids\n")
        // A file keeps what is not written over; the kernel takes each word.
        #expect(try text("/a") == "+pidsy\n")
        #expect(try text("/a/b") == "+pidsry")
        #expect(try text("/a/b/c") == "")
    }

    @Test func `one whose root has no controllers is left alone`() throws {
        let scratch = try Scratch(["a/cgroup.subtree_control": ""])
        Cgroup.enableControllers(above: "\(scratch.path)/a/b", root: scratch.path)
        #expect(try Files.text("\(scratch.path)/a/cgroup.subtree_control") == "")
    }
}
