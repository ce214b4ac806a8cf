//! What HPACK shall not remember.

use http::HeaderValue;

/// Makes a value that no other call has a literal that is never indexed (RFC 7541, section 6.2.3). Each would go into the
/// 4 KiB that both ends remember, push out what every call says, and be compared with each of its kind that is still there.
pub(crate) fn unindexed(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}
