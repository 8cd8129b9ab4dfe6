//! `dl-model fetch` against a local server with common faults.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::embed::{write_network, write_small_network};
use crate::support::{Ran, program, root, run};

/// A request of a client.
#[derive(Clone, Debug)]
struct Request {
    path: String,
    headers: HashMap<String, String>,
}

impl Request {
    /// The first byte requested.
    fn from(&self) -> Option<usize> {
        self.headers.get("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// An answer. Without a `content-length` of its own, it states that of the body.
#[derive(Clone, Default)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: u16, body: &[u8]) -> Self {
        Self { status, headers: Vec::new(), body: body.to_vec() }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// A server. `answer` gets the request and the number of requests before it.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn new(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let Some(request) = read(&stream) else { continue };
                let before = seen.lock().unwrap().len();
                seen.lock().unwrap().push(request.clone());
                write(stream, &answer(&request, before));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.take_while(|line| !line.is_empty());
    let headers = headers.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    });
    Some(Request { path, headers: headers.collect() })
}

fn write(mut stream: TcpStream, reply: &Reply) {
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !reply.headers.iter().any(|(name, _)| ["content-length", "transfer-encoding"].contains(name)) {
        head += &format!("content-length: {}\r\n", reply.body.len());
    }
    // Clients may hang up.
    let _ = stream.write_all(format!("{head}\r\n").as_bytes());
    let _ = stream.write_all(&reply.body);
    let _ = stream.shutdown(Shutdown::Write);
}

/// A cache, and a model file for servers to send.
struct Bench {
    folder: TempDir,
    body: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.safetensors");
        write_small_network(&path);
        Self { body: fs::read(path).unwrap(), folder }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn sha256(&self) -> String {
        sha256(&self.body)
    }

    fn run(&self, endpoint: &str, args: &[&str]) -> Ran {
        let output = self.command(endpoint, args).output().unwrap();
        Ran {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn command(&self, endpoint: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program("dl-model"));
        command.arg("fetch").args(args).arg("--cache-dir").arg(self.cache()).env("HF_ENDPOINT", endpoint);
        for name in [
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "HF_TOKEN",
            "HF_HUB_OFFLINE",
        ] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Every visible file in the cache.
    fn visible(&self) -> Vec<PathBuf> {
        let mut all = Vec::new();
        let mut folders = vec![self.cache()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.file_name().unwrap().to_str().unwrap().starts_with('.') {
                    all.push(path);
                }
            }
        }
        all
    }

    /// Asserts one row whose file is the whole body.
    #[track_caller]
    fn is_whole(&self, ran: Ran) -> Value {
        let row = ran.expect(0).records().remove(0);
        assert!(fs::read(row["file"].as_str().unwrap()).unwrap() == self.body);
        assert_eq!(row["sha256"], self.sha256());
        row
    }

    /// Asserts that nothing was kept and the last of two lines gives the reason.
    #[track_caller]
    fn is_refused_after_a_note(&self, ran: Ran, word: &str) {
        let ran = ran.expect(2);
        assert!(ran.stdout.is_empty() && ran.stderr.lines().count() == 2, "{}", ran.stderr);
        assert!(ran.stderr.lines().last().unwrap().contains(word), "{}", ran.stderr);
        assert_eq!(self.visible(), Vec::<PathBuf>::new());
    }

    /// Asserts that nothing was kept and one line gives the reason.
    #[track_caller]
    fn is_refused(&self, ran: Ran, word: &str) {
        let ran = ran.expect(2);
        assert!(ran.stdout.is_empty() && ran.stderr.lines().count() == 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
        assert_eq!(self.visible(), Vec::<PathBuf>::new());
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends `body` from the byte that the client asks for, at most `most` bytes per connection.
fn in_pieces(request: &Request, body: &[u8], most: usize, etag: &str) -> Reply {
    let start = request.from().unwrap_or(0);
    let end = body.len().min(start + most);
    let reply = Reply::new(if start > 0 { 206 } else { 200 }, &body[start..end]).with("etag", etag);
    let reply = reply.with("content-length", body.len() - start);
    match start {
        0 => reply,
        _ => reply.with("content-range", format!("bytes {start}-{}/{}", body.len() - 1, body.len())),
    }
}

#[test]
fn a_lost_connection_is_resumed() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let most = body.len() / 3 + 1;
    let server = Server::new(move |request, _| in_pieces(request, &body, most, "\"a\""));
    let row = bench.is_whole(bench.run("", &[&format!("{}/m.safetensors", server.address)]));
    assert_eq!((&row["fetched"], &row["license"]), (&json!(true), &Value::Null));
    let requests = server.requests();
    let starts: Vec<Option<usize>> = requests.iter().map(Request::from).collect();
    assert_eq!(starts, [None, Some(most), Some(2 * most)]);
    assert_eq!(requests[1].headers["if-range"], "\"a\"");
    assert_eq!(bench.visible().len(), 1);
}

#[test]
fn a_failed_run_is_resumed_and_a_changed_file_starts_over() {
    let bench = Bench::new();
    let (body, half) = (bench.body.clone(), bench.body.len() / 2);
    let server = Server::new(move |request, before| match before {
        0 => in_pieces(request, &body, half, "\"a\""),
        1 => Reply::new(404, b""),
        // Between the runs the file has changed, so it cannot be resumed.
        2 => Reply::new(200, b"").with("etag", "\"b\"").with("content-length", 100),
        _ => in_pieces(request, &body, usize::MAX / 2, "\"a\""),
    });
    let address = format!("{}/m.safetensors", server.address);
    let retries = ["--retries", "1"];
    bench.is_refused(bench.run("", &[&[address.as_str()][..], &retries].concat()), "404");
    let row = bench.is_whole(bench.run("", &[&address]));
    assert_eq!(row["fetched"], true);
    let starts: Vec<Option<usize>> = server.requests().iter().map(Request::from).collect();
    assert_eq!(starts, [None, Some(half), Some(half), None], "the part of the first run, then from the start");
}

#[test]
fn a_killed_run_leaves_no_file_and_the_next_one_resumes() {
    let bench = Bench::new();
    let (body, half) = (bench.body.clone(), bench.body.len() / 2);
    let server = Server::new(move |request, before| {
        if before == 0 {
            return in_pieces(request, &body, half, "\"a\"");
        }
        if before == 1 {
            thread::sleep(Duration::from_secs(3));
        }
        in_pieces(request, &body, usize::MAX / 2, "\"a\"")
    });
    let address = format!("{}/m.safetensors", server.address);
    let mut child = bench.command("", &[&address]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while server.requests().len() < 2 && start.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(bench.visible(), Vec::<PathBuf>::new());
    let ran = bench.run("", &[&address]).expect(0);
    assert!(ran.stderr.contains(&format!("resuming at byte {half}")), "{}", ran.stderr);
    bench.is_whole(ran);
}

#[test]
fn a_wrong_length_is_detected() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let server = Server::new(move |request, _| match request.path.as_str() {
        // Announces more than it has, every time.
        "/more.safetensors" => match request.from() {
            Some(start) if start >= body.len() => {
                Reply::new(416, b"").with("content-range", format!("bytes */{}", body.len() + 10))
            }
            _ => Reply::new(200, &body).with("content-length", body.len() + 10),
        },
        // Announces less than the file has: what arrives is cut off.
        "/less.safetensors" => Reply::new(200, &body[..body.len() - 9]),
        // No length at all, and not all of it.
        _ => Reply::new(200, &body[..body.len() - 9]).with("transfer-encoding", "identity"),
    });
    for name in ["more", "less", "none"] {
        let address = format!("{}/{name}.safetensors", server.address);
        let word = if name == "more" { "bytes" } else { "not a complete model file; nothing is kept" };
        bench.is_refused(bench.run("", &[&address, "--retries", "1"]), word);
    }
}

#[test]
fn busy_servers_are_retried() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let server = Server::new(move |request, before| match (request.path.as_str(), before) {
        ("/gone.pth", _) => Reply::new(404, b"not here"),
        ("/login.pth", _) => Reply::new(401, b""),
        ("/never.pth", _) => Reply::new(500, b""),
        ("/later.pth", _) => Reply::new(429, b"").with("retry-after", 86400),
        ("/circle.pth", _) => Reply::new(302, b"").with("location", "/circle.pth"),
        ("/down.pth", _) => Reply::new(302, b"").with("location", "http://example.org/x.pth"),
        (_, 0) => Reply::new(503, b""),
        (_, 1) => Reply::new(429, b"").with("retry-after", 1),
        (_, 2) => Reply::new(302, b"").with("location", "/elsewhere/m.safetensors"),
        _ => Reply::new(200, &body).with("x-license", "MIT"),
    });
    let start = Instant::now();
    let ran = bench.run("", &[&format!("{}/m.safetensors", server.address), "-v"]);
    assert!(
        start.elapsed() >= Duration::from_millis(1400),
        "half a second by default and one that the server requests"
    );
    assert!(
        ran.stderr.contains("the server answers 503") && ran.stderr.contains("retrying in 1.0 s"),
        "{}",
        ran.stderr
    );
    let row = bench.is_whole(ran);
    assert_eq!(row["license"], "MIT");
    fs::remove_dir_all(bench.cache()).unwrap();
    let refused = [
        ("gone", "404: does not exist"),
        ("login", "HF_TOKEN"),
        ("never", "gave up after 2 attempts"),
        ("later", "asks to retry after 86400 s"),
        ("circle", "more than 10 redirects"),
        ("down", "plain http can be tampered with"),
    ];
    for (name, word) in refused {
        bench.is_refused(bench.run("", &[&format!("{}/{name}.pth", server.address), "--retries", "1"]), word);
    }
    let no_server = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    bench.is_refused(
        bench.run("", &[&format!("http://{no_server}/x.pth"), "--retries", "0"]),
        "gave up after 1 attempt:",
    );
}

#[test]
fn the_sha256_is_checked_and_a_cached_file_stays() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let server = Server::new(move |request, _| match request.headers.get("if-none-match").map(String::as_str) {
        Some("\"a\"") => Reply::new(304, b""),
        _ => Reply::new(200, &body).with("etag", "\"a\""),
    });
    let address = format!("{}/m.safetensors", server.address);
    bench.is_refused(bench.run("", &[&address, "--sha256", &"0".repeat(64)]), "expected 000");
    let row = bench.is_whole(bench.run("", &[&address, "--sha256", &bench.sha256().to_uppercase()]));
    assert_eq!(row["fetched"], true);
    // With --sha256 a cached file needs no server; without, the server answers that it has not changed.
    let before = server.requests().len();
    assert_eq!(bench.is_whole(bench.run("", &[&address, "--sha256", &bench.sha256()]))["fetched"], false);
    assert_eq!(server.requests().len(), before);
    assert_eq!(bench.is_whole(bench.run("", &[&address]))["fetched"], false);
    assert_eq!(server.requests().len(), before + 1);
    let ran = bench.run("", &[&address, "--sha256", &"0".repeat(64)]).expect(2);
    assert!(ran.stderr.contains("nothing is kept"), "{}", ran.stderr);
    assert_eq!(bench.is_whole(bench.run("", &[&address, "--offline"]))["fetched"], false);
    let other = format!("{}/other.safetensors", server.address);
    let ran = bench.run("", &[&other, "--offline"]).expect(2);
    assert!(ran.stderr.contains("not in the cache") && ran.stderr.contains("without --offline"), "{}", ran.stderr);
}

/// A hub with a model of two files; its weights are on another path, as on a content delivery network.
fn hub(body: Vec<u8>, checksum: String) -> Server {
    let commit = "0123456789abcdef0123456789abcdef01234567";
    Server::new(move |request, _| {
        let authorised = request.headers.get("authorization").is_some_and(|login| login == "Bearer secret");
        let path = request.path.strip_prefix("/me/small/resolve/0123456789abcdef0123456789abcdef01234567/");
        match (request.path.as_str(), path) {
            ("/api/models/me/small/revision/main", _) => {
                let files = ["README.md", "model.safetensors", "config.json", "pytorch_model.bin"];
                let siblings: Vec<Value> = files.iter().map(|name| json!({"rfilename": name})).collect();
                let card = json!({"sha": commit, "siblings": siblings, "cardData": {"license": "apache-2.0"}});
                Reply::new(200, card.to_string().as_bytes())
            }
            ("/api/models/me/secret/revision/main", _) if authorised => Reply::new(
                200,
                json!({"sha": commit, "siblings": [{"rfilename": "x.txt"}], "tags": ["license:mit"]})
                    .to_string()
                    .as_bytes(),
            ),
            ("/api/models/me/secret/revision/main", _) => Reply::new(401, b""),
            ("/me/secret/resolve/0123456789abcdef0123456789abcdef01234567/x.txt", _) => Reply::new(200, b"x"),
            ("/cdn/blob", _) => in_pieces(request, &body, usize::MAX / 2, "\"cdn\""),
            (_, Some("model.safetensors")) => Reply::new(302, b"")
                .with("location", "/cdn/blob")
                .with("x-linked-etag", format!("\"{checksum}\""))
                .with("x-linked-size", body.len()),
            (_, Some("config.json")) => Reply::new(200, b"{}"),
            _ => Reply::new(404, b""),
        }
    })
}

#[test]
fn a_model_of_a_hub_comes_with_its_config_and_license() {
    let bench = Bench::new();
    let server = hub(bench.body.clone(), bench.sha256());
    let ran = bench.run(&server.address, &["hf:me/small"]).expect(0);
    assert!(ran.stderr.contains("model.safetensors: fetched; license apache-2.0"), "{}", ran.stderr);
    let rows = ran.records();
    assert_eq!(rows.len(), 2, "the weights as safetensors, not once more as a pickle");
    let file = Path::new(rows[0]["file"].as_str().unwrap());
    assert!(file.ends_with("hf/me/small/main/model.safetensors") && fs::read(file).unwrap() == bench.body);
    assert!(Path::new(rows[1]["file"].as_str().unwrap()).ends_with("hf/me/small/main/config.json"));
    assert_eq!(
        (&rows[0]["license"], &rows[0]["revision"]),
        (&json!("apache-2.0"), &json!("0123456789abcdef0123456789abcdef01234567"))
    );
    // Its folder is a model for every program.
    let folder = file.parent().unwrap().to_str().unwrap();
    assert_eq!(run("dl-model", &["info", folder], "").expect(0).records()[0]["architecture"], "squeezenet1_1");
    // The commit is the same: only that is requested.
    let before = server.requests().len();
    let again = bench.run(&server.address, &["hf:me/small"]).expect(0).records();
    assert!(again.iter().all(|row| row["fetched"] == false));
    assert_eq!(server.requests().len(), before + 1);
    let offline = bench.run(&server.address, &["hf:me/small:model.safetensors", "--offline", "-q"]).expect(0);
    assert_eq!((offline.stderr.as_str(), server.requests().len()), ("", before + 1));
    assert_eq!(bench.run(&server.address, &["hf:me/small", "--offline"]).expect(0).records().len(), 2);
}

#[test]
fn a_wrong_checksum_and_a_missing_model_of_a_hub_are_errors() {
    let bench = Bench::new();
    let server = hub(bench.body.clone(), sha256(b"something else"));
    bench.is_refused(bench.run(&server.address, &["hf:me/small:model.safetensors"]), "the server states");
    bench.is_refused(bench.run(&server.address, &["hf:me/other"]), "404");
    bench.is_refused(bench.run(&server.address, &["hf:me/small:nothing.bin"]), "404");
    bench.is_refused(bench.run(&server.address, &["hf:me/secret:x.txt"]), "HF_TOKEN");
    bench.is_refused(bench.run(&server.address, &["hf:../small"]), "expected hf:OWNER/NAME");
    let sha = "0".repeat(64);
    bench.is_refused(
        bench.run(&server.address, &["hf:me/small", "--sha256", &sha]),
        "--sha256 is the digest of one file, hf:me/small has 2",
    );
    let output = bench.command(&server.address, &["hf:me/secret:x.txt"]).env("HF_TOKEN", "secret").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("license mit"));
}

#[test]
fn two_runs_do_not_write_the_same_file() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let server = Server::new(move |request, _| {
        thread::sleep(Duration::from_secs(2));
        in_pieces(request, &body, usize::MAX / 2, "\"a\"")
    });
    let address = format!("{}/m.safetensors", server.address);
    let first = bench.command("", &[&address]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while server.requests().is_empty() && start.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(10));
    }
    let second = bench.run("", &[&address]).expect(2);
    assert!(second.stderr.contains("another dl-model is fetching it"), "{}", second.stderr);
    assert!(first.wait_with_output().unwrap().status.success());
    assert_eq!(bench.visible().len(), 1);
}

#[test]
fn retries_are_bounded_when_the_size_is_unknown() {
    let bench = Bench::new();
    // A little more each time, but never all of it.
    let server = Server::new(|_, before| {
        let chunk = "x".repeat(100 * (before + 1));
        let body = format!("{:x}\r\n{chunk}\r\n", chunk.len());
        Reply::new(200, body.as_bytes()).with("transfer-encoding", "chunked")
    });
    let ran = bench.run("http://127.0.0.1:1", &[&format!("{}/a.bin", server.address), "--retries", "2"]).expect(2);
    assert!(ran.stderr.contains("gave up after 3 attempts"), "{}", ran.stderr);
    assert_eq!(server.requests().len(), 3);
    assert!(bench.visible().is_empty());
}

#[test]
fn a_file_larger_than_max_bytes_is_refused() {
    let bench = Bench::new();
    let endless = |stated: bool| {
        Server::new(move |_, _| match stated {
            true => Reply::new(200, &[0; 5000]),
            false => {
                let body = [&b"1388\r\n"[..], &[0; 5000], b"\r\n0\r\n\r\n"].concat();
                Reply::new(200, &body).with("transfer-encoding", "chunked")
            }
        })
    };
    for stated in [true, false] {
        let server = endless(stated);
        let address = format!("{}/a.dat", server.address);
        let ran = bench.run("http://127.0.0.1:1", &[&address, "--max-bytes", "4k"]).expect(2);
        assert!(ran.stderr.contains("--max-bytes allows 4000"), "{}", ran.stderr);
        assert_eq!(server.requests().len(), 1);
        bench.run("http://127.0.0.1:1", &[&address, "--max-bytes", "5000"]).expect(0);
    }
}

#[test]
fn a_local_server_may_redirect_to_another_but_not_forever() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let target = Server::new(move |_, _| Reply::new(200, &body));
    let to = format!("{}/small.safetensors", target.address);
    let server = Server::new(move |_, _| Reply::new(302, b"").with("location", &to));
    bench.run("http://127.0.0.1:1", &[&format!("{}/x.safetensors", server.address)]).expect(0);
    let circle = Server::new(|request, _| Reply::new(302, b"").with("location", &request.path));
    let ran = bench.run("http://127.0.0.1:1", &[&format!("{}/y", circle.address)]).expect(2);
    assert!(ran.stderr.contains("more than 10 redirects"), "{}", ran.stderr);
}

/// A table with weights named `squeezenet1_1@small` at `address`.
fn table(bench: &Bench, address: &str, sha256: &str) -> PathBuf {
    let path = bench.folder.path().join("weights.jsonl");
    let row = json!({
        "name": "squeezenet1_1@small", "source": address, "sha256": sha256, "bytes": 1_000_000, "license": "MIT",
        "shorter": 51, "top1": 12.5, "origin": "a test",
    });
    fs::write(&path, format!("{row}\n")).unwrap();
    path
}

fn run_named(bench: &Bench, table: &Path, args: &[&str]) -> Ran {
    let output = bench.command("http://127.0.0.1:1", args).env("DL_WEIGHTS", table).output().unwrap();
    Ran {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn weights_fetched_by_name_are_a_whole_model() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let server = Server::new(move |_, _| Reply::new(200, &body));
    // The first digits of the SHA-256, as in torchvision's file names.
    let table = table(&bench, &format!("{}/small.safetensors", server.address), &bench.sha256()[..8]);
    let output = bench.folder.path().join("mine.safetensors");
    let args = ["squeezenet1_1@small", "--output", output.to_str().unwrap()];
    let ran = run_named(&bench, &table, &args).expect(0);
    let before = "squeezenet1_1@small: 1 MB, license MIT; top-1 accuracy 12.5 %";
    assert!(ran.stderr.lines().next().unwrap().ends_with(before), "{}", ran.stderr);
    let row = ran.records().remove(0);
    assert_eq!((&row["license"], &row["fetched"]), (&json!("MIT"), &json!(true)));
    assert_eq!(row["file"], output.to_str().unwrap());
    let info = run("dl-model", &["info", output.to_str().unwrap()], "").expect(0).records().remove(0);
    let config = &info["config"];
    assert_eq!((&info["architecture"], &info["license"]), (&json!("squeezenet1_1"), &json!("MIT")));
    assert_eq!(config["preprocessing"]["shorter"], 51);
    assert_eq!((&config["source"]["origin"], &config["source"]["sha256"]), (&json!("a test"), &json!(bench.sha256())));
    assert_eq!((&info["sha256"], &info["bytes"]), (&row["sha256"], &row["bytes"]));
    // The download itself is not kept, and the model file needs no server.
    assert_eq!(bench.visible().len(), 1);
    let again = run_named(&bench, &table, &["squeezenet1_1@small", "--offline"]).expect(0).records().remove(0);
    assert_eq!((&again["fetched"], &again["sha256"]), (&json!(false), &row["sha256"]));
    assert_eq!(again["file"], bench.cache().join("models/squeezenet1_1-small.safetensors").to_str().unwrap());
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn weights_with_another_digest_or_of_another_network_are_refused() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let server = Server::new(move |_, _| Reply::new(200, &body));
    let address = format!("{}/small.safetensors", server.address);
    let wrong = table(&bench, &address, "00000000");
    bench.is_refused_after_a_note(run_named(&bench, &wrong, &["squeezenet1_1@small"]), "expected 00000000");
    let text = fs::read_to_string(table(&bench, &address, &bench.sha256())).unwrap();
    fs::write(&wrong, text.replace("squeezenet1_1@small", "resnet18")).unwrap();
    let ran = run_named(&bench, &wrong, &["resnet18"]).expect(2);
    assert!(ran.stderr.contains("not a resnet18"), "{}", ran.stderr);
    assert!(!bench.cache().join("models/resnet18.safetensors").exists());
    fs::remove_dir_all(bench.cache()).unwrap();
    bench.is_refused(bench.run("", &["resnet51"]), "dl-model list shows the names");
    let sha = "0".repeat(64);
    bench.is_refused(bench.run("", &["resnet50", "--sha256", &sha]), "the table has the digest of resnet50");
}

#[test]
fn a_damaged_file_in_the_cache_is_fetched_again() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let server = Server::new(move |request, _| match request.headers.get("if-none-match") {
        Some(_) => Reply::new(304, b""),
        None => Reply::new(200, &body).with("etag", "\"a\""),
    });
    let address = format!("{}/small.safetensors", server.address);
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    // A file of the web, which the server would call unchanged.
    let row = bench.is_whole(bench.run("", &[&address]));
    flip(Path::new(row["file"].as_str().unwrap()));
    let ran = bench.run("", &[&address, "--offline"]).expect(2);
    assert!(ran.stderr.contains("damaged in the cache"), "{}", ran.stderr);
    assert_eq!(bench.is_whole(bench.run("", &[&address]))["fetched"], true);
    // A model with a name.
    let upper = table(&bench, &address, &bench.sha256().to_uppercase());
    let row = run_named(&bench, &upper, &["squeezenet1_1@small"]).expect(0).records().remove(0);
    let model = PathBuf::from(row["file"].as_str().unwrap());
    let whole = fs::read(&model).unwrap();
    flip(&model);
    let ran = run_named(&bench, &upper, &["squeezenet1_1@small", "--offline"]).expect(2);
    assert!(ran.stderr.contains("damaged in the cache"), "{}", ran.stderr);
    let ran = run_named(&bench, &upper, &["squeezenet1_1@small"]).expect(0);
    assert!(ran.stderr.contains("fetching it again") && ran.records()[0]["fetched"] == true, "{}", ran.stderr);
    assert!(fs::read(&model).unwrap() == whole);
    // Another digest in the table means other weights.
    let other = table(&bench, &address, &"0".repeat(64));
    let ran = run_named(&bench, &other, &["squeezenet1_1@small"]).expect(2);
    assert!(ran.stderr.contains("nothing is kept"), "{}", ran.stderr);
}

#[test]
fn a_web_page_an_empty_file_and_a_cut_model_are_refused_whatever_their_names() {
    let bench = Bench::new();
    let body = bench.body.clone();
    let server = Server::new(move |request, _| match request.path.as_str() {
        path if path.starts_with("/page") => Reply::new(200, b"\n<!DOCTYPE html><html><body>Log in</body></html>"),
        path if path.starts_with("/empty") => Reply::new(200, b""),
        _ => Reply::new(200, &body[..body.len() - 9]),
    });
    for (name, word) in [
        ("page.weights", "web page"),
        ("page.bin", "web page"),
        ("page", "web page"),
        ("empty.weights", "an empty file"),
        ("empty", "an empty file"),
        ("cut.bin", "not a complete model file"),
        ("cut", "not a complete model file"),
    ] {
        bench.is_refused(bench.run("", &[&format!("{}/{name}", server.address)]), word);
    }
    bench.run("", &[&format!("{}/page.html", server.address)]).expect(0);
}

#[test]
fn an_output_that_cannot_be_written_is_refused_before_the_download() {
    let bench = Bench::new();
    let server = Server::new(|_, _| Reply::new(200, b"x"));
    let folder = bench.folder.path().to_str().unwrap();
    let ran = bench.run("", &[&format!("{}/a.dat", server.address), "--output", folder]).expect(2);
    assert!(ran.stderr.contains("--output") && ran.stderr.contains("is a folder"), "{}", ran.stderr);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_model_whose_labels_are_in_another_file_is_refused() {
    let bench = Bench::new();
    let path = bench.folder.path().join("labels-elsewhere.safetensors");
    write_network(&path, 1, |config| config.labels = Some(dl_models::Labels::File("labels.txt".to_owned())));
    let body = fs::read(path).unwrap();
    let digest = sha256(&body);
    let server = Server::new(move |_, _| Reply::new(200, &body));
    let table = table(&bench, &format!("{}/small.safetensors", server.address), &digest);
    let ran = run_named(&bench, &table, &["squeezenet1_1@small"]).expect(2);
    let named = ["\"labels.txt\", which is not fetched", "set \"labels\""];
    assert!(named.iter().all(|words| ran.stderr.contains(words)), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn a_table_that_is_no_table_is_an_error() {
    let bench = Bench::new();
    let ran = run_named(&bench, Path::new("/dev/zero"), &["resnet18"]).expect(2);
    assert!(ran.stderr.contains("DL_WEIGHTS=/dev/zero: is larger than 64 MiB"), "{}", ran.stderr);
    let bad = table(&bench, "https://example.org/a.pth", "");
    let ran = run_named(&bench, &bad, &["squeezenet1_1@small"]).expect(2);
    assert!(ran.stderr.contains("line 1") && ran.stderr.contains("hexadecimal"), "{}", ran.stderr);
}

#[test]
fn a_text_network_fetched_by_name_is_one_file_with_its_tokenizer() {
    let bench = Bench::new();
    let folder = root().join("testdata/goldens/text/gpt2");
    let weights = sha256(&fs::read(folder.join("model.safetensors")).unwrap());
    let names = ["model.safetensors", "config.json", "tokenizer.json"];
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let server = Server::new(move |request, _| {
        if request.path.starts_with("/api/models/me/tiny/revision/") {
            let siblings: Vec<Value> = names.iter().map(|name| json!({"rfilename": name})).collect();
            return Reply::new(200, json!({"sha": commit, "siblings": siblings}).to_string().as_bytes());
        }
        match names.iter().find(|name| request.path == format!("/me/tiny/resolve/{commit}/{name}")) {
            Some(name) => Reply::new(200, &fs::read(folder.join(name)).unwrap()),
            None => Reply::new(404, b""),
        }
    });
    let table = bench.folder.path().join("weights.jsonl");
    let row = json!({"name": "gpt2@tiny", "source": "hf:me/tiny@v1", "sha256": weights, "license": "CC0-1.0"});
    fs::write(&table, row.to_string()).unwrap();
    let output = bench.command(&server.address, &["gpt2@tiny"]).env("DL_WEIGHTS", &table).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let row: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(row["revision"], commit);
    assert_eq!(bench.visible(), [bench.cache().join("models/gpt2-tiny.safetensors")]);
    let model = row["file"].as_str().unwrap();
    let info = run("dl-model", &["info", model], "").expect(0).records().remove(0);
    assert_eq!((&info["architecture"], &info["license"]), (&json!("gpt2"), &json!("CC0-1.0")));
    run("dl-generate", &["--model", model, "--prompt", "the", "--max-tokens", "2"], "").expect(0);
}
