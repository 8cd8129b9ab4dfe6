//! The same layers composed of candle's own ops: for devices and types that our kernels do not support, and as a
//! reference for tests. Slower, but with correct gradients: none uses an op whose backward pass is wrong.

use candle_core::{D, Result, Tensor, bail};

use crate::{AttentionConfig, Conv2dConfig, ConvTranspose2dConfig, Gelu, Padding, PoolConfig, cpu};
use dl_kernels::{L2Epsilon, Tap, Window};

pub(crate) fn relu(x: &Tensor) -> Result<Tensor> {
    // Not `x.relu()`, whose gradient at 0 is 1.
    x * x.gt(0.0)?.to_dtype(x.dtype())?
}

pub(crate) fn relu6(x: &Tensor) -> Result<Tensor> {
    let mask = |mask: Tensor| mask.to_dtype(x.dtype());
    let inside = (mask(x.gt(0.0)?)? * mask(x.lt(6.0)?)?)?;
    (x * inside)? + (mask(x.ge(6.0)?)? * 6.0)?
}

pub(crate) fn hard_sigmoid(x: &Tensor) -> Result<Tensor> {
    // Not `clamp`, whose gradient differs at the corners.
    let above = x.ge(3.0)?.where_cond(&x.ones_like()?, &((x / 6.0)? + 0.5)?)?;
    x.le(-3.0)?.where_cond(&x.zeros_like()?, &above)
}

pub(crate) fn hard_swish(x: &Tensor) -> Result<Tensor> {
    x * hard_sigmoid(x)?
}

pub(crate) fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    // By comparison, not `maximum`, whose gradient is shared at 0.
    x.gt(0.0)?.where_cond(x, &(x * slope)?)
}

pub(crate) fn sigmoid(x: &Tensor) -> Result<Tensor> {
    (x.neg()?.exp()? + 1.0)?.recip()
}

pub(crate) fn softplus(x: &Tensor) -> Result<Tensor> {
    // Where it is x, so that nothing overflows.
    let is_large = x.gt(20.0)?;
    let small = is_large.where_cond(&x.ones_like()?.affine(20.0, 0.0)?, x)?;
    is_large.where_cond(x, &(small.exp()? + 1.0)?.log()?)
}

pub(crate) fn swish(x: &Tensor) -> Result<Tensor> {
    x * sigmoid(x)?
}

pub(crate) fn mish(x: &Tensor) -> Result<Tensor> {
    // Where the factor is 1, a constant, so that nothing overflows.
    let small = x.gt(20.0)?.where_cond(&x.ones_like()?.affine(20.0, 0.0)?, x)?;
    let e = small.exp()?;
    let n = (&e * (&e + 2.0)?)?;
    x * (&n / (&n + 2.0)?)?
}

/// Divides the channels of x [n, c, ...] by their L2 norm and multiplies them by weight [c].
pub(crate) fn l2_norm(x: &Tensor, weight: &Tensor, epsilon: L2Epsilon) -> Result<Tensor> {
    let squares = x.sqr()?.sum_keepdim(1)?;
    let norm = match epsilon {
        L2Epsilon::Added(epsilon) => (squares + epsilon)?.sqrt()?,
        // Where the norm is below epsilon, it is constant; the square root's gradient at 0 would be infinite.
        L2Epsilon::AtLeast(epsilon) => {
            let least = squares.ones_like()?.affine(epsilon * epsilon, 0.0)?;
            squares.gt(epsilon * epsilon)?.where_cond(&squares, &least)?.sqrt()?
        }
    };
    x.broadcast_div(&norm)?.broadcast_mul(&per_channel(weight, x)?)
}

/// Applies weight [places, filters, c * kh * kw] to the columns [n, c * kh * kw, places] of x.
pub(crate) fn locally_connected2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &Conv2dConfig,
    [kernel, size]: [[usize; 2]; 2],
) -> Result<Tensor> {
    let ([kh, kw], [height, width], padding) = (kernel, size, config.padding);
    let (n, c, ..) = x.dims4()?;
    let padded = x.pad_with_zeros(2, padding.top, padding.bottom)?.pad_with_zeros(3, padding.left, padding.right)?;
    // [n, c, places] for every position under the kernel.
    let mut columns = Vec::new();
    for ky in 0..kh {
        let rows = every(&padded, 2, ky, config.stride[0], height)?;
        for kx in 0..kw {
            columns.push(every(&rows, 3, kx, config.stride[1], width)?.reshape((n, c, height * width))?);
        }
    }
    // [places, c * kh * kw, n]
    let columns = Tensor::stack(&columns, 2)?.reshape((n, c * kh * kw, height * width))?.permute((2, 1, 0))?;
    let filters = weight.dim(1)?;
    let y = weight.matmul(&columns.contiguous()?)?.permute((2, 1, 0))?.reshape((n, filters, height, width))?;
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

pub(crate) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let y = x.matmul(&weight.t()?)?;
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

pub(crate) fn conv2d(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, config: &Conv2dConfig) -> Result<Tensor> {
    let [dilation, other] = config.dilation;
    if dilation != other {
        bail!("conv2d: unequal dilations {:?} are supported only for f32 on the CPU", config.dilation);
    }
    let padding = config.padding;
    let padded = x.pad_with_zeros(2, padding.top, padding.bottom)?.pad_with_zeros(3, padding.left, padding.right)?;
    if config.stride[0] == config.stride[1] && !x.track_op() && !weight.track_op() {
        return with_bias(&padded.conv2d(weight, 0, config.stride[0], dilation, config.groups)?, bias);
    }
    // With stride 1 candle's gradient is correct for every shape; a larger stride selects among the results.
    let mut y = padded.conv2d(weight, 0, 1, dilation, config.groups)?;
    for (axis, stride) in [(2, config.stride[0]), (3, config.stride[1])] {
        if stride > 1 {
            y = every(&y, axis, 0, stride, y.dim(axis)?.div_ceil(stride))?;
        }
    }
    with_bias(&y, bias)
}

fn with_bias(y: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    match bias {
        Some(bias) => y.broadcast_add(&bias.reshape((1, (), 1, 1))?),
        None => Ok(y.clone()),
    }
}

/// `count` slices of `x` along `axis`: first, first + step, ...
fn every(x: &Tensor, axis: usize, first: usize, step: usize, count: usize) -> Result<Tensor> {
    let indices: Vec<u32> = (0..count).map(|index| (first + index * step) as u32).collect();
    x.contiguous()?.index_select(&Tensor::new(indices, x.device())?, axis)
}

pub(crate) fn max_pool2d(x: &Tensor, config: &PoolConfig) -> Result<Tensor> {
    let (_, _, h, w) = x.dims4()?;
    let [rows, columns] = cpu::windows(config, h, w)?;
    largest(x, &rows, &columns)
}

/// The maximum of each window of x [n, c, h, w]; no window may be empty.
fn largest(x: &Tensor, rows: &[Window], columns: &[Window]) -> Result<Tensor> {
    let mut y = x.contiguous()?;
    for (axis, windows) in [(2, rows), (3, columns)] {
        // By offset; past its end a window repeats its last member, which does not change the maximum.
        let longest = windows.iter().map(|window| window.end - window.start).max().unwrap_or(1);
        let mut tallest: Option<Tensor> = None;
        for offset in 0..longest {
            let indices: Vec<u32> =
                windows.iter().map(|window| (window.start + offset).min(window.end - 1) as u32).collect();
            let slice = y.index_select(&Tensor::new(indices, x.device())?, axis)?;
            tallest = Some(match tallest {
                Some(tallest) => tallest.maximum(&slice)?,
                None => slice,
            });
        }
        y = tallest.unwrap_or(y);
    }
    Ok(y)
}

pub(crate) fn average(x: &Tensor, rows: &[Window], columns: &[Window]) -> Result<Tensor> {
    let axis = |windows: &[Window], axis: usize| -> Result<Tensor> {
        let length = x.dim(axis)?;
        // [length, windows]: column j is 1/size for the members of window j.
        let mut matrix = vec![0.0_f32; length * windows.len()];
        for (index, window) in windows.iter().enumerate() {
            for member in window.start..window.end {
                matrix[member * windows.len() + index] = 1.0 / window.padded as f32;
            }
        }
        Tensor::from_vec(matrix, (length, windows.len()), x.device())?.to_dtype(x.dtype())
    };
    let along_width = x.contiguous()?.broadcast_matmul(&axis(columns, 3)?)?;
    along_width.transpose(D::Minus1, D::Minus2)?.contiguous()?.broadcast_matmul(&axis(rows, 2)?)?.transpose(2, 3)
}

/// The gradient of [`average`] with respect to a map of [height, width], as an operation on the result's gradient.
pub(crate) fn average_gradient(
    gradient: &Tensor,
    rows: &[Window],
    columns: &[Window],
    size: [usize; 2],
) -> Result<Tensor> {
    let axis = |windows: &[Window], length: usize| -> Result<Tensor> {
        let mut matrix = vec![0.0_f32; windows.len() * length];
        for (window, row) in windows.iter().zip(matrix.chunks_exact_mut(length)) {
            row[window.start..window.end].fill(1.0 / window.padded as f32);
        }
        Tensor::from_vec(matrix, (windows.len(), length), gradient.device())?.to_dtype(gradient.dtype())
    };
    let along_width = gradient.contiguous()?.broadcast_matmul(&axis(columns, size[1])?)?;
    let turned = along_width.transpose(D::Minus1, D::Minus2)?.contiguous()?;
    turned.broadcast_matmul(&axis(rows, size[0])?)?.transpose(2, 3)
}

/// Per-channel numbers [c] as a shape that broadcasts over x [n, c, ...].
fn per_channel(values: &Tensor, x: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; x.rank()];
    shape[1] = values.elem_count();
    values.reshape(shape)
}

/// The result, and the mean and biased variance [c] of the batch.
pub(crate) fn batch_norm_train(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    eps: f64,
) -> Result<(Tensor, Tensor, Tensor)> {
    let channels = x.transpose(0, 1)?.contiguous()?.flatten_from(1)?;
    let mean = channels.mean(1)?;
    let variance = channels.broadcast_sub(&mean.unsqueeze(1)?)?.sqr()?.mean(1)?;
    let y = batch_norm(x, weight, bias, &mean, &variance, eps)?;
    Ok((y, mean.detach(), variance.detach()))
}

pub(crate) fn batch_norm(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    eps: f64,
) -> Result<Tensor> {
    let scale = (weight / (variance + eps)?.sqrt()?)?;
    let distance = x.broadcast_sub(&per_channel(mean, x)?)?;
    distance.broadcast_mul(&per_channel(&scale, x)?)?.broadcast_add(&per_channel(bias, x)?)
}

pub(crate) fn log_softmax(x: &Tensor, dim: usize) -> Result<Tensor> {
    // Subtracted only for exp; its gradient would cancel out, so it is not computed.
    let x = x.broadcast_sub(&x.max_keepdim(dim)?.detach())?;
    x.broadcast_sub(&x.exp()?.sum_keepdim(dim)?.log()?)
}

pub(crate) fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    log_softmax(logits, 1)?.gather(&targets.unsqueeze(1)?, 1)?.mean_all()?.neg()
}

pub(crate) fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, eps: f64) -> Result<Tensor> {
    let distance = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = distance.sqr()?.mean_keepdim(D::Minus1)?;
    distance.broadcast_div(&(variance + eps)?.sqrt()?)?.broadcast_mul(weight)?.broadcast_add(bias)
}

pub(crate) fn gelu(x: &Tensor, kind: Gelu) -> Result<Tensor> {
    match kind {
        Gelu::Exact => x.gelu_erf(),
        Gelu::Tanh => {
            let inner = ((x + (x.powf(3.0)? * 0.044715)?)? * (2.0 / std::f64::consts::PI).sqrt())?;
            (x * 0.5)? * (inner.tanh()? + 1.0)?
        }
        Gelu::Quick => x / ((x * -1.702)?.exp()? + 1.0)?,
    }
}

/// `kept` has one number per probability: 0, or the factor if it is kept.
pub(crate) fn attention([q, k, v]: [&Tensor; 3], config: &AttentionConfig, kept: Option<&[f32]>) -> Result<Tensor> {
    let width = q.dim(1)?;
    let size = width / config.heads;
    let heads = |x: &Tensor, first: usize, rows: usize| {
        x.narrow(0, first, rows)?.reshape((rows, config.heads, size))?.transpose(0, 1)?.contiguous()
    };
    let (mut first_query, mut first_key, mut first_kept) = (0, 0, 0);
    let mut all = Vec::new();
    for (queries, keys) in config.queries.iter().copied().zip(config.keys.iter().copied()) {
        let count = config.heads * queries * keys;
        if queries > 0 {
            let of_queries = (heads(q, first_query, queries)? * config.scale)?;
            let mut scores = of_queries.matmul(&heads(k, first_key, keys)?.transpose(1, 2)?.contiguous()?)?;
            if config.causal {
                let hidden = (0..queries).flat_map(|query| {
                    let last = query + keys - queries;
                    (0..keys).map(move |key| if key > last { f32::NEG_INFINITY } else { 0.0 })
                });
                let hidden = Tensor::from_iter(hidden, q.device())?.reshape((1, queries, keys))?;
                scores = scores.broadcast_add(&hidden.to_dtype(q.dtype())?)?;
            }
            let mut shares = log_softmax(&scores, 2)?.exp()?;
            if let Some(kept) = kept {
                let kept = Tensor::new(&kept[first_kept..first_kept + count], q.device())?;
                shares = (shares * kept.reshape((config.heads, queries, keys))?.to_dtype(q.dtype())?)?;
            }
            let mixed = shares.matmul(&heads(v, first_key, keys)?)?;
            all.push(mixed.transpose(0, 1)?.reshape((queries, width))?);
        }
        (first_query, first_key, first_kept) = (first_query + queries, first_key + keys, first_kept + count);
    }
    match all[..] {
        [] => Tensor::zeros((0, width), q.dtype(), q.device()),
        _ => Tensor::cat(&all, 0),
    }
}

/// `scale` is alpha / size.
pub(crate) fn local_response_norm(x: &Tensor, size: usize, scale: f64, beta: f64, k: f64) -> Result<Tensor> {
    let channels = x.dim(1)?;
    let squares = x.sqr()?.pad_with_zeros(1, size / 2, (size - 1) / 2)?;
    let mut sum = squares.narrow(1, 0, channels)?;
    for offset in 1..size {
        sum = (sum + squares.narrow(1, offset, channels)?)?;
    }
    x * ((sum * scale)? + k)?.powf(-beta)?
}

pub(crate) fn resize(x: &Tensor, rows: &[Tap], columns: &[Tap]) -> Result<Tensor> {
    let axis = |taps: &[Tap], axis: usize| -> Result<Tensor> {
        let length = x.dim(axis)?;
        // [length, taps]: column j has the weights of output j.
        let mut matrix = vec![0.0_f32; length * taps.len()];
        for (index, tap) in taps.iter().enumerate() {
            matrix[tap.first * taps.len() + index] += 1.0 - tap.share;
            matrix[tap.second * taps.len() + index] += tap.share;
        }
        Tensor::from_vec(matrix, (length, taps.len()), x.device())?.to_dtype(x.dtype())
    };
    let along_width = x.contiguous()?.broadcast_matmul(&axis(columns, 3)?)?;
    along_width.transpose(D::Minus1, D::Minus2)?.contiguous()?.broadcast_matmul(&axis(rows, 2)?)?.transpose(2, 3)
}

/// `size` is the size of the result.
pub(crate) fn conv_transpose2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    config: &ConvTranspose2dConfig,
    size: [usize; 2],
) -> Result<Tensor> {
    let (n, c, h, w) = x.dims4()?;
    let (_, group_outputs, kh, kw) = weight.dims4()?;
    let ConvTranspose2dConfig { stride, padding, dilation, groups, .. } = *config;
    // Zeros between the pixels, and enough around them; the first `padding` results are dropped.
    let spread =
        x.reshape((n, c, h, 1, w, 1))?.pad_with_zeros(3, 0, stride[0] - 1)?.pad_with_zeros(5, 0, stride[1] - 1)?;
    let spread = spread.reshape((n, c, h * stride[0], w * stride[1]))?;
    let mut flipped = weight.contiguous()?;
    for (axis, length) in [(2, kh), (3, kw)] {
        let backwards: Vec<u32> = (0..length as u32).rev().collect();
        flipped = flipped.index_select(&Tensor::new(backwards, x.device())?, axis)?;
    }
    let kernel = flipped.reshape((groups, c / groups, group_outputs, kh, kw))?.transpose(1, 2)?.contiguous()?;
    let kernel = kernel.reshape((groups * group_outputs, c / groups, kh, kw))?;
    let [around_rows, around_columns] = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)];
    let zeros = Padding {
        top: around_rows,
        bottom: around_rows + size[0] + padding[0],
        left: around_columns,
        right: around_columns + size[1] + padding[1],
    };
    let config = Conv2dConfig { stride: [1, 1], padding: zeros, dilation, groups };
    conv2d(&spread, &kernel, bias, &config)?.narrow(2, padding[0], size[0])?.narrow(3, padding[1], size[1])
}

/// Pools x [n, c, h, w] for each (image, weights of the rows [h', h], weights of the columns [w', w]) to [k, c, h',
/// w'].
pub(crate) fn regions(
    x: &Tensor,
    boxes: impl Iterator<Item = (usize, Vec<f32>, Vec<f32>)>,
    size: [usize; 2],
) -> Result<Tensor> {
    let (_, c, h, w) = x.dims4()?;
    let pooled = boxes.map(|(image, rows, columns)| {
        let matrix = |weights: Vec<f32>, shape: (usize, usize)| {
            Tensor::from_vec(weights, shape, x.device())?.to_dtype(x.dtype())
        };
        let along_width =
            x.narrow(0, image, 1)?.contiguous()?.broadcast_matmul(&matrix(columns, (size[1], w))?.t()?)?;
        matrix(rows, (size[0], h))?.broadcast_left((1, c))?.contiguous()?.matmul(&along_width)
    });
    stack(pooled.collect::<Result<Vec<_>>>()?, x, size)
}

/// For each (image, rows, columns), the maximum of each window of x [n, c, h, w], 0 if it is empty.
pub(crate) fn roi_pool<'a>(
    x: &Tensor,
    boxes: impl Iterator<Item = (usize, &'a [Window], &'a [Window])>,
    size: [usize; 2],
) -> Result<Tensor> {
    let pooled = boxes.map(|(image, rows, columns)| {
        let is_empty = |window: &Window| window.start >= window.end;
        let filled = |windows: &[Window]| -> Vec<Window> {
            windows.iter().map(|w| if is_empty(w) { Window { start: 0, end: 1, padded: 1 } } else { *w }).collect()
        };
        let y = largest(&x.narrow(0, image, 1)?, &filled(rows), &filled(columns))?;
        let mask: Vec<u8> = rows
            .iter()
            .flat_map(|row| columns.iter().map(|column| u8::from(!is_empty(row) && !is_empty(column))))
            .collect();
        let mask = Tensor::from_vec(mask, (size[0], size[1]), x.device())?.broadcast_as(y.shape())?;
        mask.where_cond(&y, &y.zeros_like()?)
    });
    stack(pooled.collect::<Result<Vec<_>>>()?, x, size)
}

fn stack(regions: Vec<Tensor>, x: &Tensor, size: [usize; 2]) -> Result<Tensor> {
    match regions[..] {
        [] => Tensor::zeros((0, x.dim(1)?, size[0], size[1]), x.dtype(), x.device()),
        _ => Tensor::cat(&regions, 0),
    }
}
