//! `dl-data check`: what is wrong with a dataset, before it is trained on.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use anyhow::{Result, bail};
use dl_record::file::read_list;
use dl_record::{Object, Record};
use dl_vision::{masks, picture};

use crate::common::{Common, Inputs, Io, Job, Outcome, map_batches, one_line};

/// By so many pixels a box may reach outside: sums of decimals are not exact.
const SLACK: f64 = 1e-6;

/// Finds pictures that are missing or broken, sizes, boxes, masks and labels that are wrong, and ids that come twice
///
/// Each finding is a line on stderr, `ID: object N (LABEL): ...`, N from 0. The records go to stdout unchanged. Exit
/// status 1 if there are findings.
///
/// With --fix, boxes are clipped to the picture, objects are dropped whose box is empty or inside out or whose label is
/// unknown, masks that do not fit are removed, and width and height are those of the picture. What cannot be fixed (a
/// broken picture, an id that came before) makes the record carry `error`, and then the exit status is 1.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  dl-data from voc VOC2007 | dl-data check >/dev/null
  dl-data from yolo signs | dl-data check --fix --labels stop,yield | dl-data to coco")]
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
    #[arg(long, value_name = "PIXELS", default_value_t = 1.0)]
    empty: f64,

    /// Look only at the pictures' headers: faster, and blind to a picture that is cut off
    #[arg(long)]
    headers: bool,

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
        let messages = io.messages.clone();
        let mut ids = HashSet::new();
        let (mut count, mut records, mut all) = (0, 0, 0);
        let job = Job { common: &self.common, inputs: &self.inputs };
        let outcome = map_batches(
            io,
            job,
            1,
            |record| {
                let mut findings = Findings { fix: self.fix, ..Findings::default() };
                self.inspect(record, labels.as_ref(), &mut findings)?;
                Ok(findings)
            },
            |batch, findings| {
                let finish = |(record, mut findings): (&mut &mut Record, Findings)| {
                    let name = check_id(record, &mut ids, &mut findings);
                    all += 1;
                    records += usize::from(findings.count() > 0);
                    count += findings.count();
                    for text in findings.told(self.fix) {
                        messages.error(format_args!("{name}: {text}"));
                    }
                    if self.fix && !findings.lasting.is_empty() {
                        bail!("{}", findings.lasting.join("; "));
                    }
                    Ok(())
                };
                batch.iter_mut().zip(findings).map(finish).collect()
            },
        )?;
        messages.note(format_args!("{count} findings in {records} of {all} records"));
        Ok(if count > 0 && !self.fix { Outcome::SomeFailed } else { outcome })
    }

    fn known_labels(&self) -> Result<Option<HashSet<String>>> {
        let mut labels: HashSet<String> = self.labels.iter().cloned().collect();
        if let Some(path) = &self.labels_from {
            labels.extend(read_list(path)?.into_iter().filter(|label| !label.is_empty()));
        }
        Ok((!labels.is_empty()).then_some(labels))
    }

    fn inspect(&self, record: &mut Record, labels: Option<&HashSet<String>>, findings: &mut Findings) -> Result<()> {
        let size = self.inspect_picture(record, findings)?;
        let known = |label: &str| !label.is_empty() && labels.is_none_or(|labels| labels.contains(label));
        if let Some(label) = record.label()?.filter(|label| !known(label)) {
            findings.lasting(format_args!("unknown label \"{label}\""));
        }
        let objects = match record.objects() {
            Ok(None) => return Ok(()),
            Ok(Some(objects)) => objects,
            Err(error) => {
                findings.lasting(one_line(error));
                return Ok(());
            }
        };
        let before = findings.count();
        let mut kept = Vec::with_capacity(objects.len());
        for (index, mut object) in objects.into_iter().enumerate() {
            let name = format!("object {index} ({})", object.label);
            let mut keep = true;
            if !known(&object.label) {
                findings.fixable(format_args!("{name}: unknown label"), "dropped");
                keep = false;
            }
            keep &= self.inspect_box(&mut object, &name, size, findings);
            inspect_mask(&mut object, &name, size, findings);
            if keep {
                kept.push(object);
            }
        }
        if self.fix && findings.count() > before {
            record.set_objects(&kept)?;
        }
        Ok(())
    }

    /// Looks at the picture; its true size, or else the one that the record states.
    fn inspect_picture(&self, record: &mut Record, findings: &mut Findings) -> Result<Option<(u32, u32)>> {
        let stated = record.width()?.zip(record.height()?);
        let Some(source) = record.image()? else {
            findings.lasting("it has no image");
            return Ok(stated);
        };
        let found =
            if self.headers { picture::dimensions(&source) } else { picture::load(&source).map(|it| it.dimensions()) };
        let (width, height) = match found {
            Ok(size) => size,
            Err(error) => {
                findings.lasting(one_line(error));
                return Ok(stated);
            }
        };
        if let Some((stated_width, stated_height)) = stated.filter(|stated| *stated != (width, height)) {
            let text = format_args!("it says {stated_width} x {stated_height}, the picture is {width} x {height}");
            findings.fixable(text, "corrected");
        }
        if self.fix {
            record.set_width(&width)?;
            record.set_height(&height)?;
        }
        Ok(Some((width, height)))
    }

    /// Can the object stay? Its box is clipped.
    fn inspect_box(
        &self,
        object: &mut Object,
        name: &str,
        size: Option<(u32, u32)>,
        findings: &mut Findings,
    ) -> bool {
        let bbox = object.bbox;
        let [x1, y1, x2, y2] = bbox.into();
        let is_empty = |width: f64, height: f64| width <= self.empty || height <= self.empty;
        if let Err(error) = bbox.check() {
            findings.fixable(format_args!("{name}: {error}"), "dropped");
            return false;
        }
        let shape = format!("{} x {} pixels", bbox.width(), bbox.height());
        if is_empty(bbox.width(), bbox.height()) {
            findings.fixable(format_args!("{name}: box [{x1},{y1},{x2},{y2}] is empty ({shape})"), "dropped");
            return false;
        }
        let Some((width, height)) = size.map(|(width, height)| (f64::from(width), f64::from(height))) else {
            return true;
        };
        if x1 >= -SLACK && y1 >= -SLACK && x2 <= width + SLACK && y2 <= height + SLACK {
            return true;
        }
        object.bbox = bbox.clip(width, height);
        let stays = !is_empty(object.bbox.width(), object.bbox.height());
        findings.fixable(
            format_args!("{name}: box [{x1},{y1},{x2},{y2}] is outside the picture of {width} x {height}"),
            if stays { "clipped" } else { "dropped" },
        );
        stays
    }
}

fn inspect_mask(object: &mut Object, name: &str, size: Option<(u32, u32)>, findings: &mut Findings) {
    let Some(mask) = &object.mask else { return };
    let [mask_height, mask_width] = mask.size;
    if let Some((width, height)) = size.filter(|size| *size != (mask_width, mask_height)) {
        let text = format!("mask is of {mask_width} x {mask_height} pixels, the picture of {width} x {height}");
        findings.fixable(format_args!("{name}: {text}"), "removed");
    } else if let Err(error) = masks::area(mask) {
        findings.fixable(format_args!("{name}: {}", one_line(error)), "removed");
    } else {
        return;
    }
    object.mask = None;
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

/// What was found in a record.
#[derive(Default)]
struct Findings {
    fix: bool,
    fixable: Vec<String>,
    lasting: Vec<String>,
}

impl Findings {
    fn fixable(&mut self, text: impl Display, remedy: &str) {
        self.fixable.push(if self.fix { format!("{text}; {remedy}") } else { text.to_string() });
    }

    fn lasting(&mut self, text: impl Display) {
        self.lasting.push(text.to_string());
    }

    fn count(&self) -> usize {
        self.fixable.len() + self.lasting.len()
    }

    /// Those to be said here; what lasts after --fix is said with the record's `error`.
    fn told(&self, fix: bool) -> impl Iterator<Item = &String> {
        self.fixable.iter().chain(self.lasting.iter().filter(move |_| !fix))
    }
}
