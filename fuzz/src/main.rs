//! `fuzz`: runs a bounded number of random cases against every reader, on stable Rust.

use std::alloc::System;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cap::Cap;
use clap::Parser;
use dl_fuzz::{Campaign, MOST_MEMORY, Seeds, TARGETS, Target, find, supervise, work};

/// Fails allocations beyond the limit, which ends the worker and so identifies the case.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Run random cases against every reader
///
/// Starts with the seeds in fuzz/corpus, then mutates them. A case fails if it panics, aborts, hangs, takes more than
/// 1 GiB, or writes a line that is not a record. Its input is saved in fuzz/artifacts/TARGET, and the exit status is 1.
#[derive(Parser, Debug)]
#[command(after_help = "Examples:
  fuzz --cases 1000000
  fuzz --target coco --cases 50000 --seed 7
  fuzz --target coco fuzz/artifacts/coco/seed0-case17
  fuzz --list")]
struct Args {
    /// Run only these targets; may be repeated
    #[arg(long, value_name = "NAME")]
    target: Vec<String>,

    /// Total number of cases, divided among the targets by their cost
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    cases: u64,

    /// Run this many cases per target instead
    #[arg(long, value_name = "N", conflicts_with = "cases")]
    each: Option<u64>,

    /// Seed of the mutations
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Number of worker processes [default: one per core]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,

    /// Seconds after which a case counts as a hang
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    patience: u64,

    /// List the targets
    #[arg(long)]
    list: bool,

    /// Run these inputs unchanged
    #[arg(value_name = "FILE", requires = "target")]
    files: Vec<PathBuf>,

    #[arg(long, hide = true)]
    worker: bool,

    #[arg(long, hide = true, default_value_t = 0)]
    from: u64,

    #[arg(long, hide = true, default_value_t = 0)]
    to: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match args.run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "fuzz: {error:#}");
            ExitCode::from(2)
        }
    }
}

impl Args {
    /// Returns whether every case kept the promises.
    fn run(self) -> Result<bool> {
        if self.list {
            TARGETS.iter().try_for_each(|target| writeln!(io::stdout(), "{}", target.name))?;
            return Ok(true);
        }
        let targets = self.targets()?;
        // The working folder may be any: a test runs the program in its own.
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().context("the repository")?;
        if self.worker {
            return self.work(targets[0], &root);
        }
        let files: Vec<PathBuf> = self.files.iter().map(|file| file.canonicalize()).collect::<io::Result<_>>()?;
        let campaign = Campaign {
            program: std::env::current_exe()?,
            targets: self.shares(&targets, files.len() as u64),
            root,
            files,
            seed: self.seed,
            jobs: self.jobs.or_else(|| available_parallelism().ok().map(usize::from)).unwrap_or(1),
            patience: Duration::from_secs(self.patience),
        };
        let (start, cases) = (Instant::now(), campaign.targets.iter().map(|(_, cases)| cases).sum::<u64>());
        let findings = supervise(&campaign, &|finding| {
            let (target, input) =
                (finding.target, finding.input.strip_prefix(&campaign.root).unwrap_or(&finding.input));
            let text = format!(
                "{target}: {}\n  again: cargo run -p dl-fuzz --bin fuzz -- --target {target} {}\n",
                finding.message,
                input.display()
            );
            let _ = io::stderr().write_all(text.as_bytes());
        })?;
        let seconds = start.elapsed().as_secs_f64();
        writeln!(io::stderr(), "fuzz: {cases} cases, {} targets, {findings} findings, {seconds:.0} s", targets.len())?;
        Ok(findings == 0)
    }

    fn targets(&self) -> Result<Vec<&'static Target>> {
        if self.target.is_empty() {
            return Ok(TARGETS.iter().collect());
        }
        let named = |name: &String| match find(name) {
            Some(target) => Ok(target),
            None => bail!("unknown target {name}; --list prints the targets"),
        };
        self.target.iter().map(named).collect()
    }

    /// The number of cases for each target.
    fn shares(&self, targets: &[&'static Target], files: u64) -> Vec<(&'static Target, u64)> {
        let all: u64 = targets.iter().map(|target| target.share).sum();
        let share = |target: &Target| match self.each {
            _ if files > 0 => files,
            Some(each) => each,
            None => self.cases * target.share / all.max(1),
        };
        targets.iter().map(|target| (*target, share(target))).collect()
    }

    fn work(&self, target: &Target, root: &std::path::Path) -> Result<bool> {
        ALLOCATOR.set_limit(MOST_MEMORY).map_err(|_| anyhow::anyhow!("cannot limit the memory"))?;
        let seeds = if self.files.is_empty() { Seeds::read(root, target)? } else { Seeds::of(&self.files)? };
        work(target, &seeds, self.seed, self.from, self.to, &mut io::stdout().lock())?;
        Ok(true)
    }
}
