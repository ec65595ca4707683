//! `mfenx db`: looking into a store.

use crate::{error::NodeError, transfer::open_existing};
use mfenx_storage::TableStats;
use std::path::Path;

/// What a verification found, for a person and for a program.
#[derive(Debug, Clone)]
pub struct VerifyOutput {
    /// Lines of text.
    pub text: String,
    /// One JSON object.
    pub json: String,
}

/// Recomputes every root, link and index of the store in `datadir`.
///
/// # Errors
/// The store cannot be opened or is damaged.
pub fn verify(datadir: &Path, step: &mut dyn FnMut(&str)) -> Result<VerifyOutput, NodeError> {
    let (_, store) = open_existing(datadir)?;
    let report = store.verify(step)?;
    if !report.problems.is_empty() {
        return Err(NodeError::Damaged(report.problems.join("; ")));
    }
    let text = format!(
        "ok: head {} {}, state root {}, {} accounts, {} storage slots, {} transactions",
        report.head_number,
        report.head_hash,
        report.state_root,
        report.accounts,
        report.storage_slots,
        report.transactions,
    );
    let json = serde_json::json!({
        "ok": true,
        "head": {"number": report.head_number, "hash": report.head_hash},
        "stateRoot": report.state_root,
        "accounts": report.accounts,
        "storageSlots": report.storage_slots,
        "transactions": report.transactions,
    });
    Ok(VerifyOutput { text, json: json.to_string() })
}

/// Table statistics as a JSON array.
pub fn stats_json(tables: &[TableStats]) -> String {
    let tables: Vec<_> = tables
        .iter()
        .map(|table| {
            serde_json::json!({"table": table.name, "entries": table.entries, "bytes": table.bytes})
        })
        .collect();
    serde_json::Value::from(tables).to_string()
}
