//! Arguments of `mfenx node` and `mfenx localnet`.

use super::{ListenArgs, QuorumArg};
use crate::args::keys::PassphraseArgs;
use clap::Args;
use mfenx_node::{Multiaddr, PeerAddress};
use std::{path::PathBuf, time::Duration};

#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// The chain: a file made by `mfenx genesis`, or `mfenx` (default: what the data directory
    /// holds).
    #[arg(long, env = "MFENX_CHAIN", value_name = "CHAIN")]
    pub(crate) chain: Option<String>,
    /// Where the chain is kept.
    #[arg(long, env = "MFENX_DATADIR", value_name = "DIR")]
    pub(crate) datadir: PathBuf,
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    /// Where peers are listened to: an address and a port (TCP and QUIC), or a multiaddress.
    #[arg(long, env = "MFENX_P2P", default_value = "0.0.0.0:7177", value_name = "ADDR", value_parser = listen_on)]
    pub(crate) p2p: P2pArg,
    /// Where others reach this node, when that is not where it listens (behind a NAT).
    #[arg(long, env = "MFENX_EXTERNAL", value_name = "ADDR", value_delimiter = ',', value_parser = listen_on)]
    pub(crate) external: Vec<P2pArg>,
    /// A peer to begin with: HOST:PORT/p2p/PEERID or a multiaddress; may be given several times.
    #[arg(long = "bootnode", env = "MFENX_BOOTNODE", value_name = "ADDR", value_delimiter = ',')]
    pub(crate) bootnodes: Vec<PeerAddress>,
    /// The keys of an authority, made by `mfenx keys new`.
    #[arg(long, env = "MFENX_KEYS", value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    /// Vote at once although the record of what these keys have signed is missing, or is a copy. It
    /// says that they never signed on this chain, or nothing in its last blocks that the data
    /// directory does not know of, as when it was moved to another disk; else the node waits by
    /// itself until it is safe.
    #[arg(long)]
    pub(crate) trust_empty_log: bool,
    #[command(flatten)]
    pub(crate) health: HealthArgs,
    /// Stop when standard input ends: for programs that start nodes.
    #[arg(long, hide = true)]
    pub(crate) stop_with_stdin: bool,
}

/// What `/health/ready` demands.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// The oldest head that is not stale.
    #[arg(long, env = "MFENX_READY_HEAD_AGE", default_value = "30s", value_name = "TIME", value_parser = seconds)]
    pub(crate) ready_head_age: Duration,
    /// How many blocks the head may be behind what authorities or certificates show.
    #[arg(long, env = "MFENX_READY_LAG", default_value_t = 5, value_name = "BLOCKS")]
    pub(crate) ready_lag: u64,
    /// The fewest peers.
    #[arg(long, env = "MFENX_READY_PEERS", default_value_t = 1, value_name = "NUMBER")]
    pub(crate) ready_peers: u64,
}

#[derive(Debug, Args)]
pub(crate) struct LocalnetArgs {
    /// How many authorities.
    #[arg(long, default_value_t = 3, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(crate) validators: u16,
    /// How many followers.
    #[arg(long, default_value_t = 1, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(0..=16))]
    pub(crate) followers: u16,
    /// Keep the network here, or go on with the one that is there; without it, it is temporary.
    #[arg(long, env = "MFENX_DATADIR", value_name = "DIR")]
    pub(crate) datadir: Option<PathBuf>,
    /// How much of the power decides a block (default: `bft` from four authorities on, else
    /// `majority`).
    #[arg(long, value_name = "RULE")]
    pub(crate) quorum: Option<QuorumArg>,
    /// Blocks of an epoch of a new network (default: 1200); a change of the authorities takes effect
    /// with the next but one.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    pub(crate) epoch_blocks: Option<u64>,
    /// The first node answers on this port, the next on the one after; metrics are 1,000 above, peers
    /// 2,000 above. 0 takes free ports.
    #[arg(long, env = "MFENX_BASE_PORT", default_value_t = 8545, value_name = "PORT")]
    pub(crate) base_port: u16,
    /// Namespaces to answer.
    #[arg(long, env = "MFENX_API", default_value = "all", value_name = "NAMES")]
    pub(crate) api: String,
}

/// Parsed `--p2p`.
#[derive(Debug, Clone)]
pub(crate) struct P2pArg(pub(crate) Vec<Multiaddr>);

fn listen_on(text: &str) -> Result<P2pArg, String> {
    mfenx_node::listen_addresses(text).map(P2pArg).map_err(|error| error.to_string())
}

/// Whole seconds, up to a day.
fn seconds(text: &str) -> Result<Duration, String> {
    const DAY: u64 = 86_400;
    match text.strip_suffix('s').unwrap_or(text).parse::<u64>() {
        Ok(seconds @ 1..=DAY) => Ok(Duration::from_secs(seconds)),
        _ => Err("write whole seconds from `1s` to `86400s`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds() {
        assert_eq!(seconds("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(seconds("1"), Ok(Duration::from_secs(1)));
        for bad in ["0s", "", "s", "1.5s", "-1s", "86401s"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_for_peers_stands_for_two_transports() {
        assert_eq!(listen_on("127.0.0.1:0").unwrap().0.len(), 2);
        assert!(listen_on("localhost:1").unwrap_err().contains("IP address"));
    }
}
