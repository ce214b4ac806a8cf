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
