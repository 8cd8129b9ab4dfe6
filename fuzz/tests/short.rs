//! A short part of `make fuzz`.

use std::process::Command;

#[test]
fn seeds_and_a_few_hundred_mutations_break_no_promise() {
    let cases = if cfg!(debug_assertions) { "150" } else { "1000" };
    let output = Command::new(env!("CARGO_BIN_EXE_fuzz"))
        // A long timeout, for a busy machine.
        .args(["--each", cases, "--patience", "60"])
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
