//! Measures the time of selective search, for `bench/selective_search.py`.
//!
//!     selective_search_speed IMAGE MODE
//!
//! MODE is single, fast or quality. Prints `{"proposals": [[x1, y1, x2, y2], ...]}`, best first, and then, for every line
//! on standard input, runs once and prints `{"milliseconds": ...}`, so that runs can take turns with those of a peer.
//! Decoding the image is not included.

use std::io::{Write, stdin, stdout};
use std::time::Instant;

use anyhow::{Context, Result};
use dl_vision::proposals::selective_search::{Config, propose};
use serde_json::json;

fn main() -> Result<()> {
    let usage = "usage: selective_search_speed IMAGE MODE";
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context(usage)?;
    let mode = arguments.next().context(usage)?.parse()?;
    let image = image::open(&path).with_context(|| path.clone())?.into_rgb8();
    let config = Config { mode, ..Config::default() };
    let run = || propose(&image, &config, 0, "image");
    let boxes: Vec<_> = run()?.iter().map(|proposal| proposal.bbox).collect();
    writeln!(stdout(), "{}", json!({ "proposals": boxes }))?;
    for line in stdin().lines() {
        line?;
        let start = Instant::now();
        let proposals = std::hint::black_box(run()?);
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        drop(proposals);
        writeln!(stdout(), "{}", json!({ "milliseconds": milliseconds }))?;
    }
    Ok(())
}
