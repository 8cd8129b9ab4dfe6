//! `dl-data check`: what is wrong with a dataset, before it is trained on.

mod findings;
mod objects;
mod size;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use anyhow::{Result, bail};
use dl_record::Record;
use dl_record::file::read_list;
use dl_vision::picture;

use crate::common::{
    Common, ImageArgs, Images, Inputs, Io, Job, Outcome, counted, map_batches, numbers, one_line, say_failed,
};
use findings::Findings;
use objects::Rules;

/// Find images that are missing or broken, wrong sizes, boxes, masks and labels, and repeated ids
///
/// Each finding is a line on stderr, `ID: object N (LABEL): ...`, N from 0. The records go to stdout unchanged. Exit
/// status 1 if there are findings.
///
/// With --fix, boxes are clipped to the image, objects are dropped whose box is empty or inside out or whose label is
/// unknown, masks that are broken, empty or of another size are removed, areas follow, and width and height become
/// those of the image. What cannot be fixed (a broken image, an id that came before, boxes that are in the scale of
/// another size) makes the record carry `error`, and then the exit status is 1; so it is when every object is dropped.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from voc VOC2007 | dl-data check > /dev/null
  dl-data from yolo signs | dl-data check --fix --labels stop,yield \\
    | dl-data to coco --output signs.json")]
pub(super) struct Args {
    /// Write the records with what is wrong put right
    #[arg(long)]
    fix: bool,

    /// The labels that are known [default: any]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    labels: Vec<String>,

    /// A file with the labels that are known, one a line
    #[arg(long, value_name = "FILE")]
    labels_from: Option<PathBuf>,

    /// A box is empty when its width or height is at most so many pixels; 1 is what VOC's xmin = xmax becomes
    #[arg(long, value_name = "PIXELS", default_value_t = 1.0, value_parser = numbers::not_negative)]
    empty: f64,

    /// Read only the headers of the images: faster, and blind to an image that is cut off
    #[arg(long)]
    headers: bool,

    #[command(flatten)]
    image: ImageArgs,

    #[command(flatten)]
    inputs: Inputs,

    #[command(flatten)]
    common: Common,
}

impl Args {
    pub(super) fn common(&self) -> &Common {
        &self.common
    }

    pub(super) fn run(&self, io: &mut Io) -> Result<Outcome> {
        let labels = self.known_labels()?;
        let rules = Rules { labels: labels.as_ref(), empty: self.empty };
        let messages = io.messages.clone();
        let images = self.image.images(&messages);
        let mut ids = HashSet::new();
        let (mut count, mut records, mut all) = (0, 0, 0);
        let (mut kept, mut dropped, mut removed) = (0, 0, 0);
        let job = Job { common: &self.common, inputs: &self.inputs };
        let outcome = map_batches(
            io,
            job,
            1,
            |record| {
                let mut findings = Findings::new(self.fix);
                self.inspect(record, &images, &rules, &mut findings)?;
                Ok(findings)
            },
            |batch, findings| {
                let finish = |(record, mut findings): (&mut &mut Record, Findings)| {
                    let name = check_id(record, &mut ids, &mut findings);
                    all += 1;
                    records += usize::from(findings.count() > 0);
                    count += findings.count();
                    (kept, dropped) = (kept + findings.kept_objects, dropped + findings.dropped_objects);
                    removed += findings.removed_masks;
                    for text in findings.told(self.fix) {
                        say_failed(&messages, &name, text);
                    }
                    if self.fix && !findings.lasting.is_empty() {
                        let text = findings.lasting.join("; ");
                        if text.starts_with(&name) {
                            bail!(text);
                        }
                        bail!("{name}: {text}");
                    }
                    Ok(())
                };
                batch.iter_mut().zip(findings).map(finish).collect()
            },
        )?;
        messages.note(format_args!("{} in {records} of {}", counted(count, "finding"), counted(all, "record")));
        if self.fix && (dropped > 0 || removed > 0) {
            let [lost, left] = [dropped, kept].map(|count| counted(count, "object"));
            messages.note(format_args!("{lost} dropped, {} removed, {left} kept", counted(removed, "mask")));
        }
        if self.fix && dropped > 0 && kept == 0 {
            messages.error("every object was dropped; are these the right images and labels?");
            return Ok(Outcome::SomeFailed);
        }
        Ok(if count > 0 && !self.fix { Outcome::SomeFailed } else { outcome })
    }

    fn known_labels(&self) -> Result<Option<HashSet<String>>> {
        let mut labels: HashSet<String> = self.labels.iter().cloned().collect();
        if let Some(path) = &self.labels_from {
            labels.extend(read_list(path)?.into_iter().filter(|label| !label.is_empty()));
        }
        Ok((!labels.is_empty()).then_some(labels))
    }

    fn inspect(&self, record: &mut Record, images: &Images, rules: &Rules, findings: &mut Findings) -> Result<()> {
        if let Some(label) = record.label()?.filter(|label| !rules.knows(label)) {
            findings.lasting(format_args!("unknown label \"{label}\""));
        }
        let before = findings.changes;
        let objects = match objects::read(record, findings) {
            Ok(objects) => objects,
            Err(error) => {
                findings.lasting(one_line(error));
                None
            }
        };
        let unread = findings.changes > before;
        let stated = (record.width()?, record.height()?);
        let real = self.real_size(record, images, findings)?;
        let size = size::reconcile(stated, real, objects.as_deref().unwrap_or_default(), findings);
        if let Some((width, height)) = size.filter(|size| self.fix && real == Some(*size)) {
            record.set_width(&width)?;
            record.set_height(&height)?;
        }
        let Some(objects) = objects else { return Ok(()) };
        let before = findings.changes;
        let kept = objects::inspect(objects, rules, size, findings);
        if self.fix && (unread || findings.changes > before) {
            record.set_objects(&kept)?;
        }
        Ok(())
    }

    /// The size of the image, as far as it can be read.
    fn real_size(&self, record: &Record, images: &Images, findings: &mut Findings) -> Result<Option<(u32, u32)>> {
        let Some(source) = record.image()? else {
            // One of texts needs none.
            if !record.has("text") {
                findings.lasting("it has no image");
            }
            return Ok(None);
        };
        let found = if self.headers {
            picture::dimensions(&source)
        } else {
            images.load(&source).map(|image| image.dimensions())
        };
        Ok(found.map_err(|error| findings.lasting(one_line(error))).ok())
    }
}

/// The record's name for messages. An id is remembered in 8 bytes.
fn check_id(record: &Record, ids: &mut HashSet<u64>, findings: &mut Findings) -> String {
    let Ok(Some(id)) = record.id() else {
        findings.lasting("it has no id");
        return record.image().ok().flatten().unwrap_or_else(|| "a record".to_owned());
    };
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    if !ids.insert(hasher.finish()) {
        findings.lasting("another record before has the same id");
    }
    id
}
