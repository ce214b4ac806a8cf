//! `amqps` begins with TLS, and `amqp` does not.

use crate::{fake_broker::first_bytes, harness::bounded};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_scheme_decides_whether_the_connection_is_encrypted() {
    assert_eq!(&bounded(first_bytes("amqp")).await, b"AMQ");
    // A handshake record, and the version that every such record begins with.
    assert_eq!(bounded(first_bytes("amqps")).await, [0x16, 3, 1]);
}
