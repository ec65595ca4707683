//! Writing the section, and a chain file that has it.

use super::ConsensusParams;
use crate::peer_id::peer_id_to_text;
use alloy_primitives::{B256, hex};
use mfenx_primitives::{Authority, Quorum};
use serde_json::{Value, json};

impl ConsensusParams {
    /// The JSON object that [`Self::from_json`] reads back, with every default written out.
    pub fn to_json(&self) -> Value {
        let authorities: Vec<_> = self.authorities.iter().map(authority).collect();
        json!({
            "quorum": match self.quorum {
                Quorum::Bft => "bft",
                Quorum::Majority => "majority",
            },
            "epochBlocks": self.epoch_blocks,
            "authorities": authorities,
            "timeoutsMs": {
                "propose": self.timeouts.propose_ms,
                "prevote": self.timeouts.prevote_ms,
                "precommit": self.timeouts.precommit_ms,
                "delta": self.timeouts.delta_ms,
            },
        })
    }
}

fn authority(authority: &Authority) -> Value {
    json!({
        "operator": hex::encode_prefixed(authority.operator),
        "consensusKey": B256::new(authority.consensus_key),
        "vrfKey": B256::new(authority.vrf_key),
        "peerId": peer_id_to_text(&authority.peer_id),
        "power": authority.power,
    })
}
