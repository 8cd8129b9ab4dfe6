//! Messages for the user on stderr.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dl_record::shown;

use super::progress::Progress;
use super::repeats::Repeats;

/// Prints messages on stderr, each with the program's name. Clones share the stream and the progress display.
#[derive(Clone)]
pub struct Messages {
    tool: &'static str,
    output: Arc<Mutex<Box<dyn Write + Send>>>,
    quiet: bool,
    verbose: u8,
    progress: Progress,
    repeats: Arc<Mutex<Repeats>>,
    /// Starts each line: on a terminal, it erases the progress display of another program of the pipe.
    clear: &'static str,
    is_hinted: Arc<AtomicBool>,
}

impl Messages {
    /// Messages of `tool` to `output`.
    pub fn new(
        tool: &'static str,
        output: Box<dyn Write + Send>,
        quiet: bool,
        verbose: u8,
        progress: Progress,
    ) -> Self {
        let output = Arc::new(Mutex::new(output));
        let repeats = Arc::default();
        Self { tool, output, quiet, verbose, progress, repeats, clear: "", is_hinted: Arc::default() }
    }

    /// For a terminal, where another program of the pipe may have drawn its progress.
    pub(super) fn on_terminal(self) -> Self {
        Self { clear: "\r\x1b[K", ..self }
    }

    /// The program's name.
    pub fn tool(&self) -> &'static str {
        self.tool
    }

    /// Prints an error, even with `--quiet`: `dl-nms: <stdin>:17: box has x2 < x1`. Of many that differ only in names and
    /// numbers, the first are printed and the others counted, unless `--verbose`.
    pub fn error(&self, text: impl Display) {
        self.write_first(&one_line(text));
    }

    /// Prints why the program ends.
    pub(super) fn fatal(&self, text: impl Display) {
        self.write(&one_line(text));
    }

    /// Prints something the user should know, unless `--quiet`; of many of one kind the first.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            self.write_first(&one_line(text));
        }
    }

    /// Prints a hint about a common mistake, once, unless `--quiet`.
    pub(super) fn hint(&self, text: impl Display) {
        if !self.quiet && !self.is_hinted.swap(true, Ordering::Relaxed) {
            self.write(&format!("hint: {}", one_line(text)));
        }
    }

    /// Prints a detail, with `--verbose` only.
    pub fn detail(&self, text: impl Display) {
        if self.verbose > 0 {
            self.write(&one_line(text));
        }
    }

    /// The progress display, which counts records until [`progress_to`](Self::progress_to) is called.
    pub fn bar(&self) -> &Progress {
        &self.progress
    }

    /// Starts the progress display again, with `total` steps of `what` to do.
    pub fn progress_to(&self, total: u64, what: &str) {
        self.progress.start(total, what);
    }

    /// Removes the progress display, and prints how many messages were left out.
    pub(super) fn finish(&self) {
        self.progress.finish();
        let summary = self.repeats().summary();
        summary.iter().for_each(|line| self.write(line));
    }

    fn write_first(&self, text: &str) {
        if self.verbose > 0 || self.repeats().is_printed(text) {
            self.write(text);
        }
    }

    fn write(&self, text: &str) {
        self.progress.suspend(|| {
            let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            // In one piece, since other programs write there too. A closed stderr does not stop the work.
            let line = format!("{}{}: {text}\n", self.clear, self.tool);
            let _ = output.write_all(line.as_bytes());
        });
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `1 object`, `2 objects`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The longest message, in characters.
const LONGEST: usize = 2000;

/// A message as one line that is safe to print on a terminal, whatever a library or the input put into it. The middle of
/// a long one is left out, since it begins with the place and ends with the cause. An error is shown with its causes.
pub fn one_line(text: impl Display) -> String {
    let text = format!("{text:#}");
    let text = shortened(&text, LONGEST);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(shown).collect();
    shortened(&lines.join("; "), LONGEST).into_owned()
}

/// The text, or its two ends if it has more than `most` characters.
fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    const LEFT_OUT: &str = " ... ";
    if text.len() <= most || text.chars().count() <= most {
        return Cow::Borrowed(text);
    }
    let kept = (most - LEFT_OUT.len()) / 2;
    let head = text.char_indices().nth(kept).map_or(text.len(), |(at, _)| at);
    let tail = text.char_indices().nth_back(kept - 1).map_or(0, |(at, _)| at);
    Cow::Owned(format!("{}{LEFT_OUT}{}", &text[..head], &text[tail..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_keeps_its_ends() {
        let text = format!("photo.jpg: {}\u{1b}: no such file", "ü\n".repeat(1 << 20));
        let line = one_line(&text);
        assert!(line.starts_with("photo.jpg: ü; ü") && line.ends_with("\\u{1b}: no such file"), "{line}");
        assert!((LONGEST - 1..=LONGEST).contains(&line.chars().count()), "{}", line.chars().count());
        assert_eq!(one_line(&line), line);
        assert_eq!(one_line("x".repeat(LONGEST)).len(), LONGEST);
    }
}
