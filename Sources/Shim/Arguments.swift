package import Linux

/// The command line, read as Go's flag package does (contract C-1.1 … C-1.4).
package struct Arguments: Equatable {
    package enum Action { case start, delete, serve }

    /// Why there are no arguments to act on.
    package enum Problem: Error, Equatable {
        /// Words for stderr, before the usage.
        case wrong(String)
        case helpWanted
    }

    package var namespace = ""
    package var id = ""
    /// Path of containerd's gRPC socket.
    package var address = ""
    package var publishBinary = ""
    package var bundle = ""
    /// Serve at this path instead of on descriptor 3.
    package var socket = ""
    package var debugSocket = ""
    package var debug = false
    package var version = false
    package var info = false
    package var action = Action.serve

    /// `words` are argv without the program's name.
    package init(parsing words: [String]) throws(Problem) {
        var rest = words[...]
        while let word = rest.first, word.hasPrefix("-"), word != "-" {
            rest.removeFirst()
            if word == "--" { break }
            let flag = word.dropFirst(word.hasPrefix("--") ? 2 : 1)
            guard let first = flag.first, first != "-", first != "=" else { throw .wrong("bad flag syntax: \(word)") }
            let parts = flag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            try set(String(parts[0]), to: parts.count > 1 ? String(parts[1]) : nil, or: &rest)
        }
        switch rest.first {
        case "start": action = .start
        case "delete": action = .delete
        default: action = .serve
        }
    }

    private mutating func set(_ flag: String, to value: String?, or rest: inout ArraySlice<String>) throws(Problem) {
        switch flag {
        case "h", "help": throw .helpWanted
        case "debug": debug = try bool(flag, value)
        case "v", "version": version = try bool(flag, value)
        case "info": info = try bool(flag, value)
        case "namespace": namespace = try text(flag, value, &rest)
        case "id": id = try text(flag, value, &rest)
        case "address": address = try text(flag, value, &rest)
        case "publish-binary": publishBinary = try text(flag, value, &rest)
        case "bundle": bundle = try text(flag, value, &rest)
        case "socket": socket = try text(flag, value, &rest)
        case "debug-socket": debugSocket = try text(flag, value, &rest)
        default: throw .wrong("flag provided but not defined: -\(flag)")
        }
    }

    private func bool(_ flag: String, _ value: String?) throws(Problem) -> Bool {
        switch value {
        case nil, "1", "t", "T", "true", "TRUE", "True": return true
        case "0", "f", "F", "false", "FALSE", "False": return false
        case let value?: throw .wrong("invalid boolean value \"\(value)\" for -\(flag): parse error")
        }
    }

    private func text(_ flag: String, _ value: String?, _ rest: inout ArraySlice<String>) throws(Problem) -> String {
        if let value { return value }
        guard let next = rest.popFirst() else { throw .wrong("flag needs an argument: -\(flag)") }
        return next
    }

    /// What `-h` prints.
    package static func usage(_ program: String) -> String {
        """
        Usage of \(program):
          -address string
            \tpath of containerd's gRPC socket
          -bundle string
            \tpath of the bundle, with delete
          -debug
            \tlog debug lines
          -debug-socket string
            \taccepted; nothing is served there
          -id string
            \tid of the task
          -info
            \tprint what the runtime can do (a serialized RuntimeInfo)
          -namespace string
            \tcontainerd's namespace
          -publish-binary string
            \taccepted; events go to containerd's ttrpc socket
          -socket string
            \tserve at this path instead of on descriptor 3
          -v, -version
            \tprint the version

        """
    }

    /// Checks what every action but `-v` and `-info` needs.
    package func checkNames() throws(Failure) {
        if namespace.isEmpty { throw Failure(.invalidArgument, "shim namespace cannot be empty") }
        for (flag, name) in [("namespace", namespace), ("id", id)] {
            guard name.isEmpty || Paths.isComponent(name) else {
                throw Failure(.invalidArgument, "-\(flag) \(Log.quoted(name)): not a name")
            }
        }
    }
}
