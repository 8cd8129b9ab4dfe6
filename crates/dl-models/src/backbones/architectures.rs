//! The table of architectures.

use anyhow::{Context, Result};
use candle_nn::VarBuilder;
use serde_json::Map;

use super::{
    AlexNet, AlexNet2012, AlexNetOrder, CifarResNet, Conv4, Depth, GoogLeNet, InceptionV3, LeNet5, MiniXception,
    MobileNetV1, MobileNetV1Options, MobileNetV2, MobileNetV3, MobileNetV3Size, ResNet, SqueezeNet, SqueezeNetOptions,
    Version, Vgg, VggColumn, Vit, VitFamily, VitOptions, Xception, Zf,
};
use crate::text::{ClipImages, ClipOptions, SiglipImages, SiglipOptions};
use crate::{Backbone, Kind, ModelConfig, Preprocessing, Provenance, plain};

/// An entry of the table of architectures.
pub struct Architecture {
    /// Its name, torchvision's if it has the network.
    pub name: &'static str,
    /// The paper that introduced it.
    pub paper: &'static str,
    /// The default layer of dl-embed.
    pub layer: &'static str,
    /// The module path of the classification layer.
    pub head: &'static str,
    /// Options to set when a new head is trained.
    pub new_head: &'static [&'static str],
    /// Classifiers that exist only for training, if the config's options request them.
    pub auxiliary: &'static [Auxiliary],
    /// The preprocessing of bare weights.
    pub preprocessing: fn() -> Preprocessing,
    /// Builds the network.
    pub build: Build,
}

/// A classifier in the middle of a network, which brings gradients to the first layers.
pub struct Auxiliary {
    /// Its output, the class scores.
    pub layer: &'static str,
    /// The module path of its classification layer.
    pub head: &'static str,
    /// The weight of its loss in training.
    pub weight: f64,
}

/// Builds a network from its config and a source of weights.
type Build = fn(&ModelConfig, VarBuilder) -> Result<Box<dyn Backbone>>;

/// Every architecture, in the order of the manual.
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        name: "alexnet",
        paper: "Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks",
        layer: "fc7",
        head: "classifier.6",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::torchvision,
        build: |config, vb| Ok(Box::new(AlexNet::new(config.num_classes, vb).map_err(plain)?)),
    },
    alexnet_2012("alexnet_2012", |config, vb| build_alexnet_2012(AlexNetOrder::NormThenPool, config, vb)),
    alexnet_2012("caffenet", |config, vb| build_alexnet_2012(AlexNetOrder::PoolThenNorm, config, vb)),
    Architecture {
        name: "clip",
        paper: "Radford et al. 2021, Learning transferable visual models from natural language supervision; its images",
        layer: "image_embeds",
        head: "visual_projection",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::torchvision,
        build: |config, vb| {
            let options: ClipOptions = config.options()?;
            options.check().context("options")?;
            Ok(Box::new(ClipImages::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
    #[cfg(feature = "transformers")]
    crate::transformers::CONVNEXT,
    Architecture {
        name: "dinov2",
        paper: "Oquab et al. 2024, DINOv2: learning robust visual features without supervision",
        layer: "layernorm",
        head: "classifier",
        new_head: &["classifier"],
        auxiliary: &[],
        preprocessing: Preprocessing::dinov2,
        build: |config, vb| build_vit(VitFamily::Dinov2, config, vb),
    },
    Architecture {
        name: "conv4",
        paper: "Vinyals et al. 2016, Matching networks for one shot learning",
        layer: "embedding",
        head: "head",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::conv4,
        build: |config, vb| {
            let (options, size) = (config.options()?, config.preprocessing.size);
            Ok(Box::new(Conv4::new(&options, size, config.num_classes, vb).map_err(plain)?))
        },
    },
    Architecture {
        name: "googlenet",
        paper: "Szegedy et al. 2015, Going deeper with convolutions; with batch norms",
        layer: "avgpool",
        head: "fc",
        new_head: &[],
        // Section 5 of the paper.
        auxiliary: &[
            Auxiliary { layer: "aux1", head: "aux1.fc2", weight: 0.3 },
            Auxiliary { layer: "aux2", head: "aux2.fc2", weight: 0.3 },
        ],
        preprocessing: Preprocessing::torchvision,
        build: |config, vb| {
            let options = config.options()?;
            Ok(Box::new(GoogLeNet::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
    Architecture {
        name: "inception_v3",
        paper: "Szegedy et al. 2016, Rethinking the Inception architecture for computer vision",
        layer: "avgpool",
        head: "fc",
        new_head: &[],
        // torchvision's recipe; the paper gives no weight.
        auxiliary: &[Auxiliary { layer: "AuxLogits", head: "AuxLogits.fc", weight: 0.4 }],
        preprocessing: Preprocessing::inception_v3,
        build: |config, vb| {
            let options = config.options()?;
            Ok(Box::new(InceptionV3::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
    Architecture {
        name: "lenet5",
        paper: "LeCun et al. 1998, Gradient-based learning applied to document recognition; with ReLU and max pooling",
        layer: "f6",
        head: "fc.f7",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::lenet5,
        build: |config, vb| Ok(Box::new(LeNet5::new(config.num_classes, vb).map_err(plain)?)),
    },
    Architecture {
        name: "mini_xception",
        paper: "Arriaga et al. 2017, Real-time convolutional neural networks for emotion and gender classification",
        layer: "blocks.3@1",
        head: "head",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::mini_xception,
        build: |config, vb| Ok(Box::new(MiniXception::new(config.num_classes, vb).map_err(plain)?)),
    },
    Architecture {
        name: "mobilenet_v1",
        paper: "Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications",
        layer: "global_pool",
        head: "classifier",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::mobilenet_v1,
        build: |config, vb| {
            let options = MobileNetV1Options::read(config)?;
            Ok(Box::new(MobileNetV1::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
    Architecture {
        name: "mobilenet_v2",
        paper: "Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks",
        layer: "features.18@1",
        head: "classifier.1",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::torchvision,
        build: |config, vb| {
            let options = config.options()?;
            Ok(Box::new(MobileNetV2::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
    mobilenet_v3("mobilenet_v3_large", |config, vb| build_mobilenet_v3(MobileNetV3Size::Large, config, vb)),
    mobilenet_v3("mobilenet_v3_small", |config, vb| build_mobilenet_v3(MobileNetV3Size::Small, config, vb)),
    resnet("resnet18", |config, vb| build_resnet(Depth::D18, config, vb)),
    resnet("resnet34", |config, vb| build_resnet(Depth::D34, config, vb)),
    resnet("resnet50", |config, vb| build_resnet(Depth::D50, config, vb)),
    resnet("resnet101", |config, vb| build_resnet(Depth::D101, config, vb)),
    resnet("resnet152", |config, vb| build_resnet(Depth::D152, config, vb)),
    cifar_resnet("resnet20_cifar", |config, vb| build_cifar_resnet(3, config, vb)),
    cifar_resnet("resnet32_cifar", |config, vb| build_cifar_resnet(5, config, vb)),
    cifar_resnet("resnet44_cifar", |config, vb| build_cifar_resnet(7, config, vb)),
    cifar_resnet("resnet56_cifar", |config, vb| build_cifar_resnet(9, config, vb)),
    Architecture {
        name: "siglip",
        paper: "Zhai et al. 2023, Sigmoid loss for language image pre-training; its images",
        layer: "image_embeds",
        head: "classifier",
        new_head: &["classifier"],
        auxiliary: &[],
        preprocessing: Preprocessing::siglip,
        build: |config, vb| {
            let options: SiglipOptions = config.options()?;
            options.check().context("options")?;
            Ok(Box::new(SiglipImages::new(&options, config.num_classes, &vb).map_err(plain)?))
        },
    },
    Architecture {
        name: "squeezenet1_0",
        paper: "Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters",
        layer: "fire9@1",
        head: "classifier.1",
        new_head: &["linear_logits"],
        auxiliary: &[],
        preprocessing: Preprocessing::torchvision,
        build: |config, vb| build_squeezenet(Version::V1_0, config, vb),
    },
    Architecture {
        name: "squeezenet1_1",
        paper: "Iandola et al. 2016, release 1.1: 2.4 times less computation",
        layer: "fire9@1",
        head: "classifier.1",
        new_head: &["linear_logits"],
        auxiliary: &[],
        preprocessing: Preprocessing::torchvision,
        build: |config, vb| build_squeezenet(Version::V1_1, config, vb),
    },
    #[cfg(feature = "transformers")]
    crate::transformers::EFFICIENTNET,
    vgg("vgg11", |config, vb| build_vgg(VggColumn::A, false, config, vb)),
    vgg("vgg11_bn", |config, vb| build_vgg(VggColumn::A, true, config, vb)),
    vgg("vgg11_lrn", |config, vb| build_vgg(VggColumn::ALrn, false, config, vb)),
    vgg("vgg13", |config, vb| build_vgg(VggColumn::B, false, config, vb)),
    vgg("vgg13_bn", |config, vb| build_vgg(VggColumn::B, true, config, vb)),
    vgg("vgg16", |config, vb| build_vgg(VggColumn::D, false, config, vb)),
    vgg("vgg16_bn", |config, vb| build_vgg(VggColumn::D, true, config, vb)),
    vgg("vgg16_c", |config, vb| build_vgg(VggColumn::C, false, config, vb)),
    vgg("vgg19", |config, vb| build_vgg(VggColumn::E, false, config, vb)),
    vgg("vgg19_bn", |config, vb| build_vgg(VggColumn::E, true, config, vb)),
    Architecture {
        name: "vit",
        paper: "Dosovitskiy et al. 2021, An image is worth 16x16 words: transformers for image recognition at scale",
        layer: "layernorm",
        head: "classifier",
        new_head: &["classifier"],
        auxiliary: &[],
        preprocessing: Preprocessing::vit,
        build: |config, vb| build_vit(VitFamily::Vit, config, vb),
    },
    Architecture {
        name: "xception",
        paper: "Chollet 2017, Xception: deep learning with depthwise separable convolutions",
        layer: "global_pool",
        head: "fc",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::legacy_xception,
        build: |config, vb| {
            let options = config.options()?;
            Ok(Box::new(Xception::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
    Architecture {
        name: "zf",
        paper: "Zeiler and Fergus 2014, Visualizing and understanding convolutional networks; as in Faster R-CNN",
        layer: "fc7",
        head: "fc8",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::caffe,
        build: |config, vb| {
            let options = config.options()?;
            Ok(Box::new(Zf::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
];

const fn alexnet_2012(name: &'static str, build: Build) -> Architecture {
    let paper = "Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks";
    Architecture {
        name,
        paper,
        layer: "fc7",
        head: "fc8",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::caffe,
        build,
    }
}

const fn mobilenet_v3(name: &'static str, build: Build) -> Architecture {
    let paper = "Howard et al. 2019, Searching for MobileNetV3";
    Architecture {
        name,
        paper,
        layer: "avgpool",
        head: "classifier.3",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::torchvision,
        build,
    }
}

const fn resnet(name: &'static str, build: Build) -> Architecture {
    let paper = "He et al. 2016, Deep residual learning for image recognition";
    Architecture {
        name,
        paper,
        layer: "avgpool",
        head: "fc",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::torchvision,
        build,
    }
}

const fn cifar_resnet(name: &'static str, build: Build) -> Architecture {
    let paper = "He et al. 2016, Deep residual learning for image recognition, section 4.2";
    Architecture {
        name,
        paper,
        layer: "pooled",
        head: "linear",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::cifar,
        build,
    }
}

const fn vgg(name: &'static str, build: Build) -> Architecture {
    let paper = "Simonyan and Zisserman 2015, Very deep convolutional networks for large-scale image recognition";
    Architecture {
        name,
        paper,
        layer: "fc7",
        head: "classifier.6",
        new_head: &[],
        auxiliary: &[],
        preprocessing: Preprocessing::torchvision,
        build,
    }
}

fn build_alexnet_2012(order: AlexNetOrder, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options = config.options()?;
    Ok(Box::new(AlexNet2012::new(order, &options, config.num_classes, vb).map_err(plain)?))
}

fn build_mobilenet_v3(size: MobileNetV3Size, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options = config.options()?;
    Ok(Box::new(MobileNetV3::new(size, &options, config.num_classes, vb).map_err(plain)?))
}

fn build_resnet(depth: Depth, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    Ok(Box::new(ResNet::new(depth, config.num_classes, vb).map_err(plain)?))
}

fn build_cifar_resnet(blocks: usize, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    Ok(Box::new(CifarResNet::new(blocks, config.num_classes, vb).map_err(plain)?))
}

fn build_squeezenet(version: Version, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options: SqueezeNetOptions = config.options()?;
    Ok(Box::new(SqueezeNet::new(version, &options, config.num_classes, vb).map_err(plain)?))
}

fn build_vit(family: VitFamily, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options = VitOptions::read(family, config)?;
    Ok(Box::new(Vit::new(family, &options, config.num_classes, vb).map_err(plain)?))
}

fn build_vgg(column: VggColumn, norms: bool, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options = config.options()?;
    Ok(Box::new(Vgg::new(column, norms, &options, config.num_classes, vb).map_err(plain)?))
}

impl ModelConfig {
    /// The config of bare weights: the architecture's default options and preprocessing, no labels.
    pub fn new(architecture: &str, num_classes: usize) -> Self {
        Self {
            kind: Some(Kind::ImageNetwork),
            architecture: architecture.to_owned(),
            options: Map::new(),
            num_classes,
            labels: None,
            tasks: None,
            preprocessing: Architecture::find(architecture)
                .map_or_else(|_| Preprocessing::torchvision(), |architecture| (architecture.preprocessing)()),
            layer: None,
            provenance: Provenance::default(),
            extra: Map::new(),
        }
    }
}

impl Architecture {
    /// The classification layers: the head, and those of the auxiliary classifiers.
    pub fn heads(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.head).chain(self.auxiliary.iter().map(|auxiliary| auxiliary.head))
    }

    /// Whether this is a weight of a classification layer.
    pub fn is_head_weight(&self, weight: &str) -> bool {
        self.heads().any(|head| weight.strip_prefix(head).is_some_and(|rest| rest.starts_with('.')))
    }

    /// Finds an architecture by name.
    /// # Errors
    /// When it does not exist; the message lists the architectures.
    pub fn find(name: &str) -> Result<&'static Self> {
        ARCHITECTURES.iter().find(|architecture| architecture.name == name).with_context(|| {
            if let Some(lacking) = crate::transformers_missing(name) {
                return lacking;
            }
            let known: Vec<_> = ARCHITECTURES.iter().map(|architecture| architecture.name).collect();
            format!("architecture {name} does not exist; choose from {}", known.join(", "))
        })
    }
}
