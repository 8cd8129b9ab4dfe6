//! Measures how fast a feature matrix passes between two programs, in GB of numbers per second, as one line of JSON.
//!
//! `write`: matrix to line, `read`: line to matrix, `pass`: a program in between that ignores the features; each on one
//! thread, in memory that is already allocated: the median of a stream of equal lines. `first`: the same for the first
//! line, whose memory the system has to provide. `pipe`: writer and reader at the same time, over a pipe.
//!
//!     cargo run --release -p dl-record --example tensor_speed [LINES] [ROWS] [COLUMNS]

use std::collections::BTreeMap;
use std::env;
use std::hint::black_box;
use std::io::{self, BufReader, BufWriter, Cursor, Read, Write};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use dl_record::{Dtype, Matrix, Reader, Record, Tensor, Writer};

/// As in the programs' own streams.
const BUFFER: usize = 1 << 16;

fn main() -> Result<()> {
    let mut numbers = env::args().skip(1).map(|text| text.parse::<usize>());
    let mut number = |default| numbers.next().unwrap_or(Ok(default));
    let (lines, rows, columns) = (number(20)?, number(2000)?, number(4096)?);
    let data: Vec<f32> = (0..rows * columns).map(|index| ((index * 7919) as f32).sin()).collect();
    let matrix = Matrix { rows, columns, data };

    let mut line = Cursor::new(Vec::new());
    write(vec![matrix.clone()], &mut line)?;
    let line = line.into_inner();
    let mut output = Cursor::new(line.clone());
    let mut write_times = Vec::new();
    for _ in 0..lines {
        output.set_position(0);
        write_times.extend(write(vec![matrix.clone()], &mut output)?);
        ensure!(*output.get_ref() == line, "two writes of one matrix differ");
    }
    let read_times = read(Repeated { line: &line, at: 0, left: lines }, &matrix)?;
    let pass_times = pass(Repeated { line: &line, at: 0, left: lines }, &mut output)?;

    let copies = vec![matrix.clone(); lines];
    let start = Instant::now();
    let (receiver, sender) = io::pipe()?;
    thread::scope(|scope| -> Result<()> {
        let writer = scope.spawn(|| write(copies, sender));
        read(receiver, &matrix)?;
        writer.join().ok().context("the writer panicked")??;
        Ok(())
    })?;
    let pipe = start.elapsed().as_secs_f64() / lines as f64;

    let speed = |seconds: f64| ((rows * columns * 4) as f64 / seconds / 1e7).round() / 100.0;
    let result = serde_json::json!({
        "rows": rows,
        "columns": columns,
        "write": speed(median(&write_times)),
        "read": speed(median(&read_times)),
        "pass": speed(median(&pass_times)),
        "first": { "write": speed(write_times[0]), "read": speed(read_times[0]), "pass": speed(pass_times[0]) },
        "pipe": speed(pipe),
    });
    writeln!(io::stdout(), "{result}")?;
    Ok(())
}

/// A stream of equal lines.
struct Repeated<'a> {
    line: &'a [u8],
    at: usize,
    left: usize,
}

impl Read for Repeated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Ok(0);
        }
        let count = (&self.line[self.at..]).read(buffer)?;
        self.at += count;
        if self.at == self.line.len() {
            (self.at, self.left) = (0, self.left - 1);
        }
        Ok(count)
    }
}

/// Writes one record a matrix; seconds of each.
fn write(matrices: Vec<Matrix>, output: impl Write) -> Result<Vec<f64>> {
    let mut writer = Writer::new(BufWriter::with_capacity(BUFFER, output));
    let mut times = Vec::new();
    for matrix in matrices {
        let start = Instant::now();
        let mut record = Record::for_image("a.jpg")?;
        record.set_features(&BTreeMap::from([("fc7".to_owned(), Tensor::inline(matrix, Dtype::F32))]))?;
        writer.write(&record)?;
        writer.flush()?;
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(times)
}

/// Reads the features of every record; seconds of each.
fn read(input: impl Read, expected: &Matrix) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    let mut start = Instant::now();
    for line in Reader::new(BufReader::with_capacity(BUFFER, input), "<stdin>", "tensor_speed") {
        let features = line?.record.features()?.context("no features")?["fc7"].matrix()?;
        times.push(start.elapsed().as_secs_f64());
        ensure!(black_box(&features) == expected, "the matrix has changed");
        drop(features);
        start = Instant::now();
    }
    Ok(times)
}

/// Hands every record on; seconds of each.
fn pass(input: impl Read, output: &mut Cursor<Vec<u8>>) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    let mut start = Instant::now();
    for line in Reader::new(BufReader::with_capacity(BUFFER, input), "<stdin>", "tensor_speed") {
        output.set_position(0);
        Writer::new(&mut *output).write(&line?.record)?;
        times.push(start.elapsed().as_secs_f64());
        start = Instant::now();
    }
    Ok(times)
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
