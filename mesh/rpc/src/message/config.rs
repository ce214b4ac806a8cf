//! When messages are compressed.

use super::Encoding;

/// When messages are compressed that leave this process.
///
/// Within a datacentre the network is mostly cheaper than the CPU, so nothing is compressed unless this is set; and
/// what is too small to gain is never compressed. What comes compressed from the other end is understood in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompressionConfig {
    /// What messages are compressed with.
    ///
    /// A server uses it for answers if the client accepts it, else the other one if the client accepts that. A
    /// channel uses it for requests, which a server that does not know it answers with UNIMPLEMENTED; `None` leaves
    /// requests as they are, and the channel only says that answers may come compressed.
    pub encoding: Option<Encoding>,
    /// The smallest message that is compressed, in bytes.
    pub min_bytes: usize,
}

impl Default for CompressionConfig {
    /// zstd, from 1 KiB on: less fits into the packet that is sent anyway.
    fn default() -> Self {
        Self { encoding: Some(Encoding::Zstd), min_bytes: 1024 }
    }
}
