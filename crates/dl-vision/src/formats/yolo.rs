//! YOLO: one text file a picture, one line an object: `class x_centre y_centre width height`, as parts of the picture.
//!
//! Pictures and truth lie side by side as Ultralytics has them, `images/a.jpg` and `labels/a.txt`, also with splits
//! (`images/train/a.jpg`) or split first (`train/images/a.jpg`). The class is a number; its name stands in `data.yaml`
//! (`names:`, a list or a map) or `classes.txt` (a line each). A line of more than five numbers is a polygon,
//! `class x1 y1 x2 y2 ...`, and becomes `segmentation` and `mask`. A picture without a text file has no objects.
//!
//! The id of a sample is its path below the folder without the part `images`: `train/a.jpg`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use dl_record::{BBox, Object, Record, write_atomically};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use yaml_rust2::{Yaml, YamlLoader};

use super::files::{self, PICTURE_ENDINGS, as_text, below, relative, want_folder};
use super::placing::{self, Names, Pictures, place};
use super::{Found, LeftOut, Sample, add_size, checked_objects, size_of};
use crate::masks;

/// Field of the first record: the classes in their order.
const DATASET: &str = "yolo_dataset";

#[derive(Default, Serialize, Deserialize)]
struct Dataset {
    names: Vec<String>,
}

/// Reads the pictures below `folder`, or those of `splits` only. The classes are called `names`, or as `data.yaml` or
/// `classes.txt` says when none are given.
/// # Errors
/// When the folder, a split or the names are not there. A picture whose truth cannot be read is a sample with a failure.
pub fn read(folder: &Path, splits: &[String], names: &[String]) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    want_folder(folder)?;
    let names = if names.is_empty() { find_names(folder)? } else { names.to_vec() };
    let parts = parts(folder, splits)?;
    let root = folder.to_owned();
    let mut dataset = Some(Dataset { names: names.clone() });
    let paths = parts.into_iter().flat_map(|(images, labels)| {
        let (images_, labels_) = (images.clone(), labels.clone());
        let pictures = below(&images, &PICTURE_ENDINGS);
        let with_picture = pictures.map(move |path| {
            let path = path?;
            let truth = labels.join(relative(&path, &images)?).with_extension("txt");
            Ok((Some(path), truth))
        });
        // Truth without a picture is not dropped in silence.
        let truths = labels_.is_dir().then(|| below(&labels_, &["txt"]));
        let without = truths.into_iter().flatten().filter_map(move |truth| {
            let truth = match truth {
                Ok(truth) => truth,
                Err(error) => return Some(Err(error)),
            };
            let stem = truth.strip_prefix(&labels_).unwrap_or(&truth).with_extension("");
            let is_list = stem.file_name().is_some_and(|name| name == "classes");
            (!is_list && !has_picture(&images_.join(stem))).then_some(Ok((None, truth)))
        });
        with_picture.chain(without)
    });
    Ok(paths.map(move |paths: Result<_>| {
        let (picture, truth): (Option<PathBuf>, PathBuf) = paths?;
        let mut sample = sample(&root, picture.as_deref(), &truth, &names)?;
        if let Some(dataset) = dataset.take() {
            sample.record.set(DATASET, &dataset)?;
        }
        Ok(sample.into())
    }))
}

fn has_picture(stem: &Path) -> bool {
    PICTURE_ENDINGS.iter().flat_map(|ending| [(*ending).to_owned(), ending.to_uppercase()]).any(|ending| {
        let mut path = stem.as_os_str().to_owned();
        path.push(format!(".{ending}"));
        Path::new(&path).is_file()
    })
}

/// The folders of pictures with their folders of truth.
fn parts(folder: &Path, splits: &[String]) -> Result<Vec<(PathBuf, PathBuf)>> {
    let inside = |first: &Path, last: &str| (first.join("images").join(last), first.join("labels").join(last));
    if splits.is_empty() {
        let mut parts = vec![inside(folder, "")];
        let mut below = files::entries(folder)?;
        below.reverse();
        parts.extend(below.iter().map(|split| inside(split, "")));
        parts.retain(|(images, _)| images.is_dir());
        if parts.is_empty() {
            bail!("{}: not a YOLO folder, it has no images/ (beside labels/ and data.yaml)", folder.display());
        }
        return Ok(parts);
    }
    let find = |split: &String| {
        let candidates = [inside(folder, split), inside(&folder.join(split), "")];
        candidates.into_iter().find(|(images, _)| images.is_dir()).ok_or_else(|| {
            anyhow!("{}: no split \"{split}\", neither images/{split}/ nor {split}/images/", folder.display())
        })
    };
    splits.iter().map(find).collect()
}

/// The names of the classes in their order.
fn find_names(folder: &Path) -> Result<Vec<String>> {
    for file in ["data.yaml", "data.yml", "dataset.yaml"] {
        let path = folder.join(file);
        if let Ok(text) = fs::read_to_string(&path) {
            return names_in_yaml(&text).with_context(|| path.display().to_string());
        }
    }
    for file in ["classes.txt", "labels/classes.txt", "obj.names"] {
        if let Ok(text) = fs::read_to_string(folder.join(file)) {
            return Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect());
        }
    }
    bail!("{}: neither data.yaml nor classes.txt names the classes; give --names a,b,c", folder.display())
}

fn names_in_yaml(text: &str) -> Result<Vec<String>> {
    let documents = YamlLoader::load_from_str(text)?;
    let text_of = |value: &Yaml| match value {
        Yaml::String(text) | Yaml::Real(text) => Ok(text.clone()),
        Yaml::Integer(number) => Ok(number.to_string()),
        Yaml::Boolean(flag) => Ok(flag.to_string()),
        other => bail!("{other:?} is not the name of a class"),
    };
    match documents.first().map(|document| &document["names"]) {
        Some(Yaml::Array(names)) => names.iter().map(text_of).collect(),
        Some(Yaml::Hash(names)) => {
            let mut by_class = BTreeMap::new();
            for (class, name) in names {
                by_class.insert(class.as_i64().context("a key of names: is not a number")?, text_of(name)?);
            }
            if !by_class.keys().copied().eq(0..by_class.len() as i64) {
                bail!("the keys of names: are not 0, 1, 2, ...");
            }
            Ok(by_class.into_values().collect())
        }
        _ => bail!("it has no names: of the classes"),
    }
}

fn sample(root: &Path, picture: Option<&Path>, truth: &Path, names: &[String]) -> Result<Sample> {
    let path = picture.unwrap_or(truth);
    let below_root = relative(path, root)?;
    // images/train/a.jpg, train/images/a.jpg -> train/a.jpg
    let folder = if picture.is_some() { "images" } else { "labels" };
    let mut parts: Vec<&str> = below_root.split('/').collect();
    if let Some(index) = parts.iter().position(|part| *part == folder) {
        parts.remove(index);
    }
    let mut record = Record::default();
    record.set_id(&parts.join("/"))?;
    let failure = match picture {
        Some(picture) => fill(&mut record, picture, truth, names).err(),
        None => Some(anyhow!("there is no picture for this truth")),
    };
    Ok(Sample {
        place: if truth.is_file() { truth } else { path }.display().to_string(),
        record,
        failure,
        lost: Vec::new(),
    })
}

fn fill(record: &mut Record, picture: &Path, truth: &Path, names: &[String]) -> Result<()> {
    record.set_image(&as_text(picture)?)?;
    add_size(record)?;
    let text = match fs::read_to_string(truth) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => bail!("cannot be read: {error}"),
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut objects = Vec::new();
    for (index, line) in lines {
        let size = record.width()?.zip(record.height()?);
        let (width, height) = size.context("the picture cannot be read, and boxes are parts of its size")?;
        let object = object(line, names, width, height);
        objects.push(object.with_context(|| format!("line {}", index + 1))?);
    }
    record.set_objects(&objects)
}

fn object(line: &str, names: &[String], width: u32, height: u32) -> Result<Object> {
    let mut words = line.split_whitespace();
    let class = words.next().unwrap_or_default();
    let index: usize = class.parse().with_context(|| format!("the class \"{class}\" is not a whole number"))?;
    let label = names.get(index).with_context(|| format!("class {index}, but there are only {} names", names.len()))?;
    let numbers: Vec<f64> = words
        .map(|word| {
            let number = word.parse().ok().filter(|number: &f64| number.is_finite());
            number.ok_or_else(|| anyhow!("\"{word}\" is not a number"))
        })
        .collect::<Result<_>>()?;
    let (w, h) = (f64::from(width), f64::from(height));
    let mut object = Object { label: label.clone(), ..Object::default() };
    match numbers[..] {
        // Normalised centre and size -> corners in pixels
        [x, y, across, down] => {
            object.bbox =
                BBox::new((x - across / 2.0) * w, (y - down / 2.0) * h, (x + across / 2.0) * w, (y + down / 2.0) * h);
        }
        _ if numbers.len() >= 6 && numbers.len().is_multiple_of(2) => {
            let polygon: Vec<f64> = numbers.chunks_exact(2).flat_map(|point| [point[0] * w, point[1] * h]).collect();
            object.bbox = around(&polygon);
            object.mask = Some(masks::from_polygons(std::slice::from_ref(&polygon), width, height)?);
            object.extra.insert("segmentation".to_owned(), json!([polygon]));
        }
        _ => bail!("{} numbers after the class; want 4 of a box, or an even number of at least 6", numbers.len()),
    }
    Ok(object)
}

/// The smallest box around a polygon.
fn around(polygon: &[f64]) -> BBox {
    let mut bbox = BBox::new(f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY);
    for point in polygon.chunks_exact(2) {
        bbox.x1 = bbox.x1.min(point[0]);
        bbox.y1 = bbox.y1.min(point[1]);
        bbox.x2 = bbox.x2.max(point[0]);
        bbox.y2 = bbox.y2.max(point[1]);
    }
    bbox
}

/// How a YOLO folder is written.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Name of the folder below `images` and `labels`, if any.
    pub split: Option<String>,
    /// The classes in their order. When empty: those of a `data.yaml` that is there already, else those that came with
    /// the records (from YOLO or COCO), else the labels of the records by name.
    pub names: Vec<String>,
    /// Write objects that have one polygon as polygons.
    pub polygons: bool,
    /// What becomes of the pictures.
    pub pictures: Pictures,
}

/// Writes records as a YOLO folder. Class numbers are known only when all have been seen, so the truth waits in a
/// temporary file.
pub struct Writer {
    folder: PathBuf,
    config: Config,
    file_names: Names,
    names: Vec<String>,
    labels: std::collections::BTreeSet<String>,
    waiting: BufWriter<File>,
    left_out: LeftOut,
}

#[derive(Serialize, Deserialize)]
struct Waiting {
    name: String,
    width: u32,
    height: u32,
    objects: Vec<Object>,
}

impl Writer {
    /// Begins to write below `folder`, which is made. What is there of other names stays.
    /// # Errors
    /// When the folder cannot be made, or has a `data.yaml` that cannot be read.
    pub fn new(folder: &Path, config: Config) -> Result<Self> {
        let split = config.split.as_deref().unwrap_or_default();
        for part in ["images", "labels"] {
            let part = folder.join(part).join(split);
            fs::create_dir_all(&part).with_context(|| format!("{}: cannot be made", part.display()))?;
        }
        let names = match (config.names.is_empty(), folder.join("data.yaml").exists()) {
            (true, true) => find_names(folder)?,
            _ => config.names.clone(),
        };
        Ok(Self {
            folder: folder.to_owned(),
            config,
            file_names: Names::default(),
            names,
            labels: std::collections::BTreeSet::new(),
            waiting: BufWriter::new(tempfile::tempfile().context("a temporary file cannot be made")?),
            left_out: LeftOut::default(),
        })
    }

    /// Takes one sample and puts its picture in place.
    /// # Errors
    /// When the record has no id, its objects are broken, or the picture or its size cannot be found.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let objects = checked_objects(record)?;
        if self.names.is_empty() {
            self.names = names_that_came(record)?;
        }
        let size = size_of(record)?.context("the picture cannot be read, and boxes are parts of its size")?;
        let mut name = self.file_names.name(record)?;
        if let Some(inside) = self.config.split.as_ref().and_then(|split| name.strip_prefix(&format!("{split}/"))) {
            name = inside.to_owned();
        }
        let images = self.folder.join("images").join(self.config.split.as_deref().unwrap_or_default());
        place(record, &images, &name, self.config.pictures)?;
        for object in &objects {
            self.labels.insert(object.label.clone());
            left_out(object, self.config.polygons, &mut self.left_out);
        }
        let waiting = Waiting { name, width: size.0, height: size.1, objects };
        serde_json::to_writer(&mut self.waiting, &waiting)?;
        Ok(self.waiting.write_all(b"\n")?)
    }

    /// Writes the truth and `data.yaml`; what the user should know.
    /// # Errors
    /// When a label is not among the names that were given, or a file cannot be written.
    pub fn finish(mut self) -> Result<Vec<String>> {
        if self.names.is_empty() {
            self.names = self.labels.iter().cloned().collect();
        }
        if let Some(unknown) = self.labels.iter().find(|label| !self.names.contains(label)) {
            bail!("the label \"{unknown}\" is not among the names of the classes: {}", self.names.join(", "));
        }
        let mut file = self.waiting.into_inner().context("a temporary file cannot be written")?;
        file.rewind()?;
        let labels = self.folder.join("labels").join(self.config.split.as_deref().unwrap_or_default());
        for line in BufReader::new(file).lines() {
            let waiting: Waiting = serde_json::from_str(&line?)?;
            let lines: Vec<String> = waiting
                .objects
                .iter()
                .map(|object| line_of(object, &self.names, &waiting, self.config.polygons))
                .collect();
            let path = labels.join(format!("{}.txt", waiting.name));
            placing::write(&path, lines.concat().as_bytes())?;
        }
        let yaml = data_yaml(&self.folder, &self.names)?;
        write_atomically(&self.folder.join("data.yaml"), |output| Ok(output.write_all(yaml.as_bytes())?))?;
        Ok(self.left_out.notes("YOLO"))
    }
}

/// The order of the classes that the first record brings along.
fn names_that_came(record: &Record) -> Result<Vec<String>> {
    if let Some(dataset) = record.get::<Dataset>(DATASET)? {
        return Ok(dataset.names);
    }
    super::coco::category_names(record)
}

fn polygon_of(object: &Object) -> Option<Vec<f64>> {
    let polygons = object.extra.get("segmentation")?.as_array()?;
    let [Value::Array(polygon)] = &polygons[..] else { return None };
    polygon.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>().filter(|polygon| polygon.len() >= 6)
}

fn line_of(object: &Object, names: &[String], picture: &Waiting, polygons: bool) -> String {
    let class = names.iter().position(|name| *name == object.label).unwrap_or_default();
    let (w, h) = (f64::from(picture.width), f64::from(picture.height));
    let numbers = match polygon_of(object).filter(|_| polygons) {
        Some(polygon) => polygon.chunks_exact(2).flat_map(|point| [point[0] / w, point[1] / h]).collect(),
        None => {
            // Corners in pixels -> normalised centre and size
            let (x, y) = object.bbox.center();
            vec![x / w, y / h, object.bbox.width() / w, object.bbox.height() / h]
        }
    };
    let mut line = class.to_string();
    for number in numbers {
        // 12 decimals are exact to a millionth of a pixel; zeros at the end say nothing.
        let text = format!("{number:.12}");
        line.push(' ');
        line.push_str(text.trim_end_matches('0').trim_end_matches('.'));
    }
    line.push('\n');
    line
}

fn left_out(object: &Object, polygons: bool, left_out: &mut LeftOut) {
    let written = polygons && polygon_of(object).is_some();
    let is_polygon = |name: &str| written && ["segmentation", "mask"].contains(&name);
    object.extra.keys().filter(|name| !is_polygon(name)).for_each(|name| left_out.count(name));
    let known = [
        ("difficult", object.difficult),
        ("crowd", object.crowd),
        ("area", object.area.is_some()),
        ("mask", object.mask.is_some()),
    ];
    for (name, is_there) in known {
        if is_there && !is_polygon(name) {
            left_out.count(name);
        }
    }
}

/// The description that Ultralytics' programs read: the splits that are there, and the names.
fn data_yaml(folder: &Path, names: &[String]) -> Result<String> {
    let mut yaml = String::new();
    let mut splits = files::entries(&folder.join("images"))?;
    splits.reverse();
    splits.retain(|split| split.is_dir());
    for split in splits.iter().filter_map(|split| split.file_name()?.to_str()) {
        yaml.push_str(&format!("{}: {}\n", quoted(split), quoted(&format!("images/{split}"))));
    }
    if splits.is_empty() {
        yaml.push_str("train: images\nval: images\n");
    }
    yaml.push_str("names:\n");
    for (class, name) in names.iter().enumerate() {
        yaml.push_str(&format!("  {class}: {}\n", quoted(name)));
    }
    if names.is_empty() {
        yaml = yaml.replace("names:\n", "names: []\n");
    }
    Ok(yaml)
}

/// A JSON string is a YAML string.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_every_form_of_yaml() {
        for yaml in [
            "names: [cat, 'big dog']\nnc: 2",
            "# a comment\npath: ../x\nnames:\n  - cat  # tame\n  - \"big dog\"\n",
            "names:\n  1: big dog\n  0: cat\n",
            "names: {0: cat, 1: big dog}",
        ] {
            assert_eq!(names_in_yaml(yaml).unwrap(), ["cat", "big dog"], "{yaml}");
        }
        assert_eq!(names_in_yaml("names: [1, yes, No, 2.50]").unwrap(), ["1", "yes", "No", "2.50"]);
        for bad in ["nc: 2", "names: 3", "names: {0: a, 2: b}", "names: {a: 0}", "names: [", ""] {
            assert!(names_in_yaml(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_that_is_no_object_is_told() {
        let names = ["cat".to_owned()];
        for (line, wanted) in [
            ("1 0.5 0.5 0.1 0.1", "class 1, but there are only 1 names"),
            ("cat 0.5 0.5 0.1 0.1", "the class \"cat\" is not a whole number"),
            ("0 0.5 0.5 0.1", "3 numbers after the class"),
            ("0 0.5 0.5 0.1 0.1 0.9", "5 numbers after the class"),
            ("0 0.5 0.5 0.1 nan", "\"nan\" is not a number"),
        ] {
            let error = format!("{:#}", object(line, &names, 10, 10).unwrap_err());
            assert!(error.starts_with(wanted), "{error}");
        }
    }
}
