//! Which addresses a server may lead to. A public server that redirects to `169.254.169.254` or `127.0.0.1` would have
//! this machine ask services that it could not ask itself; the same by a name that stands for such an address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// What was looked up for a file so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Did the address that the user named stand for a private one?
    began_inside: AtomicBool,
    /// Is it a redirect that is looked up?
    follows: AtomicBool,
    refused: AtomicBool,
}

impl Addresses {
    /// The address that comes next is the user's.
    pub(super) fn begin(&self) {
        for flag in [&self.0.began_inside, &self.0.follows, &self.0.refused] {
            flag.store(false, Ordering::Relaxed);
        }
    }

    /// The address that comes next is a server's.
    pub(super) fn follow(&self) {
        self.0.follows.store(true, Ordering::Relaxed);
    }

    /// Was the last address refused?
    pub(super) fn was_refused(&self) -> bool {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// Whether these may be asked.
    fn allow(&self, mut addresses: impl Iterator<Item = IpAddr>) -> bool {
        let inside = addresses.any(is_private);
        let follows = self.0.follows.load(Ordering::Relaxed);
        if !follows {
            self.0.began_inside.store(inside, Ordering::Relaxed);
        }
        let refused = follows && inside && !self.0.began_inside.load(Ordering::Relaxed);
        self.0.refused.store(refused, Ordering::Relaxed);
        !refused
    }
}

/// Looks names up, and refuses those that a public server may not lead to.
#[derive(Debug)]
pub(super) struct Guard {
    inner: DefaultResolver,
    addresses: Addresses,
}

impl Guard {
    pub(super) fn new(addresses: Addresses) -> Self {
        Self { inner: DefaultResolver::default(), addresses }
    }
}

impl Resolver for Guard {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let through_proxy = config.proxy().is_some();
        if through_proxy || self.addresses.allow(found.iter().map(|address| address.ip())) {
            Ok(found)
        } else {
            Err(ureq::Error::HostNotFound)
        }
    }
}

/// An address of this machine, of a network behind it, or of no one.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => is_private_v4(address),
            None => {
                address.is_loopback()
                    || address.is_unspecified()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
                    || address.is_multicast()
            }
        },
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0
        || a >= 240
        // Shared by the customers of a provider; of protocols; of measurements.
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b == 18 || b == 19))
}

/// The address of version 4 in one of version 6: mapped, translated (64:ff9b::/96), or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => address.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_behind_the_machine_are_known_in_every_form() {
        let inside = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "::1",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "255.255.255.255",
            "224.0.0.1",
            "::",
        ];
        for text in inside {
            assert!(is_private(text.parse().unwrap()), "{text}");
        }
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(!is_private(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_public_server_leads_to_public_ones_and_a_private_one_anywhere() {
        let look = |addresses: &Addresses, text: &str| addresses.allow([text.parse().unwrap()].into_iter());
        let addresses = Addresses::default();
        addresses.begin();
        assert!(look(&addresses, "8.8.8.8"));
        addresses.follow();
        assert!(look(&addresses, "8.8.4.4") && !addresses.was_refused());
        assert!(!look(&addresses, "169.254.169.254") && addresses.was_refused());
        assert!(!look(&addresses, "127.0.0.1"));
        addresses.begin();
        assert!(look(&addresses, "127.0.0.1"));
        addresses.follow();
        assert!(look(&addresses, "10.0.0.1") && look(&addresses, "8.8.8.8"));
    }
}
