//! Runs a job over a stream of records: in order, in parallel, in bounded memory.
//!
//! One thread reads, `--threads` workers prepare (decode an image, merge regions), and the calling thread finishes
//! batches and writes. Every record has a slot in a queue of fixed length and a share of a byte budget, so the order is
//! kept and memory does not grow with the stream, even if the output is read slowly.
//!
//! Before a program waits for input or for a worker, it writes what is finished: the other end of the pipe may not send
//! the next record before it has seen the answer to the last.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use dl_record::{Line, Payload, Record, Writer, shown};

use super::budget::Budget;
use super::main::{guarded, no_thread};
use super::{Common, Fatal, Inputs, Io, Messages, Outcome, one_line};

/// How long a batch that is not full waits for another record. It does not affect the results.
const PATIENCE: Duration = Duration::from_millis(50);

/// Why a run under `--strict` ended.
pub(crate) const STRICT: &str = "stopped at the first failed record (--strict)";

/// The input of a program and how to treat it.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The common options.
    pub common: &'a Common,
    /// The sources of the records.
    pub inputs: &'a Inputs,
}

/// A record with the worker's result: `None` if it failed earlier, and no worker touches it.
struct Item<T> {
    line: Line,
    /// Its share of the byte budget.
    size: usize,
    prepared: Option<Result<T>>,
}

/// Applies `work` to every record on all threads and writes the records in input order.
///
/// A record with `error` passes through untouched. One that fails gets `error`, is reported on stderr, and keeps what
/// `work` had set before. A panic in `work` fails that record only.
/// # Errors
/// When the input cannot be read or the output not written, or at the first failed record under `--strict`.
pub fn map_records(io: &mut Io, job: Job, work: impl Fn(&mut Record) -> Result<()> + Sync) -> Result<Outcome> {
    map_batches(io, job, 1, work, |records, _| records.iter().map(|_| Ok(())).collect())
}

/// Like [`map_records`], in two stages: `prepare` runs on all threads, then `finish` runs on the calling thread for
/// `batch` good records at a time (fewer at the end, and when the input pauses), while the workers prepare the next
/// ones. `finish` returns one result per record.
/// # Errors
/// As [`map_records`].
pub fn map_batches<T: Send>(
    io: &mut Io,
    job: Job,
    batch: usize,
    prepare: impl Fn(&mut Record) -> Result<T> + Sync,
    finish: impl FnMut(&mut [&mut Record], Vec<T>) -> Vec<Result<()>>,
) -> Result<Outcome> {
    map_weighed_batches(io, job, batch, |_| 1, prepare, finish)
}

/// Like [`map_batches`], for records that take unequal amounts of work: a batch is full when the weights of its records
/// add up to `batch`.
/// # Errors
/// As [`map_records`].
pub fn map_weighed_batches<T: Send>(
    io: &mut Io,
    job: Job,
    batch: usize,
    weight: impl Fn(&T) -> usize,
    prepare: impl Fn(&mut Record) -> Result<T> + Sync,
    finish: impl FnMut(&mut [&mut Record], Vec<T>) -> Vec<Result<()>>,
) -> Result<Outcome> {
    map_checked_batches(io, job, batch, weight, |_, _| Ok(()), |_, record| prepare(record), finish)
}

/// Like [`map_weighed_batches`]; `check` and `prepare` also get the number of the line, from 0. `check` gets every line
/// as it is read, in order, and the run ends at its first error.
/// # Errors
/// As [`map_records`], or that of `check`.
pub(crate) fn map_checked_batches<T: Send>(
    io: &mut Io,
    job: Job,
    batch: usize,
    weight: impl Fn(&T) -> usize,
    mut check: impl FnMut(usize, &Line) -> Result<()> + Send,
    prepare: impl Fn(usize, &mut Record) -> Result<T> + Sync,
    mut finish: impl FnMut(&mut [&mut Record], Vec<T>) -> Vec<Result<()>>,
) -> Result<Outcome> {
    let tool = io.messages.tool();
    let threads = job.common.thread_count();
    job.inputs.check_terminal(io)?;
    let lines = job.inputs.lines(&mut *io.input, io.takes_frames, &io.messages)?;
    let messages = io.messages.clone();
    let is_terminal = io.output_is_terminal;
    let mut writer = Writer::new(&mut io.output);
    let budget = Budget::default();
    let mut failed = 0;
    let mut prints_base64 = false;

    let mut emit = |items: &mut Vec<Item<T>>, writer: &mut Writer<&mut Box<dyn Write + Send>>| -> Result<()> {
        for (mut line, size, failure) in finished(items, &mut finish) {
            if let Some(error) = &failure {
                let text = one_line(error);
                report_failed(&messages, &line.place, &text);
                hint_at_other_folder(&messages, &line.place, line.record.image().ok().flatten(), &text);
                line.record.fail(tool, text);
            } else if line.broken {
                report_broken(&messages, &line);
            }
            prints_base64 = prints_base64 || (is_terminal && has_base64(&line.record));
            writer.write(&line.record)?;
            budget.give(size);
            messages.bar().inc(1);
            if failure.is_some() || line.broken {
                failed += 1;
                if job.common.strict {
                    writer.flush()?;
                    bail!(STRICT);
                }
            }
        }
        Ok(())
    };

    thread::scope(|scope| -> Result<()> {
        // When this returns early, the reading thread must not wait for the budget.
        let _closing = budget.closing();
        let (work_in, work_out) = sync_channel::<(usize, Line, usize, SyncSender<Item<T>>)>(threads);
        let (slots_in, slots) = sync_channel::<Result<Receiver<Item<T>>>>(2 * threads);
        let work_out = Arc::new(Mutex::new(work_out));
        for _ in 0..threads {
            let (work_out, prepare) = (work_out.clone(), &prepare);
            start(scope, move || {
                loop {
                    let next = work_out.lock().map(|queue| queue.recv());
                    let Ok(Ok((at, mut line, size, slot))) = next else { break };
                    let untouched = line.broken || line.record.has("error");
                    let prepared = (!untouched).then(|| guarded(|| prepare(at, &mut line.record)));
                    let _ = slot.send(Item { line, size, prepared });
                }
            })?;
        }
        drop(work_out);

        let reading = &budget;
        // Started last: if a worker cannot be started, nothing waits for input.
        start(scope, move || {
            for (at, line) in lines.enumerate() {
                let (slot_in, slot) = sync_channel(1);
                // A send fails only after the writer has stopped.
                let sent = match line.and_then(|line| check(at, &line).map(|()| line)) {
                    Ok(line) => {
                        let size = line.record.size();
                        reading.take(size)
                            && slots_in.send(Ok(slot)).is_ok()
                            && work_in.send((at, line, size, slot_in)).is_ok()
                    }
                    Err(error) => {
                        let _ = slots_in.send(Err(error));
                        false
                    }
                };
                if !sent {
                    break;
                }
            }
        })?;

        let mut items: Vec<Item<T>> = Vec::new();
        let mut full = 0;
        loop {
            let slot = match slots.try_recv() {
                Ok(slot) => slot,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    writer.flush()?;
                    let next = if full > 0 { slots.recv_timeout(PATIENCE) } else { Err(RecvTimeoutError::Timeout) };
                    match next {
                        Ok(slot) => slot,
                        Err(RecvTimeoutError::Disconnected) => break,
                        Err(RecvTimeoutError::Timeout) => {
                            emit(&mut items, &mut writer)?;
                            full = 0;
                            writer.flush()?;
                            match slots.recv() {
                                Ok(slot) => slot,
                                Err(_) => break,
                            }
                        }
                    }
                }
            };
            let slot = slot?;
            let item = match slot.try_recv() {
                Ok(item) => item,
                Err(_) => {
                    writer.flush()?;
                    slot.recv()?
                }
            };
            if let Some(Ok(value)) = &item.prepared {
                full += weight(value);
            }
            items.push(item);
            if full >= batch || items.len() >= batch + 2 * threads {
                emit(&mut items, &mut writer)?;
                full = 0;
            }
        }
        emit(&mut items, &mut writer)?;
        writer.flush()?;
        Ok(())
    })?;
    if prints_base64 {
        let option = match tool {
            "dl-embed" => ", or use --features-json",
            "dl-detect" => ", or use --drop-features",
            _ => "",
        };
        messages.note(format_args!("features are printed as base64; redirect them with > FILE{option}"));
    }
    Ok(Outcome::of(failed))
}

/// Whether a record holds features that no person can read.
fn has_base64(record: &Record) -> bool {
    let features = record.features().ok().flatten();
    features.is_some_and(|features| features.values().any(|tensor| matches!(tensor.payload, Payload::Base64 { .. })))
}

/// Starts a thread.
fn start<'scope>(scope: &'scope Scope<'scope, '_>, work: impl FnOnce() + Send + 'scope) -> Result<()> {
    thread::Builder::new().spawn_scoped(scope, work).map_err(|error| no_thread(&error))?;
    Ok(())
}

/// Finishes the good items as one batch. Returns every line with its failure, in order.
fn finished<T>(
    items: &mut Vec<Item<T>>,
    finish: &mut impl FnMut(&mut [&mut Record], Vec<T>) -> Vec<Result<()>>,
) -> Vec<(Line, usize, Option<anyhow::Error>)> {
    let mut values = Vec::new();
    let mut ready = Vec::new();
    let mut lines = Vec::new();
    for (index, item) in items.drain(..).enumerate() {
        let failure = match item.prepared {
            None => None,
            Some(Err(error)) => Some(error),
            Some(Ok(value)) => {
                values.push(value);
                ready.push(index);
                None
            }
        };
        lines.push((item.line, item.size, failure));
    }
    if ready.is_empty() {
        return lines;
    }
    let mut at = 0;
    let mut records: Vec<&mut Record> = Vec::with_capacity(ready.len());
    for (index, (line, ..)) in lines.iter_mut().enumerate() {
        if ready.get(at) == Some(&index) {
            records.push(&mut line.record);
            at += 1;
        }
    }
    match guarded(|| Ok(finish(&mut records, values))) {
        Ok(results) => {
            for (index, result) in ready.into_iter().zip(results) {
                lines[index].2 = result.err();
            }
        }
        Err(fault) => {
            for index in ready {
                lines[index].2 = Some(anyhow!("{fault:#}"));
            }
        }
    }
    lines
}

/// Reports the error of a record. For an image named as an argument, both place and error begin with its path, which is
/// printed once.
pub(crate) fn report_failed(messages: &Messages, place: &str, text: &str) {
    if text.starts_with(place) {
        messages.error(text);
    } else {
        messages.error(format_args!("{place}: {text}"));
    }
}

/// Reports why a line could not be read.
pub(crate) fn report_broken(messages: &Messages, line: &Line) {
    if let Ok(Some(error)) = line.record.error() {
        messages.error(format_args!("{}: {}", line.place, error.message));
    }
}

/// Explains, once, why the images of records that were made in another folder are not found.
fn hint_at_other_folder(messages: &Messages, place: &str, image: Option<String>, error: &str) {
    if !error.contains("no such file") {
        return;
    }
    let is_missing = |image: &String| image != place && !image.starts_with("data:") && error.contains(&*shown(image));
    let Some(image) = image.filter(is_missing) else { return };
    let path = Path::new(&image);
    let is_missing = path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if path.is_absolute() || !is_missing {
        return;
    }
    let Ok(folder) = std::env::current_dir() else { return };
    let records = Path::new(place).parent().filter(|parent| parent.join(path).exists());
    let advice = match records {
        Some(records) => format!("they exist below {}: run {} there", records.display(), messages.tool()),
        None => format!("if the records were made in another folder, run {} there", messages.tool()),
    };
    messages.hint(format_args!("paths of images are relative to the current folder, {}; {advice}", folder.display()));
}

/// Counts of the records of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records that `work` accepted.
    pub good: usize,
    /// Records that failed here.
    pub failed: usize,
    /// Records with `error` from an earlier program, which were skipped.
    pub carried: usize,
}

/// Passes every good record to `work`, one by one, for programs whose output is not one record per input record (an
/// evaluation, a model). `work` may write to the output.
///
/// Records with `error` are skipped and counted; a record that fails is reported on stderr and counted.
/// # Errors
/// When the input cannot be read, at the first failed record under `--strict`, or when `work` returns a [`Fatal`]
/// error.
pub fn each_record(io: &mut Io, job: Job, mut work: impl FnMut(Record, &mut dyn Write) -> Result<()>) -> Result<Tally> {
    let mut tally = Tally::default();
    let messages = io.messages.clone();
    each_line(io, job.inputs, |line, output| {
        if line.broken {
            report_broken(&messages, &line);
            tally.failed += 1;
        } else if line.record.has("error") {
            tally.carried += 1;
            return Ok(());
        } else {
            let image = line.record.image().ok().flatten();
            match guarded(|| work(line.record, output)) {
                Ok(()) => {
                    tally.good += 1;
                    return Ok(());
                }
                Err(error) if super::main::is_broken_pipe(&error) || error.is::<Fatal>() => return Err(error),
                Err(error) => {
                    let text = one_line(error);
                    report_failed(&messages, &line.place, &text);
                    hint_at_other_folder(&messages, &line.place, image, &text);
                    tally.failed += 1;
                }
            }
        }
        if job.common.strict {
            bail!(STRICT);
        }
        Ok(())
    })?;
    Ok(tally)
}

/// Passes every line to `work`, one by one, and flushes the output before it waits for the next one.
/// # Errors
/// When the input cannot be read or the output not written, or the first error of `work`.
pub(crate) fn each_line(
    io: &mut Io,
    inputs: &Inputs,
    mut work: impl FnMut(Line, &mut dyn Write) -> Result<()>,
) -> Result<()> {
    inputs.check_terminal(io)?;
    let messages = io.messages.clone();
    let output = Mutex::new(&mut io.output);
    let failed = Mutex::new(None);
    let mut stdin = Tied { input: &mut *io.input, unread: 0, output: &output, failed: &failed };
    for line in inputs.lines(&mut stdin, io.takes_frames, &messages)? {
        // A flush that fails ends the input; the error is that of the output.
        if let Some(error) = locked(&failed).take() {
            return Err(error.into());
        }
        messages.bar().inc(1);
        work(line?, &mut **locked(&output))?;
    }
    Ok(())
}

/// Passes every line to `work`, for programs that gather lines. `None` means that the input pauses, so that what was
/// gathered should be finished.
/// # Errors
/// As [`each_line`].
pub(crate) fn each_arrival(
    io: &mut Io,
    inputs: &Inputs,
    mut work: impl FnMut(Option<Line>, &mut dyn Write) -> Result<()>,
) -> Result<()> {
    inputs.check_terminal(io)?;
    let lines = inputs.lines(&mut *io.input, io.takes_frames, &io.messages)?;
    let messages = &io.messages;
    let output = &mut io.output;
    thread::scope(|scope| {
        let (arriving, arrived) = sync_channel(1);
        start(scope, move || {
            for line in lines {
                let is_end = line.is_err();
                if arriving.send(line).is_err() || is_end {
                    break;
                }
            }
        })?;
        loop {
            let line = match arrived.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    work(None, output)?;
                    output.flush()?;
                    let Ok(line) = arrived.recv() else { return Ok(()) };
                    line
                }
            };
            work(Some(line?), output)?;
            messages.bar().inc(1);
        }
    })
}

/// Input that flushes the output before it waits for more.
struct Tied<'a, W> {
    input: &'a mut (dyn BufRead + Send),
    /// How many bytes can be read without waiting.
    unread: usize,
    output: &'a Mutex<W>,
    failed: &'a Mutex<Option<io::Error>>,
}

impl<W: Write> Read for Tied<'_, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.fill_buf()?;
        let count = bytes.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<W: Write> BufRead for Tied<'_, W> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.unread == 0
            && let Err(error) = locked(self.output).flush()
        {
            let kind = error.kind();
            *locked(self.failed) = Some(error);
            return Err(kind.into());
        }
        let bytes = self.input.fill_buf()?;
        self.unread = bytes.len();
        Ok(bytes)
    }

    fn consume(&mut self, count: usize) {
        self.unread -= count;
        self.input.consume(count);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use super::*;
    use crate::common::Progress;

    /// An output that the test can read afterwards.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    struct Ran {
        outcome: Result<Outcome>,
        output: String,
        errors: String,
    }

    fn run(input: &str, common: &Common, job: impl FnOnce(&mut Io, Job) -> Result<Outcome>) -> Ran {
        let (output, errors) = (Shared::default(), Shared::default());
        let mut io = Io {
            command: "dl-test".to_owned(),
            input: Box::new(Cursor::new(input.to_owned())),
            output: Box::new(output.clone()),
            messages: Messages::new("dl-test", Box::new(errors.clone()), false, 0, Progress::hidden("dl-test")),
            takes_frames: false,
            input_is_terminal: false,
            output_is_terminal: false,
        };
        let inputs = Inputs::default();
        let outcome = job(&mut io, Job { common, inputs: &inputs });
        Ran { outcome, output: output.text(), errors: errors.text() }
    }

    fn numbered(count: usize) -> String {
        (0..count).map(|n| format!("{{\"id\":\"{n}\"}}\n")).collect()
    }

    fn threads(count: usize) -> Common {
        Common { threads: NonZeroUsize::new(count), ..Common::default() }
    }

    #[test]
    fn the_order_is_kept_when_later_records_are_faster() {
        let input = numbered(40);
        let slow_first = |record: &mut Record| {
            let n: u64 = record.id()?.unwrap().parse()?;
            thread::sleep(Duration::from_millis((40 - n) % 7));
            Ok(())
        };
        for count in [1, 2, 7] {
            let ran = run(&input, &threads(count), |io, job| map_records(io, job, slow_first));
            assert_eq!(ran.output, input);
            assert_eq!(ran.outcome.unwrap(), Outcome::AllWell);
        }
    }

    #[test]
    fn bad_records_get_an_error_and_the_others_come_through() {
        let input = "{\"id\":\"a\"}\n{\"id\":\"b\"}\nnot json\n{\"id\":\"c\"}\n{\"id\":\"d\",\"error\":{\"tool\":\"x\",\"message\":\"y\"}}\n";
        let ran = run(input, &threads(2), |io, job| {
            map_records(io, job, |record| match record.id()?.as_deref() {
                Some("b") => bail!("no such\nfile"),
                Some("c") => panic!("out of bounds"),
                Some("d") => panic!("a failed record is not touched"),
                _ => record.set("seen", &true),
            })
        });
        assert_eq!(ran.outcome.unwrap(), Outcome::SomeFailed);
        let lines: Vec<&str> = ran.output.lines().collect();
        assert_eq!(lines[0], r#"{"id":"a","seen":true}"#);
        assert_eq!(lines[1], r#"{"id":"b","error":{"tool":"dl-test","message":"no such; file"}}"#);
        assert!(lines[2].contains(r#""input":"not json""#));
        assert!(lines[3].contains("please report it: out of bounds"));
        assert_eq!(lines[4], input.lines().last().unwrap());
        assert!(ran.errors.contains("dl-test: <stdin>:2: no such; file\n"), "{}", ran.errors);
        assert_eq!(ran.errors.lines().count(), 3);
    }

    #[test]
    fn batches_contain_all_good_records_and_no_others() {
        let mut sizes = Vec::new();
        let input = numbered(10).replace("\"3\"}", "\"3\",\"error\":{\"tool\":\"x\",\"message\":\"y\"}}");
        let ran = run(&input, &threads(2), |io, job| {
            map_batches(
                io,
                job,
                4,
                |record| record.id(),
                |records, ids| {
                    sizes.push(ids.len());
                    records.iter_mut().zip(ids).map(|(record, id)| record.set("twin", &id)).collect()
                },
            )
        });
        assert_eq!(ran.outcome.unwrap(), Outcome::AllWell);
        // Usually 4, 4 and 1, but a batch does not wait long on a busy machine.
        assert!(sizes.iter().sum::<usize>() == 9 && sizes.iter().all(|size| *size <= 4), "{sizes:?}");
        assert_eq!(ran.output.lines().nth(9), Some(r#"{"id":"9","twin":"9"}"#));
        assert_eq!(ran.output.lines().count(), 10);
    }

    #[test]
    fn strict_stops_at_the_first_failure_after_writing_it() {
        let common = Common { strict: true, ..threads(2) };
        let ran = run(&numbered(50), &common, |io, job| {
            map_records(io, job, |record| if record.id()?.as_deref() == Some("5") { bail!("bad") } else { Ok(()) })
        });
        assert!(ran.outcome.is_err());
        assert_eq!(ran.output.lines().count(), 6);
    }

    #[test]
    fn a_closed_output_stops_the_work() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }
        let ran = run(&numbered(1000), &threads(2), |io, job| {
            io.output = Box::new(Closed);
            map_records(io, job, |_| Ok(()))
        });
        assert!(super::super::main::is_broken_pipe(&ran.outcome.unwrap_err()));
    }
}
