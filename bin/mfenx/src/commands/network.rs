//! `mfenx node` and `mfenx localnet`.

use super::{chain, listen};
use crate::{
    args::{LocalnetArgs, NodeArgs},
    output,
};
use mfenx_node::{HealthLimits, LocalnetConfig, NodeConfig, NodeError};

pub(crate) fn node(args: NodeArgs) -> Result<(), NodeError> {
    let health = HealthLimits {
        head_age_max: args.health.ready_head_age,
        lag_blocks_max: args.health.ready_lag,
        peers_min: args.health.ready_peers,
    };
    let config = NodeConfig {
        chain: args.chain.as_deref().map(chain).transpose()?,
        datadir: args.datadir,
        listen: listen(args.listen, "public"),
        p2p: args.p2p.0,
        external: args.external.into_iter().flat_map(|address| address.0).collect(),
        bootnodes: args.bootnodes,
        keys: args.keys,
        passphrase_file: args.passphrase.passphrase_file,
        trust_empty_log: args.trust_empty_log,
        health,
        stop_with_stdin: args.stop_with_stdin,
    };
    mfenx_node::run_node(config, output::ready)
}

pub(crate) fn localnet(args: LocalnetArgs, log: &str) -> Result<(), NodeError> {
    let config = LocalnetConfig {
        datadir: args.datadir,
        validators: args.validators,
        followers: args.followers,
        quorum: args.quorum.map(Into::into),
        epoch_blocks: args.epoch_blocks,
        base_port: args.base_port,
        api: args.api,
        log: log.to_owned(),
    };
    mfenx_node::run_localnet(config, |event| output::localnet(&event))
}
