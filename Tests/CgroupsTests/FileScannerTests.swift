import Linux
import Testing

@testable import Cgroups

struct FileScannerTests {
    /// A scanner that has opened a file of this text.
    private func scanner(_ text: String) throws -> FileScanner {
        let scratch = try Scratch(["file": text])
        var files = FileScanner()
        let isOpen = files.enter(scratch.path) && files.open("file")
        #expect(isOpen)
        return files
    }

    @Test func `words end at blanks, colons and equals signs`() throws {
        var files = try scanner("8:16 rbytes=14\tx\n\nlast")
        var lines: [[String]] = []
        while files.nextLine() {
            var words: [String] = []
            while let word = files.word() { words.append(files.text(word)) }
            lines.append(words)
        }
        #expect(lines == [["8", "16", "rbytes", "14", "x"], [], ["last"]])
    }

    @Test(arguments: [
        ("0", 0), ("42\n", 42), ("18446744073709551615", UInt64.max), ("-5", 0), ("max\n", 7), ("maximum", nil),
        ("18446744073709551616", nil), ("99999999999999999999", nil), ("4x", nil), ("-", nil), ("", nil), ("\n1", nil),
    ])
    func `numbers are what a uint64 can hold`(text: String, number: UInt64?) throws {
        var files = try scanner(text)
        let found = files.number(max: 7)
        #expect(found == number)
    }

    @Test(arguments: [
        ("0.00", 0), ("1.25", 1.25), ("0.07", 0.07), ("99.99", 99.99), ("100", 100), ("12.3", 12.3), ("1.2.3", nil),
        ("-1", nil), ("x", nil), ("", nil),
    ])
    func `fractions are the nearest double`(text: String, number: Double?) throws {
        var files = try scanner(text)
        let found = files.fraction()
        #expect(found == number)
    }

    @Test func `numbers go where the table has their names`() throws {
        var files = try scanner("third 3\nfirst 1\nfirs 9\nfirst_too 9\nmalformed\nfourth x\nsecond 2\n")
        var values: [UInt64] = [0, 0, 0, 4]
        files.fill(&values, named: "first second third fourth")
        #expect(values == [1, 2, 3, 4])
    }

    @Test func `a file that is longer than the buffer is read whole`() throws {
        let lines = (0..<2000).map { "name\($0) \($0)" }
        var files = try scanner(lines.joined(separator: "\n"))
        var sum: UInt64 = 0
        while files.nextLine() {
            _ = files.word()
            sum += files.number() ?? 0
        }
        #expect(sum == 1999 * 1000)
    }

    @Test func `a shorter file shows nothing of the one before`() throws {
        let scratch = try Scratch(["long": "1 2 3 4\n5", "short": "6"])
        var files = FileScanner()
        let read = files.enter(scratch.path) && files.open("long") && files.nextLine() && files.open("short")
        #expect(read)
        let numbers = [files.number(), files.number()]
        #expect(numbers == [6, nil])
        let goesOn = files.nextLine()
        #expect(!goesOn)
    }

    @Test func `a missing file is none, and it is known whether there was a directory`() throws {
        let scratch = try Scratch(["there": "5\n", "odd": "five\n"])
        var files = FileScanner()
        let before = [files.enter("\(scratch.path)/missing"), files.open("there"), files.hasEntered]
        #expect(before == [false, false, false])
        let within = [files.enter(scratch.path), files.open("there"), files.open("missing"), files.hasEntered]
        #expect(within == [true, true, false, true])
        let numbers = [
            files.number(in: "there", max: 9), files.number(in: "odd", max: 9), files.number(in: "missing", max: 9),
        ]
        #expect(numbers == [5, 0, nil])
        let after = [files.enter("\(scratch.path)/missing"), files.open("there"), files.hasEntered]
        #expect(after == [false, false, true])
    }
}
