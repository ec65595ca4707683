//! `mfenx_getEvidence`: what the node keeps against authorities.

use crate::{
    consensus::{EvidenceRecord, SignedMessage},
    context::Context,
    error::RpcError,
    json::Quantity,
    method::{Method, Param},
    params::Args,
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{Address, B256, Bytes};
use jsonrpsee::core::RegisterMethodError;
use serde::Serialize;

/// Proofs in one answer. Against one operator a node keeps 16 at most.
const PROOFS_MAX: usize = 256;

const EVIDENCE: Method = Method {
    name: "mfenx_getEvidence",
    summary: "Proofs this node keeps that an authority signed two messages that exclude each other, \
              newest first, at most 256; of one operator all, which are 16 at most. Each holds under \
              the operator's consensus key of its epoch; null on a node without consensus.",
    params: &[Param::optional("operator", "Address")],
    result: "Evidence[]|null",
    example: r#"["0xa2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2"]"#,
};

pub(super) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Reads, &EVIDENCE, evidence)
}

#[derive(Clone, Serialize)]
struct EvidenceJson {
    operator: Address,
    epoch: Quantity<u64>,
    height: Quantity<u64>,
    round: Quantity<u64>,
    kind: &'static str,
    messages: [MessageJson; 2],
    proof: Bytes,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageJson {
    block_hash: Option<B256>,
    signed: Bytes,
    signature: Bytes,
}

fn evidence(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<Vec<EvidenceJson>>, RpcError> {
    let operator = args.json(0).map(|_| args.address(0)).transpose()?;
    let Some(kept) = context.status.evidence() else { return Ok(None) };
    let wanted = |one: &&EvidenceRecord| operator.is_none_or(|operator| one.operator == operator);
    Ok(Some(kept.iter().rev().filter(wanted).take(PROOFS_MAX).map(json).collect()))
}

fn json(one: &EvidenceRecord) -> EvidenceJson {
    let message = |message: &SignedMessage| MessageJson {
        block_hash: message.block_hash,
        signed: Bytes::copy_from_slice(&message.signed),
        signature: Bytes::copy_from_slice(&message.signature),
    };
    let [first, second] = &one.messages;
    EvidenceJson {
        operator: one.operator,
        epoch: Quantity(one.epoch),
        height: Quantity(one.height),
        round: Quantity(u64::from(one.round)),
        kind: one.kind,
        messages: [message(first), message(second)],
        proof: Bytes::copy_from_slice(&one.proof),
    }
}
