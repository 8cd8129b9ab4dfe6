//! Data that waits on disk until all of it is known.

use std::env::temp_dir;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, Write};

use anyhow::{Context, Result};

/// A temporary file that is first written, then read. It has no name, so nothing is left of it whatever happens to the
/// program; its errors say that it is a temporary file.
#[derive(Debug)]
pub struct Spool {
    file: BufWriter<File>,
}

impl Spool {
    /// An empty file in the system's folder for temporary files.
    /// # Errors
    /// When it cannot be created.
    pub fn new() -> Result<Self> {
        let file = tempfile::tempfile()
            .with_context(|| format!("cannot create a temporary file in {} (TMPDIR)", temp_dir().display()))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 16, file) })
    }

    /// A reader of everything that was written.
    /// # Errors
    /// When buffered data cannot be written.
    pub fn into_reader(mut self) -> Result<BufReader<File>> {
        self.flush()?;
        let mut file = self.file.into_inner().map_err(|error| named(error.into_error()))?;
        file.rewind().map_err(named)?;
        Ok(BufReader::with_capacity(1 << 16, file))
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(named)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(named)
    }
}

fn named(error: io::Error) -> io::Error {
    let text = format!("cannot write a temporary file in {} (TMPDIR): {error}", temp_dir().display());
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_was_written_is_read_from_its_beginning() {
        let mut spool = Spool::new().unwrap();
        spool.write_all(&[7; 100_000]).unwrap();
        let mut bytes = Vec::new();
        spool.into_reader().unwrap().read_to_end(&mut bytes).unwrap();
        assert!(bytes == [7; 100_000]);
    }
}
