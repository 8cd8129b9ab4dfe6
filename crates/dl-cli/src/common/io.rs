//! The three streams of a program, so that a test can pass in its own.

use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};

use super::blocking::Blocking;
use super::progress::{Progress, Stdout};
use super::{Messages, closed};

/// What a program reads and writes.
pub struct Io {
    /// The program with its subcommand, for example `dl-eval voc`.
    pub command: String,
    /// Records in.
    pub input: Box<dyn BufRead + Send>,
    /// Records out, and nothing else.
    pub output: Box<dyn Write + Send>,
    /// Messages for the user.
    pub messages: Messages,
    /// Whether images on stdin are frames to work on; otherwise they are refused.
    pub takes_frames: bool,
    /// Whether a person would have to type the input.
    pub input_is_terminal: bool,
    /// Whether a person reads the output.
    pub output_is_terminal: bool,
}

impl Io {
    /// stdin, stdout and stderr of the process, for the program called `tool`.
    pub fn of_process(tool: &'static str, quiet: bool, verbose: u8) -> Self {
        let stdin = Blocking::new(io::stdin(), "stdin", closed::stdin());
        let kind = Stdout::of_process();
        let is_terminal = io::stderr().is_terminal();
        let shows_progress = is_terminal && !quiet;
        let progress = if shows_progress { Progress::on_terminal(tool, kind) } else { Progress::hidden(tool) };
        let output: Box<dyn Write + Send> = if shows_progress && kind == Stdout::Terminal {
            Box::new(Lines { stdout: stdout(), unwritten: Vec::new(), progress: progress.clone() })
        } else {
            Box::new(BufWriter::with_capacity(BUFFER, stdout()))
        };
        let messages = Messages::new(tool, Box::new(stderr()), quiet, verbose, progress);
        Self {
            command: tool.to_owned(),
            input: Box::new(BufReader::with_capacity(BUFFER, stdin)),
            output,
            messages: if is_terminal { messages.on_terminal() } else { messages },
            takes_frames: false,
            input_is_terminal: io::stdin().is_terminal() && !closed::stdin(),
            output_is_terminal: kind == Stdout::Terminal,
        }
    }
}

impl Io {
    /// Tells a person that the program reads what they type.
    pub(crate) fn note_terminal(&self) {
        if self.input_is_terminal {
            self.messages.note("reading from the terminal; end with Ctrl-D");
        }
    }
}

/// How many bytes are read or written at once.
const BUFFER: usize = 1 << 16;

/// Whole lines to the terminal that the progress display is on, which is taken away meanwhile.
struct Lines<W: Write> {
    stdout: W,
    unwritten: Vec<u8>,
    progress: Progress,
}

impl<W: Write> Lines<W> {
    fn write_out(&mut self, count: usize) -> io::Result<()> {
        let Self { stdout, unwritten, progress } = self;
        let written = progress.suspend(|| stdout.write_all(&unwritten[..count]).and_then(|()| stdout.flush()));
        unwritten.drain(..count);
        written
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unwritten.extend_from_slice(bytes);
        if self.unwritten.len() >= BUFFER
            && let Some(end) = self.unwritten.iter().rposition(|byte| *byte == b'\n')
        {
            self.write_out(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.unwritten.is_empty() { Ok(()) } else { self.write_out(self.unwritten.len()) }
    }
}

/// stdout of the process.
pub(super) fn stdout() -> impl Write + Send {
    Blocking::new(io::stdout(), "stdout", closed::stdout())
}

/// stderr of the process. A closed stderr does not stop the work.
pub(super) fn stderr() -> impl Write + Send {
    Blocking::new(io::stderr(), "stderr", false)
}
