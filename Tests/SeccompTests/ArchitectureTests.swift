import Testing

@testable import Seccomp

@Suite struct ArchitectureTests {
    private static let bit: Int32 = 1 << 30
    private let wide = Architecture(named: "SCMP_ARCH_X86_64")
    private let narrow = Architecture(named: "SCMP_ARCH_X86")
    private let x32 = Architecture(named: "SCMP_ARCH_X32")

    @Test func `calls have the names of their architecture`() throws {
        #expect(wide?.call(83) == "mkdir")
        #expect(narrow?.call(39) == "mkdir")
        #expect(x32?.call(83 | Self.bit) == "mkdir")
        #expect(wide?.call(9999) == nil)
        #expect(wide?.number(of: "mkdir") == 83)
        #expect(wide?.number(of: "socketcall") == nil)
        #expect(wide?.number(of: "nobody_knows") == nil)
    }

    @Test func `a call is of one architecture`() {
        #expect(wide?.has(audit: 0xc000_003e, number: 83) == true)
        #expect(wide?.has(audit: 0xc000_003e, number: 83 | Self.bit) == false)
        #expect(x32?.has(audit: 0xc000_003e, number: 83 | Self.bit) == true)
        #expect(x32?.has(audit: 0xc000_003e, number: 83) == false)
        #expect(narrow?.has(audit: 0x4000_0003, number: 39) == true)
        #expect(wide?.has(audit: 0x4000_0003, number: 39) == false)
    }

    @Test func `all calls are known`() throws {
        for architecture in [wide, narrow, x32] {
            let calls = Set(try #require(architecture).calls)
            #expect(calls.count > 300)
            #expect(calls.isSuperset(of: ["read", "mkdir", "clone3", "futex"]))
        }
    }

    @Test(arguments: ["", "X86_64", "SCMP_ARCH_", "SCMP_ARCH_PDP11"])
    func `another name is none`(name: String) { #expect(Architecture(named: name) == nil) }

    @Test func `a call for many is the one of its number`() {
        #expect(Multiplexer.call("socketcall", 1) == "socket")
        #expect(Multiplexer.call("socketcall", 20) == "sendmmsg")
        #expect(Multiplexer.call("socketcall", 0) == nil)
        #expect(Multiplexer.call("socketcall", 21) == nil)
        // The upper half is a version (ipc(2)).
        #expect(Multiplexer.call("ipc", 0x10015) == "shmat")
        #expect(Multiplexer.call("ipc", 5) == nil)
        #expect(Multiplexer.call("socket", 1) == nil)
        #expect(
            ["socket", "socketcall", "shmat", "mkdir"].map { Multiplexer.name(for: $0) } == [
                "socketcall", "socketcall", "ipc", nil,
            ])
    }
}
