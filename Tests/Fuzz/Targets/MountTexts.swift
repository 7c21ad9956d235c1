import Linux

@testable import Mounts

/// The options of a mount, one a line; and what the kernel says is mounted.
func checkMountOptions(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let text = String(decoding: bytes, as: UTF8.self)
    guard !text.utf8.contains(0) else { return }  // what a message says has none
    try checkMountOptions(text.split(separator: "\n").map { String($0) }, source: "overlay")
    for mount in MountInfo.parse(bytes, where: { _, _ in true }) {
        try require(!mount.type.isEmpty, "a mount without a type")
    }
}

func checkMountOptions(_ words: [String], source: String) throws(FuzzTarget.Violation) {
    let options = try accepted { () throws(Failure) in try MountOptions(words) }
    guard let options else { return }
    try require(options.words.allSatisfy { words.contains($0) }, "words from nowhere: \(options.words)")
    let again = try understood { () throws(Failure) in try MountOptions(options.words) }
    try require(again.words == options.words, "other words: \(again.words)")
    try require(again.flags == [] && again.propagation == [], "a flag that is left in \(options.words)")
    if let owners = options.owners { try require(isMap(owners.users) && isMap(owners.groups), "\(owners)") }
    guard let overlay = Overlay(source: source, options) else { return }
    let given = options.words.first { $0.hasPrefix("lowerdir=") }?.dropFirst("lowerdir=".utf8.count) ?? ""
    let layers = overlay.layers.map { "\(overlay.base)/\($0)".split(separator: "/") }
    try require(layers == given.split(separator: ":").map { $0.split(separator: "/") }, "other layers: \(overlay)")
}

/// Lines of three numbers, as user_namespaces(7) wants them.
private func isMap(_ lines: String) -> Bool {
    lines.hasSuffix("\n")
        && lines.split(separator: "\n").allSatisfy { line in
            let numbers = line.split(separator: " ")
            return numbers.count == 3 && numbers.allSatisfy { UInt32($0) != nil }
        }
}
