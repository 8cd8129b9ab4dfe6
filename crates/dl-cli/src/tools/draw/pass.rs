//! Passing records on to stdout.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use dl_record::file::is_same;

use crate::common::Io;

/// Drops the records instead of writing them if stdout is a terminal or gets the `drawing`. With a drawing, a reader of
/// stdout that ends early does not end the work.
pub(super) fn pass_on(io: &mut Io, drawing: Option<&Path>) {
    let is_stdout = |drawing: &Path| is_same(drawing, Path::new("/dev/stdout"));
    if io.output_is_terminal || drawing.is_some_and(is_stdout) {
        io.output = Box::new(io::sink());
    } else if drawing.is_some() {
        let output = std::mem::replace(&mut io.output, Box::new(io::sink()));
        io.output = Box::new(UntilClosed { output, is_closed: false });
    }
}

/// An output that takes everything once its reader has gone.
struct UntilClosed {
    output: Box<dyn Write + Send>,
    is_closed: bool,
}

impl UntilClosed {
    fn unless_closed<T>(&mut self, done: io::Result<T>, otherwise: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(otherwise)
            }
            done => done,
        }
    }
}

impl Write for UntilClosed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_closed {
            return Ok(bytes.len());
        }
        let written = self.output.write(bytes);
        self.unless_closed(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let flushed = self.output.flush();
        self.unless_closed(flushed, ())
    }
}
