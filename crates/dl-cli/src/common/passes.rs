//! Reads the records twice: to fit a method, and to write them with what it found.
//!
//! Files are read again; what comes from stdin is kept in a temporary file meanwhile, which vanishes with the process.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, bail, ensure};
use dl_record::{Fnv1a, Line, Record, Writer};

use super::stream::map_checked_batches;
use super::{Fatal, Io, Job, Outcome, STRICT, each_line, one_line, report_broken, report_failed};

/// Why a second pass ends early.
const CHANGED: &str = "the input has changed since it was read first; run again";

/// What became of each line in a first pass.
#[derive(Debug, Default)]
pub(crate) struct FirstPass {
    /// Whether `work` accepted the line; the second pass reports why others failed.
    pub(crate) accepted: Vec<bool>,
    /// Digest of the id of each line, by which the second pass knows that it reads the same.
    ids: Vec<u32>,
}

impl FirstPass {
    /// How many lines were accepted.
    pub(crate) fn good(&self) -> usize {
        self.accepted.iter().filter(|accepted| **accepted).count()
    }

    /// Fails when this line, of this number, is not the one that was read first.
    fn check(&self, at: usize, line: &Line) -> Result<()> {
        ensure!(self.ids.get(at) == Some(&digest_of(&line.record)), "{}: {CHANGED}", line.place);
        Ok(())
    }

    /// Fails when fewer lines were read than first.
    fn check_end(&self, read: usize, job: Job) -> Result<()> {
        ensure!(read == self.accepted.len(), "{}: {CHANGED}", job.inputs.shown());
        Ok(())
    }
}

/// Passes every good record to `work`; a record that fails is left to the second pass. Afterwards `io` holds the same
/// input again.
/// # Errors
/// When an input cannot be read twice, or at the first failed record under `--strict`.
pub(crate) fn first_pass(io: &mut Io, job: Job, mut work: impl FnMut(&Record) -> Result<()>) -> Result<FirstPass> {
    for input in &job.inputs.inputs {
        check_rereadable(Path::new(input))?;
    }
    let reads_stdin = job.inputs.inputs.is_empty() || job.inputs.inputs.iter().any(|input| input == "-");
    let kept = if reads_stdin { Some(temporary_file()?) } else { None };
    if let Some(kept) = &kept {
        let stdin = std::mem::replace(&mut io.input, Box::new(io::empty()));
        let copy = BufWriter::with_capacity(1 << 16, kept.try_clone()?);
        io.input = Box::new(Copied { stdin, copy, failed: None });
    }
    let messages = io.messages.clone();
    let mut found = FirstPass::default();
    let strict = job.common.strict;
    each_line(io, job.inputs, |line, _| {
        let mut accepted = false;
        if !line.broken && !line.record.has("error") {
            match work(&line.record) {
                Ok(()) => accepted = true,
                Err(error) if error.is::<Fatal>() => return Err(error),
                Err(error) if strict => {
                    report_failed(&messages, &line.place, &one_line(&error));
                    bail!(STRICT);
                }
                Err(_) => {}
            }
        }
        found.accepted.push(accepted);
        found.ids.push(digest_of(&line.record));
        Ok(())
    })?;
    if let Some(mut kept) = kept {
        // Dropping the copy flushes it, silently; what was not written would be missing later.
        io.input.fill_buf().context("cannot keep the input in a temporary file")?;
        io.input = Box::new(io::empty());
        kept.rewind()?;
        io.input = Box::new(BufReader::with_capacity(1 << 16, kept));
    }
    Ok(found)
}

/// Passes the records that the first pass accepted to `work`, in order, and writes those for which it returns true. The
/// others are written with what `why` says is wrong.
/// # Errors
/// When the input has changed since the first pass, or the output cannot be written.
pub(crate) fn second_pass(
    io: &mut Io,
    job: Job,
    first: &FirstPass,
    why: impl Fn(&Record) -> Result<()>,
    mut work: impl FnMut(&mut Record) -> Result<bool>,
) -> Result<Outcome> {
    let messages = io.messages.clone();
    let (mut at, mut failed) = (0, 0);
    each_line(io, job.inputs, |mut line, output| {
        first.check(at, &line)?;
        let accepted = first.accepted[at];
        at += 1;
        if line.broken {
            report_broken(&messages, &line);
            failed += 1;
        } else if !line.record.has("error") {
            let result = match accepted {
                true => work(&mut line.record),
                false => Err(refusal(why(&line.record))),
            };
            if let Ok(false) = result {
                return Ok(());
            }
            if let Err(error) = result {
                let text = one_line(error);
                report_failed(&messages, &line.place, &text);
                line.record.fail(messages.tool(), text);
                failed += 1;
            }
        }
        Writer::new(output).write(&line.record)?;
        Ok(())
    })?;
    first.check_end(at, job)?;
    Ok(Outcome::of(failed))
}

/// As [`second_pass`], for records that are worked on in batches, as [`map_batches`](super::map_batches) does.
/// # Errors
/// As [`second_pass`].
pub(crate) fn second_pass_in_batches<T: Send>(
    io: &mut Io,
    job: Job,
    first: &FirstPass,
    batch: usize,
    why: impl Fn(&Record) -> Result<()> + Sync,
    prepare: impl Fn(&mut Record) -> Result<T> + Sync,
    finish: impl FnMut(&mut [&mut Record], Vec<T>) -> Vec<Result<()>>,
) -> Result<Outcome> {
    let mut read = 0;
    let check = |at: usize, line: &Line| {
        read = at + 1;
        first.check(at, line)
    };
    let prepare = |at: usize, record: &mut Record| match first.accepted[at] {
        true => prepare(record),
        false => Err(refusal(why(record))),
    };
    let outcome = map_checked_batches(io, job, batch, |_| 1, check, prepare, finish)?;
    first.check_end(read, job)?;
    Ok(outcome)
}

/// Why a record that the first pass did not accept is not used.
fn refusal(why: Result<()>) -> Error {
    why.err().unwrap_or_else(|| anyhow!("the record could not be used"))
}

/// A digest of a record's id, domain and label.
fn digest_of(record: &Record) -> u32 {
    let fields = ["id", "domain", "label"].into_iter().filter_map(|name| record.raw(name));
    let digest = Fnv1a::of(fields.flat_map(str::bytes));
    (digest ^ (digest >> 32)) as u32
}

fn check_rereadable(path: &Path) -> Result<()> {
    if path == Path::new("-") {
        return Ok(());
    }
    let Ok(found) = fs::metadata(path) else { return Ok(()) };
    if !found.is_file() && !found.is_dir() {
        bail!("{}: is a pipe or a device, which cannot be read twice; pipe its records to stdin", path.display());
    }
    Ok(())
}

fn temporary_file() -> Result<File> {
    tempfile::tempfile().with_context(|| {
        format!(
            "no temporary file for the records can be made in {}; set TMPDIR, or name the files of records as arguments",
            std::env::temp_dir().display()
        )
    })
}

/// Input of which everything that is read is copied.
struct Copied {
    stdin: Box<dyn BufRead + Send>,
    copy: BufWriter<File>,
    failed: Option<io::Error>,
}

impl Read for Copied {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let count = bytes.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Copied {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let bytes = self.stdin.fill_buf()?;
        if bytes.is_empty() {
            self.copy.flush()?;
        }
        Ok(bytes)
    }

    fn consume(&mut self, count: usize) {
        // What is in the buffer already is returned without reading.
        match self.stdin.fill_buf().and_then(|bytes| self.copy.write_all(&bytes[..count])) {
            Ok(()) => {}
            Err(error) => self.failed = Some(error),
        }
        self.stdin.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::common::{Common, Inputs, Messages, Progress};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn input_that_changes_between_the_passes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jsonl");
        let lines = |ids: &[&str]| ids.iter().map(|id| format!("{{\"id\":\"{id}\"}}\n")).collect::<String>();
        let inputs = Inputs { inputs: vec![path.display().to_string()] };
        let common = Common::default();
        let job = Job { common: &common, inputs: &inputs };
        let output = Shared::default();
        let mut io = Io {
            command: "dl-test".to_owned(),
            input: Box::new(io::empty()),
            output: Box::new(output.clone()),
            messages: Messages::new("dl-test", Box::new(io::sink()), false, 0, Progress::hidden("dl-test")),
            takes_frames: false,
            input_is_terminal: false,
            output_is_terminal: false,
        };
        for (ids, same) in [
            (&["a", "b", "c"][..], true),
            (&["a", "x", "c"], false),
            (&["a", "b"], false),
            (&["a", "b", "c", "d"], false),
        ] {
            fs::write(&path, lines(&["a", "b", "c"])).unwrap();
            let first = first_pass(&mut io, job, |record| {
                ensure!(record.id()?.as_deref() != Some("b"), "no");
                Ok(())
            })
            .unwrap();
            fs::write(&path, lines(ids)).unwrap();
            let why = |_: &Record| bail!("b is refused");
            let one = second_pass(&mut io, job, &first, why, |_| Ok(true));
            output.0.lock().unwrap().clear();
            let finish = |records: &mut [&mut Record], _: Vec<()>| records.iter().map(|_| Ok(())).collect();
            let batches = second_pass_in_batches(&mut io, job, &first, 2, why, |_| Ok(()), finish);
            io.output.flush().unwrap();
            for outcome in [one, batches] {
                match outcome {
                    Ok(outcome) => assert!(same && outcome == Outcome::SomeFailed, "{ids:?}"),
                    Err(error) => assert!(!same && error.to_string().contains("has changed"), "{ids:?}: {error}"),
                }
            }
            if same {
                let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
                assert!(text.lines().nth(1).unwrap().contains("b is refused") && text.lines().count() == 3, "{text}");
            }
        }
    }
}
