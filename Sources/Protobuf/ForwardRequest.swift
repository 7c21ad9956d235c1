import CProto
import CProtobufC
package import Linux

/// An event on its way to containerd: `ForwardRequest` of containerd's ttrpc event service, with its envelope.
package struct ForwardRequest: Equatable {
    /// When it happened; must not be the epoch.
    package var timestamp: Timestamp
    /// containerd's namespace.
    package var namespace: String
    /// What subscribers choose by.
    package var topic: String
    /// Its type is the bare name.
    package var event: AnyMessage

    package init(timestamp: Timestamp, namespace: String, topic: String, event: AnyMessage) {
        self.timestamp = timestamp
        self.namespace = namespace
        self.topic = topic
        self.event = event
    }

    /// The event in an envelope of its own topic and type.
    package init<Content: Event>(_ event: Content, timestamp: Timestamp, namespace: String) {
        self.init(
            timestamp: timestamp, namespace: namespace, topic: Content.topic,
            event: AnyMessage(typeURL: Content.typeName, value: event.encoded()))
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("ForwardRequest", swiftrunc__forward_request__type(), bytes) {
            (raw: Swiftrunc__ForwardRequest) throws(Malformed) in
            guard let envelope = unsafe raw.envelope?.pointee, let timestamp = unsafe Timestamp(envelope.timestamp),
                let event = unsafe try AnyMessage(envelope.event)
            else { throw Malformed() }
            return unsafe ForwardRequest(
                timestamp: timestamp, namespace: try text(envelope.namespace_), topic: try text(envelope.topic),
                event: event)
        }
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            let envelope = unsafe Swiftrunc__Envelope(
                base: base(swiftrunc__envelope__type()), timestamp: arena.place(timestamp),
                namespace_: arena.text(namespace), topic: arena.text(topic), event: arena.place(event))
            return unsafe Swiftrunc__ForwardRequest(
                base: base(swiftrunc__forward_request__type()), envelope: arena.place(envelope))
        }
    }
}
