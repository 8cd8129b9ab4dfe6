//! The charts of a training log: which figures share one, and which come first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::trace::Trace;

/// A metric over the iterations.
#[derive(Default, PartialEq)]
pub(super) struct History {
    pub(super) trained: Trace,
    pub(super) validated: Trace,
}

/// A chart.
pub(super) struct Panel {
    /// Metrics by their names, in drawing order.
    pub(super) metrics: Vec<(String, History)>,
    /// Whether all are shares, whose axis goes from 0 to 1.
    pub(super) is_share: bool,
}

/// The names of learning rates of single players end with this.
pub(super) const RATE: &str = "_lr";
/// The names of the norms of gradients of single players end with this.
const GRADIENT: &str = "_gradient";
/// Losses, of which a GAN has two.
const LOSSES: [&str; 3] = ["loss", "generator", "discriminator"];
/// The most metrics of a chart.
const MOST: usize = 4;

/// What tells a metric from others like it: the domain or the number of its player.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Player {
    Number(u32),
    Domain(char),
}

/// The charts, the most telling first.
pub(super) fn panels(histories: BTreeMap<String, History>) -> Vec<Panel> {
    let mut charts: BTreeMap<(usize, String), Vec<(String, History)>> = BTreeMap::new();
    for (name, history) in without_copies(histories) {
        let rank = name.split(" = ").map(rank).min().unwrap_or(0);
        charts.entry((rank, family(&name))).or_default().push((name, history));
    }
    let mut panels = Vec::new();
    for mut metrics in charts.into_values() {
        metrics.sort_by_cached_key(|(name, _)| (player(name).map(|(_, player)| player), Reverse(name.clone())));
        while !metrics.is_empty() {
            let rest = metrics.split_off(metrics.len().min(MOST));
            let is_share = metrics.iter().all(|(name, history)| is_share(name, history));
            panels.push(Panel { metrics: std::mem::replace(&mut metrics, rest), is_share });
        }
    }
    panels
}

/// Leaves out losses that equal another metric at all points, and names them beside it: the loss of a training for the
/// Fréchet inception distance, or for pixels alone.
fn without_copies(mut histories: BTreeMap<String, History>) -> BTreeMap<String, History> {
    for loss in LOSSES {
        let Some(own) = histories.get(loss) else { continue };
        let copy = histories.iter().find(|(name, other)| !LOSSES.contains(&name.as_str()) && *other == own);
        if let Some(name) = copy.map(|(name, _)| name.clone())
            && let Some(history) = histories.remove(&name)
        {
            histories.remove(loss);
            histories.insert(format!("{name} = {loss}"), history);
        }
    }
    histories
}

/// Where a metric stands: what tells whether a GAN works, then losses, gradients and rates.
fn rank(name: &str) -> usize {
    let (plain, _) = player(name).unwrap_or((name.to_owned(), Player::Number(0)));
    let is_of_player = plain != name;
    match () {
        () if name.ends_with(RATE) || name == "lr" => 9,
        () if name.ends_with(GRADIENT) => 8,
        () if plain == "d_accuracy" => usize::from(is_of_player),
        () if ["d_real", "d_fake"].contains(&plain.as_str()) => 2 + usize::from(is_of_player),
        () if name == "diversity" => 4,
        () if ["fid", "kid", "iou", "psnr", "ssim"].contains(&name) => 5,
        () if LOSSES.contains(&plain.as_str()) => 6,
        () => 7,
    }
}

/// Metrics of the same family share a chart.
fn family(name: &str) -> String {
    let (plain, player) = player(name).map_or((name.to_owned(), ""), |(plain, _)| (plain, "_*"));
    let plain = if plain == "d_fake" { "d_real" } else { &plain };
    // The losses in their order.
    match LOSSES.iter().position(|loss| *loss == plain) {
        Some(place) => format!(" {place}{player}"),
        None => format!("{plain}{player}"),
    }
}

/// The name without the player, and the player: domains a and b at the end of a name, and numbers of the players of a GAN.
fn player(name: &str) -> Option<(String, Player)> {
    let words: Vec<&str> = name.split('_').collect();
    if let [.., _, domain @ ("a" | "b")] = words[..] {
        return Some((words[..words.len() - 1].join("_"), Player::Domain(if domain == "a" { 'a' } else { 'b' })));
    }
    if !["d", "generator", "discriminator"].contains(&words[0]) {
        return None;
    }
    let place = words.iter().position(|word| word.bytes().all(|byte| byte.is_ascii_digit()) && !word.is_empty())?;
    let number = words[place].parse().ok()?;
    Some(([&words[..place], &words[place + 1..]].concat().join("_"), Player::Number(number)))
}

/// Whether a metric is a share of a discriminator's answers or a probability.
fn is_share(name: &str, history: &History) -> bool {
    let (plain, _) = player(name).unwrap_or((name.to_owned(), Player::Number(0)));
    let inside = |trace: &Trace| trace.line().iter().all(|(_, value)| (0.0..=1.0).contains(value));
    ["d_accuracy", "d_real", "d_fake"].contains(&plain.as_str())
        && inside(&history.trained)
        && inside(&history.validated)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the metrics of each chart.
    fn charts(names: &[&str]) -> Vec<String> {
        let history = |place: usize| {
            let mut history = History::default();
            history.trained.push(0.0, place as f64);
            history
        };
        let histories = names.iter().enumerate().map(|(place, name)| ((*name).to_owned(), history(place))).collect();
        let names = |panel: Panel| panel.metrics.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ");
        panels(histories).into_iter().map(names).collect()
    }

    #[test]
    fn what_tells_whether_a_gan_works_comes_first() {
        let names = [
            "adversarial",
            "cycle_a",
            "cycle_b",
            "d_accuracy",
            "d_accuracy_a",
            "d_accuracy_b",
            "d_fake",
            "d_fake_a",
            "d_fake_b",
            "d_real",
            "d_real_a",
            "d_real_b",
            "discriminator",
            "discriminator_gradient",
            "diversity",
            "fid",
            "generator",
            "generator_lr",
        ];
        let expected = [
            "d_accuracy",
            "d_accuracy_a d_accuracy_b",
            "d_real d_fake",
            "d_real_a d_fake_a d_real_b d_fake_b",
            "diversity",
            "fid",
            "generator",
            "discriminator",
            "adversarial",
            "cycle_a cycle_b",
            "discriminator_gradient",
            "generator_lr",
        ];
        assert_eq!(charts(&names), expected);
    }

    #[test]
    fn players_with_numbers_share_charts_of_a_few() {
        let names: Vec<String> = (0..11).map(|level| format!("generator_{level}_gradient")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = charts(&names);
        assert_eq!(found.len(), 3);
        assert!(found[2].ends_with("generator_10_gradient"), "{found:?}");
        assert_eq!(charts(&["ap_50", "ap_75", "loss", "accuracy"]), ["loss", "accuracy", "ap_50", "ap_75"]);
    }

    #[test]
    fn a_loss_that_is_a_metric_is_drawn_once() {
        let of = |values: [f64; 2]| {
            let mut history = History::default();
            values.into_iter().enumerate().for_each(|(at, value)| history.validated.push(at as f64, value));
            history
        };
        let both = |[fid, loss]: [[f64; 2]; 2]| {
            let histories = BTreeMap::from([("fid".to_owned(), of(fid)), ("loss".to_owned(), of(loss))]);
            let name = |panel: Panel| panel.metrics[0].0.clone();
            panels(histories).into_iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(both([[90.0, 80.0]; 2]), ["fid = loss"]);
        assert_eq!(both([[90.0, 80.0], [90.0, 81.0]]), ["fid", "loss"]);
    }

    #[test]
    fn a_critic_without_probabilities_has_an_axis_of_its_own() {
        let is_share = |value: f64| {
            let mut history = History::default();
            history.trained.push(0.0, value);
            panels(BTreeMap::from([("d_real".to_owned(), history)])).iter().all(|panel| panel.is_share)
        };
        assert!(is_share(0.5) && !is_share(-3.0));
    }
}
