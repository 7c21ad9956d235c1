import CSeccomp

/// A mode of a processor that has system calls of its own, by libseccomp.
package struct Architecture: Hashable {
    /// As the OCI runtime specification writes it: `SCMP_ARCH_X86_64`.
    package let name: String
    let token: UInt32

    private static let prefix = "SCMP_ARCH_"
    /// Calls of x32 are calls of x86-64 with this bit (seccomp(2)).
    private static let x32Bit: UInt32 = 1 << 30
    /// No architecture has so many.
    private static let numbers: Range<Int32> = 0..<1024

    /// Nil if libseccomp does not know it.
    package init?(named name: String) {
        guard name.hasPrefix(Self.prefix) else { return nil }
        let token = unsafe seccomp_arch_resolve_name(name.dropFirst(Self.prefix.count).lowercased())
        guard token != 0 else { return nil }
        self.name = name
        self.token = token
    }

    /// This machine's own, where we know its name.
    package static var native: Architecture? {
        let token = seccomp_arch_native()
        return ["X86_64", "AARCH64", "RISCV64", "PPC64LE", "S390X"].lazy
            .compactMap { Architecture(named: prefix + $0) }.first { $0.token == token }
    }

    /// Whether a call that the kernel says to be of `audit` (`seccomp_data.arch`) and `number` is one of these.
    package func has(audit: UInt32, number: Int32) -> Bool {
        let isX32 = UInt32(bitPattern: number) & Self.x32Bit != 0
        guard name == "\(Self.prefix)X32" else { return audit == token && !(isX32 && name == "\(Self.prefix)X86_64") }
        return isX32 && audit == Architecture(named: "\(Self.prefix)X86_64")?.token
    }

    /// The name of the call with this number; nil if libseccomp does not know it.
    package func call(_ number: Int32) -> String? {
        guard let text = unsafe seccomp_syscall_resolve_num_arch(token, number) else { return nil }
        // SAFETY: it is ours, and copied here.
        defer { unsafe free(text) }
        return unsafe String(cString: text)
    }

    /// The number of a call; nil if there is none here.
    package func number(of call: String) -> Int32? {
        let number = unsafe seccomp_syscall_resolve_name_arch(token, call)
        return number >= 0 ? number : nil
    }

    /// All calls that libseccomp knows, in the order of their numbers.
    package var calls: [String] {
        let bit = name == "\(Self.prefix)X32" ? Int32(bitPattern: Self.x32Bit) : 0
        return Self.numbers.compactMap { call($0 | bit) }
    }
}

/// Calls of 32-bit x86 and others that stand for many, named by their first argument. The names of these are names of rules
/// for them, too (libseccomp does so), which then know no argument.
enum Multiplexer {
    static let names: Set<String> = ["socketcall", "ipc"]

    /// By their numbers, from 1; `-` is none.
    private static let socketCalls = words(
        """
        socket bind connect listen accept getsockname getpeername socketpair send recv sendto recvfrom shutdown setsockopt \
        getsockopt sendmsg recvmsg accept4 recvmmsg sendmmsg
        """)
    private static let ipcCalls = words(
        "semop semget semctl semtimedop - - - - - - msgsnd msgrcv msgget msgctl - - - - - - shmat shmdt shmget shmctl")

    /// Which call one of ``names`` stands for; nil if none, or for other calls.
    static func call(_ name: String, _ selector: UInt64) -> String? {
        guard names.contains(name) else { return nil }
        let (calls, number) = name == "socketcall" ? (socketCalls, selector) : (ipcCalls, selector & 0xffff)
        guard (1...UInt64(calls.count)).contains(number), calls[Int(number) - 1] != "-" else { return nil }
        return calls[Int(number) - 1]
    }

    /// Which of ``names`` this is, or stands for this call; nil if none.
    static func name(for call: String) -> String? {
        if names.contains(call) { return call }
        return socketCalls.contains(call) ? "socketcall" : ipcCalls.contains(call) ? "ipc" : nil
    }
}

/// What is between the blanks. A list of literals would be pointers to relocate, and so private memory of every shim.
func words(_ text: String) -> [String] { text.utf8.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) } }
