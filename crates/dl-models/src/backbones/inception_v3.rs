//! Inception v3 (Szegedy et al. 2016, Rethinking the Inception architecture for computer vision), in torchvision's
//! layout and names.
//!
//! Table 1 of the paper; the modules' figures are the paper's:
//!
//! | what | modules | shape for 299 pixels |
//! | --- | --- | --- |
//! | convolutions 3 x 3 | Conv2d_1a_3x3, Conv2d_2a_3x3, Conv2d_2b_3x3 | 32 x 149 x 149, 32 x 147 x 147, 64 x 147 x 147 |
//! | max pool | maxpool1 | 64 x 73 x 73 |
//! | convolutions 1 x 1 and 3 x 3 | Conv2d_3b_1x1, Conv2d_4a_3x3 | 80 x 73 x 73, 192 x 71 x 71 |
//! | max pool | maxpool2 | 192 x 35 x 35 |
//! | 3 x Inception (figure 5) | Mixed_5b, 5c, 5d | 256, 288, 288 channels of 35 x 35 |
//! | reduction (figure 10) | Mixed_6a | 768 x 17 x 17 |
//! | 4 x Inception of 1 x 7 and 7 x 1 (figure 6) | Mixed_6b .. 6e | 768 x 17 x 17 |
//! | class scores of the auxiliary classifier | AuxLogits | classes |
//! | reduction | Mixed_7a | 1280 x 8 x 8 |
//! | 2 x Inception of 1 x 3 beside 3 x 1 (figure 7) | Mixed_7b, 7c | 2048 x 8 x 8 |
//! | mean over the pixels, classes | avgpool, fc | 2048 |

use candle_core::Result;
use candle_nn::{Init, VarBuilder};
use dl_ops::{Conv2dConfig, PoolConfig};
use serde::{Deserialize, Serialize};

use super::aliases;
use super::basic_conv::{BasicConv2d, transform_input};
use crate::network::layers::Fresh;
use crate::{Backbone, Halt, LOGITS, Linear, Pass, Run, Value};

/// Options of the architecture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InceptionV3Options {
    /// The input is normalized with ImageNet's mean and standard deviation, and the network converts it to those that
    /// its weights were trained with, 0.5 and 0.5. On by default, as for torchvision's weights.
    pub transform_input: bool,
    /// Include the auxiliary classifier (section 4 of the paper). It is computed only when its output, `AuxLogits`, is
    /// requested, as in training. If not included, its tensors in a file are ignored.
    pub aux_logits: bool,
    /// Dropout probability of the last features in training. The paper has 0.2.
    pub dropout: f64,
}

impl Default for InceptionV3Options {
    fn default() -> Self {
        Self { transform_input: true, aux_logits: false, dropout: 0.5 }
    }
}

/// Inception v3. Inputs of at least 75 x 75 pixels; the auxiliary classifier needs about 299.
pub struct InceptionV3 {
    transform_input: bool,
    stages: Vec<(&'static str, Stage)>,
    fc: Linear,
    dropout: f64,
}

enum Stage {
    Conv(BasicConv2d),
    Pool,
    Mixed(Vec<Branch>),
    /// Reads the map and passes it on unchanged.
    Aux(Box<Aux>),
}

/// A convolution of the figures; with stride 2 it has no padding, otherwise it preserves the size.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    outputs: usize,
    kernel: [usize; 2],
    stride: usize,
}

/// The structure of a branch of an Inception module, according to the figures.
struct BranchPlan {
    pool: Pool,
    convs: Vec<Shape>,
    /// Two convolutions of the same map, concatenated.
    pair: Vec<Shape>,
}

/// The pool at the start of a branch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pool {
    None,
    /// 3 x 3, counting the padding.
    Average,
    /// 3 x 3 with stride 2.
    Max,
}

const HALVING: PoolConfig = PoolConfig::square(3, 2);
const AVERAGE: PoolConfig = PoolConfig { padding: [1, 1], ..PoolConfig::square(3, 1) };
/// The pool of the auxiliary classifier.
const COARSE: PoolConfig = PoolConfig::square(5, 3);

/// torchvision's initialization, except for its truncation at twenty standard deviations.
const FRESH: Fresh = Fresh { weight: Init::Randn { mean: 0.0, stdev: 0.1 }, bias: Init::Const(0.0) };

const fn conv(name: &'static str, outputs: usize, kernel: [usize; 2]) -> Shape {
    Shape { name, outputs, kernel, stride: 1 }
}

const fn halving(name: &'static str, outputs: usize) -> Shape {
    Shape { name, outputs, kernel: [3, 3], stride: 2 }
}

fn plain(convs: &[Shape]) -> BranchPlan {
    BranchPlan { pool: Pool::None, convs: convs.to_vec(), pair: Vec::new() }
}

fn pooled(outputs: usize) -> BranchPlan {
    BranchPlan { pool: Pool::Average, ..plain(&[conv("branch_pool", outputs, [1, 1])]) }
}

fn max_pooled() -> BranchPlan {
    BranchPlan { pool: Pool::Max, ..plain(&[]) }
}

/// 5 x 5 convolutions, and pairs of 3 x 3; `last`: channels of the pooled branch.
fn figure_5(last: usize) -> Vec<BranchPlan> {
    vec![
        plain(&[conv("branch1x1", 64, [1, 1])]),
        plain(&[conv("branch5x5_1", 48, [1, 1]), conv("branch5x5_2", 64, [5, 5])]),
        plain(&[
            conv("branch3x3dbl_1", 64, [1, 1]),
            conv("branch3x3dbl_2", 96, [3, 3]),
            conv("branch3x3dbl_3", 96, [3, 3]),
        ]),
        pooled(last),
    ]
}

/// The first reduction.
fn figure_10() -> Vec<BranchPlan> {
    vec![
        plain(&[halving("branch3x3", 384)]),
        plain(&[conv("branch3x3dbl_1", 64, [1, 1]), conv("branch3x3dbl_2", 96, [3, 3]), halving("branch3x3dbl_3", 96)]),
        max_pooled(),
    ]
}

/// 7 x 7 convolutions as 1 x 7 and 7 x 1; `inner`: channels between them.
fn figure_6(inner: usize) -> Vec<BranchPlan> {
    vec![
        plain(&[conv("branch1x1", 192, [1, 1])]),
        plain(&[
            conv("branch7x7_1", inner, [1, 1]),
            conv("branch7x7_2", inner, [1, 7]),
            conv("branch7x7_3", 192, [7, 1]),
        ]),
        plain(&[
            conv("branch7x7dbl_1", inner, [1, 1]),
            conv("branch7x7dbl_2", inner, [7, 1]),
            conv("branch7x7dbl_3", inner, [1, 7]),
            conv("branch7x7dbl_4", inner, [7, 1]),
            conv("branch7x7dbl_5", 192, [1, 7]),
        ]),
        pooled(192),
    ]
}

/// The second reduction.
fn second_reduction() -> Vec<BranchPlan> {
    vec![
        plain(&[conv("branch3x3_1", 192, [1, 1]), halving("branch3x3_2", 320)]),
        plain(&[
            conv("branch7x7x3_1", 192, [1, 1]),
            conv("branch7x7x3_2", 192, [1, 7]),
            conv("branch7x7x3_3", 192, [7, 1]),
            halving("branch7x7x3_4", 192),
        ]),
        max_pooled(),
    ]
}

/// 1 x 3 beside 3 x 1.
fn figure_7() -> Vec<BranchPlan> {
    let pair = |names: [&'static str; 2]| vec![conv(names[0], 384, [1, 3]), conv(names[1], 384, [3, 1])];
    vec![
        plain(&[conv("branch1x1", 320, [1, 1])]),
        BranchPlan { pair: pair(["branch3x3_2a", "branch3x3_2b"]), ..plain(&[conv("branch3x3_1", 384, [1, 1])]) },
        BranchPlan {
            pair: pair(["branch3x3dbl_3a", "branch3x3dbl_3b"]),
            ..plain(&[conv("branch3x3dbl_1", 448, [1, 1]), conv("branch3x3dbl_2", 384, [3, 3])])
        },
        pooled(192),
    ]
}

impl InceptionV3 {
    /// Builds the network from torchvision's tensors, `Conv2d_1a_3x3.conv.weight` to `fc.bias`.
    /// # Errors
    /// When one is missing or has a different shape.
    pub fn new(options: &InceptionV3Options, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let narrow = |name: &'static str, channels, kernel, stride| {
            let config = Conv2dConfig { stride: [stride; 2], ..Conv2dConfig::default() };
            Result::Ok((name, Stage::Conv(BasicConv2d::new(channels, [kernel; 2], config, FRESH, vb.pp(name))?)))
        };
        let same = |name: &'static str, channels, kernel| {
            Result::Ok((name, Stage::Conv(BasicConv2d::same(channels, [kernel; 2], 1, FRESH, vb.pp(name))?)))
        };
        let mut stages = vec![
            narrow("Conv2d_1a_3x3", [3, 32], 3, 2)?,
            narrow("Conv2d_2a_3x3", [32, 32], 3, 1)?,
            same("Conv2d_2b_3x3", [32, 64], 3)?,
            ("maxpool1", Stage::Pool),
            same("Conv2d_3b_1x1", [64, 80], 1)?,
            narrow("Conv2d_4a_3x3", [80, 192], 3, 1)?,
            ("maxpool2", Stage::Pool),
        ];
        let modules = [
            ("Mixed_5b", figure_5(32)),
            ("Mixed_5c", figure_5(64)),
            ("Mixed_5d", figure_5(64)),
            ("Mixed_6a", figure_10()),
            ("Mixed_6b", figure_6(128)),
            ("Mixed_6c", figure_6(160)),
            ("Mixed_6d", figure_6(160)),
            ("Mixed_6e", figure_6(192)),
            ("Mixed_7a", second_reduction()),
            ("Mixed_7b", figure_7()),
            ("Mixed_7c", figure_7()),
        ];
        let mut channels = 192;
        for (name, plans) in modules {
            let branches = plans.into_iter().map(|plan| Branch::new(channels, plan, vb.pp(name)));
            let branches: Vec<Branch> = branches.collect::<Result<_>>()?;
            channels = branches.iter().map(|branch| branch.outputs).sum();
            stages.push((name, Stage::Mixed(branches)));
            if name == "Mixed_6e" && options.aux_logits {
                stages.push((AUX, Stage::Aux(Box::new(Aux::new(channels, num_classes, vb.pp(AUX))?))));
            }
        }
        let fresh = Fresh { bias: Fresh::torch(channels).bias, ..FRESH };
        let fc = Linear::new(channels, num_classes, fresh, vb.pp("fc"))?;
        Ok(Self { transform_input: options.transform_input, stages, fc, dropout: options.dropout })
    }
}

const AUX: &str = "AuxLogits";

impl Backbone for InceptionV3 {
    fn layers(&self) -> Vec<String> {
        let mut layers = Vec::new();
        for (name, stage) in &self.stages {
            match stage {
                Stage::Conv(_) => layers.extend(BasicConv2d::layers(name)),
                Stage::Mixed(branches) => {
                    layers.extend(branches.iter().flat_map(|branch| branch.layers(name)));
                    layers.push((*name).to_owned());
                }
                Stage::Pool | Stage::Aux(_) => layers.push((*name).to_owned()),
            }
        }
        layers.extend(["avgpool", "dropout", "fc", LOGITS].map(String::from));
        layers
    }

    fn aliases(&self) -> Vec<(String, String)> {
        aliases([
            ("conv1", "Conv2d_1a_3x3"),
            ("conv2", "Conv2d_2b_3x3"),
            ("pool1", "maxpool1"),
            ("conv3", "Conv2d_4a_3x3"),
            ("pool2", "maxpool2"),
            ("mixed5", "Mixed_5d"),
            ("mixed6", "Mixed_6e"),
            ("mixed7", "Mixed_7c"),
            ("pool3", "avgpool"),
        ])
    }

    fn run(&self, x: &Value, pass: &mut Pass) -> Run {
        let mut x = if self.transform_input { transform_input(x, pass)? } else { x.clone() };
        for (name, stage) in &self.stages {
            x = match stage {
                Stage::Conv(conv) => conv.run(name, &x, pass)?,
                Stage::Pool => pass.max_pool(name, &HALVING, &x)?,
                Stage::Mixed(branches) => {
                    let mut maps = Vec::new();
                    for branch in branches {
                        maps.extend(branch.run(name, &x, pass)?);
                    }
                    pass.concat(name, &maps.iter().collect::<Vec<_>>())?
                }
                Stage::Aux(aux) => {
                    if pass.keeps(name) {
                        aux.run(name, &x, pass)?;
                    }
                    x
                }
            };
        }
        let x = pass.adaptive_avg_pool("avgpool", [1, 1], &x)?;
        let x = pass.dropout("dropout", self.dropout, &x)?;
        let x = pass.flatten("", &x)?;
        let x = pass.linear("fc", &self.fc, &x)?;
        pass.see(LOGITS, x)
    }
}

/// A branch of an Inception module.
struct Branch {
    pool: Pool,
    /// In sequence.
    convs: Vec<(&'static str, BasicConv2d)>,
    /// Both read the output of the last of `convs`.
    pair: Vec<(&'static str, BasicConv2d)>,
    outputs: usize,
}

impl Branch {
    fn new(inputs: usize, plan: BranchPlan, vb: VarBuilder) -> Result<Self> {
        let build = |inputs: usize, shape: Shape| {
            let Shape { name, outputs, kernel, stride } = shape;
            let (channels, vb) = ([inputs, outputs], vb.pp(name));
            let conv = if stride == 1 {
                BasicConv2d::same(channels, kernel, 1, FRESH, vb)?
            } else {
                let config = Conv2dConfig { stride: [stride; 2], ..Conv2dConfig::default() };
                BasicConv2d::new(channels, kernel, config, FRESH, vb)?
            };
            Result::Ok((name, conv))
        };
        let mut channels = inputs;
        let mut convs = Vec::new();
        for shape in plan.convs {
            convs.push(build(channels, shape)?);
            channels = shape.outputs;
        }
        let outputs = if plan.pair.is_empty() { channels } else { plan.pair.iter().map(|shape| shape.outputs).sum() };
        let pair = plan.pair.into_iter().map(|shape| build(channels, shape)).collect::<Result<_>>()?;
        Ok(Self { pool: plan.pool, convs, pair, outputs })
    }

    /// Its outputs, in the order of computation.
    fn layers(&self, module: &str) -> Vec<String> {
        let convs = self.convs.iter().chain(&self.pair);
        convs.flat_map(|(name, _)| BasicConv2d::layers(&format!("{module}.{name}"))).collect()
    }

    /// Its part of the module's output.
    fn run(&self, module: &str, x: &Value, pass: &mut Pass) -> std::result::Result<Vec<Value>, Halt> {
        let mut x = match self.pool {
            Pool::None => x.clone(),
            Pool::Average => pass.avg_pool("", &AVERAGE, x)?,
            Pool::Max => pass.max_pool("", &HALVING, x)?,
        };
        for (name, conv) in &self.convs {
            x = conv.run(&format!("{module}.{name}"), &x, pass)?;
        }
        if self.pair.is_empty() {
            return Ok(vec![x]);
        }
        self.pair.iter().map(|(name, conv)| conv.run(&format!("{module}.{name}"), &x, pass)).collect()
    }
}

/// The auxiliary classifier.
struct Aux {
    conv0: BasicConv2d,
    conv1: BasicConv2d,
    fc: Linear,
}

impl Aux {
    fn new(inputs: usize, num_classes: usize, vb: VarBuilder) -> Result<Self> {
        let fresh = |inputs, stdev| Fresh { weight: Init::Randn { mean: 0.0, stdev }, ..Fresh::torch(inputs) };
        let config = Conv2dConfig::default();
        Ok(Self {
            conv0: BasicConv2d::new([inputs, 128], [1, 1], config, FRESH, vb.pp("conv0"))?,
            conv1: BasicConv2d::new([128, 768], [5, 5], config, fresh(128 * 25, 0.01), vb.pp("conv1"))?,
            fc: Linear::new(768, num_classes, fresh(768, 0.001), vb.pp("fc"))?,
        })
    }

    fn run(&self, name: &str, x: &Value, pass: &mut Pass) -> Run {
        let x = pass.avg_pool("", &COARSE, x)?;
        let x = self.conv0.run(&format!("{name}.conv0"), &x, pass)?;
        let x = self.conv1.run(&format!("{name}.conv1"), &x, pass)?;
        let x = pass.adaptive_avg_pool("", [1, 1], &x)?;
        let x = pass.flatten("", &x)?;
        pass.linear(name, &self.fc, &x)
    }
}
