//! Accounts and signed transactions.

use alloy_consensus::{SignableTransaction, Signed, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, address};
use alloy_signer::SignerSync;
use alloy_signer_local::{MnemonicBuilder, PrivateKeySigner, coins_bip39::English};
use mfenx_primitives::Transaction;

/// The chain ID of `mfenx dev`.
pub(crate) const CHAIN_ID: u64 = 177155;
const MNEMONIC: &str = "test test test test test test test test test test test junk";

/// An account that starts empty and that no test has a key of.
pub(crate) const STRANGER: Address = address!("00000000000000000000000000000000c0ffee00");

/// The account `index` of the ten that `mfenx dev` funds.
pub(crate) fn account(index: u32) -> PrivateKeySigner {
    let builder = MnemonicBuilder::<English>::default().phrase(MNEMONIC).index(index);
    builder.and_then(|builder| builder.build()).expect("a constant mnemonic")
}

/// Signs any kind of transaction; the bytes that `eth_sendRawTransaction` takes.
pub(crate) fn sign<T>(signer: &PrivateKeySigner, transaction: T) -> Bytes
where
    T: SignableTransaction<Signature>,
    Transaction: From<Signed<T>>,
{
    let signature = signer.sign_hash_sync(&transaction.signature_hash()).expect("a local key");
    Transaction::from(transaction.into_signed(signature)).encoded_2718().into()
}

/// A dynamic-fee transfer of one wei that pays enough on any chain of these tests.
pub(crate) fn transfer(nonce: u64, to: Address) -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 100_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(to),
        value: U256::from(1),
        ..Default::default()
    }
}
