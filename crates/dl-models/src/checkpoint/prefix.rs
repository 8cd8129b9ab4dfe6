//! Prefixes of tensor names, from networks that were part of something larger.
//!
//! PyTorch Lightning puts a classifier's network under `model.`, detectors use `backbone.`, and DataParallel `module.`.

use std::collections::{BTreeMap, BTreeSet};

/// Prefixes that PyTorch's wrappers add to every name.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Most nested wrappers.
pub(super) const MOST_WRAPPERS: usize = 4;

/// Likely prefixes when several networks in a file fit, likeliest first.
const LIKELY: [&str; 6] = ["model.", "backbone.", "module.", "net.", "encoder.", "model_ema."];

/// The wrapper prefix that all of these names share.
pub(super) fn wrapper<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<&'static str> {
    let of_all =
        |wrapper: &&&str| names.clone().all(|name| name.strip_prefix(**wrapper).is_some_and(|rest| !rest.is_empty()));
    WRAPPERS.iter().find(of_all).copied().filter(|_| names.clone().next().is_some())
}

/// The prefix of the network whose tensors are `expected`, unless they exist without one: every tensor outside of the
/// heads must exist under the prefix with the expected shape.
pub(super) fn of_network<'a>(
    expected: &BTreeMap<String, Vec<usize>>,
    in_head: impl Fn(&str) -> bool,
    shape: impl Fn(&str) -> Option<&'a [usize]>,
    names: impl Iterator<Item = &'a str>,
) -> Option<String> {
    let body: Vec<_> = expected.iter().filter(|(name, _)| !in_head(name)).collect();
    let fits = |prefix: &str| {
        let has = |(name, expected): &&(&String, &Vec<usize>)| {
            shape(&format!("{prefix}{name}")).is_some_and(|found| found == expected.as_slice())
        };
        body.iter().all(|tensor| has(&tensor))
    };
    let (first, _) = body.first()?;
    if fits("") {
        return None;
    }
    let before = names.filter_map(|name| name.strip_suffix(first.as_str())).filter(|prefix| prefix.ends_with('.'));
    let found: BTreeSet<&str> = before.filter(|prefix| fits(prefix)).collect();
    let likely = LIKELY.into_iter().find(|prefix| found.contains(prefix));
    likely.or_else(|| found.into_iter().min_by_key(|prefix| prefix.len())).map(str::to_owned)
}
