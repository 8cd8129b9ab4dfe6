//! Watches the balance of the game, and warns when one player has won.

use std::collections::BTreeMap;

/// Batches over which figures are averaged.
const WINDOW: f64 = 200.0;
/// Batches before the first alarm, and between two alarms of a kind.
const QUIET: usize = 500;
/// Accuracy of a discriminator that has won.
const WON: f64 = 0.99;
/// Spread of the generated images, relative to the real ones, when the generator has collapsed.
const COLLAPSED: f64 = 0.15;

#[derive(Default)]
pub(super) struct Watch {
    means: BTreeMap<String, f64>,
    steps: f64,
    /// The batch of the last alarm of each kind.
    alarms: BTreeMap<&'static str, usize>,
}

impl Watch {
    /// Takes in the figures of a batch, and returns an alarm.
    pub(super) fn step(&mut self, iteration: usize, figures: &[(String, f64)]) -> Option<String> {
        self.steps += 1.0;
        let share = 1.0 / self.steps.min(WINDOW);
        for (name, value) in figures.iter().filter(|(_, value)| value.is_finite()) {
            let mean = self.means.entry(name.clone()).or_insert(*value);
            *mean += share * (value - *mean);
        }
        if self.steps < QUIET as f64 {
            return None;
        }
        let batches = WINDOW as usize;
        if self.has_won() && self.is_due("won", iteration) {
            return Some(format!(
                "the discriminator has won: it was right about {:.1}% of the last {batches} batches, so the generator gets \
                 no useful gradient; try --instance-noise 0.1, --label-smoothing 0.1, or a lower --lr-d",
                100.0 * self.mean("d_accuracy")
            ));
        }
        if self.has_collapsed() && self.is_due("collapsed", iteration) {
            return Some(format!(
                "the generator has collapsed: its images differ {:.2} times as much as the real ones; start over with \
                 another --seed, a lower --lr-g, or --loss relativistic",
                self.mean("diversity")
            ));
        }
        None
    }

    /// Whether the discriminator is always right.
    fn has_won(&self) -> bool {
        self.steps >= WINDOW && self.mean("d_accuracy") > WON
    }

    /// Whether the generator makes the same image again and again.
    fn has_collapsed(&self) -> bool {
        self.steps >= WINDOW && self.mean("diversity") < COLLAPSED
    }

    fn is_due(&mut self, kind: &'static str, iteration: usize) -> bool {
        let due = self.alarms.get(kind).is_none_or(|last| iteration >= last + 10 * QUIET);
        if due {
            self.alarms.insert(kind, iteration);
        }
        due
    }

    fn mean(&self, name: &str) -> f64 {
        self.means.get(name).copied().unwrap_or(f64::NAN)
    }

    /// `D(real) 0.61, D(fake) 0.40, accuracy of the discriminator 0.75, diversity 0.93`, of those that were logged.
    pub(super) fn summary(&self) -> String {
        let words = [
            ("d_real", "D(real)"),
            ("d_fake", "D(fake)"),
            ("d_accuracy", "accuracy of the discriminator"),
            ("diversity", "diversity"),
            ("psnr", "PSNR"),
        ];
        let known = words.iter().filter_map(|(name, words)| Some(format!("{words} {:.2}", self.means.get(*name)?)));
        let known = known.collect::<Vec<_>>().join(", ");
        let verdict = match () {
            () if self.has_won() => " (the discriminator has won)",
            () if self.has_collapsed() => " (the generator has collapsed)",
            () => "",
        };
        format!("{known}{verdict}")
    }
}

/// The figures of a batch for the progress display.
pub(super) fn words(figures: &[(String, f64)]) -> String {
    // Short, so that a line of 80 columns has room for them.
    let shown = [("d_accuracy", "D right"), ("diversity", "diversity"), ("psnr", "PSNR"), ("iou", "IoU")];
    let words = shown.iter().filter_map(|(name, word)| {
        let (_, value) = figures.iter().find(|(known, _)| known == name)?;
        Some(format!("{word} {value:.2}"))
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(accuracy: f64, diversity: f64) -> Vec<(String, f64)> {
        vec![("d_accuracy".to_owned(), accuracy), ("diversity".to_owned(), diversity)]
    }

    #[test]
    fn alarms_are_rare_and_name_what_happened() {
        let mut watch = Watch::default();
        let alarms: Vec<String> = (0..3000).filter_map(|step| watch.step(step, &figures(1.0, 1.0))).collect();
        assert!(alarms.len() == 1 && alarms[0].contains("discriminator has won"), "{alarms:?}");
        let mut watch = Watch::default();
        let alarms: Vec<String> = (0..3000).filter_map(|step| watch.step(step, &figures(0.8, 0.05))).collect();
        assert!(alarms.len() == 1 && alarms[0].contains("collapsed"), "{alarms:?}");
        let mut watch = Watch::default();
        let alarms = (0..3000).filter_map(|step| watch.step(step, &figures(1.0, 0.05))).count();
        assert_eq!(alarms, 2, "one alarm does not hide the other");
        let mut watch = Watch::default();
        assert!((0..3000).all(|step| watch.step(step, &figures(0.8, 0.9)).is_none()));
    }
}
