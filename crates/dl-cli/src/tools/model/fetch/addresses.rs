//! Which addresses a server may redirect to. A public server that redirects to `169.254.169.254` or `127.0.0.1`, or to a
//! name that resolves to such an address, could make this machine query services that the server cannot reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// The addresses resolved for a file so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Addresses(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Did the address that the user named resolve to a private one?
    began_inside: AtomicBool,
    /// Is a redirect being resolved?
    follows: AtomicBool,
    refused: AtomicBool,
}

impl Addresses {
    /// The next address is the user's.
    pub(super) fn begin(&self) {
        for flag in [&self.0.began_inside, &self.0.follows, &self.0.refused] {
            flag.store(false, Ordering::Relaxed);
        }
    }

    /// The next address is a server's.
    pub(super) fn follow(&self) {
        self.0.follows.store(true, Ordering::Relaxed);
    }

    /// Was the last address refused?
    pub(super) fn was_refused(&self) -> bool {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// May these be connected to?
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

/// Resolves names and refuses those that a public server may not redirect to.
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

/// An address of this machine, of a private network, or of no host.
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
        // Carrier-grade NAT, protocol assignments, benchmarks.
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b == 18 || b == 19))
}

/// The IPv4 address in an IPv6 address: mapped, translated (64:ff9b::/96) or 6to4.
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
    fn private_addresses_are_detected_in_every_form() {
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
    fn a_public_server_may_redirect_to_public_ones_and_a_private_one_anywhere() {
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
