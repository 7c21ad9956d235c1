import JSON
import Linux
import Testing

@testable import Seccomp

@Suite struct SeccompProfileTests {
    private func json(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8), subject: "test") }

    private func profile(_ text: String) throws -> SeccompProfile { try SeccompProfile(json(text)) }

    /// The rules that a rewritten profile has, as `action names [arguments]`.
    private func rewritten(_ text: String, _ mode: SeccompMode) throws -> (seccomp: JSONValue, rules: [String]) {
        let configuration = try json("{\"linux\":{\"seccomp\":\(text)}}")
        let profile = try SeccompProfile(try #require(configuration["linux"]?["seccomp"]))
        let after = try JSONValue(
            parsing: #require(try profile.rewrite(configuration, for: mode, listener: "/run/s")), subject: "after")
        let seccomp = try #require(after["linux"]?["seccomp"])
        let rules = try #require(seccomp["syscalls"]?.elements).map { rule in
            let names = rule["names"]?.elements.compactMap { $0.string } ?? []
            let arguments = rule["args"].map { " " + String(decoding: $0.text, as: UTF8.self) } ?? ""
            return (rule["action"]?.string ?? "") + " "
                + (names.count > 9 ? "\(names.count > 100 ? "many" : "some")" : names.joined(separator: ","))
                + arguments
        }
        return (seccomp, rules)
    }

    /// What becomes of a call under a profile.
    private func action(
        _ profile: SeccompProfile, _ name: String, _ arguments: [UInt64] = [], _ architecture: String = "X86_64"
    ) throws -> SeccompProfile.Action {
        let known = try #require(Architecture(named: "SCMP_ARCH_\(architecture)"))
        let all = arguments + Array(repeating: 0, count: 6 - arguments.count)
        return try SeccompFilter(profile).action(
            of: name, audit: architecture == "X86" ? 0x4000_0003 : 0xc000_003e, number: known.number(of: name) ?? 0, all
        )
    }

    @Test(arguments: [
        "{\"defaultAction\":\"SCMP_ACT_LOG\"}",
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"futex\"],\"action\":\"SCMP_ACT_ERRNO\"}]}",
    ])
    func `a profile that denies nothing that can be told asks nobody, but in a recording`(text: String) throws {
        let configuration = try json("{\"linux\":{\"seccomp\":\(text)}}")
        let before = configuration.text
        let profile = try profile(text)
        #expect(try profile.rewrite(configuration, for: .audit, listener: "/run/s") == nil)
        #expect(configuration.text == before)
        #expect(try profile.rewrite(configuration, for: .record, listener: "/run/s") != nil)
    }

    /// Runtimes leave them out.
    @Test func `a rule that says what the default says is none`() throws {
        let rules = try rewritten(
            """
            {"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
              {"names":["mkdir","personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":7,"op":"SCMP_CMP_EQ"}]},
              {"names":["mkdir","rmdir","chmod"],"action":"SCMP_ACT_ERRNO"},
              {"names":["personality","chmod"],"action":"SCMP_ACT_ERRNO","args":[{"index":1,"value":7,"op":"SCMP_CMP_EQ"}]}]}
            """, .audit
        ).rules
        func first(_ condition: String) -> String { "[{\"index\":0,\"value\":\(condition)\"}]" }
        let less = first("6,\"valueTwo\":0,\"op\":\"SCMP_CMP_LE")
        let more = first("8,\"valueTwo\":0,\"op\":\"SCMP_CMP_GE")
        #expect(
            rules == [
                "SCMP_ACT_ALLOW mkdir,personality " + first("7,\"op\":\"SCMP_CMP_EQ"), "SCMP_ACT_NOTIFY many",
                "SCMP_ACT_NOTIFY mkdir " + less, "SCMP_ACT_NOTIFY mkdir " + more,
                "SCMP_ACT_NOTIFY personality " + less, "SCMP_ACT_NOTIFY personality " + more,
            ])
    }

    @Test func `a wait for the answer can be ended`() throws {
        let flags = "\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]"
        let seccomp = try rewritten("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\(flags)}", .record).seccomp
        #expect(seccomp["flags"]?.elements.compactMap { $0.string } == ["SECCOMP_FILTER_FLAG_LOG"])
    }

    @Test func `a linux that is no object is refused`() throws {
        let profile = try SeccompProfile.unconfined()
        for text in ["{\"linux\":7}", "{\"linux\":[]}", "{}", "[]"] {
            let configuration = try json(text)
            #expect(throws: Failure.self) {
                try profile.rewrite(configuration, for: .record, listener: "/run/s")
            }
        }
    }

    @Test func `one rule without conditions counts, or one whose conditions hold, or the default`() throws {
        let profile = try profile(
            """
            {"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"syscalls":[
              {"names":["mkdir"],"action":"SCMP_ACT_TRAP","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
              {"names":["mkdir"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_GE"}]},
              {"names":["rmdir"],"action":"SCMP_ACT_KILL","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
              {"names":["rmdir"],"action":"SCMP_ACT_ERRNO","errnoRet":7},
              {"names":["chmod"],"action":"SCMP_ACT_ERRNO","errnoRet":38},
              {"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[
                {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]}]}
            """)
        #expect(try action(profile, "mkdir", [1]) == .trap)
        #expect(try action(profile, "mkdir", [2]) == .allow)
        #expect(try action(profile, "mkdir", [0]) == .errno(38))
        #expect(try action(profile, "rmdir", [1]) == .errno(7))
        #expect(try action(profile, "chmod", [1]) == .errno(38))
        #expect(try action(profile, "chown", [1]) == .errno(38))
        // Of one argument twice, runtimes make two rules.
        #expect(try action(profile, "personality", [1]) == .allow)
        #expect(try action(profile, "personality", [2]) == .allow)
        #expect(try action(profile, "personality", [3]) == .errno(38))
    }

    @Test(arguments: [false, true])
    func `of several rules whose conditions hold, libseccomp says which counts, whatever their order`(
        isReversed: Bool
    ) throws {
        let rules = [
            "{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":100,\"op\":\"SCMP_CMP_LT\"}]}",
            "{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":[{\"index\":0,\"value\":8,\"op\":\"SCMP_CMP_EQ\"}]}",
            "{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":7,\"op\":\"SCMP_CMP_EQ\"}]}",
            "{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":[{\"index\":1,\"value\":7,\"op\":\"SCMP_CMP_EQ\"}]}",
        ]
        let list = (isReversed ? rules.reversed() : rules).joined(separator: ",")
        let profile = try profile("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[\(list)]}")
        #expect(try action(profile, "personality", [8]) == .trap)
        #expect(try action(profile, "personality", [9]) == .allow)
        #expect(try action(profile, "personality", [100]) == .errno(1))
        // The later argument comes first.
        #expect(try action(profile, "mkdir", [7, 7]) == .trap)
        #expect(try action(profile, "mkdir", [7, 8]) == .allow)
        // What was recorded of it says the same.
        let recorded = try minimal(profile, ["personality", "mkdir"])
        #expect(try action(recorded, "personality", [8]) == .trap)
        #expect(try action(recorded, "personality", [9]) == .allow)
        #expect(try action(recorded, "mkdir", [7, 7]) == .trap)
    }

    private func minimal(_ profile: SeccompProfile, _ recorded: Set<String>) throws -> SeccompProfile {
        try SeccompProfile(JSONValue(parsing: profile.minimal(recorded: recorded), subject: "minimal"))
    }

    private static let x86 = "\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"]"

    @Test func `conditions say nothing of a call that another stands for`() throws {
        let profile = try profile(
            """
            {"defaultAction":"SCMP_ACT_ALLOW",\(Self.x86),"syscalls":[
              {"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":40,"op":"SCMP_CMP_EQ"}]}]}
            """)
        #expect(try action(profile, "socket", [40]) == .errno(1))
        #expect(try action(profile, "socket", [1]) == .allow)
        #expect(try action(profile, "socketcall", [1], "X86") == .errno(1))
        #expect(try action(profile, "socketcall", [2], "X86") == .allow)
        // What cannot be said is not granted.
        let recorded = try minimal(profile, ["socket", "bind"])
        #expect(try action(recorded, "socketcall", [1], "X86") == .errno(1))
        #expect(try action(recorded, "socketcall", [2], "X86") == .allow)
        #expect(try action(recorded, "bind") == .allow)
    }

    @Test func `a recorded profile allows what was allowed by the name of the call that stands for it`() throws {
        let profile = try profile(
            """
            {"defaultAction":"SCMP_ACT_ERRNO",\(Self.x86),"syscalls":[
              {"names":["socketcall","ipc","shmat"],"action":"SCMP_ACT_ALLOW"}]}
            """)
        #expect(try action(profile, "socketcall", [1], "X86") == .allow)
        let recorded = try minimal(profile, ["socket", "shmat"])
        #expect(try action(recorded, "socketcall", [1], "X86") == .allow)
        #expect(try action(recorded, "socket", [1]) == .errno(1))
        // Its own name does.
        #expect(try action(recorded, "ipc", [21], "X86") == .allow)
        #expect(try action(recorded, "ipc", [1], "X86") == .errno(1))
    }

    @Test func `a recorded profile does not allow what is denied by the name of the call that stands for it`() throws {
        let profile = try profile(
            """
            {"defaultAction":"SCMP_ACT_ALLOW",\(Self.x86),"syscalls":[
              {"names":["socketcall"],"action":"SCMP_ACT_ERRNO"},{"names":["semop"],"action":"SCMP_ACT_ERRNO"}]}
            """)
        let recorded = try minimal(profile, ["socket", "ipc", "shmat"])
        #expect(try action(recorded, "socketcall", [1], "X86") == .errno(1))
        #expect(try action(recorded, "ipc", [1], "X86") == .errno(1))
        #expect(try action(recorded, "ipc", [21], "X86") == .allow)
    }

    @Test func `rules that contradict each other are refused, as a runtime does`() throws {
        let profile = try profile(
            """
            {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
              {"names":["personality"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]},
              {"names":["personality"],"action":"SCMP_ACT_TRAP","args":[{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]}]}
            """)
        let failure = #expect(throws: Failure.self) { try SeccompFilter(profile) }
        #expect(failure?.kind == .invalidArgument)
    }

    @Test func `an errno that is not said is EPERM`() throws {
        #expect(try profile("{\"defaultAction\":\"SCMP_ACT_ERRNO\"}").defaultAction == .errno(1))
    }

    @Test(arguments: [
        "{}", "{\"defaultAction\":\"SCMP_ACT_LOUD\"}",
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":7}]}",
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":[{\"index\":6,\"op\":\"SCMP_CMP_EQ\"}]}]}",
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":[{\"index\":0,\"op\":\"EQ\"}]}]}",
        "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":-2147483648}]}",
    ])
    func `what is no profile is an invalid argument`(text: String) throws {
        let given = try json(text)
        let failure = #expect(throws: Failure.self) { try SeccompProfile(given) }
        #expect(failure?.kind == .invalidArgument)
    }

    @Test func `a denial becomes a question, and all else stays`() throws {
        let (seccomp, rules) = try rewritten(
            """
            {"defaultAction":"SCMP_ACT_ALLOW","x":18446744073709551615,"flags":["SECCOMP_FILTER_FLAG_LOG"],"syscalls":[
              {"names":["mkdir","write"],"action":"SCMP_ACT_ERRNO","errnoRet":5,"y":1},
              {"names":["rmdir"],"action":"SCMP_ACT_KILL"},{"names":["open"],"action":"SCMP_ACT_LOG"},
              {"names":["chown"],"action":"SCMP_ACT_TRAP"},{"names":["read"],"action":"SCMP_ACT_TRACE"}]}
            """, .audit)
        // Not of write, by which runc's init says that there is a listener; and a stage for who kills, and who traps.
        #expect(
            rules == [
                "SCMP_ACT_NOTIFY mkdir", "SCMP_ACT_ERRNO write", "SCMP_ACT_NOTIFY rmdir", "SCMP_ACT_LOG open",
                "SCMP_ACT_NOTIFY chown", "SCMP_ACT_TRACE read",
                "SCMP_ACT_KILL_THREAD afs_syscall [{\"index\":0,\"value\":1590427649,\"valueTwo\":0,\"op\":\"SCMP_CMP_EQ\"}]",
                "SCMP_ACT_TRAP afs_syscall [{\"index\":0,\"value\":1590427650,\"valueTwo\":0,\"op\":\"SCMP_CMP_EQ\"}]",
            ])
        #expect(seccomp["x"]?.unsigned == .max)
        #expect(seccomp["flags"] != nil)
        #expect(seccomp["listenerPath"]?.string == "/run/s")
        #expect(seccomp["syscalls"]?.elements[0]["y"]?.integer == 1)
        #expect(seccomp["syscalls"]?.elements[0]["errnoRet"] == nil)
        #expect(seccomp["syscalls"]?.elements[1]["errnoRet"]?.integer == 5)
    }

    @Test(arguments: [SeccompMode.audit, .record])
    func `a profile that allows the stage does not keep anybody from being killed on it`(mode: SeccompMode) throws {
        let (_, rules) = try rewritten(
            """
            {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
              {"names":["afs_syscall"],"action":"SCMP_ACT_ALLOW"},{"names":["rmdir"],"action":"SCMP_ACT_KILL"}]}
            """, mode)
        #expect(rules.filter { $0.contains("afs_syscall") }.map { $0.prefix(20) } == ["SCMP_ACT_KILL_THREAD"])
    }

    @Test func `a default that denies is a question for each call up to the newest that is named`() throws {
        let (seccomp, rules) = try rewritten(
            """
            {"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[
              {"names":["read","write","statx"],"action":"SCMP_ACT_ALLOW"},
              {"names":["clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":3,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}]}]}
            """, .audit)
        #expect(
            rules == [
                "SCMP_ACT_ALLOW read,write,statx",
                "SCMP_ACT_ALLOW clone [{\"index\":0,\"value\":3,\"valueTwo\":0,\"op\":\"SCMP_CMP_MASKED_EQ\"}]",
                "SCMP_ACT_NOTIFY many",
                "SCMP_ACT_NOTIFY clone [{\"index\":0,\"value\":1,\"valueTwo\":1,\"op\":\"SCMP_CMP_MASKED_EQ\"}]",
                "SCMP_ACT_NOTIFY clone [{\"index\":0,\"value\":2,\"valueTwo\":2,\"op\":\"SCMP_CMP_MASKED_EQ\"}]",
            ])
        let asked = Set(seccomp["syscalls"]?.elements[2]["names"]?.elements.compactMap { $0.string } ?? [])
        #expect(asked.isSuperset(of: ["mkdir", "chmod", "execve", "bpf"]))
        #expect(asked.isDisjoint(with: ["read", "write", "statx", "clone", "clone3", "openat2", "socketcall"]))
    }

    @Test func `of a call that 32-bit processors have no arguments of, not all can be told`() throws {
        let text = """
            {"defaultAction":"SCMP_ACT_ERRNO","architectures":[ARCHITECTURES],"syscalls":[
              {"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":40,"op":"SCMP_CMP_NE"}]}]}
            """
        func untold(_ architectures: String) throws -> [String] {
            try profile(text.split(separator: "ARCHITECTURES").joined(separator: architectures)).partlyUntold
        }
        #expect(try !untold("\"SCMP_ARCH_X86_64\"").contains("socket"))
        #expect(try untold("\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"").contains("socket"))
    }

    @Test(arguments: [SeccompMode.audit, .record])
    func `what a runtime may need until it hands over is denied as ever, and it is said that it is not told`(
        mode: SeccompMode
    ) throws {
        let text = """
            {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
              {"names":["futex","mkdir"],"action":"SCMP_ACT_ERRNO"},
              {"names":["mmap"],"action":"SCMP_ACT_KILL","args":[{"index":2,"value":7,"op":"SCMP_CMP_EQ"}]}]}
            """
        let (_, rules) = try rewritten(text, mode)
        #expect(rules.contains("SCMP_ACT_ERRNO futex"))
        #expect(rules.contains { $0.hasPrefix("SCMP_ACT_KILL mmap ") })
        #expect(try profile(text).partlyUntold == ["futex", "mmap"])
        let (_, others) = try rewritten(
            "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"statx\"],\"action\":\"SCMP_ACT_ALLOW\"}]}",
            mode)
        #expect(!others.contains { $0.contains("futex") })
    }

    @Test func `a recording asks for all that can be asked for`() throws {
        let (seccomp, rules) = try rewritten(
            """
            {"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
              {"names":["write","mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":5},
              {"names":["nobody_knows"],"action":"SCMP_ACT_ALLOW"}]}
            """, .record)
        #expect(rules == ["SCMP_ACT_NOTIFY many", "SCMP_ACT_ERRNO write", "SCMP_ACT_ALLOW nobody_knows"])
        let asked = Set(seccomp["syscalls"]?.elements[0]["names"]?.elements.compactMap { $0.string } ?? [])
        #expect(asked.isSuperset(of: ["mkdir", "read", "clone3"]))
        // A runtime that waits for an answer before it has handed over the listener waits for ever.
        #expect(asked.isDisjoint(with: ["futex", "sendmsg", "write"]))
    }

    @Test func `what was recorded is allowed under the conditions that were there, and denials are kept`() throws {
        let profile = try profile(
            """
            {"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"],"syscalls":[
              {"names":["mkdir","chmod","read","write","execve"],"action":"SCMP_ACT_ALLOW"},
              {"names":["clone3"],"action":"SCMP_ACT_ERRNO","errnoRet":1},
              {"names":["personality","clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]}]}
            """)
        let minimal = try JSONValue(parsing: profile.minimal(recorded: ["mkdir", "personality"]), subject: "minimal")
        #expect(minimal["defaultErrnoRet"]?.integer == 38)
        let again = try SeccompProfile(minimal)
        #expect(try action(again, "mkdir") == .allow)
        #expect(try action(again, "execve") == .allow)
        #expect(try action(again, "chmod") == .errno(38))
        #expect(try action(again, "clone3") == .errno(1))
        #expect(try action(again, "personality", [8]) == .allow)
        #expect(try action(again, "personality", [9]) == .errno(38))
        // A runtime may need it, and this profile has denied it.
        #expect(try action(again, "futex") == .errno(38))
    }

    @Test func `what was recorded without a profile denies the rest`() throws {
        let minimal = try JSONValue(
            parsing: SeccompProfile.unconfined().minimal(recorded: ["mkdir"]), subject: "minimal")
        let again = try SeccompProfile(minimal)
        #expect(again.defaultAction == .errno(1))
        #expect(try action(again, "mkdir") == .allow)
        #expect(try action(again, "chmod") == .errno(1))
        #expect(again.architectures.map { $0.name } == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
    }

    @Test func `a listener of somebody else's is seen`() throws {
        #expect(try profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}").hasListener)
        #expect(
            try profile(
                "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}"
            ).hasListener)
        #expect(try !profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}").hasListener)
    }
}
