//! Download one file into the cache. It gets its name only when it is complete and checked.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use dl_models::Checkpoint;
use dl_record::write_atomically;
use serde::{Deserialize, Serialize};

use super::http::{Answer, Attempts, Failure, Http};
use super::hub::MAX_LICENSE;
use crate::common::{Messages, digest, is_model};

/// What to fetch.
pub(super) struct Request<'a> {
    pub(super) address: &'a str,
    /// Where to put it.
    pub(super) path: &'a Path,
    /// The expected SHA-256, or its first digits.
    pub(super) pin: Option<&'a str>,
    /// The largest size accepted.
    pub(super) max_bytes: u64,
    /// The commit of its repository.
    pub(super) revision: Option<&'a str>,
    pub(super) license: Option<&'a str>,
}

/// What is known about a file in the cache, stored beside it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) url: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// The SHA-256 of the published weights that it was made from.
    #[serde(default)]
    pub(super) made_from: Option<String>,
    #[serde(default)]
    pub(super) revision: Option<String>,
    #[serde(default)]
    pub(super) etag: Option<String>,
    #[serde(default, alias = "licence")]
    pub(super) license: Option<String>,
}

impl Known {
    /// What is known about a file, if the file is there in full.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let known: Self = serde_json::from_slice(&fs::read(beside(path, "json")).ok()?).ok()?;
        (fs::metadata(path).ok()?.len() == known.bytes).then_some(known)
    }

    /// Whether the file still has its SHA-256: it is read, since a disk or a program may have changed it.
    pub(super) fn is_intact(&self, path: &Path) -> bool {
        digest(path).is_ok_and(|(_, sha256)| sha256 == self.sha256)
    }

    /// Stores it beside the file.
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        write_atomically(&beside(path, "json"), |output| Ok(serde_json::to_writer(output, self)?))
    }
}

/// Removes a file from the cache.
pub(super) fn remove(path: &Path) {
    for path in [path.to_owned(), beside(path, "json"), beside(path, "lock")] {
        let _ = fs::remove_file(path);
    }
}

/// `.NAME.json` and so on, beside `NAME`.
fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{what}"))
}

/// The file that a partial download belongs to.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct PartOf {
    url: String,
    etag: Option<String>,
}

/// Fetches a file, resuming what an earlier run left. True: it was fetched; false: the cached file is up to date.
/// # Errors
/// When the server does not have it, breaks off too often, or sends something other than it announced or the user
/// expects. A file that had the name before stays.
pub(super) fn download(http: &Http, messages: &Messages, request: &Request) -> Result<(Known, bool)> {
    let Request { address, path, .. } = *request;
    let folder = path.parent().context("the file has no folder")?;
    let in_cache = || format!("{}: the cache cannot be written", path.display());
    fs::create_dir_all(folder).with_context(in_cache)?;
    let part_path = beside(path, "part");
    // Not the part itself, which is renamed.
    let lock = File::create(beside(path, "lock")).with_context(in_cache)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("{}: another dl-model is fetching it", path.display()),
        Err(TryLockError::Error(error)) => return Err(error).with_context(in_cache),
    }
    let mut part = OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(&part_path)
        .with_context(in_cache)?;
    let cached = Known::of(path)
        .filter(|known| known.url == address && request.pin.is_none_or(|pin| known.sha256.starts_with(pin)))
        .filter(|known| known.is_intact(path));
    let mut run = Run {
        http,
        messages,
        request,
        part: &mut part,
        part_of: PartOf::default(),
        total: None,
        checksum: None,
        license: None,
        best: 0,
    };
    if !run.receive(cached.as_ref().and_then(|known| known.etag.clone()))? {
        drop(part);
        let _ = fs::remove_file(&part_path);
        return cached
            .map(|known| (known, false))
            .context("the server answers that the file has not changed, but it is not in the cache");
    }
    let (etag, checksum) = (run.part_of.etag, run.checksum);
    let license = request.license.map(str::to_owned).or(run.license);
    part.sync_all().with_context(in_cache)?;
    let checked = check(&part_path, request, checksum.as_deref());
    let (bytes, sha256) = match checked {
        Ok(found) => found,
        Err(error) => {
            let _ = fs::remove_file(&part_path);
            let _ = fs::remove_file(beside(path, "part.json"));
            return Err(error);
        }
    };
    drop(part);
    fs::rename(&part_path, path).with_context(in_cache)?;
    let _ = fs::remove_file(beside(path, "part.json"));
    let revision = request.revision.map(str::to_owned);
    let known = Known { url: address.to_owned(), bytes, sha256, made_from: None, revision, etag, license };
    known.write(path)?;
    Ok((known, true))
}

/// A download in progress.
struct Run<'a> {
    http: &'a Http<'a>,
    messages: &'a Messages,
    request: &'a Request<'a>,
    part: &'a mut File,
    part_of: PartOf,
    /// Size of the whole file, if the server has stated it.
    total: Option<u64>,
    /// The SHA-256 that a hub states.
    checksum: Option<String>,
    /// The license in the server's headers.
    license: Option<String>,
    /// The most bytes received so far.
    best: u64,
}

impl Run<'_> {
    /// Downloads the part. False: the server answers that the file of `etag` has not changed.
    fn receive(&mut self, etag: Option<String>) -> Result<bool> {
        let left = fs::read(beside(self.request.path, "part.json")).ok();
        self.part_of = left.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        if self.part_of.url != self.request.address || self.part_of.etag.is_none() {
            self.restart()?;
        }
        self.best = self.part.metadata()?.len();
        if self.best > 0 {
            self.messages.note(format_args!("resuming at byte {} of {}", self.best, self.request.address));
        }
        let mut attempts = Attempts::default();
        loop {
            let failure = match self.attempt(etag.as_deref()) {
                Ok(Some(changed)) => return Ok(changed),
                Ok(None) => {
                    Failure::Later(anyhow!("{}: changed on the server during the download", self.request.address), None)
                }
                Err(failure) => failure,
            };
            let have = self.part.metadata()?.len();
            // Without a stated size, more bytes may be the same ones again.
            if have > self.best && self.total.is_some() {
                (self.best, attempts.since_progress) = (have, 0);
            }
            self.http.pause(failure, &mut attempts)?;
        }
    }

    /// One connection. `Some(true)`: complete; `Some(false)`: unchanged; `None`: the part belonged to another file.
    fn attempt(&mut self, etag: Option<&str>) -> Result<Option<bool>, Failure> {
        let local = |error: std::io::Error| Failure::Final(anyhow!("{}: {error}", self.request.path.display()));
        let mut have = self.part.metadata().map_err(local)?.len();
        let mut headers = Vec::new();
        if have > 0 {
            headers.push(("Range", format!("bytes={have}-")));
            headers.extend(self.part_of.etag.clone().map(|etag| ("If-Range", etag)));
        } else {
            headers.extend(etag.map(|etag| ("If-None-Match", etag.to_owned())));
        }
        let answer = self.http.get(self.request.address, &headers)?;
        let known_size = answer.first_header("x-linked-size").and_then(|text| text.parse().ok());
        if let Some(checksum) = answer.first_header("x-linked-etag").map(|text| text.trim_matches('"').to_lowercase()) {
            self.checksum = Some(checksum).filter(|text| is_sha256(text));
        }
        self.license = license(&answer).or(self.license.take());
        match answer.status {
            304 if have == 0 => return Ok(Some(false)),
            206 => match content_range(&answer) {
                Some((start, total)) if start == have => self.total = total.or(known_size),
                _ => {
                    self.restart().map_err(Failure::Final)?;
                    return Ok(None);
                }
            },
            200 => {
                if have > 0 {
                    self.restart().map_err(Failure::Final)?;
                    have = 0;
                }
                self.total = answer.header("content-length").and_then(|text| text.parse().ok()).or(known_size);
            }
            // Nothing follows the part: it is complete, if the size is right.
            416 if have > 0 && content_range(&answer).is_some_and(|(_, total)| total == Some(have)) => {
                return Ok(Some(true));
            }
            status => {
                self.restart().map_err(Failure::Final)?;
                let error =
                    anyhow!("{}: ended after {have} bytes; the server has no more ({status})", self.request.address);
                return Err(Failure::Later(error, None));
            }
        }
        // Only a strong ETag guarantees the same bytes.
        let etag = answer.header("etag").or(answer.first_header("etag")).filter(|etag| etag.starts_with('"'));
        self.remember(etag.map(str::to_owned)).map_err(Failure::Final)?;
        if let Some(total) = self.total {
            if total > self.request.max_bytes {
                return Err(Failure::Final(self.too_large(total)));
            }
            self.messages.progress_to(total, "bytes");
        }
        self.copy(answer, have)
    }

    fn copy(&mut self, answer: Answer, mut have: u64) -> Result<Option<bool>, Failure> {
        let (address, path) = (self.request.address, self.request.path);
        self.part.seek(SeekFrom::Start(have)).map_err(|error| Failure::Final(error.into()))?;
        let mut reader = answer.reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let broke_off = |why: &str, have: u64| {
                let of = self.total.map_or(String::new(), |total| format!(" of {total}"));
                Failure::Later(anyhow!("{address}: connection lost after {have}{of} bytes{why}"), None)
            };
            match reader.read(&mut buffer) {
                Ok(0) if self.total.is_some_and(|total| have < total) => return Err(broke_off("", have)),
                Ok(0) => return Ok(Some(true)),
                Ok(read) => {
                    let written = self.part.write_all(&buffer[..read]);
                    written.map_err(|error| Failure::Final(anyhow!("{}: {error}", path.display())))?;
                    have += read as u64;
                    self.messages.bar().set_position(have);
                    if have > self.request.max_bytes {
                        let _ = self.part.set_len(0);
                        return Err(Failure::Final(self.too_large(have)));
                    }
                    if self.total.is_some_and(|total| have > total) {
                        let _ = self.part.set_len(0);
                        return Err(Failure::Final(anyhow!(
                            "{address}: the server sends more bytes than it announced"
                        )));
                    }
                }
                Err(error) => return Err(broke_off(&format!(": {error}"), have)),
            }
        }
    }

    fn too_large(&self, bytes: u64) -> anyhow::Error {
        anyhow!("{}: has {bytes} bytes or more; --max-bytes allows {}", self.request.address, self.request.max_bytes)
    }

    /// Discards the part.
    fn restart(&mut self) -> Result<()> {
        self.part.set_len(0)?;
        self.part_of = PartOf::default();
        Ok(())
    }

    /// Records which file the part belongs to.
    fn remember(&mut self, etag: Option<String>) -> Result<()> {
        let part_of = PartOf { url: self.request.address.to_owned(), etag };
        if part_of != self.part_of {
            self.part_of = part_of;
            let path = beside(self.request.path, "part.json");
            write_atomically(&path, |output| Ok(serde_json::to_writer(output, &self.part_of)?))?;
        }
        Ok(())
    }
}

/// The license in a header: `License`, `X-License`, or a link (RFC 4946).
fn license(answer: &Answer) -> Option<String> {
    let of_link = || {
        let links = answer
            .header("link")?
            .split(',')
            .find(|link| link.contains("rel=\"license\"") || link.contains("rel=license"))?;
        Some(links.split_once('<')?.1.split_once('>')?.0)
    };
    let stated = answer.header("license").or(answer.header("x-license")).or_else(of_link)?;
    Some(stated.chars().filter(|letter| !letter.is_control()).take(MAX_LICENSE).collect())
}

/// The first byte and the size of the whole file, from `bytes 100-199/200` or `bytes */200`.
fn content_range(answer: &Answer) -> Option<(u64, Option<u64>)> {
    let (range, total) = answer.header("content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split('-').next().and_then(|start| start.parse().ok()).unwrap_or(u64::MAX);
    Some((start, total.parse().ok()))
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.chars().all(|letter| letter.is_ascii_hexdigit())
}

/// How many bytes at the beginning of a file show what it is.
const BEGINNING: u64 = 512;

/// Checks the SHA-256, that the file is neither empty nor a web page, and that a model file can be read. Returns size and
/// SHA-256.
fn check(part: &Path, request: &Request, checksum: Option<&str>) -> Result<(u64, String)> {
    let (bytes, sha256) = digest(part)?;
    let address = request.address;
    if let Some(pin) = request.pin {
        ensure!(sha256.starts_with(pin), "{address}: has the SHA-256 {sha256}, expected {pin}; nothing is kept");
    }
    if let Some(stated) = checksum {
        ensure!(sha256 == stated, "{address}: has the SHA-256 {sha256}, the server states {stated}; nothing is kept");
    }
    ensure!(bytes > 0, "{address}: the server sends an empty file; nothing is kept");
    let extension = request.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let beginning = beginning(part).with_context(|| part.display().to_string())?;
    ensure!(
        matches!(extension, "html" | "htm") || !is_web_page(&beginning),
        "{address}: the server sends a web page, not a file; check the address; nothing is kept"
    );
    let is_named_model = matches!(extension, "safetensors" | "pth" | "pt" | "bin" | "caffemodel");
    if is_named_model || is_model(&beginning) {
        let why = || format!("{address}: not a complete model file; nothing is kept");
        Checkpoint::open(part).map_err(|error| anyhow!("{}", error.root_cause())).with_context(why)?;
    }
    Ok((bytes, sha256))
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BEGINNING).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a file begins as HTML does.
fn is_web_page(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning).to_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    ["<!doctype html", "<html", "<head"].iter().any(|tag| text.starts_with(tag))
}

#[cfg(test)]
mod tests {
    use super::is_web_page;

    #[test]
    fn web_pages_are_detected() {
        for page in ["<!DOCTYPE html>\n<html>", "\u{feff}\n <HTML lang=\"en\">", "<head>"] {
            assert!(is_web_page(page.as_bytes()), "{page}");
        }
        for other in [&b"\0\0<html>"[..], b"<?xml version=\"1.0\"?>", b"{}", b""] {
            assert!(!is_web_page(other));
        }
    }
}
