import Testing

@testable import Linux

struct MountInfoTests {
    private func info(root: String, mountPoint: String, type: String, superOptions: String) -> MountInfo {
        MountInfo(root: root, mountPoint: Array(mountPoint.utf8), type: type, superOptions: superOptions)
    }

    private func parse(_ text: String) -> [MountInfo] { MountInfo.parse(Array(text.utf8)) { _, _ in true } }

    @Test func `a line has its fields, however many are optional`() {
        let text = """
            36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
            31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
            40 31 0:37 / /x rw shared:1 master:2 propagate_from:3 unbindable - cgroup cgroup rw,name=systemd

            """
        #expect(
            parse(text) == [
                info(root: "/mnt1", mountPoint: "/mnt2", type: "ext3", superOptions: "rw,errors=continue"),
                info(root: "/", mountPoint: "/sys/fs/cgroup", type: "tmpfs", superOptions: "rw,mode=755"),
                info(root: "/", mountPoint: "/x", type: "cgroup", superOptions: "rw,name=systemd"),
            ])
    }

    @Test func `a mount without a source is not passed over`() {
        #expect(
            parse("36 35 0:9 / /m rw - tmpfs  rw,size=64k")
                == [info(root: "/", mountPoint: "/m", type: "tmpfs", superOptions: "rw,size=64k")])
    }

    @Test func `escapes are the bytes they stand for`() {
        let line = #"36 35 0:9 /a\134b /with\040space\011tab\012line\303\274 rw - tmpfs t\040t rw"#
        #expect(parse(line).first?.mountPoint == "/with space\ttab\nlineü")
        #expect(parse(line).first?.root == #"/a\b"#)
    }

    @Test func `a place keeps its bytes, whatever they are`() {
        #expect(
            parse(#"36 35 0:9 / /x\377\040y rw - tmpfs t rw"#).first?.mountPointBytes == Array("/x".utf8) + [
                0xff, 0x20, 0x79,
            ])
    }

    @Test(arguments: [#"\"#, #"\0"#, #"\04"#, #"\0x0"#, #"\999"#])
    func `what is no escape stands for itself`(text: String) {
        #expect(MountInfo.unescaped(Array(text.utf8)[...]) == Array(text.utf8))
    }

    @Test(arguments: ["", "36 35 98:0 /mnt1", "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1", "a b c d e f - g"])
    func `a line that is cut short is passed over`(line: String) {
        #expect(parse(line) == [])
    }

    @Test func `the filter sees what it asks for`() throws {
        let found = try MountInfo.current { point, type in
            point.elementsEqual("/proc".utf8) && type.elementsEqual("proc".utf8)
        }
        #expect(found.last?.mountPoint == "/proc")
        #expect(found.allSatisfy { $0.type == "proc" })
    }
}
