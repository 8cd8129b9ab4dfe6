//! Numbers of channels with a width factor.

/// `channels` times `width`, rounded, at least 1.
pub(crate) fn scaled(channels: usize, width: f64) -> usize {
    ((channels as f64 * width).round() as usize).max(1)
}

/// `channels` times `width`, rounded to a multiple of 8 but never more than a tenth below: the rule of the MobileNets
/// (`make_divisible` in torchvision and timm).
pub(crate) fn divisible(channels: usize, width: f64) -> usize {
    let exact = channels as f64 * width;
    let nearest = (((exact + 4.0) / 8.0).floor() as usize * 8).max(8);
    if (nearest as f64) < 0.9 * exact { nearest + 8 } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::divisible;

    #[test]
    fn channels_are_multiples_of_8_as_in_torchvision() {
        // torchvision's _make_divisible(channels * width, 8)
        let found =
            [(32, 0.35), (24, 0.35), (32, 0.1), (96, 0.5), (64, 1.4), (1280, 1.3)].map(|(c, w)| divisible(c, w));
        assert_eq!(found, [16, 8, 8, 48, 88, 1664]);
    }
}
