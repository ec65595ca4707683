//! What can be wrong with a genesis file.

/// A genesis file that cannot be used. Every variant says what to change in the file.
#[derive(Debug, thiserror::Error)]
pub enum ChainSpecError {
    /// Not JSON, or a value of the wrong kind.
    #[error("genesis file: {0}")]
    Json(#[from] serde_json::Error),
    /// A field this node does not know; obeying half of a file would fork the chain.
    #[error("genesis file: unknown field `{field}` in {place}; remove it or check its spelling")]
    UnknownField {
        /// Name of the field.
        field: String,
        /// The object it stands in.
        place: &'static str,
    },
    /// A field without which there is no chain.
    #[error("genesis file: {place} lacks the field `{field}`")]
    MissingField {
        /// Name of the field.
        field: &'static str,
        /// The object it is missing from.
        place: &'static str,
    },
    /// Forks that do not follow each other.
    #[error(
        "genesis file: {later} is scheduled at {later_at} but {earlier} {earlier_at}; forks must be scheduled in order"
    )]
    ForkOrder {
        /// The fork that should come first.
        earlier: &'static str,
        /// When it comes, in words.
        earlier_at: String,
        /// The fork that should come after it.
        later: &'static str,
        /// When it comes.
        later_at: String,
    },
    /// A fork this version cannot execute.
    #[error("genesis file: {0} is not supported by this version; remove its activation time")]
    UnsupportedFork(&'static str),
    /// A chain whose blocks are sealed in a way this node does not know.
    #[error("genesis file: `config.{0}`: chains with that seal are not supported")]
    UnsupportedSeal(&'static str),
    /// Something wrong in the section of the authorities.
    #[error("genesis file: `{field}`: {reason}")]
    Consensus {
        /// Path of the field in the file.
        field: String,
        /// What is wrong with it, and what to write instead.
        reason: String,
    },
    /// A value that contradicts another or is out of range.
    #[error("genesis file: {0}")]
    Invalid(String),
}
