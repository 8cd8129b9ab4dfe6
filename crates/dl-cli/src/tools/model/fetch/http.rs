//! HTTP requests with redirects, retries and timeouts.

use std::io::Read;
use std::thread;
use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use ureq::Agent;
use ureq::unversioned::transport::DefaultConnector;

use super::addresses::{Addresses, Guard};
use super::source::{check_address, origin};
use crate::common::{Messages, counted};

/// More redirects than this are a loop.
const MAX_REDIRECTS: usize = 10;
/// The most attempts in all, even if each makes some progress.
const MAX_ATTEMPTS: u32 = 200;
/// Give up when a server asks for a longer pause, in seconds.
const MAX_PAUSE: u64 = 300;
/// Close a connection that has brought nothing for so long; what has arrived is kept.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An HTTP client.
pub(super) struct Http<'a> {
    agent: Agent,
    addresses: Addresses,
    /// The only origin that gets the token, and the token.
    login: Option<(String, String)>,
    retries: u32,
    messages: &'a Messages,
}

/// Why a request failed.
pub(super) enum Failure {
    /// Temporary; the server may have asked for a pause.
    Later(Error, Option<Duration>),
    /// Permanent.
    Final(Error),
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The headers of the first answer, before redirects: a hub describes the file there.
    first: ureq::http::HeaderMap,
    last: ureq::http::HeaderMap,
    body: ureq::Body,
}

impl Answer {
    /// A header of the answer.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.last.get(name)?.to_str().ok()
    }

    /// A header of the first answer, before redirects.
    pub(super) fn first_header(&self, name: &str) -> Option<&str> {
        self.first.get(name)?.to_str().ok()
    }

    pub(super) fn reader(self) -> impl Read {
        self.body.into_reader()
    }
}

impl<'a> Http<'a> {
    pub(super) fn new(login: Option<(String, String)>, retries: u32, messages: &'a Messages) -> Self {
        let config = Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_connect(Some(TIMEOUT))
            .timeout_recv_response(Some(TIMEOUT))
            // For the whole body; a slow download resumes.
            .timeout_recv_body(Some(10 * TIMEOUT))
            .user_agent(concat!("dl-tools/", env!("CARGO_PKG_VERSION")))
            .build();
        let addresses = Addresses::default();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Guard::new(addresses.clone()));
        Self { agent, addresses, login, retries, messages }
    }

    /// Sends one request and follows redirects. Answers other than 200, 206, 304 and 416 are failures.
    pub(super) fn get(&self, address: &str, headers: &[(&str, String)]) -> Result<Answer, Failure> {
        let mut at = address.to_owned();
        let mut first = None;
        // The user named the first address; redirects are the choice of the server.
        self.addresses.begin();
        for _ in 0..MAX_REDIRECTS {
            check_address(&at).map_err(Failure::Final)?;
            let mut request = self.agent.get(&at).header("Accept-Encoding", "identity");
            for (name, value) in headers {
                request = request.header(*name, value);
            }
            if let Some((origin_of_login, token)) = &self.login
                && origin(&at) == origin_of_login
            {
                request = request.header("Authorization", format!("Bearer {token}"));
            }
            let response = request.call().map_err(|error| match error {
                ureq::Error::BadUri(_) | ureq::Error::Http(_) => Failure::Final(anyhow!("{at}: {error}")),
                _ if self.addresses.was_refused() => {
                    Failure::Final(anyhow!("{at}: {address} redirects to this address in a private network; refused"))
                }
                error => Failure::Later(anyhow!("{at}: {error}"), None),
            })?;
            self.addresses.follow();
            let status = response.status().as_u16();
            let (parts, body) = response.into_parts();
            let first = first.get_or_insert_with(|| parts.headers.clone());
            let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
            match status {
                200 | 206 | 304 | 416 => return Ok(Answer { status, first: first.clone(), last: parts.headers, body }),
                301 | 302 | 303 | 307 | 308 => match header("location") {
                    Some(location) => at = joined(&at, location),
                    None => return Err(Failure::Final(anyhow!("{at}: redirects without a location"))),
                },
                401 | 403 => {
                    let login = match &self.login {
                        Some(_) => "HF_TOKEN gives no access; you may have to accept a license on its page",
                        None => "needs a login (a token in HF_TOKEN), or does not exist",
                    };
                    return Err(Failure::Final(anyhow!("{at}: {status}: {login}")));
                }
                404 | 410 => return Err(Failure::Final(anyhow!("{at}: {status}: does not exist; check the name"))),
                408 | 425 | 429 | 500 | 502 | 503 | 504 => {
                    let pause = header("retry-after").and_then(|text| text.trim().parse().ok());
                    let error = anyhow!("{at}: the server answers {status}");
                    return Err(match pause {
                        Some(pause) if pause > MAX_PAUSE => {
                            Failure::Final(error.context(format!("asks to retry after {pause} s; try again later")))
                        }
                        pause => Failure::Later(error, pause.map(Duration::from_secs)),
                    });
                }
                _ => return Err(Failure::Final(anyhow!("{at}: the server answers {status}"))),
            }
        }
        Err(Failure::Final(anyhow!("{address}: more than {MAX_REDIRECTS} redirects")))
    }

    /// Sends a request, with as many retries as `--retries` allows.
    pub(super) fn get_with_retries(&self, address: &str) -> Result<Answer> {
        let mut attempts = Attempts::default();
        loop {
            match self.get(address, &[]) {
                Ok(answer) => return Ok(answer),
                Err(failure) => self.pause(failure, &mut attempts)?,
            }
        }
    }

    /// Waits before another attempt.
    /// # Errors
    /// When no attempts are left.
    pub(super) fn pause(&self, failure: Failure, attempts: &mut Attempts) -> Result<()> {
        let (error, pause) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Later(error, pause) => (error, pause),
        };
        attempts.since_progress += 1;
        attempts.all += 1;
        if attempts.since_progress > self.retries || attempts.all > MAX_ATTEMPTS {
            let attempts = counted(attempts.all as usize, "attempt");
            return Err(error.context(format!("gave up after {attempts}")));
        }
        // 1/2, 1, 2, ... seconds.
        let pause = pause.unwrap_or(Duration::from_millis(250 << attempts.since_progress.min(6)));
        self.messages.detail(format_args!("{error:#}; retrying in {:.1} s", pause.as_secs_f64()));
        thread::sleep(pause);
        Ok(())
    }
}

/// The attempts so far.
#[derive(Default)]
pub(super) struct Attempts {
    pub(super) since_progress: u32,
    pub(super) all: u32,
}

/// The target of a redirect.
fn joined(base: &str, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    if let Some(rest) = location.strip_prefix("//") {
        let scheme = base.split("://").next().unwrap_or("https");
        return format!("{scheme}://{rest}");
    }
    if location.starts_with('/') {
        return format!("{}{location}", origin(base));
    }
    let folder = base.split(['?', '#']).next().unwrap_or(base);
    let folder = folder.rsplit_once('/').map_or(folder, |(folder, _)| folder);
    format!("{folder}/{location}")
}
