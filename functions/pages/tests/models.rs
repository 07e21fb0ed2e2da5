//! The lists of operations that the pages have are those of the type.

use lanyard_domain::operation::Operation;

#[test]
fn the_pages_know_which_operations_have_no_model_and_which_need_stored_objects() {
    let script = include_str!("../web/models.js");
    let set = |name: &str| {
        let (_, list) = script.split_once(&format!("const {name} = new Set([")).unwrap();
        let (list, _) = list.split_once("]);").unwrap();
        let names = list.split(", ").filter_map(|name| name.strip_prefix('"')?.strip_suffix('"'));
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let all = |is_meant: fn(Operation) -> bool| {
        let meant = Operation::ALL.iter().filter(|operation| is_meant(**operation));
        let mut names: Vec<_> = meant.map(|operation| operation.name().to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(set("OF_OBJECTS"), all(|operation| !operation.has_model()));
    let mut needing = [set("OF_OBJECTS"), set("NEED_STORED_OBJECTS")].concat();
    needing.sort_unstable();
    assert_eq!(needing, all(Operation::needs_stored_objects));
}
