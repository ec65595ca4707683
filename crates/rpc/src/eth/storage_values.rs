//! `eth_getStorageValues`: many slots of many accounts, all of the same state.

use crate::{
    context::Context,
    error::RpcError,
    method::{Method, Param},
    params::{Args, fixed},
    registry::Registry,
    work::{Cancel, Class},
};
use alloy_primitives::{Address, B256};
use jsonrpsee::core::RegisterMethodError;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const STORAGE_VALUES: Method = Method {
    name: "eth_getStorageValues",
    summary: "The values of slots of several accounts, in the order in which they are asked for.",
    params: &[Param::required("requests", "StorageSlots"), Param::optional("block", "BlockId")],
    result: "StorageValues",
    example: r#"[{"0x5fbdb2315678afecb367f032d93f642f64180aa3":["0x0000000000000000000000000000000000000000000000000000000000000001"]},"latest"]"#,
};

pub(crate) fn register(registry: &mut Registry) -> Result<(), RegisterMethodError> {
    registry.work(Class::Reads, &STORAGE_VALUES, storage_values)
}

type Slots = BTreeMap<Address, Vec<B256>>;

fn storage_values(context: &Context, args: &Args<'_>, cancel: &Cancel) -> Result<Slots, RpcError> {
    let requests = requests(args, context.limits.storage_values_slots_max)?;
    let block = args.block_or_latest(1)?;
    let reader = context.store.reader()?;
    let state = context.state(block, &reader)?;
    let mut values = Slots::new();
    for (address, slots) in requests {
        if cancel.is_cancelled() {
            return Err(RpcError::Cancelled);
        }
        let of_account =
            slots.into_iter().map(|slot| Ok(state.storage(address, slot.into())?.into()));
        values.insert(address, of_account.collect::<Result<_, RpcError>>()?);
    }
    Ok(values)
}

/// Addresses and slots, each of exactly its length. At most `most` slots, and as many accounts:
/// one without slots costs something, too.
fn requests(args: &Args<'_>, most: usize) -> Result<Slots, RpcError> {
    let raw: BTreeMap<String, Option<Vec<Box<RawValue>>>> = args.value(0)?;
    let slots: usize = raw.values().flatten().map(Vec::len).sum();
    if slots > most {
        return Err(RpcError::TooManySlots { most });
    }
    if slots == 0 {
        return Err(RpcError::EmptyRequest);
    }
    if raw.len() > most {
        return Err(RpcError::argument(0, format!("too many accounts (max {most})")));
    }
    let mut requests = Slots::new();
    for (address, slots) in raw {
        let address =
            fixed(&format!("\"{address}\"")).map_err(|reason| RpcError::argument(0, reason))?;
        let slots = slots.unwrap_or_default().into_iter().map(|slot| {
            fixed(slot.get()).map(B256::from).map_err(|reason| RpcError::argument(0, reason))
        });
        requests.insert(address.into(), slots.collect::<Result<_, _>>()?);
    }
    Ok(requests)
}
