//! The process that runs the cases, and that a bad one may kill.
//!
//! It writes one line on stdout for each case that it begins, so that the process that watches it knows which one ended
//! it, and `panic NUMBER MESSAGE` for one that panicked.

use std::any::Any;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use dl_record::rng;

use crate::mutate::mutate;
use crate::{Seeds, Target};

/// A case that needs more than this fails; a program never takes so much for a small file.
pub const MOST_MEMORY: usize = 1 << 30;

/// The input of a case: the seeds as they are, then mutations of them.
pub fn case(target: &Target, seeds: &Seeds, seed: u64, number: u64) -> Vec<u8> {
    match usize::try_from(number).ok().and_then(|number| seeds.0.get(number)) {
        Some((_, bytes)) => bytes.clone(),
        None => mutate(&seeds.0, target.words, &mut rng(seed, &format!("{}/{number}", target.name))),
    }
}

/// Runs the cases `from..to`, telling `output` of each.
/// # Errors
/// When nobody reads the output.
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

/// What the panics of the case said, and where, the first one first: a program turns a panic into an error, which a
/// target then panics about.
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

/// A path without the registry that the crate came from.
fn short(path: &str) -> &str {
    path.split_once("/registry/src/").and_then(|(_, path)| path.split_once('/')).map_or(path, |(_, path)| path)
}

/// Runs one input; what it panicked with, in one line.
fn run(target: &Target, data: &[u8]) -> Option<String> {
    panics().clear();
    let ran = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(data)));
    ran.err().map(|_| panics().join("; then "))
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
