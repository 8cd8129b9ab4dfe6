//! The process that distributes the cases and survives the bad ones.
//!
//! A stack overflow, an abort or a hang ends the worker, not the run: the worker's last line identifies the case, whose
//! input is regenerated from seed and number and saved, and another worker continues after it.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{Seeds, Target, case};

/// How many workers of a piece may die before the rest of it is skipped.
const MOST_DEATHS: usize = 20;

/// The targets to run, and how.
pub struct Campaign {
    /// The program to start with `--worker`.
    pub program: PathBuf,
    /// The root of the repository.
    pub root: PathBuf,
    /// The targets and the number of cases for each.
    pub targets: Vec<(&'static Target, u64)>,
    /// Inputs to run instead of mutations.
    pub files: Vec<PathBuf>,
    /// Seed of the mutations.
    pub seed: u64,
    /// Number of worker processes.
    pub jobs: usize,
    /// A case that takes longer counts as a hang.
    pub patience: Duration,
}

/// A case that broke a promise.
pub struct Finding {
    /// The name of the target.
    pub target: &'static str,
    /// What happened, in one line.
    pub message: String,
    /// The file with its input.
    pub input: PathBuf,
}

/// Runs all cases, and passes each kind of finding to `report` once.
/// # Errors
/// When a worker cannot be started, or an input cannot be saved.
pub fn supervise(campaign: &Campaign, report: &(dyn Fn(&Finding) + Sync)) -> Result<usize> {
    // In memory if possible: most cases are files.
    let memory = Path::new("/dev/shm");
    let scratch = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    let scratch = scratch.context("cannot create a temporary folder")?;
    let pieces = Mutex::new(pieces(campaign));
    let seen = Mutex::new(HashSet::new());
    let work = || -> Result<()> {
        loop {
            let piece = pieces.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(piece) = piece else { return Ok(()) };
            run(campaign, piece, scratch.path(), &|target, number, message| {
                if seen.lock().unwrap_or_else(PoisonError::into_inner).insert(kind(target, &message)) {
                    report(&saved(campaign, target, number, message)?);
                }
                Ok(())
            })?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..campaign.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| panic!("a worker thread panicked")))
    })?;
    Ok(seen.into_inner().unwrap_or_else(PoisonError::into_inner).len())
}

/// Cases `from..to` of a target.
struct Piece {
    target: &'static Target,
    from: u64,
    to: u64,
}

/// Divides each target into a few pieces, so that all workers stay busy until the end.
fn pieces(campaign: &Campaign) -> VecDeque<Piece> {
    let mut pieces = VecDeque::new();
    for (target, cases) in &campaign.targets {
        let step = cases.div_ceil(4).max(200);
        let starts = (0..*cases).step_by(usize::try_from(step).unwrap_or(usize::MAX));
        pieces.extend(starts.map(|from| Piece { target, from, to: (from + step).min(*cases) }));
    }
    pieces
}

/// Receives a target, the number of a case, and what went wrong.
type Report<'a> = &'a dyn Fn(&'static Target, u64, String) -> Result<()>;

/// A key that is the same for findings of the same fault: the location of a panic, or a message without its numbers.
fn kind(target: &Target, message: &str) -> String {
    let message = message.split("; then ").next().unwrap_or_default();
    let message = match message.split_once(": ") {
        Some((place, _)) if place.starts_with("panic at ") => place.to_owned(),
        _ => message.replace(|letter: char| letter.is_ascii_digit(), ""),
    };
    format!("{}: {message}", target.name)
}

fn run(campaign: &Campaign, mut piece: Piece, scratch: &Path, report: Report) -> Result<()> {
    for _ in 0..MOST_DEATHS {
        let Some((number, message)) = watch(campaign, &piece, scratch, report)? else { return Ok(()) };
        report(piece.target, number, message)?;
        piece.from = number + 1;
        if piece.from >= piece.to {
            return Ok(());
        }
    }
    let left = piece.to - piece.from;
    report(piece.target, piece.from - 1, format!("{MOST_DEATHS} workers died; {left} cases are skipped"))
}

/// Runs one worker to its end. Returns the case that killed it, if any, and the reason.
fn watch(campaign: &Campaign, piece: &Piece, scratch: &Path, report: Report) -> Result<Option<(u64, String)>> {
    let mut worker = Command::new(&campaign.program)
        .args(["--worker", "--target", piece.target.name])
        .args(["--seed", &campaign.seed.to_string()])
        .args(["--from", &piece.from.to_string(), "--to", &piece.to.to_string()])
        .args(&campaign.files)
        .current_dir(&campaign.root)
        .env("TMPDIR", scratch)
        // A single thread, so that a case behaves the same each time.
        .env("RAYON_NUM_THREADS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{}: cannot be started", campaign.program.display()))?;
    let (output, errors) = (worker.stdout.take().context("no stdout")?, worker.stderr.take().context("no stderr")?);
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let errors = thread::spawn(move || text(errors));
    let mut last = piece.from;
    let hung = loop {
        match lines.recv_timeout(campaign.patience) {
            Ok(line) => match line.strip_prefix("panic ").and_then(|rest| rest.split_once(' ')) {
                Some((number, message)) => {
                    let number = number.parse().context("a worker's line")?;
                    report(piece.target, number, format!("panic at {message}"))?;
                }
                None => last = line.parse().context("a worker's line")?,
            },
            Err(RecvTimeoutError::Timeout) => break true,
            Err(RecvTimeoutError::Disconnected) => break false,
        }
    };
    if hung {
        worker.kill()?;
    }
    let status = worker.wait()?;
    let errors = errors.join().unwrap_or_default();
    Ok(match (hung, status.success()) {
        (true, _) => Some((last, format!("hang: more than {} s", campaign.patience.as_secs()))),
        (false, true) => None,
        (false, false) => Some((last, format!("death ({status}): {}", errors.trim()))),
    })
}

/// The beginning of a worker's stderr, in one line.
fn text(mut stderr: impl Read) -> String {
    let mut text = Vec::new();
    let _ = (&mut stderr).take(1 << 12).read_to_end(&mut text);
    let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    String::from_utf8_lossy(&text).lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Saves the input of a finding.
fn saved(campaign: &Campaign, target: &'static Target, number: u64, message: String) -> Result<Finding> {
    if let Some(file) = usize::try_from(number).ok().and_then(|number| campaign.files.get(number)) {
        return Ok(Finding { target: target.name, message, input: file.clone() });
    }
    let seeds = Seeds::read(&campaign.root, target)?;
    if let Some((path, _)) = usize::try_from(number).ok().and_then(|number| seeds.0.get(number)) {
        return Ok(Finding { target: target.name, message, input: path.clone() });
    }
    let folder = campaign.root.join("fuzz/artifacts").join(target.name);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let input = folder.join(format!("seed{}-case{number}", campaign.seed));
    fs::write(&input, case(target, &seeds, campaign.seed, number)).with_context(|| input.display().to_string())?;
    Ok(Finding { target: target.name, message, input })
}
