//! Opens networks from model files.

mod fingerprint;
mod fit;
mod outline;
mod summary;
mod training;

pub(crate) use fingerprint::fingerprint_of;
pub use fingerprint::{check_network, fingerprint};
pub use fit::{Fit, Misfit};
pub use outline::Outline;
pub(crate) use outline::position;
pub use summary::{LayerSummary, Summary};
pub use training::{CurrentModel, TrainingPass};

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow};
use candle_core::{DType, Device, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use dl_record::Matrix;

use crate::backbones::folder;
use crate::file::limits;
use crate::network::plans::{Plans, graph};
use crate::{ARCHITECTURES, Architecture, Backbone, Checkpoint, LayerName, ModelConfig};

/// A network and its description.
pub struct Model {
    /// The description in its file.
    pub config: ModelConfig,
    /// The network.
    pub backbone: Box<dyn Backbone>,
    /// Its entry in the table of architectures.
    pub architecture: &'static Architecture,
    /// A note about its file, for the user.
    pub note: Option<String>,
    plans: Plans,
}

impl Model {
    /// Reads the network in a model file for inference; its weights cannot be trained. Unused tensors, such as those of
    /// a detector, are ignored.
    ///
    /// `arch` is the architecture of bare weights, or overrides that of the config.
    /// # Errors
    /// When the file is not a model, has no architecture and `arch` is `None`, or a tensor is missing or has a
    /// different shape.
    pub fn open(path: &Path, arch: Option<&str>, device: &Device) -> Result<Self> {
        Self::from_checkpoint(Checkpoint::open(path)?, arch, device)
    }

    /// [`open`](Self::open) for an open file.
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_checkpoint(mut checkpoint: Checkpoint, arch: Option<&str>, device: &Device) -> Result<Self> {
        let in_context = |path: &Path| format!("model {}", path.display());
        let path = checkpoint.path().to_owned();
        let config = ModelConfig::read(&mut checkpoint, arch)?;
        let note = checkpoint.prefix_note();
        let architecture = Architecture::find(&config.architecture).with_context(|| in_context(&path))?;
        let stated = if arch.is_some() { "--arch" } else { "the config's architecture" };
        let backend = CheckpointBackend { checkpoint, wanted_by: format!("{stated} {}", config.architecture) };
        let vb = VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone());
        let backbone = (architecture.build)(&config, vb).with_context(|| in_context(&path))?;
        if let Some(layer) = &config.layer {
            backbone.check(&layer.parse()?).with_context(|| in_context(&path))?;
        }
        Ok(Self { config, backbone, architecture, note, plans: Plans::default() })
    }

    /// A network from a config and a source of weights, for example [`Parameters`](crate::Parameters).
    /// # Errors
    /// When the architecture is unknown, or a weight is missing or has a different shape.
    pub fn build(config: ModelConfig, vb: VarBuilder) -> Result<Self> {
        config.check()?;
        let architecture = Architecture::find(&config.architecture)?;
        let backbone = (architecture.build)(&config, vb)?;
        Ok(Self { config, backbone, architecture, note: None, plans: Plans::default() })
    }

    /// The named outputs for x [n, 3, h, w], in the order requested, each [n, ...], without gradients. On the CPU they
    /// are computed by a plan, which is compiled at the first call for an image size and keeps the weights of that
    /// time.
    /// # Errors
    /// When a layer does not exist (see [`check`](<dyn Backbone>::check)), or x has the wrong shape.
    pub fn features(&self, x: &Tensor, layers: &[LayerName]) -> Result<Vec<Tensor>> {
        if x.device().is_cpu() && x.dtype() == DType::F32 && self.backbone.plans() {
            return self.plans.run(&*self.backbone, x, layers);
        }
        self.backbone.features(x, layers, None)
    }

    /// [`features`](Self::features) on the CPU for `images` inputs of shape `image` = [channels, height, width],
    /// written by `make(index, input)` on all threads. Returns one matrix per layer, with one row per image. This is
    /// faster, since each thread makes the inputs that it computes; at most about `batch` inputs are in memory at a
    /// time.
    /// # Errors
    /// As [`features`](Self::features).
    pub fn features_of(
        &self,
        [images, batch]: [usize; 2],
        image: [usize; 3],
        layers: &[LayerName],
        make: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Vec<Matrix>> {
        self.plans.run_made(&*self.backbone, [images, batch], image, layers, make)
    }

    /// The shape of each named output for one image [channels, height, width], without the batch.
    /// # Errors
    /// As [`features`](Self::features).
    pub fn shapes(&self, image: [usize; 3], layers: &[LayerName]) -> Result<Vec<Vec<usize>>> {
        if self.backbone.plans() {
            let (graph, outputs) = graph(&*self.backbone, image, layers)?;
            return Ok(outputs.into_iter().map(|node| graph.shape(node).to_vec()).collect());
        }
        let [channels, height, width] = image;
        let blank = Tensor::zeros((1, channels, height, width), DType::F32, &Device::Cpu)?;
        let features = self.backbone.features(&blank, layers, None)?;
        Ok(features.iter().map(|features| features.dims()[1..].to_vec()).collect())
    }

    /// Multiply-adds of the convolutions and fully connected layers up to `layer`, for an image [channels, height,
    /// width].
    /// # Errors
    /// As [`features`](Self::features).
    pub fn multiply_adds(&self, image: [usize; 3], layer: &LayerName) -> Result<u64> {
        Ok(graph(&*self.backbone, image, std::slice::from_ref(layer))?.0.multiply_adds())
    }

    /// The default layer for features.
    pub fn default_layer(&self) -> &str {
        self.config.layer.as_deref().unwrap_or(self.architecture.layer)
    }
}

impl ModelConfig {
    /// The file's checked config; for bare weights, one derived from `arch` and the head's shape. A prefix of the
    /// network's tensor names in the file (`model.`, `backbone.`) is stripped.
    /// # Errors
    /// When the file has no config and `arch` is `None`, the architecture is unknown, or the config is out of range.
    pub fn read(checkpoint: &mut Checkpoint, arch: Option<&str>) -> Result<Self> {
        let of_file = format!("model {}", checkpoint.path().display());
        let config = match checkpoint.config()? {
            Some(config) => Some(config),
            None => folder::config(checkpoint).with_context(|| of_file.clone())?,
        };
        let mut config: ModelConfig = match (config, arch) {
            (Some(config), _) => config,
            (None, Some(arch)) => {
                let architecture = Architecture::find(arch)?;
                checkpoint.strip_prefix_of(&tensor_shapes(&ModelConfig::new(arch, 1))?, |name| {
                    architecture.is_head_weight(name)
                });
                let head = format!("{}.weight", architecture.head);
                let classes = checkpoint.shape(&head).and_then(|shape| shape.first()).copied();
                ModelConfig::new(arch, classes.unwrap_or(1000))
            }
            (None, None) => {
                let meant = guess(checkpoint).map_or(String::new(), |name| format!("; did you mean --arch {name}?"));
                return Err(anyhow!("has no config with its architecture; set it with --arch{meant}")).context(of_file);
            }
        };
        if let Some(arch) = arch {
            config.architecture = arch.to_owned();
        }
        config.check().with_context(|| format!("{of_file}: its config"))?;
        // Networks outside of the table may have a config of this form, too.
        if let (Ok(architecture), Ok(shapes)) = (Architecture::find(&config.architecture), tensor_shapes(&config)) {
            checkpoint.strip_prefix_of(&shapes, |name| architecture.is_head_weight(name));
            limits::check_weights(&shapes, checkpoint).context(of_file)?;
        }
        Ok(config)
    }
}

/// A source of weights that reads a file.
pub(crate) struct CheckpointBackend {
    pub(crate) checkpoint: Checkpoint,
    /// `--arch vgg16` or `the config's architecture vgg16`.
    pub(crate) wanted_by: String,
}

impl SimpleBackend for CheckpointBackend {
    fn get(&self, shape: Shape, name: &str, _: Init, _: DType, device: &Device) -> candle_core::Result<Tensor> {
        let meant = || guess(&self.checkpoint).map_or(String::new(), |name| format!("; did you mean --arch {name}?"));
        match self.checkpoint.shape(name) {
            None => bail!("tensor \"{name}\" is missing, {} expects it{}", self.wanted_by, meant()),
            Some(found) if found != shape.dims() => {
                bail!("tensor \"{name}\" is {found:?}, {} expects {:?}{}", self.wanted_by, shape.dims(), meant())
            }
            Some(_) => self.get_unchecked(name, DType::F32, device),
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.checkpoint.tensor(name, device).map_err(|error| candle_core::Error::Msg(format!("{error:#}")))
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.checkpoint.contains(name)
    }
}

impl Checkpoint {
    /// Strips the prefix of the network in the file: that of its config, or a network of the table that fits. For
    /// displaying the file's contents.
    pub fn strip_prefix(&mut self) {
        let stated = self.config::<ModelConfig>().ok().flatten().filter(|config| config.check().is_ok());
        let config = stated.or_else(|| guess(self).map(|name| ModelConfig::new(name, 1)));
        let Some(config) = config else { return };
        if let (Ok(architecture), Ok(shapes)) = (Architecture::find(&config.architecture), tensor_shapes(&config)) {
            self.strip_prefix_of(&shapes, |name| architecture.is_head_weight(name));
        }
    }
}

/// The architecture whose tensors, except for the head's, are all in the file with the right shapes.
fn guess(checkpoint: &Checkpoint) -> Option<&'static str> {
    let fits = |architecture: &&Architecture| {
        tensor_shapes(&ModelConfig::new(architecture.name, 1)).is_ok_and(|shapes| {
            let in_head = |name: &str| architecture.is_head_weight(name);
            let mut body = shapes.iter().filter(|(name, _)| !in_head(name));
            body.all(|(name, shape)| checkpoint.shape(name) == Some(shape))
                || checkpoint.prefix_of(&shapes, in_head).is_some()
        })
    };
    ARCHITECTURES.iter().find(fits).map(|architecture| architecture.name)
}

/// Shapes by tensor name.
pub(crate) type TensorShapes = BTreeMap<String, Vec<usize>>;

/// The names and shapes of a network's tensors, found by building it without weights.
pub(crate) fn tensor_shapes(config: &ModelConfig) -> Result<TensorShapes> {
    Ok(outline(config)?.1)
}

/// Builds a network without weights; returns the names and shapes of its tensors, too.
pub(crate) fn outline(config: &ModelConfig) -> Result<(Box<dyn Backbone>, TensorShapes)> {
    config.check()?;
    let architecture = Architecture::find(&config.architecture)?;
    build_outline(None, |vb| (architecture.build)(config, vb))
}

/// Runs `build` without weights; returns its result and the names and shapes of the tensors that it requests. When it
/// checks whether a tensor exists, it sees those of `file`, or any.
pub(crate) fn build_outline<T>(
    file: Option<&Checkpoint>,
    build: impl FnOnce(VarBuilder) -> Result<T>,
) -> Result<(T, TensorShapes)> {
    let shapes: Arc<Mutex<TensorShapes>> = Arc::default();
    let there = file.map(|file| file.tensors().into_iter().map(|tensor| tensor.name).collect());
    let backend = Recorder { shapes: shapes.clone(), there };
    let built = build(VarBuilder::from_backend(Box::new(backend), DType::F32, Device::Cpu))?;
    let shapes = shapes.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((built, shapes))
}

/// A source of weights that only records requests.
struct Recorder {
    shapes: Arc<Mutex<TensorShapes>>,
    /// The tensors that exist; `None`: all.
    there: Option<BTreeSet<String>>,
}

impl SimpleBackend for Recorder {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), shape.dims().to_vec());
        // A broadcast scalar takes no memory.
        Tensor::zeros((), dtype, device)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        bail!("tensor \"{name}\" was requested without a shape")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.there.as_ref().is_none_or(|there| there.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{Precision, save};
    use crate::{Parameters, with_candle_ops};

    /// A small SqueezeNet's file.
    fn small(folder: &Path, with_config: bool) -> std::path::PathBuf {
        let path = folder.join("small.safetensors");
        let mut config = ModelConfig::new("squeezenet1_1", 3);
        if with_config {
            config.options.insert("width".into(), 0.25.into());
        }
        let parameters = Parameters::fresh(0);
        Model::build(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
        match with_config {
            true => save(&path, &config, &parameters.tensors(), Precision::F16).unwrap(),
            false => {
                let tensors: std::collections::HashMap<_, _> = parameters.tensors().into_iter().collect();
                candle_core::safetensors::save(&tensors, &path).unwrap();
            }
        }
        path
    }

    fn error(path: &Path, arch: Option<&str>) -> String {
        format!("{:#}", Model::open(path, arch, &Device::Cpu).err().unwrap())
    }

    #[test]
    fn a_saved_network_gives_the_same_features() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = ModelConfig::new("squeezenet1_0", 4);
        config.options.insert("width".into(), 0.125.into());
        let parameters = Parameters::fresh(7);
        let model = Model::build(config, parameters.builder(&Device::Cpu)).unwrap();
        let path = folder.path().join("m.safetensors");
        save(&path, &model.config, &parameters.tensors(), Precision::F32).unwrap();
        let read = Model::open(&path, None, &Device::Cpu).unwrap();
        let x = Tensor::ones((1, 3, 40, 40), DType::F32, &Device::Cpu).unwrap();
        let layers = ["fire9@1".parse().unwrap(), "logits".parse().unwrap()];
        let features = |model: &Model| {
            let features = model.features(&x, &layers).unwrap();
            features.iter().map(|x| x.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(features(&model), features(&read));
        assert_eq!(features(&model)[0].len(), 64);
        assert!(features(&model)[1].iter().any(|logit| *logit != 0.0));
    }

    #[test]
    fn an_image_has_the_same_features_alone_and_in_a_batch() {
        let mut config = ModelConfig::new("squeezenet1_0", 4);
        config.options.insert("width".into(), 0.125.into());
        let model = Model::build(config, Parameters::fresh(7).builder(&Device::Cpu)).unwrap();
        let pixels: Vec<f32> = (0..5 * 3 * 227 * 227).map(|index| (index % 1009) as f32 / 1009.0 - 0.5).collect();
        let batch = Tensor::from_vec(pixels, (5, 3, 227, 227), &Device::Cpu).unwrap();
        for layers in [vec!["fire2@2", "fire9"], vec!["conv1", "logits"], vec!["features.3.squeeze"]] {
            let layers: Vec<_> = layers.iter().map(|layer| layer.parse().unwrap()).collect();
            let features = |x: &Tensor| model.features(x, &layers).unwrap();
            let together = features(&batch);
            for image in 0..5 {
                for (one, all) in features(&batch.narrow(0, image, 1).unwrap()).iter().zip(&together) {
                    let of_all = all.narrow(0, image, 1).unwrap();
                    let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                    assert_eq!(one.dims(), of_all.dims());
                    assert!(numbers(one) == numbers(&of_all), "image {image}");
                }
            }
        }
    }

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    #[track_caller]
    fn assert_close(found: &Tensor, expected: &Tensor, what: &str) {
        let (found, expected) = (numbers(found), numbers(expected));
        assert_eq!(found.len(), expected.len(), "{what}");
        let largest = expected.iter().fold(0_f32, |largest, number| largest.max(number.abs()));
        let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest > 0.0 && worst < 1e-3 * largest, "{what}: {worst} of {largest}");
    }

    /// The fallback for devices that our kernels do not support.
    #[test]
    fn networks_run_and_train_with_candle_operations_too() {
        let networks = [
            ("googlenet", None, 64),
            ("mobilenet_v1", Some(0.25), 64),
            ("mobilenet_v2", Some(0.35), 64),
            ("resnet18", None, 64),
            ("squeezenet1_0", Some(0.125), 64),
        ];
        for (name, width, size) in networks {
            let mut config = ModelConfig::new(name, 5);
            if let Some(width) = width {
                config.options.insert("width".into(), width.into());
            }
            let parameters = Parameters::fresh(3);
            let trained = Model::build(config.clone(), parameters.builder(&Device::Cpu)).unwrap();
            let fixed = Model::build(config, parameters.fixed(&Device::Cpu)).unwrap();
            let pixels = (0..2 * 3 * size * size).map(|index| (index * 7919 % 1009) as f32 / 500.0 - 1.0);
            let x = Tensor::from_iter(pixels, &Device::Cpu).unwrap().reshape((2, 3, size, size)).unwrap();
            let layers = ["logits".parse().unwrap()];
            let plan = fixed.features(&x, &layers).unwrap().remove(0);
            for model in [&fixed, &trained] {
                let candle = with_candle_ops(|| model.backbone.features(&x, &layers, None)).unwrap().remove(0);
                assert_close(&candle, &plan, name);
            }
            let gradient = || {
                let logits = trained.backbone.forward_t(&x, None).unwrap();
                let loss = dl_ops::cross_entropy(&logits, &Tensor::new(&[1_u32, 4], &Device::Cpu).unwrap()).unwrap();
                let gradients = loss.backward().unwrap();
                let weights = parameters.vars().into_iter().filter(|(_, var)| var.rank() > 1);
                weights.map(|(name, var)| (name, gradients.get(&var).unwrap().clone())).collect::<Vec<_>>()
            };
            let (candle, ours) = (with_candle_ops(gradient), gradient());
            for ((weight, candle), (_, ours)) in candle.iter().zip(&ours) {
                // Rounding can change a maximum or the side of a kink, so single numbers differ: norms are compared.
                let norm = |x: &Tensor| x.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap().sqrt();
                let (difference, whole) = (norm(&(candle - ours).unwrap()), norm(ours));
                assert!(difference < 0.02 * whole, "{name}, {weight}: {difference} of {whole}");
            }
        }
    }

    #[test]
    fn only_the_most_recently_used_plans_are_kept() {
        let mut config = ModelConfig::new("squeezenet1_1", 3);
        config.options.insert("width".into(), 0.125.into());
        let model = Model::build(config, Parameters::fresh(0).builder(&Device::Cpu)).unwrap();
        let layers = ["logits".parse().unwrap()];
        let run = |size: usize| {
            let x = Tensor::ones((1, 3, size, 40), DType::F32, &Device::Cpu).unwrap();
            numbers(&model.features(&x, &layers).unwrap()[0])
        };
        let first = run(40);
        for size in [41, 42, 43, 40, 44, 45] {
            run(size);
        }
        assert_eq!(model.plans.sizes(), [43, 40, 44, 45].map(|size| [3, size, 40]));
        run(46);
        run(47);
        assert_eq!(run(40), first);
    }

    #[test]
    fn the_error_for_a_wrong_architecture_suggests_the_right_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = small(folder.path(), false);
        let text = error(&path, Some("squeezenet1_0"));
        assert!(
            text.starts_with(&format!("model {}: tensor \"features.0.weight\" is [64, 3, 3, 3], ", path.display()))
        );
        assert!(
            text.ends_with("--arch squeezenet1_0 expects [96, 3, 7, 7]; did you mean --arch squeezenet1_1?"),
            "{text}"
        );
        assert!(error(&path, None).contains("with --arch; did you mean --arch squeezenet1_1?"));
        assert!(error(&path, Some("vgg99")).contains("architecture vgg99 does not exist; choose from alexnet, "));
        assert_eq!(Model::open(&path, Some("squeezenet1_1"), &Device::Cpu).unwrap().config.num_classes, 3);
    }

    #[test]
    fn options_come_from_the_config() {
        let folder = tempfile::tempdir().unwrap();
        let path = small(folder.path(), true);
        assert!(Model::open(&path, None, &Device::Cpu).is_ok());
        let mut config = ModelConfig::new("squeezenet1_1", 3);
        config.options.insert("depth".into(), 2.into());
        let text = format!("{:#}", Model::build(config, Parameters::fresh(0).builder(&Device::Cpu)).err().unwrap());
        assert!(text.contains("options of the architecture squeezenet1_1: unknown field `depth`"), "{text}");
    }

    #[test]
    fn the_error_for_an_unknown_layer_lists_the_layers() {
        let config = ModelConfig::new("squeezenet1_1", 2);
        let model = Model::build(config, Parameters::fresh(0).builder(&Device::Cpu)).unwrap();
        let text = model.backbone.check(&"fc7".parse().unwrap()).unwrap_err().to_string();
        assert!(
            text.starts_with("layer fc7 does not exist; choose from features.0, ") && text.contains("fire9"),
            "{text}"
        );
        assert!("fire9@0".parse::<crate::LayerName>().is_err());
    }

    #[test]
    fn every_architecture_has_its_default_layer_and_its_head() {
        for architecture in ARCHITECTURES {
            let mut trained = ModelConfig::new(architecture.name, 1);
            trained.options.extend(architecture.new_head.iter().map(|option| ((*option).to_owned(), true.into())));
            let shapes = tensor_shapes(&trained).unwrap();
            assert!(shapes.contains_key(&format!("{}.weight", architecture.head)), "{}", architecture.name);
            let (backbone, _) = outline(&ModelConfig::new(architecture.name, 1)).unwrap();
            backbone.check(&architecture.layer.parse().unwrap()).unwrap();
            for (alias, path) in backbone.aliases() {
                assert!(backbone.layers().contains(&path), "{alias} -> {path}");
            }
        }
    }
}
