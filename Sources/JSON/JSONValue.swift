import CJSON
package import Linux

/// A parsed JSON text, held by json-c and freed with the last value that refers to it.
@safe
private final class Tree {
    let root: OpaquePointer

    init(owning root: OpaquePointer) { unsafe self.root = root }

    deinit { _ = unsafe json_object_put(root) }
}

/// One value of a JSON text. It keeps the whole text alive.
@safe
package struct JSONValue {
    private let tree: Tree
    private let node: OpaquePointer

    /// Parses one JSON text. `subject` is named in the failure, which is an `invalidArgument`.
    package init(parsing bytes: [UInt8], subject: String) throws(Failure) {
        guard let count = Int32(exactly: bytes.count) else {
            throw Failure(.invalidArgument, "\(subject): too long for JSON")
        }
        guard let tokener = unsafe json_tokener_new_ex(128) else {
            throw Failure(.resourceExhausted, "json: no memory")
        }
        defer { unsafe json_tokener_free(tokener) }
        // As the runtimes read it. Without, a number such as 01e is taken, and would not be the same when written.
        unsafe json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS)
        // SAFETY: json-c copies what it keeps; the buffer is only read during the call.
        let object = unsafe bytes.withUnsafeBytes { buffer in
            unsafe json_tokener_parse_ex(tokener, buffer.assumingMemoryBound(to: CChar.self).baseAddress, count)
        }
        guard let object = unsafe object else {
            throw Failure(.invalidArgument, "\(subject): \(unsafe Self.reason(tokener))")
        }
        unsafe tree = Tree(owning: object)
        unsafe node = object
        let rest = bytes[Int(unsafe json_tokener_get_parse_end(tokener))...]
        guard rest.allSatisfy({ [9, 10, 13, 32].contains($0) }) else {
            throw Failure(.invalidArgument, "\(subject): text after the end of the JSON value")
        }
    }

    private static func reason(_ tokener: UnsafeMutablePointer<json_tokener>) -> String {
        let error = unsafe json_tokener_get_error(tokener)
        if error == json_tokener_continue { return "unexpected end of text" }
        // SAFETY: json-c's descriptions are constants.
        return error == json_tokener_success ? "null" : unsafe String(cString: json_tokener_error_desc(error))
    }

    private init(_ node: OpaquePointer, in tree: Tree) {
        self.tree = tree
        unsafe self.node = node
    }

    /// A member of an object; nil if there is none, if it is null or if this is no object.
    package subscript(_ key: String) -> JSONValue? {
        guard unsafe json_object_is_type(node, json_type_object) != 0,
            let member = unsafe json_object_object_get(node, key)
        else { return nil }
        return unsafe JSONValue(member, in: tree)
    }

    /// The names of an object's members, in their order; none if this is no object.
    package var keys: [String] {
        guard unsafe json_object_is_type(node, json_type_object) != 0 else { return [] }
        var keys: [String] = []
        var iterator = unsafe json_object_iter_begin(node)
        var end = unsafe json_object_iter_end(node)
        while unsafe json_object_iter_equal(&iterator, &end) == 0 {
            // SAFETY: the name belongs to the node, which lives as long as this value; it is copied here.
            unsafe keys.append(String(cString: json_object_iter_peek_name(&iterator)))
            unsafe json_object_iter_next(&iterator)
        }
        return keys
    }

    /// The elements of an array but for nulls; none if this is no array.
    package var elements: [JSONValue] {
        guard unsafe json_object_is_type(node, json_type_array) != 0 else { return [] }
        return unsafe (0..<json_object_array_length(node)).compactMap { index in
            unsafe json_object_array_get_idx(node, index).map { unsafe JSONValue($0, in: tree) }
        }
    }

    package var string: String? {
        guard unsafe json_object_is_type(node, json_type_string) != 0 else { return nil }
        guard let start = unsafe json_object_get_string(node) else { return nil }
        let count = unsafe Int(json_object_get_string_len(node))
        // SAFETY: the text belongs to the node, which lives as long as this value; it is copied here.
        return unsafe String(
            decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }

    package var bool: Bool? {
        guard unsafe json_object_is_type(node, json_type_boolean) != 0 else { return nil }
        return unsafe json_object_get_boolean(node) != 0
    }

    package var integer: Int64? {
        guard unsafe json_object_is_type(node, json_type_int) != 0 else { return nil }
        return unsafe json_object_get_int64(node)
    }

    /// Not negative, and all of 64 bits.
    package var unsigned: UInt64? {
        guard unsafe json_object_is_type(node, json_type_int) != 0, unsafe json_object_get_int64(node) >= 0 else {
            return nil
        }
        return unsafe json_object_get_uint64(node)
    }

    package var isObject: Bool { unsafe json_object_is_type(node, json_type_object) != 0 }

    /// Sets a member of an object, in this and every other view of the same text. No other member changes.
    package func set(_ key: String, to value: Bool) {
        // It fails without memory only.
        _ = unsafe json_object_object_add(node, key, json_object_new_boolean(value ? 1 : 0))
    }

    /// Likewise, a value of another text, or of this one.
    package func set(_ key: String, to value: JSONValue) {
        _ = unsafe json_object_object_add(node, key, json_object_get(value.node))
    }

    /// Removes a member of an object, as ``set(_:to:)-(_,Bool)`` sets one.
    package func remove(_ key: String) { unsafe json_object_object_del(node, key) }

    /// The value as one line of JSON text. Numbers keep their digits, integers within 64 bits.
    package var text: [UInt8] {
        let flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE
        var length = 0
        // SAFETY: the text belongs to the node, which lives as long as this value; it is copied here.
        guard let start = unsafe json_object_to_json_string_length(node, Int32(flags), &length) else { return [] }
        return unsafe UnsafeBufferPointer(start: start, count: length).map { UInt8(bitPattern: $0) }
    }

    /// `text` as a JSON string, quotes included.
    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
