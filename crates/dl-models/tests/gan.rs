//! Trained generators of other programs make the images that their sources make. Skipped if the files do not exist.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test prints why")]

use std::path::{Path, PathBuf};

use candle_core::{DType, Device};
use dl_models::gan::{Canvas, Condition, Generator, GeneratorConfig, push_latent};
use dl_models::{Checkpoint, ModelFile, Parameters, Precision, checkpoint};
use serde_json::json;

fn shared(file: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights").join(file);
    if !found.exists() {
        eprintln!("SKIPPED: {} does not exist", found.display());
    }
    found.exists().then_some(found)
}

fn open(path: &Path) -> Generator {
    match ModelFile::open(path, None).unwrap() {
        ModelFile::Generator(file) => Generator::open(file, &Device::Cpu).unwrap(),
        other => panic!("{}: {:?}", path.display(), other.kind()),
    }
}

fn told(labels: &[u32]) -> Condition<'_> {
    if labels.is_empty() { Condition::None } else { Condition::Labels(labels) }
}

/// Compares with the stored images, by the atol and rtol of 1e-4 that the source states.
fn check(model: &str, stored: &str, labeled: bool) {
    let Some(path) = shared(model) else { return };
    let generator = open(&path);
    let load = |kind: &str| {
        let file = path.with_file_name(format!("{stored}.{kind}.safetensors"));
        candle_core::safetensors::load(file, &Device::Cpu).unwrap()
    };
    let (input, output) = (load("input"), load("output"));
    let latents: Vec<f32> = input["latent"].flatten_all().unwrap().to_vec1().unwrap();
    let labels: Vec<u32> = match labeled {
        true => input["label"].to_dtype(DType::U32).unwrap().to_vec1().unwrap(),
        false => Vec::new(),
    };
    let expected: Vec<f32> = output["images"].flatten_all().unwrap().to_vec1().unwrap();
    let found = generator.generate(&latents, told(&labels)).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() <= 1e-4 + 1e-4 * expected.abs(), "{model}: {found} {expected}");
    }
    // An image is the same alone.
    let (columns, numbers) = (generator.config().latent, generator.config().image.numbers());
    let label = labels.get(1..2).unwrap_or_default();
    let alone = generator.generate(&latents[columns..2 * columns], told(label)).unwrap();
    assert!(alone.iter().zip(&found[numbers..]).all(|(a, b)| a.to_bits() == b.to_bits()), "{model}");
}

#[test]
fn generators_of_other_programs_make_the_stated_images() {
    check("mnist_gan_mlp_generator.safetensors", "mnist_gan_mlp", false);
    check("mnist_gan_mlp_generator.pth", "mnist_gan_mlp", false);
    check("mnist_cgan_wgangp.safetensors", "mnist_cgan_wgangp", true);
    check("mnist_cgan_wgangp.pth", "mnist_cgan_wgangp", true);
    check("dcgan_faces_64.safetensors", "dcgan_faces_64", false);
}

#[test]
fn discriminators_are_recognized_and_refused() {
    for model in ["mnist_gan_mlp_discriminator.safetensors", "mnist_dcgan_discriminator.safetensors"] {
        let Some(path) = shared(model) else { return };
        let ModelFile::Generator(file) = ModelFile::open(&path, None).unwrap() else { panic!("{model}") };
        let error = format!("{:#}", Generator::open(file, &Device::Cpu).err().unwrap());
        assert!(error.contains("contains a discriminator, not a generator"), "{error}");
    }
}

#[test]
fn a_generator_that_was_written_is_read_with_its_labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.safetensors");
    for (name, options, image) in [
        ("vanilla", json!({ "hidden": [6, 8] }), Canvas { channels: 2, height: 5, width: 3 }),
        ("dcgan", json!({ "channels": 3 }), Canvas { channels: 3, height: 16, width: 24 }),
        ("upsample", json!({ "channels": 6 }), Canvas { channels: 4, height: 8, width: 20 }),
    ] {
        let mut config = GeneratorConfig::new(name, 7, image);
        config.options = options.as_object().unwrap().clone();
        config.labels = Some(vec!["a".into(), "b".into()]);
        config.label_columns = Some(3);
        let parameters = Parameters::fresh(1);
        Generator::new(config.clone(), &parameters.builder(&Device::Cpu)).unwrap();
        let stated = serde_json::to_value(&config).unwrap();
        checkpoint::save(&path, &stated, &parameters.tensors(), Precision::F32).unwrap();
        let generator = open(&path);
        assert_eq!(generator.config().labels, config.labels);
        let mut latents = Vec::new();
        push_latent(&mut latents, 3 * 7, &mut dl_record::rng(0, "test"));
        let images = generator.generate(&latents, Condition::Labels(&[0, 1, 0])).unwrap();
        assert_eq!(images.len(), 3 * image.numbers());
        assert!(images.iter().all(|number| (-1.0..=1.0).contains(number)));
        // The label matters, and so does the number of labels.
        let other = generator.generate(&latents, Condition::Labels(&[1, 1, 0])).unwrap();
        assert_ne!(images[..image.numbers()], other[..image.numbers()]);
        assert_eq!(images[image.numbers()..], other[image.numbers()..]);
        assert!(
            generator.generate(&latents, told(&[])).is_err()
                && generator.generate(&latents[1..], told(&[0, 1, 0])).is_err()
        );
        let file = Checkpoint::open(&path).unwrap();
        assert!(file.contains("label_emb.weight"));
    }
}
