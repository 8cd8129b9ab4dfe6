//! The progress display: one per terminal, however many programs of a pipe could draw one.
//!
//! The programs of a pipe start at the same time and share a terminal. The one that draws holds an advisory lock on the
//! terminal, which ends with its process; the others keep trying to get it. A program that knows the total tries first,
//! then the last program of the pipe, which counts finished records.

use std::fmt;
use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::counted;

/// How often the display is redrawn, or the lock tried again.
const TICK: Duration = Duration::from_millis(100);

/// A run that ends sooner draws nothing.
const SOONEST: Duration = Duration::from_millis(300);

/// How long a program without a total leaves the terminal to one that may know it.
const WITHOUT_TOTAL: Duration = Duration::from_secs(1);

/// How long a program in the middle of a pipe leaves it to the last one.
const MIDDLE_OF_PIPE: Duration = Duration::from_secs(2);

/// A counter on stderr that starts with the program's name. Clones share it.
#[derive(Clone)]
pub struct Progress {
    bar: ProgressBar,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_over: bool,
    /// Counts the records to expect, only if a display can show the number.
    count: Option<Box<dyn FnOnce() -> Option<u64> + Send>>,
}

impl Progress {
    /// A display that is never drawn.
    pub fn hidden(tool: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_prefix(tool);
        bar.set_style(without_total("record"));
        Self { bar, shared: Arc::default() }
    }

    /// A display on stderr, which is a terminal, drawn as soon as the terminal is free.
    pub(super) fn on_terminal(tool: &'static str, stdout: Stdout) -> Self {
        let progress = Self::hidden(tool);
        let drawing = progress.clone();
        // If the thread cannot start, there is just no display.
        let _ = thread::Builder::new().name("progress".to_owned()).spawn(move || drawing.draw(stdout));
        progress
    }

    /// Counts `count` more steps as done.
    pub fn inc(&self, count: u64) {
        self.bar.inc(count);
    }

    /// Counts steps of `what`, in the singular, instead of records. Their total is unknown.
    pub fn count(&self, what: &'static str) {
        self.bar.set_style(without_total(what));
    }

    /// Sets how many steps are done.
    pub fn set_position(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Shows `text` after the counter.
    pub fn set_message(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Starts again from 0, with `total` steps of `what` to do.
    pub fn start(&self, total: u64, what: &str) {
        self.lock().count = None;
        self.bar.set_position(0);
        self.set_total(total, what);
    }

    /// Sets the total to the records so far plus `count`, which the drawing thread calls; none is an unknown total.
    pub(super) fn expect(&self, count: impl FnOnce() -> Option<u64> + Send + 'static) {
        let before = self.bar.position();
        self.lock().count = Some(Box::new(move || Some(before + count()?)));
    }

    /// Runs `write` while the display is off the screen.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Removes the display for good.
    pub(super) fn finish(&self) {
        self.lock().is_over = true;
        self.shared.changed.notify_all();
        self.bar.finish_and_clear();
    }

    fn set_total(&self, total: u64, what: &str) {
        self.bar.set_length(total);
        self.bar.set_style(with_total(what));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Draws until the program ends.
    fn draw(&self, stdout: Stdout) {
        let start = Instant::now();
        let terminal = Terminal::of_stderr();
        // No other program draws where this one prints its records.
        let mut is_ours = stdout == Stdout::Terminal && terminal.claim(stdout);
        loop {
            let state = self.lock();
            let waited = self.shared.changed.wait_timeout_while(state, TICK, |state| !state.is_over);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.is_over {
                return;
            }
            let count = state.count.take();
            drop(state);
            if let Some(count) = count {
                match count() {
                    Some(total) => self.set_total(total, "records"),
                    None => {
                        self.bar.unset_length();
                        self.bar.set_style(without_total("record"));
                    }
                }
            }
            if !self.bar.is_hidden() {
                self.bar.tick();
                continue;
            }
            if start.elapsed() < self.patience(stdout) || !(is_ours || terminal.claim(stdout)) {
                continue;
            }
            is_ours = true;
            if stdout == Stdout::Pipe && leads_to(&terminal) {
                return;
            }
            // Under the lock, so that nothing is drawn after `finish`.
            let state = self.lock();
            if !state.is_over {
                self.bar.set_draw_target(ProgressDrawTarget::stderr());
            }
        }
    }

    fn patience(&self, stdout: Stdout) -> Duration {
        match stdout {
            _ if self.bar.length().is_some() => SOONEST,
            Stdout::Pipe => MIDDLE_OF_PIPE,
            Stdout::Terminal => SOONEST,
            Stdout::Other => WITHOUT_TOTAL,
        }
    }
}

fn with_total(what: &str) -> ProgressStyle {
    style(&match what {
        "bytes" => "{prefix} {bar:20} {bytes}/{total_bytes}  {bytes_per_sec}  {left}  {msg}".to_owned(),
        _ => format!("{{prefix}} {{bar:20}} {{pos}}/{{len}} {what}  {{rate}}  {{left}}  {{msg}}"),
    })
}

fn without_total(what: &'static str) -> ProgressStyle {
    let steps = move |state: &ProgressState, output: &mut dyn fmt::Write| {
        let _ = output.write_str(&counted(usize::try_from(state.pos()).unwrap_or(usize::MAX), what));
    };
    style("{prefix} {spinner} {steps}  {rate}  {elapsed}  {msg}").with_key("steps", steps)
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).expect("the templates are constant and valid");
    style.with_key("rate", rate).with_key("left", left)
}

fn rate(state: &ProgressState, output: &mut dyn fmt::Write) {
    let rate = state.per_sec();
    let _ = write!(output, "{rate:.*}/s", if rate < 10.0 { 2 } else { 0 });
}

/// The estimated time left, once the first step is done.
fn left(state: &ProgressState, output: &mut dyn fmt::Write) {
    if state.pos() > 0 {
        let _ = write!(output, "{:#} left", HumanDuration(state.eta()));
    }
}

/// What stdout is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stdout {
    Terminal,
    Pipe,
    /// A file, or /dev/null.
    Other,
}

impl Stdout {
    pub(super) fn of_process() -> Self {
        if std::io::stdout().is_terminal() {
            return Self::Terminal;
        }
        #[cfg(unix)]
        if let Ok(stat) = rustix::fs::fstat(std::io::stdout()) {
            use rustix::fs::FileType;

            if matches!(FileType::from_raw_mode(stat.st_mode), FileType::Fifo | FileType::Socket) {
                return Self::Pipe;
            }
        }
        Self::Other
    }
}

/// The terminal that stderr writes to.
struct Terminal {
    path: Option<PathBuf>,
    /// Opened again: an inherited descriptor would share its lock with the other programs of the pipe.
    file: Option<File>,
}

impl Terminal {
    #[cfg(unix)]
    fn of_stderr() -> Self {
        use std::os::unix::ffi::OsStringExt;

        use rustix::fs::{Mode, OFlags, open};

        let name = rustix::termios::ttyname(std::io::stderr(), Vec::new()).ok();
        let path = name.map(|name| PathBuf::from(std::ffi::OsString::from_vec(name.into_bytes())));
        // NOCTTY: a program without a terminal does not get this one.
        let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = path.as_ref().and_then(|path| open(path, flags, Mode::empty()).ok()).map(File::from);
        Self { path, file }
    }

    #[cfg(not(unix))]
    fn of_stderr() -> Self {
        Self { path: None, file: None }
    }

    /// Locks the terminal if it is free. Where terminals cannot be locked, the last program of a pipe gets it.
    fn claim(&self, stdout: Stdout) -> bool {
        match self.file.as_ref().map(File::try_lock) {
            Some(Ok(())) => true,
            Some(Err(std::fs::TryLockError::WouldBlock)) => false,
            Some(Err(std::fs::TryLockError::Error(_))) | None => stdout != Stdout::Pipe,
        }
    }
}

/// Whether the records of this program reach the terminal through other programs, such as jq or less: a display would be
/// drawn over what they print. Known on Linux only.
fn leads_to(terminal: &Terminal) -> bool {
    let Some(terminal) = terminal.path.as_deref() else { return false };
    let mut output = Path::new("/proc/self/fd/1").read_link();
    for _ in 0..LONGEST_PIPE {
        let Ok(target) = output else { return false };
        if target == terminal {
            return true;
        }
        if !target.to_string_lossy().starts_with("pipe:") {
            return false;
        }
        let Ok(processes) = Path::new("/proc").read_dir() else { return false };
        let mut processes = processes.flatten().map(|entry| entry.path());
        let reader = processes.find(|process| process.join("fd/0").read_link().is_ok_and(|input| input == target));
        let Some(reader) = reader else { return false };
        output = reader.join("fd/1").read_link();
    }
    false
}

/// Programs that a pipe is followed through.
const LONGEST_PIPE: usize = 30;
