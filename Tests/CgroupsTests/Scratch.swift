import Linux

/// A directory of one test's own with files in it.
final class Scratch {
    let path = "/tmp/swiftrunc-\(Process.randomName())"
    private var directories: [String] = []
    private var files: [String] = []

    /// Makes the files, and the directories that they are in.
    init(_ files: [String: String] = [:]) throws(Failure) {
        try add(directory: path)
        for (name, text) in files { try write(text, to: name) }
    }

    deinit {
        for file in files { Files.remove(file) }
        for directory in directories.reversed() { Files.removeDirectory(directory) }
    }

    func write(_ text: String, to name: String) throws(Failure) {
        let file = "\(path)/\(name)"
        try add(directory: Paths.parent(of: file))
        files.append(file)
        try Files.writeAtomically(Array(text.utf8), to: file)
    }

    @discardableResult
    func add(directory: String) throws(Failure) -> String {
        if !Files.isDirectory(directory) {
            if directory != path { try add(directory: Paths.parent(of: directory)) }
            try Files.makeDirectory(directory, mode: 0o755)
            directories.append(directory)
        }
        return directory
    }

    func remove(_ name: String) { Files.remove("\(path)/\(name)") }
}
