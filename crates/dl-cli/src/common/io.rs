//! The three streams of a program, so that a test can hand in its own.

use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};

use super::patient::Patient;
use super::{Messages, closed};

/// What a program reads, writes and says.
pub struct Io {
    /// Records in.
    pub input: Box<dyn BufRead + Send>,
    /// Records out, and nothing else.
    pub output: Box<dyn Write + Send>,
    /// Words for the user.
    pub messages: Messages,
    /// Is the output read by a person?
    pub output_is_terminal: bool,
}

impl Io {
    /// stdin, stdout and stderr of the process, for the program called `tool`.
    pub fn of_process(tool: &'static str, quiet: bool, verbose: u8) -> Self {
        let stdin = Patient::new(io::stdin(), "stdin", closed::stdin());
        let terminal = io::stderr().is_terminal();
        Self {
            input: Box::new(BufReader::with_capacity(1 << 16, stdin)),
            output: Box::new(BufWriter::with_capacity(1 << 16, stdout())),
            messages: Messages::new(tool, Box::new(stderr()), quiet, verbose, terminal),
            output_is_terminal: io::stdout().is_terminal(),
        }
    }
}

/// stdout of the process.
pub(super) fn stdout() -> impl Write + Send {
    Patient::new(io::stdout(), "stdout", closed::stdout())
}

/// stderr of the process. That it is closed is no reason to stop working.
pub(super) fn stderr() -> impl Write + Send {
    Patient::new(io::stderr(), "stderr", false)
}
