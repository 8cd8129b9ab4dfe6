//! Generators in files of other programs, which are recognized by their tensors' names and shapes.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::swap::SwapConfig;
use super::table::TableConfig;
use super::voxel::VoxelConfig;
use super::{Canvas, GeneratorConfig, TranslatorArchitecture};
use crate::Checkpoint;
use crate::checkpoint::printable;

/// Prefixes of the fully connected layers of a `Sequential`.
const PREFIXES: [&str; 3] = ["", "model", "main"];

/// What the tensors are.
enum Found {
    Generator(Box<GeneratorConfig>),
    Discriminator,
}

/// Whether a file without a kind holds a generator or a discriminator.
pub(crate) fn is_gan(file: &Checkpoint) -> bool {
    find(file).is_ok_and(|found| found.is_some())
}

/// The config of the generator in a file.
/// # Errors
/// When it is invalid, or the file holds something else.
pub(super) fn config(file: &Checkpoint) -> Result<GeneratorConfig> {
    if let Some((architecture, _)) = TranslatorArchitecture::of(file)? {
        bail!(
            "contains {}, which turns images into images; dl-gan-edit super-resolve, translate, complete and colorize take it",
            architecture.name
        );
    }
    if TableConfig::is_in(file) {
        bail!("contains a generator of tables, not of images; dl-gan-sample takes it");
    }
    if VoxelConfig::is_in(file) {
        bail!("contains a generator of voxels, not of images; dl-gan-edit voxel takes it");
    }
    if SwapConfig::is_in(file) {
        bail!("contains a network of contents and styles, which needs images; dl-gan-edit swap takes it");
    }
    let stated: Option<Map<String, Value>> = file.config()?;
    if let Some(config) = stated.as_ref().filter(|config| config.get("kind").is_some()) {
        return serde_json::from_value(Value::Object(config.clone())).context("its config is invalid");
    }
    match find(file)? {
        Some(Found::Generator(mut config)) => {
            describe(&mut config, stated.unwrap_or_default())?;
            Ok(*config)
        }
        Some(Found::Discriminator) => {
            bail!("contains a discriminator, not a generator: it judges images and makes none")
        }
        None => bail!("contains no generator that this version supports"),
    }
}

/// Takes over what a description states beside the architecture.
fn describe(config: &mut GeneratorConfig, stated: Map<String, Value>) -> Result<()> {
    if let (Some(known), Some(labels)) = (&mut config.labels, stated.get("labels")) {
        let labels: Vec<String> = serde_json::from_value(labels.clone()).context("labels of its config")?;
        if labels.len() != known.len() {
            bail!("its config has {} labels, its embedding {}", labels.len(), known.len());
        }
        *known = labels;
    }
    config.provenance.source = stated.get("source").cloned();
    config.provenance.license =
        ["license", "licence"].iter().find_map(|key| stated.get(*key)?.as_str().map(str::to_owned));
    Ok(())
}

fn find(file: &Checkpoint) -> Result<Option<Found>> {
    if let Some(found) = dcgan(file)? {
        return Ok(Some(found));
    }
    if let Some(found) = upsample(file)? {
        return Ok(Some(found));
    }
    for prefix in PREFIXES {
        if let Some(found) = vanilla(file, prefix)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// pytorch/examples: `main.0` is a transposed convolution with a norm after it, or the discriminator's first convolution
/// without one.
fn dcgan(file: &Checkpoint) -> Result<Option<Found>> {
    let Some(&[inputs, first, height, width]) = file.shape("main.0.weight") else { return Ok(None) };
    if file.contains("main.1.running_mean") {
        let mut places = (0..64).map(|index| 3 * index);
        let last = places.rfind(|place| file.contains(&format!("main.{place}.weight"))).unwrap_or(0);
        let Some(&[hidden, channels, ..]) = file.shape(&format!("main.{last}.weight")) else { return Ok(None) };
        let doublings = last / 3;
        if doublings == 0 || hidden << (doublings - 1) != first {
            return Ok(None);
        }
        let image = Canvas { channels, height: height << doublings, width: width << doublings };
        let mut config = GeneratorConfig::new("dcgan", inputs, image);
        config.options.insert("channels".into(), json!(hidden));
        return Ok(Some(Found::Generator(config.into())));
    }
    Ok(file.contains("main.3.running_mean").then_some(Found::Discriminator))
}

/// PyTorch-GAN's upsampling generator; with `label_emb` as in HayatoHongo's MNIST-Conditional-WGAN-gp: ReLU, and two norms
/// with an eps of 0.8, which both have from a mistake in PyTorch-GAN.
fn upsample(file: &Checkpoint) -> Result<Option<Found>> {
    let Some(&[columns, inputs]) = file.shape("l1.0.weight") else { return Ok(None) };
    let (Some(&[channels]), Some(&[outputs, ..])) =
        (file.shape("conv_blocks.0.weight"), file.shape("conv_blocks.9.weight"))
    else {
        return Ok(None);
    };
    let map = columns / channels.max(1);
    let side = map.isqrt();
    if side * side != map || map * channels != columns {
        bail!("its first map has {map} pixels; square ones are supported");
    }
    let labels = match file.shape("label_emb.weight") {
        Some(&[labels, columns]) if columns < inputs => Some((labels, columns)),
        _ => None,
    };
    let image = Canvas { channels: outputs, height: 4 * side, width: 4 * side };
    let mut config = GeneratorConfig::new("upsample", inputs - labels.map_or(0, |(_, columns)| columns), image);
    config.options.insert("channels".into(), json!(channels));
    config.options.insert("eps".into(), json!(0.8));
    if let Some((labels, columns)) = labels {
        config.options.insert("slope".into(), json!(0.0));
        config.labels = Some((0..labels).map(|label| label.to_string()).collect());
        config.label_columns = Some(columns);
    }
    Ok(Some(Found::Generator(config.into())))
}

/// Fully connected layers in a `Sequential`; the last one of a discriminator has one output. Without norms the activation is
/// ReLU (csinva), with norms leaky ReLU (PyTorch-GAN).
fn vanilla(file: &Checkpoint, prefix: &str) -> Result<Option<Found>> {
    let name = |place: usize, kind: &str| match prefix {
        "" => format!("{place}.{kind}"),
        prefix => format!("{prefix}.{place}.{kind}"),
    };
    let own = file.tensors().iter().all(|tensor| {
        let rest = if prefix.is_empty() { Some(&tensor.name[..]) } else { tensor.name.strip_prefix(prefix) };
        let mut parts = rest.unwrap_or_default().trim_start_matches('.').split('.');
        parts.next().is_some_and(|place| place.parse::<usize>().is_ok()) && parts.count() == 1
    });
    if !own {
        return Ok(None);
    }
    let mut layers: Vec<[usize; 2]> = Vec::new();
    let mut norms = false;
    for place in 0..256 {
        match file.shape(&name(place, "weight")) {
            Some(&[outputs, inputs]) => layers.push([outputs, inputs]),
            Some(&[_]) => norms |= file.contains(&name(place, "running_mean")),
            _ => {}
        }
    }
    let [[_, latent], .., [numbers, _]] = layers[..] else { return Ok(None) };
    if layers.windows(2).any(|pair| pair[0][0] != pair[1][1]) {
        return Ok(None);
    }
    if numbers == 1 {
        return Ok(Some(Found::Discriminator));
    }
    let image = canvas(numbers).with_context(|| printable(&name(0, "weight")))?;
    let mut config = GeneratorConfig::new("vanilla", latent, image);
    let hidden: Vec<usize> = layers[..layers.len() - 1].iter().map(|[outputs, _]| *outputs).collect();
    let (eps, slope) = if norms { (0.8, 0.2) } else { (1e-5, 0.0) };
    let options = json!({ "prefix": prefix, "hidden": hidden, "norms": norms, "eps": eps, "slope": slope });
    config.options = options.as_object().cloned().unwrap_or_default();
    Ok(Some(Found::Generator(config.into())))
}

/// Square gray or RGB images.
fn canvas(numbers: usize) -> Result<Canvas> {
    let square = [1, 3].into_iter().find_map(|channels| {
        let side = (numbers / channels).isqrt();
        (channels * side * side == numbers).then_some(Canvas { channels, height: side, width: side })
    });
    square.with_context(|| format!("its images have {numbers} numbers; square gray or RGB ones are supported"))
}
