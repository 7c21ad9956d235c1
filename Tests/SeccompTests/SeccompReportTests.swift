import JSON
import Linux
import Testing

@testable import Seccomp

@Suite struct SeccompReportTests {
    private func call(
        _ name: String, _ program: String = "/bin/a", _ outcome: SeccompReport.Outcome = .errno(1)
    ) -> SeccompReport.Call {
        SeccompReport.Call(name, architecture: "SCMP_ARCH_X86_64", program: program, outcome: outcome)
    }

    private func time(_ seconds: Int64) -> Timestamp { Timestamp(seconds: seconds, nanoseconds: 0) }

    private func json(_ report: SeccompReport, _ mode: SeccompMode = .audit) throws -> JSONValue {
        try JSONValue(parsing: report.json(id: "c", namespace: "n", mode: mode), subject: "report")
    }

    @Test func `the same call of the same program is counted, with its first and last time`() throws {
        var report = SeccompReport()
        let isNew = [("/bin/a", 1), ("/bin/a", 2), ("/bin/b", 3)].map { (program, seconds) in
            report.add(call("mkdir", program), at: time(seconds))
        }
        #expect(isNew == [true, false, true])
        let json = try json(report)
        #expect(json["denied"]?.integer == 3)
        #expect(json["mode"]?.string == "audit")
        let calls = try #require(json["calls"]?.elements)
        #expect(calls.count == 2)
        #expect(calls[0]["count"]?.integer == 2)
        #expect(calls[0]["errno"]?.integer == 1)
        #expect(calls[0]["first"]?.string == "1970-01-01T00:00:01.000000000Z")
        #expect(calls[0]["last"]?.string == "1970-01-01T00:00:02.000000000Z")
    }

    @Test func `a report is bounded, and nothing is uncounted`() throws {
        var report = SeccompReport()
        for number in 0..<5000 { _ = report.add(call("call\(number)"), at: time(1)) }
        let json = try json(report)
        #expect(json["calls"]?.elements.count == SeccompReport.limit * 2)
        #expect(json["others"]?.integer == 3000)
        #expect(json["denied"]?.integer == 5000)
    }

    @Test func `a program of many names hides no call`() throws {
        var report = SeccompReport()
        for number in 0..<1500 { _ = report.add(call("read", "/bin/\(number)", .allowed), at: time(1)) }
        let isNew = [
            call("chown", "/bin/a", .trapped), call("chown", "/bin/b", .trapped), call("chown", "/bin/b"),
            call("mkdir", "/bin/a", .allowed),
        ].map { report.add($0, at: time(2)) }
        #expect(isNew == [true, false, true, true])
        let calls = try #require(json(report)["calls"]?.elements).dropFirst(SeccompReport.limit)
        #expect(calls.map { $0["call"]?.string } == ["read", "chown", "chown", "mkdir"])
        #expect(calls.map { $0["count"]?.integer } == [500, 2, 1, 1])
        #expect(calls.allSatisfy { $0["program"]?.string == "" && $0["architecture"]?.string == "SCMP_ARCH_X86_64" })
        #expect(report.summary == "3 denied: chown 3")
        #expect(report.allowedNames == ["read", "mkdir"])
    }

    @Test func `a program's name is data, whatever is in it`() throws {
        var report = SeccompReport()
        _ = report.add(call("mkdir", "\"}\n\u{1}\\"), at: time(1))
        #expect(try json(report)["calls"]?.elements[0]["program"]?.string == "\"}\n\u{1}\\")
        #expect(!call("mkdir", "a\nlevel=error").text.contains("\n"))
    }

    @Test func `the summary names what was denied most`() {
        var report = SeccompReport()
        #expect(report.summary == "0 denied")
        _ = report.add(call("mkdir"), at: time(1))
        for _ in 0..<2 { _ = report.add(call("chown", "/bin/a", .trapped), at: time(1)) }
        _ = report.add(call("read", "/bin/a", .allowed), at: time(1))
        #expect(report.summary == "3 denied: chown 2, mkdir 1")
        #expect(report.allowedNames == ["read"])
        for number in 0..<10 { _ = report.add(call("x\(number)"), at: time(1)) }
        #expect(report.summary.hasSuffix("x0 1, x1 1, x2 1, x3 1, x4 1, x5 1, and 4 more"))
    }

    @Test func `what ended a container is said`() throws {
        var report = SeccompReport()
        report.ended(for: call("mkdir"), at: time(9))
        #expect(try json(report, .stop)["stopped"]?["call"]?.string == "mkdir")
    }
}
