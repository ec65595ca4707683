//! The registry of authorities as an operator uses it, over the JSON-RPC of any node of the chain.
//!
//! Invariants: a transaction is sent only after the same call was tried on the latest state, so that
//! what the registry would refuse costs nothing and is answered in words; what is said of a transaction
//! comes from its receipt; keys are proposed and voted for only with registration data whose proofs
//! hold, unless the caller says otherwise. One listing is of one block.
//!
//! Deliberately absent: taking back a vote or a proposal, which the registry does not know (a proposal
//! without a majority lapses), and any use of an operator's key by a running node.

mod client;
mod error;
mod evidence;
mod listing;
mod refusal;
mod transaction;

pub use error::RegistryError;
pub use evidence::{CheckedEvidence, CheckedProof};
pub use listing::{Listing, Member, Open};
pub use transaction::Outcome;

use crate::keys::{OperatorKey, PublicKeys, Registration};
use alloy_primitives::{Address, U256};
use alloy_sol_types::{SolCall, SolError};
use client::Client;
use mfenx_engine::IAuthorities;
use std::{fmt, path::Path};

/// What an operator asks of the registry.
#[derive(Debug, Clone)]
pub enum Change {
    /// Somebody joins, with the keys of this registration data.
    Add(Box<PublicKeys>, u64),
    /// An authority leaves.
    Remove(Address),
    /// An authority gets other keys or another power.
    Update(Box<PublicKeys>, u64),
}

/// On what grounds an operator votes for the keys of a proposal.
#[derive(Debug, Clone, Copy)]
pub enum Grounds<'a> {
    /// Registration data that must hold, and be the one proposed.
    Registration(&'a Path),
    /// The operator knows by other means.
    Unchecked,
    /// None: enough for who leaves.
    None,
}

/// A registry, reached through a node.
pub struct Registry {
    client: Client,
    chain_id: u64,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("chain_id", &self.chain_id).finish_non_exhaustive()
    }
}

impl Registry {
    /// Reaches the registry through the node at `url`.
    ///
    /// # Errors
    /// Nobody answers there, or for a chain without a registry.
    pub fn connect(url: &str) -> Result<Self, RegistryError> {
        let client = Client::new(url)?;
        let chain_id = client.quantity("eth_chainId", serde_json::json!([]))?;
        client.check_registry()?;
        Ok(Self { client, chain_id })
    }

    /// Reads registration data and checks every proof in it for this chain.
    ///
    /// # Errors
    /// A proof does not hold, or it is for another chain.
    pub fn registration(&self, path: &Path) -> Result<PublicKeys, RegistryError> {
        let verified = Registration::read(path)?.verify(self.chain_id);
        verified.map_err(|source| {
            crate::keys::KeysError::Registration { origin: path.into(), source }.into()
        })
    }

    /// Proposes a change, and votes for it.
    ///
    /// # Errors
    /// The registry refuses, or the transaction does not get into a block.
    pub fn propose(&self, change: Change, key: &OperatorKey) -> Result<Outcome, RegistryError> {
        self.check_membership(&change)?;
        let call = match change {
            Change::Remove(operator) => IAuthorities::proposeRemovalCall { operator }.abi_encode(),
            Change::Add(keys, power) => {
                let it = subject(&keys, power)?;
                IAuthorities::proposeAdditionCall {
                    operator: it.operator,
                    power,
                    consensusKey: it.consensusKey,
                    vrfKey: it.vrfKey,
                    peerKey: it.peerKey,
                }
                .abi_encode()
            }
            Change::Update(keys, power) => {
                let it = subject(&keys, power)?;
                IAuthorities::proposeChangeCall {
                    operator: it.operator,
                    power,
                    consensusKey: it.consensusKey,
                    vrfKey: it.vrfKey,
                    peerKey: it.peerKey,
                }
                .abi_encode()
            }
        };
        transaction::send(&self.client, self.chain_id, key, call)
    }

    /// Refuses what could be proposed and voted for, but not be executed as things stand.
    fn check_membership(&self, change: &Change) -> Result<(), RegistryError> {
        let pending = self.client.view(&IAuthorities::pendingAuthoritiesCall {}, "latest")?;
        let (operator, joins) = match change {
            Change::Add(keys, _) => (keys.operator, true),
            Change::Update(keys, _) => (keys.operator, false),
            Change::Remove(operator) => (*operator, false),
        };
        let is_member = pending.authorities.iter().any(|it| it.operator == operator);
        if is_member != joins {
            return Ok(());
        }
        let reason = match joins {
            true => IAuthorities::AlreadyMember { operator }.abi_encode(),
            false => IAuthorities::NotMember { operator }.abi_encode(),
        };
        Err(RegistryError::Refused(refusal::words(&reason)))
    }

    /// Votes for a proposal.
    ///
    /// # Errors
    /// As [`Self::propose`]; and the keys of the proposal are not those of the registration data, or
    /// there are no grounds for them.
    pub fn vote(
        &self,
        id: u64,
        grounds: Grounds<'_>,
        key: &OperatorKey,
    ) -> Result<Outcome, RegistryError> {
        let id_word = U256::from(id);
        let call = IAuthorities::proposalCall { id: id_word };
        let proposal = self.client.view(&call, "latest")?;
        let has_keys = proposal.kind != IAuthorities::Kind::Removal;
        match grounds {
            Grounds::Registration(path) if has_keys => {
                let it = proposal.subject;
                if subject(&self.registration(path)?, it.power)? != it {
                    return Err(RegistryError::OtherKeys { id, path: path.into() });
                }
            }
            Grounds::None if has_keys => {
                return Err(RegistryError::NoGrounds { id, operator: proposal.subject.operator });
            }
            Grounds::Registration(_) | Grounds::Unchecked | Grounds::None => {}
        }
        let call = IAuthorities::voteCall { id: id_word }.abi_encode();
        transaction::send(&self.client, self.chain_id, key, call)
    }

    /// Executes a proposal that has its majority and had to wait.
    ///
    /// # Errors
    /// As [`Self::propose`].
    pub fn execute(&self, id: u64, key: &OperatorKey) -> Result<Outcome, RegistryError> {
        let call = IAuthorities::executeCall { id: U256::from(id) }.abi_encode();
        transaction::send(&self.client, self.chain_id, key, call)
    }

    /// The authorities and what is proposed, as of the latest block.
    ///
    /// # Errors
    /// The node does not answer.
    pub fn list(&self) -> Result<Listing, RegistryError> {
        listing::list(&self.client)
    }

    /// What the node keeps against authorities, or against one, with every signature checked here.
    ///
    /// # Errors
    /// The node does not answer, has no consensus, or gives something that is no evidence.
    pub fn evidence(&self, operator: Option<Address>) -> Result<CheckedEvidence, RegistryError> {
        evidence::evidence(&self.client, self.chain_id, operator)
    }
}

/// Keys as the registry has them.
fn subject(keys: &PublicKeys, power: u64) -> Result<IAuthorities::Authority, RegistryError> {
    let peer = keys.peer_key().ok_or(RegistryError::PeerKey)?;
    Ok(IAuthorities::Authority {
        operator: keys.operator,
        power,
        consensusKey: keys.consensus_key.into(),
        vrfKey: keys.vrf_key.into(),
        peerKey: peer.into(),
    })
}
