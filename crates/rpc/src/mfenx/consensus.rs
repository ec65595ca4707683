//! `mfenx_*` of consensus: who decides, what decided a block, and who missed a turn.

use crate::{
    consensus::{DecisionRecord, Validators},
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
use mfenx_primitives::Quorum;
use mfenx_storage::Reader;
use serde::Serialize;

/// Blocks that one request about missed rounds looks at.
const MISSED_BLOCKS_MAX: u64 = 1_024;
/// Blocks it looks at unless it says how many.
const MISSED_BLOCKS: u64 = 100;

const VALIDATORS: Method = Method {
    name: "mfenx_getValidators",
    summary: "The authorities that decided a block, in canonical order, and the order of their turns \
              to propose; null on a chain without authorities.",
    params: &[Param::optional("block", "BlockId")],
    result: "Validators|null",
    example: r#"["latest"]"#,
};

const CERTIFICATE: Method = Method {
    name: "mfenx_getCertificate",
    summary: "The precommits that decided a block; null for a block without a certificate.",
    params: &[Param::optional("block", "BlockId")],
    result: "Certificate|null",
    example: r#"["latest"]"#,
};

const VRF_PROOF: Method = Method {
    name: "mfenx_getVrfProof",
    summary: "The randomness of a block's builder with its proof (RFC 9381), the seed it is made of \
              and the one it makes; null for a block without a proof.",
    params: &[Param::optional("block", "BlockId")],
    result: "VrfProof|null",
    example: r#"["latest"]"#,
};

const MISSED_ROUNDS: Method = Method {
    name: "mfenx_getMissedRounds",
    summary: "How often each authority proposed a block that was decided, and how often its turn \
              passed without one, in so many blocks (default 100, at most 1,024) up to a block; null \
              on a chain without authorities.",
    params: &[Param::optional("blockCount", "BlockCount"), Param::optional("block", "BlockId")],
    result: "MissedRounds|null",
    example: r#"["0x64","latest"]"#,
};

const STATUS: Method = Method {
    name: "mfenx_consensusStatus",
    summary: "Where consensus stands at this node; null on a node without it.",
    params: &[],
    result: "ConsensusStatus|null",
    example: "[]",
};

pub(super) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Calls, &VALIDATORS, validators)?;
    registry.work(Class::Calls, &CERTIFICATE, certificate)?;
    registry.work(Class::Calls, &VRF_PROOF, vrf_proof)?;
    registry.work(Class::Logs, &MISSED_ROUNDS, missed_rounds)?;
    registry.inline(&STATUS, status)
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ValidatorsJson {
    block: Quantity<u64>,
    epoch: Quantity<u64>,
    first_block: Quantity<u64>,
    last_block: Quantity<u64>,
    quorum: &'static str,
    total_power: Quantity<u64>,
    validators: Vec<ValidatorJson>,
    turns: Vec<Quantity<u64>>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct ValidatorJson {
    index: Quantity<u64>,
    operator: Address,
    consensus_key: B256,
    vrf_key: B256,
    peer_id: String,
    power: Quantity<u64>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateJson {
    height: Quantity<u64>,
    round: Quantity<u64>,
    block_hash: B256,
    signatures: Vec<SignatureJson>,
}

#[derive(Clone, Serialize)]
struct SignatureJson {
    index: Quantity<u64>,
    operator: Address,
    signature: Bytes,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct VrfProofJson {
    height: Quantity<u64>,
    index: Quantity<u64>,
    operator: Address,
    vrf_key: B256,
    built_round: Quantity<u64>,
    seed: B256,
    alpha: Bytes,
    proof: Bytes,
    output: Bytes,
    prev_randao: B256,
    next_seed: B256,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct MissedRoundsJson {
    first_block: Quantity<u64>,
    last_block: Quantity<u64>,
    missed: Quantity<u64>,
    validators: Vec<TurnsJson>,
}

#[derive(Clone, Serialize)]
struct TurnsJson {
    operator: Address,
    proposed: Quantity<u64>,
    missed: Quantity<u64>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusJson {
    operator: Option<Address>,
    authority: bool,
    height: Quantity<u64>,
    round: Quantity<u64>,
    step: &'static str,
    proposer: Option<Address>,
    missed_rounds: Vec<MissedJson>,
    last_commit_ms: Option<Quantity<u64>>,
    peers: Quantity<u64>,
    syncing: bool,
}

#[derive(Clone, Serialize)]
struct MissedJson {
    operator: Address,
    missed: Quantity<u64>,
}

/// The block asked about and its record; none where there is none.
fn record_of(
    context: &Context,
    args: &Args<'_>,
) -> Result<Option<(Reader, u64, Validators, DecisionRecord)>, RpcError> {
    let block = args.block_or_latest(0)?;
    let reader = context.store.reader()?;
    let number = block.existing_number(&reader)?;
    let Some(records) = &context.consensus else { return Ok(None) };
    let Some(record) = records.record(&reader, number)? else { return Ok(None) };
    let validators = records.validators(&reader, number)?;
    Ok(Some((reader, number, validators, record)))
}

fn validators(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<ValidatorsJson>, RpcError> {
    let block = args.block_or_latest(0)?;
    let reader = context.store.reader()?;
    let number = block.existing_number(&reader)?;
    let Some(records) = &context.consensus else { return Ok(None) };
    let set = records.validators(&reader, number)?;
    let validator = |(index, authority): (usize, &mfenx_primitives::Authority)| ValidatorJson {
        index: Quantity(index as u64),
        operator: authority.operator,
        consensus_key: authority.consensus_key.into(),
        vrf_key: authority.vrf_key.into(),
        peer_id: mfenx_chainspec::peer_id_to_text(&authority.peer_id),
        power: Quantity(authority.power),
    };
    let power = set.authorities.iter().fold(0_u64, |sum, one| sum.saturating_add(one.power));
    Ok(Some(ValidatorsJson {
        block: Quantity(number),
        epoch: Quantity(set.epoch),
        first_block: Quantity(set.first_block),
        last_block: Quantity(set.last_block),
        quorum: match set.quorum {
            Quorum::Bft => "bft",
            Quorum::Majority => "majority",
        },
        total_power: Quantity(power),
        validators: set.authorities.iter().enumerate().map(validator).collect(),
        turns: set.turns.iter().map(|index| Quantity(u64::from(*index))).collect(),
    }))
}

fn certificate(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<CertificateJson>, RpcError> {
    let Some((_, number, set, record)) = record_of(context, args)? else { return Ok(None) };
    let signature = |(index, signature): &(u8, [u8; 64])| {
        Ok(SignatureJson {
            index: Quantity(u64::from(*index)),
            operator: member(&set, u32::from(*index))?.operator,
            signature: Bytes::copy_from_slice(signature),
        })
    };
    Ok(Some(CertificateJson {
        height: Quantity(number),
        round: Quantity(u64::from(record.round)),
        block_hash: record.block_hash,
        signatures: record.signatures.iter().map(signature).collect::<Result<_, RpcError>>()?,
    }))
}

fn vrf_proof(
    context: &Context,
    args: &Args<'_>,
    _: &Cancel,
) -> Result<Option<VrfProofJson>, RpcError> {
    let Some((reader, number, set, record)) = record_of(context, args)? else { return Ok(None) };
    let builder = member(&set, record.builder)?;
    let header = reader.header(number)?.ok_or(RpcError::HeaderNotFound)?;
    Ok(Some(VrfProofJson {
        height: Quantity(number),
        index: Quantity(u64::from(record.builder)),
        operator: builder.operator,
        vrf_key: builder.vrf_key.into(),
        built_round: Quantity(u64::from(record.built_round)),
        seed: record.seed,
        alpha: record.alpha.into(),
        proof: record.proof.into(),
        output: Bytes::copy_from_slice(&record.output),
        prev_randao: header.mix_hash,
        next_seed: record.next_seed,
    }))
}

fn missed_rounds(
    context: &Context,
    args: &Args<'_>,
    cancel: &Cancel,
) -> Result<Option<MissedRoundsJson>, RpcError> {
    let count = args.json(0).map_or(Ok(MISSED_BLOCKS), |_| args.quantity(0))?;
    if count == 0 || count > MISSED_BLOCKS_MAX {
        let reason = format!("from 1 to {MISSED_BLOCKS_MAX} blocks, not {count}");
        return Err(RpcError::argument(0, reason));
    }
    let block = args.block_or_latest(1)?;
    let reader = context.store.reader()?;
    let last = block.existing_number(&reader)?;
    let Some(records) = &context.consensus else { return Ok(None) };
    let first = last.saturating_sub(count - 1).max(1);
    let mut tally = Tally::default();
    for number in first..=last {
        if cancel.is_cancelled() {
            return Err(RpcError::Cancelled);
        }
        if let Some(record) = records.record(&reader, number)? {
            tally.count(&records.validators(&reader, number)?, &record)?;
        }
    }
    Ok(Some(tally.json(first, last)))
}

/// Turns by operator, in the order in which they were first met.
#[derive(Default)]
struct Tally(Vec<(Address, u64, u64)>);

impl Tally {
    fn count(&mut self, set: &Validators, record: &DecisionRecord) -> Result<(), RpcError> {
        for authority in &set.authorities {
            self.place(authority.operator);
        }
        if set.turns.is_empty() {
            return Ok(());
        }
        for round in 0..=record.round {
            let turn = set.turns.get(round as usize % set.turns.len());
            let operator = member(set, u32::from(turn.copied().unwrap_or_default()))?.operator;
            let (_, proposed, missed) = self.place(operator);
            if round == record.round { *proposed += 1 } else { *missed += 1 }
        }
        Ok(())
    }

    fn place(&mut self, operator: Address) -> &mut (Address, u64, u64) {
        let known = self.0.iter().position(|(known, ..)| *known == operator);
        let index = known.unwrap_or_else(|| {
            self.0.push((operator, 0, 0));
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    fn json(self, first: u64, last: u64) -> MissedRoundsJson {
        let turns = |(operator, proposed, missed)| TurnsJson {
            operator,
            proposed: Quantity(proposed),
            missed: Quantity(missed),
        };
        MissedRoundsJson {
            first_block: Quantity(first),
            last_block: Quantity(last),
            missed: Quantity(self.0.iter().map(|(.., missed)| missed).sum()),
            validators: self.0.into_iter().map(turns).collect(),
        }
    }
}

fn member(set: &Validators, index: u32) -> Result<&mfenx_primitives::Authority, RpcError> {
    set.authorities
        .get(index as usize)
        .ok_or_else(|| RpcError::Internal(format!("a record names authority {index}, who is none")))
}

fn status(context: &Context, _: &Args<'_>) -> Result<Option<StatusJson>, RpcError> {
    let node = &context.status;
    Ok(node.consensus().map(|status| StatusJson {
        operator: status.operator,
        authority: status.is_authority,
        height: Quantity(status.height),
        round: Quantity(u64::from(status.round)),
        step: status.step,
        proposer: status.proposer,
        missed_rounds: status
            .missed_rounds
            .iter()
            .map(|(operator, missed)| MissedJson { operator: *operator, missed: Quantity(*missed) })
            .collect(),
        last_commit_ms: status.last_commit.map(|time| Quantity(time.as_millis() as u64)),
        peers: Quantity(node.peers()),
        syncing: node.sync().is_some(),
    }))
}
