//! IDX files of small gray images and their labels: MNIST, Fashion-MNIST, EMNIST and similar ones.
//!
//! A header of big-endian numbers (2051, images, height, width; 2049, labels), then one byte per pixel or label; plain
//! or gzipped. The images are not separate files, so they are stored in the records as `data:` URIs of PNG. EMNIST
//! stores its images transposed, and its class names in `emnist-SPLIT-mapping.txt`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dl_record::Record;
use dl_record::file::{MOST_LIST_BYTES, decode, open_regular, read_regular};
use flate2::read::GzDecoder;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::files::{self, require_folder};
use super::{Found, Sample};

/// The largest accepted side.
const LARGEST: u32 = 1 << 12;

/// Reads a split of the dataset in `folder`, by the published file names: `train-images-idx3-ubyte`,
/// `train-images.idx3-ubyte`, `emnist-letters-train-images-idx3-ubyte.gz`; `t10k` is read as `test`. The label is the
/// number as text, or its name in `names` or in EMNIST's mapping; the id is `SPLIT/00000`.
/// # Errors
/// When the files do not exist, are not IDX files, or do not belong together.
pub fn read(folder: &Path, split: &str, names: &[String]) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    require_folder(folder)?;
    let (images_path, labels_path) = find_pair(folder, split)?;
    let (mut images, [count, height, width]) = open::<3>(&images_path, 2051)?;
    let (mut labels, [label_count]) = open::<1>(&labels_path, 2049)?;
    ensure!(
        count == label_count,
        "{}: {count} images, but {label_count} labels in {}",
        images_path.display(),
        labels_path.display()
    );
    ensure!(
        (1..=LARGEST).contains(&height) && (1..=LARGEST).contains(&width),
        "{}: images of {width} x {height} pixels",
        images_path.display()
    );
    let mut notes = Vec::new();
    let is_emnist = file_name(&images_path).contains("emnist");
    if is_emnist {
        notes.push(Found::Note(format!(
            "{}: EMNIST stores its images transposed; they are rotated upright",
            images_path.display()
        )));
    }
    let mapping = if names.is_empty() && is_emnist { mapping(&images_path)? } else { None };
    if let Some((path, _)) = &mapping {
        notes.push(Found::Note(format!("the label names come from {}", path.display())));
    }
    let names: HashMap<u8, String> = match mapping {
        Some((_, names)) => names,
        None => (0..=255).zip(names.iter().cloned()).collect(),
    };
    let split = split.to_owned();
    let samples = (0..count).map(move |index| {
        let mut pixels = vec![0; (height * width) as usize];
        let mut label = [0];
        images.read_exact(&mut pixels).with_context(|| cut_off(&images_path, index, count))?;
        labels.read_exact(&mut label).with_context(|| cut_off(&labels_path, index, count))?;
        let place = format!("{}: image {index}", images_path.display());
        let (mut width, mut height) = (width, height);
        if is_emnist {
            pixels = transposed(&pixels, width as usize);
            (width, height) = (height, width);
        }
        let mut png = Cursor::new(Vec::new());
        PngEncoder::new(&mut png).write_image(&pixels, width, height, ExtendedColorType::L8)?;
        let uri = format!("data:image/png;base64,{}", STANDARD.encode(png.into_inner()));
        let mut record = Record::for_image(&uri)?;
        record.set_id(&format!("{split}/{index:05}"))?;
        record.set_width(&width)?;
        record.set_height(&height)?;
        let label = match names.get(&label[0]) {
            Some(name) => Ok(name.clone()),
            None if names.is_empty() => Ok(label[0].to_string()),
            None => Err(anyhow!("the label {} has no name", label[0])),
        };
        let failure = label.and_then(|label| record.set_label(&label)).err();
        Ok(Sample { place, record, failure, lost: Vec::new() }.into())
    });
    Ok(notes.into_iter().map(Ok).chain(samples))
}

/// Transposes rows and columns.
fn transposed(pixels: &[u8], width: usize) -> Vec<u8> {
    (0..width).flat_map(|x| pixels.iter().copied().skip(x).step_by(width)).collect()
}

/// The names of EMNIST's labels, from the file beside its images: lines of a label and the codes of its letters.
fn mapping(images: &Path) -> Result<Option<(PathBuf, HashMap<u8, String>)>> {
    let name = file_name(images);
    let Some((data_set, _)) = name.split_once("-train-").or_else(|| name.split_once("-test-")) else { return Ok(None) };
    let path = images.with_file_name(format!("{data_set}-mapping.txt"));
    if !path.exists() {
        return Ok(None);
    }
    let text = read_regular(&path, MOST_LIST_BYTES).and_then(decode).with_context(|| path.display().to_string())?;
    let mut names = HashMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let mut words = line.split_whitespace().map(str::parse::<u8>);
        let (Some(Ok(label)), Some(Ok(code))) = (words.next(), words.next()) else {
            bail!("{}: line {}: expected a label and the code of its letter", path.display(), number + 1);
        };
        names.insert(label, char::from(code).to_string());
    }
    Ok(Some((path, names)))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn cut_off(path: &Path, index: u32, count: u32) -> String {
    format!("{}: truncated after {index} of {count}", path.display())
}

/// The image file and the label file of a split.
fn find_pair(folder: &Path, split: &str) -> Result<(PathBuf, PathBuf)> {
    let names: &[&str] = if split == "test" { &["test", "t10k"] } else { &[split] };
    // torchvision keeps the files in NAME/raw/ below its root.
    let below = ["raw", "MNIST/raw", "FashionMNIST/raw"].map(|place| folder.join(place));
    let below = below.into_iter().filter(|place| place.is_dir());
    let folders: Vec<PathBuf> = std::iter::once(folder.to_owned()).chain(below).collect();
    let mut failure = None;
    for folder in &folders {
        for name in names {
            let pair =
                find(folder, name, "images-idx3").and_then(|images| Ok((images, find(folder, name, "labels-idx1")?)));
            match pair {
                Ok(pair) => return Ok(pair),
                // An error about a split with one of its two files is more useful.
                Err(error) if failure.is_none() || error.is_half => failure = Some(error),
                Err(_) => {}
            }
        }
    }
    bail!("{}", failure.map(|error| error.message).unwrap_or_default())
}

struct NotFound {
    message: String,
    is_half: bool,
}

/// The image or label file of a split, preferably not gzipped.
fn find(folder: &Path, split: &str, part: &str) -> Result<PathBuf, NotFound> {
    let expected = format!("{split}-{part}-ubyte");
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for path in files::entries(folder).unwrap_or_default().into_iter().rev() {
        let name = file_name(&path).replace('.', "-");
        let plain = name.strip_suffix("-gz").unwrap_or(&name);
        let is_wanted =
            plain.strip_suffix(expected.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('-'));
        // Some archives unpack into folders named like the files.
        let inside = path.join(path.file_name().unwrap_or_default());
        let path = if inside.is_file() { inside } else { path };
        if is_wanted && path.is_file() && found.iter().all(|(other, _)| other != plain) {
            found.push((plain.to_owned(), path));
        }
    }
    match found.len() {
        1 => Ok(found.remove(0).1),
        0 => Err(NotFound {
            message: format!(
                "{}: has neither {expected} nor {expected}.gz, directly or in raw/, MNIST/raw/ or FashionMNIST/raw/",
                folder.display()
            ),
            is_half: part.starts_with("labels"),
        }),
        _ => {
            let ending = format!("-{part}-ubyte");
            let splits: Vec<&str> = found.iter().filter_map(|(name, _)| name.strip_suffix(&ending)).collect();
            let message = format!(
                "{}: several datasets have a split {split}; choose --split {}",
                folder.display(),
                splits.join(" or ")
            );
            Err(NotFound { message, is_half: true })
        }
    }
}

/// Opens a file and reads its header: the magic number, then N sizes.
fn open<const N: usize>(path: &Path, magic: u32) -> Result<(Box<dyn Read>, [u32; N])> {
    let in_context = || path.display().to_string();
    let mut file = BufReader::new(open_regular(path).with_context(in_context)?);
    // Detected from the content: a browser may have unpacked the file and kept its name.
    let gzipped = file.fill_buf().with_context(in_context)?.starts_with(b"\x1F\x8B");
    let mut file: Box<dyn Read> = if gzipped { Box::new(BufReader::new(GzDecoder::new(file))) } else { Box::new(file) };
    let mut number = || -> Result<u32> {
        let mut bytes = [0; 4];
        file.read_exact(&mut bytes).context("has no header")?;
        Ok(u32::from_be_bytes(bytes))
    };
    let found = number().with_context(in_context)?;
    ensure!(found == magic, "{}: begins with {found}, an IDX file of its name with {magic}", path.display());
    let mut lengths = [0; N];
    for length in &mut lengths {
        *length = number().with_context(in_context)?;
    }
    Ok((file, lengths))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::*;

    fn write(folder: &Path, images: &[u8], labels: &[u8]) {
        fs::write(folder.join("train-images-idx3-ubyte"), images).unwrap();
        let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(labels).unwrap();
        fs::write(folder.join("train-labels-idx1-ubyte.gz"), packed.finish().unwrap()).unwrap();
    }

    fn header(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    #[test]
    fn images_come_out_as_they_are_stored() {
        let folder = tempfile::tempdir().unwrap();
        let pixels = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 255];
        let images = [header(&[2051, 2, 2, 3]), pixels.to_vec()].concat();
        write(folder.path(), &images, &[header(&[2049, 2]), vec![7, 1]].concat());
        let samples: Vec<Found> = read(folder.path(), "train", &[]).unwrap().collect::<Result<_>>().unwrap();
        let Found::Sample(second) = &samples[1] else { panic!("{samples:?}") };
        let record = &second.record;
        assert_eq!(record.id().unwrap().as_deref(), Some("train/00001"));
        assert_eq!(record.label().unwrap().as_deref(), Some("1"));
        assert_eq!((record.width().unwrap(), record.height().unwrap()), (Some(3), Some(2)));
        let image = crate::picture::load(&record.image().unwrap().unwrap()).unwrap();
        let reds: Vec<u8> = image.pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(reds, pixels[6..]);
        let named = read(folder.path(), "train", &["zero".into()]).unwrap().next().unwrap().unwrap();
        assert!(matches!(named, Found::Sample(sample) if sample.failure.is_some()));
    }

    #[test]
    fn broken_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = |images: Vec<u8>, labels: Vec<u8>| {
            write(folder.path(), &images, &labels);
            let read = read(folder.path(), "train", &[]).and_then(|samples| samples.collect::<Result<Vec<_>>>());
            format!("{:#}", read.err().unwrap())
        };
        let labels = || [header(&[2049, 1]), vec![0]].concat();
        assert!(error(header(&[2051, 1, 2, 2]), labels()).contains("truncated after 0 of 1"));
        assert!(error(header(&[2049, 1, 2, 2]), labels()).contains("begins with 2049"));
        assert!(error(header(&[2051, 3, 2, 2]), labels()).contains("3 images, but 1 labels"));
        assert!(error(header(&[2051, 1, 0, 2]), labels()).contains("2 x 0 pixels"));
        assert!(error(vec![0], labels()).contains("has no header"));
        assert!(read(folder.path(), "test", &[]).err().unwrap().to_string().contains("test-images-idx3-ubyte"));
    }
}
