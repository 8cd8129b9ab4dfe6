//! Random vectors: of a seed and a number, between two of them, or of a file.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device};
use dl_models::gan::{Generator, push_latent};
use dl_models::{Checkpoint, plain};
use dl_record::Reader;
use dl_transfer::whole_features;

use crate::common::{numbers, open_records};

/// Random vectors, one after another, and for StyleGAN the noise of all layers of each image, which is drawn after its
/// vector.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latents {
    pub(super) vectors: Vec<f32>,
    /// Empty for other generators, and for those whose stored noise is used.
    pub(super) noise: Vec<f32>,
}

impl Latents {
    /// The vectors of the samples with these numbers.
    pub(crate) fn of_seed(generator: &Generator, seed: u64, numbers: Range<usize>) -> Vec<f32> {
        Self::drawn(generator, seed, numbers, 0).vectors
    }

    /// The vectors of the samples with these numbers, and `noise` numbers for each.
    pub(super) fn drawn(generator: &Generator, seed: u64, numbers: Range<usize>, noise: usize) -> Self {
        let columns = generator.config().latent;
        let mut latents = Self::default();
        for number in numbers {
            let mut rng = dl_record::rng(seed, &format!("sample/{number}"));
            push_latent(&mut latents.vectors, columns, &mut rng);
            push_latent(&mut latents.noise, noise, &mut rng);
        }
        latents
    }

    /// Frames `frames` of `count` on the way from sample `a` to sample `b`; see [`drawn`](Self::drawn).
    pub(super) fn between(
        generator: &Generator,
        seed: u64,
        [a, b]: [usize; 2],
        (frames, count): (Range<usize>, usize),
        noise: usize,
    ) -> Self {
        let [from, to] = [a, b].map(|number| Self::drawn(generator, seed, number..number + 1, noise));
        Self {
            vectors: Self::on_circle([&from.vectors, &to.vectors], frames.clone(), count),
            noise: Self::on_circle([&from.noise, &to.noise], frames, count),
        }
    }

    /// Frames between two random vectors on the great circle (White 2016): the middle of a straight line would be
    /// shorter than any random vector.
    fn on_circle([from, to]: [&[f32]; 2], frames: Range<usize>, count: usize) -> Vec<f32> {
        let norm = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(1e-12);
        let inner: f64 = from.iter().zip(to).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let angle = (inner / (norm(from) * norm(to))).clamp(-1.0, 1.0).acos();
        let mut latents = Vec::new();
        for frame in frames {
            let part = frame as f64 / (count.max(2) - 1) as f64;
            let [of_a, of_b] = match angle.sin() {
                sine if sine > 1e-6 => [((1.0 - part) * angle).sin() / sine, (part * angle).sin() / sine],
                _ => [1.0 - part, part],
            };
            let mixed = from.iter().zip(to).map(|(a, b)| (f64::from(*a) * of_a + f64::from(*b) * of_b) as f32);
            latents.extend(mixed);
        }
        latents
    }
}

/// Random vectors, or a StyleGAN's styles of all layers, of a file.
pub(super) struct Given {
    latents: Vec<f32>,
    /// Numbers of a row.
    columns: usize,
    pub(super) labels: Option<Vec<u32>>,
    pub(super) count: usize,
}

impl Given {
    pub(super) fn rows(&self, rows: Range<usize>) -> Vec<f32> {
        self.latents[rows.start * self.columns..rows.end * self.columns].to_vec()
    }

    /// Whether a row has the styles of all layers.
    pub(super) fn are_styles(&self, generator: &Generator) -> bool {
        self.columns != generator.config().latent
    }
}

/// Numbers of a row that the generator takes: a random vector, or the styles of all layers.
fn check_columns(columns: usize, generator: &Generator) -> Result<()> {
    let wanted = generator.config().latent;
    match generator.style() {
        Some(style) => {
            let all = style.layers() * style.columns();
            ensure!(
                [wanted, all].contains(&columns),
                "has {columns} columns; the generator needs {wanted}, or {all} for the styles of all layers"
            );
        }
        None => ensure!(columns == wanted, "has {columns} columns; the generator needs {wanted}"),
    }
    Ok(())
}

/// Rows of the features `latents` of records, those of dl-gan-edit project.
fn of_records(path: &Path, generator: &Generator) -> Result<Given> {
    let file = open_records(path)?;
    let (mut latents, mut columns, mut labels, mut count) = (Vec::new(), 0, Vec::new(), 0);
    for (number, line) in Reader::new(file, &path.display().to_string(), "dl-gan-sample").enumerate() {
        let in_line = || format!("line {}", number + 1);
        let record = line.with_context(in_line)?.record;
        let row = whole_features(&record, Some(RECORDS)).with_context(in_line)?.row;
        ensure!(count == 0 || row.len() == columns, "{}: has {} columns, those before {columns}", in_line(), row.len());
        columns = row.len();
        latents.extend(row);
        count += 1;
        ensure!(count <= numbers::MOST, "more than {} records", numbers::MOST);
        if let (Some(names), Some(label)) = (&generator.config().labels, record.label()?) {
            let place = names.iter().position(|name| *name == label);
            let unknown = || format!("{}: label {label} is not one of the generator's", in_line());
            labels.push(place.with_context(unknown)? as u32);
        }
    }
    ensure!(count > 0, "has no records");
    check_columns(columns, generator)?;
    let labels = (labels.len() == count).then_some(labels);
    Ok(Given { latents, columns, labels, count })
}

/// Names of the tensor.
const NAMES: [&str; 4] = ["latent", "latents", "z", "input"];
/// The features of records.
const RECORDS: &str = "latents";

pub(super) fn read(path: &Path, generator: &Generator) -> Result<Given> {
    let in_context = || format!("--latents {}", path.display());
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        return of_records(path, generator).with_context(in_context);
    }
    let file = Checkpoint::open(path).with_context(in_context)?;
    let Some(name) = NAMES.into_iter().find(|name| file.contains(name)) else {
        bail!("{}: has no tensor named {}", in_context(), NAMES.join(", "));
    };
    let tensor = file.tensor(name, &Device::Cpu).with_context(in_context)?;
    let rows = tensor.flatten_from(1).map_err(plain).with_context(in_context)?;
    let (count, columns) = rows.dims2().map_err(plain).with_context(in_context)?;
    check_columns(columns, generator).with_context(|| format!("{}: {name}", in_context()))?;
    let latents: Vec<f32> = rows.to_dtype(DType::F32).and_then(|rows| rows.flatten_all()?.to_vec1()).map_err(plain)?;
    let labels = match file.contains("label") {
        true => Some(integers(&file, "label").with_context(in_context)?),
        false => None,
    };
    ensure!(
        labels.as_ref().is_none_or(|labels| labels.len() == count),
        "{}: label has another length than {name}",
        in_context()
    );
    Ok(Given { latents, columns, labels, count })
}

/// Whole numbers of any type.
fn integers(file: &Checkpoint, name: &str) -> Result<Vec<u32>> {
    let (dtype, bytes) = file.bytes(name)?;
    let size = dtype.bitsize() / 8;
    let numbers = bytes.chunks_exact(size.max(1)).map(|bytes| match *bytes {
        [a] => Ok(u32::from(a)),
        [a, b, c, d, 0, 0, 0, 0] | [a, b, c, d] if !format!("{dtype:?}").starts_with('F') => {
            Ok(u32::from_le_bytes([a, b, c, d]))
        }
        [a, b, c, d] => Ok(f32::from_le_bytes([a, b, c, d]) as u32),
        _ => bail!("{name} has dtype {dtype:?}; expected whole numbers"),
    });
    numbers.collect()
}
