//! The accounts and slots a transaction should name in advance: `eth_createAccessList`.

use crate::{
    call::{CallOptions, CallOutcome, Simulation},
    env::ChainEnv,
    error::CallError,
};
use alloy_eips::eip2930::AccessList;
use alloy_evm::Evm;
use revm::{DatabaseRef, context::TxEnv};
use revm_inspectors::access_list::AccessListInspector;

/// EIP-2718 type of a transaction with an access list and one price.
const ACCESS_LIST_TYPE: u8 = 1;

/// An access list, and the transaction that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessListOutcome {
    /// Accounts and slots in order; without sender, recipient, precompiles and authorities, unless
    /// slots of theirs are used.
    pub access_list: AccessList,
    /// How the transaction with this list ended.
    pub outcome: CallOutcome,
}

/// Runs `request` with the accounts and slots that it used the last time as its access list, until
/// it uses no others: the list only grows, so this ends. Other rules are those of
/// [`call`](crate::call()).
///
/// # Errors
/// [`CallError`]; a transaction that fails has an access list as well.
pub fn create_access_list<DB: DatabaseRef>(
    db: DB,
    env: ChainEnv,
    mut request: TxEnv,
    options: &CallOptions,
    interrupt: &mut dyn FnMut() -> bool,
) -> Result<AccessListOutcome, CallError> {
    if options.gas_cap != 0 {
        request.gas_limit = request.gas_limit.min(options.gas_cap);
    }
    request.tx_type = request.tx_type.max(ACCESS_LIST_TYPE);
    let given = std::mem::take(&mut request.access_list);
    let inspector = AccessListInspector::new(given);
    let mut simulation = Simulation::inspected(db, env, &request, options, inspector, interrupt)?;
    let mut access_list = simulation.evm.components().1.access_list();
    loop {
        let request = TxEnv { access_list: access_list.clone(), ..request.clone() };
        *simulation.evm.components_mut().1 = AccessListInspector::new(access_list.clone());
        let outcome = simulation.run(request)?;
        let used = simulation.evm.components().1.access_list();
        if used == access_list {
            return Ok(AccessListOutcome { access_list, outcome: outcome.into() });
        }
        access_list = used;
    }
}
