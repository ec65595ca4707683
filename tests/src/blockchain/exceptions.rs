//! Whether a block was refused for the reason that the test gives.
//!
//! A failure of the node is never taken for a refusal. Beyond that, `expectException` names one or
//! several rules, `BlockException.X` or `TransactionException.X`, joined by `|`. Which of several
//! broken rules a client finds first is its own affair, so at most the kind is compared, and only
//! on demand.

use super::chains::Refused;
use eyre::{Result, bail};
use mfenx_engine::ImportError;
use mfenx_execution::ExecutionError;

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The bytes, or a signature.
    Encoding,
    /// The place in the chain.
    Place,
    /// The header, the body, or the result of the execution.
    Block,
    /// One transaction.
    Transaction,
}

/// Checks that `refused` is a judgement on the block, and, if `strict`, that it is of the kind that
/// `exception` expects.
pub(crate) fn check(exception: &str, refused: &Refused, strict: bool) -> Result<()> {
    let Some(kind) = kind(refused) else {
        bail!("failed instead of refusing the block ({exception}): {refused}");
    };
    let allowed = !strict || exception.split('|').any(|exception| allows(exception.trim(), kind));
    if !allowed {
        bail!("refused for another reason than {exception}: {refused}");
    }
    Ok(())
}

/// The kind of a refusal; none when the node or the runner failed.
fn kind(refused: &Refused) -> Option<Kind> {
    let error = match refused {
        Refused::Malformed(_) => return Some(Kind::Encoding),
        Refused::UnknownParent(_) => return Some(Kind::Place),
        Refused::Runner(_) => return None,
        Refused::Import(error) => error.as_ref(),
    };
    match error {
        ImportError::Decode(_) | ImportError::Signature(_) => Some(Kind::Encoding),
        ImportError::NotNextBlock { .. } | ImportError::AlreadyKnown { .. } => Some(Kind::Place),
        ImportError::StateRoot { .. } => Some(Kind::Block),
        ImportError::Invalid(ExecutionError::InvalidTransaction { .. }) => Some(Kind::Transaction),
        ImportError::Invalid(error) if error.is_invalid() => Some(Kind::Block),
        _ => None,
    }
}

/// Whether a block with this defect may be refused in this way.
fn allows(exception: &str, kind: Kind) -> bool {
    match exception.split_once('.') {
        // A transaction that no valid encoding can hold, or one that breaks a rule of the header
        // as well (blob gas, say), does not have to reach the transaction's own checks.
        Some(("TransactionException", name)) => {
            kind == Kind::Transaction
                || kind == Kind::Encoding
                || (kind == Kind::Block && name.starts_with("TYPE_3_"))
        }
        Some(("BlockException", name)) => match name {
            "RLP_STRUCTURES_ENCODING" => kind == Kind::Encoding,
            "UNKNOWN_PARENT" | "UNKNOWN_PARENT_ZERO" => kind == Kind::Place,
            _ => kind == Kind::Block || kind == Kind::Encoding,
        },
        // Older tests name their exceptions otherwise, or not at all.
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfenx_execution::{BlockError, TransactionError};

    fn import(error: ExecutionError) -> Refused {
        Refused::from(ImportError::Invalid(error))
    }

    #[test]
    fn a_failing_node_refuses_nothing() {
        let broken = import(ExecutionError::Database("disk".into()));
        assert!(check("BlockException.INVALID_REQUESTS", &broken, true).is_err());
        assert!(check("", &broken, true).is_err());
        assert!(check("", &Refused::Runner(eyre::eyre!("no space")), true).is_err());
    }

    #[test]
    fn the_kind_of_reason_must_agree() {
        let block = import(BlockError::LogsBloom.into());
        let transaction = import(ExecutionError::InvalidTransaction {
            index: 0,
            hash: Default::default(),
            reason: Box::new(TransactionError::HighS),
        });
        assert!(check("BlockException.INVALID_REQUESTS", &block, true).is_ok());
        assert!(check("BlockException.INVALID_REQUESTS", &transaction, true).is_err());
        assert!(check("TransactionException.NONCE_MISMATCH_TOO_LOW", &transaction, true).is_ok());
        assert!(check("TransactionException.NONCE_MISMATCH_TOO_LOW", &block, true).is_err());
        let either = "BlockException.X|TransactionException.Y";
        assert!(check(either, &block, true).is_ok() && check(either, &transaction, true).is_ok());
        assert!(check("ALL", &block, true).is_ok());
        let nowhere = Refused::UnknownParent(Default::default());
        assert!(check("BlockException.UNKNOWN_PARENT", &nowhere, true).is_ok());
        assert!(check("BlockException.INVALID_GASLIMIT", &nowhere, true).is_err());
    }
}
