//! Words for the user on stderr, and the one progress bar.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use dl_record::shown;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Says things on stderr, signed by the program. Clones share the stream and the bar.
#[derive(Clone)]
pub struct Messages {
    tool: &'static str,
    output: Arc<Mutex<Box<dyn Write + Send>>>,
    quiet: bool,
    verbose: u8,
    bar: ProgressBar,
}

impl Messages {
    /// Messages of `tool` to `output`; a progress bar is drawn only when `terminal` and not `quiet`.
    pub fn new(tool: &'static str, output: Box<dyn Write + Send>, quiet: bool, verbose: u8, terminal: bool) -> Self {
        let bar = ProgressBar::no_length();
        if !terminal || quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_style(style("{spinner} {pos} records  {per_sec}  {elapsed}  {msg}"));
        Self { tool, output: Arc::new(Mutex::new(output)), quiet, verbose, bar }
    }

    /// The program that speaks.
    pub fn tool(&self) -> &'static str {
        self.tool
    }

    /// An error, said even with `--quiet`: `dl-nms: <stdin>:17: box has x2 < x1`.
    pub fn error(&self, text: impl Display) {
        self.write(&one_line(text));
    }

    /// Something the user should know, unless `--quiet`.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            self.write(&one_line(text));
        }
    }

    /// Something for those who asked with `--verbose`.
    pub fn detail(&self, text: impl Display) {
        if self.verbose > 0 {
            self.write(&one_line(text));
        }
    }

    /// The progress bar: counts records until [`progress_to`](Self::progress_to) tells how many there will be.
    pub fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// The bar now runs to `total` steps of `what`.
    pub fn progress_to(&self, total: u64, what: &str) {
        self.bar.set_position(0);
        self.bar.set_length(total);
        self.bar.set_style(style(&format!("{{bar:30}} {{pos}}/{{len}} {what}  {{per_sec}}  {{eta}} left  {{msg}}")));
    }

    fn write(&self, text: &str) {
        self.bar.suspend(|| {
            let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
            // A closed stderr is no reason to stop working.
            let _ = writeln!(output, "{}: {text}", self.tool);
        });
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constant and right")
}

/// `1 object`, `2 objects`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The longest message, in characters.
const LONGEST: usize = 2000;

/// A message in one line that a terminal may see, whatever a library or a stranger put into it: of a long one the middle
/// is left out, since it begins with the place and ends with the cause. Alternate formatting (`{:#}`) shows an error's
/// causes.
pub fn one_line(text: impl Display) -> String {
    let text = format!("{text:#}");
    let text = shortened(&text, LONGEST);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(shown).collect();
    shortened(&lines.join("; "), LONGEST).into_owned()
}

/// The text, or its two ends when it has more than `most` characters.
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
