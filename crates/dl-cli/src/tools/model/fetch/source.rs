//! What to fetch: published weights by name, files of a Hugging Face repository, or a web address.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

/// `NAME`, `hf:OWNER/NAME[@REV][:FILE]` or `https://...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A row of the table of published weights.
    Named(String),
    /// On Hugging Face, or a server with the same API.
    Hub(HubSource),
    /// A web address.
    Web(String),
}

/// A repository of a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HubSource {
    /// `OWNER/NAME`; old repositories are just `NAME`.
    pub(super) repository: String,
    /// Branch, tag or commit.
    pub(super) revision: String,
    /// One file, or all that the model needs.
    pub(super) file: Option<String>,
}

impl FromStr for Source {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(rest) = text.strip_prefix("hf:") {
            let (rest, file) = match rest.split_once(':') {
                Some((rest, file)) => (rest, Some(file.to_owned())),
                None => (rest, None),
            };
            let (repository, revision) = rest.split_once('@').unwrap_or((rest, "main"));
            ensure!(
                repository.split('/').count() <= 2 && is_path(repository),
                "expected hf:OWNER/NAME, not hf:{repository}"
            );
            ensure!(is_path(revision), "\"{revision}\" is not a revision");
            if let Some(file) = &file {
                ensure!(is_path(file), "\"{file}\" is not a path in a repository");
            }
            return Ok(Self::Hub(HubSource { repository: repository.to_owned(), revision: revision.to_owned(), file }));
        }
        if text.contains("://") {
            check_address(text)?;
            return Ok(Self::Web(text.to_owned()));
        }
        Ok(Self::Named(text.to_owned()))
    }
}

/// Is it a relative path without `..`?
pub(super) fn is_path(text: &str) -> bool {
    let plain =
        |letter: char| !letter.is_control() && !matches!(letter, '\\' | ':' | '?' | '#' | '*' | '"' | '<' | '>' | '|');
    text.split('/').all(|name| !name.is_empty() && name != "." && name != ".." && name.chars().all(plain))
}

/// Accepts only what cannot be tampered with in transit: https, and http to this machine.
pub(super) fn check_address(address: &str) -> Result<()> {
    let (scheme, rest) = address.split_once("://").context("expected https://...")?;
    let host = host(rest);
    ensure!(!host.is_empty(), "{address}: has no host");
    match scheme {
        "https" => Ok(()),
        "http" if matches!(name_of(host), "localhost" | "127.0.0.1" | "[::1]") => Ok(()),
        "http" => bail!("{address}: plain http can be tampered with; use https://"),
        _ => bail!("{address}: expected https://..."),
    }
}

/// The host and port of an address without its scheme.
fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|letter| letter.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The scheme, host and port.
pub(super) fn origin(address: &str) -> &str {
    let after = address.find("://").map_or(0, |at| at + 3);
    let end = address[after..].find(['/', '?', '#']).map_or(address.len(), |at| after + at);
    &address[..end]
}

/// Where a web address lies in the cache: its host and path, and the digest of its query.
pub(super) fn place(address: &str) -> PathBuf {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.split('#').next().unwrap_or_default();
    let clean = |name: &str| -> String {
        let letters =
            name.chars().map(|letter| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '_' });
        let name: String = letters.collect();
        if name.trim_matches('.').is_empty() { "_".to_owned() } else { name }
    };
    let mut place: PathBuf = path.split('/').filter(|name| !name.is_empty()).map(clean).collect();
    if place.components().count() < 2 {
        place.push("index");
    }
    if !query.is_empty() {
        let digest: String = Sha256::digest(query).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let name = place.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        place.set_file_name(format!("{digest}-{name}"));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_parsed_or_refused() {
        let hub = |repository: &str, revision: &str, file: Option<&str>| {
            let (repository, revision, file) = (repository.to_owned(), revision.to_owned(), file.map(str::to_owned));
            Source::Hub(HubSource { repository, revision, file })
        };
        assert_eq!("hf:a/b".parse::<Source>().unwrap(), hub("a/b", "main", None));
        assert_eq!("hf:gpt2@v1:x/y.bin".parse::<Source>().unwrap(), hub("gpt2", "v1", Some("x/y.bin")));
        let bad = [
            "hf:",
            "hf:a/b/c",
            "hf:../b",
            "hf:a/b:../../etc/passwd",
            "hf:a/b:/etc/passwd",
            "hf:a/b@..",
            "hf:a//b",
            "ftp://a/b",
            "http://example.org/x",
            "http://127.0.0.1.example.org/x",
            "http://localhost@example.org/x",
            "https:///x",
        ];
        for text in bad {
            assert!(text.parse::<Source>().is_err(), "{text}");
        }
        assert!("http://127.0.0.1:8000/x".parse::<Source>().is_ok());
        assert_eq!("resnet50@v1".parse::<Source>().unwrap(), Source::Named("resnet50@v1".to_owned()));
    }

    #[test]
    fn an_address_has_a_place_below_the_cache() {
        assert_eq!(place("https://a.org:80/m/x.pth"), PathBuf::from("a.org_80/m/x.pth"));
        assert_eq!(place("https://a.org/../../x"), PathBuf::from("a.org/_/_/x"));
        assert_eq!(place("https://a.org"), PathBuf::from("a.org/index"));
        assert_ne!(place("https://a.org/x?a"), place("https://a.org/x?b"));
        assert_eq!(origin("https://a.org:80/m?x"), "https://a.org:80");
    }
}
