//! The bounds of histograms, in the whole units in which they are recorded.

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// gRFC A66's bounds of latencies, in nanoseconds.
pub static LATENCY_NANOS: [u64; 41] = [
    0,
    10 * MICRO,
    50 * MICRO,
    100 * MICRO,
    300 * MICRO,
    600 * MICRO,
    800 * MICRO,
    MILLI,
    2 * MILLI,
    3 * MILLI,
    4 * MILLI,
    5 * MILLI,
    6 * MILLI,
    8 * MILLI,
    10 * MILLI,
    13 * MILLI,
    16 * MILLI,
    20 * MILLI,
    25 * MILLI,
    30 * MILLI,
    40 * MILLI,
    50 * MILLI,
    65 * MILLI,
    80 * MILLI,
    100 * MILLI,
    130 * MILLI,
    160 * MILLI,
    200 * MILLI,
    250 * MILLI,
    300 * MILLI,
    400 * MILLI,
    500 * MILLI,
    650 * MILLI,
    800 * MILLI,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    20 * SECOND,
    50 * SECOND,
    100 * SECOND,
];

/// gRFC A66's bounds of sizes, in bytes.
pub static SIZE_BYTES: [u64; 14] = [
    0,
    1 << 10,
    1 << 11,
    1 << 12,
    1 << 14,
    1 << 16,
    1 << 18,
    1 << 20,
    1 << 22,
    1 << 24,
    1 << 26,
    1 << 28,
    1 << 30,
    1 << 32,
];

/// gRFC A96's bounds of retries.
pub static RETRIES: [u64; 5] = [1, 2, 3, 4, 5];
/// gRFC A96's bounds of transparent retries.
pub static TRANSPARENT_RETRIES: [u64; 6] = [1, 2, 3, 4, 5, 10];
/// gRFC A96's bounds of hedges.
pub static HEDGES: [u64; 5] = [1, 2, 3, 4, 5];
