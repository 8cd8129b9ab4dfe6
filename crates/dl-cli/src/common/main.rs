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
use super::{Common, Io, Messages, closed, one_line};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every record came through: exit status 0.
    AllWell,
    /// The run finished, but some records failed and carry `error`: exit status 1.
    SomeFailed,
    /// Ctrl-C; what was done is saved: exit status 130.
    Interrupted,
}

impl Outcome {
    /// [`SomeFailed`](Self::SomeFailed) when `failed` is not 0.
    pub fn of(failed: usize) -> Self {
        if failed == 0 { Self::AllWell } else { Self::SomeFailed }
    }
}

/// A program: its arguments, and what it does with them.
pub trait Tool: Parser {
    /// Its name, for example `dl-nms`.
    const NAME: &'static str;

    /// The options that every program has.
    fn common(&self) -> &Common;

    /// Does the job. It writes only to `io`.
    /// # Errors
    /// When nothing could be done, or the output could not be written.
    fn run(&self, io: &mut Io) -> Result<Outcome>;
}

/// The whole life of a process. Exit status: 0 all well, 1 some records failed, 2 usage or nothing could be done,
/// 130 a training was interrupted and has saved its state.
/// A reader that goes away (`| head`) is no error.
pub fn main<T: Tool>() -> ExitCode {
    // A fault of ours is told in one line by the code that catches it.
    panic::set_hook(Box::new(|_| {}));
    let args = match T::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(T::NAME, &error),
    };
    let common = args.common();
    let mut io = Io::of_process(T::NAME, common.quiet, common.verbose);
    let messages = io.messages.clone();
    let outcome = guarded(|| {
        if let Some(threads) = common.threads {
            // Only what --threads asks for: else the threads are started where they are needed.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.get());
            pool.build_global().map_err(|error| no_thread(&error))?;
        }
        let outcome = args.run(&mut io)?;
        io.output.flush()?;
        Ok(outcome)
    });
    messages.bar().finish_and_clear();
    status(outcome, &messages)
}

/// Shows what clap has to say: help, or what is wrong with the arguments.
fn usage(tool: &'static str, error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        // Arguments may be a stranger's too, such as names of files that a glob found, and clap repeats them as they are.
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
    let messages = Messages::new(tool, Box::new(stderr()), false, 0, false);
    status(written.map(|()| Outcome::AllWell).map_err(Into::into), &messages)
}

fn status(outcome: Result<Outcome>, messages: &Messages) -> ExitCode {
    match outcome {
        Ok(Outcome::AllWell) => ExitCode::SUCCESS,
        Ok(Outcome::SomeFailed) => ExitCode::from(1),
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            messages.error(error);
            ExitCode::from(2)
        }
    }
}

/// Runs `work`; a panic in it, which is a fault of ours, becomes an error like any other.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        let text = panic_text(payload.as_ref());
        // std and rayon panic where a thread cannot be started; that is not our fault.
        if text.starts_with("failed to spawn thread") || text.contains("thread pool has not been initialized") {
            return Err(no_thread(&text));
        }
        Err(anyhow!("fault in this program, please report it: {text}"))
    })
}

/// A thread that could not be started.
pub(super) fn no_thread(why: &dyn Display) -> anyhow::Error {
    anyhow!("a thread cannot be started ({why}); ask for fewer with --threads, or raise the limits (ulimit)")
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
