//! Runs a whole program in this process, the public entry point of most readers.

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};

use dl_cli::common::{Messages, Progress};
use dl_cli::{Io, Tool};
use dl_record::Reader;

/// An output stream that collects what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs a program and returns what it wrote to stdout. It may fail.
/// # Panics
/// When the arguments are wrong, or the program reports a fault or prints a control character in a message.
pub(crate) fn run<T: Tool>(args: &[&str], stdin: &[u8]) -> Vec<u8> {
    let args = [T::NAME].iter().chain(args).chain(["--threads", "1"].iter());
    let tool = T::try_parse_from(args).unwrap_or_else(|error| panic!("arguments of a target: {error}"));
    let (output, errors) = (Kept::default(), Kept::default());
    let mut io = Io {
        command: T::NAME.to_owned(),
        input: Box::new(Cursor::new(stdin.to_vec())),
        output: Box::new(output.clone()),
        messages: Messages::new(T::NAME, Box::new(errors.clone()), false, 1, Progress::hidden(T::NAME)),
        takes_frames: true,
        input_is_terminal: false,
        output_is_terminal: false,
    };
    let messages = io.messages.clone();
    let outcome = tool.run(&mut io).and_then(|outcome| io.output.flush().map(|()| outcome).map_err(Into::into));
    if let Err(error) = outcome {
        messages.error(error);
    }
    let (output, errors) = (output.take(), errors.take());
    check_messages(&errors);
    assert!(!contains(&output, FAULT), "{}", String::from_utf8_lossy(&output));
    output
}

/// Like [`run`], for a program that writes records.
/// # Panics
/// As for [`run`], and when a line of stdout is not a record.
pub(crate) fn records<T: Tool>(args: &[&str], stdin: &[u8]) -> Vec<u8> {
    let output = run::<T>(args, stdin);
    check_records(&output);
    output
}

/// # Panics
/// When a line is not a record, or a record is not exactly one line.
pub(crate) fn check_records(output: &[u8]) {
    assert!(output.is_empty() || output.ends_with(b"\n"), "the last line does not end with a newline");
    let lines = output.iter().filter(|byte| **byte == b'\n').count();
    let mut records = 0;
    for line in Reader::new(output, "stdout", "fuzz") {
        let line = line.expect("memory can be read");
        assert!(!line.broken, "not a record: {}", line.record.raw("error").unwrap_or_default());
        records += 1;
    }
    assert_eq!(records, lines, "a line is blank");
}

/// How a program reports a panic of its own.
const FAULT: &[u8] = b"bug in this program";

/// # Panics
/// When messages report a panic or contain control characters.
fn check_messages(errors: &[u8]) {
    let text = str::from_utf8(errors).expect("messages are UTF-8");
    assert!(!contains(errors, FAULT), "{text}");
    let control = text.chars().find(|letter| letter.is_control() && *letter != '\n');
    assert!(control.is_none(), "a message contains {control:?}: {}", text.escape_debug());
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
