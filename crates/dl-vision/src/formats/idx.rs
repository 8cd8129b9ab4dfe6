//! IDX files of small grey pictures and their labels: MNIST, Fashion-MNIST and their kin.
//!
//! A header of big-endian numbers (2051, pictures, height, width; 2049, labels), then one byte a pixel or label; plain or
//! gzipped. Pictures lie in no files of their own, so they go into the records as `data:` URIs of PNG.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dl_record::Record;
use flate2::read::GzDecoder;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::files::want_folder;
use super::{Found, Sample};

/// The largest side that is believed.
const LARGEST: u32 = 1 << 12;

/// Reads a split of the data set in `folder`: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, with or without
/// `.gz`; `t10k` is understood as `test`. The label is the number as text, or the name that `names` has for it; the id is
/// `SPLIT/00000`.
/// # Errors
/// When the files are not there, are no IDX files, or do not belong together.
pub fn read(folder: &Path, split: &str, names: &[String]) -> Result<impl Iterator<Item = Result<Found>> + use<>> {
    want_folder(folder)?;
    let stem = if split == "test" && find(folder, "test", "images-idx3").is_err() { "t10k" } else { split };
    let (pictures_path, labels_path) = (find(folder, stem, "images-idx3")?, find(folder, stem, "labels-idx1")?);
    let (mut pictures, [count, height, width]) = open::<3>(&pictures_path, 2051)?;
    let (mut labels, [label_count]) = open::<1>(&labels_path, 2049)?;
    ensure!(
        count == label_count,
        "{}: {count} pictures, but {label_count} labels in {}",
        pictures_path.display(),
        labels_path.display()
    );
    ensure!(
        (1..=LARGEST).contains(&height) && (1..=LARGEST).contains(&width),
        "{}: pictures of {width} x {height} pixels",
        pictures_path.display()
    );
    let (split, names) = (split.to_owned(), names.to_vec());
    Ok((0..count).map(move |index| {
        let mut pixels = vec![0; (height * width) as usize];
        let mut label = [0];
        pictures.read_exact(&mut pixels).with_context(|| cut_off(&pictures_path, index, count))?;
        labels.read_exact(&mut label).with_context(|| cut_off(&labels_path, index, count))?;
        let place = format!("{}: picture {index}", pictures_path.display());
        let label = match names.get(usize::from(label[0])) {
            Some(name) => name.clone(),
            None if names.is_empty() => label[0].to_string(),
            None => bail!("{place}: there is no name for the label {}", label[0]),
        };
        let mut png = Cursor::new(Vec::new());
        PngEncoder::new(&mut png).write_image(&pixels, width, height, ExtendedColorType::L8)?;
        let uri = format!("data:image/png;base64,{}", STANDARD.encode(png.into_inner()));
        let mut record = Record::for_image(&uri)?;
        record.set_id(&format!("{split}/{index:05}"))?;
        record.set_width(&width)?;
        record.set_height(&height)?;
        record.set_label(&label)?;
        Ok(Sample { place, record, failure: None, lost: Vec::new() }.into())
    }))
}

fn cut_off(path: &Path, index: u32, count: u32) -> String {
    format!("{}: is cut off at {index} of {count}", path.display())
}

fn find(folder: &Path, split: &str, part: &str) -> Result<PathBuf> {
    let name = format!("{split}-{part}-ubyte");
    let both = [folder.join(&name), folder.join(format!("{name}.gz"))];
    let found = both.into_iter().find(|path| path.is_file());
    found.with_context(|| format!("{}: neither {name} nor {name}.gz is there", folder.display()))
}

/// Opens a file and reads its header: the magic number, then N lengths.
fn open<const N: usize>(path: &Path, magic: u32) -> Result<(Box<dyn Read>, [u32; N])> {
    let in_context = || path.display().to_string();
    let file = BufReader::new(File::open(path).with_context(in_context)?);
    let gzipped = path.extension().is_some_and(|ending| ending == "gz");
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

    fn write(folder: &Path, pictures: &[u8], labels: &[u8]) {
        fs::write(folder.join("train-images-idx3-ubyte"), pictures).unwrap();
        let mut packed = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(labels).unwrap();
        fs::write(folder.join("train-labels-idx1-ubyte.gz"), packed.finish().unwrap()).unwrap();
    }

    fn header(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    #[test]
    fn pictures_come_out_as_they_are_stored() {
        let folder = tempfile::tempdir().unwrap();
        let pixels = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 255];
        let pictures = [header(&[2051, 2, 2, 3]), pixels.to_vec()].concat();
        write(folder.path(), &pictures, &[header(&[2049, 2]), vec![7, 1]].concat());
        let samples: Vec<Found> = read(folder.path(), "train", &[]).unwrap().collect::<Result<_>>().unwrap();
        let Found::Sample(second) = &samples[1] else { panic!("{samples:?}") };
        let record = &second.record;
        assert_eq!(record.id().unwrap().as_deref(), Some("train/00001"));
        assert_eq!(record.label().unwrap().as_deref(), Some("1"));
        assert_eq!((record.width().unwrap(), record.height().unwrap()), (Some(3), Some(2)));
        let picture = crate::picture::load(&record.image().unwrap().unwrap()).unwrap();
        let reds: Vec<u8> = picture.pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(reds, pixels[6..]);
        assert!(read(folder.path(), "train", &["zero".into()]).unwrap().next().unwrap().is_err());
    }

    #[test]
    fn broken_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = |pictures: Vec<u8>, labels: Vec<u8>| {
            write(folder.path(), &pictures, &labels);
            let read = read(folder.path(), "train", &[]).and_then(|samples| samples.collect::<Result<Vec<_>>>());
            format!("{:#}", read.err().unwrap())
        };
        let labels = || [header(&[2049, 1]), vec![0]].concat();
        assert!(error(header(&[2051, 1, 2, 2]), labels()).contains("cut off at 0 of 1"));
        assert!(error(header(&[2049, 1, 2, 2]), labels()).contains("begins with 2049"));
        assert!(error(header(&[2051, 3, 2, 2]), labels()).contains("3 pictures, but 1 labels"));
        assert!(error(header(&[2051, 1, 0, 2]), labels()).contains("2 x 0 pixels"));
        assert!(error(vec![0], labels()).contains("has no header"));
        assert!(read(folder.path(), "test", &[]).err().unwrap().to_string().contains("t10k-images-idx3-ubyte"));
    }
}
