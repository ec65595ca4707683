//! `mfenx db`: looking into a store.

use crate::{error::NodeError, transfer::open_existing};
use mfenx_engine::check_seals;
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

/// Recomputes every root, link and index of the store in `datadir`, and verifies every seal.
///
/// # Errors
/// The store cannot be opened or is damaged.
pub fn verify(datadir: &Path, step: &mut dyn FnMut(&str)) -> Result<VerifyOutput, NodeError> {
    let (spec, store) = open_existing(datadir)?;
    let report = store.verify(step)?;
    if !report.is_ok() {
        let shown = report.faults.join("; ");
        return Err(NodeError::Damaged(format!("{} faults: {shown}", report.fault_count)));
    }
    step("seals");
    let seals = check_seals(&store.reader()?, &spec)?;
    if seals.fault_count > 0 {
        let shown = seals.faults.join("; ");
        return Err(NodeError::Damaged(format!("{} faults: {shown}", seals.fault_count)));
    }
    let text = format!(
        "ok: head {} {}; {} blocks ({} with seals), {} transactions, {} accounts, {} slots, {} trie branches, \
         {} changes in the history, {} entries of logs, {} earlier tries",
        report.head.number,
        report.head.hash,
        report.blocks,
        seals.sealed,
        report.transactions,
        report.accounts,
        report.slots,
        report.branches,
        report.changes,
        report.log_entries,
        report.tries,
    );
    let json = serde_json::json!({
        "ok": true,
        "head": {"number": report.head.number, "hash": report.head.hash},
        "blocks": report.blocks,
        "sealed_blocks": seals.sealed,
        "transactions": report.transactions,
        "accounts": report.accounts,
        "slots": report.slots,
        "branches": report.branches,
        "changes": report.changes,
        "log_entries": report.log_entries,
        "tries": report.tries,
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
