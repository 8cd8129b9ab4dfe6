//! A metric during training, in bounded memory however long the training was.

/// Half of the most spans that are kept.
const SPANS: usize = 1 << 12;

/// Values in order; when they are too many, neighbors share a span.
#[derive(Default, PartialEq)]
pub(super) struct Trace {
    spans: Vec<Span>,
    /// A span holds 2 to this power values.
    doublings: u32,
}

/// Neighboring values.
#[derive(Clone, Copy, PartialEq)]
struct Span {
    at: f64,
    low: f64,
    high: f64,
    mean: f64,
    count: u64,
}

impl Span {
    fn join(&mut self, other: &Self) {
        (self.low, self.high) = (self.low.min(other.low), self.high.max(other.high));
        let count = self.count + other.count;
        self.mean = self.mean * (self.count as f64 / count as f64) + other.mean * (other.count as f64 / count as f64);
        self.count = count;
    }
}

impl Trace {
    pub(super) fn push(&mut self, at: f64, value: f64) {
        let span = Span { at, low: value, high: value, mean: value, count: 1 };
        match self.spans.last_mut().filter(|last| last.count < 1 << self.doublings) {
            Some(last) => last.join(&span),
            None => self.spans.push(span),
        }
        if self.spans.len() > 2 * SPANS {
            let pairs = self.spans.chunks(2).map(|pair| {
                let mut first = pair[0];
                pair[1..].iter().for_each(|second| first.join(second));
                first
            });
            self.spans = pairs.collect();
            self.doublings += 1;
        }
    }

    /// The line through the lowest and highest value of each span.
    pub(super) fn line(&self) -> Vec<(f64, f64)> {
        let ends = |span: &Span| {
            let low = (span.low < span.high).then_some((span.at, span.low));
            low.into_iter().chain([(span.at, span.high)])
        };
        self.spans.iter().flat_map(ends).collect()
    }

    /// The running mean over a fiftieth of the spans. Nothing is subtracted from a sum, since the rounding error of a
    /// single huge value would stay in it.
    pub(super) fn smooth(&self) -> Vec<(f64, f64)> {
        let window = (self.spans.len() / 50).max(1);
        // Sums from each place to the end of its block; with the sums from the start of the next block they make up any
        // window.
        let mut to_end: Vec<f64> = self.spans.iter().map(|span| span.mean).collect();
        for block in to_end.chunks_mut(window) {
            for index in (1..block.len()).rev() {
                block[index - 1] += block[index];
            }
        }
        let mut from_start = 0.0;
        let mean = |(index, span): (usize, &Span)| {
            from_start = if index % window == 0 { span.mean } else { from_start + span.mean };
            let first = (index + 1).saturating_sub(window);
            let sum = if first % window == 0 { from_start } else { to_end[first] + from_start };
            (span.at, sum / (index + 1 - first) as f64)
        };
        self.spans.iter().enumerate().map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(values: impl Iterator<Item = f64>) -> Trace {
        let mut trace = Trace::default();
        values.enumerate().for_each(|(at, value)| trace.push(at as f64, value));
        trace
    }

    #[test]
    fn a_running_mean_recovers_from_a_spike() {
        let values: Vec<f64> = (0..500).map(|at| if at == 100 { 1e30 } else { f64::from(at % 10) }).collect();
        let smooth = trace(values.iter().copied()).smooth();
        for (index, (_, mean)) in smooth.iter().enumerate() {
            let window = &values[(index + 1).saturating_sub(10)..=index];
            let expected = window.iter().sum::<f64>() / window.len() as f64;
            assert!((mean - expected).abs() <= 1e-12 * expected, "{index}: {mean} {expected}");
        }
    }

    #[test]
    fn a_long_training_keeps_its_peaks_in_few_points() {
        let long = trace((0..1_000_000).map(|at| if at == 123_456 { 7.0 } else { -1.0 }));
        let line = long.line();
        assert!(line.len() <= 4 * SPANS && line.iter().any(|(_, value)| *value == 7.0));
        assert!(long.smooth().iter().all(|(_, mean)| (-1.0..0.0).contains(mean)));
        assert_eq!(trace([3.0, 1.0, 2.0].into_iter()).line(), [(0.0, 3.0), (1.0, 1.0), (2.0, 2.0)]);
    }
}
