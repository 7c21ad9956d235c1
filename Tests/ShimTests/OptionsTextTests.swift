import Linux
import Protobuf
import Stdio
import Testing

@testable import Shim

struct OptionsTextTests {
    private func options(_ text: String) throws -> PartialOptions {
        let text = try OptionsText(parsing: Array(text.utf8), subject: "t")
        #expect(text.warning == nil)
        return text.options
    }

    private func message(_ text: String) -> String? {
        let failure = #expect(throws: Failure.self) { try OptionsText(parsing: Array(text.utf8), subject: "t") }
        #expect(failure?.kind == .invalidArgument)
        return failure?.message
    }

    private func warning(_ text: String) throws -> String? {
        try OptionsText(parsing: Array(text.utf8), subject: "t").warning
    }

    @Test func `a cgroup for each exec is true or false`() throws {
        #expect(try options("ExecCgroup = true").execCgroup == true)
        #expect(try options("exec_cgroup = false").over(options("ExecCgroup = true")).execCgroup == false)
        #expect(try PartialOptions().over(options("ExecCgroup = true")).execCgroup == true)
        #expect(message("ExecCgroup = 'yes'") == "t: line 1: \"ExecCgroup\": true or false wanted, not a text")
    }

    @Test func `the output policy is one of two words`() throws {
        #expect(try options("OutputPolicy = 'drop'").outputPolicy == .drop)
        #expect(try options("output_policy = 'wait'").outputPolicy == .wait)
        #expect(try options("OutputPolicy = ''").outputPolicy == nil)
        #expect(try options("OutputPolicy = 'spill'").outputPolicy == .spill)
        #expect(try options("SpillDirectory = '/d'").spillDirectory == "/d")
        for limit in ["SpillLimit = 65536", "spill_limit = 65536.0", #"{"SpillLimit": 65536.0}"#] {
            #expect(try options(limit).spillLimit == 65536)
        }
        #expect(
            message("SpillLimit = 65535.0")
                == "t: line 1: \"SpillLimit\": a number of bytes from 65536 to 1099511627776 wanted, not this number")
        #expect(try options("OutputPolicy = 'wait'").over(options("OutputPolicy = 'drop'")).outputPolicy == .wait)
        #expect(try PartialOptions().over(options("OutputPolicy = 'drop'")).outputPolicy == .drop)
        #expect(
            message("\nOutputPolicy = 'lose'")
                == "t: line 2: \"OutputPolicy\": output policy \"lose\": none of wait, drop, spill")
    }

    @Test(arguments: [
        ("SystemdCgroup", "systemd_cgroup", "true", RuncOptions(systemdCgroup: true)),
        ("NoPivotRoot", "no_pivot_root", "true", RuncOptions(noPivotRoot: true)),
        ("NoNewKeyring", "no_new_keyring", "true", RuncOptions(noNewKeyring: true)),
        ("ShimCgroup", "shim_cgroup", #""/x""#, RuncOptions(shimCgroup: "/x")),
        ("IoUid", "io_uid", "4294967295", RuncOptions(ioUID: 4_294_967_295)),
        ("IoGid", "io_gid", "1000.0", RuncOptions(ioGID: 1000)),
        ("BinaryName", "binary_name", #""x""#, RuncOptions(binaryName: "x")),
        ("Root", "root", #""/x""#, RuncOptions(root: "/x")),
        ("CriuPath", "criu_path", #""x""#, RuncOptions(criuPath: "x")),
        ("CriuImagePath", "criu_image_path", #""x""#, RuncOptions(criuImagePath: "x")),
        ("CriuWorkPath", "criu_work_path", #""x""#, RuncOptions(criuWorkPath: "x")),
    ])
    func `each option has its names, in TOML and JSON`(
        name: String, field: String, value: String, is expected: RuncOptions
    )
        throws
    {
        for key in [name, field, name.lowercased(), name.uppercased(), field.uppercased()] {
            #expect(try options("\(key) = \(value)").complete == expected)
            #expect(try options("{\"\(key)\": \(value)}").complete == expected)
        }
    }

    @Test func `false and 0 are said, an empty text and null are not`() throws {
        #expect(try options("SystemdCgroup = false").systemdCgroup == false)
        #expect(try options("IoUid = 0").ioUID == 0)
        #expect(try options("BinaryName = ''\nRoot = \"\"") == PartialOptions())
        #expect(try options(#"{"BinaryName": "", "Root": null, "NoPivotRoot": null}"#) == PartialOptions())
        #expect(try options("") == PartialOptions())
        #expect(try options("{}") == PartialOptions())
    }

    @Test func `these over others take what they do not say from them`() throws {
        let all = RuncOptions(
            noPivotRoot: true, noNewKeyring: true, shimCgroup: "/s", ioUID: 1, ioGID: 2, binaryName: "crun", root: "/r",
            criuPath: "/c", systemdCgroup: true, criuImagePath: "/i", criuWorkPath: "/w")
        #expect(PartialOptions(all).over(PartialOptions()).complete == all)
        #expect(PartialOptions().over(PartialOptions(all)).complete == all)
        let other = RuncOptions(
            shimCgroup: "/x", ioUID: 7, ioGID: 7, binaryName: "x", root: "/x", criuPath: "/x",
            criuImagePath: "/x", criuWorkPath: "/x")
        #expect(PartialOptions(all).over(PartialOptions(other)).complete == all)
        #expect(try options("NoPivotRoot = false").over(PartialOptions(all)).noPivotRoot == false)
    }

    @Test(arguments: [
        ("\n\nSystemdCgroup = 1", "t: line 3: \"SystemdCgroup\": true or false wanted, not this number"),
        ("NoPivotRoot = [true]", "t: line 1: \"NoPivotRoot\": true or false wanted, not a list"),
        ("[BinaryName]", "t: line 1: \"BinaryName\": a text wanted, not a table"),
        ("a.b = 1\nroot.x = 1", "t: line 2: \"root\": a text wanted, not a table"),
        ("Root = 2000-01-01", "t: line 1: \"Root\": a text wanted, not a date"),
        ("Root = true", "t: line 1: \"Root\": a text wanted, not true or false"),
        ("Root = 'a\nb'", "t: line 1: text without end in its line"),
        (#"Root = "a\u0000b""#, "t: line 1: \"Root\": NUL in a text"),
        ("IoUid = -1", "t: line 1: \"IoUid\": a number from 0 to 4294967295 wanted, not this number"),
        ("IoUid = 4294967296", "t: line 1: \"IoUid\": a number from 0 to 4294967295 wanted, not this number"),
        ("IoUid = 1.5", "t: line 1: \"IoUid\": a number from 0 to 4294967295 wanted, not this number"),
        ("IoUid = 1e3", "t: line 1: \"IoUid\": a number from 0 to 4294967295 wanted, not this number"),
        ("IoUid = '0'", "t: line 1: \"IoUid\": a number from 0 to 4294967295 wanted, not a text"),
        ("Root = '/a'\nroot = '/b'", "t: line 2: \"root\" is said twice"),
        ("Root = ''\nroot = '/b'", "t: line 2: \"root\" is said twice"),
        (#"{"Root": 1}"#, "t: \"Root\": a text wanted, not this number"),
        (#"{"Root": {}}"#, "t: \"Root\": a text wanted, not a table"),
        (#"{"IoUid": 1.5}"#, "t: \"IoUid\": a number from 0 to 4294967295 wanted, not this number"),
        (#"{"Root": "a\u0000"}"#, "t: \"Root\": NUL in a text"),
        (#"{"SystemdCgroup": [true]}"#, "t: \"SystemdCgroup\": true or false wanted, not a list"),
        (#"{"Root": "#, "t: unexpected end of text"), ("{} x", "t: text after the end of the JSON value"),
    ])
    func `what is wrong is said with its key and line`(text: String, reason: String) {
        #expect(message(text) == reason)
    }

    @Test func `unknown keys are counted, and some are named`() throws {
        #expect(try warning("x = 1") == "t: unknown keys passed over: x")
        #expect(try warning("[plugins.x]\ny = 1979-05-27\n[[z]]") == "t: unknown keys passed over: plugins, z")
        #expect(try warning(#"{"a": {"Root": 1}, "b": [], "Root": "/x"}"#) == "t: unknown keys passed over: a, b")
        let many = (1...20).map { "k\($0) = 1" }.joined(separator: "\n")
        #expect(try warning(many) == "t: unknown keys passed over: k1, k2, k3, k4, k5, k6, k7, k8 and 12 more")
    }
}
