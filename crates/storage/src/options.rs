//! How a store is opened.

/// What a commit promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// A committed block survives a power failure.
    #[default]
    Durable,
    /// Nothing is flushed: a power failure may destroy the whole store. Only for temporary stores,
    /// such as those of the conformance runner.
    Volatile,
}

/// Size, growth and durability of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Upper limit of the data file, in bytes. Only address space is reserved for it.
    pub max_size_bytes: usize,
    /// The (sparse) data file grows by this many bytes at a time.
    pub growth_step_bytes: usize,
    /// What a commit promises.
    pub durability: Durability,
    /// How many blocks before the head Merkle proofs and state roots reach back. Each takes a few
    /// dozen bytes per branch of a trie that changed in it.
    pub trie_history_blocks: u64,
    /// Readers that may exist at the same time.
    pub max_readers: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_size_bytes: 1 << 40,
            growth_step_bytes: 64 << 20,
            durability: Durability::Durable,
            trie_history_blocks: 320,
            max_readers: 4096,
        }
    }
}

impl StoreOptions {
    /// A temporary store that survives nothing: small address space, no flushes.
    pub fn volatile() -> Self {
        Self { max_size_bytes: 64 << 30, durability: Durability::Volatile, ..Self::default() }
    }
}
