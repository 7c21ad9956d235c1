import Linux
import Reactor

@testable import OCIRuntime

/// A directory of one test's own, with scripts for a runtime.
@Loop
final class Scratch {
    let path = "/tmp/swiftrunc-\(Process.randomName())"
    private var names: [String] = []

    init() throws { try Files.makeDirectory(path, mode: 0o700) }

    deinit {
        for name in names { Files.remove("\(path)/\(name)") }
        Files.removeDirectory(path)
    }

    /// A name in the directory, whose file goes with it.
    func file(_ name: String) -> String {
        names.append(name)
        return "\(path)/\(name)"
    }

    func file(_ name: String, _ text: String, mode: UInt32 = 0o600) throws -> String {
        let file = file(name)
        try Files.writeAtomically(Array(text.utf8), to: file, mode: mode)
        return file
    }

    /// A runtime that is a shell script.
    func runtime(_ script: String) throws -> Runtime {
        Runtime(
            binary: try file("runtime", "#!/bin/sh\n\(script)\n", mode: 0o700), root: "/r/ns", systemdCgroup: false)
    }
}
