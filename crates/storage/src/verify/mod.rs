//! Recomputing everything that the store claims.
//!
//! Roots are computed by two independent ways: from the leaves alone with alloy's hash builder, and
//! by following the stored branches. One snapshot is read throughout, so a node that is running at
//! the same time keeps its old pages meanwhile.

mod blocks;
mod history;
mod indices;
mod state;
mod tries;

use crate::{
    error::StoreError,
    reader::{Head, Reader},
    store::Store,
};

/// Faults that are described; further ones are only counted.
const FAULTS_MAX: usize = 100;

/// What was checked, and what does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// The head up to which was checked.
    pub head: Head,
    /// Blocks: links, roots, senders, indices.
    pub blocks: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// Accounts: storage roots, code.
    pub accounts: u64,
    /// Slots of all accounts.
    pub slots: u64,
    /// Branch nodes of all tries.
    pub branches: u64,
    /// Changes of accounts and slots in the history.
    pub changes: u64,
    /// Blocks under all addresses and topics of the index of logs.
    pub log_entries: u64,
    /// Blocks before the head whose account tries were put together.
    pub tries: u64,
    /// Number of faults found.
    pub fault_count: u64,
    /// The first hundred faults.
    pub faults: Vec<String>,
}

impl VerifyReport {
    const fn new(head: Head) -> Self {
        Self {
            head,
            blocks: 0,
            transactions: 0,
            accounts: 0,
            slots: 0,
            branches: 0,
            changes: 0,
            log_entries: 0,
            tries: 0,
            fault_count: 0,
            faults: Vec::new(),
        }
    }

    /// Whether everything fits.
    pub const fn is_ok(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, fault: impl FnOnce() -> String) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault());
        }
    }

    fn check(&mut self, fits: bool, fault: impl FnOnce() -> String) {
        if !fits {
            self.fault(fault);
        }
    }

    /// Notes corruption as a fault; passes other errors on.
    fn absorb<T>(&mut self, result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error @ StoreError::Corrupt { .. }) => {
                self.fault(|| error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Store {
    /// Recomputes the state root and every storage root, and checks tries, those of earlier blocks
    /// by their roots, code, history, links between blocks, their roots, senders and indices. Reads the whole store.
    ///
    /// # Errors
    /// The database fails, or there is no genesis block. What is merely wrong is in the report.
    pub fn verify(&self, progress: &mut dyn FnMut(&str)) -> Result<VerifyReport, StoreError> {
        let reader = self.reader()?;
        let mut report = VerifyReport::new(reader.head()?);
        type Part = fn(&Reader, &mut VerifyReport, &mut dyn FnMut(&str)) -> Result<(), StoreError>;
        let parts: [(&str, Part); 5] = [
            ("blocks", blocks::verify),
            ("indices", indices::verify),
            ("state", state::verify),
            ("history", history::verify),
            ("tries", tries::verify),
        ];
        for (name, part) in parts {
            progress(&format!("verifying {name}"));
            let result = part(&reader, &mut report, progress);
            report.absorb(result)?;
        }
        Ok(report)
    }
}
