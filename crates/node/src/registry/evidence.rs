//! Evidence that a node keeps, checked here: every signature, under the key that the registry has for
//! the operator in the epoch of the messages. The registry is read through the same node; who does not
//! trust that one asks a follower of their own.

use super::{client::Client, error::RegistryError};
use alloy_primitives::{Address, B256, Bytes};
use mfenx_consensus::{Domain, Evidence, ValidatorSet};
use mfenx_engine::IAuthorities;
use mfenx_primitives::{Authority, Quorum};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::BTreeMap, fmt};

/// Evidence of one node, checked.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedEvidence {
    /// Newest first.
    pub evidence: Vec<CheckedProof>,
}

/// One piece of evidence.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckedProof {
    /// Who is accused.
    pub operator: Address,
    /// The epoch of the height.
    pub epoch: u64,
    /// The height of both messages.
    pub height: u64,
    /// The round of both messages.
    pub round: u32,
    /// `proposal`, `prevote` or `precommit`.
    pub kind: &'static str,
    /// The operator's consensus key in that epoch, when it was an authority.
    pub consensus_key: Option<B256>,
    /// Why it proves nothing; none when it holds.
    pub fault: Option<String>,
    /// The proof as nodes keep it.
    pub proof: Bytes,
}

#[derive(Deserialize)]
struct Kept {
    proof: Bytes,
}

#[derive(Deserialize)]
struct Genesis {
    hash: B256,
}

pub(super) fn evidence(
    client: &Client,
    chain_id: u64,
    operator: Option<Address>,
) -> Result<CheckedEvidence, RegistryError> {
    let params = operator.map_or_else(|| json!([]), |operator| json!([operator]));
    let kept: Option<Vec<Kept>> = client.call("mfenx_getEvidence", params)?;
    let Some(kept) = kept else { return Err(RegistryError::NoEvidence) };
    let genesis: Genesis = client.call("eth_getBlockByNumber", json!(["0x0", false]))?;
    let domain = Domain { chain_id, genesis_hash: genesis.hash };
    let blocks = client.view(&IAuthorities::epochBlocksCall {}, "latest")?.max(1);
    let mut sets = BTreeMap::new();
    let mut evidence = Vec::new();
    for Kept { proof } in kept {
        let Ok(found) = Evidence::decode(&proof) else {
            return Err(RegistryError::BadEvidence(proof));
        };
        let epoch = found.height().0 / blocks;
        let set = match sets.get(&epoch) {
            Some(set) => set,
            None => {
                let call = IAuthorities::authoritiesAtCall { wanted: epoch };
                let members = match client.view(&call, "latest") {
                    Ok(members) => members,
                    // Of a time that has not come: nobody can have signed there as an authority.
                    Err(RegistryError::Refused(_)) => Vec::new(),
                    Err(error) => return Err(error),
                };
                sets.entry(epoch).or_insert(members)
            }
        };
        evidence.push(check(&domain, epoch, set, found, proof));
    }
    Ok(CheckedEvidence { evidence })
}

fn check(
    domain: &Domain,
    epoch: u64,
    members: &[IAuthorities::Authority],
    found: Evidence,
    proof: Bytes,
) -> CheckedProof {
    let operator = found.operator().0;
    let accused = members.iter().find(|member| member.operator == operator);
    let fault = match accused {
        None => Some("the registry has no such authority in that epoch".to_owned()),
        Some(member) => {
            // Only the key counts; others of the set may have keys that are none.
            let alone = [Authority::from(member.clone())];
            match ValidatorSet::new(&alone, Quorum::Bft, B256::ZERO) {
                Ok(set) => found.verify(domain, &set).err().map(|error| error.to_string()),
                Err(error) => Some(error.to_string()),
            }
        }
    };
    CheckedProof {
        operator,
        epoch,
        height: found.height().0,
        round: found.round(),
        kind: found.kind(),
        consensus_key: accused.map(|member| member.consensusKey),
        fault,
        proof,
    }
}

impl CheckedEvidence {
    /// Whether every piece holds.
    pub fn holds(&self) -> bool {
        self.evidence.iter().all(|one| one.fault.is_none())
    }

    /// The same for programs.
    pub fn to_json(&self) -> String {
        // Strings and numbers always become JSON.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

impl fmt::Display for CheckedEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.evidence.is_empty() {
            writeln!(f, "The node keeps no evidence.")?;
        }
        for one in &self.evidence {
            let CheckedProof { operator, epoch, height, round, kind, .. } = one;
            write!(
                f,
                "{operator} signed two different {kind}s: height {height}, round {round}, epoch {epoch}: "
            )?;
            match &one.fault {
                None => writeln!(f, "both signatures hold")?,
                Some(fault) => writeln!(f, "PROVES NOTHING: {fault}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfenx_consensus::{ConsensusKey, Height, NilOrVal, Operator, Round, Vote, VoteType};

    const DOMAIN: Domain = Domain { chain_id: 7, genesis_hash: B256::repeat_byte(9) };

    fn member(seed: u8) -> IAuthorities::Authority {
        let vrf = mfenx_vrf::SecretKey::from_seed([seed + 1; 32]);
        IAuthorities::Authority {
            operator: Address::repeat_byte(1),
            power: 1,
            consensusKey: ConsensusKey::from_seed(&[seed; 32]).public_key().to_bytes().into(),
            vrfKey: (*vrf.public_key().as_bytes()).into(),
            peerKey: B256::repeat_byte(3),
        }
    }

    /// What the check says of votes that this seed's key signed on this chain.
    fn fault(members: &[IAuthorities::Authority], domain: &Domain) -> Option<String> {
        let vote = |value| Vote {
            kind: VoteType::Precommit,
            height: Height(12),
            round: Round::new(2),
            value,
            operator: Operator(Address::repeat_byte(1)),
        };
        let key = ConsensusKey::from_seed(&[10; 32]);
        let signed = |value| key.sign_vote(domain, vote(value));
        let pair = [signed(NilOrVal::Nil), signed(NilOrVal::Val(B256::ZERO))];
        let [one, other] = pair;
        let found = Evidence::of_votes(one, other).unwrap();
        let proof = found.encode().into();
        let checked = check(&DOMAIN, 1, members, found, proof);
        assert_eq!((checked.kind, checked.height, checked.round), ("precommit", 12, 2));
        let holds = CheckedEvidence { evidence: vec![checked.clone()] };
        assert_eq!(holds.holds(), checked.fault.is_none());
        assert_eq!(holds.to_string().contains("PROVES NOTHING"), checked.fault.is_some());
        checked.fault
    }

    #[test]
    fn only_signatures_of_the_registered_key_on_this_chain_prove_something() {
        assert_eq!(fault(&[member(10)], &DOMAIN), None);
        let other_key = fault(&[member(20)], &DOMAIN).unwrap();
        assert!(other_key.contains("signature"), "{other_key}");
        assert!(fault(&[], &DOMAIN).unwrap().contains("no such authority"));
        let other_chain = Domain { chain_id: 8, ..DOMAIN };
        assert!(fault(&[member(10)], &other_chain).is_some());
    }
}
