use super::*;
use crate::inventory::samples::an_event;

#[test]
fn the_code_of_an_open_event_is_used_unless_one_is_given() {
    let mut open = an_event("oslo", "2026-12-05T09:00:00Z", "2026-12-06T18:00:00Z");
    let to_come = open.clone();
    open.status = "open".to_owned();
    let inventory = |event| Inventory { events: vec![event], ..Inventory::default() };
    let reveal = |secret: Option<Secret>| secret.map(|secret| secret.reveal().to_owned());
    let of_open = reveal(credential(None, Some(&inventory(open.clone()))));
    assert_eq!(of_open.as_deref(), Some("c0de/lanyard-doctor"));
    assert_eq!(credential(None, Some(&inventory(to_come))), None);
    let given: Secret = "other/ada".parse().unwrap();
    let given = reveal(credential(Some(&given), Some(&inventory(open))));
    assert_eq!(given.as_deref(), Some("other/ada"));
}
