//! Truth from one file and findings from another, joined image by image.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, bail};
use dl_record::file::folder_of;
use dl_record::{Line, Object, Reader, Record};
use dl_vision::formats::coco::fields::Id;
use dl_vision::formats::coco::{self, CocoFile, Counted, Json, Labels};
use dl_vision::formats::{self, Sample};

use super::args::SourceArgs;
use super::findings::{CocoResult, Finding, findings};
use super::same_image;
use super::source::Image;
use super::truth::objects;
use super::{has_ending, is_json};
use crate::common::{Io, Tally, counted, one_line, open_records};

/// Calls `work` with the truth and the findings of each image, in the order of the truth. An image is left out when either
/// side carries `error` or fails.
pub(super) fn each_joined<F: Finding>(
    io: &mut Io,
    source: &SourceArgs,
    truth: &Path,
    detections: &Path,
    mut work: impl FnMut(Image, Vec<Object>, Vec<F>) -> Result<()>,
) -> Result<Tally> {
    let mut tally = Tally::default();
    let coco = if is_json(truth) && !truth.is_dir() { Some(CocoFile::open(truth)?) } else { None };
    let labels = coco.as_ref().map(|file| file.labels().clone());
    let mut found = read_findings::<F>(io, source, (labels, detections), &mut tally)?;
    let mut missing = Vec::new();
    each_truth(io, source, (truth, coco), &mut tally, |place, record, failure| {
        // In any case, so that it does not count as unknown.
        let found = found.take(&record);
        if let Some(failure) = failure {
            return Err(failure);
        }
        if record.has("error") {
            return Ok(Fate::Carried);
        }
        let found = match found? {
            Some(Some(found)) => found,
            Some(None) => return Ok(Fate::CountedBefore),
            None => {
                missing.push(Image::of(place, &record).name);
                Vec::new()
            }
        };
        work(Image::of(place, &record), objects(&record)?, found)?;
        Ok(Fate::Good)
    })?;
    if !missing.is_empty() {
        let (images, field) = (counted(missing.len(), "image"), F::FIELD);
        io.messages.note(format_args!("no {field} for {images} of the truth: all objects there count as missed"));
    }
    let unknown = found.left();
    if let Some(first) = unknown.first() {
        let (file, images, field) = (detections.display(), counted(unknown.len(), "image"), F::FIELD);
        let are = if unknown.len() == 1 { "is" } else { "are" };
        io.messages.error(format_args!(
            "{file}: {images} {are} not in the truth, first \"{first}\"; their {field} are left out"
        ));
        tally.failed += unknown.len();
        if let Some(hint) = same_image::hint(&unknown, &missing).filter(|_| !is_json(detections)) {
            io.messages.note(hint);
        }
    }
    Ok(tally)
}

/// The outcome for an image that did not fail.
enum Fate {
    Good,
    /// It arrived with `error`.
    Carried,
    CountedBefore,
}

impl Fate {
    fn count(result: Result<Self>, io: &Io, source: &SourceArgs, place: &str, tally: &mut Tally) -> Result<()> {
        match result {
            Ok(Self::Good) => tally.good += 1,
            Ok(Self::Carried) => tally.carried += 1,
            Ok(Self::CountedBefore) => {}
            Err(error) => {
                io.messages.error(format_args!("{place}: {}", one_line(error)));
                tally.failed += 1;
                if source.common.strict {
                    bail!("stopped at the first image that failed (--strict)");
                }
            }
        }
        Ok(())
    }
}

/// Calls `work` with each image of the truth, and with the reason if it could not be read.
fn each_truth(
    io: &Io,
    source: &SourceArgs,
    (truth, coco): (&Path, Option<CocoFile>),
    tally: &mut Tally,
    mut work: impl FnMut(&str, Record, Option<Error>) -> Result<Fate>,
) -> Result<()> {
    let found: Box<dyn Iterator<Item = Result<formats::Found>>> = if truth.is_dir() {
        formats::voc::read(truth, &source.split)?
    } else if let Some(file) = coco {
        let folder = folder_of(truth);
        Box::new(file.samples(folder)?)
    } else {
        return each_line(io, source, truth, tally, work);
    };
    for found in found {
        match found? {
            formats::Found::Sample(sample) => {
                let Sample { place, record, failure, lost } = *sample;
                for reason in lost {
                    Fate::count(Err(anyhow!(reason)), io, source, &place, tally)?;
                }
                Fate::count(work(&place, record, failure), io, source, &place, tally)?;
            }
            formats::Found::Lost(reason) => {
                let place = truth.display().to_string();
                Fate::count(Err(anyhow!(reason)), io, source, &place, tally)?;
            }
            formats::Found::Note(note) => io.messages.note(note),
        }
    }
    Ok(())
}

/// Calls `work` with each record of a file, and with the reason if its line could not be read.
fn each_line(
    io: &Io,
    source: &SourceArgs,
    path: &Path,
    tally: &mut Tally,
    mut work: impl FnMut(&str, Record, Option<Error>) -> Result<Fate>,
) -> Result<()> {
    let plain = if has_ending(path, &["gz"]) { path.with_extension("") } else { path.to_owned() };
    if !has_ending(&plain, &["jsonl", "ndjson"]) {
        bail!("{}: expected records (.jsonl), a COCO file (.json) or, for --truth, a VOC folder", path.display());
    }
    let in_context = || format!("{}: cannot be read", path.display());
    let file = open_records(path).with_context(|| path.display().to_string())?;
    for line in Reader::new(file, &path.display().to_string(), io.messages.tool()) {
        let Line { place, record, broken } = line.with_context(in_context)?;
        let failure = if broken { record.error()?.map(|failure| anyhow!(failure.message)) } else { None };
        Fate::count(work(&place, record, failure), io, source, &place, tally)?;
    }
    Ok(())
}

/// The findings, by image.
enum Found<F> {
    /// By the records' `id`; `None` where the record carries `error` or failed.
    Records(HashMap<String, Option<Vec<F>>>),
    /// By COCO's image id.
    Results { by_image: HashMap<Id, Vec<CocoResult>>, labels: Labels },
}

fn read_findings<F: Finding>(
    io: &Io,
    source: &SourceArgs,
    (labels, path): (Option<Labels>, &Path),
    tally: &mut Tally,
) -> Result<Found<F>> {
    if !is_json(path) {
        let mut by_id: HashMap<String, Option<Vec<F>>> = HashMap::new();
        each_line(io, source, path, tally, |_, record, failure| {
            if let Some(failure) = failure {
                return Err(failure);
            }
            let id = id(&record)?;
            if by_id.insert(id.clone(), None).is_some() {
                bail!("duplicate id \"{id}\"");
            }
            if record.has("error") {
                return Ok(Fate::Carried);
            }
            by_id.insert(id, Some(findings(&record)?));
            Ok(Fate::CountedBefore)
        })?;
        return Ok(Found::Records(by_id));
    }
    let Some(labels) = labels else {
        bail!(
            "{}: COCO results identify images and classes by number, so --truth must be the COCO file",
            path.display()
        );
    };
    let json = Json::open(path)?;
    let mut by_image: HashMap<Id, Vec<CocoResult>> = HashMap::new();
    let mut unknown = Counted::default();
    for (index, entry) in coco::results(&json).with_context(|| path.display().to_string())?.into_iter().enumerate() {
        match CocoResult::of(entry) {
            Ok(result) if F::HAS_CLASS && labels.get(&result.category).is_none() => unknown.add(&result.category),
            Ok(result) => by_image.entry(result.image.clone()).or_default().push(result),
            Err(error) => {
                let place = format!("{}: result {index} (from 0)", path.display());
                Fate::count(Err(anyhow!("{error:#}; it is left out")), io, source, &place, tally)?;
            }
        }
    }
    let unknown = unknown.message(|count, ids| {
        let (have, are) = if count == 1 { ("result has", "it is") } else { ("results have", "they are") };
        format!("{count} {have} a category_id that is not among those of the truth: {ids}; {are} left out")
    });
    if let Some(reason) = unknown {
        Fate::count(Err(anyhow!(reason)), io, source, &path.display().to_string(), tally)?;
    }
    Ok(Found::Results { by_image, labels })
}

impl<F: Finding> Found<F> {
    /// The findings in the image of this record of the truth: `None` when there is no such image, `Some(None)` when it is
    /// left out.
    fn take(&mut self, truth: &Record) -> Result<Option<Option<Vec<F>>>> {
        match self {
            Self::Records(by_id) => Ok(by_id.remove(&id(truth)?)),
            Self::Results { by_image, labels } => {
                let image = coco::image_id(truth)?;
                let Some(results) = image.and_then(|image| by_image.remove(&image)) else { return Ok(None) };
                let mut found: Vec<F> = Vec::with_capacity(results.len());
                for result in results {
                    // Only findings without a class may have an unknown one.
                    let label = labels.get(&result.category).unwrap_or_default().to_owned();
                    found.push(F::of_result(result, &label));
                }
                // Proposals come best first. The sort is stable: ties keep their order.
                found.sort_by(|a, b| b.score().total_cmp(&a.score()));
                Ok(Some(Some(found)))
            }
        }
    }

    /// The images with findings that are not in the truth, sorted. Records that failed are counted already.
    fn left(&self) -> Vec<String> {
        let mut left: Vec<String> = match self {
            Self::Records(by_id) => {
                by_id.iter().filter(|(_, found)| found.is_some()).map(|(id, _)| id.clone()).collect()
            }
            Self::Results { by_image, .. } => by_image.keys().map(ToString::to_string).collect(),
        };
        left.sort_unstable();
        left
    }
}

fn id(record: &Record) -> Result<String> {
    record.require("id", "which joins detections and truth")
}
