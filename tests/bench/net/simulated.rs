//! Heights of consensus among many authorities, with the machines that nodes run and no network: what
//! is said, how long it is, and what it costs to listen.
//!
//! Every message reaches everybody once and at once, nobody fails, and blocks are hashes. So the
//! figures are those of a round that goes well: proposal, prevotes, precommits, with every signature
//! made and verified. Deliberately absent: gossip's copies, blocks, the log, clocks.

use alloy_primitives::{Address, B256, keccak256};
use eyre::{Result, bail};
use mfenx_consensus::{
    Certificate, Config, ConsensusKey, Domain, Effect, Height, Input, LoggedValue, Machine,
    Message, Operator, Round, Timeouts, ValidatorSet, Validity, verify_certificate,
};
use mfenx_primitives::{Authority, Quorum};
use mfenx_vrf::SecretKey;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

const DOMAIN: Domain = Domain { chain_id: 177_155, genesis_hash: B256::repeat_byte(0x67) };

/// What a height takes, on the average.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) authorities: usize,
    /// Messages published by all.
    pub(crate) published: f64,
    /// Messages that one authority takes in.
    pub(crate) received: f64,
    /// Their bytes.
    pub(crate) received_bytes: f64,
    /// CPU time of one authority: deciding, and checking the certificate as a follower would.
    pub(crate) cpu: Duration,
    /// Of which the check of the certificate.
    pub(crate) certificate_cpu: Duration,
    pub(crate) certificate_bytes: usize,
}

struct Simulation {
    machines: Vec<Machine>,
    set: ValidatorSet,
    /// What everybody but its sender has yet to take in.
    messages: VecDeque<(usize, Vec<u8>)>,
    inputs: VecDeque<(usize, Input)>,
    decided: Vec<Option<Certificate>>,
    published: u64,
    received: u64,
    received_bytes: u64,
}

/// Runs `heights` heights of so many authorities.
///
/// # Errors
/// A height is not decided by all in its first round.
pub(crate) fn run(authorities: usize, heights: u64) -> Result<Cost> {
    let mut simulation = Simulation::new(authorities)?;
    let start = Instant::now();
    for height in 1..=heights {
        simulation.height(Height(height))?;
    }
    let deciding = start.elapsed();
    let Some(certificate) = simulation.decided.first().cloned().flatten() else {
        bail!("no height was simulated");
    };
    let start = Instant::now();
    for _ in 0..heights {
        verify_certificate(&DOMAIN, &simulation.set, &certificate)?;
    }
    let certificate_cpu = start.elapsed().div_f64(heights as f64);
    let each = (heights * authorities as u64) as f64;
    Ok(Cost {
        authorities,
        published: simulation.published as f64 / heights as f64,
        received: simulation.received as f64 / each,
        received_bytes: simulation.received_bytes as f64 / each,
        cpu: deciding.div_f64(each) + certificate_cpu,
        certificate_cpu,
        certificate_bytes: certificate.encode().len(),
    })
}

impl Simulation {
    fn new(authorities: usize) -> Result<Self> {
        let keys: Vec<_> =
            (0..authorities).map(|index| ConsensusKey::from_seed(&seed(b"key", index))).collect();
        let registered: Vec<_> = keys
            .iter()
            .enumerate()
            .map(|(index, key)| Authority {
                operator: operator(index).0,
                consensus_key: key.public_key().to_bytes(),
                vrf_key: *SecretKey::from_seed(seed(b"vrf", index)).public_key().as_bytes(),
                peer_id: Vec::new(),
                power: 1,
            })
            .collect();
        let set = ValidatorSet::new(&registered, Quorum::Bft, B256::repeat_byte(0x5e))?;
        let machine = |(index, key)| {
            let (operator, timeouts) = (operator(index), Timeouts::default());
            let config = Config { domain: DOMAIN, operator, key: Some(key), timeouts };
            Machine::new(config, Height(1), set.clone())
        };
        let machines = keys.into_iter().enumerate().map(machine).collect::<Result<_, _>>()?;
        Ok(Self {
            machines,
            set,
            messages: VecDeque::new(),
            inputs: VecDeque::new(),
            decided: vec![None; authorities],
            published: 0,
            received: 0,
            received_bytes: 0,
        })
    }

    /// One height, until everybody decided and everything was heard.
    fn height(&mut self, height: Height) -> Result<()> {
        self.set = self.set.with_seed(keccak256(height.0.to_be_bytes()));
        self.decided.fill(None);
        for index in 0..self.machines.len() {
            let (validators, log) = (self.set.clone(), Vec::new());
            self.inputs.push_back((index, Input::StartHeight { height, validators, log }));
        }
        loop {
            if let Some((index, input)) = self.inputs.pop_front() {
                self.step(index, input)?;
            } else if let Some((sender, bytes)) = self.messages.pop_front() {
                self.deliver(sender, &bytes)?;
            } else {
                break;
            }
        }
        let undecided = self.decided.iter().filter(|one| one.is_none()).count();
        if undecided > 0 {
            bail!("{undecided} of {} did not decide {height:?}", self.machines.len());
        }
        Ok(())
    }

    fn deliver(&mut self, sender: usize, bytes: &[u8]) -> Result<()> {
        for index in (0..self.machines.len()).filter(|index| *index != sender) {
            self.received += 1;
            self.received_bytes += bytes.len() as u64;
            let message = Message::decode(bytes)?;
            let proposal = match &message {
                Message::Proposal(proposal) => Some(proposal.clone()),
                _ => None,
            };
            self.step(index, Input::Message(message))?;
            // The block comes with its proposal, and is valid.
            if let Some(proposal) = proposal {
                let value = LoggedValue {
                    height: proposal.height,
                    round: proposal.round,
                    valid_round: Round::Nil,
                    proposer: proposal.operator,
                    value: proposal.value,
                    validity: Validity::Valid,
                };
                self.step(index, Input::ValueReceived(value))?;
            }
        }
        Ok(())
    }

    fn step(&mut self, index: usize, input: Input) -> Result<()> {
        let Some(machine) = self.machines.get_mut(index) else { return Ok(()) };
        for effect in machine.step(input)? {
            match effect {
                Effect::Publish(message) => {
                    self.published += 1;
                    self.messages.push_back((index, message.encode()));
                }
                Effect::BuildValue { height, round, .. } => {
                    let block_hash = keccak256(height.0.to_be_bytes());
                    self.inputs.push_back((index, Input::ValueBuilt { height, round, block_hash }));
                }
                Effect::Decide(certificate) => {
                    if let Some(decided) = self.decided.get_mut(index) {
                        *decided = Some(certificate);
                    }
                }
                // Nobody is late here, and nothing fails.
                _ => {}
            }
        }
        Ok(())
    }
}

fn seed(purpose: &[u8], index: usize) -> [u8; 32] {
    keccak256([purpose, &(index as u64).to_be_bytes()].concat()).0
}

fn operator(index: usize) -> Operator {
    Operator(Address::from_word(seed(b"operator", index).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_hears_a_proposal_and_two_votes_of_each() {
        let cost = run(4, 3).unwrap();
        assert_eq!(cost.published, 9.0);
        // Its own are not among them: three fourths of nine.
        assert_eq!(cost.received, 6.75);
        assert!(cost.certificate_bytes > 3 * 64 && cost.received_bytes > cost.received * 64.0);
        assert!(cost.cpu > cost.certificate_cpu);
    }
}
