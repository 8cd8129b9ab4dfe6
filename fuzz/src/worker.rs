//! The process that runs the cases, which a bad case may kill.
//!
//! It writes a line to stdout for each case that it starts, so that the supervisor knows which case killed it, and
//! `panic NUMBER MESSAGE` for a case that panicked.

use std::any::Any;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use dl_record::rng;

use crate::mutate::mutate;
use crate::{Seeds, Target};

/// The memory limit of a case; no program takes as much for a small file.
pub const MOST_MEMORY: usize = 1 << 30;

/// The input of a case: first the unchanged seeds, then mutations of them.
pub fn case(target: &Target, seeds: &Seeds, seed: u64, number: u64) -> Vec<u8> {
    match usize::try_from(number).ok().and_then(|number| seeds.0.get(number)) {
        Some((_, bytes)) => bytes.clone(),
        None => mutate(&seeds.0, target.words, &mut rng(seed, &format!("{}/{number}", target.name))),
    }
}

/// Runs the cases `from..to`, and writes the number of each to `output`.
/// # Errors
/// When the output cannot be written.
pub fn work(target: &Target, seeds: &Seeds, seed: u64, from: u64, to: u64, output: &mut dyn Write) -> Result<()> {
    watch_panics();
    for number in from..to {
        let data = case(target, seeds, seed, number);
        writeln!(output, "{number}")?;
        output.flush()?;
        if let Some(message) = run(target, &data) {
            writeln!(output, "panic {number} {message}")?;
            output.flush()?;
        }
    }
    Ok(())
}

/// The messages and locations of the panics of a case, in order: a program turns a panic into an error, about which the
/// target panics in turn.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn panics() -> MutexGuard<'static, Vec<String>> {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch_panics() {
    panic::set_hook(Box::new(|info| {
        let place =
            info.location().map_or_else(String::new, |place| format!("{}:{}", short(place.file()), place.line()));
        let message = text(info.payload()).lines().collect::<Vec<_>>().join(" ");
        panics().push(format!("{place}: {message}"));
    }));
}

/// A source path without the folder of the crate registry.
fn short(path: &str) -> &str {
    path.split_once("/registry/src/").and_then(|(_, path)| path.split_once('/')).map_or(path, |(_, path)| path)
}

/// Runs one input. Returns the panic message in one line, if it panicked.
fn run(target: &Target, data: &[u8]) -> Option<String> {
    panics().clear();
    let ran = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(data)));
    ran.err().map(|_| panics().join("; then "))
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
