use proptest::prelude::*;

use super::*;

const START: &str = r#"{"type":"start","seed":1,"clients":2}"#;
const FAULT: &str = r#"{"type":"fault","t":5,"fault":"kill","target":"stack"}"#;

fn history(text: &str) -> Result<History, ReadError> {
    read_from(text.as_bytes())
}

#[test]
fn half_a_line_at_the_end_is_left_out_with_a_note() {
    let read = history(&format!("{START}\n{}", &FAULT[..20])).unwrap();
    assert_eq!(read.records(), [Record::Start { seed: 1, clients: 2 }]);
    assert_eq!(read.note(), Some("line 2 ends in the middle and was left out"));
}

#[test]
fn a_whole_line_at_the_end_needs_no_line_break() {
    let read = history(&format!("{START}\n{FAULT}")).unwrap();
    assert_eq!((read.records().len(), read.note()), (2, None));
}

#[test]
fn a_line_that_is_none_is_named() {
    let error = history(&format!("{START}\n{}\n{FAULT}\n", &FAULT[..20])).unwrap_err();
    assert_eq!(error.to_string(), "line 2 is no line of a history");
    assert!(matches!(history(""), Err(ReadError::Empty)));
    assert!(matches!(history(&START[..9]), Err(ReadError::Empty)));
    assert!(matches!(read(Path::new("/nowhere/at/all")), Err(ReadError::Open(_))));
}

fn misplaced(lines: &[&str]) -> Option<(u64, &'static str)> {
    match history(&lines.join("\n")) {
        Err(ReadError::Misplaced { line, why }) => Some((line, why)),
        Ok(_) => None,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn what_ends_comes_before_it_is_quiet_and_nothing_after_the_end() {
    let invoke = r#"{"type":"invoke","op":1,"client":0,"t":1,"call":{"method":"get_user","user_id":"u"}}"#;
    let info = r#"{"type":"info","op":1,"t":2,"code":"UNAVAILABLE"}"#;
    let quiet = r#"{"type":"quiet","t":3,"left":[]}"#;
    let found = r#"{"type":"found","no_user":{"user_id":"u"}}"#;
    let end = r#"{"type":"end","lines":5}"#;
    assert_eq!(misplaced(&[START, invoke, info, quiet, found, end]), None);
    assert_eq!(misplaced(&[START, invoke, quiet, info]), Some((4, "a call ends after it was quiet")));
    assert_eq!(misplaced(&[START, quiet, invoke]), Some((3, "a call begins after it was quiet")));
    assert_eq!(misplaced(&[START, quiet, found, quiet]), Some((4, "it was quiet before")));
    assert_eq!(misplaced(&[START, found]), Some((2, "something is found before it was quiet")));
    assert_eq!(misplaced(&[START, FAULT, START]), Some((3, "the history has begun before")));
    assert_eq!(
        misplaced(&[START, invoke, info, quiet, end]),
        Some((5, "it is the end of another number of lines"))
    );
    assert_eq!(
        misplaced(&[START, invoke, info, quiet, found, end, found]),
        Some((7, "it comes after the end"))
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}(\n\\PC{0,60}){0,4}", cut in 0_usize..200) {
        let whole = format!("{START}\n{FAULT}\n{text}");
        let cut = whole.as_bytes().get(..cut).unwrap_or(whole.as_bytes());
        // Whatever is read before the cut is what the whole begins with.
        if let (Ok(part), Ok(whole)) = (read_from(cut), history(&whole)) {
            prop_assert!(whole.records().starts_with(part.records()));
        }
    }
}
