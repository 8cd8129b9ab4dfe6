//! Records out.

use std::io::{self, Write};

use crate::Record;

/// Writes records one a line. Nothing is checked twice: a [`Record`] holds only valid JSON.
pub struct Writer<W: Write> {
    output: W,
}

impl<W: Write> Writer<W> {
    /// Writes to `output`, which should be buffered.
    pub fn new(output: W) -> Self {
        Self { output }
    }

    /// Writes one record and its line end.
    /// # Errors
    /// When the output cannot be written, for example [`io::ErrorKind::BrokenPipe`] when the reader has gone.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut before: &[u8] = b"{";
        for (name, text) in record.fields() {
            self.output.write_all(before)?;
            serde_json::to_writer(&mut self.output, name)?;
            self.output.write_all(b":")?;
            text.write_to(&mut self.output)?;
            before = b",";
        }
        self.output.write_all(if before == b"{" { b"{}\n" } else { b"}\n" })
    }

    /// Hands everything written so far to the reader.
    /// # Errors
    /// As [`write`](Self::write).
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
