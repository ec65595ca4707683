//! A registry in memory, at any height, called by anybody.

use super::super::{IAuthorities, read_authorities};
use IAuthorities::{
    Authority as Member, IAuthoritiesErrors as Refusal, IAuthoritiesEvents as Event,
};
use alloy_primitives::{Address, Bytes, Log, TxKind, U256};
use alloy_sol_types::{SolCall, SolEventInterface, SolInterface};
use mfenx_chainspec::{
    ChainSpec, ConsensusParams, ConsensusTimeouts, REGISTRY_ADDRESS, peer_id_of_key,
};
use mfenx_execution::evm_env;
use mfenx_primitives::{Authority, Header, Quorum};
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext,
    context::{TxEnv, result::ExecutionResult},
    database::{CacheDB, EmptyDB},
    state::{AccountInfo, Bytecode},
};

/// EIP-7825: more no transaction can have.
pub(super) const GAS_MAX: u64 = 1 << 24;

/// Blocks of an epoch in these tests.
pub(super) const EPOCH_BLOCKS: u64 = 10;

/// A key that nobody else has in any role.
pub(super) fn key(index: u8, role: u8) -> [u8; 32] {
    let mut key = [role; 32];
    key[0] = index;
    key
}

pub(super) fn operator(index: u8) -> Address {
    Address::repeat_byte(index + 1)
}

pub(super) fn authority(index: u8, power: u64) -> Authority {
    Authority {
        operator: operator(index),
        consensus_key: key(index, 0xc0),
        vrf_key: key(index, 0xf0),
        peer_id: peer_id_of_key(key(index, 0x90)),
        power,
    }
}

pub(super) fn member(index: u8, power: u64) -> Member {
    Member {
        operator: operator(index),
        power,
        consensusKey: key(index, 0xc0).into(),
        vrfKey: key(index, 0xf0).into(),
        peerKey: key(index, 0x90).into(),
    }
}

/// The development chain with authorities of these powers.
pub(super) fn chain(powers: &[u64], epoch_blocks: u64) -> ChainSpec {
    let authorities = powers.iter().enumerate();
    let params = ConsensusParams {
        quorum: Quorum::Majority,
        epoch_blocks,
        authorities: authorities.map(|(index, power)| authority(index as u8, *power)).collect(),
        timeouts: ConsensusTimeouts::default(),
    };
    let mut genesis = ChainSpec::dev().unwrap().genesis().clone();
    params.install(&mut genesis).unwrap();
    ChainSpec::from_genesis(genesis).unwrap()
}

/// What a transaction did.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) events: Vec<Event>,
    pub(super) output: Bytes,
    pub(super) gas: u64,
}

pub(super) struct Registry {
    pub(super) spec: ChainSpec,
    pub(super) db: CacheDB<EmptyDB>,
    pub(super) height: u64,
}

impl Registry {
    /// At height 1 of a chain with authorities of these powers.
    pub(super) fn new(powers: &[u64]) -> Self {
        let spec = chain(powers, EPOCH_BLOCKS);
        let account = &spec.alloc()[&REGISTRY_ADDRESS];
        let mut db = CacheDB::<EmptyDB>::default();
        put_code(&mut db, REGISTRY_ADDRESS, account.code.clone().unwrap());
        for (slot, value) in account.storage.iter().flatten() {
            let (slot, value) = (U256::from_be_bytes(slot.0), U256::from_be_bytes(value.0));
            db.insert_account_storage(REGISTRY_ADDRESS, slot, value).unwrap();
        }
        Self { spec, db, height: 1 }
    }

    pub(super) fn header(&self) -> Header {
        let mut header = self.spec.genesis_header().inner().clone();
        header.number = self.height;
        header.base_fee_per_gas = Some(0);
        header
    }

    pub(super) fn epoch(&self) -> u64 {
        self.height / EPOCH_BLOCKS
    }

    /// Goes to the first block of the epoch that is `count` later.
    pub(super) fn skip_epochs(&mut self, count: u64) {
        self.height = (self.epoch() + count) * EPOCH_BLOCKS;
    }

    /// A transaction to the registry; a revert gives what it reverted with.
    pub(super) fn send_raw(&mut self, tx: TxEnv) -> Result<Done, Bytes> {
        let env = evm_env(&self.spec, &self.header()).evm;
        let context = Context::mainnet().with_db(&mut self.db).with_block(env.block_env);
        let mut evm = context.with_cfg(env.cfg_env).build_mainnet();
        evm.ctx.cfg.disable_nonce_check = true;
        evm.ctx.cfg.disable_eip3607 = true;
        match evm.transact_commit(tx).unwrap() {
            ExecutionResult::Success { logs, output, gas, .. } => {
                let events = logs.iter().map(event).collect();
                Ok(Done { events, output: output.into_data(), gas: gas.tx_gas_used() })
            }
            ExecutionResult::Revert { output, .. } => Err(output),
            halt => panic!("{halt:?}"),
        }
    }

    pub(super) fn transaction(&self, from: Address, call: &impl SolCall) -> TxEnv {
        TxEnv {
            caller: from,
            kind: TxKind::Call(REGISTRY_ADDRESS),
            data: call.abi_encode().into(),
            gas_limit: GAS_MAX,
            chain_id: Some(self.spec.chain_id()),
            ..TxEnv::default()
        }
    }

    pub(super) fn send(&mut self, from: Address, call: &impl SolCall) -> Result<Done, Refusal> {
        let transaction = self.transaction(from, call);
        self.send_raw(transaction).map_err(|output| refusal(&output))
    }

    /// What a view answers.
    pub(super) fn view<C: SolCall>(&mut self, call: &C) -> Result<C::Return, Refusal> {
        let done = self.send(Address::ZERO, call)?;
        assert!(done.events.is_empty());
        Ok(C::abi_decode_returns_validate(&done.output).unwrap())
    }

    /// Proposes `subject` as the authority `by`; the number of the proposal and what happened.
    pub(super) fn add(&mut self, by: u8, subject: Member) -> Result<(U256, Done), Refusal> {
        let Member { operator, power, consensusKey, vrfKey, peerKey } = subject;
        let call =
            IAuthorities::proposeAdditionCall { operator, power, consensusKey, vrfKey, peerKey };
        self.send(super::support::operator(by), &call).map(numbered)
    }

    pub(super) fn change(&mut self, by: u8, subject: Member) -> Result<(U256, Done), Refusal> {
        let Member { operator, power, consensusKey, vrfKey, peerKey } = subject;
        let call =
            IAuthorities::proposeChangeCall { operator, power, consensusKey, vrfKey, peerKey };
        self.send(super::support::operator(by), &call).map(numbered)
    }

    pub(super) fn remove(&mut self, by: u8, who: u8) -> Result<(U256, Done), Refusal> {
        let call = IAuthorities::proposeRemovalCall { operator: operator(who) };
        self.send(operator(by), &call).map(numbered)
    }

    pub(super) fn vote(&mut self, by: u8, id: U256) -> Result<Done, Refusal> {
        self.send(operator(by), &IAuthorities::voteCall { id })
    }

    pub(super) fn execute(&mut self, by: u8, id: U256) -> Result<Done, Refusal> {
        self.send(operator(by), &IAuthorities::executeCall { id })
    }

    /// Lets the authorities `voters` vote; what the last vote did.
    pub(super) fn votes(&mut self, voters: &[u8], id: U256) -> Done {
        let mut last = None;
        for by in voters {
            last = Some(self.vote(*by, id).unwrap());
        }
        last.unwrap()
    }

    pub(super) fn tally(&mut self, id: U256) -> (u64, u64) {
        let tally = self.view(&IAuthorities::tallyCall { id }).unwrap();
        (tally.power.to(), tally.total.to())
    }

    /// The set of an epoch, as the node reads it.
    pub(super) fn set(&self, epoch: u64) -> Vec<Authority> {
        read_authorities(&self.db, &self.spec, &self.header(), epoch).unwrap()
    }

    /// The set of the epoch after the next, which can still change.
    pub(super) fn pending(&mut self) -> Vec<Authority> {
        let pending = self.view(&IAuthorities::pendingAuthoritiesCall {}).unwrap();
        assert_eq!(pending.effective, self.epoch() + 2);
        pending.authorities.into_iter().map(Into::into).collect()
    }
}

pub(super) fn put_code(db: &mut CacheDB<EmptyDB>, address: Address, code: Bytes) {
    db.insert_account_info(address, AccountInfo::from_bytecode(Bytecode::new_raw(code)));
}

fn event(log: &Log) -> Event {
    assert_eq!(log.address, REGISTRY_ADDRESS);
    Event::decode_log(log).unwrap().data
}

pub(super) fn refusal(output: &[u8]) -> Refusal {
    Refusal::abi_decode_validate(output).unwrap()
}

fn numbered(done: Done) -> (U256, Done) {
    (U256::from_be_slice(&done.output), done)
}

/// Whether the proposal has taken its place in a set.
pub(super) fn executed(done: &Done) -> bool {
    done.events.iter().any(|event| matches!(event, Event::Executed(_)))
}

/// Why a proposal with a majority has to wait.
pub(super) fn deferred(done: &Done) -> Refusal {
    assert!(!executed(done));
    let mut reasons = done.events.iter().filter_map(|event| match event {
        Event::Deferred(deferred) => Some(refusal(&deferred.reason)),
        _ => None,
    });
    reasons.next().expect("deferred")
}
