import Linux
import Testing

@testable import Shim

struct HostConfigurationTests {
    private func configuration(_ text: String) throws -> HostConfiguration {
        let path = "/tmp/swiftrunc-\(Process.randomName())"
        defer { Files.remove(path) }
        try Files.writeAtomically(Array(text.utf8), to: path)
        return try HostConfiguration(at: path)
    }

    @Test func `a missing file says nothing`() throws {
        #expect(try HostConfiguration(at: "/nonexistent/config.toml") == HostConfiguration())
    }

    @Test func `it has a client's keys`() throws {
        let host = try configuration("# ours\nBinaryName = 'crun'\n\nshim_cgroup = '/shims'\n")
        #expect(host.options.binaryName == "crun")
        #expect(host.options.shimCgroup == "/shims")
        #expect(host.options.systemdCgroup == nil)
        #expect(host.warning == nil)
    }

    @Test func `tables of a later release are passed over`() throws {
        let host = try configuration("Root = '/r'\n[log]\nmode = 'block'\n[later]\nx = [1]\n")
        #expect(host.options.root == "/r")
        #expect(host.warning?.hasSuffix(": unknown keys passed over: log, later") == true)
    }

    @Test func `a broken one is a failure that names file and line`() {
        let broken = #expect(throws: Failure.self) { try configuration("Root = '/r'\nBinaryName = crun\n") }
        #expect(broken?.kind == .invalidArgument)
        #expect(broken?.message.hasPrefix("/tmp/swiftrunc-") == true)
        #expect(broken?.message.hasSuffix(": line 2: \"crun\" is no value; a text stands in quotes") == true)
        #expect(throws: Failure.self) { try HostConfiguration(at: "/tmp") }
    }

    @Test func `its path is absolute`() {
        #expect(throws: Failure(.invalidArgument, "SWIFTRUNC_CONFIG \"config.toml\": not an absolute path")) {
            try HostConfiguration(at: "config.toml")
        }
    }
}
