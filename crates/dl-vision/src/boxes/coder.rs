//! Encodes a box as an offset from another one: Girshick et al. 2014, appendix C; with weights, torchvision's
//! `BoxCoder`.

use dl_record::BBox;

/// Encodes a box relative to a proposal (or anchor) as (dx, dy, dw, dh): the shift of the center in units of the
/// proposal size, and the logarithm of the scaling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoxCoder {
    /// Factors for (dx, dy, dw, dh): 1 for R-CNN, (10, 10, 5, 5) for the heads of Fast R-CNN.
    pub weights: [f64; 4],
}

/// The largest scaling when decoding, so that an extreme prediction does not overflow: a stride-16 cell to 1000 pixels.
const LARGEST_GROWTH: f64 = 1000.0 / 16.0;

impl Default for BoxCoder {
    fn default() -> Self {
        Self { weights: [1.0; 4] }
    }
}

impl BoxCoder {
    /// The deltas (dx, dy, dw, dh) from `proposal` to `truth`. Both must have a width and a height above 0; otherwise
    /// some delta is not finite.
    pub fn encode(&self, proposal: &BBox, truth: &BBox) -> [f64; 4] {
        let ((px, py), (tx, ty)) = (proposal.center(), truth.center());
        let [wx, wy, ww, wh] = self.weights;
        [
            wx * (tx - px) / proposal.width(),
            wy * (ty - py) / proposal.height(),
            ww * (truth.width() / proposal.width()).ln(),
            wh * (truth.height() / proposal.height()).ln(),
        ]
    }

    /// The box at `deltas` from `proposal`. It may extend outside the image.
    pub fn decode(&self, proposal: &BBox, deltas: [f64; 4]) -> BBox {
        let (px, py) = proposal.center();
        let [dx, dy, dw, dh] = std::array::from_fn(|i| deltas[i] / self.weights[i]);
        let (x, y) = (px + dx * proposal.width(), py + dy * proposal.height());
        let largest = LARGEST_GROWTH.ln();
        let half_width = 0.5 * proposal.width() * dw.min(largest).exp();
        let half_height = 0.5 * proposal.height() * dh.min(largest).exp();
        BBox::new(x - half_width, y - half_height, x + half_width, y + half_height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_are_those_of_the_paper() {
        let proposal = BBox::new(10.0, 20.0, 30.0, 60.0);
        let truth = BBox::new(20.0, 20.0, 60.0, 40.0);
        // Centers (20, 40) and (40, 30); sizes 20 x 40 and 40 x 20.
        assert_eq!(BoxCoder::default().encode(&proposal, &truth), [1.0, -0.25, 2f64.ln(), 0.5f64.ln()]);
    }

    #[test]
    fn decoding_inverts_encoding() {
        let coder = BoxCoder { weights: [10.0, 10.0, 5.0, 5.0] };
        let (proposal, truth) = (BBox::new(3.5, 2.0, 17.25, 40.0), BBox::new(-4.0, 8.0, 9.0, 11.5));
        let decoded: [f64; 4] = coder.decode(&proposal, coder.encode(&proposal, &truth)).into();
        for (found, expected) in decoded.iter().zip(<[f64; 4]>::from(truth)) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn an_extreme_prediction_is_clamped() {
        let decoded = BoxCoder::default().decode(&BBox::new(0.0, 0.0, 16.0, 16.0), [0.0, 0.0, 1e6, 1e6]);
        assert!((decoded.width() - 1000.0).abs() < 1e-9 && (decoded.height() - 1000.0).abs() < 1e-9);
    }
}
