use super::*;
use alloy_primitives::{Address, U256};

/// A call in a simulated block that cannot be a transaction.
fn simulated(reason: InvalidTransaction) -> RpcError {
    SimulateError::Refused { sender: Address::ZERO, gas: 9, reason }.into()
}

/// Every error a caller can read, as it goes over the wire. A change here is a change of the API.
#[test]
fn codes_words_and_data() {
    let errors = [
        RpcError::argument(1, "hex string without 0x prefix"),
        RpcError::MissingArgument { index: 0 },
        RpcError::TooManyArguments { most: 2 },
        RpcError::ArgumentsNotArray,
        RpcError::EmptyRequest,
        RpcError::TooManySlots { most: 1_024 },
        RpcError::BlockRange("invalid block range params"),
        RpcError::LogLimit { reason: "too much".into(), from: 1, to: 16 },
        RpcError::HeaderNotFound,
        RpcError::HashNotFound,
        StoreError::PrunedHistory { earliest: 7 }.into(),
        StoreError::PrunedTries { earliest: 7 }.into(),
        RpcError::UndecodableTransaction("rlp: too short".into()),
        PoolError::AlreadyKnown.into(),
        PoolError::NonceTooLow { next: 2, nonce: 1 }.into(),
        RpcError::SyncTimeout { hash: B256::repeat_byte(1), milliseconds: 2_000 },
        RpcError::SyncUnready { hash: B256::repeat_byte(1), reason: "since it was dropped" },
        RpcError::Reverted { output: Bytes::new() },
        RpcError::Halted(halt(&HaltReason::InvalidFEOpcode)),
        CallError::Transaction(InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas: 21_000,
            gas_limit: 1,
        })
        .into(),
        CallError::InsufficientFunds {
            address: Address::repeat_byte(0xaa),
            have: U256::from(1),
            want: U256::from(2),
        }
        .into(),
        CallError::Override(OverrideError::NotAPrecompile(Address::ZERO)).into(),
        OverrideError::SelfReference(Address::with_last_byte(1)).into(),
        SimulateError::BlockOrder { number: 1, previous: 1 }.into(),
        SimulateError::TimeOrder { time: 1, previous: 2 }.into(),
        SimulateError::TooManyBlocks.into(),
        SimulateError::LimitExceeded("calls exceed 5".into()).into(),
        SimulateError::BlockGas { gas: 2, left: 1 }.into(),
        SimulateError::Arguments("both".into()).into(),
        SimulateError::Withdrawals.into(),
        simulated(InvalidTransaction::NonceTooLow { tx: 1, state: 2 }),
        simulated(InvalidTransaction::NonceTooHigh { tx: 2, state: 1 }),
        simulated(InvalidTransaction::GasPriceLessThanBasefee),
        simulated(InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas: 21_000,
            gas_limit: 9,
        }),
        simulated(InvalidTransaction::LackOfFundForMaxFee {
            fee: Box::new(U256::from(2)),
            balance: Box::new(U256::from(1)),
        }),
        simulated(InvalidTransaction::RejectCallerWithCode),
        simulated(InvalidTransaction::CreateInitCodeSizeLimit),
        simulated(InvalidTransaction::PriorityFeeGreaterThanMaxFee),
        simulated(InvalidTransaction::NonceOverflowInTransaction),
        EstimateError::ExceedsAllowance(5).into(),
        RpcError::BlockNotBuilt("transaction 0: no room".into()),
        RpcError::CallTimeout { seconds: 5 },
        RpcError::TraceTimeout { milliseconds: 300 },
        RpcError::TraceTooLarge { bytes_max: 9 },
        RpcError::GenesisNotTraceable,
        RpcError::BlockNotFound("#7".into()),
        RpcError::TransactionNotFound,
        RpcError::TransactionIndex { index: 2, block: B256::ZERO },
        RpcError::UnknownTracer,
        RpcError::Cancelled,
        RpcError::ResponseTooLarge { bytes_max: 9 },
        RpcError::RequestTimeout,
        RpcError::Busy,
        RpcError::TooManySubscriptions,
        RpcError::SubscriptionName,
        RpcError::FilterNotFound,
        RpcError::TooManyFilters { most: 100 },
        RpcError::PendingLogs,
        RpcError::UnknownSubscription("blocks".into()),
        RpcError::NotificationsUnsupported,
        RpcError::UnknownMethod("eth_foo".into()),
        RpcError::InvalidRequest("empty batch"),
        RpcError::Parse,
        StoreError::NotInitialized.into(),
    ];
    let lines: Vec<_> = errors
        .into_iter()
        .map(|error| serde_json::to_string(&ErrorObjectOwned::from(error)).unwrap())
        .collect();
    let golden = include_str!("golden.txt");
    assert_eq!(lines.join("\n"), golden.trim_end(), "src/error/golden.txt has the agreed words");
}

#[test]
fn what_fails_again_never_invites_to_try_again() {
    let retried = [-32005, -32603];
    let deterministic = [
        RpcError::HeaderNotFound,
        RpcError::LogLimit { reason: String::new(), from: 0, to: 0 },
        RpcError::CallTimeout { seconds: 5 },
        RpcError::ResponseTooLarge { bytes_max: 1 },
        PoolError::Underpriced.into(),
        CallError::Transaction(InvalidTransaction::LackOfFundForMaxFee {
            fee: Box::new(U256::from(2)),
            balance: Box::new(U256::from(1)),
        })
        .into(),
    ];
    for error in deterministic {
        assert!(!retried.contains(&error.code()), "{error}");
    }
}

#[test]
fn internal_causes_stay_inside() {
    let cause = StoreError::Corrupt { table: "secret", reason: "reason" };
    let object = ErrorObjectOwned::from(RpcError::from(cause));
    assert_eq!((object.code(), object.message()), (-32603, "internal error"));
    assert!(object.data().is_none());
}
