//! Random vectors: of a seed and a number, between two of them, or of a file.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device};
use dl_models::gan::{Generator, push_latent};
use dl_models::{Checkpoint, plain};

/// Makes random vectors.
pub(crate) struct Latents;

impl Latents {
    /// Those of the samples with these numbers, one after another.
    pub(crate) fn of_seed(generator: &Generator, seed: u64, numbers: Range<usize>) -> Vec<f32> {
        let columns = generator.config().latent;
        let mut latents = Vec::with_capacity(numbers.len() * columns);
        for number in numbers {
            push_latent(&mut latents, columns, &mut dl_record::rng(seed, &format!("sample/{number}")));
        }
        latents
    }

    /// Frames `frames` of `count` on the way from sample `a` to sample `b`, on the great circle (White 2016): the middle of
    /// a straight line would be shorter than any random vector.
    pub(super) fn between(
        generator: &Generator,
        seed: u64,
        [a, b]: [usize; 2],
        (frames, count): (Range<usize>, usize),
    ) -> Vec<f32> {
        let [from, to] = [a, b].map(|number| Self::of_seed(generator, seed, number..number + 1));
        let norm = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(1e-12);
        let inner: f64 = from.iter().zip(&to).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let angle = (inner / (norm(&from) * norm(&to))).clamp(-1.0, 1.0).acos();
        let mut latents = Vec::new();
        for frame in frames {
            let part = frame as f64 / (count.max(2) - 1) as f64;
            let [of_a, of_b] = match angle.sin() {
                sine if sine > 1e-6 => [((1.0 - part) * angle).sin() / sine, (part * angle).sin() / sine],
                _ => [1.0 - part, part],
            };
            let mixed = from.iter().zip(&to).map(|(a, b)| (f64::from(*a) * of_a + f64::from(*b) * of_b) as f32);
            latents.extend(mixed);
        }
        latents
    }
}

/// Random vectors of a file.
pub(super) struct Given {
    latents: Vec<f32>,
    pub(super) labels: Option<Vec<u32>>,
    pub(super) count: usize,
}

impl Given {
    pub(super) fn rows(&self, rows: Range<usize>, columns: usize) -> Vec<f32> {
        self.latents[rows.start * columns..rows.end * columns].to_vec()
    }
}

/// Names of the tensor.
const NAMES: [&str; 4] = ["latent", "latents", "z", "input"];

pub(super) fn read(path: &Path, generator: &Generator) -> Result<Given> {
    let in_context = || format!("--latents {}", path.display());
    let file = Checkpoint::open(path).with_context(in_context)?;
    let Some(name) = NAMES.into_iter().find(|name| file.contains(name)) else {
        bail!("{}: has no tensor named {}", in_context(), NAMES.join(", "));
    };
    let tensor = file.tensor(name, &Device::Cpu).with_context(in_context)?;
    let rows = tensor.flatten_from(1).map_err(plain).with_context(in_context)?;
    let (count, columns) = rows.dims2().map_err(plain).with_context(in_context)?;
    let wanted = generator.config().latent;
    ensure!(columns == wanted, "{}: {name} has {columns} columns; the generator needs {wanted}", in_context());
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
    Ok(Given { latents, labels, count })
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
