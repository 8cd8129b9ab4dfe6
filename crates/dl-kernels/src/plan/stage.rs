//! Sequences of steps that run on the same images.

use anyhow::{Result, ensure};
use rayon::prelude::*;

use super::PlanConfig;
use super::fuse::{Fused, curve, fuse};
use super::layout::{Maps, algorithm, layout, rows_of};
use crate::across::{ChannelSoftmax, L2};
use crate::activation::Activation;
use crate::conv::{Algorithm, Convolution, Layer, Local, LocalLayer, Transposed, TransposedLayer};
use crate::dense::Dense;
use crate::graph::{Graph, NodeId, Numbers, Operation};
use crate::import::{Export, Import, RowSpan};
use crate::instance::Instance;
use crate::map::Map;
use crate::memory::Memory;
use crate::mix::{Copy, Mix};
use crate::normalize::{Lrn, Softmax};
use crate::packed::{Layout, Resources, Workspace};
use crate::pool::{Pool, Reduce};
use crate::prelu::Prelu;
use crate::rearrange::Rearrange;
use crate::reflect::Reflect;
use crate::resample::Resize;
use crate::shuffle::Shuffle;
use crate::simd::LANES;
use crate::team;
use crate::window::Window;

/// A fused operation.
enum Step {
    Import(Import),
    Convolution(Convolution),
    Transposed(Transposed),
    Local(Local),
    Dense(Dense),
    Pool(Pool),
    Mix(Mix),
    Copy(Copy),
    Prelu(Prelu),
    Instance(Instance),
    Reflect(Reflect),
    Shuffle(Shuffle),
    Rearrange(Rearrange),
    Lrn(Lrn),
    Resize(Resize),
    L2(L2),
    Softmax(Softmax),
    ChannelSoftmax(ChannelSoftmax),
    Export(Export),
}

impl Step {
    fn tasks(&self, images: usize) -> usize {
        match self {
            Self::Import(step) => step.tasks(images),
            Self::Convolution(step) => step.tasks(images),
            Self::Transposed(step) => step.tasks(images),
            Self::Local(step) => step.tasks(images),
            Self::Dense(step) => step.tasks(images),
            Self::Pool(step) => step.tasks(images),
            Self::Mix(step) => step.tasks(images),
            Self::Copy(step) => step.tasks(images),
            Self::Prelu(step) => step.tasks(images),
            Self::Instance(step) => step.tasks(images),
            Self::Reflect(step) => step.tasks(images),
            Self::Shuffle(step) => step.tasks(images),
            Self::Rearrange(step) => step.tasks(images),
            Self::Lrn(step) => step.tasks(images),
            Self::Resize(step) => step.tasks(images),
            Self::L2(step) => step.tasks(images),
            Self::Softmax(step) => step.tasks(images),
            Self::ChannelSoftmax(step) => step.tasks(images),
            Self::Export(step) => step.tasks(images),
        }
    }

    fn run(&self, task: usize, images: usize, memory: Memory, input: &[f32]) {
        match self {
            Self::Import(step) => step.run(task, images, memory, input),
            Self::Convolution(step) => step.run(task, images, memory),
            Self::Transposed(step) => step.run(task, images, memory),
            Self::Local(step) => step.run(task, images, memory),
            Self::Dense(step) => step.run(task, images, memory),
            Self::Pool(step) => step.run(task, images, memory),
            Self::Mix(step) => step.run(task, images, memory),
            Self::Copy(step) => step.run(task, images, memory),
            Self::Prelu(step) => step.run(task, images, memory),
            Self::Instance(step) => step.run(task, images, memory),
            Self::Reflect(step) => step.run(task, images, memory),
            Self::Shuffle(step) => step.run(task, images, memory),
            Self::Rearrange(step) => step.run(task, images, memory),
            Self::Lrn(step) => step.run(task, images, memory),
            Self::Resize(step) => step.run(task, images, memory),
            Self::L2(step) => step.run(task, images, memory),
            Self::Softmax(step) => step.run(task, images, memory),
            Self::ChannelSoftmax(step) => step.run(task, images, memory),
            Self::Export(step) => step.run(task, images, memory),
        }
    }
}

/// Size of the maps of some images up to which one thread runs all steps on them alone: about a core's second-level
/// cache. Larger maps would be evicted between the steps; then it is faster when the threads share the cached weights.
const CACHE: usize = 3 << 17;

/// The source of a run's images.
#[derive(Clone, Copy)]
enum Source<'a> {
    /// All images in memory.
    There(&'a [f32]),
    /// `make(index, image)` writes an image.
    Made(&'a (dyn Fn(usize, &mut [f32]) + Sync)),
}

/// Steps, and their working memory.
pub(super) struct Stage {
    steps: Vec<Step>,
    /// Size of an input image.
    image: usize,
    /// Size of the working memory per image.
    memory: usize,
    /// Images computed together.
    together: usize,
    /// Images for which a thread runs all steps alone, because their maps stay in its cache.
    lot: Option<usize>,
    outputs: Vec<RowSpan>,
    resources: Resources,
}

impl Stage {
    pub(super) fn new(graph: Graph, outputs: &[NodeId], config: PlanConfig, resources: &Resources) -> Result<Self> {
        let fused = fuse(&graph, outputs);
        let algorithms: Vec<Option<Algorithm>> = fused.iter().map(|step| algorithm(&graph, step, config)).collect();
        let maps = layout(&graph, &fused, &algorithms, outputs);
        let mut steps = Vec::new();
        for (step, algorithm) in fused.iter().zip(algorithms) {
            compile(&graph, step, algorithm, &maps, (config, resources), &mut steps)?;
        }
        let mut rows = Vec::new();
        for output in outputs {
            let map = maps.of_node[&output.0];
            rows.push(match maps.exported.get(&output.0) {
                Some(exported) => {
                    steps.push(Step::Export(Export::new(config.level, map, *exported)));
                    *exported
                }
                None => rows_of(map),
            });
        }
        let (image, _) = graph.input_places();
        // Rows are the input of fully connected layers, which process all images at once.
        let of_maps = graph.inputs().any(|input| graph.shape(input).len() == 3);
        let together = if of_maps { (config.memory / maps.memory.max(1)).max(1) } else { usize::MAX };
        let lot = Some(CACHE / maps.memory.max(1)).filter(|lot| of_maps && *lot > 1).map(|lot| lot.min(together));
        let resources = resources.clone();
        Ok(Self { steps, image, memory: maps.memory, together, lot, outputs: rows, resources })
    }

    /// Size of the working memory for a batch.
    pub(super) fn working_memory(&self, images: usize) -> usize {
        self.memory * images.min(self.lot.map_or(self.together, |lot| lot * rayon::current_num_threads()))
    }

    /// Size of each output per image.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.outputs.iter().map(|rows| rows.length)
    }

    /// Computes the outputs for `input` [images, ...], and calls `take` with the index of each output and its rows, for
    /// one or more images at a time, in order.
    pub(super) fn run(&self, input: &[f32], images: usize, mut take: impl FnMut(usize, &[f32])) {
        match self.lot {
            Some(lot) if images > lot => {
                let results = self.run_in_lots(images, lot, Source::There(input));
                results.iter().enumerate().for_each(|(output, rows)| take(output, rows));
            }
            _ => self.run_together(input, images, take),
        }
    }

    /// [`run`](Self::run) for images that `make(index, image)` writes: a thread that computes images alone makes them
    /// immediately before, so that they are in its cache. `None` if the threads compute images together.
    pub(super) fn run_made(&self, images: usize, make: &(dyn Fn(usize, &mut [f32]) + Sync)) -> Option<Vec<Vec<f32>>> {
        Some(self.run_in_lots(images, self.lot?, Source::Made(make)))
    }

    /// All threads run one step, then the next. After the first batch of this size, nothing is allocated.
    fn run_together(&self, input: &[f32], images: usize, mut take: impl FnMut(usize, &[f32])) {
        self.resources.with_workspace(self.memory * images.min(self.together), |Workspace { numbers, counts }| {
            let mut first = 0;
            while first < images {
                let count = self.together.min(images - first);
                counts.clear();
                counts.extend(self.steps.iter().map(|step| step.tasks(count)));
                let memory = Memory::new(numbers);
                let input = &input[first * self.image..(first + count) * self.image];
                team::run(counts, |step, task| self.steps[step].run(task, count, memory, input));
                self.take(numbers, count, |output, _, row| take(output, row));
                first += count;
            }
        });
    }

    /// Each thread runs all steps on some of the images.
    fn run_in_lots(&self, images: usize, lot: usize, source: Source) -> Vec<Vec<f32>> {
        // Divided among the threads as evenly as possible.
        let lots = images.div_ceil(lot).next_multiple_of(rayon::current_num_threads()).min(images);
        let mut results: Vec<Vec<f32>> = self.outputs.iter().map(|rows| vec![0.0; images * rows.length]).collect();
        let mut rest: Vec<&mut [f32]> = results.iter_mut().map(Vec::as_mut_slice).collect();
        let mut parts = Vec::with_capacity(lots);
        for lot in 0..lots {
            let images = lot * images / lots..(lot + 1) * images / lots;
            let mut part = Vec::with_capacity(rest.len());
            for (rest, rows) in rest.iter_mut().zip(&self.outputs) {
                let (own, after) = std::mem::take(rest).split_at_mut(images.len() * rows.length);
                *rest = after;
                part.push(own);
            }
            parts.push((images, part));
        }
        parts.into_par_iter().for_each(|(images, mut part)| {
            let count = images.len();
            let (maps, made) = match source {
                Source::There(_) => (self.memory * count, 0),
                Source::Made(_) => (self.memory * count, self.image * count),
            };
            self.resources.with_workspace(maps + made, |Workspace { numbers, .. }| {
                let (maps, made) = numbers.split_at_mut(maps);
                let input = match source {
                    Source::There(input) => &input[images.start * self.image..images.end * self.image],
                    Source::Made(make) => {
                        let made = &mut made[..self.image * count];
                        let each = made.chunks_exact_mut(self.image.max(1));
                        images.zip(each).for_each(|(index, image)| make(index, image));
                        made
                    }
                };
                let memory = Memory::new(maps);
                for step in &self.steps {
                    (0..step.tasks(count)).for_each(|task| step.run(task, count, memory, input));
                }
                self.take(maps, count, |output, image, row| {
                    part[output][image * row.len()..][..row.len()].copy_from_slice(row);
                });
            });
        });
        results
    }

    fn take(&self, numbers: &[f32], images: usize, mut take: impl FnMut(usize, usize, &[f32])) {
        for (output, rows) in self.outputs.iter().enumerate() {
            for image in 0..images {
                take(output, image, &numbers[rows.at(images, image)..][..rows.length]);
            }
        }
    }
}

fn compile(
    graph: &Graph,
    step: &Fused,
    algorithm: Option<Algorithm>,
    maps: &Maps,
    (config, resources): (PlanConfig, &Resources),
    steps: &mut Vec<Step>,
) -> Result<()> {
    let node = &graph.nodes[step.core];
    let output = maps.of_node[&step.last];
    let inputs: Vec<Map> = node.inputs.iter().map(|input| maps.of_node[&input.0]).collect();
    let residual = step.residual.map(|node| maps.of_node[&node]);
    let (level, activation) = (config.level, step.activation);
    let affine = step.affine.and_then(|node| match &graph.nodes[node].operation {
        Operation::Affine { scale, shift } => Some((scale, shift)),
        _ => None,
    });
    let scale = affine.map(|(scale, _)| scale.as_slice());
    steps.push(match &node.operation {
        Operation::Input => {
            let affine = affine.map(|(scale, shift)| (scale.clone(), shift.clone()));
            let (image, starts) = graph.input_places();
            Step::Import(Import::new(level, output, affine).among(image, starts[step.core]))
        }
        Operation::Conv2d { weight, shape, bias, config: conv } => {
            let (conv, shape, input) = (*conv, *shape, inputs[0]);
            let bias = folded_bias(bias, shape[0], affine)?;
            let layer = Layer { conv, shape, bias: &bias, activation, input, output, residual };
            let algorithm = algorithm.unwrap_or(Algorithm::Direct);
            let packed = resources.packed(weight, (Convolution::layout(&layer, algorithm), level), scale, || {
                let mut numbers = numbers(weight, &shape)?;
                if let Some(scale) = scale {
                    let each = (numbers.len() / shape[0].max(1)).max(1);
                    for (lines, scale) in numbers.chunks_exact_mut(each).zip(scale) {
                        lines.iter_mut().for_each(|number| *number *= scale);
                    }
                }
                Ok(Convolution::pack(&layer, algorithm, level, &numbers))
            })?;
            Step::Convolution(Convolution::new(&layer, algorithm, level, packed))
        }
        Operation::ConvTranspose2d { weight, shape, bias, config: conv } => {
            let (conv, shape @ [_, group_outputs, kh, kw], input) = (*conv, *shape, inputs[0]);
            let bias = folded_bias(bias, group_outputs * conv.groups, affine)?;
            let layer = TransposedLayer { conv, shape, bias: &bias, activation, input, output };
            let packed = resources.packed(weight, (Transposed::layout(&layer), level), scale, || {
                let mut numbers = numbers(weight, &shape)?;
                if let Some(scale) = scale {
                    let (group_inputs, area) = ((shape[0] / conv.groups).max(1), (kh * kw).max(1));
                    for (index, lines) in numbers.chunks_exact_mut(area).enumerate() {
                        let (input, out) = (index / group_outputs, index % group_outputs);
                        let scale = scale[input / group_inputs * group_outputs + out];
                        lines.iter_mut().for_each(|number| *number *= scale);
                    }
                }
                Ok(Transposed::pack(&layer, &numbers))
            })?;
            Step::Transposed(Transposed::new(&layer, level, packed))
        }
        Operation::LocallyConnected2d { weight, shape, bias, config: conv } => {
            let layer = LocalLayer { conv: *conv, shape: *shape, activation, input: inputs[0], output };
            let pack = || Ok(Local::pack(&layer, &numbers(weight, shape)?));
            let packed = resources.packed(weight, (Local::layout(&layer), level), None, pack)?;
            Step::Local(Local::new(&layer, level, packed, &read_bias(bias, &node.shape)?))
        }
        Operation::Linear { weight, shape, bias } => {
            let packed = resources
                .packed(weight, (Layout::Dense, level), None, || Ok(Dense::pack(*shape, &numbers(weight, shape)?)))?;
            let (input, output, bias) = (rows_of(inputs[0]), rows_of(output), read_bias(bias, &shape[..1])?);
            Step::Dense(Dense::new(level, input, output, packed, &bias, activation))
        }
        Operation::Affine { scale, shift } => {
            let mix = Mix::new(level, [inputs[0], output]).scaled(scale, shift);
            Step::Mix(Mix { other: residual, activation, curve: step.curve, ..mix })
        }
        Operation::Clamp { low, high } => {
            let activation = Activation::clamp(*low, *high);
            Step::Mix(Mix { activation, ..Mix::new(level, [inputs[0], output]) })
        }
        Operation::LeakyRelu { slope } => {
            let activation = Activation::leaky(*slope);
            Step::Mix(Mix { activation, ..Mix::new(level, [inputs[0], output]) })
        }
        Operation::Prelu { slopes } => Step::Prelu(Prelu::new(level, [inputs[0], output], slopes)),
        Operation::InstanceNorm { weight, bias, eps } => {
            Step::Instance(Instance::new(level, [inputs[0], output], [weight, bias], *eps, (residual, activation)))
        }
        Operation::ReflectionPad(padding) => Step::Reflect(Reflect::new(inputs[0], output, *padding)),
        Operation::PixelShuffle { factor } => Step::Shuffle(Shuffle::new(inputs[0], output, *factor)),
        operation @ (Operation::HardSwish
        | Operation::InverseRoot
        | Operation::Mish
        | Operation::Sigmoid
        | Operation::Softplus
        | Operation::Square
        | Operation::Swish
        | Operation::Tanh) => Step::Mix(Mix { curve: curve(operation), ..Mix::new(level, [inputs[0], output]) }),
        Operation::Resize { method, .. } => Step::Resize(Resize::new(level, inputs[0], output, *method)?),
        Operation::L2Norm { weight, epsilon } => Step::L2(L2::new(level, [inputs[0], output], weight, *epsilon)),
        Operation::Gate => Step::Mix(Mix { gate: Some(inputs[1]), ..Mix::new(level, [inputs[0], output]) }),
        Operation::PadChannels { before, .. } => Step::Copy(Copy::among_zeros(inputs[0], output, *before)),
        Operation::Add => {
            let mix = Mix::new(level, [inputs[0], output]);
            Step::Mix(Mix { other: Some(inputs[1]), activation, curve: step.curve, ..mix })
        }
        Operation::Concat => {
            let mut before = 0;
            for input in inputs {
                let in_place = input.base == output.base
                    && input.image == output.image
                    && input.lanes == LANES
                    && input.at(1, 0, 0, [0, 0]) == output.at(1, 0, before / LANES, [0, 0])
                    && before % LANES == 0;
                if !in_place {
                    steps.push(Step::Copy(Copy::new(input, output, before)));
                }
                before += input.channels;
            }
            return Ok(());
        }
        Operation::MaxPool2d(pool) => {
            let windows = pool.windows(inputs[0].height, inputs[0].width)?;
            Step::Pool(Pool::new(level, inputs[0], output, windows, Reduce::Max))
        }
        Operation::AvgPool2d(pool) => {
            let windows = pool.windows(inputs[0].height, inputs[0].width)?;
            Step::Pool(Pool::new(level, inputs[0], output, windows, Reduce::Mean))
        }
        Operation::AdaptiveAvgPool2d([rows, columns]) => {
            let windows = [Window::adaptive(inputs[0].height, *rows), Window::adaptive(inputs[0].width, *columns)];
            Step::Pool(Pool::new(level, inputs[0], output, windows, Reduce::Mean))
        }
        Operation::Rearrange { from, .. } => Step::Rearrange(Rearrange::new(inputs[0], output, from)?),
        Operation::Flatten => Step::Export(Export::new(level, inputs[0], rows_of(output))),
        Operation::LocalResponseNorm(config) => Step::Lrn(Lrn { config: *config, input: inputs[0], output }),
        Operation::Softmax if node.shape.len() == 3 => {
            Step::ChannelSoftmax(ChannelSoftmax { input: inputs[0], output })
        }
        Operation::Softmax => Step::Softmax(Softmax { input: rows_of(inputs[0]), output: rows_of(output) }),
    });
    Ok(())
}

fn numbers(read: &Numbers, shape: &[usize]) -> Result<Vec<f32>> {
    let numbers = read();
    ensure!(numbers.len() == shape.iter().product(), "a weight of shape {shape:?} has {} numbers", numbers.len());
    Ok(numbers)
}

/// The bias with a batch norm folded into it; empty if there is neither.
fn folded_bias(bias: &Option<Numbers>, outputs: usize, affine: Option<(&Vec<f32>, &Vec<f32>)>) -> Result<Vec<f32>> {
    let mut bias = read_bias(bias, &[outputs])?;
    if let Some((scale, shift)) = affine {
        bias.resize(outputs, 0.0);
        bias.iter_mut().zip(scale).zip(shift).for_each(|((bias, scale), shift)| *bias = *bias * scale + shift);
    }
    Ok(bias)
}

fn read_bias(bias: &Option<Numbers>, shape: &[usize]) -> Result<Vec<f32>> {
    bias.as_ref().map_or_else(|| Ok(Vec::new()), |bias| numbers(bias, shape))
}
