//! The trivial application: blocks that hold nothing but their own making.

use std::collections::HashMap;

use alloy_primitives::B256;
use mfenx_consensus::{ExtraData, Height, ValidatorSet, alpha, next_seed, verify_vrf};
use mfenx_vrf::Proof;

use crate::fixtures::{DOMAIN, Identity};

/// A block: its hash binds height, parent, builder, built round, nonce and proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) height: Height,
    pub(crate) parent: B256,
    pub(crate) extra: ExtraData,
    pub(crate) nonce: u64,
    pub(crate) proof: [u8; 80],
}

impl Block {
    /// Builds a block; `randomness_of` is the block's height, unless the builder lies.
    pub(crate) fn build(
        identity: &Identity,
        validators: &ValidatorSet,
        (height, round): (Height, u32),
        parent: B256,
        nonce: u64,
        randomness_of: Height,
    ) -> Self {
        let alpha = alpha(DOMAIN.chain_id, randomness_of, validators.seed());
        let (proof, _) = identity.vrf.prove(&alpha);
        let index = validators.index_of(&identity.operator).expect("only authorities build");
        Self {
            height,
            parent,
            extra: ExtraData { built_round: round, proposer_index: u32::from(index) },
            nonce,
            proof: proof.to_bytes(),
        }
    }

    pub(crate) fn hash(&self) -> B256 {
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(&self.height.0.to_be_bytes())
            .update(self.parent.as_slice())
            .update(&self.extra.encode())
            .update(&self.nonce.to_be_bytes())
            .update(&self.proof);
        B256::from(*hasher.finalize().as_bytes())
    }
}

/// The rules of blocks, with a memory: what a proof gives is the same on every node.
#[derive(Default)]
pub(crate) struct Rules {
    next_seeds: HashMap<(B256, B256), Option<B256>>,
}

impl Rules {
    /// The seed of the next height, if the block is valid on `parent` under `validators`.
    pub(crate) fn check(
        &mut self,
        validators: &ValidatorSet,
        parent: B256,
        block: &Block,
    ) -> Option<B256> {
        if block.parent != parent {
            return None;
        }
        let check = || {
            let proof = Proof::from_bytes(&block.proof).ok()?;
            let output = verify_vrf(&DOMAIN, validators, block.height, block.extra, &proof).ok()?;
            Some(next_seed(validators.seed(), output.as_bytes()))
        };
        *self.next_seeds.entry((validators.seed(), block.hash())).or_insert_with(check)
    }
}
