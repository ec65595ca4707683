//! Each rule of a body and of its execution, broken alone.

use super::support::*;
use crate::{
    BlockError, ExecutionError, MAX_BLOCK_RLP_BYTES, TransactionError, execute_block,
    validate_block,
};
use alloy_consensus::{TxEip7702, proofs::calculate_transaction_root};
use alloy_eips::{
    eip4895::{Withdrawal, Withdrawals},
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
};
use alloy_primitives::{Address, B256, Bloom, Signature, TxKind, U256, address};
use mfenx_primitives::{Block, Header, RecoveredBlock, Transaction};
use revm::context::result::InvalidTransaction;

fn refused(block: &RecoveredBlock) -> BlockError {
    let spec = dev();
    match check(&spec, &state(&spec), block).unwrap_err() {
        ExecutionError::InvalidBlock(error) => error,
        other => panic!("{other}"),
    }
}

fn spoilt(change: impl FnOnce(&mut Block)) -> BlockError {
    let spec = dev();
    let valid = block(&spec, &state(&spec), vec![store(0, 0, 1, 2), store(1, 0, 3, 4)]);
    assert!(check(&spec, &state(&spec), &valid).is_ok());
    refused(&changed(&valid, change))
}

/// Why a block with `transaction` in second place is refused.
fn refused_transaction(transaction: Transaction) -> TransactionError {
    let spec = dev();
    let valid = block(&spec, &state(&spec), vec![store(0, 0, 1, 2)]);
    let hash = *transaction.tx_hash();
    let spoilt = changed(&valid, |block| {
        block.body.transactions.push(transaction);
        block.header.transactions_root = calculate_transaction_root(&block.body.transactions);
    });
    match check(&spec, &state(&spec), &spoilt).unwrap_err() {
        ExecutionError::InvalidTransaction { index: 1, hash: named, reason } if named == hash => {
            *reason
        }
        other => panic!("{other}"),
    }
}

#[test]
fn lists_must_be_those_of_the_header() {
    let swapped = spoilt(|block| block.body.transactions.swap(0, 1));
    assert!(matches!(swapped, BlockError::TransactionsRoot { .. }));
    let ommer = spoilt(|block| block.body.ommers.push(Header::default()));
    assert!(matches!(ommer, BlockError::OmmersHash { .. }));
    let withdrawn = spoilt(|block| {
        block.body.withdrawals = Some(Withdrawals::new(vec![Withdrawal::default()]));
    });
    assert!(matches!(withdrawn, BlockError::WithdrawalsRoot { .. }));
    assert_eq!(spoilt(|block| block.body.withdrawals = None), BlockError::Withdrawals);
    let blobs = spoilt(|block| block.header.blob_gas_used = Some(131_072));
    assert_eq!(blobs, BlockError::BlobGasUsed { expected: 131_072, got: 0 });
}

#[test]
fn execution_must_give_what_the_header_says() {
    assert!(matches!(spoilt(|block| block.header.gas_used += 1), BlockError::GasUsed { .. }));
    let receipts = spoilt(|block| block.header.receipts_root = B256::ZERO);
    assert!(matches!(receipts, BlockError::ReceiptsRoot { .. }));
    assert_eq!(spoilt(|block| block.header.logs_bloom = Bloom::ZERO), BlockError::LogsBloom);
    let requests = spoilt(|block| block.header.requests_hash = Some(B256::ZERO));
    assert!(matches!(requests, BlockError::RequestsHash { .. }));
}

#[test]
fn a_block_has_at_most_eight_mebibytes() {
    let spec = dev();
    let valid = block(&spec, &state(&spec), vec![]);
    let filled = |bytes: usize| {
        changed(&valid, |block| {
            // Not a transaction that could be executed; only its size is looked at first.
            let filler = eip1559(0, |transaction| transaction.input = vec![0; bytes].into());
            block.body.transactions.push(filler.into_inner());
            block.header.transactions_root = calculate_transaction_root(&block.body.transactions);
        })
    };
    let empty = alloy_rlp::Encodable::length(filled(1 << 23).block()) - (1 << 23);
    assert!(validate_block(&spec, &filled(MAX_BLOCK_RLP_BYTES - empty)).is_ok());
    let error = validate_block(&spec, &filled(MAX_BLOCK_RLP_BYTES - empty + 1)).unwrap_err();
    let size = BlockError::Size { max: MAX_BLOCK_RLP_BYTES, got: MAX_BLOCK_RLP_BYTES + 1 };
    assert!(matches!(error, ExecutionError::InvalidBlock(error) if error == size));
}

#[test]
fn system_contracts_must_have_code_and_must_not_fail() {
    let spec = dev();
    let valid = block(&spec, &state(&spec), vec![]);
    for contract in [WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS]
    {
        let mut db = state(&spec);
        put_code(&mut db, contract, &[]);
        let error = check(&spec, &db, &valid).unwrap_err();
        let empty = BlockError::SystemContractEmpty(contract);
        assert!(matches!(error, ExecutionError::InvalidBlock(error) if error == empty));
        put_code(&mut db, contract, &[0x5f, 0x5f, 0xfd]);
        let error = check(&spec, &db, &valid).unwrap_err();
        assert!(
            matches!(error, ExecutionError::InvalidBlock(BlockError::SystemCall(_))),
            "{error}"
        );
    }
}

/// The deposit contract logs whatever it is called with as the data of a deposit.
#[test]
fn a_deposit_log_must_have_the_layout_of_the_eip() {
    const DEPOSIT: Address = address!("00000000219ab540356cbb839cbe05303d7705fa");
    let spec = dev();
    let mut db = state(&spec);
    let topic =
        alloy_primitives::hex!("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");
    // calldatacopy(0, 0, calldatasize()); log1(0, calldatasize(), topic)
    let code = [&[0x36, 0x5f, 0x5f, 0x37, 0x7f], &topic[..], &[0x36, 0x5f, 0xa1, 0x00]].concat();
    put_code(&mut db, DEPOSIT, &code);
    let deposit = |input: Vec<u8>| {
        eip1559(2, |transaction| {
            transaction.gas_limit = 100_000;
            transaction.to = TxKind::Call(DEPOSIT);
            transaction.value = U256::ZERO;
            transaction.input = input.into();
        })
    };
    let mut data = vec![0; 576];
    for (field, (offset, length)) in
        [(160_u16, 48), (256, 32), (320, 8), (384, 96), (512, 8)].into_iter().enumerate()
    {
        data[field * 32 + 30..][..2].copy_from_slice(&offset.to_be_bytes());
        data[usize::from(offset) + 31] = length;
    }
    // Built, the good one makes a request and the bad one is left out.
    let mut list = List::from(vec![deposit(data.clone())]);
    let built = build(&spec, &db, &mut list).unwrap();
    let requests = &built.executed.requests;
    assert_eq!(requests.iter().map(|request| request.len()).collect::<Vec<_>>(), [193]);
    let good = built.seal(B256::ZERO).0;
    assert!(check(&spec, &db, &good).is_ok());
    data[0] = 1;
    let bad = deposit(data);
    let mut list = List::from(vec![bad.clone()]);
    assert!(build(&spec, &db, &mut list).unwrap().body.transactions.is_empty());
    assert!(matches!(&list.rejected[..], [(_, crate::Rejection::Invalid(_))]));
    // Received, the bad one spoils the block.
    let spoilt = changed(&good, |block| {
        block.body.transactions = vec![bad.into_inner()];
        block.header.transactions_root = calculate_transaction_root(&block.body.transactions);
    });
    let error = execute_block(&spec, &db, &spoilt, &mut |_| Ok(B256::ZERO)).unwrap_err();
    let layout = BlockError::DepositLayout(0);
    assert!(matches!(error, ExecutionError::InvalidBlock(error) if error == layout));
}

#[test]
fn a_withdrawal_is_credited_in_wei() {
    let spec = dev();
    let db = state(&spec);
    let parent = spec.genesis_header();
    let address = Address::repeat_byte(0x77);
    let mut attributes = attributes(&spec, parent);
    attributes.withdrawals = Some(vec![
        Withdrawal { index: 0, validator_index: 0, address, amount: 3 },
        Withdrawal { index: 1, validator_index: 0, address, amount: 0 },
    ]);
    let mut list = List::default();
    let built = crate::build_block(&spec, &db, parent, &attributes, &mut list, &mut || false);
    let (block, executed) = built.unwrap().seal(B256::ZERO);
    assert!(check(&spec, &db, &block).is_ok());
    let account = executed.bundle.account(&address).unwrap().info.clone().unwrap();
    assert_eq!(account.balance, U256::from(3_000_000_000_u64));
}

#[test]
fn the_evm_judges_transactions() {
    use InvalidTransaction as Evm;
    let refused = |transaction: mfenx_primitives::RecoveredTransaction| match refused_transaction(
        transaction.into_inner(),
    ) {
        TransactionError::Evm(error) => error,
        other => panic!("{other}"),
    };
    assert!(matches!(refused(eip1559(1, |t| t.nonce = 1)), Evm::NonceTooHigh { tx: 1, state: 0 }));
    assert!(matches!(refused(eip1559(0, |_| {})), Evm::NonceTooLow { tx: 0, state: 1 }));
    assert_eq!(refused(eip1559(1, |t| t.chain_id = 1)), Evm::InvalidChainId);
    assert_eq!(refused(eip1559(1, |t| t.max_fee_per_gas = 1)), Evm::GasPriceLessThanBasefee);
    let tip = refused(eip1559(1, |t| t.max_priority_fee_per_gas = t.max_fee_per_gas + 1));
    assert_eq!(tip, Evm::PriorityFeeGreaterThanMaxFee);
    let gas = refused(eip1559(1, |t| t.gas_limit = 20_999));
    assert!(matches!(gas, Evm::CallGasCostMoreThanGasLimit { .. }));
    let floor = refused(eip1559(1, |t| {
        t.input = vec![1; 100].into();
        t.gas_limit = 24_000;
    }));
    assert!(matches!(floor, Evm::GasFloorMoreThanGasLimit { .. }));
    let cap = refused(eip1559(1, |t| t.gas_limit = (1 << 24) + 1));
    assert!(matches!(cap, Evm::TxGasLimitGreaterThanCap { .. }));
    assert!(matches!(
        refused(eip1559(1, |t| t.value = U256::MAX)),
        Evm::OverflowPaymentInTransaction
    ));
    let poor = refused(eip1559(1, |t| t.value = U256::from(10_u128.pow(21))));
    assert!(matches!(poor, Evm::LackOfFundForMaxFee { .. }));
    let initcode = refused(eip1559(1, |t| {
        t.to = TxKind::Create;
        t.gas_limit = 1 << 24;
        t.input = vec![0; 49_153].into();
    }));
    assert_eq!(initcode, Evm::CreateInitCodeSizeLimit);
    let nobody = TxEip7702 {
        chain_id: dev().chain_id(),
        gas_limit: 100_000,
        max_fee_per_gas: 2_000_000_000,
        ..Default::default()
    };
    assert_eq!(refused(sign_any(nobody, 1)), Evm::EmptyAuthorizationList);
}

#[test]
fn signatures_have_the_lower_s() {
    let transaction = eip1559(1, |_| {});
    let signature = transaction.inner().signature();
    let order = U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    );
    let high = Signature::new(signature.r(), order.unwrap() - signature.s(), !signature.v());
    let Transaction::Eip1559(signed) = transaction.inner() else { unreachable!() };
    let transaction = signed.tx().clone();
    let high = alloy_consensus::Signed::new_unhashed(transaction, high);
    assert_eq!(refused_transaction(high.into()), TransactionError::HighS);
}

#[test]
fn a_transaction_needs_the_gas_that_is_left() {
    let spec = dev();
    let db = state(&spec);
    let valid = block(&spec, &db, vec![store(0, 0, 1, 2)]);
    let greedy = eip1559(1, |transaction| transaction.gas_limit = 80_000);
    let spoilt = changed(&valid, |block| {
        block.body.transactions.push(greedy.into_inner());
        block.header.transactions_root = calculate_transaction_root(&block.body.transactions);
        block.header.gas_limit = 100_000;
    });
    let available = 100_000 - valid.header().gas_used;
    match execute_block(&spec, &db, &spoilt, &mut |_| Ok(B256::ZERO)).unwrap_err() {
        ExecutionError::InvalidTransaction { index: 1, reason, .. } => {
            assert_eq!(*reason, TransactionError::GasLeft { limit: 80_000, available });
        }
        other => panic!("{other}"),
    }
}
