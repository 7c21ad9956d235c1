import CLinux
import Testing

@testable import Linux

struct ProcessStatusTests {
    private func parse(_ lines: String) -> (state: String, isKilled: Bool) { ProcessStatus.parse(Array(lines.utf8)) }

    @Test(arguments: [
        ("0000000000000000", "0000000000000000", false), ("0000000000000100", "0000000000000000", true),
        ("0000000000000000", "0000000000000100", true), ("0000000000000200", "00000000000000ff", false),
        ("0000000000000f00", "0000000000000000", true), ("", "", false), ("1", "zzz", false),
    ])
    func `a SIGKILL that waits is bit 8 of either mask`(own: String, shared: String, isKilled: Bool) {
        let status = parse("Name:\tState:\nState:\tD (disk sleep)\nSigQ:\t0/1\nSigPnd:\t\(own)\nShdPnd:\t\(shared)\n")
        #expect(status.isKilled == isKilled)
        #expect(status.state == "D")
    }

    @Test func `what is not there is not made up`() {
        #expect(parse("").state == "?")
        #expect(!parse("State:\nSigPnd:\n").isKilled)
        #expect(ProcessStatus(of: 0) == nil)
        #expect(ProcessStatus(of: .max) == nil)
    }

    @Test func `this process runs and has not been killed`() {
        let status = ProcessStatus(of: Process.id)
        #expect(status?.isKilled == false)
        #expect(status?.state == "R")
        #expect(status?.text.hasPrefix("process \(Process.id) (state R") == true)
    }

    @Test func `a place is told if the kernel tells it`() {
        #expect(ProcessStatus.place("0") == "")
        #expect(ProcessStatus.place("request_wait_answer") == "request_wait_answer")
    }
}
