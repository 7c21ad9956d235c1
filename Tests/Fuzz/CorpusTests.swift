import Linux
import Reactor
import Testing
import _Concurrency

/// The short form of `make fuzz`: what once was interesting, or wrong, holds.
@Loop
struct CorpusTests {
    private static let directory = Paths.parent(of: #filePath) + "/corpus"

    @Test(arguments: FuzzTarget.all.map { $0.name })
    func `what holds of made up bytes holds of the corpus`(name: String) async throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let files = try await files(in: "\(Self.directory)/\(name)")
        #expect(!files.isEmpty)
        for file in files {
            let bytes = try Files.read("\(Self.directory)/\(name)/\(file)")
            do throws(FuzzTarget.Violation) {
                try target.run(bytes)
            } catch {
                Issue.record("\(name)/\(file): \(error.words)")
            }
        }
    }

    @Test func `each corpus is a target's`() async throws {
        #expect(try await files(in: Self.directory).sorted() == FuzzTarget.all.map { $0.name }.sorted())
    }

    /// Nothing of ours lists files.
    private func files(in directory: String) async throws -> [String] {
        let list = try Invocation.start(Program("/bin/ls", [directory]), named: "ls")
        guard case .succeeded(let names) = await list.outcome(within: .seconds(10)) else { return [] }
        return String(decoding: names, as: UTF8.self).split(separator: "\n").map { String($0) }
    }
}
