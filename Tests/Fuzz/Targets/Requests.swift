import Linux
import Mounts
import OCIRuntime
import Protobuf
import Shim

@testable import Stdio

/// A message that a client sends: the first byte chooses which one of ``messages``, the rest is the message.
func checkRequest(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    guard let first = bytes.first else { return }
    try messages[Int(first) % messages.count](Array(bytes.dropFirst()))
}

/// The order is the corpus': a new one goes to the end.
private let messages: [@Sendable ([UInt8]) throws(FuzzTarget.Violation) -> Void] = [
    create, exec, checkpoint, update, kill, process, task, resize, closeIO, shutdown, any, bootstrap, runcOptions,
    runtimeOptions, checkpointOptions, forward,
]

/// Reads a message and, if it is one, reads it again from what `write` makes of it.
private func read<Message: Equatable>(
    _ bytes: [UInt8], _ decode: ([UInt8]) throws(Failure) -> Message, _ write: (Message) -> [UInt8]
) throws(FuzzTarget.Violation) -> Message? {
    guard let message = try accepted({ () throws(Failure) in try decode(bytes) }) else { return nil }
    let again = try understood { () throws(Failure) in try decode(write(message)) }
    try require(again == message, "another message: \(message) and \(again)")
    return message
}

// MARK: what the messages are made of

private func written(_ any: AnyMessage?, _ field: UInt8) -> [UInt8] {
    guard let any else { return [] }
    return Wire.message(field, Wire.text(1, any.typeURL) + Wire.bytes(2, any.value))
}

private func written(_ mount: MountMessage, _ field: UInt8) -> [UInt8] {
    Wire.message(
        field,
        Wire.text(1, mount.type) + Wire.text(2, mount.source) + Wire.text(3, mount.target)
            + Wire.texts(4, mount.options))
}

// MARK: messages, and what is done with them before anything happens

private func create(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try CreateTaskRequest(decoding: bytes) }
    let message = try read(bytes, decode) { message in
        var bytes = Wire.text(1, message.id) + Wire.text(2, message.bundle)
        for mount in message.rootfs { bytes += written(mount, 3) }
        bytes += Wire.flag(4, message.terminal) + Wire.text(5, message.stdin) + Wire.text(6, message.stdout)
        bytes += Wire.text(7, message.stderr) + Wire.text(8, message.checkpoint)
        return bytes + Wire.text(9, message.parentCheckpoint) + written(message.options, 10)
    }
    guard let message else { return }
    try checkStdio(message.stdin, message.stdout, message.stderr)
    for mount in message.rootfs { try checkMountOptions(mount.options, source: mount.source) }
    try checkTaskOptions(message.options)
}

private func exec(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try ExecRequest(decoding: bytes) }
    let message = try read(bytes, decode) { message in
        Wire.text(1, message.id) + Wire.text(2, message.execID) + Wire.flag(3, message.terminal)
            + Wire.text(4, message.stdin) + Wire.text(5, message.stdout) + Wire.text(6, message.stderr)
            + written(message.spec, 7)
    }
    guard let message else { return }
    try checkStdio(message.stdin, message.stdout, message.stderr)
    try checkSpecification(message.spec?.value ?? [], terminal: message.terminal)
}

private func checkpoint(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try CheckpointRequest(decoding: bytes) }
    let message = try read(bytes, decode) { message in
        Wire.text(1, message.id) + Wire.text(2, message.path) + written(message.options, 3)
    }
    guard let message else { return }
    let checkpoint = try accepted { () throws(Failure) in try Runtime.Checkpoint(message) }
    guard let checkpoint else { return }
    let command = Runtime.checkpoint(message.id, checkpoint)
    try require(command.last == message.id, "the container is not the last word: \(command)")
    try require(command.contains(message.path), "the image's path is missing: \(command)")
}

private func update(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try UpdateRequest(decoding: bytes) }
    _ = try read(bytes, decode) { Wire.text(1, $0.id) + written($0.resources, 2) }
}

private func kill(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try KillRequest(decoding: bytes) }
    _ = try read(bytes, decode) {
        Wire.text(1, $0.id) + Wire.text(2, $0.execID) + Wire.number(3, $0.signal) + Wire.flag(4, $0.all)
    }
}

private func process(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try ProcessRequest(decoding: bytes) }
    _ = try read(bytes, decode) { Wire.text(1, $0.id) + Wire.text(2, $0.execID) }
}

private func task(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try TaskRequest(decoding: bytes) }
    _ = try read(bytes, decode) { Wire.text(1, $0.id) }
}

private func resize(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try ResizePtyRequest(decoding: bytes) }
    _ = try read(bytes, decode) {
        Wire.text(1, $0.id) + Wire.text(2, $0.execID) + Wire.number(3, $0.width) + Wire.number(4, $0.height)
    }
}

private func closeIO(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try CloseIORequest(decoding: bytes) }
    _ = try read(bytes, decode) { Wire.text(1, $0.id) + Wire.text(2, $0.execID) + Wire.flag(3, $0.stdin) }
}

private func shutdown(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try ShutdownRequest(decoding: bytes) }
    _ = try read(bytes, decode) { Wire.text(1, $0.id) + Wire.flag(2, $0.now) }
}

private func any(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try AnyMessage(decoding: bytes) }
    guard let message = try read(bytes, decode, { $0.encoded() }) else { return }
    try require(message.typeURL.hasSuffix(message.name), "another name: \(message.name)")
    try require(!message.name.utf8.contains(UInt8(ascii: "/")), "a name with a slash: \(message.name)")
    _ = try read(bytes, decode) { Wire.text(1, $0.typeURL) + Wire.bytes(2, $0.value) }
}

private func bootstrap(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try BootstrapParams(decoding: bytes) }
    let message = try read(bytes, decode) { message in
        var bytes = Wire.text(1, message.instanceID) + Wire.text(2, message.namespace)
        bytes += Wire.number(3, Int64(message.logLevel)) + Wire.text(4, message.containerdVersion)
        bytes += Wire.text(5, message.ttrpcAddress) + Wire.text(6, message.grpcAddress)
        bytes += Wire.text(7, message.containerdBinary)
        for element in message.extensions { bytes += Wire.message(8, written(element, 1)) }
        return bytes + Wire.text(9, message.socketDirectory)
    }
    guard message?.extensions.contains(where: namesFile) != true else { return }
    let plain = try accepted { () throws(Failure) in try AnyMessage(decoding: bytes) }
    guard !namesFile(plain) else { return }
    for id in [message?.instanceID ?? "", "c"] {
        let input = try accepted { () throws(Failure) in
            try Bootstrap(bytes, id: id, namespace: message?.namespace ?? "ns")
        }
        guard let input else { continue }
        try require(!input.answer(address: "unix:///x").isEmpty, "no answer")
    }
}

private func runcOptions(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try RuncOptions(decoding: bytes) }
    guard let message = try read(bytes, decode, { $0.encoded() }) else { return }
    _ = try read(bytes, decode) { message in
        var bytes = Wire.flag(1, message.noPivotRoot) + Wire.flag(2, message.noNewKeyring)
        bytes += Wire.text(3, message.shimCgroup) + Wire.number(4, message.ioUID) + Wire.number(5, message.ioGID)
        bytes += Wire.text(6, message.binaryName) + Wire.text(7, message.root) + Wire.text(8, message.criuPath)
        bytes += Wire.flag(9, message.systemdCgroup) + Wire.text(10, message.criuImagePath)
        bytes += Wire.text(11, message.criuWorkPath) + Wire.text(12, message.taskAPIAddress)
        return bytes + Wire.number(13, message.taskAPIVersion)
    }
    try checkTaskOptions(AnyMessage(typeURL: "containerd.runc.v1.Options", value: message.encoded()))
}

private func runtimeOptions(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try RuntimeOptions(decoding: bytes) }
    _ = try read(bytes, decode) { message in
        Wire.text(1, message.typeURL) + Wire.text(2, message.configPath) + Wire.bytes(3, message.configBody)
    }
    try checkTaskOptions(AnyMessage(typeURL: "runtimeoptions.v1.Options", value: bytes))
}

private func checkpointOptions(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try CheckpointOptions(decoding: bytes) }
    _ = try read(bytes, decode) { message in
        var bytes = Wire.flag(1, message.exit) + Wire.flag(2, message.openTCP)
        bytes += Wire.flag(3, message.externalUnixSockets) + Wire.flag(4, message.terminal)
        bytes += Wire.flag(5, message.fileLocks) + Wire.texts(6, message.emptyNamespaces)
        bytes += Wire.text(7, message.cgroupsMode) + Wire.text(8, message.imagePath)
        return bytes + Wire.text(9, message.workPath) + Wire.text(10, message.parentPath)
    }
}

private func forward(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let decode = { (bytes: [UInt8]) throws(Failure) in try ForwardRequest(decoding: bytes) }
    _ = try read(bytes, decode) { $0.encoded() }
}

// MARK: parts of them

/// Where streams go; a path that is opened has no NUL, for it would end there.
private func checkStdio(_ stdin: String, _ stdout: String, _ stderr: String) throws(FuzzTarget.Violation) {
    for text in [stdin, stdout, stderr] {
        let path = try accepted { () throws(Failure) in try StdioPath(text) }
        try require(path?.path.utf8.contains(0) != true, "NUL in a path")
        let uri = try accepted { () throws(Failure) in try URI(text) }
        guard let uri else { continue }
        try require(uri.path.hasPrefix("/"), "a relative path: \(uri.path)")
        try require(uri.words.count % 2 == 0, "a word without a value: \(uri.words)")
        try require(!([uri.path] + uri.words).contains { $0.utf8.contains(0) }, "NUL in \(uri)")
    }
    _ = try accepted { () throws(Failure) in try Destination(stdout: stdout) }
}

/// Whether they say a file to be read, which may be any.
private func namesFile(_ options: AnyMessage?) -> Bool {
    guard let options, let generic = try? RuntimeOptions(decoding: options.value) else { return false }
    return !generic.configPath.isEmpty
}

/// What they come to is written for a later `delete`, and is the same then.
private func checkTaskOptions(_ message: AnyMessage?) throws(FuzzTarget.Violation) {
    guard !namesFile(message) else { return }
    guard let options = try accepted({ () throws(Failure) in try TaskOptions(message) }) else { return }
    try checkWritten(options)
}
