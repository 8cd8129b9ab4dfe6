//! The images of two domains.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use dl_record::Record;

use dl_record::Digest;

/// Domains that an error names.
const NAMED: usize = 5;

/// The images of a stream by domain, without pixels.
#[derive(Clone, Debug, Default)]
pub struct UnpairedImages {
    /// Sources by the domain's name.
    found: BTreeMap<String, Vec<String>>,
    /// The two domains, after [`finish`](Self::finish).
    names: [String; 2],
    sources: [Vec<String>; 2],
}

impl UnpairedImages {
    /// Adds the image of a record, whose domain is its `domain`, or else its `label`. A record that fails adds nothing.
    /// # Errors
    /// When the record has no `image`, and neither `domain` nor `label`.
    pub fn push(&mut self, record: &Record) -> Result<()> {
        let image: String = record.require("image", "it is what the GAN is trained on")?;
        let domain = record.domain()?;
        let domain = match domain.map_or_else(|| record.label(), |domain| Ok(Some(domain)))? {
            Some(domain) => domain,
            None => {
                bail!("the record has neither domain nor label, which say which of the two domains the image is of")
            }
        };
        ensure!(!domain.is_empty(), "domain is empty");
        self.found.entry(domain).or_default().push(image);
        Ok(())
    }

    /// Keeps two domains: those `wanted`, in this order, or all, by name. Returns how many images of others are left
    /// out.
    /// # Errors
    /// When there are not two domains, or one has fewer than two images.
    pub fn finish(&mut self, wanted: Option<&[String; 2]>) -> Result<usize> {
        let mut found = std::mem::take(&mut self.found);
        let known = || -> String {
            let mut names: Vec<&str> = found.keys().map(String::as_str).take(NAMED).collect();
            if found.len() > NAMED {
                names.push("...");
            }
            names.join(", ")
        };
        self.names = match wanted {
            Some(wanted) => {
                if let Some(missing) = wanted.iter().find(|name| !found.contains_key(*name)) {
                    bail!("no record has the domain {missing}; the domains are {}", known());
                }
                wanted.clone()
            }
            None => match found.len() {
                1 => bail!("all records have the domain {}; records of two domains are needed", known()),
                2 => {
                    let names: Vec<String> = found.keys().cloned().collect();
                    names.try_into().ok().context("two domains")?
                }
                count => bail!("the records have {count} domains ({}); choose two with --domains A,B", known()),
            },
        };
        self.sources = self.names.clone().map(|name| found.remove(&name).unwrap_or_default());
        for (name, sources) in self.names.iter().zip(&self.sources) {
            ensure!(sources.len() > 1, "the domain {name} has one image; several are needed");
        }
        Ok(found.values().map(Vec::len).sum())
    }

    /// The names of both domains.
    pub fn names(&self) -> &[String; 2] {
        &self.names
    }

    /// The paths or `data:` URIs of both domains.
    pub fn sources(&self) -> &[Vec<String>; 2] {
        &self.sources
    }

    /// A fingerprint of the data.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for (name, sources) in self.names.iter().zip(&self.sources) {
            digest.text(name);
            sources.iter().for_each(|source| digest.text(source));
        }
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(domains: &[(&str, usize)]) -> UnpairedImages {
        let mut images = UnpairedImages::default();
        for (domain, count) in domains {
            for index in 0..*count {
                let text = format!("{{\"image\":\"{domain}{index}.png\",\"domain\":\"{domain}\"}}");
                images.push(&serde_json::from_str(&text).unwrap()).unwrap();
            }
        }
        images
    }

    #[test]
    fn two_domains_are_chosen_or_named() {
        let mut two = images(&[("winter", 3), ("summer", 2)]);
        assert_eq!(two.finish(None).unwrap(), 0);
        assert_eq!(two.names().each_ref().map(String::as_str), ["summer", "winter"]);
        assert_eq!(two.sources().each_ref().map(Vec::len), [2, 3]);
        let order = ["winter", "autumn"].map(str::to_owned);
        let mut three = images(&[("winter", 3), ("summer", 2), ("autumn", 4)]);
        let error = three.clone().finish(None).unwrap_err().to_string();
        assert!(error.contains("3 domains (autumn, summer, winter); choose two with --domains"), "{error}");
        assert_eq!(three.finish(Some(&order)).unwrap(), 2);
        assert_eq!(three.sources().each_ref().map(Vec::len), [3, 4]);
        let refused = |domains: &[(&str, usize)], wanted: Option<&[String; 2]>| {
            images(domains).finish(wanted).unwrap_err().to_string()
        };
        assert!(refused(&[("winter", 5)], None).contains("all records have the domain winter"));
        assert!(refused(&[("winter", 5), ("summer", 1)], None).contains("the domain summer has one image"));
        assert!(refused(&[("winter", 5), ("summer", 2)], Some(&order)).contains("no record has the domain autumn"));
    }
}
