//! From arguments to exit status.

use std::any::Any;
use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Parser;

use super::io::{stderr, stdout};
use super::progress::Progress;
use super::{Common, Io, Messages, closed, one_line, out_of_memory};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No record failed: exit status 0.
    AllWell,
    /// The run finished, but some records failed and carry `error`: exit status 1.
    SomeFailed,
    /// Ctrl-C; the state is saved: exit status 130.
    Interrupted,
}

impl Outcome {
    /// [`SomeFailed`](Self::SomeFailed) when `failed` is not 0.
    pub fn of(failed: usize) -> Self {
        if failed == 0 { Self::AllWell } else { Self::SomeFailed }
    }
}

/// A program: its arguments and what it does.
pub trait Tool: Parser {
    /// The program's name, for example `dl-nms`.
    const NAME: &'static str;

    /// Whether it opens images, so that a stream of them can be its input.
    const TAKES_FRAMES: bool = false;

    /// The common options.
    fn common(&self) -> &Common;

    /// Runs the program. It writes only to `io`.
    /// # Errors
    /// When nothing could be done, or the output could not be written.
    fn run(&self, io: &mut Io) -> Result<Outcome>;
}

/// Runs a program from its arguments to its exit status: 0 all well, 1 some records failed, 2 usage error or nothing
/// could be done, 130 training was interrupted and has saved its state. A closed pipe (`| head`) is not an error.
pub fn main<T: Tool>() -> ExitCode {
    // A panic is reported in one line by the code that catches it.
    panic::set_hook(Box::new(|_| {}));
    out_of_memory::catch();
    let args = match T::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(T::NAME, &error),
    };
    let common = args.common();
    let mut io = Io::of_process(T::NAME, common.quiet, common.verbose);
    io.takes_frames = T::TAKES_FRAMES;
    if io.input_is_terminal {
        io.command = command::<T>();
    }
    let messages = io.messages.clone();
    let outcome = guarded(|| {
        if let Some(threads) = common.threads {
            // Where the stacks do not fit, a thread that has started may find no memory for itself, which aborts the program.
            let stacks = threads.get() * STACK;
            Vec::<u8>::new().try_reserve_exact(stacks).map_err(|_| no_thread(&"their stacks do not fit in memory"))?;
            if env::var_os(CANDLE_THREADS).is_none() {
                // SAFETY: the program has started no thread that reads or changes the environment.
                unsafe { env::set_var(CANDLE_THREADS, threads.to_string()) };
            }
            // Without --threads, rayon starts its threads when they are first needed.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get());
            pool.build_global().map_err(|error| no_thread(&error))?;
        }
        let outcome = args.run(&mut io)?;
        io.output.flush()?;
        Ok(outcome)
    });
    messages.finish();
    status(outcome, &messages)
}

/// candle has threads of its own beside rayon's, whose number it reads here.
const CANDLE_THREADS: &str = "CANDLE_NUM_THREADS";

/// Bytes of a thread's stack, and what it needs to start.
const STACK: usize = (2 << 20) + (1 << 18);

/// The program with the subcommand that the arguments name.
fn command<T: Tool>() -> String {
    let mut command = <T as clap::CommandFactory>::command();
    let mut names = T::NAME.to_owned();
    for argument in env::args_os().skip(1) {
        let found = argument.to_str().and_then(|argument| command.find_subcommand(argument)).cloned();
        if let Some(found) = found {
            names = format!("{names} {}", found.get_name());
            command = found;
        }
    }
    names
}

/// Prints clap's message: the help, or what is wrong with the arguments.
fn usage(tool: &'static str, error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        // Arguments may be untrusted too, such as file names that a glob found, and clap prints them unescaped.
        let is_plain = |argument: OsString| argument.to_str().is_some_and(|argument| one_line(argument) == argument);
        if env::args_os().all(is_plain) {
            let _ = error.print();
        } else {
            let lines: Vec<String> = text.lines().map(one_line).collect();
            let _ = writeln!(stderr(), "{}", lines.join("\n"));
        }
        return ExitCode::from(2);
    }
    let written = if io::stdout().is_terminal() && !closed::stdout() {
        error.print()
    } else {
        let mut stdout = stdout();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
    };
    let messages = Messages::new(tool, Box::new(stderr()), false, 0, Progress::hidden(tool));
    status(written.map(|()| Outcome::AllWell).map_err(Into::into), &messages)
}

fn status(outcome: Result<Outcome>, messages: &Messages) -> ExitCode {
    match outcome {
        Ok(Outcome::AllWell) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::from(1),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            messages.fatal(error);
            ExitCode::from(2)
        }
    }
}

/// Runs `work` and turns a panic, which is a bug, into an error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = panic_text(payload.as_ref());
        // std and rayon panic when a thread cannot be started; that is not a bug.
        if text.starts_with("failed to spawn thread") || text.contains("thread pool has not been initialized") {
            return Err(no_thread(&text));
        }
        if let Some(size) = size_not_had(text) {
            return Err(anyhow!(
                "not enough memory ({:.1} GB could not be had): use fewer or shorter rows, or options that take less; or \
                 raise the limits (ulimit)",
                size / 1e9
            ));
        }
        Err(anyhow!("bug in this program, please report it: {text}"))
    })
}

/// The bytes of an allocation that failed, for which faer panics.
fn size_not_had(text: &str) -> Option<f64> {
    let (_, layout) = text.split_once("AllocError")?;
    let (_, size) = layout.split_once("size: ")?;
    size.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// The error for a thread that could not be started.
pub(super) fn no_thread(why: &dyn Display) -> anyhow::Error {
    anyhow!("cannot start a thread ({why}); use fewer with --threads, or raise the limits (ulimit)")
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let kind = cause
            .downcast_ref::<io::Error>()
            .map(io::Error::kind)
            .or_else(|| cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind));
        kind == Some(io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_that_does_not_fit_is_not_a_bug() {
        let found = |text: &'static str| guarded::<()>(|| panic!("{text}")).unwrap_err().to_string();
        let text =
            "called `Result::unwrap()` on an `Err` value: AllocError { layout: Layout { size: 204800000, align: 64 } }";
        assert!(found(text).starts_with("not enough memory (0.2 GB"), "{}", found(text));
        assert!(found("index out of bounds").contains("please report it: index out of bounds"));
    }
}
