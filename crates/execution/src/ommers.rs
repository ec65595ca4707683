//! The rules of ommers, before the merge.

use crate::{
    error::{BlockError, ExecutionError, HeaderError},
    header_rules::validate_header,
};
use alloy_hardforks::EthereumHardforks;
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{Block, Header, RecoveredBlock, SealedHeader};
use std::collections::HashSet;

/// How many blocks before a block decide which ommers it may have.
pub const OMMER_ANCESTORS: usize = 7;
/// The most ommers a block may have.
const MAX_OMMERS: usize = 2;
/// How many generations an ommer may be older than the block.
const MAX_DEPTH: u64 = 6;

/// What needs no ancestors: not after the merge, at most two, at most six generations back.
///
/// Without it the reward formula would take a root of a negative number of generations.
pub(crate) fn check_distance(
    spec: &ChainSpec,
    number: u64,
    ommers: &[Header],
) -> Result<(), BlockError> {
    for (index, ommer) in ommers.iter().enumerate() {
        let reason = if spec.is_paris_active_at_block(number) {
            "there are none after the merge"
        } else if index >= MAX_OMMERS {
            "there are at most two"
        } else if ommer.number >= number || ommer.number.saturating_add(MAX_DEPTH) < number {
            "it is not one to six generations older than the block"
        } else {
            continue;
        };
        return Err(BlockError::Ommer { index, reason });
    }
    Ok(())
}

/// Checks that each ommer is a valid child of an ancestor, is no ancestor itself, and was not
/// included before.
///
/// `ancestors` are the blocks before `block`, its parent first, [`OMMER_ANCESTORS`] of them or as
/// many as there are.
///
/// # Errors
/// [`ExecutionError::InvalidBlock`], naming the ommer.
pub fn validate_ommers(
    spec: &ChainSpec,
    block: &RecoveredBlock,
    ancestors: &[Block],
) -> Result<(), ExecutionError> {
    if block.body().ommers.is_empty() {
        return Ok(());
    }
    check_distance(spec, block.number(), &block.body().ommers)?;
    let mut ancestor_headers = Vec::with_capacity(ancestors.len());
    let mut used = HashSet::new();
    for ancestor in ancestors.iter().take(OMMER_ANCESTORS) {
        used.extend(ancestor.body.ommers.iter().map(Header::hash_slow));
        ancestor_headers.push(SealedHeader::new(ancestor.header.clone()));
    }
    used.insert(block.hash());
    for (index, ommer) in block.body().ommers.iter().enumerate() {
        let ommer = SealedHeader::new(ommer.clone());
        let refuse = |reason| Err(BlockError::Ommer { index, reason }.into());
        if !used.insert(ommer.hash()) {
            return refuse("it is already included");
        }
        if ancestor_headers.iter().any(|ancestor| ancestor.hash() == ommer.hash()) {
            return refuse("it is an ancestor of the block");
        }
        let parent = ancestor_headers.iter().find(|header| header.hash() == ommer.parent_hash);
        let Some(parent) = parent.filter(|parent| parent.hash() != block.header().parent_hash)
        else {
            return refuse("its parent is not an ancestor of the block's parent");
        };
        match validate_header(spec, &ommer, parent) {
            Ok(()) => {}
            Err(ExecutionError::InvalidHeader(reason)) => return refuse(describe(&reason)),
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// The part of the header that is wrong, in a word.
fn describe(error: &HeaderError) -> &'static str {
    match error {
        HeaderError::Number { .. } => "its number is wrong",
        HeaderError::Timestamp { .. } => "its timestamp is not after its parent's",
        HeaderError::Difficulty { .. } => "its difficulty is wrong",
        HeaderError::GasLimitRange(_)
        | HeaderError::GasLimitChange { .. }
        | HeaderError::GasUsed { .. } => "its gas limit or gas used is wrong",
        _ => "its header is invalid",
    }
}
