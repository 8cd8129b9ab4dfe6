//! Which domains are the source, and which the target.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use dl_record::Fnv1a;
use dl_transfer::rows::Row;
use serde::Serialize;

use super::{Fatal, Messages, clipped, few};

/// The error of a record without a domain.
pub(crate) const NO_DOMAIN: &str = "the record has no \"domain\"; dl-data from .. --domain NAME sets it";

/// Options of every method that knows two sides.
#[derive(clap::Args, Serialize, Debug, Default)]
pub(crate) struct SideArgs {
    /// Domains to learn from [default: source; with --target, all others]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    source: Vec<String>,

    /// Domains to adapt to [default: target; with --source, all others]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    target: Vec<String>,
}

/// The most domains that are gathered without `--source` and `--target`, since each may take much memory.
const MOST_DOMAINS: usize = 64;

/// What was gathered of each domain.
pub(crate) struct Domains<S> {
    sets: BTreeMap<String, S>,
    /// The domain of each id, as digests.
    ids: BTreeMap<u64, u64>,
    /// Names of domains that were left alone, for messages.
    ignored: BTreeSet<String>,
    /// The first id that is twice in a domain, and how many records have one that was there before.
    repeated: Option<(String, usize)>,
}

/// What was gathered of each side.
pub(crate) struct Sided<S> {
    pub(crate) source: S,
    pub(crate) target: S,
    /// The side of each domain: 0 is the source, 1 the target.
    pub(crate) domains: BTreeMap<String, usize>,
}

impl SideArgs {
    /// Whether rows of this domain are left alone.
    fn ignores(&self, domain: &str) -> bool {
        let is_in = |names: &[String]| names.iter().any(|name| name == domain);
        !self.source.is_empty() && !self.target.is_empty() && !is_in(&self.source) && !is_in(&self.target)
    }

    /// The sides of the domains that were found.
    fn resolve(&self, found: &BTreeSet<&str>) -> Result<[BTreeSet<String>; 2]> {
        let owned = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
        let others = |names: &BTreeSet<String>| -> BTreeSet<String> {
            found.iter().filter(|domain| !names.contains(**domain)).map(|domain| (*domain).to_owned()).collect()
        };
        let (mut source, mut target) = (owned(&self.source), owned(&self.target));
        match (source.is_empty(), target.is_empty()) {
            (true, true) => {
                source = owned(&["source".to_owned()]);
                target = owned(&["target".to_owned()]);
            }
            (true, false) => source = others(&target),
            (false, true) => target = others(&source),
            (false, false) => {}
        }
        if let Some(both) = source.intersection(&target).next() {
            bail!("the domain \"{both}\" is in --source and in --target; name it once");
        }
        let shown = few(found.iter().copied());
        for (names, side, option) in [(&source, "source", "--source"), (&target, "target", "--target")] {
            ensure!(!names.is_empty(), "no record is left for the {side}: all domains ({shown}) are on the other side");
            if let Some(missing) = names.iter().find(|name| !found.contains(name.as_str())) {
                bail!("no record of the {side}: the domain \"{missing}\" is not among {shown}; choose with {option}");
            }
        }
        Ok([source, target])
    }
}

impl<S> Domains<S> {
    pub(crate) fn new() -> Self {
        Self { sets: BTreeMap::new(), ids: BTreeMap::new(), ignored: BTreeSet::new(), repeated: None }
    }

    /// Adds a row to what is gathered of its domain, which `new` begins.
    /// # Errors
    /// When the record has no domain, its id is in another domain, or there are too many domains.
    pub(crate) fn push(
        &mut self,
        sides: &SideArgs,
        row: Row,
        new: impl FnOnce() -> S,
        add: impl FnOnce(&mut S, Row),
    ) -> Result<()> {
        let Some(domain) = row.domain.clone() else {
            bail!(NO_DOMAIN);
        };
        if sides.ignores(&domain) {
            if self.ignored.len() < MOST_DOMAINS {
                self.ignored.insert(domain);
            }
            return Ok(());
        }
        ensure!(
            self.sets.contains_key(&domain) || self.sets.len() < MOST_DOMAINS,
            "more than {MOST_DOMAINS} domains; choose with --source and --target"
        );
        let hash = |text: &str| Fnv1a::of(text.bytes());
        let of_domain = hash(&domain);
        let before = if row.id.is_empty() { None } else { self.ids.insert(hash(&row.id), of_domain) };
        match before {
            None => {}
            Some(before) if before == of_domain => {
                let (_, count) = self.repeated.get_or_insert_with(|| (row.id.clone(), 0));
                *count += 1;
            }
            Some(_) => {
                return Err(Fatal(format!(
                    "the id \"{}\" is in the domain \"{domain}\" and in another; no sample is in two domains: give them ids \
                     that differ, as dl-data from .. --domain NAME does",
                    row.id
                ))
                .into());
            }
        }
        add(self.sets.entry(domain).or_insert_with(new), row);
        Ok(())
    }

    /// Notes records whose id an earlier one of their domain has: they count again, which is seldom meant.
    pub(crate) fn note_repeated(&self, messages: &Messages) {
        if let Some((id, count)) = &self.repeated {
            messages.note(format_args!(
                "{} an id that was read before, the first \"{}\"; ids are unique in a stream, and a sample that is there \
                 twice counts twice",
                if *count == 1 { "1 record has".to_owned() } else { format!("{count} records have") },
                clipped(id, 48)
            ));
        }
    }

    /// Joins what was gathered of the domains of each side.
    /// # Errors
    /// When a side has no record.
    pub(crate) fn sided(self, sides: &SideArgs, mut join: impl FnMut(&mut S, S)) -> Result<Sided<S>> {
        let found = self.sets.keys().chain(&self.ignored).map(String::as_str).collect();
        let [source, target] = sides.resolve(&found)?;
        let mut joined = [None, None];
        let mut domains = BTreeMap::new();
        for (name, set) in self.sets {
            let side = match name {
                _ if source.contains(&name) => 0,
                _ if target.contains(&name) => 1,
                _ => continue,
            };
            domains.insert(name, side);
            match &mut joined[side] {
                Some(before) => join(before, set),
                empty => *empty = Some(set),
            }
        }
        match joined {
            [Some(source), Some(target)] => Ok(Sided { source, target, domains }),
            _ => bail!("no record of one side"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(source: &[&str], target: &[&str], found: &[&str]) -> Result<[Vec<String>; 2]> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let sides = SideArgs { source: owned(source), target: owned(target) };
        let found = sides.resolve(&found.iter().copied().collect())?;
        Ok(found.map(|names| names.into_iter().collect()))
    }

    #[test]
    fn the_sides_are_named_or_the_rest() {
        let found = ["amazon", "dslr", "webcam"];
        assert_eq!(resolved(&["dslr"], &[], &found).unwrap(), [vec!["dslr"], vec!["amazon", "webcam"]]);
        assert_eq!(resolved(&[], &["dslr"], &found).unwrap(), [vec!["amazon", "webcam"], vec!["dslr"]]);
        assert_eq!(resolved(&["amazon"], &["dslr"], &found).unwrap(), [vec!["amazon"], vec!["dslr"]]);
        assert_eq!(resolved(&[], &[], &["source", "target"]).unwrap(), [vec!["source"], vec!["target"]]);
        let wrong =
            |source: &[&str], target: &[&str], found: &[&str]| resolved(source, target, found).unwrap_err().to_string();
        assert!(wrong(&[], &[], &found).contains("\"source\" is not among \"amazon\", \"dslr\", \"webcam\""));
        assert!(wrong(&[], &[], &["source"]).contains("no record of the target"));
        assert!(wrong(&["dslr"], &["dslr"], &found).contains("in --source and in --target"));
        assert!(wrong(&["dslr", "amazon", "webcam"], &[], &found).contains("no record is left for the target"));
    }
}
