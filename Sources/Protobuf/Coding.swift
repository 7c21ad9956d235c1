// Between bytes and values stand protobuf-c's structs, which hold pointers; none of them leaves this module. What
// makes each `unsafe` of this module right is one of three promises:
// - Reading: the struct given to `decode`'s closure, and all it points to, is valid until the closure returns, and
//   what the closure returns is a copy. A pointer is nil or valid for the count beside it.
// - Writing: what an `Arena` gave out is valid until `encode` returns; `encode` returns a copy.
// - Types: a struct's descriptor is the one that was generated with it. `base` and `decode` are given both in one line.
//
// `@inline(never)` keeps the program small: one copy of what is not generic, instead of one for each message.

import CProto
import CProtobufC
import Linux

/// What a closure of `decode` throws when bytes are well-formed protobuf and yet no such message.
struct Malformed: Error {}

/// The value that `read` makes of the message in `bytes`, which has the C type that `descriptor` describes.
func decode<Raw, Value>(
    _ name: String, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>?, _ bytes: [UInt8],
    _ read: (Raw) throws(Malformed) -> Value
) throws(Failure) -> Value {
    // SAFETY: protobuf-c reads within count and returns nil or a whole `Raw`, ours until we free it.
    let message = unsafe protobuf_c_message_unpack(descriptor, nil, bytes.count, bytes)
    defer { unsafe protobuf_c_message_free_unpacked(message, nil) }
    do throws(Malformed) {
        guard let message = unsafe message else { throw Malformed() }
        return try unsafe read(UnsafeRawPointer(message).load(as: Raw.self))
    } catch {
        throw malformed(name)
    }
}

@inline(never) private func malformed(_ name: String) -> Failure {
    Failure(.invalidArgument, "\(name): malformed")
}

/// The text of a field. A NUL is refused: behind this module text becomes paths and arguments, which would end there.
@inline(never) func text(_ field: ProtobufCBinaryData) throws(Malformed) -> String {
    let bytes = unsafe UnsafeBufferPointer(start: field.data, count: field.len)
    guard unsafe !bytes.contains(0), let text = unsafe String(validating: bytes, as: UTF8.self) else {
        throw Malformed()
    }
    return text
}

/// The bytes of a field.
func bytes(_ field: ProtobufCBinaryData) -> [UInt8] {
    unsafe [UInt8](UnsafeBufferPointer(start: field.data, count: field.len))
}

/// The values of a repeated field.
func list<Element, Value>(
    _ start: UnsafeMutablePointer<Element>?, _ count: Int, _ read: (Element) throws(Malformed) -> Value
) throws(Malformed) -> [Value] {
    try unsafe UnsafeBufferPointer(start: start, count: count).map(read)
}

/// The values of a repeated field of messages.
func list<Raw, Value>(
    _ start: UnsafeMutablePointer<UnsafeMutablePointer<Raw>?>?, _ count: Int, _ read: (Raw) throws(Malformed) -> Value
) throws(Malformed) -> [Value] {
    // SAFETY: protobuf-c leaves no element of a message that it read nil.
    try unsafe list(start, count) { (raw) throws(Malformed) in try unsafe read(raw!.pointee) }
}

/// The bytes of the message that `build` fills in. The arena's memory lasts until they are written.
func encode<Raw>(_ build: (Arena) -> Raw) -> [UInt8] {
    let arena = Arena()
    defer { arena.free() }
    // SAFETY: every generated struct begins with a ProtobufCMessage, which says how to read the rest.
    return unsafe withUnsafePointer(to: build(arena)) { raw in
        unsafe pack(UnsafeRawPointer(raw).assumingMemoryBound(to: ProtobufCMessage.self))
    }
}

@inline(never) private func pack(_ message: UnsafePointer<ProtobufCMessage>) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: protobuf_c_message_get_packed_size(message)) { buffer, filled in
        filled = unsafe protobuf_c_message_pack(message, buffer.baseAddress)
    }
}

/// ``encode(_:)`` for a message with a long field: `build` gets `payload` as a field that is not a copy.
func encode<Raw>(borrowing payload: [UInt8], _ build: (Arena, ProtobufCBinaryData) -> Raw) -> [UInt8] {
    // SAFETY: the field outlives the message, and protobuf-c does not write to what it packs.
    unsafe payload.withUnsafeBufferPointer { bytes in
        let data = unsafe UnsafeMutablePointer(mutating: bytes.baseAddress)
        return encode { arena in unsafe build(arena, ProtobufCBinaryData(len: bytes.count, data: data)) }
    }
}

/// What every generated struct begins with.
func base(_ descriptor: UnsafePointer<ProtobufCMessageDescriptor>?) -> ProtobufCMessage {
    unsafe ProtobufCMessage(descriptor: descriptor, n_unknown_fields: 0, unknown_fields: nil)
}

/// Holds what a message that is being written points to.
@safe final class Arena {
    private var blocks: [UnsafeMutableRawPointer] = unsafe []

    /// A copy of `text`, as a field.
    @inline(never) func text(_ text: String) -> ProtobufCBinaryData {
        var text = text
        return text.withUTF8 { unsafe field($0) }
    }

    /// A copy of `bytes`, as a field.
    func bytes(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        unsafe bytes.withUnsafeBufferPointer { unsafe field($0) }
    }

    /// A copy of `message`, as a field.
    func place<Raw>(_ message: Raw) -> UnsafeMutablePointer<Raw>? {
        unsafe list([message])
    }

    /// A copy of `elements`, as a repeated field.
    func list<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element>? {
        guard !elements.isEmpty else { return nil }
        let pointer = UnsafeMutablePointer<Element>.allocate(capacity: elements.count)
        unsafe pointer.initialize(from: elements, count: elements.count)
        unsafe blocks.append(UnsafeMutableRawPointer(pointer))
        return unsafe pointer
    }

    /// Ends what was given out.
    func free() {
        while let block = unsafe blocks.popLast() {
            unsafe block.deallocate()
        }
    }

    @inline(never) private func field(_ bytes: UnsafeBufferPointer<UInt8>) -> ProtobufCBinaryData {
        unsafe ProtobufCBinaryData(len: bytes.count, data: list([UInt8](bytes)))
    }
}
