//! GoogLeNet, also called Inception v1 (Szegedy et al. 2015), in torchvision's layout: a batch norm after every
//! convolution, and 3 x 3 where the paper has 5 x 5.
//!
//! | output | module | shape for 224 pixels |
//! | --- | --- | --- |
//! | conv1, pool1 | conv1, maxpool1 | 64 x 112 x 112, 64 x 56 x 56 |
//! | the paper's second convolution, pool2 | conv2 and conv3, maxpool2 | 192 x 56 x 56, 192 x 28 x 28 |
//! | inception_3a, 3b, pool3 | inception3a, inception3b, maxpool3 | 256 and 480 channels of 28 x 28; 480 x 14 x 14 |
//! | inception_4a .. 4e, pool4 | inception4a .. inception4e, maxpool4 | 512, 512, 512, 528, 832 channels of 14 x 14; 832 x 7 x 7 |
//! | inception_5a, 5b, pool5 | inception5a, inception5b, avgpool | 832, 1024 channels of 7 x 7; 1024 x 1 x 1 |
//! | aux1, aux2: class scores after inception_4a and 4d | aux1, aux2 | classes |

use candle_core::Result;
use candle_nn::{Init, VarBuilder};
use dl_ops::PoolConfig;
use serde::{Deserialize, Serialize};

use super::aliases;
use super::basic_conv::{BasicConv2d, transform_input};
use crate::network::layers::Fresh;
use crate::{Backbone, LOGITS, Linear, Pass, Run, Value};

/// Options of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GoogLeNetOptions {
    /// The input is normalized with ImageNet's mean and standard deviation, and the network converts it to those that
    /// its weights were trained with, 0.5 and 0.5. On by default, as for torchvision's weights.
    pub transform_input: bool,
    /// Include the auxiliary classifiers (section 5 of the paper). They are computed only when their outputs, `aux1`
    /// and `aux2`, are requested, as in training. If not included, their tensors in a file are ignored.
    pub aux_logits: bool,
    /// Dropout probability of the last features in training. The paper has 0.4.
    pub dropout: f64,
    /// Dropout probability of the auxiliary classifiers' features in training.
    pub dropout_aux: f64,
}

impl Default for GoogLeNetOptions {
    fn default() -> Self {
        Self { transform_input: true, aux_logits: false, dropout: 0.2, dropout_aux: 0.7 }
    }
}

/// GoogLeNet. Inputs of at least 15 x 15 pixels.
pub struct GoogLeNet {
    transform_input: bool,
    stages: Vec<(&'static str, Stage)>,
    fc: Linear,
    dropout: f64,
}

enum Stage {
    Conv(BasicConv2d),
    Inception(Box<Inception>),
    Pool(PoolConfig),
    /// Reads the map and passes it on unchanged.
    Aux(Box<Aux>),
}

/// A row of table 1 of the paper.
enum Row {
    /// Channels and kernel of a convolution.
    Conv(usize, usize),
    /// Channels of an inception module, in the paper's columns: 1x1; 3x3 reduced, 3x3; 5x5 reduced, 5x5; pool
    /// projected.
    Inception([usize; 6]),
    /// Kernel of a max pool; its stride is 2.
    Pool(usize),
    /// An auxiliary classifier.
    Aux,
}

/// Table 1 of the paper after conv1, up to the last inception module.
const TABLE: [(&str, Row); 17] = [
    ("maxpool1", Row::Pool(3)),
    ("conv2", Row::Conv(64, 1)),
    ("conv3", Row::Conv(192, 3)),
    ("maxpool2", Row::Pool(3)),
    ("inception3a", Row::Inception([64, 96, 128, 16, 32, 32])),
    ("inception3b", Row::Inception([128, 128, 192, 32, 96, 64])),
    ("maxpool3", Row::Pool(3)),
    ("inception4a", Row::Inception([192, 96, 208, 16, 48, 64])),
    ("aux1", Row::Aux),
    ("inception4b", Row::Inception([160, 112, 224, 24, 64, 64])),
    ("inception4c", Row::Inception([128, 128, 256, 24, 64, 64])),
    ("inception4d", Row::Inception([112, 144, 288, 32, 64, 64])),
    ("aux2", Row::Aux),
    ("inception4e", Row::Inception([256, 160, 320, 32, 128, 128])),
    ("maxpool4", Row::Pool(2)),
    ("inception5a", Row::Inception([256, 160, 320, 32, 128, 128])),
    ("inception5b", Row::Inception([384, 192, 384, 48, 128, 128])),
];

/// The max pool within an inception module.
const POOL: PoolConfig = PoolConfig { padding: [1, 1], ..PoolConfig::square(3, 1).ceil() };

impl GoogLeNet {
    /// Builds the network from torchvision's tensors, `conv1.conv.weight` to `fc.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(options: &GoogLeNetOptions, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let mut channels = 64;
        let mut stages = vec![("conv1", Stage::Conv(conv([3, channels], 7, 2, vb.pp("conv1"))?))];
        for (name, row) in TABLE {
            let vb = vb.pp(name);
            stages.push((
                name,
                match row {
                    Row::Conv(outputs, kernel) => {
                        let inputs = std::mem::replace(&mut channels, outputs);
                        Stage::Conv(conv([inputs, outputs], kernel, 1, vb)?)
                    }
                    Row::Inception(widths) => {
                        let inception = Inception::new(channels, widths, vb)?;
                        channels = inception.outputs;
                        Stage::Inception(Box::new(inception))
                    }
                    Row::Pool(kernel) => Stage::Pool(PoolConfig::square(kernel, 2).ceil()),
                    Row::Aux if options.aux_logits => {
                        Stage::Aux(Box::new(Aux::new(channels, num_classes, options.dropout_aux, vb)?))
                    }
                    Row::Aux => continue,
                },
            ));
        }
        let fc = Linear::new(channels, num_classes, fresh(channels), vb.pp("fc"))?;
        Ok(Self { transform_input: options.transform_input, stages, fc, dropout: options.dropout })
    }
}

/// A convolution padded to preserve the size, up to the stride.
fn conv(channels: [usize; 2], kernel: usize, stride: usize, vb: VarBuilder) -> Result<BasicConv2d> {
    BasicConv2d::same(channels, [kernel; 2], stride, Fresh::normal(0.01), vb)
}

/// torchvision's initialization.
fn fresh(inputs: usize) -> Fresh {
    Fresh { weight: Init::Randn { mean: 0.0, stdev: 0.01 }, ..Fresh::torch(inputs) }
}

impl Backbone for GoogLeNet {
    fn layers(&self) -> Vec<String> {
        let mut layers = Vec::new();
        for (name, stage) in &self.stages {
            match stage {
                Stage::Conv(_) => layers.extend(BasicConv2d::layers(name)),
                Stage::Inception(_) => layers.extend(Inception::layers(name)),
                Stage::Pool(_) | Stage::Aux(_) => layers.push((*name).to_owned()),
            }
        }
        layers.extend(["avgpool", "dropout", "fc", LOGITS].map(String::from));
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([
            ("pool1", "maxpool1"),
            ("pool2", "maxpool2"),
            ("inception_3a", "inception3a"),
            ("inception_3b", "inception3b"),
            ("pool3", "maxpool3"),
            ("inception_4a", "inception4a"),
            ("inception_4b", "inception4b"),
            ("inception_4c", "inception4c"),
            ("inception_4d", "inception4d"),
            ("inception_4e", "inception4e"),
            ("pool4", "maxpool4"),
            ("inception_5a", "inception5a"),
            ("inception_5b", "inception5b"),
            ("pool5", "avgpool"),
        ])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = if self.transform_input { transform_input(x, pass)? } else { x.clone() };
        for (name, stage) in &self.stages {
            x = match stage {
                Stage::Conv(conv) => conv.run(name, &x, pass)?,
                Stage::Inception(inception) => inception.run(name, &x, pass)?,
                Stage::Pool(pool) => pass.max_pool(name, pool, &x)?,
                Stage::Aux(aux) => {
                    if pass.keeps(name) {
                        aux.run(name, &x, pass)?;
                    }
                    x
                }
            };
        }
        let x = pass.adaptive_avg_pool("avgpool", [1, 1], &x)?;
        let x = pass.flatten("", &x)?;
        let x = pass.dropout("dropout", self.dropout, &x)?;
        let x = pass.linear("fc", &self.fc, &x)?;
        pass.see(LOGITS, x)
    }
}

/// The inception module, figure 2b of the paper: four parallel branches.
struct Inception {
    /// In the order of [`BRANCHES`](Self::BRANCHES).
    convs: [BasicConv2d; 6],
    outputs: usize,
}

impl Inception {
    /// The convolutions' module paths.
    const BRANCHES: [&str; 6] = ["branch1", "branch2.0", "branch2.1", "branch3.0", "branch3.1", "branch4.1"];

    fn new(inputs: usize, widths: [usize; 6], vb: VarBuilder) -> Result<Self> {
        let [one, reduce3, three, reduce5, five, pooled] = widths;
        let conv = |branch: usize, channels: [usize; 2], kernel: usize| {
            self::conv(channels, kernel, 1, vb.pp(Self::BRANCHES[branch]))
        };
        Ok(Self {
            convs: [
                conv(0, [inputs, one], 1)?,
                conv(1, [inputs, reduce3], 1)?,
                conv(2, [reduce3, three], 3)?,
                conv(3, [inputs, reduce5], 1)?,
                // 5 x 5 in the paper; https://github.com/pytorch/vision/issues/906
                conv(4, [reduce5, five], 3)?,
                conv(5, [inputs, pooled], 1)?,
            ],
            outputs: one + three + five + pooled,
        })
    }

    /// Its outputs, in the order of computation.
    fn layers(name: &str) -> Vec<String> {
        let convs = |branches: &[&str]| -> Vec<String> {
            branches.iter().flat_map(|branch| BasicConv2d::layers(&format!("{name}.{branch}"))).collect()
        };
        let (before, after) = Self::BRANCHES.split_at(5);
        [convs(before), vec![format!("{name}.branch4.0")], convs(after), vec![name.to_owned()]].concat()
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let [conv1, reduce3, conv3, reduce5, conv5, project] = &self.convs;
        let paths = Self::BRANCHES.map(|branch| format!("{name}.{branch}"));
        let one = conv1.run(&paths[0], x, pass)?;
        let three = reduce3.run(&paths[1], x, pass)?;
        let three = conv3.run(&paths[2], &three, pass)?;
        let five = reduce5.run(&paths[3], x, pass)?;
        let five = conv5.run(&paths[4], &five, pass)?;
        let pooled = pass.max_pool(&format!("{name}.branch4.0"), &POOL, x)?;
        let pooled = project.run(&paths[5], &pooled, pass)?;
        pass.concat(name, &[&one, &three, &five, &pooled])
    }
}

/// An auxiliary classifier.
struct Aux {
    conv: BasicConv2d,
    fc1: Linear,
    fc2: Linear,
    dropout: f64,
}

impl Aux {
    fn new(inputs: usize, num_classes: usize, dropout: f64, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            conv: conv([inputs, 128], 1, 1, vb.pp("conv"))?,
            fc1: Linear::new(128 * 4 * 4, 1024, fresh(128 * 4 * 4), vb.pp("fc1"))?,
            fc2: Linear::new(1024, num_classes, fresh(1024), vb.pp("fc2"))?,
            dropout,
        })
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.adaptive_avg_pool("", [4, 4], x)?;
        let x = self.conv.run(&format!("{name}.conv"), &x, pass)?;
        let x = pass.flatten("", &x)?;
        let x = pass.linear("", &self.fc1, &x)?;
        let x = pass.relu("", &x)?;
        let x = pass.dropout("", self.dropout, &x)?;
        pass.linear(name, &self.fc2, &x)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use crate::{LayerName, Model, ModelConfig, Parameters};

    #[test]
    fn auxiliary_class_scores_are_computed_only_when_requested() {
        let mut config = ModelConfig::new("googlenet", 3);
        config.options.insert("aux_logits".into(), true.into());
        let parameters = Parameters::fresh(0);
        let model = Model::build(config, parameters.builder(&Device::Cpu)).unwrap();
        let x = Tensor::ones((2, 3, 32, 32), DType::F32, &Device::Cpu).unwrap();
        let aux1 = &parameters.vars().into_iter().find(|(name, _)| name == "aux1.fc1.weight").unwrap().1;
        let gradients = |layers: &[&str]| {
            let layers: Vec<LayerName> = layers.iter().map(|layer| layer.parse().unwrap()).collect();
            let mut rng = dl_record::rng(0, "x");
            let scores = model.backbone.features(&x, &layers, Some(&mut rng)).unwrap();
            assert!(scores.iter().all(|scores| scores.dims() == [2, 3]));
            scores.iter().map(|scores| scores.sum_all().unwrap()).reduce(|a, b| (a + b).unwrap()).unwrap().backward()
        };
        assert!(gradients(&["logits", "aux1", "aux2"]).unwrap().get(aux1).is_some());
        assert!(gradients(&["logits"]).unwrap().get(aux1).is_none());
    }
}
