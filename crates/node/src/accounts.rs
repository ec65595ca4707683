//! The ten accounts of a development chain, from the mnemonic that every tool knows.

use crate::error::NodeError;
use alloy_primitives::{Address, B256};
use alloy_signer_local::{MnemonicBuilder, coins_bip39::English};

/// The mnemonic that Hardhat, anvil and Ganache users know. Its keys are public: never use them
/// on a chain where anything is worth something.
pub const DEV_MNEMONIC: &str = "test test test test test test test test test test test junk";

/// How many accounts the development chain funds.
pub const DEV_ACCOUNTS: u32 = 10;

/// A development account: address and private key.
#[derive(Debug, Clone, Copy)]
pub struct DevAccount {
    /// Its address.
    pub address: Address,
    /// Its secp256k1 secret key, big endian.
    pub secret: B256,
}

/// Derives the accounts at `m/44'/60'/0'/0/0` to `/9`.
///
/// # Errors
/// None in practice: mnemonic and paths are constants.
pub fn dev_accounts() -> Result<Vec<DevAccount>, NodeError> {
    (0..DEV_ACCOUNTS).map(derive).collect()
}

/// Who gets the tips of a development chain: the account after the funded ones, so that the
/// balances of those change by nothing but their own transactions.
///
/// # Errors
/// As [`dev_accounts`].
pub(crate) fn dev_operator() -> Result<DevAccount, NodeError> {
    derive(DEV_ACCOUNTS)
}

fn derive(index: u32) -> Result<DevAccount, NodeError> {
    let builder = MnemonicBuilder::<English>::default().phrase(DEV_MNEMONIC);
    let signer = builder.index(index).and_then(|builder| builder.build());
    let signer = signer.map_err(|error| NodeError::Accounts(error.to_string()))?;
    Ok(DevAccount { address: signer.address(), secret: signer.to_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfenx_chainspec::ChainSpec;

    #[test]
    fn the_operator_is_not_funded() {
        let spec = ChainSpec::dev().unwrap();
        assert!(!spec.alloc().contains_key(&dev_operator().unwrap().address));
    }

    #[test]
    fn every_account_is_funded_in_the_dev_genesis() {
        let spec = ChainSpec::dev().unwrap();
        let accounts = dev_accounts().unwrap();
        assert_eq!(accounts.len(), 10);
        for account in accounts {
            assert!(spec.alloc().contains_key(&account.address), "{}", account.address);
        }
    }
}
