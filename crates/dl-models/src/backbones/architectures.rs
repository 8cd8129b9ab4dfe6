//! The table of networks.

use anyhow::{Context, Result};
use candle_nn::VarBuilder;

use super::{
    AlexNet, Backbone, Depth, GoogLeNet, MobileNetV1, MobileNetV1Options, MobileNetV2, ResNet, SqueezeNet,
    SqueezeNetOptions, Version, Vgg, VggColumn,
};
use crate::text::ClipImages;
use crate::{ModelConfig, plain};

/// A row of the table of networks.
pub struct Architecture {
    /// Its name, torchvision's where it has the network.
    pub name: &'static str,
    /// Who described it, and where.
    pub paper: &'static str,
    /// The layer that dl-embed takes when none is named.
    pub layer: &'static str,
    /// The module path of the layer that gives the class scores.
    pub head: &'static str,
    /// Options that are switched on when the head is a new one, to be trained.
    pub new_head: &'static [&'static str],
    /// Builds it.
    pub build: Build,
}

/// Builds a network from its config and a source of weights.
type Build = fn(&ModelConfig, VarBuilder) -> Result<Box<dyn Backbone>>;

/// Every network, in the order of the manual.
pub const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        name: "alexnet",
        paper: "Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks",
        layer: "fc7",
        head: "classifier.6",
        new_head: &[],
        build: |config, vb| Ok(Box::new(AlexNet::new(config.num_classes, vb).map_err(plain)?)),
    },
    Architecture {
        name: "clip",
        paper: "Radford et al. 2021, Learning transferable visual models from natural language supervision; its pictures",
        layer: "image_embeds",
        head: "visual_projection",
        new_head: &[],
        build: |config, vb| {
            let options = config.options()?;
            Ok(Box::new(ClipImages::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
    Architecture {
        name: "googlenet",
        paper: "Szegedy et al. 2015, Going deeper with convolutions; with batch norms",
        layer: "avgpool",
        head: "fc",
        new_head: &[],
        build: |config, vb| {
            let options = config.options()?;
            Ok(Box::new(GoogLeNet::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
    Architecture {
        name: "mobilenet_v1",
        paper: "Howard et al. 2017, MobileNets: efficient convolutional neural networks for mobile vision applications",
        layer: "global_pool",
        head: "classifier",
        new_head: &[],
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
        build: |config, vb| {
            let options = config.options()?;
            Ok(Box::new(MobileNetV2::new(&options, config.num_classes, vb).map_err(plain)?))
        },
    },
    resnet("resnet18", |config, vb| build_resnet(Depth::D18, config, vb)),
    resnet("resnet34", |config, vb| build_resnet(Depth::D34, config, vb)),
    resnet("resnet50", |config, vb| build_resnet(Depth::D50, config, vb)),
    resnet("resnet101", |config, vb| build_resnet(Depth::D101, config, vb)),
    resnet("resnet152", |config, vb| build_resnet(Depth::D152, config, vb)),
    Architecture {
        name: "squeezenet1_0",
        paper: "Iandola et al. 2016, SqueezeNet: AlexNet-level accuracy with 50x fewer parameters",
        layer: "fire9@1",
        head: "classifier.1",
        new_head: &["linear_logits"],
        build: |config, vb| build_squeezenet(Version::V1_0, config, vb),
    },
    Architecture {
        name: "squeezenet1_1",
        paper: "Iandola et al. 2016, release 1.1: 2.4 times less computation",
        layer: "fire9@1",
        head: "classifier.1",
        new_head: &["linear_logits"],
        build: |config, vb| build_squeezenet(Version::V1_1, config, vb),
    },
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
];

const fn resnet(name: &'static str, build: Build) -> Architecture {
    let paper = "He et al. 2016, Deep residual learning for image recognition";
    Architecture { name, paper, layer: "avgpool", head: "fc", new_head: &[], build }
}

const fn vgg(name: &'static str, build: Build) -> Architecture {
    let paper = "Simonyan and Zisserman 2015, Very deep convolutional networks for large-scale image recognition";
    Architecture { name, paper, layer: "fc7", head: "classifier.6", new_head: &[], build }
}

fn build_resnet(depth: Depth, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    Ok(Box::new(ResNet::new(depth, config.num_classes, vb).map_err(plain)?))
}

fn build_squeezenet(version: Version, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options: SqueezeNetOptions = config.options()?;
    Ok(Box::new(SqueezeNet::new(version, &options, config.num_classes, vb).map_err(plain)?))
}

fn build_vgg(column: VggColumn, norms: bool, config: &ModelConfig, vb: VarBuilder) -> Result<Box<dyn Backbone>> {
    let options = config.options()?;
    Ok(Box::new(Vgg::new(column, norms, &options, config.num_classes, vb).map_err(plain)?))
}

impl Architecture {
    /// The architecture of this name.
    /// # Errors
    /// When there is none; the message lists those there are.
    pub fn find(name: &str) -> Result<&'static Self> {
        ARCHITECTURES.iter().find(|architecture| architecture.name == name).with_context(|| {
            let known: Vec<_> = ARCHITECTURES.iter().map(|architecture| architecture.name).collect();
            format!("there is no architecture {name}; there are {}", known.join(", "))
        })
    }
}
