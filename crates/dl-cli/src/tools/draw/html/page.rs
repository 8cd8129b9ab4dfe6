//! The file: a frame of HTML, CSS and a script, around one block of JSON.
//!
//! Nothing from a record reaches the HTML. In the JSON `<` is escaped, so that it cannot end its element; the script
//! sets texts as text; and a content security policy allows only the page's own script and style and `data:` images.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dl_metrics::voc::VocClass;
use dl_vision::picture::draw::color_of;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::card::Card;

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The most points of a curve.
const MOST_POINTS: usize = 200;

/// A page that is being written.
pub(super) struct Page<'a> {
    file: &'a mut dyn Write,
    /// What follows the data.
    rest: String,
    labels: BTreeSet<String>,
    is_first: bool,
}

impl<'a> Page<'a> {
    /// Writes the beginning.
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn start(file: &'a mut dyn Write, title: &str) -> Result<Self> {
        let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
        let policy = format!(
            "default-src 'none'; img-src data:; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            hash(STYLE),
            hash(SCRIPT)
        );
        let (start, rest) = FRAME.split_once("{{data}}").expect("the frame has a place for the data");
        let start = start.replace("{{policy}}", &policy).replace("{{style}}", STYLE);
        // Last: a title may hold a placeholder.
        file.write_all(start.replace("{{title}}", &escaped(title)).as_bytes())?;
        file.write_all(b"{\"records\":[\n")?;
        Ok(Self { file, rest: rest.replace("{{script}}", SCRIPT), labels: BTreeSet::new(), is_first: true })
    }

    /// Adds a card.
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn add(&mut self, card: &Card) -> Result<()> {
        for label in card.labels() {
            if !self.labels.contains(label) {
                self.labels.insert(label.to_owned());
            }
        }
        if !std::mem::replace(&mut self.is_first, false) {
            self.file.write_all(b",\n")?;
        }
        self.write(card)
    }

    /// Writes the rest: the classes with their curves, and the settings.
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn finish(mut self, classes: &[VocClass], score: f64, iou: f64, left_out: usize) -> Result<()> {
        let mut table: Map<String, Value> = Map::new();
        for label in &self.labels {
            let [red, green, blue] = color_of(label);
            table.insert(label.clone(), json!({ "color": format!("#{red:02x}{green:02x}{blue:02x}") }));
        }
        for class in classes {
            if let Some(entry) = table.get_mut(&class.label) {
                entry["ap"] = json!(class.ap_all_points);
                entry["truth"] = json!(class.truth);
                entry["curve"] = json!(points(class));
            }
        }
        self.file.write_all(b"\n],\n\"classes\":")?;
        self.write(&table)?;
        self.file.write_all(b",\n\"settings\":")?;
        self.write(&json!({"score": score, "iou": iou, "left_out": left_out}))?;
        self.file.write_all(b"}")?;
        self.file.write_all(self.rest.as_bytes())?;
        Ok(())
    }

    fn write(&mut self, value: &impl serde::Serialize) -> Result<()> {
        let text = serde_json::to_string(value)?.replace('<', "\\u003c");
        Ok(self.file.write_all(text.as_bytes())?)
    }
}

/// `[recall, precision, score]` of at most `MOST_POINTS` points: the last of each step of recall.
fn points(class: &VocClass) -> Vec<[f64; 3]> {
    if class.truth == 0 {
        return Vec::new();
    }
    let short = |number: f64| (number * 1e4).round() / 1e4;
    let all = class.recall.iter().zip(&class.precision).zip(&class.scores);
    let all: Vec<[f64; 3]> = all.map(|((recall, precision), score)| [*recall, *precision, *score]).collect();
    let stride = all.len().div_ceil(MOST_POINTS).max(1);
    let last = all.len().saturating_sub(1);
    let kept = all.iter().enumerate().filter(|(index, _)| index % stride == 0 || *index == last);
    kept.map(|(_, [recall, precision, score])| [short(*recall), short(*precision), *score]).collect()
}

/// Text in HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
