//! Inference plans of a network, compiled on first use.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};
use candle_core::{Device, Tensor};
use dl_kernels::{Graph, NodeId, Operation, Plan, PlanConfig, Resources, Winograd};
use dl_record::Matrix;

use crate::network::distinct;
use crate::{Backbone, Halt, LayerName, Pass, Value, plain};

/// The key of a plan: the image's [channels, height, width] and the layers.
type Key = ([usize; 3], Vec<String>);

/// A plan, and the shape of each output without the batch.
struct Compiled {
    plan: Plan,
    shapes: Vec<Vec<usize>>,
}

/// Most plans kept. They share the packed weights and the working memory, but each has its own steps.
const KEPT: usize = 4;

/// The plans of one network.
#[derive(Default)]
pub(crate) struct Plans {
    /// Most recently used last.
    compiled: Mutex<Vec<(Key, Arc<Compiled>)>>,
    resources: Resources,
}

impl Plans {
    /// The outputs of `layers` for x [n, channels, height, width].
    pub(crate) fn run(&self, backbone: &dyn Backbone, x: &Tensor, layers: &[LayerName]) -> Result<Vec<Tensor>> {
        let (images, channels, height, width) = x.dims4().map_err(plain)?;
        let compiled = self.compiled(backbone, [channels, height, width], layers)?;
        let outputs = dl_ops::with_floats(x, |input| compiled.plan.run(input).map_err(candle_core::Error::msg));
        let outputs = outputs.map_err(plain)?;
        let tensors = outputs.into_iter().zip(&compiled.shapes).map(|(numbers, shape)| {
            let shape: Vec<usize> = [images].iter().chain(shape).copied().collect();
            Tensor::from_vec(numbers, shape, &Device::Cpu).map_err(plain)
        });
        tensors.collect()
    }

    /// [`run`](Self::run) for images that `make` writes, see [`Plan::run_made`]; returns one matrix per layer.
    pub(crate) fn run_made(
        &self,
        backbone: &dyn Backbone,
        [images, batch]: [usize; 2],
        image: [usize; 3],
        layers: &[LayerName],
        make: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<Vec<Matrix>> {
        let compiled = self.compiled(backbone, image, layers)?;
        let outputs = compiled.plan.run_made(images, batch, make)?.into_iter().zip(&compiled.shapes);
        let matrix =
            |(data, shape): (Vec<f32>, &Vec<usize>)| Matrix { rows: images, columns: shape.iter().product(), data };
        Ok(outputs.map(matrix).collect())
    }

    fn compiled(&self, backbone: &dyn Backbone, image: [usize; 3], layers: &[LayerName]) -> Result<Arc<Compiled>> {
        let key: Key = (image, layers.iter().map(ToString::to_string).collect());
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let config = PlanConfig { winograd: Winograd::current()?, ..PlanConfig::default() };
        // Not under the lock: compiling runs on all threads, and one that waits may run another image.
        let compiled = Arc::new(compile(backbone, image, layers, (config, &self.resources))?);
        if let Some(known) = self.known(&key) {
            return Ok(known);
        }
        let mut plans = self.plans();
        if plans.len() == KEPT {
            plans.remove(0);
        }
        plans.push((key, compiled.clone()));
        Ok(compiled)
    }

    /// The plan with this key, which becomes the most recently used.
    fn known(&self, key: &Key) -> Option<Arc<Compiled>> {
        let mut plans = self.plans();
        let index = plans.iter().position(|(known, _)| known == key)?;
        plans[index..].rotate_left(1);
        plans.last().map(|(_, compiled)| compiled.clone())
    }

    fn plans(&self) -> MutexGuard<'_, Vec<(Key, Arc<Compiled>)>> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The image sizes of the plans, most recently used last.
    #[cfg(test)]
    pub(crate) fn sizes(&self) -> Vec<[usize; 3]> {
        self.plans().iter().map(|((size, _), _)| *size).collect()
    }
}

/// A plan for images of one size.
fn compile(
    backbone: &dyn Backbone,
    image: [usize; 3],
    layers: &[LayerName],
    (config, resources): (PlanConfig, &Resources),
) -> Result<Compiled> {
    let (graph, outputs) = graph(backbone, image, layers)?;
    let shapes = outputs.iter().map(|node| graph.shape(*node).to_vec()).collect();
    Ok(Compiled { plan: Plan::sharing(graph, &outputs, config, resources)?, shapes })
}

/// The network as a graph, up to `layers`, and the nodes of these.
pub(crate) fn graph(backbone: &dyn Backbone, image: [usize; 3], layers: &[LayerName]) -> Result<(Graph, Vec<NodeId>)> {
    let names: Vec<String> = layers.iter().map(|layer| backbone.check(layer)).collect::<Result<_>>()?;
    let graph = Graph::new(image);
    let input = Value::Later(graph.input());
    let mut pass = Pass::plan(distinct(&names), graph);
    if let Err(Halt::Failed(error)) = backbone.run(&input, &mut pass) {
        return Err(plain(error));
    }
    let (kept, Some(mut graph)) = pass.into_plan() else { bail!("the network was run instead of planned") };
    let mut outputs: Vec<NodeId> = Vec::new();
    for (layer, name) in layers.iter().zip(&names) {
        let Some(Value::Later(node)) = kept.get(name) else { bail!("the network did not compute its layer {name}") };
        outputs.push(match layer.pooled {
            Some(size) if graph.shape(*node).len() == 3 => graph.add(Operation::AdaptiveAvgPool2d(size), &[*node])?,
            Some(_) => {
                bail!("layer {layer}: {name} has shape {:?}, which cannot be averaged as a map", graph.shape(*node))
            }
            None => *node,
        });
    }
    Ok((graph, outputs))
}

#[cfg(test)]
mod tests {
    use candle_nn::VarBuilder;
    use dl_ops::{Conv2dConfig, ConvTranspose2dConfig, L2Epsilon, Padding, PoolConfig, ResizeMethod};

    use super::*;
    use crate::network::{LOGITS, Run};
    use crate::{BatchNorm2d, Conv2d, ConvTranspose2d, Fresh, L2Norm, Linear, LocallyConnected2d, Parameters};

    /// A network with every operation of detectors and generators, for images of [3, height, width].
    struct Every {
        conv: Conv2d,
        norm: BatchNorm2d,
        up: ConvTranspose2d,
        up_norm: BatchNorm2d,
        scale: L2Norm,
        side: Conv2d,
        local: LocallyConnected2d,
        linear: Linear,
    }

    impl Every {
        fn new(vb: &VarBuilder) -> Self {
            let (fresh, padded) = (Fresh::kaiming(), Conv2dConfig { padding: Padding::all(1), ..Default::default() });
            let double = ConvTranspose2dConfig { stride: [2, 2], padding: [1, 1], ..Default::default() };
            let pp = |name: &str| vb.pp(name);
            Self {
                conv: Conv2d::without_bias([3, 20], [3, 3], padded, fresh, pp("conv")).unwrap(),
                norm: BatchNorm2d::new(20, 1e-5, pp("norm")).unwrap(),
                up: ConvTranspose2d::new([20, 13], [4, 4], double, fresh, pp("up")).unwrap(),
                up_norm: BatchNorm2d::new(13, 1e-5, pp("up_norm")).unwrap(),
                scale: L2Norm::new(13, 20.0, L2Epsilon::AtLeast(1e-12), pp("scale")).unwrap(),
                side: Conv2d::new([13, 20], [3, 3], padded, fresh, pp("side")).unwrap(),
                local: LocallyConnected2d::new([33, 6], [3, 3], [4, 5], padded, fresh, pp("local")).unwrap(),
                linear: Linear::new(6 * 20, 11, fresh, pp("linear")).unwrap(),
            }
        }
    }

    const LAYERS: [&str; 18] = [
        "conv", "norm", "leaky", "pooled", "up", "up_norm", "tanh", "scale", "softmax", "side", "nearest", "bilinear",
        "local", "swish", "mish", "moved", "sigmoid", LOGITS,
    ];

    impl Backbone for Every {
        fn layers(&self) -> Vec<String> {
            LAYERS.map(str::to_owned).to_vec()
        }

        fn aliases(&self) -> Vec<(String, String)> {
            Vec::new()
        }

        fn run(&self, x: &Value, pass: &mut Pass) -> Run {
            let x = pass.conv("conv", &self.conv, x)?;
            let x = pass.batch_norm("norm", &self.norm, &x)?;
            let x = pass.leaky_relu("leaky", 0.1, &x)?;
            let x = pass.max_pool("pooled", &PoolConfig::darknet(2, 1, 1), &x)?;
            let up = pass.conv_transpose("up", &self.up, &x)?;
            let up = pass.batch_norm("up_norm", &self.up_norm, &up)?;
            let up = pass.tanh("tanh", &up)?;
            let up = pass.l2_norm("scale", &self.scale, &up)?;
            let up = pass.softmax("softmax", &up)?;
            let side = pass.conv("side", &self.side, &up)?;
            let size = pass.size(&x)?;
            let nearest = pass.resize("nearest", [4, 5], ResizeMethod::Nearest, &up)?;
            let side = pass.resize("", size, ResizeMethod::Bilinear, &side)?;
            let side = pass.resize("bilinear", [4, 5], ResizeMethod::Bilinear, &side)?;
            let both = pass.concat("", &[&nearest, &side])?;
            let local = pass.locally_connected("local", &self.local, &both)?;
            let swish = pass.swish("swish", &local)?;
            let mish = pass.mish("mish", &swish)?;
            let from = (0..120).rev().collect();
            let moved = pass.rearrange("moved", (&from, &[15, 4, 2]), &mish)?;
            let row = pass.flatten("", &moved)?;
            let row = pass.sigmoid("sigmoid", &row)?;
            pass.linear(LOGITS, &self.linear, &row)
        }
    }

    fn names() -> Vec<LayerName> {
        LAYERS.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn images(count: usize, [height, width]: [usize; 2]) -> Tensor {
        let vb = Parameters::fresh(1).builder(&Device::Cpu);
        let hint = candle_nn::Init::Randn { mean: 0.0, stdev: 1.0 };
        vb.get_with_hints((count, 3, height, width), "x", hint).unwrap().detach()
    }

    #[test]
    fn plans_of_every_operation_equal_the_direct_computation() {
        let vb = Parameters::fresh(0).frozen(|_| true).builder(&Device::Cpu);
        let network = Every::new(&vb);
        let plans = Plans::default();
        for size in [[13, 10], [7, 9], [13, 10]] {
            let x = images(3, size);
            let expected = (&network as &dyn Backbone).features(&x, &names(), None).unwrap();
            for threads in [1, 2] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let all = pool.install(|| plans.run(&network, &x, &names()).unwrap());
                let alone = pool.install(|| plans.run(&network, &x.narrow(0, 1, 1).unwrap(), &names()).unwrap());
                for (((found, alone), expected), name) in all.iter().zip(&alone).zip(&expected).zip(LAYERS) {
                    assert_eq!(found.dims(), expected.dims(), "{name}");
                    let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                    for (found, expected) in numbers(found).iter().zip(numbers(expected)) {
                        let error = (found - expected).abs();
                        assert!(error < 2e-5 * (1.0 + expected.abs()), "{name}: {found} and {expected}");
                    }
                    let second = numbers(&found.narrow(0, 1, 1).unwrap());
                    assert!(second.iter().zip(numbers(alone)).all(|(a, b)| a.to_bits() == b.to_bits()), "{name}");
                }
            }
        }
    }

    #[test]
    fn an_image_of_another_size_packs_no_weights_unless_they_are_trained() {
        let sizes: Vec<[usize; 2]> = (8..58).map(|height| [height, 71 - height]).collect();
        for trained in [false, true] {
            let vb = Parameters::fresh(0).frozen(move |_| !trained).builder(&Device::Cpu);
            let (network, plans) = (Every::new(&vb), Plans::default());
            let logits: Vec<LayerName> = vec![LOGITS.parse().unwrap()];
            plans.run(&network, &images(1, [8, 63]), &logits).unwrap();
            let bytes = plans.resources.weight_bytes();
            assert_eq!(bytes == 0, trained);
            for size in &sizes {
                plans.run(&network, &images(1, *size), &logits).unwrap();
            }
            // At most a second algorithm of the 3 x 3 convolutions.
            assert!(plans.resources.weight_bytes() <= 2 * bytes);
            assert_eq!(plans.sizes().len(), KEPT);
        }
    }
}
