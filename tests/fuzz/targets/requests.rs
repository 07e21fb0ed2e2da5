//! Fuzzes the handlers with generated requests: see `lanyard_objects::testing::survive`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(broken) = lanyard_objects::testing::survive(bytes) {
        panic!("{broken}");
    }
});
