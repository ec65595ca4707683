//! Which peers to dial again, and when: exponential back-off with jitter.
//!
//! The jitter follows from the two peer IDs and the number of the attempt, so that nodes that lost
//! each other at once do not come back at once; nobody needs to be unable to predict it.

use crate::address::PeerAddress;
use libp2p::{Multiaddr, PeerId};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Pause after the first failure, before jitter.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// Pauses of bootnodes may grow this much longer than those of others.
const BOOTNODE_PATIENCE: u32 = 6;
/// Addresses that are remembered for one peer.
const ADDRESSES_MAX: usize = 8;

/// How much a peer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Want {
    /// While there are too few peers.
    Bootnode,
    /// Always.
    Always,
}

#[derive(Debug)]
struct Target {
    /// What was configured, then what was learnt.
    addresses: Vec<Multiaddr>,
    /// How many were configured; they stay.
    configured: usize,
    want: Want,
    failures: u32,
    next: Instant,
    connected: bool,
}

/// The peers of the configuration, and the authorities.
#[derive(Debug)]
pub(crate) struct Dialer {
    local: PeerId,
    pause_max: Duration,
    targets: HashMap<PeerId, Target>,
}

impl Dialer {
    pub(crate) fn new(local: PeerId, pause_max: Duration) -> Self {
        Self { local, pause_max, targets: HashMap::new() }
    }

    /// Dials `peer` from now on. The local peer is left out.
    pub(crate) fn add(&mut self, peer: PeerAddress, want: Want, now: Instant) {
        if peer.peer == self.local {
            return;
        }
        let target = self.targets.entry(peer.peer).or_insert_with(|| Target {
            addresses: Vec::new(),
            configured: 0,
            want,
            failures: 0,
            next: now,
            connected: false,
        });
        target.want = target.want.max(want);
        for address in peer.addresses {
            if !target.addresses.contains(&address) && target.configured < ADDRESSES_MAX / 2 {
                target.addresses.insert(target.configured, address);
                target.configured += 1;
            }
        }
        target.addresses.truncate(ADDRESSES_MAX);
    }

    /// Dials an authority, wherever it may be found.
    pub(crate) fn add_pinned(&mut self, peer: PeerId, now: Instant) {
        self.add(PeerAddress { peer, addresses: Vec::new() }, Want::Always, now);
    }

    /// Dials a former authority only as far as the configuration says.
    pub(crate) fn release(&mut self, peer: &PeerId) {
        if self.targets.get(peer).is_some_and(|target| target.configured == 0) {
            self.targets.remove(peer);
        }
    }

    /// Notes addresses of a peer that is wanted; the newest replace the oldest, never those
    /// that were configured.
    pub(crate) fn learn(&mut self, peer: &PeerId, addresses: &[Multiaddr]) {
        let Some(target) = self.targets.get_mut(peer) else { return };
        for address in addresses {
            if !target.addresses.contains(address) {
                if target.addresses.len() >= ADDRESSES_MAX {
                    target.addresses.remove(target.configured);
                }
                target.addresses.push(address.clone());
            }
        }
    }

    /// The peers whose time has come, with their addresses. Each is due again only after
    /// [`Self::failed`] or [`Self::disconnected`], or after the longest pause.
    pub(crate) fn due(&mut self, now: Instant, few_peers: bool) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let pause_max = self.pause_max * BOOTNODE_PATIENCE;
        let wanted = |target: &Target| {
            !target.connected && target.next <= now && (few_peers || target.want == Want::Always)
        };
        let mut due = Vec::new();
        for (peer, target) in self.targets.iter_mut().filter(|(_, target)| wanted(target)) {
            target.next = now + pause_max;
            due.push((*peer, target.addresses.clone()));
        }
        due
    }

    /// An attempt came to nothing.
    pub(crate) fn failed(&mut self, peer: &PeerId, now: Instant) {
        let Self { local, pause_max, targets } = self;
        if let Some(target) = targets.get_mut(peer) {
            target.failures = target.failures.saturating_add(1);
            let pause_max = match target.want {
                Want::Bootnode => *pause_max * BOOTNODE_PATIENCE,
                Want::Always => *pause_max,
            };
            target.next = now + pause(local, peer, target.failures, pause_max);
        }
    }

    /// The peer is connected, and on our chain.
    pub(crate) fn connected(&mut self, peer: &PeerId) {
        if let Some(target) = self.targets.get_mut(peer) {
            target.connected = true;
            target.failures = 0;
        }
    }

    /// The peer is gone.
    pub(crate) fn disconnected(&mut self, peer: &PeerId, now: Instant) {
        if let Some(target) = self.targets.get_mut(peer) {
            target.connected = false;
        }
        self.failed(peer, now);
    }
}

/// Doubles with every failure up to `pause_max`; between half of that and all of it.
fn pause(local: &PeerId, peer: &PeerId, failures: u32, pause_max: Duration) -> Duration {
    let doubled = PAUSE_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16));
    let whole = doubled.min(pause_max);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&local.to_bytes()).update(&peer.to_bytes()).update(&failures.to_be_bytes());
    let [first, ..] = *hasher.finalize().as_bytes();
    whole / 2 + whole.mul_f64(f64::from(first) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(peer: PeerId) -> PeerAddress {
        PeerAddress { peer, addresses: vec!["/ip4/192.0.2.1/tcp/1".parse().unwrap()] }
    }

    #[test]
    fn pauses_grow_to_a_bound_and_differ_between_peers() {
        let (local, peer) = (PeerId::random(), PeerId::random());
        let max = Duration::from_secs(5);
        for failures in 1..100 {
            let whole = PAUSE_MIN.saturating_mul(1 << (failures - 1).min(16)).min(max);
            let pause = pause(&local, &peer, failures, max);
            assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?}");
        }
        let others: std::collections::HashSet<_> =
            (0..20).map(|_| pause(&PeerId::random(), &peer, 9, max)).collect();
        assert!(others.len() > 5);
    }

    #[test]
    fn the_wanted_are_always_due_and_bootnodes_only_when_peers_are_few() {
        let now = Instant::now();
        let local = PeerId::random();
        let mut dialer = Dialer::new(local, Duration::from_secs(5));
        let (always, bootnode) = (PeerId::random(), PeerId::random());
        dialer.add(target(always), Want::Always, now);
        dialer.add(target(bootnode), Want::Bootnode, now);
        dialer.add(target(local), Want::Always, now);
        let due = dialer.due(now, false);
        assert_eq!(due.iter().map(|(peer, _)| *peer).collect::<Vec<_>>(), [always]);
        let due = dialer.due(now, true);
        assert_eq!(due.iter().map(|(peer, _)| *peer).collect::<Vec<_>>(), [bootnode]);
        assert!(dialer.due(now, true).is_empty(), "under way");
    }

    #[test]
    fn a_peer_is_dialled_again_after_a_pause_and_not_while_it_is_there() {
        let now = Instant::now();
        let mut dialer = Dialer::new(PeerId::random(), Duration::from_secs(5));
        let peer = PeerId::random();
        dialer.add(target(peer), Want::Always, now);
        dialer.due(now, false);
        dialer.failed(&peer, now);
        assert!(dialer.due(now, false).is_empty());
        assert_eq!(dialer.due(now + PAUSE_MIN, false).len(), 1);
        dialer.connected(&peer);
        let later = now + Duration::from_secs(1000);
        assert!(dialer.due(later, false).is_empty());
        dialer.disconnected(&peer, later);
        assert_eq!(dialer.due(later + PAUSE_MIN, false).len(), 1);
    }

    #[test]
    fn addresses_are_bounded_and_the_newest_stay() {
        let now = Instant::now();
        let mut dialer = Dialer::new(PeerId::random(), Duration::from_secs(5));
        let peer = PeerId::random();
        dialer.add(target(peer), Want::Always, now);
        for port in 2..100_u16 {
            dialer.learn(&peer, &[format!("/ip4/192.0.2.1/tcp/{port}").parse().unwrap()]);
        }
        let (_, addresses) = dialer.due(now, false).remove(0);
        assert_eq!(addresses.len(), ADDRESSES_MAX);
        assert_eq!(addresses.last().unwrap().to_string(), "/ip4/192.0.2.1/tcp/99");
        assert_eq!(addresses[0].to_string(), "/ip4/192.0.2.1/tcp/1", "as configured");
    }
}
