//! Writing records.

use std::io::{self, Write};

use crate::Record;

/// Writes one record per line. Nothing is checked again: a [`Record`] holds only valid JSON.
pub struct Writer<W: Write> {
    output: W,
}

impl<W: Write> Writer<W> {
    /// A writer to `output`, which should be buffered.
    pub fn new(output: W) -> Self {
        Self { output }
    }

    /// Writes one record and a newline.
    /// # Errors
    /// When the output cannot be written, for example [`io::ErrorKind::BrokenPipe`] when the reader has closed the pipe.
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

    /// Flushes the output.
    /// # Errors
    /// As [`write`](Self::write).
    pub fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
