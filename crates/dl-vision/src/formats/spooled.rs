//! Values in a temporary file, until a whole dataset has been read.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::marker::PhantomData;

use anyhow::{Result, bail};
use dl_record::file::Spool;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How deeply an entry may be nested: `serde_json` reads 127 levels, and entries are nested in some.
const DEEPEST: usize = 100;

/// A list of values on disk.
pub(super) struct Spooled<T> {
    spool: Spool,
    of: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Spooled<T> {
    /// An empty list.
    /// # Errors
    /// When a temporary file cannot be created.
    pub(super) fn new() -> Result<Self> {
        Ok(Self { spool: Spool::new()?, of: PhantomData })
    }

    /// Adds a value.
    /// # Errors
    /// When it is nested too deeply to be read again, which leaves the list unchanged, or the file cannot be written.
    pub(super) fn push(&mut self, value: &T) -> Result<()> {
        let line = serde_json::to_string(value)?;
        if too_deep(&line) {
            bail!("its fields are nested deeper than {DEEPEST} levels");
        }
        Ok(writeln!(self.spool, "{line}")?)
    }

    /// Ends the list.
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn close(self) -> Result<Closed<T>> {
        Ok(Closed { lines: self.spool.into_reader()?, of: PhantomData })
    }
}

/// A list that can only be read.
pub(super) struct Closed<T> {
    lines: BufReader<File>,
    of: PhantomData<T>,
}

impl<T: DeserializeOwned> Closed<T> {
    /// Passes all values to `work`, with whether it is the first one.
    /// # Errors
    /// When `work` fails, or the file cannot be read.
    pub(super) fn each(&mut self, mut work: impl FnMut(T, bool) -> Result<()>) -> Result<()> {
        self.lines.rewind()?;
        for (index, line) in self.lines.by_ref().lines().enumerate() {
            work(serde_json::from_str(&line?)?, index == 0)?;
        }
        Ok(())
    }
}

/// Is a JSON text nested too deeply?
pub(super) fn too_deep(json: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_read_again_is_kept() {
        let nested = |depth: usize| serde_json::from_str(&format!("{}1{}", "[".repeat(depth), "]".repeat(depth)));
        let mut spooled: Spooled<serde_json::Value> = Spooled::new().unwrap();
        spooled.push(&nested(DEEPEST).unwrap()).unwrap();
        assert!(spooled.push(&nested(DEEPEST + 1).unwrap()).is_err());
        spooled.push(&serde_json::json!("[[\"{{{\\")).unwrap();
        let mut count = 0;
        let mut closed = spooled.close().unwrap();
        let counted = closed.each(|_, _| {
            count += 1;
            Ok(())
        });
        counted.unwrap();
        assert_eq!(count, 2);
        assert!(!too_deep(&format!("{:?}", "[".repeat(200))));
    }
}
