//! Events have a JSON form.

use crate::workshop::Workshop;

const EVENTS: &str = r#"syntax = "proto3";
package event.v1;
import "google/protobuf/timestamp.proto";
message UserCreated {
  string user_id = 1;
  google.protobuf.Timestamp occur_time = 2;
  Detail detail = 3;
  message Detail { optional google.protobuf.Timestamp seen_time = 1; }
}
"#;

fn without_spaces(code: &str) -> String {
    code.split_whitespace().collect()
}

#[test]
fn messages_derive_serde_and_write_moments_through_the_crates_module() {
    let workshop = Workshop::with(&[("event/v1/user_events.proto", EVENTS)]);
    workshop.contracts().event_json("event.v1").compile_to(workshop.out.path()).unwrap();
    let code = without_spaces(&workshop.output("event.v1.rs"));
    assert_eq!(code.matches("#[derive(::serde::Serialize,::serde::Deserialize)]").count(), 2, "{code}");
    assert_eq!(code.matches("#[serde(default)]").count(), 2, "{code}");
    for field in ["occur_time", "seen_time"] {
        let attribute = format!("#[serde(with=\"crate::rfc3339\")]pub{field}:::core::option::Option<");
        assert!(code.contains(&attribute), "{field} in {code}");
    }
}

#[test]
fn moments_in_lists_maps_and_oneofs_are_refused() {
    let list = EVENTS.replace("google.protobuf.Timestamp occur", "repeated google.protobuf.Timestamp occur");
    let map =
        EVENTS.replace("google.protobuf.Timestamp occur", "map<string, google.protobuf.Timestamp> occur");
    let oneof = EVENTS.replace(
        "google.protobuf.Timestamp occur_time = 2;",
        "oneof when { google.protobuf.Timestamp occur_time = 2; }",
    );
    for events in [list, map, oneof] {
        let workshop = Workshop::with(&[("event/v1/user_events.proto", &events)]);
        let compiled = workshop.contracts().event_json("event.v1").compile_to(workshop.out.path());
        assert_eq!(
            compiled.unwrap_err().to_string(),
            "the events have no JSON form:\n  event/v1/user_events.proto: event.v1.UserCreated.occur_time is a \
             Timestamp in a list, a map or a oneof; only single ones have a JSON form",
            "{events}"
        );
    }
}

#[test]
fn a_package_of_events_that_is_not_there_is_refused() {
    let workshop = Workshop::with(&[("event/v1/user_events.proto", EVENTS)]);
    let compiled = workshop.contracts().event_json("event.v2").compile_to(workshop.out.path());
    assert_eq!(
        compiled.unwrap_err().to_string(),
        "the events have no JSON form:\n  the package event.v2 has no message"
    );
}
