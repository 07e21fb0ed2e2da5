//! Requests without end through the handlers: see `lanyard_gateway::testing::survive`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(broken) = lanyard_gateway::testing::survive(bytes) {
        panic!("{broken}");
    }
});
