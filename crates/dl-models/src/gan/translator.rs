//! Networks that turn an image into another one, and their files.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::cyclegan::{ResNetConfig, ResNetGenerator, SmallConfig, SmallGenerator};
use super::discogan::{DiscoganConfig, DiscoganGenerator};
use super::rdn::{Rdn, RdnConfig};
use super::srgan::{Srgan, SrganConfig};
use super::srresnet::{SrResNet, SrResNetConfig};
use super::swap::SwapConfig;
use super::translator_config::TranslatorConfig;
use super::unet::{Unet, UnetConfig};
use crate::checkpoint::printable;
use crate::file::limits;
use crate::model::{CheckpointBackend, build_outline};
use crate::network::plans::{Plans, graph};
use crate::onnx::{Axis, Kind as NumberKind, OnnxModel, add_graph};
use crate::{Backbone, Checkpoint, Kind, LayerName, ModelFile};

/// The name of a translator's last output, the image.
pub(super) const OUTPUT: &str = "output";

/// How the output of a network depends on the place and the size of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// How many times as high and wide the output is.
    pub scale: usize,
    /// Height and width of the input are multiples of it.
    pub multiple: usize,
    /// The least height and width.
    pub least: usize,
    /// How far around a pixel, in pixels of the input, the network looks; `None`: as far as the image goes, because it
    /// normalizes each image by its own statistics.
    pub reach: Option<usize>,
}

/// What a translator is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// A larger image of the same.
    SuperResolution,
    /// An image of another domain.
    Translation,
    /// The same image without its holes: of four channels, red, green, blue and the mask.
    Completion,
    /// A gray image in color.
    Colorization,
}

impl Task {
    /// What a network for it does, and the program that runs it.
    pub fn description(self) -> &'static str {
        match self {
            Self::SuperResolution => "enlarges images; use dl-gan-edit super-resolve",
            Self::Translation => "translates images; use dl-gan-edit translate",
            Self::Completion => "completes images; use dl-gan-edit complete",
            Self::Colorization => "colorizes images; use dl-gan-edit colorize",
        }
    }

    /// Whether images of these channels, of the input and of the output, suit it.
    fn suits(self, [inputs, outputs]: [usize; 2]) -> bool {
        match self {
            Self::SuperResolution | Self::Translation => [inputs, outputs].iter().all(|count| [1, 3].contains(count)),
            Self::Completion => (inputs, outputs) == (4, 3),
            Self::Colorization => (inputs, outputs) == (1, 3),
        }
    }
}

/// A row of the table of translators.
pub struct TranslatorArchitecture {
    /// The name in the config.
    pub name: &'static str,
    /// Names in the files of other programs.
    pub aliases: &'static [&'static str],
    /// What it is for.
    pub task: Task,
    /// The values of black and white in its input and in its output.
    pub range: [f32; 2],
    /// The options of the network whose tensors a file has.
    of_weights: fn(&Checkpoint) -> Option<Map<String, Value>>,
    build: Build,
}

/// The options with their defaults, and a source of weights, as a network.
type Build = fn(&TranslatorConfig, &VarBuilder) -> Result<Built>;

/// A network and what is known of it.
struct Built {
    network: Box<dyn Backbone>,
    geometry: Geometry,
    /// Channels of the input and of the output image.
    channels: [usize; 2],
}

impl Built {
    fn new(network: impl Backbone + 'static, geometry: Geometry, channels: [usize; 2]) -> Result<Self> {
        Ok(Self { network: Box::new(network), geometry, channels })
    }
}

/// The options as a JSON object.
fn object(options: Option<impl Serialize>) -> Option<Map<String, Value>> {
    match serde_json::to_value(options?) {
        Ok(Value::Object(options)) => Some(options),
        _ => None,
    }
}

/// All translators.
pub const TRANSLATORS: &[TranslatorArchitecture] = &[
    TranslatorArchitecture {
        name: "srgan",
        aliases: &["srgan_generator"],
        task: Task::SuperResolution,
        range: [0.0, 1.0],
        of_weights: |file| object(SrganConfig::of_weights(file)),
        build: |config, vb| {
            let options = config.options()?;
            Built::new(Srgan::new(&options, vb)?, Srgan::geometry(&options), [3, 3])
        },
    },
    TranslatorArchitecture {
        name: "srresnet",
        aliases: &["msrresnet", "MSRResNet"],
        task: Task::SuperResolution,
        range: [0.0, 1.0],
        of_weights: |file| object(SrResNetConfig::of_weights(file)),
        build: |config, vb| {
            let options = config.options()?;
            Built::new(SrResNet::new(&options, vb)?, SrResNet::geometry(&options), [3, 3])
        },
    },
    TranslatorArchitecture {
        name: "rdn",
        aliases: &[],
        task: Task::SuperResolution,
        range: [0.0, 255.0],
        of_weights: |file| object(RdnConfig::of_weights(file)),
        build: |config, vb| {
            let options = config.options()?;
            Built::new(Rdn::new(&options, vb)?, Rdn::geometry(&options), [3, 3])
        },
    },
    TranslatorArchitecture {
        name: "cyclegan",
        aliases: &["resnet_generator", "resnet_9blocks", "resnet_6blocks"],
        task: Task::Translation,
        range: [-1.0, 1.0],
        of_weights: |file| object(ResNetConfig::of_weights(file)),
        build: |config, vb| {
            let options: ResNetConfig = config.options()?;
            let channels = [options.inputs, options.outputs];
            Built::new(ResNetGenerator::new(&options, vb)?, ResNetGenerator::geometry(&options), channels)
        },
    },
    TranslatorArchitecture {
        name: "cyclegan_small",
        aliases: &["cyclegan_small_generator"],
        task: Task::Translation,
        range: [-1.0, 1.0],
        of_weights: |file| object(SmallConfig::of_weights(file)),
        build: |config, vb| {
            Built::new(SmallGenerator::new(&config.options()?, vb)?, SmallGenerator::geometry(), [3, 3])
        },
    },
    TranslatorArchitecture {
        name: "discogan",
        aliases: &["discogan_generator"],
        task: Task::Translation,
        range: [0.0, 1.0],
        of_weights: |file| object(DiscoganConfig::of_weights(file)),
        build: |config, vb| {
            let options: DiscoganConfig = config.options()?;
            let network = DiscoganGenerator::new(&options, vb)?;
            Built::new(network, DiscoganGenerator::geometry(&options), [options.colors; 2])
        },
    },
    TranslatorArchitecture {
        name: "unet",
        aliases: &["unet_256", "unet_128", "pix2pix"],
        task: Task::Translation,
        range: [-1.0, 1.0],
        of_weights: |file| object(UnetConfig::of_weights(file)),
        build: |config, vb| {
            let options: UnetConfig = config.options()?;
            let channels = [options.inputs, options.outputs];
            Built::new(Unet::new(&options, vb)?, Unet::geometry(&options), channels)
        },
    },
];

impl TranslatorArchitecture {
    /// The architecture of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        TRANSLATORS.iter().find(|known| known.name == name || known.aliases.contains(&name))
    }

    /// The architecture that a file states, or else whose tensors it has; `None` if neither.
    ///
    /// A file of this program states it with its options. In other files the options are seen from the tensors.
    /// # Errors
    /// When the config is not one of a generator.
    pub fn of(file: &Checkpoint) -> Result<Option<(&'static Self, TranslatorConfig)>> {
        #[derive(Deserialize)]
        struct Stated {
            kind: Option<Value>,
            architecture: Option<String>,
            source: Option<Value>,
            #[serde(alias = "licence")]
            license: Option<String>,
        }
        let stated = file.config::<Stated>().ok().flatten();
        let known = stated.as_ref().and_then(|stated| Self::find(stated.architecture.as_deref()?));
        if let (Some(known), Some(Stated { kind: Some(_), .. })) = (known, &stated) {
            return Ok(file.config()?.map(|config| (known, config)));
        }
        let candidates = TRANSLATORS.iter().filter(|each| known.is_none_or(|known| known.name == each.name));
        let found = candidates.filter_map(|each| Some((each, (each.of_weights)(file)?))).next();
        let Some((architecture, options)) = found else { return Ok(None) };
        let mut config = TranslatorConfig::new(architecture.name, &options)?;
        // Other keys of a file of others may mean anything.
        if known.is_some()
            && let Some(theirs) = stated
        {
            (config.provenance.source, config.provenance.license) = (theirs.source, theirs.license);
        }
        Ok(Some((architecture, config)))
    }
}

/// A network that turns an image into another one.
pub struct Translator {
    /// Its description.
    pub config: TranslatorConfig,
    /// Its row of the table.
    pub architecture: &'static TranslatorArchitecture,
    /// What it was trained for.
    pub task: Task,
    /// How its output depends on its input.
    pub geometry: Geometry,
    channels: [usize; 2],
    network: Box<dyn Backbone>,
    plans: Plans,
}

impl Translator {
    /// Opens a model file.
    /// # Errors
    /// When it cannot be read, holds something else, or its weights do not fit.
    pub fn open(path: &Path, device: &Device) -> Result<Self> {
        match ModelFile::open(path, None)? {
            ModelFile::Generator(file) => Self::from_checkpoint(file, device),
            other => Err(other.unfit(path, "a generator of images from images")),
        }
    }

    /// [`open`](Self::open) for an open file.
    /// # Errors
    /// As there.
    pub fn from_checkpoint(file: Checkpoint, device: &Device) -> Result<Self> {
        let of_file = format!("model {}", file.path().display());
        let read = || -> Result<Self> {
            let Some((architecture, config)) = TranslatorArchitecture::of(&file)? else {
                if SwapConfig::is_in(&file) {
                    bail!("contains a network of contents and styles; dl-gan-edit swap takes it");
                }
                let known: Vec<&str> = TRANSLATORS.iter().map(|known| known.name).collect();
                bail!("its generator does not turn images into images; those that do are {}", known.join(", "));
            };
            let (_, shapes) = build_outline(Some(&file), |vb| (architecture.build)(&config, &vb))?;
            limits::check_weights(&shapes, &file)?;
            let wanted_by = format!("the architecture {}", architecture.name);
            let backend = CheckpointBackend { checkpoint: file, wanted_by };
            Self::assemble(
                architecture,
                config,
                &VarBuilder::from_backend(Box::new(backend), DType::F32, device.clone()),
            )
        };
        read().context(of_file)
    }

    /// A translator from a config and a source of weights, for example [`Parameters`](crate::Parameters).
    /// # Errors
    /// When the architecture or an option is unknown, or a weight is missing or has another shape.
    pub fn new(config: TranslatorConfig, vb: &VarBuilder) -> Result<Self> {
        let architecture = TranslatorArchitecture::find(&config.architecture)
            .with_context(|| format!("the generator {} does not exist", printable(&config.architecture)))?;
        Self::assemble(architecture, config, vb)
    }

    fn assemble(
        architecture: &'static TranslatorArchitecture,
        mut config: TranslatorConfig,
        vb: &VarBuilder,
    ) -> Result<Self> {
        let Built { network, geometry, channels } = (architecture.build)(&config, vb)?;
        architecture.name.clone_into(&mut config.architecture);
        config.kind = Some(Kind::Generator);
        let task = config.task.unwrap_or(architecture.task);
        ensure!(
            task.suits(channels),
            "a network from {} to {} channels does not suit images of its task; gray and RGB are supported",
            channels[0],
            channels[1]
        );
        Ok(Self { config, architecture, task, geometry, channels, network, plans: Plans::default() })
    }

    /// Channels of the input and of the output image: 1, 3, or 4 with a mask.
    pub fn channels(&self) -> [usize; 2] {
        self.channels
    }

    /// The network, with gradients.
    pub fn network(&self) -> &dyn Backbone {
        &*self.network
    }

    /// The output [n, channels, h scale, w scale] for x [n, channels, h, w], both in the range of the architecture, in
    /// training: with gradients, dropout and the batch's statistics in batch norms.
    /// # Errors
    /// When the size does not suit the network.
    pub fn train(&self, x: &Tensor, rng: &mut ChaCha8Rng) -> Result<Tensor> {
        self.network.forward_t(x, Some(rng))
    }

    /// The named outputs for x [n, channels, h, w], whose numbers are in the range of the architecture, without
    /// gradients. The last is `output`, [n, channels, h scale, w scale]. On the CPU they are computed by a plan.
    /// # Errors
    /// When a name is unknown, or the size does not suit the network.
    pub fn outputs(&self, x: &Tensor, names: &[&str]) -> Result<Vec<Tensor>> {
        let layers: Vec<LayerName> = names.iter().map(|name| name.parse()).collect::<Result<_>>()?;
        if x.device().is_cpu() && x.dtype() == DType::F32 {
            return self.plans.run(&*self.network, x, &layers);
        }
        self.network.features(x, &layers, None)
    }

    /// The network as an ONNX model for images of [height, width]: from `input` to `output`, in the range of the
    /// architecture, for a batch of any size.
    /// # Errors
    /// When an operation has no counterpart, or the size does not suit the network.
    pub fn onnx(&self, [height, width]: [usize; 2]) -> Result<OnnxModel> {
        let (graph, nodes) = graph(&*self.network, [self.channels[0], height, width], &[OUTPUT.parse()?])?;
        let mut model = OnnxModel::default();
        let values = add_graph(&mut model, &graph, ("input", Axis::Any("batch")), &nodes)?;
        for (value, node) in values.iter().zip(&nodes) {
            let sides = graph.shape(*node).iter().map(|side| Axis::Fixed(*side));
            let axes: Vec<Axis> = std::iter::once(Axis::Any("batch")).chain(sides).collect();
            model.output(value, OUTPUT, NumberKind::F32, &axes);
        }
        model.describe("config", serde_json::to_string(&self.config)?);
        Ok(model)
    }
}
