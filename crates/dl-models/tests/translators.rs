//! Networks that turn images into images, and discriminators of patches, equal PyTorch's with weights from a formula (testdata/goldens/gan/make.py), and those in files
//! give what their sources give. The latter are skipped if the files do not exist.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
#![allow(clippy::print_stderr, reason = "a skipped test prints why")]

mod formula;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use dl_models::gan::patch_gan::PatchGan;
use dl_models::gan::{TRANSLATORS, Task, Translator, TranslatorConfig};
use dl_models::{
    Backbone, BatchNorm2d, Checkpoint, Conv2d, Fresh, Kind, Linear, ModelFile, Parameters, Pass, Precision, Run, Value,
    checkpoint,
};
use dl_ops::{Conv2dConfig, Padding, between, one_centered_penalty, zero_centered_penalty};
use formula::{Formula, formula};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value as Json;

fn shared(file: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/weights").join(file);
    if !found.exists() {
        eprintln!("SKIPPED: {} does not exist", found.display());
    }
    found.exists().then_some(found)
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_dtype(DType::F32).unwrap().to_vec1().unwrap()
}

/// The tensors of a file, as f32.
fn tensors(path: &Path) -> BTreeMap<String, Tensor> {
    let all = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    all.into_iter().map(|(name, tensor)| (name, tensor.to_dtype(DType::F32).unwrap())).collect()
}

#[track_caller]
fn assert_near(found: &Tensor, expected: &Tensor, tolerance: f32, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let pairs = numbers(found).into_iter().zip(numbers(expected));
    let far = pairs.map(|(found, expected)| (found - expected).abs() / (1.0 + expected.abs())).fold(0.0, f32::max);
    eprintln!("{what}: {far:e}");
    assert!(far < tolerance, "{what}: {far}");
}

fn builder(weights: &Formula) -> VarBuilder<'static> {
    VarBuilder::from_backend(Box::new(weights.clone()), DType::F32, Device::Cpu)
}

fn goldens() -> Vec<Json> {
    let goldens: Json = serde_json::from_str(include_str!("../../../testdata/goldens/gan/translators.json")).unwrap();
    goldens["goldens"].as_array().unwrap().clone()
}

/// The gain of each architecture in make.py.
fn gain(architecture: &str) -> f64 {
    match architecture {
        "srgan" => 2.0,
        "patch_gan" | "srresnet" => 4.0,
        _ => 3.0,
    }
}

fn check_golden(golden: &Json, y: &Tensor, what: &str) {
    assert_eq!(serde_json::json!(y.dims()), golden["shape"], "{what}");
    let y = numbers(y);
    let size: f64 = y.iter().map(|number| f64::from(number.abs())).sum();
    let expected = golden["size"].as_f64().unwrap();
    assert!((size / expected - 1.0).abs() < 1e-5, "{what}: {size} {expected}");
    let step = (y.len() / 40).max(1);
    let largest = y.iter().fold(0.0, |largest: f32, number| largest.max(number.abs()));
    for (found, expected) in y.iter().step_by(step).zip(golden["picked"].as_array().unwrap()) {
        let error = (f64::from(*found) - expected.as_f64().unwrap()).abs();
        assert!(error < 1e-5 * f64::from(largest.max(1.0)), "{what}: {found} {expected}");
    }
}

#[test]
fn networks_of_images_equal_pytorchs() {
    let goldens = goldens();
    for golden in &goldens {
        let name = golden["architecture"].as_str().unwrap();
        let what = format!("{name} {}", golden["options"]);
        let weights = Formula::new(gain(name));
        let shape: Vec<usize> = serde_json::from_value(golden["input"].clone()).unwrap();
        let x = formula("input", &shape, 0.0, 1.0);
        let y = if name == "patch_gan" {
            let options = serde_json::from_value(golden["options"].clone()).unwrap();
            let network = PatchGan::new(&options, &builder(&weights)).unwrap();
            (&network as &dyn Backbone).forward_t(&x, None).unwrap()
        } else {
            let config = TranslatorConfig::new(name, &golden["options"]).unwrap();
            let translator = Translator::new(config, &builder(&weights)).unwrap();
            let planned = translator.outputs(&x, &["output"]).unwrap().remove(0);
            check_golden(golden, &planned, &format!("{what}, planned"));
            translator.network().forward_t(&x, None).unwrap()
        };
        check_golden(golden, &y, &what);
        assert_eq!(weights.vars().len() as u64, golden["tensors"].as_u64().unwrap(), "{what}");
        let loss = (&y * formula("loss", y.dims(), 0.0, 1.0)).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        for (weight, expected) in golden["gradients"].as_object().unwrap() {
            let gradient = gradients.get(&weights.vars()[weight]).unwrap();
            let size: f64 = numbers(gradient).iter().map(|number| f64::from(number.abs())).sum();
            let expected = expected.as_f64().unwrap();
            assert!((size / expected - 1.0).abs() < 1e-4, "{what}: gradient of {weight} {size} {expected}");
        }
    }
    for translator in TRANSLATORS.iter().filter(|translator| translator.name != "cyclegan_small") {
        assert!(goldens.iter().any(|golden| golden["architecture"] == translator.name), "{}", translator.name);
    }
}

#[test]
fn options_are_seen_from_the_tensors_of_a_file_without_a_config_and_kept_in_one_with() {
    let folder = tempfile::tempdir().unwrap();
    for golden in goldens().iter().filter(|golden| golden["architecture"] != "patch_gan") {
        let name = golden["architecture"].as_str().unwrap();
        let config = TranslatorConfig::new(name, &golden["options"]).unwrap();
        let parameters = Parameters::fresh(0);
        let written = Translator::new(config, &parameters.builder(&Device::Cpu)).unwrap();
        let (bare, own) = (folder.path().join("bare.safetensors"), folder.path().join("own.safetensors"));
        let all: std::collections::HashMap<_, _> = parameters.tensors().into_iter().collect();
        candle_core::safetensors::save(&all, &bare).unwrap();
        checkpoint::save(&own, &written.config, &parameters.tensors(), Precision::F32).unwrap();
        let shape: Vec<usize> = serde_json::from_value(golden["input"].clone()).unwrap();
        let x = formula("input", &shape, 0.0, 1.0);
        let expected = written.outputs(&x, &["output"]).unwrap().remove(0);
        for path in [bare, own] {
            assert_eq!(ModelFile::open(&path, None).unwrap().kind(), Kind::Generator, "{name}");
            let read = Translator::open(&path, &Device::Cpu).unwrap();
            assert_eq!((read.architecture.name, read.geometry), (name, written.geometry));
            assert_eq!(numbers(&read.outputs(&x, &["output"]).unwrap()[0]), numbers(&expected), "{name}");
        }
    }
}

#[test]
fn a_residual_generator_adds_to_the_image_what_another_one_makes_an_image_of() {
    let x = formula("input", &[1, 3, 12, 8], 0.0, 1.0);
    let outputs = [false, true].map(|residual| {
        let options = serde_json::json!({"blocks": 1, "channels": 4, "residual": residual});
        let config = TranslatorConfig::new("cyclegan", &options).unwrap();
        let translator = Translator::new(config, &builder(&Formula::new(3.0))).unwrap();
        let planned = translator.outputs(&x, &["output"]).unwrap().remove(0);
        let y = translator.network().forward_t(&x, None).unwrap();
        assert_near(&planned, &y, 1e-5, "planned");
        y
    });
    let change = (&outputs[1] - &x).unwrap().tanh().unwrap();
    assert_near(&change, &outputs[0], 1e-5, "residual");
}

#[test]
fn options_out_of_range_and_files_of_other_kinds_are_refused_in_one_line() {
    let vb = Parameters::fresh(0).builder(&Device::Cpu);
    for (name, options) in [
        ("srgan", serde_json::json!({"scale": 3})),
        ("srgan", serde_json::json!({"blocks": 0})),
        ("srgan", serde_json::json!({"chanels": 5})),
        ("srresnet", serde_json::json!({"scale": 5})),
        ("rdn", serde_json::json!({"channels": 1_000_000_000})),
        ("cyclegan", serde_json::json!({"inputs": 4})),
        ("cyclegan", serde_json::json!({"norm": "layer"})),
        ("cyclegan", serde_json::json!({"residual": true, "outputs": 1})),
        ("discogan", serde_json::json!({"steps": 1})),
        ("discogan", serde_json::json!({"colors": 4})),
        ("unet", serde_json::json!({"steps": 40})),
        ("dragon", serde_json::json!({})),
    ] {
        let error = Translator::new(TranslatorConfig::new(name, &options).unwrap(), &vb).err().unwrap();
        let error = format!("{error:#}");
        assert!(!error.is_empty() && !error.contains('\n'), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("noise.safetensors");
    let config = TranslatorConfig::new("noise", &serde_json::json!({})).unwrap();
    let tensors = BTreeMap::from([("a".to_owned(), formula("a", &[2], 0.0, 1.0))]);
    checkpoint::save(&path, &config, &tensors, Precision::F32).unwrap();
    let error = format!("{:#}", Translator::open(&path, &Device::Cpu).err().unwrap());
    assert!(error.contains("does not turn images into images; those that do are srgan"), "{error}");
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/models/signs.safetensors");
    let error = format!("{:#}", Translator::open(&other, &Device::Cpu).err().unwrap());
    assert!(error.contains("contains a network for images, not a generator"), "{error}");
}

#[test]
fn srgan_enlarges_as_its_source_does_from_both_formats() {
    for file in ["srgan_x4.safetensors", "srgan_x4.pth"] {
        let Some(path) = shared(file) else { continue };
        let translator = Translator::open(&path, &Device::Cpu).unwrap();
        assert_eq!((translator.architecture.task, translator.geometry.scale), (Task::SuperResolution, 4));
        let input = &tensors(&path.with_file_name("srgan_x4.input.safetensors"))["low_resolution"];
        let expected = tensors(&path.with_file_name("srgan_x4.output.safetensors"));
        let found = translator.outputs(&(input / 255.0).unwrap(), &["block6", "output"]).unwrap();
        assert_near(&found[0].narrow(0, 0, 1).unwrap(), &expected["block6"], 1e-4, &format!("{file} block6"));
        assert_near(&found[1], &expected["output"], 1e-4, &format!("{file} output"));
        let direct = translator.network().forward_t(&(input / 255.0).unwrap(), None).unwrap();
        assert_near(&direct, &expected["output"], 1e-4, &format!("{file} output, directly"));
    }
}

#[test]
fn residual_dense_networks_enlarge_as_their_source_does_within_one_gray_level() {
    for scale in [2, 4] {
        let name = format!("esrgan_slim_x{scale}");
        let Some(path) = shared(&format!("{name}.safetensors")) else { continue };
        let translator = Translator::open(&path, &Device::Cpu).unwrap();
        assert_eq!(translator.geometry.scale, scale);
        let input = &tensors(&path.with_file_name(format!("{name}.input.safetensors")))["pixels"];
        let expected = tensors(&path.with_file_name(format!("{name}.output.safetensors")));
        let found = translator.outputs(input, &["FDF", "output"]).unwrap();
        assert_near(&found[0], &expected["FDF"], 1e-4, &format!("{name} FDF"));
        assert_near(&found[1], &expected["output"], 1e-4, &format!("{name} output"));
        let open = |file: &str| image::open(path.with_file_name(file)).unwrap().to_rgb8();
        let (fixture, result) = (open("esrgan_slim.fixture.png"), open(&format!("{name}.result.png")));
        let found = [translator.default_tiling(), translator.tiling(64).unwrap()].map(|tiling| {
            let found = translator.translate(&fixture, &tiling).unwrap();
            assert_eq!(found.dimensions(), result.dimensions());
            let differences = found.as_raw().iter().zip(result.as_raw()).map(|(a, b)| a.abs_diff(*b));
            let (largest, count) = differences.fold((0, 0), |(l, n), d| (l.max(d), n + usize::from(d > 0)));
            eprintln!("{name}: {count} values differ, by {largest} at most");
            assert!(largest <= 1 && count < result.as_raw().len() / 10_000, "{name}: {count} {largest}");
            found
        });
        let far = found[0].as_raw().iter().zip(found[1].as_raw()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(far <= 1, "tiles differ by {far}");
    }
}

#[test]
fn emojis_are_translated_as_by_their_source() {
    for (file, input, output) in [("cyclegan_emojis_G_XtoY", "x", "XtoY"), ("cyclegan_emojis_G_YtoX", "y", "YtoX")] {
        let Some(path) = shared(&format!("{file}.safetensors")) else { continue };
        let translator = Translator::open(&path, &Device::Cpu).unwrap();
        assert_eq!(translator.architecture.task, Task::Translation);
        let pixels = &tensors(&path.with_file_name("cyclegan_emojis.input.safetensors"))[input];
        let x = (pixels / 127.5).unwrap().affine(1.0, -1.0).unwrap();
        let expected = tensors(&path.with_file_name("cyclegan_emojis.output.safetensors"));
        let found = translator.outputs(&x, &["output"]).unwrap().remove(0);
        assert_near(&found, &expected[output], 1e-4, file);
        // By the statistics of the batch.
        let all = Checkpoint::open(&path).unwrap().all(&Device::Cpu).unwrap();
        let trained = trained(all, &translator.config, &x);
        assert_near(&trained, &expected[&format!("{output}_train_mode")], 1e-4, &format!("{file}, training"));
    }
    let Some(path) = shared("cyclegan_emojis.checker.safetensors") else { return };
    let stored = tensors(&path);
    let weights = stored.iter().filter_map(|(name, x)| Some((name.strip_prefix("weights.")?.to_owned(), x.clone())));
    let config = TranslatorConfig::new("cyclegan_small", &serde_json::json!({})).unwrap();
    let found = trained(weights.collect(), &config, &stored["input"]);
    assert_near(&found, &stored["output"], 1e-5, "the course's checker");
}

/// The output in training.
fn trained(weights: BTreeMap<String, Tensor>, config: &TranslatorConfig, x: &Tensor) -> Tensor {
    let parameters = Parameters::starting_from(weights, 0);
    let translator = Translator::new(config.clone(), &parameters.builder(&Device::Cpu)).unwrap();
    translator.network().forward_t(x, Some(&mut ChaCha8Rng::seed_from_u64(0))).unwrap()
}

/// The discriminators of digits in ../shared/weights, whose scores are logits.
enum Discriminator {
    Mlp([Linear; 3]),
    /// Each with the norm after it.
    Dcgan(Vec<(Conv2d, Option<BatchNorm2d>)>),
}

impl Discriminator {
    fn new(is_mlp: bool, vb: &VarBuilder) -> Self {
        let fresh = Fresh::normal(0.02);
        if is_mlp {
            let linear = |index: usize, inputs: usize, outputs: usize| {
                Linear::new(inputs, outputs, fresh, vb.pp(index.to_string())).unwrap()
            };
            return Self::Mlp([linear(0, 784, 256), linear(2, 256, 256), linear(4, 256, 1)]);
        }
        let config = Conv2dConfig { stride: [2, 2], padding: Padding::all(1), ..Default::default() };
        let layer = |index: usize, channels: [usize; 2], normed: bool| {
            let at = |index: usize| vb.pp(format!("main.{index}"));
            let conv = Conv2d::without_bias(channels, [4, 4], config, fresh, at(index)).unwrap();
            (conv, normed.then(|| BatchNorm2d::new(channels[1], 1e-5, at(index + 1)).unwrap()))
        };
        Self::Dcgan(vec![
            layer(0, [1, 64], false),
            layer(2, [64, 128], true),
            layer(5, [128, 256], true),
            layer(8, [256, 1], false),
        ])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        match self {
            Self::Mlp([first, second, last]) => {
                let x = pass.flatten("", x)?;
                let x = pass.linear("", first, &x)?;
                let x = pass.leaky_relu("", 0.2, &x)?;
                let x = pass.linear("", second, &x)?;
                let x = pass.leaky_relu("", 0.2, &x)?;
                pass.linear("score", last, &x)
            }
            Self::Dcgan(layers) => {
                let mut x = x.clone();
                for (index, (conv, norm)) in layers.iter().enumerate() {
                    x = pass.conv("", conv, &x)?;
                    if let Some(norm) = norm {
                        x = pass.batch_norm("", norm, &x)?;
                    }
                    if index + 1 < layers.len() {
                        x = pass.leaky_relu("", 0.2, &x)?;
                    }
                }
                pass.flatten("score", &x)
            }
        }
    }
}

/// The weights of a file as variables, in single or double precision.
#[derive(Clone)]
struct Stored {
    vars: BTreeMap<String, Var>,
}

impl Stored {
    fn open(path: &Path, dtype: DType) -> Self {
        let all = Checkpoint::open(path).unwrap().all(&Device::Cpu).unwrap();
        let var = |tensor: Tensor| Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap();
        Self { vars: all.into_iter().map(|(name, tensor)| (name, var(tensor))).collect() }
    }
}

impl SimpleBackend for Stored {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        let tensor = self.vars[name].as_tensor().clone();
        assert_eq!(*tensor.shape(), shape, "{name}");
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name}")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.vars.contains_key(name)
    }
}

/// One number before a leaky ReLU of mnist_dcgan is 5e-7, below the rounding of single precision: there another mask can
/// be as right, and its part of the gradient for R1 is seen. Double precision has no such doubt.
#[test]
fn gradient_penalties_and_their_gradients_are_exact() {
    check_penalties("mnist_gan_mlp", "r1", DType::F32, 1e-4);
    check_penalties("mnist_gan_mlp", "wgan_gp", DType::F32, 1e-4);
    check_penalties("mnist_dcgan", "wgan_gp", DType::F32, 1e-4);
    check_penalties("mnist_dcgan", "r1", DType::F32, 2e-3);
    check_penalties("mnist_dcgan", "r1", DType::F64, 1e-4);
}

fn check_penalties(name: &str, kind: &str, dtype: DType, tolerance: f32) {
    let of_sums = f64::from(tolerance) / 10.0;
    let Some(path) = shared("gradient_penalty.input.safetensors") else { return };
    let output = tensors(&path.with_file_name("gradient_penalty.output.safetensors"));
    let exactly = |tensor: Tensor| tensor.to_dtype(dtype).unwrap();
    let input: BTreeMap<String, Tensor> = tensors(&path).into_iter().map(|(name, x)| (name, exactly(x))).collect();
    let expected = std::fs::read(path.with_file_name("gradient_penalty.expected.json")).unwrap();
    let expected: Json = serde_json::from_slice(&expected).unwrap();
    let mixed = between(&input["real"], &input["fake"], &input["epsilon"]).unwrap();
    let stored = Stored::open(&path.with_file_name(format!("{name}_discriminator.safetensors")), dtype);
    let vb = VarBuilder::from_backend(Box::new(stored.clone()), dtype, Device::Cpu);
    let network = Discriminator::new(name == "mnist_gan_mlp", &vb);
    let x = if kind == "r1" { &input["real"] } else { &mixed };
    // As in inference: with stored statistics.
    let mut pass = Pass::new(Vec::new(), None).taped(x);
    let Ok(score) = network.run(&Value::Now(x.clone()), &mut pass) else { panic!("{name} cannot be run") };
    let gradient = pass.input_gradient(&score).unwrap();
    let penalty = match kind {
        "r1" => zero_centered_penalty(&gradient, 1.0).unwrap(),
        _ => one_centered_penalty(&gradient, 10.0).unwrap(),
    };
    let result = &expected["results"][format!("{name}.{kind}")];
    let found = penalty.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap();
    let exact = result["P_float64"].as_f64().unwrap();
    eprintln!("{name} {kind} {dtype:?}: {found}, exactly {exact}");
    assert!((found / exact - 1.0).abs() < of_sums, "{name} {kind}: {found} {exact}");
    let stated = &output[&format!("{name}.{kind}.input_gradient")];
    assert_relative(&gradient, stated, tolerance, &format!("{name} {kind} x"));
    let gradients = penalty.backward().unwrap();
    for (weight, summary) in result["dP"].as_object().unwrap() {
        let what = format!("{name} {kind} {weight}");
        let largest = summary["max_abs"].as_f64().unwrap();
        let Some(found) = gradients.get(&stored.vars[weight]) else {
            assert_eq!(largest, 0.0, "{what} has no gradient");
            continue;
        };
        if let Some(whole) = output.get(&format!("{name}.{kind}.dP.{weight}")) {
            assert_relative(found, whole, tolerance, &what);
        }
        let numbers = numbers(found);
        let count = numbers.len() as f64;
        let sum: f64 = numbers.iter().map(|number| f64::from(*number)).sum();
        let norm = numbers.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
        let (error, of_norm) = (sum - summary["sum"].as_f64().unwrap(), norm - summary["norm"].as_f64().unwrap());
        assert!(error.abs() <= of_sums * largest * count.sqrt().max(10.0), "{what}: sum differs by {error}");
        assert!(of_norm.abs() <= 10.0 * of_sums * norm.max(1e-9), "{what}: norm {norm} differs by {of_norm}");
    }
}

/// Within `tolerance` times the largest value.
#[track_caller]
fn assert_relative(found: &Tensor, expected: &Tensor, tolerance: f32, what: &str) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (numbers(found), numbers(expected));
    let largest = expected.iter().fold(0.0, |largest: f32, number| largest.max(number.abs()));
    let far = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    eprintln!("{what}: {:e} of the largest value", far / largest);
    assert!(far <= tolerance * largest, "{what}: {far} of {largest}");
}
