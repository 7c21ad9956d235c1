import Linux

@testable import Containers

/// The file in a bundle that says how a container's init lived.
func checkLifeRecord(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    guard let record = try accepted({ () throws(Failure) in try LifeRecord(parsing: bytes) }) else { return }
    let again = try understood { () throws(Failure) in try LifeRecord(parsing: Array(record.text.utf8)) }
    try require(again == record, "another record: \(record) and \(again)")
    // What was cut off while it was written says nothing, or less.
    let cut = try understood { () throws(Failure) in try LifeRecord(parsing: bytes + Array("exit 1".utf8)) }
    try require(cut == record, "half a line is read: \(cut)")
}
