import Linux
import Testing

@testable import Shim

struct BundleConfigurationTests {
    private func configuration(_ text: String) throws -> BundleConfiguration {
        try BundleConfiguration(parsing: Array(text.utf8), subject: "config.json")
    }

    private func annotated(_ annotations: String) throws -> String? {
        try configuration(#"{"ociVersion":"1.0","annotations":{\#(annotations)}}"#).group
    }

    private func shares(_ namespaces: String) throws -> Bool {
        try configuration(#"{"linux":{"namespaces":[\#(namespaces)]}}"#).sharesPIDNamespace
    }

    @Test func `a group is named by an annotation, the first of two`() throws {
        let (group, sandbox) = (#""io.containerd.runc.v2.group":"g""#, #""io.kubernetes.cri.sandbox-id":"s""#)
        #expect(try annotated(group) == "g")
        #expect(try annotated(sandbox) == "s")
        #expect(try annotated("\(sandbox),\(group)") == "g")
        #expect(try annotated("\(group),\(sandbox)") == "g")
    }

    @Test func `without one there is no group`() throws {
        #expect(try annotated("") == nil)
        #expect(try annotated(#""io.containerd.runc.v2.groups":"g""#) == nil)
        #expect(try configuration("{}").group == nil)
        #expect(try configuration(#"{"annotations":null}"#).group == nil)
        #expect(try configuration(#"{"annotations":[]}"#).group == nil)
    }

    @Test func `a pid namespace without a path is the container's own`() throws {
        #expect(try !shares(#"{"type":"mount"},{"type":"pid"}"#))
        #expect(try !shares(#"{"type":"pid","path":""}"#))
    }

    @Test func `with a path or without the namespace it is shared`() throws {
        #expect(try shares(#"{"type":"pid","path":"/proc/1/ns/pid"}"#))
        #expect(try shares(#"{"type":"mount"},{"type":"network","path":""}"#))
        #expect(try shares(""))
        #expect(try configuration("{}").sharesPIDNamespace)
        #expect(try configuration(#"{"linux":{"namespaces":{"type":"pid"}}}"#).sharesPIDNamespace)
    }

    @Test(arguments: [
        ("system.slice:docker:c1", true), (":cri:c1", true), ("/default/c1", false), ("/a:b:c", false), ("a:b", false),
        ("a:b:c:d", false), ("", false),
    ])
    func `a cgroup of three parts is systemd's`(path: String, systemd: Bool) throws {
        #expect(try configuration(#"{"linux":{"cgroupsPath":"\#(path)"}}"#).namesSystemdCgroup == systemd)
    }

    @Test func `the output policy is the annotation's word, whatever it is`() throws {
        #expect(
            try configuration(#"{"annotations":{"io.swiftrunc.output":"drop"}}"#).outputPolicy == "drop")
        #expect(try configuration(#"{"annotations":{"io.swiftrunc.output":1}}"#).outputPolicy == nil)
        #expect(try configuration("{}").outputPolicy == nil)
    }

    @Test func `an annotation says whether execs have cgroups, in one of two words`() throws {
        func wants(_ value: String) throws -> Bool? {
            try configuration(#"{"annotations":{"io.swiftrunc.exec-cgroup":\#(value)}}"#).wantsExecCgroup()
        }
        #expect(try wants(#""true""#) == true)
        #expect(try wants(#""false""#) == false)
        #expect(try configuration("{}").wantsExecCgroup() == nil)
        let failure = #expect(throws: Failure.self) { try wants(#""1""#) }
        #expect(failure?.message == "annotation io.swiftrunc.exec-cgroup \"1\": neither true nor false")
    }

    @Test func `without a cgroup it is not systemd's`() throws {
        #expect(try !configuration("{}").namesSystemdCgroup)
        #expect(try !configuration(#"{"linux":{"cgroupsPath":1}}"#).namesSystemdCgroup)
    }

    @Test func `large numbers and unknown members are no obstacle`() throws {
        let text = #"{"process":{"rlimits":[{"hard":18446744073709551615}]},"x":1e400,"annotations":{"#
        #expect(try configuration(text + #""io.containerd.runc.v2.group":"g"}}"#).group == "g")
    }

    @Test(arguments: ["", "{", "[]", "null", "1 ", #"{"annotations":{}"#])
    func `what is no JSON object is refused`(text: String) {
        let failure = #expect(throws: Failure.self) { try configuration(text) }
        #expect(failure?.kind == .invalidArgument)
        #expect(failure?.message.hasPrefix("config.json: ") == true)
    }

    @Test func `it is read from the bundle`() throws {
        let bundle = "/tmp/swiftrunc-\(Process.randomName())"
        let missing = #expect(throws: Failure.self) { try BundleConfiguration(bundle: bundle) }
        #expect(missing?.errno == Errno.noEntry)
        try Files.makeDirectory(bundle, mode: 0o700)
        defer {
            Files.remove("\(bundle)/config.json")
            Files.removeDirectory(bundle)
        }
        let text = #"{"annotations":{"io.kubernetes.cri.sandbox-id":"s"}}"#
        try Files.writeAtomically(Array(text.utf8), to: "\(bundle)/config.json")
        #expect(try BundleConfiguration(bundle: bundle).group == "s")
    }
}
