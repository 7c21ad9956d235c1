import Linux
import Testing

@testable import TOML

/// Texts, numbers and dates, by the specification of TOML 1.0.
struct TOMLValueTests {
    private func value(_ text: String) throws -> String { String(try dump("a = \(text)").dropFirst(2)) }

    private func string(_ text: String) throws -> String? {
        guard case .string(let string)? = try TOMLTable.parse(Array("a = \(text)".utf8), subject: "doc")["a"]?.value
        else {
            return nil
        }
        return string
    }

    @Test(arguments: [
        (#""""#, ""), (#""crun""#, "crun"), (#""\b\t\n\f\r\"\\""#, "\u{8}\t\n\u{c}\r\"\\"),
        (#""\u00e9\U0001F600""#, "é😀"),
        (#""\u0000""#, "\0"), ("\"tab\tand 'é'\"", "tab\tand 'é'"), ("''", ""), (#"'C:\n "x"'"#, #"C:\n "x""#),
    ])
    func `a text in one line`(text: String, read: String) throws {
        #expect(try string(text) == read)
    }

    @Test(arguments: [
        ("\"\"\"\"\"\"", ""), ("\"\"\"\na\nb\"\"\"", "a\nb"), ("\"\"\"\r\na\r\nb\"\"\"", "a\nb"),
        ("\"\"\"\n\na\"\"\"", "\na"),
        ("\"\"\"a \\\n\n  b\"\"\"", "a b"), ("\"\"\"a\\  \n\tb\"\"\"", "ab"), ("\"\"\"\\\n\"\"\"", ""),
        ("\"\"\"a\"b\"\"c\"\"\"", "a\"b\"\"c"),
        ("\"\"\"\"a\"\"\"\"", "\"a\""), ("\"\"\"\"\"a\"\"\"\"\"", "\"\"a\"\""), ("\"\"\"\"\"\"\"\"", "\"\""),
        ("\"\"\"\\\"\"\"\"", "\""),
        ("''''''", ""), ("'''\na\\\nb'''", "a\\\nb"), ("''''a'''''", "'a''"), ("'''a''b'''", "a''b"),
    ])
    func `a text of several lines`(text: String, read: String) throws {
        #expect(try string(text) == read)
    }

    @Test(arguments: [
        (#""a"#, "line 1: text without end"), ("'a", "line 1: text without end"),
        ("\"a\nb\"", "line 1: text without end in its line"),
        ("'a\nb'", "line 1: text without end in its line"), ("\"\"\"a\nb", "line 1: text without end"),
        ("'''a\n''", "line 1: text without end"),
        (#""\""#, "line 1: text without end"), (#""\"#, "line 1: text without end"),
        (#""\u00e""#, "line 1: escape of no character"),
        (#""\ud800""#, "line 1: escape of no character"), (#""\U00110000""#, "line 1: escape of no character"),
        (#""\U7fffffffffffffff""#, "line 1: escape of no character"), (#""\u+123""#, "line 1: escape of no character"),
        (#""a"b"#, "line 1: the end of the line expected, not \"b\""),
        ("\"\"\"\"\"\"\"\"\"", "line 1: the end of the line expected, not \"\\\"\""),
        (#""\e""#, "line 1: unknown escape in a text; single quotes take a backslash as it is"),
        (#""\x41""#, "line 1: unknown escape in a text; single quotes take a backslash as it is"),
        ("\"\"\"\n\\ a\"\"\"", "line 2: unknown escape in a text; single quotes take a backslash as it is"),
    ])
    func `a text that is broken`(text: String, reason: String) {
        #expect(problem("a = \(text)") == reason)
    }

    @Test(arguments: [
        ("0", "0"), ("+0", "0"), ("-0", "0"), ("42", "42"), ("+99", "99"), ("-17", "-17"), ("1_000", "1000"),
        ("5_3_4", "534"),
        ("0xDEADbeef", "3735928559"), ("0xdead_beef", "3735928559"), ("0o755", "493"), ("0b1101_0110", "214"),
        ("0x00", "0"),
        ("9223372036854775807", "9223372036854775807"), ("-9223372036854775808", "-9223372036854775808"),
        ("0x7fffffffffffffff", "9223372036854775807"),
    ])
    func `an integer`(text: String, read: String) throws {
        #expect(try value(text) == read)
    }

    @Test(arguments: [
        "9223372036854775808", "-9223372036854775809", "0xffffffffffffffff", "99999999999999999999999999",
    ])
    func `an integer that is too large`(text: String) {
        #expect(problem("a = \(text)") == "line 1: \(text) is more than 64 bits")
    }

    @Test(arguments: [
        ("1.0", "1.0"), ("-0.01", "-0.01"), ("5e+22", "5e+22"), ("1e06", "1e06"), ("-2E-2", "-2E-2"),
        ("6.626e-34", "6.626e-34"),
        ("224_617.445_991", "224617.445991"), ("inf", "inf"), ("-inf", "-inf"), ("+nan", "+nan"), ("1000.0", "1000.0"),
    ])
    func `a number with a fraction or exponent`(text: String, read: String) throws {
        #expect(try value(text) == "float(\(read))")
    }

    @Test(arguments: [
        "1979-05-27T07:32:00Z", "1979-05-27T00:32:00.999999-07:00", "1979-05-27 07:32:00z", "1979-05-27t07:32:00",
        "1979-05-27", "07:32:00", "00:32:00.5", "2000-02-29", "1979-05-27T23:59:60+23:59",
    ])
    func `a date or a time`(text: String) throws {
        #expect(try value(text) == "date(\(text))")
        #expect(try dump("a = [\(text), \(text) ] # x") == "a=[date(\(text)),date(\(text))]")
    }

    @Test(arguments: [
        "crun", "True", "TRUE", "yes", "null", "01", "-01", "+_1", "_1", "1_", "1__0", "0x", "0x_1", "0X1", "+0x1",
        "-0b1", "0b2", "0o8",
        "0xg", "1.", ".5", "+.5", "1.e1", "1e", "1e+", "1_.0", "1._0", "01.5", "1.0_", "Inf", "NaN", "++1", "1.2.3",
        "-",
        "1979-13-01", "1979-02-29", "1900-02-29", "1979-04-31", "1979-05-27T24:00:00Z", "1979-05-27T07:60:00", "07:32",
        "07:32:61", "1979-05-27T", "1979-05-27T07:32:00+25:00", "1979-05-27T07:32:00Zx", "1979-5-27", "07:32:00.",
        "/usr/bin/crun",
        "10.0.0.1", "64MiB", "é",
    ])
    func `what is no value is named`(text: String) {
        #expect(problem("# c\na = \(text) # d\n") == "line 2: \"\(text)\" is no value; a text stands in quotes")
        #expect(problem("a = [ \(text) ]") == "line 1: \"\(text)\" is no value; a text stands in quotes")
    }

    @Test(arguments: ["a =", "a = ", "a = # c", "a =\n1"])
    func `a missing value`(document: String) {
        #expect(problem(document)?.hasPrefix("line 1: a value expected, not ") == true)
    }
}
