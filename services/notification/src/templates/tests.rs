//! What comes of a template.

use super::*;

fn parameters(email: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("email".to_owned(), email.to_owned())])
}

#[test]
fn escapes_what_users_wrote_in_html_only() {
    let rendered = Templates::load().unwrap().render(WELCOME, &parameters("<b>@c.de")).unwrap();
    assert!(rendered.html.contains("&lt;b&gt;@c.de") && !rendered.html.contains("<b>@c.de"));
    assert!(rendered.text.contains("<b>@c.de"));
}

#[test]
fn a_parameter_cannot_begin_a_header() {
    let rendered = Templates::load().unwrap().render(WELCOME, &parameters("a\r\nBcc: x")).unwrap();
    assert_eq!(rendered.subject, "Welcome, a  Bcc: x");
}

#[test]
fn names_what_is_missing() {
    let templates = Templates::load().unwrap();
    let missing = templates.render(WELCOME, &BTreeMap::new()).unwrap_err();
    assert_eq!(missing.to_string(), "the template \"welcome\" needs the parameter \"email\"");
    let unknown = templates.subject("nothing", &BTreeMap::new()).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no template \"nothing\"");
}

fn receipt(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    let common =
        [("amount", "EUR 10.50"), ("payment_id", "7"), ("date", "2023-11-14 22:13 UTC"), ("reason", "")];
    let own =
        [("authorized", "EUR 20.00"), ("released", ""), ("captured", "EUR 20.00"), ("total_refunded", "")];
    let all = common.iter().chain(&own).chain(values);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const RECEIPTS: [&str; 4] = [PAYMENT_CAPTURED, PAYMENT_REFUNDED, PAYMENT_CANCELED, PAYMENT_FAILED];

#[test]
fn a_receipt_escapes_its_values_in_html_only() {
    let templates = Templates::load().unwrap();
    for name in RECEIPTS {
        let rendered = templates.render(name, &receipt(&[("payment_id", "<i>7</i>")])).unwrap();
        assert!(rendered.html.contains("&lt;i&gt;7&lt;"), "{name}: {}", rendered.html);
        assert!(!rendered.html.contains("<i>"), "{name}: {}", rendered.html);
        assert!(rendered.text.contains("<i>7</i>"), "{name}: {}", rendered.text);
        assert!(rendered.subject.contains("EUR 10.50"), "{name}: {}", rendered.subject);
    }
}

#[test]
fn a_receipt_has_no_line_for_what_there_is_not() {
    let templates = Templates::load().unwrap();
    for (name, value, line) in [
        (PAYMENT_CAPTURED, "released", "EUR 9.50"),
        (PAYMENT_CANCELED, "reason", "It has expired."),
        (PAYMENT_FAILED, "reason", "There were not enough funds."),
    ] {
        let without = templates.render(name, &receipt(&[])).unwrap();
        let with = templates.render(name, &receipt(&[(value, line)])).unwrap();
        assert!(!without.text.contains("Released") && !without.text.contains("\n\n\n"), "{}", without.text);
        assert!(!without.html.contains("Released") && !without.html.contains("<p></p>"), "{}", without.html);
        assert!(with.text.contains(line) && !with.text.contains("\n\n\n"), "{}", with.text);
        assert!(with.html.contains(line), "{}", with.html);
    }
}

#[test]
fn every_receipt_asks_for_each_of_its_parameters() {
    let templates = Templates::load().unwrap();
    for source in SOURCES.iter().filter(|source| RECEIPTS.contains(&source.name)) {
        for parameter in source.parameters {
            let mut parameters = receipt(&[]);
            parameters.remove(*parameter);
            let error = templates.render(source.name, &parameters).unwrap_err();
            assert!(error.to_string().contains(&format!("{parameter:?}")), "{error}");
        }
    }
}
