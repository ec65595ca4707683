//! The authorities and the open proposals, as of one block.

use super::{client::Client, error::RegistryError};
use alloy_primitives::{Address, B256, U256};
use mfenx_chainspec::{peer_id_of_key, peer_id_to_text};
use mfenx_engine::IAuthorities;
use serde::Serialize;
use serde_json::json;
use std::fmt;

/// Proposals looked at, from the newest back; older ones have lapsed unless somebody floods.
const PROPOSALS_MAX: u64 = 1_000;

/// The state of a registry.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    /// The block that this is the state after.
    pub block: u64,
    /// The epoch of that block.
    pub epoch: u64,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
    /// `bft` or `majority`.
    pub quorum: &'static str,
    /// The authorities of the epoch.
    pub current: Vec<Member>,
    /// Those of the next epoch, which are final.
    pub next: Vec<Member>,
    /// Those of the epoch after that, as far as is decided.
    pub pending: Vec<Member>,
    /// What can be voted for, oldest first.
    pub proposals: Vec<Open>,
}

/// An authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Its account.
    pub operator: Address,
    /// Its power.
    pub power: u64,
    /// Its key of votes.
    pub consensus_key: B256,
    /// Its key of randomness.
    pub vrf_key: B256,
    /// Its libp2p identity.
    pub peer_id: String,
}

/// A proposal that can be voted for.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Open {
    /// Its number.
    pub id: u64,
    /// `addition`, `removal` or `change`.
    pub kind: &'static str,
    /// What is proposed; of a removal only the operator counts.
    pub subject: Member,
    /// Who proposed it.
    pub proposer: Address,
    /// The last epoch in which it can be voted for.
    pub last_epoch: u64,
    /// Power of the current authorities that voted for it.
    pub power: u64,
    /// All power of the current authorities.
    pub total_power: u64,
    /// Who voted for it.
    pub voters: Vec<Address>,
}

impl From<IAuthorities::Authority> for Member {
    fn from(it: IAuthorities::Authority) -> Self {
        Self {
            operator: it.operator,
            power: it.power,
            consensus_key: it.consensusKey,
            vrf_key: it.vrfKey,
            peer_id: peer_id_to_text(&peer_id_of_key(it.peerKey.0)),
        }
    }
}

pub(super) fn list(client: &Client) -> Result<Listing, RegistryError> {
    let block = client.quantity("eth_blockNumber", json!([]))?;
    let at = &format!("{block:#x}");
    let epoch = client.view(&IAuthorities::epochCall {}, at)?;
    let members = |wanted: u64| -> Result<Vec<Member>, RegistryError> {
        let set = client.view(&IAuthorities::authoritiesAtCall { wanted }, at)?;
        Ok(set.into_iter().map(Member::from).collect())
    };
    let pending = client.view(&IAuthorities::pendingAuthoritiesCall {}, at)?;
    let current = members(epoch)?;
    Ok(Listing {
        block,
        epoch,
        epoch_blocks: client.view(&IAuthorities::epochBlocksCall {}, at)?,
        quorum: match client.view(&IAuthorities::quorumCall {}, at)? {
            IAuthorities::Quorum::Bft => "bft",
            _ => "majority",
        },
        next: members(epoch.saturating_add(1))?,
        pending: pending.authorities.into_iter().map(Member::from).collect(),
        proposals: proposals(client, at, epoch, &current)?,
        current,
    })
}

fn proposals(
    client: &Client,
    at: &str,
    epoch: u64,
    current: &[Member],
) -> Result<Vec<Open>, RegistryError> {
    let count: u64 = client.view(&IAuthorities::proposalCountCall {}, at)?.saturating_to();
    let mut open = Vec::new();
    for number in (count.saturating_sub(PROPOSALS_MAX)..count).rev() {
        let id = U256::from(number);
        let it = client.view(&IAuthorities::proposalCall { id }, at)?;
        // They lapse in the order in which they were made.
        if it.lastEpoch < epoch {
            break;
        }
        if it.executed {
            continue;
        }
        let tally = client.view(&IAuthorities::tallyCall { id }, at)?;
        let mut voters = Vec::new();
        for member in current {
            let operator = member.operator;
            if client.view(&IAuthorities::hasVotedCall { id, operator }, at)? {
                voters.push(operator);
            }
        }
        open.push(Open {
            id: number,
            kind: match it.kind {
                IAuthorities::Kind::Addition => "addition",
                IAuthorities::Kind::Removal => "removal",
                _ => "change",
            },
            subject: it.subject.into(),
            proposer: it.proposer,
            last_epoch: it.lastEpoch,
            power: tally.power.saturating_to(),
            total_power: tally.total.saturating_to(),
            voters,
        });
    }
    open.reverse();
    Ok(open)
}

impl Listing {
    /// The same for programs.
    pub fn to_json(&self) -> String {
        // A struct of strings and numbers always becomes JSON.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = |epoch: u64| epoch.saturating_mul(self.epoch_blocks);
        let epoch = self.epoch;
        writeln!(
            f,
            "Block {}, epoch {epoch} (blocks {} to {}), quorum {}",
            self.block,
            first(epoch),
            first(epoch + 1).saturating_sub(1),
            self.quorum
        )?;
        writeln!(f, "\nAuthorities")?;
        for member in &self.current {
            writeln!(f, "  {} power {} {}", member.operator, member.power, member.peer_id)?;
        }
        let mut before = &self.current;
        for (set, epoch, word) in
            [(&self.next, epoch + 1, ""), (&self.pending, epoch + 2, ", as decided so far")]
        {
            writeln!(f, "\nFrom epoch {epoch} (block {}){word}", first(epoch))?;
            write_changes(f, before, set)?;
            before = set;
        }
        writeln!(f, "\nProposals")?;
        if self.proposals.is_empty() {
            writeln!(f, "  none open")?;
        }
        for open in &self.proposals {
            let Open { id, kind, subject, power, total_power, last_epoch, voters, .. } = open;
            write!(f, "  {id} {kind} of {}", subject.operator)?;
            if *kind != "removal" {
                write!(f, " power {} {}", subject.power, subject.peer_id)?;
            }
            let voters: Vec<_> = voters.iter().map(Address::to_string).collect();
            writeln!(
                f,
                "\n    {power} of {total_power} power, until epoch {last_epoch}; for it: {}",
                voters.join(" ")
            )?;
        }
        Ok(())
    }
}

/// Who joins, leaves and changes from one set to the next.
fn write_changes(f: &mut fmt::Formatter<'_>, before: &[Member], after: &[Member]) -> fmt::Result {
    let find = |set: &[Member], operator| set.iter().position(|it| it.operator == operator);
    let mut same = true;
    for member in before.iter().filter(|it| find(after, it.operator).is_none()) {
        same = false;
        writeln!(f, "  - {}", member.operator)?;
    }
    for member in after.iter().filter(|it| !before.contains(it)) {
        same = false;
        let sign = if find(before, member.operator).is_some() { '~' } else { '+' };
        writeln!(f, "  {sign} {} power {} {}", member.operator, member.power, member.peer_id)?;
    }
    if same { writeln!(f, "  the same") } else { Ok(()) }
}
