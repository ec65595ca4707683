//! EIP-7685 requests: deposits from logs (EIP-6110), withdrawals and consolidations from the
//! system contracts (EIP-7002, EIP-7251).

use crate::error::BlockError;
use alloy_eips::{
    eip6110::MAINNET_DEPOSIT_CONTRACT_ADDRESS, eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
};
use alloy_evm::eth::spec::EthExecutorSpec;
use alloy_primitives::{Address, B256, Bytes, Log, b256};
use mfenx_chainspec::ChainSpec;
use mfenx_primitives::Receipt;

/// The contracts that must have code when they are called at the end of a block from Prague on.
pub(crate) const REQUEST_CONTRACTS: [Address; 2] =
    [WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS];

pub(crate) use alloy_eips::eip6110::DEPOSIT_REQUEST_TYPE as DEPOSIT_TYPE;

/// Topic of `DepositEvent(bytes,bytes,bytes,bytes,bytes)`.
const DEPOSIT_TOPIC: B256 =
    b256!("0x649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");
/// Bytes of the event's data, and of every word of it.
const DEPOSIT_DATA_BYTES: usize = 576;
const WORD_BYTES: usize = 32;
/// Where each field begins in the data, and how many bytes it has: public key, withdrawal
/// credentials, amount, signature, index.
const DEPOSIT_FIELDS: [(usize, usize); 5] = [(160, 48), (256, 32), (320, 8), (384, 96), (512, 8)];

/// The contract whose logs are deposits.
pub(crate) fn deposit_contract(spec: &ChainSpec) -> Address {
    spec.deposit_contract_address().unwrap_or(MAINNET_DEPOSIT_CONTRACT_ADDRESS)
}

/// The deposits of all receipts, one after the other, as EIP-6110 writes them.
pub(crate) fn deposits(contract: Address, receipts: &[Receipt]) -> Result<Bytes, BlockError> {
    let mut out = Vec::new();
    for (index, receipt) in receipts.iter().enumerate() {
        append_deposits(contract, receipt.logs(), &mut out)
            .ok_or(BlockError::DepositLayout(index))?;
    }
    Ok(out.into())
}

/// Appends the deposits among `logs`; `None` when one is not laid out as the EIP says.
pub(crate) fn append_deposits(contract: Address, logs: &[Log], out: &mut Vec<u8>) -> Option<()> {
    for log in logs {
        if log.address == contract && log.topics().first() == Some(&DEPOSIT_TOPIC) {
            append_deposit(&log.data.data, out)?;
        }
    }
    Some(())
}

fn append_deposit(data: &[u8], out: &mut Vec<u8>) -> Option<()> {
    if data.len() != DEPOSIT_DATA_BYTES {
        return None;
    }
    for (field, (offset, length)) in DEPOSIT_FIELDS.into_iter().enumerate() {
        if word(data, field * WORD_BYTES)? != offset || word(data, offset)? != length {
            return None;
        }
        let start = offset + WORD_BYTES;
        out.extend_from_slice(data.get(start..start + length)?);
    }
    Some(())
}

/// The word at `at` as a number, if it is a small one.
fn word(data: &[u8], at: usize) -> Option<usize> {
    let (high, low) = data.get(at..at + WORD_BYTES)?.split_last_chunk::<4>()?;
    high.iter().all(|byte| *byte == 0).then_some(u32::from_be_bytes(*low) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{LogData, address};

    const CONTRACT: Address = address!("0x00000000219ab540356cbb839cbe05303d7705fa");

    fn deposit_data() -> Vec<u8> {
        let mut data = vec![0_u8; DEPOSIT_DATA_BYTES];
        for (field, (offset, length)) in DEPOSIT_FIELDS.into_iter().enumerate() {
            data[field * 32 + 30..field * 32 + 32].copy_from_slice(&(offset as u16).to_be_bytes());
            data[offset + 31] = length as u8;
            data[offset + 32..offset + 32 + length].fill(field as u8 + 1);
        }
        data
    }

    fn log(address: Address, topic: B256, data: Vec<u8>) -> Log {
        Log { address, data: LogData::new_unchecked(vec![topic], data.into()) }
    }

    #[test]
    fn a_deposit_is_its_fields_without_the_abi() {
        let mut out = Vec::new();
        let logs = [log(CONTRACT, DEPOSIT_TOPIC, deposit_data())];
        append_deposits(CONTRACT, &logs, &mut out).unwrap();
        let expected: Vec<u8> = [(1, 48), (2, 32), (3, 8), (4, 96), (5, 8)]
            .into_iter()
            .flat_map(|(byte, length)| std::iter::repeat_n(byte, length))
            .collect();
        assert_eq!(out, expected);
    }

    #[test]
    fn other_logs_are_no_deposits() {
        let mut out = Vec::new();
        let logs = [
            log(Address::ZERO, DEPOSIT_TOPIC, vec![1]),
            log(CONTRACT, B256::ZERO, vec![1]),
            Log { address: CONTRACT, data: LogData::new_unchecked(vec![], vec![1].into()) },
        ];
        append_deposits(CONTRACT, &logs, &mut out).unwrap();
        assert!(out.is_empty());
    }

    /// Every offset and length is fixed; the padding after a field is not looked at.
    #[test]
    fn any_other_layout_is_refused() {
        let refused = |data| {
            append_deposits(CONTRACT, &[log(CONTRACT, DEPOSIT_TOPIC, data)], &mut vec![]).is_none()
        };
        assert!(!refused(deposit_data()));
        assert!(refused(deposit_data()[..575].to_vec()));
        assert!(refused([deposit_data(), vec![0]].concat()));
        for (field, (offset, _)) in DEPOSIT_FIELDS.into_iter().enumerate() {
            for word in [field * 32, offset] {
                for byte in [word, word + 27, word + 28, word + 31] {
                    let mut data = deposit_data();
                    data[byte] ^= 1;
                    assert!(refused(data), "byte {byte}");
                }
            }
        }
        let mut padded = deposit_data();
        padded[160 + 32 + 48] = 1;
        assert!(!refused(padded));
    }
}
