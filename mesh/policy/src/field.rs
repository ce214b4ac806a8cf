//! A field of a message, as it is found in the message's bytes.

/// A field of a request, by which calls are told apart: found in the encoded message, without decoding the rest of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageField {
    /// What the contract calls it, dotted if nested: `user.user_id`.
    pub name: &'static str,
    /// The numbers of the fields on the way to it, the outermost first; its own is the last.
    pub path: &'static [u32],
    /// How its value is written.
    pub encoding: FieldEncoding,
}

/// How the value of a field is written (the wire types of protobuf, as far as keys have them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldEncoding {
    /// A variable-length integer.
    Varint,
    /// Four bytes.
    Fixed32,
    /// Eight bytes.
    Fixed64,
    /// A string, or bytes, after their length.
    Bytes,
}
