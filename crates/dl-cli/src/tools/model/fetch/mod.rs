//! `dl-model fetch`: download model files into a cache.

mod addresses;
pub(super) mod catalog;
mod download;
mod http;
mod hub;
mod source;

use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use dl_models::checkpoint::printable;
use dl_record::file::check_writable;
use dl_record::write_atomically;
use serde_json::json;

use self::download::{Known, Request, download, is_sha256};
use self::http::Http;
use self::hub::Repository;
use self::source::{HubSource, Source, origin, place};
use super::{Format, write};
use crate::common::{Common, Io, Outcome, digest};

/// Download model files into a cache
///
/// A name from dl-model list, such as resnet50, fetches published weights and writes one model file with architecture,
/// labels, preprocessing and license. hf:OWNER/NAME fetches the weights of a Hugging Face model with its config and
/// tokenizer, hf:OWNER/NAME:FILE a single file; @REV selects a branch, tag or commit. https://... fetches any file.
///
/// Prints one JSON line per file with its path, SHA-256 and license. Interrupted downloads resume. A file gets its name
/// only when it is complete and its SHA-256 matches those of the table, the server and --sha256; a file that was damaged
/// in the cache is fetched again. If the license is reported as unknown, check it before you use the model.
///
/// Environment variables: HF_ENDPOINT is the address of another hub, HF_TOKEN the token to log in to it, and
/// HF_HUB_OFFLINE=1 means --offline. DL_WEIGHTS is a file to use as the table of weights, in the format of
/// weights.jsonl in the source code.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  dl-model fetch resnet50 --output resnet50.safetensors
  dl-classify photo.jpg \\
    --model \"$(dl-model fetch squeezenet1_1 | jq -r .file)\"
  dl-model fetch hf:google/mobilenet_v2_1.0_224
  dl-model fetch hf:timm/resnet18.a1_in1k:model.safetensors
  dl-model fetch https://example.org/weights.pth --max-bytes 500M")]
pub(super) struct FetchArgs {
    /// A name from dl-model list, hf:OWNER/NAME[@REV][:FILE] or https://...
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Also copy the model to FILE
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Folder of the cache [default: dl-tools in $XDG_CACHE_HOME or ~/.cache]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,

    /// Expected SHA-256 of the file
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    sha256: Option<String>,

    /// Use cached files only; fail if the file is not in the cache
    #[arg(long)]
    offline: bool,

    /// Retries in a row without progress before giving up
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: u32,

    /// Refuse files of more than N bytes; K, M and G stand for thousand, million and billion
    #[arg(long, value_name = "N", default_value = "100G", value_parser = bytes)]
    max_bytes: u64,

    /// Output format [default: table on a terminal, otherwise json]
    #[arg(long, value_enum)]
    pub(super) format: Option<Format>,

    #[command(flatten)]
    pub(super) common: Common,
}

/// A file to fetch and its place in the cache.
struct Item {
    address: String,
    path: PathBuf,
    revision: Option<String>,
    license: Option<String>,
}

/// A file in the cache.
struct Fetched {
    path: PathBuf,
    known: Known,
    /// False if it was in the cache before.
    is_new: bool,
}

impl FetchArgs {
    pub(super) fn run(&self, io: &mut Io, format: Format) -> Result<Outcome> {
        let source: Source = self.source.parse()?;
        let cache = self.cache()?;
        if let Some(output) = &self.output {
            check_writable(output).context("--output")?;
        }
        let only_one = self.sha256.is_some() || self.output.is_some();
        let files = match &source {
            Source::Named(name) => vec![self.named(io, name, &cache)?],
            _ if self.is_offline() => self.cached(&source, &cache)?,
            _ => self.fetch(io, &source, &cache, self.sha256.as_deref(), only_one)?,
        };
        ensure!(
            self.output.is_none() || files.len() == 1,
            "--output takes one file, {} has {}; select one with :FILE",
            self.source,
            files.len()
        );
        if let (Some(output), [file]) = (&self.output, files.as_slice()) {
            write_atomically(output, |to| Ok(io::copy(&mut File::open(&file.path)?, to).map(|_| ())?))?;
        }
        for file in &files {
            report(io, format, file, self.output.as_deref().unwrap_or(&file.path))?;
        }
        Ok(Outcome::AllWell)
    }

    fn is_offline(&self) -> bool {
        self.offline || env::var("HF_HUB_OFFLINE").is_ok_and(|text| text == "1")
    }

    /// Published weights as one model file.
    fn named(&self, io: &mut Io, name: &str, cache: &Path) -> Result<Fetched> {
        let weights = catalog::find(name)?;
        ensure!(self.sha256.is_none(), "--sha256 is for hf: and https:// sources; the table has the digest of {name}");
        let path = cache.join("models").join(weights.file_name());
        let cached = Known::of(&path).filter(|known| weights.is_origin_of(known));
        let is_damaged = match cached {
            Some(known) if known.is_intact(&path) => return Ok(Fetched { path, known, is_new: false }),
            cached => cached.is_some(),
        };
        let state = if is_damaged { "damaged in" } else { "not in" };
        ensure!(!self.is_offline(), "{name}: {state} the cache {}; fetch it without --offline", cache.display());
        if is_damaged {
            io.messages.note(format_args!("{name}: damaged in the cache; fetching it again"));
        }
        let source: Source = weights.source.parse()?;
        ensure!(!matches!(source, Source::Named(_)), "{name}: the table has no address but \"{}\"", weights.source);
        io.messages.note(format_args!("{name}: {}", weights.description()));
        let files = self.fetch(io, &source, cache, weights.sha256.as_deref(), false)?;
        let first = files.first().with_context(|| format!("{}: has no files", weights.source))?;
        let from = match &source {
            Source::Hub(HubSource { file: None, .. }) => first.path.parent().unwrap_or(cache),
            _ => &first.path,
        };
        weights.convert(from, &path, &first.known.url, &first.known.sha256)?;
        let (bytes, sha256) = digest(&path)?;
        let known = Known {
            url: weights.source.clone(),
            bytes,
            sha256,
            made_from: Some(first.known.sha256.clone()),
            revision: first.known.revision.clone(),
            etag: None,
            license: Some(weights.license.clone()),
        };
        known.write(&path)?;
        // The model file has all that is in them.
        files.iter().filter(|file| file.is_new).for_each(|file| download::remove(&file.path));
        Ok(Fetched { path, known, is_new: true })
    }

    /// Fetches the files of a source. `pin` is the expected SHA-256 of the first, or its first digits. With `only_one`,
    /// more than one file is an error.
    fn fetch(&self, io: &Io, source: &Source, cache: &Path, pin: Option<&str>, only_one: bool) -> Result<Vec<Fetched>> {
        let token = env::var("HF_TOKEN").ok().filter(|token| !token.is_empty());
        let login = token.map(|token| (origin(&hub::endpoint()).to_owned(), token));
        let http = Http::new(login, self.retries, &io.messages);
        let items = match source {
            Source::Web(address) => {
                let path = cache.join("web").join(place(address));
                vec![Item { address: address.clone(), path, revision: None, license: None }]
            }
            Source::Hub(hub) => self.of_hub(&http, hub, cache)?,
            Source::Named(name) => bail!("{name}: not an address"),
        };
        let option = if self.sha256.is_some() { "--sha256 is the digest of" } else { "--output takes" };
        ensure!(
            !only_one || items.len() == 1,
            "{option} one file, {} has {}; select one with :FILE",
            self.source,
            items.len()
        );
        let mut files = Vec::new();
        for Item { address, path, revision, license } in items {
            let (pin, revision) = (pin.filter(|_| files.is_empty()), revision.as_deref());
            let known = Known::of(&path).filter(|known| is_right(known, &path, pin, revision));
            let (known, is_new) = match known {
                Some(known) => (known, false),
                None => {
                    let (address, path, license) = (address.as_str(), path.as_path(), license.as_deref());
                    let request = Request { address, path, pin, max_bytes: self.max_bytes, revision, license };
                    download(&http, &io.messages, &request)?
                }
            };
            files.push(Fetched { path, known, is_new });
        }
        Ok(files)
    }

    /// The files of a repository.
    fn of_hub(&self, http: &Http, hub: &HubSource, cache: &Path) -> Result<Vec<Item>> {
        let folder = hub_folder(cache, hub);
        let context = || format!("hf:{}@{}", hub.repository, hub.revision);
        let repository = Repository::of(http, hub).with_context(context)?;
        let files = match &hub.file {
            Some(file) => vec![file.clone()],
            None => repository.files().with_context(context)?,
        };
        let revision = repository.sha.clone();
        let items = files.iter().map(|file| Item {
            address: hub::address(hub, revision.as_deref().unwrap_or(&hub.revision), file),
            path: folder.join(file),
            revision: revision.clone(),
            license: repository.license(),
        });
        Ok(items.collect())
    }

    /// The files of a source that were fetched before.
    fn cached(&self, source: &Source, cache: &Path) -> Result<Vec<Fetched>> {
        let paths = match source {
            Source::Web(address) => vec![cache.join("web").join(place(address))],
            Source::Hub(hub @ HubSource { file: Some(file), .. }) => vec![hub_folder(cache, hub).join(file)],
            Source::Hub(hub) => in_folder(&hub_folder(cache, hub)),
            Source::Named(_) => Vec::new(),
        };
        let found = paths.into_iter().map(|path| {
            let known = Known::of(&path)?;
            Some(Fetched { path, known, is_new: false })
        });
        let files = found.collect::<Option<Vec<_>>>().filter(|files| !files.is_empty());
        let files = files.with_context(|| {
            format!("{}: not in the cache {}; fetch it without --offline", self.source, cache.display())
        })?;
        for Fetched { path, known, .. } in &files {
            ensure!(known.is_intact(path), "{}: damaged in the cache; fetch it without --offline", path.display());
            if let Some(pin) = &self.sha256 {
                let sha256 = &known.sha256;
                ensure!(sha256 == pin, "{}: has the SHA-256 {sha256}, expected {pin}", path.display());
            }
        }
        Ok(files)
    }

    fn cache(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.cache_dir {
            return Ok(folder.clone());
        }
        let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let found = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
        let found =
            found.or_else(|| folder("LOCALAPPDATA")).context("no cache folder found: name one with --cache-dir")?;
        Ok(found.join("dl-tools"))
    }
}

/// Is the cached file the requested one, as far as this shows without asking the server?
fn is_right(known: &Known, path: &Path, pin: Option<&str>, revision: Option<&str>) -> bool {
    let is_requested = match pin {
        Some(pin) => known.sha256.starts_with(pin),
        None => revision.is_some() && known.revision.as_deref() == revision,
    };
    is_requested && known.is_intact(path)
}

fn hub_folder(cache: &Path, hub: &HubSource) -> PathBuf {
    cache.join("hf").join(&hub.repository).join(hub.revision.replace('/', "_"))
}

/// The fetched files of a folder, sorted.
fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = entries.filter(|path| Known::of(path).is_some()).collect();
    paths.sort();
    paths
}

/// Reports a file at `path` and its license.
fn report(io: &mut Io, format: Format, file: &Fetched, path: &Path) -> Result<()> {
    let Fetched { known, is_new, .. } = file;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let license = match &known.license {
        Some(license) => format!("license {}", printable(license)),
        None => "license unknown: check it before you use the model".to_owned(),
    };
    io.messages.note(format_args!("{name}: {}; {license}", if *is_new { "fetched" } else { "already in the cache" }));
    let row = json!({
        "file": path,
        "bytes": known.bytes,
        "sha256": known.sha256,
        "license": known.license,
        "url": known.url,
        "revision": known.revision,
        "fetched": is_new,
    });
    write(io, &row, format)
}

fn sha256(text: &str) -> Result<String> {
    ensure!(is_sha256(text), "expected 64 hexadecimal digits");
    Ok(text.to_lowercase())
}

/// `4000`, `500M`
fn bytes(text: &str) -> Result<u64> {
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1_000),
        Some((at, 'm' | 'M')) => (&text[..at], 1_000_000),
        Some((at, 'g' | 'G')) => (&text[..at], 1_000_000_000),
        _ => (text, 1_u64),
    };
    let number: Option<u64> = digits.parse().ok();
    number.and_then(|number| number.checked_mul(unit)).context("expected a number of bytes, such as 4000, 500M or 2G")
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_take_units() {
        let sizes = ["0", "4000", "3k", "500M", "2G"].map(|text| super::bytes(text).unwrap());
        assert_eq!(sizes, [0, 4000, 3000, 500_000_000, 2_000_000_000]);
        for text in ["", "G", "-1", "1.5G", "1T", "99999999999999G", "5 M", "1é"] {
            assert!(super::bytes(text).is_err(), "{text}");
        }
    }
}
