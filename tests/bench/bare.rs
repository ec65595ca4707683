//! The peer: the same transactions on bare revm, over a map in memory, without blocks' roots,
//! receipts, tries, or a disk.

use alloy_evm::FromRecoveredTx;
use alloy_rlp::Decodable;
use eyre::{Result, eyre};
use mfenx_chainspec::ChainSpec;
use mfenx_execution::evm_env;
use mfenx_primitives::{Block, recover_senders};
use revm::{
    Context, ExecuteCommitEvm, MainBuilder, MainContext,
    bytecode::Bytecode,
    context::TxEnv,
    database::{CacheDB, EmptyDB},
    state::AccountInfo,
};

fn genesis_state(spec: &ChainSpec) -> Result<CacheDB<EmptyDB>> {
    let mut db = CacheDB::new(EmptyDB::default());
    for (address, account) in spec.alloc() {
        let code = account.code.clone().map(Bytecode::new_raw);
        let info = AccountInfo {
            balance: account.balance,
            nonce: account.nonce.unwrap_or(0),
            code_hash: account.code_hash().unwrap_or(alloy_primitives::KECCAK256_EMPTY),
            code,
            ..Default::default()
        };
        db.insert_account_info(*address, info);
        for (slot, value) in account.storage_slots() {
            db.insert_account_storage(*address, slot.into(), value)?;
        }
    }
    Ok(db)
}

/// Decodes, recovers in parallel, and executes every transaction; returns the gas used.
pub(crate) fn run(
    spec: &ChainSpec,
    blocks: &[alloy_primitives::Bytes],
) -> Result<(u64, std::time::Duration)> {
    let mut db = genesis_state(spec)?;
    let start = std::time::Instant::now();
    let mut gas = 0;
    for rlp in blocks {
        let block = Block::decode(&mut rlp.as_ref())?;
        let senders = recover_senders(&block.body.transactions)?;
        let env = evm_env(spec, &block.header).evm;
        let mut evm = Context::mainnet()
            .with_db(&mut db)
            .with_cfg(env.cfg_env)
            .with_block(env.block_env)
            .build_mainnet();
        for (transaction, sender) in block.body.transactions.iter().zip(senders) {
            let env = TxEnv::from_recovered_tx(transaction, sender);
            let result = evm.transact_commit(env).map_err(|error| eyre!("bare revm: {error:?}"))?;
            gas += result.tx_gas_used();
        }
    }
    Ok((gas, start.elapsed()))
}
