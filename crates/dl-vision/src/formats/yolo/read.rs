//! Reads a YOLO folder into records.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use dl_record::file::{decode, folder_of, read_regular};
use dl_record::{Detection, Object, Record};

use super::layout::{self, Entry, ORIENTED, Part, Parts};
use super::line::{self, Content, Form, Format, Keypoints, Oriented};
use super::names::{self, Description};
use super::{DATASET, Dataset};
use crate::formats::files::{as_text, has_ending, relative, require_folder};
use crate::formats::{Found, Sample, add_size};

/// The most bytes of one image's label file.
const MOST_BYTES: u64 = 8 << 20;
/// The most pixels that the outlines of all polygons of an image may pass through: a few bytes may cross a large image,
/// and take time and memory for each of its columns.
const MOST_OUTLINE: f64 = 2e7;
/// How many invalid lines of one file are reported one by one.
const MOST_REASONS: usize = 20;
/// How many of all files.
const MOST_REASONS_IN_ALL: usize = 100;

/// How a YOLO folder is read.
#[derive(Clone, Debug, Default)]
pub struct ReadConfig {
    /// The splits to read; empty for all.
    pub splits: Vec<String>,
    /// The class names in order; empty for those of the folder's own files.
    pub names: Vec<String>,
    /// The lines are the output of a detector, and become `detections`.
    pub predictions: bool,
    /// What to do with oriented boxes. If `None`, four corners are a polygon, and DOTA lines are errors.
    pub oriented: Option<Oriented>,
}

/// Reads the images below `folder` with their labels.
/// # Errors
/// When the folder or a split does not exist, the classes have no names or their file cannot be read, there are no
/// images, or none of them has labels. An invalid line loses only that line, an invalid file only that file.
pub fn read(folder: &Path, config: ReadConfig) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    if folder.is_file() && has_ending(folder, &["yaml", "yml", "data", "names", "txt"]) {
        let around = folder_of(folder);
        bail!("{}: is a file; name its folder, {}", folder.display(), around.display());
    }
    require_folder(folder)?;
    let description = names::describe(folder, &config.names)?;
    let Parts { parts, lost, notes: assumed } = layout::parts(folder, &config.splits, &description)?;
    let layout = survey(folder, &parts, &description, config.oriented)?;
    let Description { names, keypoints, mut notes, .. } = description;
    notes.extend(assumed.into_iter().chain(layout));
    let names = match names {
        Some(names) => names,
        // DOTA lines contain class names.
        None if config.oriented == Some(Oriented::Box) => Vec::new(),
        None => bail!(
            "{}: neither data.yaml nor classes.txt names the classes; use --labels a,b,c{}",
            folder.display(),
            elsewhere(folder)
        ),
    };
    notes.extend(names::merged(&names));
    Ok(Reader {
        root: folder.to_owned(),
        dataset: Some(Dataset { names: names.clone() }),
        names,
        keypoints,
        config,
        parts: parts.into(),
        current: None,
        ready: notes.into_iter().map(Found::Note).chain(lost.into_iter().map(Found::Lost)).collect(),
        reports: ReportLimit::default(),
        tally: Tally::default(),
        done: false,
    })
}

/// A hint if a parent folder names the classes.
fn elsewhere(folder: &Path) -> String {
    names::description_around(folder).map_or_else(String::new, |path| {
        let around = folder_of(&path);
        format!("; {} describes the dataset; name its folder, {}", path.display(), around.display())
    })
}

/// A note for the user about where the labels are, if they are in an unusual place.
fn assumed(root: &Path, image: &Path, label: &Path) -> Option<String> {
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
    let (image, label) = (below(image), below(label));
    if image.starts_with("images") && label.starts_with("labels") {
        return None;
    }
    Some(format!("assuming that all labels lie as for {}, which has them in {}", image.display(), label.display()))
}

/// Returns assumptions about the layout. Fails if there is nothing to read: no images, or no labels for any of them.
fn survey(
    root: &Path,
    parts: &[Part],
    description: &Description,
    oriented: Option<Oriented>,
) -> Result<Option<String>> {
    let mut images = 0_usize;
    let (mut first, mut lost) = (None, None);
    for part in parts {
        for entry in part.entries(root)? {
            match entry {
                Entry::Image(image) => match layout::label_of(root, &image) {
                    Some((label, true)) if oriented != Some(Oriented::Box) => bail!(
                        "{}: the labels in {ORIENTED}/ are oriented boxes; --obb box uses their bounding boxes",
                        label.display()
                    ),
                    Some((label, _)) => return Ok(assumed(root, &image, &label)),
                    None => {
                        images += 1;
                        first.get_or_insert(image);
                    }
                },
                // Each is reported as labels without an image.
                Entry::Label(_) if images == 0 => return Ok(None),
                Entry::Lost(reason) => drop(lost.get_or_insert(reason)),
                Entry::Label(_) => {}
            }
        }
    }
    let Some(first) = first else {
        if let Some(reason) = lost {
            // Each missing entry of a list is reported.
            if parts.iter().any(|part| matches!(part, Part::List(_))) {
                return Ok(None);
            }
            bail!("{}: no images: {reason}", root.display());
        }
        let around = elsewhere(root);
        let elsewhere = description.splits.iter().map(|(key, paths)| format!("{key}: {}", paths.join(", ")));
        let elsewhere = elsewhere.take(3).collect::<Vec<_>>().join("; ");
        let elsewhere = if elsewhere.is_empty() { elsewhere } else { format!(" (its own files name {elsewhere})") };
        bail!(
            "{}: no images in this folder{elsewhere}; name the folder with the images and labels{around}",
            root.display()
        );
    };
    let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).with_extension("txt").display().to_string();
    let mut places: Vec<String> = layout::label_places(root, &first).iter().map(|place| below(place)).collect();
    // The usual places: labels/ in place of images/, beside the image, and labels/ there.
    places.retain(|place| !["Labels/", "label/", ORIENTED].iter().any(|name| place.contains(name)));
    let mut seen = HashSet::new();
    places.retain(|place| seen.insert(place.clone()));
    places.truncate(3);
    bail!(
        "{}: none of its images ({images}) has a label file; that of {} would be {}. To read images without labels, \
         use dl-data from folder --no-labels{}",
        root.display(),
        first.strip_prefix(root).unwrap_or(&first).display(),
        places.join(" or "),
        elsewhere(root)
    )
}

struct Reader {
    root: PathBuf,
    dataset: Option<Dataset>,
    names: Vec<String>,
    keypoints: Option<Keypoints>,
    config: ReadConfig,
    parts: VecDeque<Part>,
    current: Option<Current>,
    ready: VecDeque<Found>,
    reports: ReportLimit,
    tally: Tally,
    done: bool,
}

struct Current {
    path: PathBuf,
    entries: Box<dyn Iterator<Item = Entry>>,
    images: usize,
    without_labels: usize,
}

/// Limits the number of reported lines.
#[derive(Default)]
struct ReportLimit {
    lines: usize,
    /// Lines that are only counted.
    more: usize,
}

impl ReportLimit {
    /// May one more line be reported? If not, `lines` of them are counted.
    fn take(&mut self, lines: usize) -> bool {
        let can = self.lines < MOST_REASONS_IN_ALL;
        if can {
            self.lines += 1
        } else {
            self.more += lines
        }
        can
    }
}

/// What is reported at the end.
#[derive(Default)]
struct Tally {
    images: usize,
    without_labels: usize,
    confidences: usize,
    four_corners: usize,
    polygons: usize,
    outside: usize,
}

impl Iterator for Reader {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Result<Found>> {
        loop {
            if let Some(found) = self.ready.pop_front() {
                return Some(Ok(found));
            }
            match self.current.as_mut().map(|current| current.entries.next()) {
                Some(Some(Entry::Lost(reason))) => {
                    if self.reports.take(1) {
                        return Some(Ok(Found::Lost(reason)));
                    }
                }
                Some(Some(entry)) => match self.found(entry) {
                    Ok(found) => return Some(Ok(found)),
                    // A file name that is not Unicode.
                    Err(error) => return Some(Ok(Found::Lost(format!("{error:#}")))),
                },
                Some(None) => self.end_part(),
                None => match self.parts.pop_front() {
                    Some(part) => self.begin(&part),
                    None if self.done => return None,
                    None => {
                        self.done = true;
                        if self.reports.more > 0 {
                            let more = self.reports.more;
                            self.ready.push_back(Found::Lost(format!(
                                "... and {more} more lines are skipped; only the first {MOST_REASONS_IN_ALL} are listed"
                            )));
                        }
                        self.ready.extend(self.tally.notes(&self.config).into_iter().map(Found::Note));
                    }
                },
            }
        }
    }
}

impl Reader {
    fn begin(&mut self, part: &Part) {
        match part.entries(&self.root) {
            Ok(entries) => {
                let path = part.path().to_owned();
                self.current = Some(Current { path, entries, images: 0, without_labels: 0 });
            }
            Err(error) => self.ready.push_back(Found::Lost(format!("{error:#}"))),
        }
    }

    fn end_part(&mut self) {
        let Some(part) = self.current.take() else { return };
        if part.images > 0 && part.without_labels == part.images && !self.config.predictions {
            let (path, images) = (part.path.display(), part.images);
            self.ready.push_back(Found::Lost(format!(
                "{path}: none of its images ({images}) has a label file; they are read as images without objects; use \
                 --split to exclude them"
            )));
        } else {
            self.tally.without_labels += part.without_labels;
        }
        self.tally.images += part.images;
    }

    fn found(&mut self, entry: Entry) -> Result<Found> {
        let (path, image) = match entry {
            Entry::Image(path) => (path, true),
            Entry::Label(path) => (path, false),
            Entry::Lost(reason) => return Ok(Found::Lost(reason)),
        };
        let mut record = Record::default();
        record.set_id(&layout::id_of(&relative(&path, &self.root)?))?;
        let mut sample = Sample { place: path.display().to_string(), record, failure: None, lost: Vec::new() };
        if image {
            sample.record.set_image(&as_text(&path)?)?;
            let label = layout::label_of(&self.root, &path);
            if let Some(current) = &mut self.current {
                current.images += 1;
                current.without_labels += usize::from(label.is_none());
            }
            if let Some((label, _)) = &label {
                sample.place = label.display().to_string();
            }
            sample.failure = self.fill(&mut sample, label.map(|(label, _)| label)).err();
        } else {
            sample.failure = Some(anyhow!("these labels have no image"));
        }
        if let Some(dataset) = self.dataset.take() {
            sample.record.set(DATASET, &dataset)?;
        }
        Ok(sample.into())
    }

    fn fill(&mut self, sample: &mut Sample, label: Option<PathBuf>) -> Result<()> {
        add_size(&mut sample.record)?;
        let text = label.map(|label| read_regular(&label, MOST_BYTES).and_then(decode)).transpose()?;
        let size = sample.record.width()?.zip(sample.record.height()?);
        let oriented = self.config.oriented;
        let mut format = Format {
            names: &self.names,
            keypoints: self.keypoints,
            oriented,
            predictions: self.config.predictions,
            most_outline: MOST_OUTLINE,
        };
        let (mut objects, mut detections): (Vec<Object>, Vec<Detection>) = (Vec::new(), Vec::new());
        let (mut bad, mut more) = (0, 0);
        for (index, line) in text.as_deref().unwrap_or_default().lines().enumerate() {
            let is_header =
                || oriented == Some(Oriented::Box) && (line.starts_with("imagesource:") || line.starts_with("gsd:"));
            if line::is_empty(line) || is_header() {
                continue;
            }
            let size = size.context("the image cannot be read, and boxes are fractions of its size")?;
            match line::read(line, format, size) {
                Ok(found) => {
                    format.most_outline -= found.outline;
                    self.tally.count(&found);
                    match found.content {
                        Content::Object(object) => objects.push(object),
                        Content::Detection(detection) => detections.push(detection),
                    }
                }
                Err(error) => {
                    bad += 1;
                    if bad > MOST_REASONS {
                        more += 1;
                    } else if self.reports.take(1) {
                        sample.lost.push(format!("line {}: {error:#}", index + 1));
                    }
                }
            }
        }
        if more > 0 && self.reports.take(more) {
            sample.lost.push(format!("{more} more lines are invalid"));
        }
        if self.config.predictions {
            return sample.record.set_detections(&detections);
        }
        sample.record.set_objects(&objects)
    }
}

impl Tally {
    fn count(&mut self, line: &line::Line) {
        match line.form {
            Form::Box => {}
            Form::FourCorners => self.four_corners += 1,
            Form::Polygon => self.polygons += 1,
        }
        let has_confidence =
            matches!(&line.content, Content::Object(object) if object.extra.contains_key("confidence"));
        self.confidences += usize::from(has_confidence);
        self.outside += usize::from(line.outside);
    }

    fn notes(&self, config: &ReadConfig) -> Vec<String> {
        let mut notes = Vec::new();
        if self.without_labels > 0 && !config.predictions {
            let how = match self.without_labels {
                1 => "has no label file and is read as an image without objects",
                _ => "have no label file and are read as images without objects",
            };
            notes.push(format!("{} of {} images {how}", self.without_labels, self.images));
        }
        if self.confidences > 0 {
            notes.push(format!(
                "{} objects have a confidence, kept as \"confidence\"; --predictions reads them as detections",
                self.confidences
            ));
        }
        if self.four_corners > 0 && self.polygons == 0 && config.oriented.is_none() {
            notes.push(format!(
                "all {} polygons have four corners; if they are oriented boxes, --obb box uses their bounding boxes",
                self.four_corners
            ));
        }
        if self.outside > 0 {
            notes.push(format!(
                "{} objects extend outside their image; dl-data check lists them, check --fix clips them",
                self.outside
            ));
        }
        notes
    }
}
