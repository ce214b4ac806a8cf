use std::convert::Infallible;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{SeedableRng, TryRng};

use super::context::LENGTH;
use super::*;

const SPEC: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn reads_and_writes_the_example_of_the_specification() {
    let context = TraceContext::parse(SPEC).unwrap();
    assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(context.span_id.to_string(), "00f067aa0ba902b7");
    assert!(context.is_sampled());
    assert_eq!(context.to_string(), SPEC);
    assert_eq!(context.encode(), SPEC.as_bytes());
    assert!(!TraceContext::parse(&SPEC.replace("-01", "-00")).unwrap().is_sampled());
}

#[test]
fn refuses_everything_else() {
    use InvalidTraceparent::*;
    for (text, error) in [
        ("", Length),
        ("00", Length),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", Length),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", Length),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ", Length),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011", Length),
        (" 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Hex),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Version),
        ("FF-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Hex),
        ("0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Hex),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", Hex),
        ("00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01", Hex),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01", Hex),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A", Hex),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-é", Hex),
        ("00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Dash),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01", Dash),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01", Dash),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", ZeroTraceId),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", ZeroSpanId),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x", Dash),
    ] {
        assert_eq!(TraceContext::parse(text), Err(error), "{text}");
    }
}

#[test]
fn reads_a_later_version_as_far_as_this_one_goes() {
    let expected = TraceContext::parse(SPEC).unwrap();
    for later in [SPEC.replacen("00", "01", 1), SPEC.replacen("00", "cc", 1) + "-what-the-future-holds"] {
        let context = TraceContext::parse(&later).unwrap();
        assert_eq!(context, expected, "{later}");
        assert_eq!(context.to_string(), SPEC);
    }
}

#[test]
fn drops_flags_that_level_1_does_not_know() {
    for (flags, kept) in [("ff", "-01"), ("02", "-00"), ("fe", "-00")] {
        let context = TraceContext::parse(&SPEC.replace("-01", &format!("-{flags}"))).unwrap();
        assert!(context.to_string().ends_with(kept), "{context}");
    }
    let invented = TraceContext { flags: 0xff, ..TraceContext::parse(SPEC).unwrap() };
    assert_eq!(invented.encode(), SPEC.as_bytes());
    assert_eq!(invented.to_string(), SPEC);
}

#[test]
fn a_child_is_another_place_in_the_same_trace() {
    let parent = TraceContext::parse(SPEC).unwrap();
    let child = parent.child();
    assert_eq!((child.trace_id, child.flags), (parent.trace_id, parent.flags));
    assert_ne!(child.span_id, parent.span_id);
    assert_ne!(TraceContext::root().trace_id, TraceContext::root().trace_id);
}

#[test]
fn the_same_randomness_makes_the_same_identifiers() {
    let context = || TraceContext::root_with(&mut StdRng::seed_from_u64(7));
    assert_eq!(context(), context());
}

/// A source of nothing but zeros.
struct Zeros;

impl TryRng for Zeros {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill(0);
        Ok(())
    }
}

#[test]
fn identifiers_are_never_zero() {
    let context = TraceContext::root_with(&mut Zeros);
    assert_eq!(TraceContext::parse(&context.to_string()), Ok(context));
    assert_eq!(TraceId::new([0; 16]), None);
    assert_eq!(SpanId::new([0; 8]), None);
}

proptest! {
    #[test]
    fn whatever_is_written_is_read(trace: [u8; 16], span: [u8; 8], sampled: bool) {
        prop_assume!(trace != [0; 16] && span != [0; 8]);
        let context = TraceContext {
            trace_id: TraceId::new(trace).unwrap(),
            span_id: SpanId::new(span).unwrap(),
            flags: u8::from(sampled),
        };
        let text = context.to_string();
        prop_assert_eq!(text.as_bytes(), context.encode());
        prop_assert_eq!(TraceContext::parse(&text), Ok(context));
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        let _ = TraceContext::parse(&text);
    }

    // Near a valid one, where the interesting mistakes are.
    #[test]
    fn what_is_read_from_a_damaged_text_is_valid(at in 0..LENGTH, byte in 0..0x80_u8, cut in 0..=LENGTH) {
        let mut text = SPEC.as_bytes().to_vec();
        text[at] = byte;
        text.truncate(cut);
        let text = String::from_utf8(text).unwrap();
        if let Ok(context) = TraceContext::parse(&text) {
            prop_assert_eq!(cut, LENGTH);
            prop_assert_eq!(TraceContext::parse(&context.to_string()), Ok(context));
            prop_assert_eq!(&context.to_string()[3..53], &text[3..53]);
        }
    }
}
