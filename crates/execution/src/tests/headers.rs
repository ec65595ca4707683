//! Each rule of a header, broken alone.

use super::support::*;
use crate::{ExecutionError, HeaderError, validate_header};
use alloy_primitives::{B64, B256, Bytes, U256};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::{Header, SealedHeader};

fn check_on(spec: &ChainSpec, parent: &SealedHeader, header: &Header) -> Result<(), HeaderError> {
    match validate_header(spec, &SealedHeader::new(header.clone()), parent) {
        Ok(()) => Ok(()),
        Err(ExecutionError::InvalidHeader(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

fn broken(change: impl FnOnce(&mut Header)) -> HeaderError {
    let spec = dev();
    let mut header = block(&spec, &state(&spec), vec![]).header().clone();
    assert_eq!(check_on(&spec, spec.genesis_header(), &header), Ok(()));
    change(&mut header);
    check_on(&spec, spec.genesis_header(), &header).unwrap_err()
}

#[test]
fn rules_since_frontier() {
    use HeaderError as E;
    assert!(matches!(broken(|h| h.parent_hash = B256::ZERO), E::ParentHash { .. }));
    assert_eq!(broken(|h| h.number = 2), E::Number { expected: 1, got: 2 });
    assert!(matches!(broken(|h| h.timestamp -= 1), E::Timestamp { .. }));
    assert_eq!(broken(|h| h.gas_limit = 4_999), E::GasLimitRange(4_999));
    assert_eq!(broken(|h| h.gas_limit = 1 << 63), E::GasLimitRange(1 << 63));
    let parent = 120_000_000;
    for got in [parent + parent / 1024, parent - parent / 1024] {
        assert_eq!(broken(|h| h.gas_limit = got), E::GasLimitChange { parent, got });
    }
    assert!(matches!(broken(|h| h.gas_used = h.gas_limit + 1), E::GasUsed { .. }));
    assert_eq!(broken(|h| h.extra_data = Bytes::from(vec![0; 33])), E::ExtraData(33));
}

#[test]
fn gas_limit_may_move_by_less_than_a_1024th() {
    let spec = dev();
    let genesis = spec.genesis_header();
    let mut header = block(&spec, &state(&spec), vec![]).header().clone();
    for limit in [120_000_000 + 120_000_000 / 1024 - 1, 120_000_000 - 120_000_000 / 1024 + 1] {
        header.gas_limit = limit;
        assert_eq!(check_on(&spec, genesis, &header), Ok(()));
    }
}

#[test]
fn rules_of_later_forks() {
    use HeaderError as E;
    assert!(matches!(broken(|h| h.base_fee_per_gas = Some(1)), E::BaseFee { got: 1, .. }));
    assert_eq!(broken(|h| h.base_fee_per_gas = None), E::MissingField("baseFeePerGas"));
    let one = U256::from(1);
    assert_eq!(broken(|h| h.difficulty = one), E::Difficulty { expected: U256::ZERO, got: one });
    assert_eq!(broken(|h| h.nonce = B64::with_last_byte(1)), E::Nonce);
    assert_eq!(broken(|h| h.ommers_hash = B256::ZERO), E::Ommers);
    assert_eq!(broken(|h| h.withdrawals_root = None), E::MissingField("withdrawalsRoot"));
    assert_eq!(broken(|h| h.blob_gas_used = None), E::MissingField("blobGasUsed"));
    assert_eq!(broken(|h| h.excess_blob_gas = None), E::MissingField("excessBlobGas"));
    assert_eq!(
        broken(|h| h.parent_beacon_block_root = None),
        E::MissingField("parentBeaconBlockRoot")
    );
    assert_eq!(broken(|h| h.requests_hash = None), E::MissingField("requestsHash"));
    assert_eq!(
        broken(|h| h.block_access_list_hash = Some(B256::ZERO)),
        E::UnexpectedField("blockAccessListHash")
    );
    assert_eq!(broken(|h| h.slot_number = Some(1)), E::UnexpectedField("slotNumber"));
    let max = 9 * 131_072;
    for got in [1, max + 131_072] {
        assert_eq!(broken(|h| h.blob_gas_used = Some(got)), E::BlobGasUsed { max, got });
    }
    let excess = E::ExcessBlobGas { expected: 0, got: 1 };
    assert_eq!(broken(|h| h.excess_blob_gas = Some(1)), excess);
}

/// A child of `parent` that obeys the rules before London.
fn old_child(parent: &SealedHeader) -> Header {
    Header {
        parent_hash: parent.hash(),
        number: parent.number + 1,
        timestamp: parent.timestamp + 13,
        gas_limit: parent.gas_limit,
        difficulty: U256::from(0x20000),
        ..Default::default()
    }
}

#[test]
fn before_the_merge_difficulty_is_computed_and_fields_are_refused() {
    use HeaderError as E;
    let spec = old_chain(r#""homesteadBlock": 0"#);
    let genesis = spec.genesis_header();
    let header = old_child(genesis);
    assert_eq!(check_on(&spec, genesis, &header), Ok(()));
    let refused = |change: &dyn Fn(&mut Header)| {
        let mut header = header.clone();
        change(&mut header);
        check_on(&spec, genesis, &header).unwrap_err()
    };
    assert!(matches!(refused(&|h| h.difficulty = U256::ZERO), E::Difficulty { .. }));
    let unexpected = E::UnexpectedField;
    assert_eq!(refused(&|h| h.base_fee_per_gas = Some(7)), unexpected("baseFeePerGas"));
    assert_eq!(refused(&|h| h.withdrawals_root = Some(B256::ZERO)), unexpected("withdrawalsRoot"));
    assert_eq!(refused(&|h| h.requests_hash = Some(B256::ZERO)), unexpected("requestsHash"));
}

#[test]
fn ten_blocks_at_the_dao_fork_say_so() {
    let spec = old_chain(r#""homesteadBlock": 0, "daoForkBlock": 1, "daoForkSupport": true"#);
    let genesis = spec.genesis_header();
    let mut header = old_child(genesis);
    assert_eq!(check_on(&spec, genesis, &header), Err(HeaderError::DaoExtraData));
    header.extra_data = Bytes::from_static(b"dao-hard-fork");
    assert_eq!(check_on(&spec, genesis, &header), Ok(()));
    let at = |number| SealedHeader::new(Header { number, ..genesis.inner().clone() });
    for (number, expected) in [(10, Err(HeaderError::DaoExtraData)), (11, Ok(()))] {
        let parent = at(number - 1);
        assert_eq!(check_on(&spec, &parent, &old_child(&parent)), expected, "{number}");
    }
}

#[test]
fn the_london_block_doubles_the_gas_limit() {
    let spec = old_chain(
        r#""homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
        "byzantiumBlock": 0, "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0,
        "berlinBlock": 0, "londonBlock": 1"#,
    );
    let genesis = spec.genesis_header();
    let header = Header {
        gas_limit: genesis.gas_limit * 2,
        base_fee_per_gas: Some(1_000_000_000),
        ..old_child(genesis)
    };
    assert_eq!(check_on(&spec, genesis, &header), Ok(()));
    let single = Header { gas_limit: genesis.gas_limit, ..header };
    let parent = genesis.gas_limit * 2;
    let error = HeaderError::GasLimitChange { parent, got: genesis.gas_limit };
    assert_eq!(check_on(&spec, genesis, &single), Err(error));
}
