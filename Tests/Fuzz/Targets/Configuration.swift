import JSON
import Linux
import Seccomp
import Shim

/// A bundle's config.json and, as it is JSON too, the specification of an exec.
func checkConfiguration(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let configuration = try accepted { () throws(Failure) in
        try BundleConfiguration(parsing: bytes, subject: "config.json")
    }
    if let configuration { _ = try accepted { () throws(Failure) in try configuration.wantsExecCgroup() } }
    for terminal in [false, true] { try checkSpecification(bytes, terminal: terminal) }
    guard let value = try accepted({ () throws(Failure) in try JSONValue(parsing: bytes, subject: "JSON") }) else {
        return
    }
    let written = value.text
    // A number that stands alone ends where something else begins.
    let again = try understood { () throws(Failure) in try JSONValue(parsing: written + [10], subject: "written") }
    try require(again.text == written, "another value: \(String(decoding: written, as: UTF8.self))")
    try require(again.keys == value.keys, "other keys: \(value.keys)")
    for key in value.keys {
        let quoted = JSONValue.quoted(key)
        let read = try understood { () throws(Failure) in
            try JSONValue(parsing: Array(quoted.utf8), subject: "quoted")
        }
        try require(read.string == key, "another text: \(quoted)")
    }
    try checkProfile(bytes)
}

/// A profile that asks a listener says so, is all else it was, and what is recorded of it is a profile.
func checkProfile(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    guard let value = try accepted({ () throws(Failure) in try JSONValue(parsing: bytes, subject: "JSON") }),
        let seccomp = value["linux"]?["seccomp"],
        let profile = try accepted({ () throws(Failure) in try SeccompProfile(seccomp) })
    else { return }
    let others = value.keys
    for mode in [SeccompMode.audit, .record] {
        let asking = try understood { () throws(Failure) in
            try profile.rewrite(value, for: mode, listener: "/s")
                .map { (text) throws(Failure) in try JSONValue(parsing: text, subject: "asking") }
        }
        guard let asking else { continue }
        try require(asking.keys == others, "other members: \(others)")
        try require(asking["linux"]?["seccomp"]?["listenerPath"]?.string == "/s", "no listener")
    }
    let minimal = try understood { () throws(Failure) in
        try SeccompProfile(JSONValue(parsing: profile.minimal(recorded: ["mkdir"]), subject: "minimal"))
    }
    guard let before = try accepted({ () throws(Failure) in try SeccompFilter(profile) }),
        let after = try accepted({ () throws(Failure) in try SeccompFilter(minimal) })
    else { return }
    let (audit, arguments): (UInt32, [UInt64]) = (0xc000_003e, [0, 0, 0, 0, 0, 0])  // AUDIT_ARCH_X86_64
    for (name, number) in [("mkdir", 83), ("chmod", 90), ("socket", 41)] as [(String, Int32)]
    where !before.action(of: name, audit: audit, number: number, arguments).isGrant {
        try require(!after.action(of: name, audit: audit, number: number, arguments).isGrant, "\(name) is granted")
    }
}

/// What the runtime gets says of the terminal what the request does, and all else stays.
func checkSpecification(_ bytes: [UInt8], terminal: Bool) throws(FuzzTarget.Violation) {
    let changed = try accepted { () throws(Failure) in
        try ExecSpecification.withTerminal(terminal, in: bytes)
    }
    guard let changed else { return }
    let (before, after) = try understood { () throws(Failure) in
        (try JSONValue(parsing: bytes, subject: "before"), try JSONValue(parsing: changed, subject: "after"))
    }
    try require((after["terminal"]?.bool ?? false) == terminal, "another terminal")
    let others = before.keys.filter { $0 != "terminal" }
    try require(after.keys.filter { $0 != "terminal" } == others, "other members: \(others)")
    for key in others { try require(after[key]?.text == before[key]?.text, "another value: \(key)") }
    let again = try understood { () throws(Failure) in try ExecSpecification.withTerminal(terminal, in: changed) }
    try require(again == changed, "changed again")
}
