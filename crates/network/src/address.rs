//! Addresses as people write them.
//!
//! `HOST:PORT` stands for TCP and QUIC on the same port; whoever wants one of them writes a
//! multiaddress.

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// An address that cannot be used; the message says what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither of the two forms.
    #[error("{0:?} is neither HOST:PORT nor a multiaddress such as /ip4/192.0.2.1/tcp/30303")]
    Malformed(String),
    /// The port is missing or above 65535.
    #[error("{0:?}: the port must be a number up to 65535")]
    Port(String),
    /// Whose address it is, is not said.
    #[error(
        "{0:?} names no peer: expected HOST:PORT/p2p/PEERID or a multiaddress that ends in /p2p/PEERID"
    )]
    NoPeer(String),
    /// What follows `/p2p/` is no peer ID.
    #[error("{text:?}: {peer:?} is no peer ID")]
    PeerId {
        /// The whole address.
        text: String,
        /// The part in question.
        peer: String,
    },
    /// A transport this node does not speak.
    #[error("{0:?}: only TCP and QUIC (…/tcp/PORT, …/udp/PORT/quic-v1) are spoken")]
    Transport(String),
    /// Names can be dialled, not listened on.
    #[error("{0:?}: listen on an IP address, not on a name")]
    ListenName(String),
}

/// Where a peer is, and who it must turn out to be.
///
/// Written `HOST:PORT/p2p/PEERID`, or as a multiaddress that ends in `/p2p/PEERID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    /// Who it is.
    pub peer: PeerId,
    /// Ways to reach it, without `/p2p/`. Never empty.
    pub addresses: Vec<Multiaddr>,
}

impl FromStr for PeerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (place, peer) =
            text.rsplit_once("/p2p/").ok_or_else(|| AddressError::NoPeer(text.into()))?;
        let peer = peer
            .parse()
            .map_err(|_| AddressError::PeerId { text: text.into(), peer: peer.into() })?;
        Ok(Self { peer, addresses: places(place, text)? })
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addresses.first() {
            Some(address) => write!(f, "{address}/p2p/{}", self.peer),
            None => write!(f, "/p2p/{}", self.peer),
        }
    }
}

/// The addresses to listen on for `HOST:PORT` (TCP and QUIC) or one multiaddress.
///
/// # Errors
/// The text is no such address, or its host is a name.
pub fn listen_addresses(text: &str) -> Result<Vec<Multiaddr>, AddressError> {
    let addresses = places(text, text)?;
    let is_ip = |address: &Multiaddr| {
        matches!(address.iter().next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_)))
    };
    if addresses.iter().all(is_ip) {
        Ok(addresses)
    } else {
        Err(AddressError::ListenName(text.into()))
    }
}

/// The multiaddresses that `place` stands for; errors quote the whole `text`.
fn places(place: &str, text: &str) -> Result<Vec<Multiaddr>, AddressError> {
    if place.starts_with('/') {
        let address: Multiaddr = place.parse().map_err(|_| AddressError::Malformed(text.into()))?;
        if !is_spoken(&address) {
            return Err(AddressError::Transport(text.into()));
        }
        return Ok(vec![address]);
    }
    let (host, port) =
        place.rsplit_once(':').ok_or_else(|| AddressError::Malformed(text.into()))?;
    let port: u16 = port.parse().map_err(|_| AddressError::Port(text.into()))?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match (bare, host.parse::<IpAddr>()) {
        (Some(v6), _) => {
            Protocol::Ip6(v6.parse().map_err(|_| AddressError::Malformed(text.into()))?)
        }
        (None, Ok(IpAddr::V4(v4))) => Protocol::Ip4(v4),
        // A bare IPv6 address would swallow the port.
        (None, Ok(IpAddr::V6(_))) => return Err(AddressError::Malformed(text.into())),
        (None, Err(_)) if is_name(host) => Protocol::Dns(host.to_owned().into()),
        (None, Err(_)) => return Err(AddressError::Malformed(text.into())),
    };
    let base = Multiaddr::empty().with(host);
    Ok(vec![
        base.clone().with(Protocol::Tcp(port)),
        base.with(Protocol::Udp(port)).with(Protocol::QuicV1),
    ])
}

/// Letters, digits, hyphens and dots, as names of hosts are made of.
fn is_name(host: &str) -> bool {
    let labels = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.len() <= 253 && host.trim_end_matches('.').split('.').all(labels)
}

/// A host followed by one of the two transports and nothing else.
fn is_spoken(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let host = matches!(
        parts.next(),
        Some(Protocol::Ip4(_) | Protocol::Ip6(_) | Protocol::Dns(_) | Protocol::Dns4(_))
            | Some(Protocol::Dns6(_))
    );
    let transport = match parts.next() {
        Some(Protocol::Tcp(_)) => true,
        Some(Protocol::Udp(_)) => matches!(parts.next(), Some(Protocol::QuicV1)),
        _ => false,
    };
    host && transport && parts.next().is_none()
}

/// The IP address a multiaddress begins with.
pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.to_canonical()),
        _ => None,
    }
}

/// What one machine or household has: an IPv4 address, or the upper half of an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct IpGroup(IpAddr);

impl IpGroup {
    pub(crate) fn of(address: &Multiaddr) -> Option<Self> {
        ip_of(address).map(|ip| match ip {
            IpAddr::V4(_) => Self(ip),
            IpAddr::V6(v6) => Self(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into()),
        })
    }
}

/// Whether an address that a peer claims can be reached from here at all: nobody makes us dial our
/// own loopback or household unless it speaks from there.
pub(crate) fn is_plausible(claimed: &Multiaddr, observed: &Multiaddr) -> bool {
    let (Some(claimed_ip), Some(observed)) = (ip_of(claimed), ip_of(observed)) else {
        return false;
    };
    is_spoken(claimed)
        && !claimed_ip.is_unspecified()
        && !claimed_ip.is_multicast()
        && (!claimed_ip.is_loopback() || observed.is_loopback())
        && (!is_private(claimed_ip) || is_private(observed) || observed.is_loopback())
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "12D3KooWRm8J3iL796zPFi2EtGGtUJn58AG67gcqzTFHZnnsTzqD";

    #[test]
    fn host_and_port_stand_for_both_transports() {
        let parsed: PeerAddress = format!("192.0.2.1:30303/p2p/{PEER}").parse().unwrap();
        let texts: Vec<_> = parsed.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["/ip4/192.0.2.1/tcp/30303", "/ip4/192.0.2.1/udp/30303/quic-v1"]);
        assert_eq!(parsed.peer.to_string(), PEER);
        let named: PeerAddress = format!("boot.example.org:1/p2p/{PEER}").parse().unwrap();
        assert_eq!(named.addresses[0].to_string(), "/dns/boot.example.org/tcp/1");
        let v6 = listen_addresses("[::1]:7").unwrap();
        assert_eq!(v6[1].to_string(), "/ip6/::1/udp/7/quic-v1");
    }

    #[test]
    fn a_multiaddress_is_taken_as_it_is() {
        let text = format!("/ip4/192.0.2.1/udp/9/quic-v1/p2p/{PEER}");
        let parsed: PeerAddress = text.parse().unwrap();
        assert_eq!(parsed.addresses.len(), 1);
        assert_eq!(parsed.to_string(), text);
        assert_eq!(parsed.to_string().parse::<PeerAddress>().unwrap(), parsed);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| text.parse::<PeerAddress>().unwrap_err().to_string();
        assert!(error("192.0.2.1:30303").contains("names no peer"));
        assert!(error("192.0.2.1:30303/p2p/nobody").contains("\"nobody\" is no peer ID"));
        assert!(error(&format!("192.0.2.1:99999/p2p/{PEER}")).contains("port"));
        assert!(error(&format!("192.0.2.1/p2p/{PEER}")).contains("HOST:PORT"));
        assert!(error(&format!("::1:30303/p2p/{PEER}")).contains("HOST:PORT"));
        assert!(error(&format!("a b:1/p2p/{PEER}")).contains("HOST:PORT"));
        assert!(error(&format!("/ip4/192.0.2.1/tcp/1/ws/p2p/{PEER}")).contains("only TCP"));
        assert!(error(&format!("/ip4/192.0.2.1/nonsense/p2p/{PEER}")).contains("multiaddress"));
        let name = listen_addresses("localhost:30303").unwrap_err();
        assert!(name.to_string().contains("not on a name"), "{name}");
    }

    #[test]
    fn ips_are_grouped_by_household() {
        let group = |text: &str| IpGroup::of(&text.parse().unwrap());
        assert_eq!(group("/ip6/2001:db8::1/tcp/1"), group("/ip6/2001:db8::2:3:4:5/udp/2"));
        assert_ne!(group("/ip6/2001:db8:0:1::1/tcp/1"), group("/ip6/2001:db8::1/tcp/1"));
        assert_ne!(group("/ip4/192.0.2.1/tcp/1"), group("/ip4/192.0.2.2/tcp/1"));
        assert_eq!(group("/ip6/::ffff:192.0.2.1/tcp/1"), group("/ip4/192.0.2.1/tcp/1"));
        assert_eq!(group("/dns/example.org/tcp/1"), None);
    }

    #[test]
    fn nobody_sends_us_to_our_own_machine() {
        let plausible = |claimed: &str, observed: &str| {
            is_plausible(&claimed.parse().unwrap(), &observed.parse().unwrap())
        };
        assert!(plausible("/ip4/198.51.100.1/tcp/1", "/ip4/198.51.100.1/tcp/2"));
        assert!(!plausible("/ip4/127.0.0.1/tcp/1", "/ip4/198.51.100.1/tcp/2"));
        assert!(!plausible("/ip4/10.0.0.1/tcp/1", "/ip4/198.51.100.1/tcp/2"));
        assert!(!plausible("/ip6/::ffff:127.0.0.1/tcp/1", "/ip4/198.51.100.1/tcp/2"));
        assert!(plausible("/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"));
        assert!(plausible("/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/2"));
        assert!(!plausible("/ip4/0.0.0.0/tcp/1", "/ip4/127.0.0.1/tcp/2"));
        assert!(!plausible("/dns/example.org/tcp/1", "/ip4/127.0.0.1/tcp/2"));
    }
}
