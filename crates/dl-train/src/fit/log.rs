//! The training log: one JSON object per line, as `dl-draw curves` reads it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use dl_record::write_atomically;
use serde_json::{Map, Value, json};

use super::Event;

/// A log file.
pub struct Log {
    path: PathBuf,
    file: File,
    began: Instant,
    /// Seconds spent before the run was resumed.
    before: f64,
}

impl Log {
    /// Starts a log, or continues an existing one with `resume`.
    /// # Errors
    /// When it cannot be written.
    pub fn open(path: &Path, resume: bool) -> Result<Self> {
        let in_context = || format!("--log {}: cannot be written", path.display());
        let file = OpenOptions::new().create(true).write(true).truncate(!resume).append(resume).open(path);
        Ok(Self { path: path.to_owned(), file: file.with_context(in_context)?, began: Instant::now(), before: 0.0 })
    }

    /// Writes an event immediately, so that the log has every step of any state saved later. A run that resumes drops the
    /// lines of later steps.
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, event: &Event) -> Result<()> {
        let mut line = match event {
            Event::Resumed(progress) => return self.resume_at(progress.step),
            Event::Step { iteration, epoch, rate, figures } => {
                let mut line = figures.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<Map<_, _>>();
                line.insert("iteration".into(), json!(iteration));
                line.insert("epoch".into(), json!(epoch));
                line.insert("lr".into(), json!(rate));
                line
            }
            Event::Validated { iteration, epoch, validation, best } => {
                let mut line: Map<String, Value> =
                    validation.metrics.iter().map(|(name, value)| (format!("val_{name}"), json!(value))).collect();
                line.extend(validation.loss.map(|loss| ("val_loss".to_owned(), json!(loss))));
                line.insert("iteration".into(), json!(iteration));
                line.insert("epoch".into(), json!(epoch));
                line.insert("best".into(), json!(best));
                line
            }
        };
        let seconds = self.before + self.began.elapsed().as_secs_f64();
        line.insert("seconds".into(), json!((seconds * 1e3).round() / 1e3));
        let text = format!("{}\n", Value::Object(line));
        self.file.write_all(text.as_bytes()).with_context(|| self.path.display().to_string())
    }

    fn resume_at(&mut self, step: usize) -> Result<()> {
        let text = fs::read_to_string(&self.path).with_context(|| self.path.display().to_string())?;
        let mut kept = String::new();
        for line in text.lines() {
            // Drops a line that was cut off.
            let Ok(value) = serde_json::from_str::<Value>(line) else { continue };
            if value["iteration"].as_u64().is_some_and(|iteration| (iteration as usize) < step) {
                kept.push_str(line);
                kept.push('\n');
                self.before = value["seconds"].as_f64().unwrap_or(self.before);
            }
        }
        write_atomically(&self.path, |output| Ok(output.write_all(kept.as_bytes())?))?;
        let file = OpenOptions::new().append(true).open(&self.path);
        self.file = file.with_context(|| self.path.display().to_string())?;
        Ok(())
    }
}
