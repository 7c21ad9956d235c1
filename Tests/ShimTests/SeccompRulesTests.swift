import Linux
import Seccomp
import TOML
import Testing

@testable import Shim

@Suite struct SeccompRulesTests {
    private func rules(_ text: String) throws -> SeccompRules {
        let text = try OptionsText(parsing: Array("[seccomp]\n\(text)".utf8), subject: "host")
        return try #require(text.seccomp)
    }

    @Test func `nothing said: audit and stop for who asks`() throws {
        let rules = try rules("")
        #expect(rules == SeccompRules())
        #expect(try rules.mode(askedFor: nil) == nil)
        #expect(try rules.mode(askedFor: "audit") == .audit)
        #expect(try rules.mode(askedFor: "stop") == .stop)
        let failure = #expect(throws: Failure.self) { try rules.mode(askedFor: "record") }
        #expect(failure?.kind == .failedPrecondition)
    }

    @Test func `all of it`() throws {
        let rules = try rules(
            """
            allowed = ["record"]
            default = "audit"
            grace_seconds = 0
            directory = "/x"
            reports = 2
            """)
        #expect(rules.modes == [.record])
        #expect(try rules.mode(askedFor: nil) == .audit)
        #expect(rules.grace == .zero)
        #expect(rules.directory == "/x")
        #expect(rules.reports == 2)
        #expect(throws: Failure.self) { try rules.mode(askedFor: "stop") }
    }

    @Test(arguments: [
        "allowed = \"audit\"", "allowed = [\"loud\"]", "default = 1", "grace_seconds = -1", "grace_seconds = \"1\"",
        "directory = \"x\"", "reports = 0", "x = 1",
    ])
    func `what is wrong is named`(text: String) {
        let failure = #expect(throws: Failure.self) { try rules(text) }
        #expect(failure?.kind == .invalidArgument)
        #expect(failure?.message.hasPrefix("host: line 1: \"seccomp\": \"") == true, "\(failure?.message ?? "")")
    }

    @Test func `in JSON it is the same table`() throws {
        let text = Array(#"{"seccomp": {"allowed": ["record"], "default": "record", "grace_seconds": 3}}"#.utf8)
        let rules = try #require(try OptionsText(parsing: text, subject: "host").seccomp)
        #expect(rules.modes == [.record])
        #expect(try rules.mode(askedFor: nil) == .record)
        #expect(rules.grace == .seconds(3))
    }

    @Test func `another word is no mode`() {
        let failure = #expect(throws: Failure.self) { try SeccompRules().mode(askedFor: "") }
        #expect(failure?.kind == .invalidArgument)
    }

    @Test func `a client cannot say it`() throws {
        #expect(try OptionsText(parsing: Array("seccomp = 1".utf8), subject: "client").seccomp == nil)
    }
}
