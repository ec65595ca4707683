//! What peers ask each other, one stream a request.

use libp2p::StreamProtocol;
use std::fmt;

/// A kind of request that the application answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `/mfenx/blocks/1`: a range of blocks with their certificates.
    Blocks,
    /// `/mfenx/parts/1`: parts of a proposal, by hash.
    Parts,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 2] = [Self::Blocks, Self::Parts];

    /// A word of a bounded set, for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Parts => "parts",
        }
    }

    /// Position in tables with one entry a protocol.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Blocks => 0,
            Self::Parts => 1,
        }
    }

    /// The name streams are negotiated with.
    pub(crate) const fn stream(self) -> StreamProtocol {
        match self {
            Self::Blocks => StreamProtocol::new("/mfenx/blocks/1"),
            Self::Parts => StreamProtocol::new("/mfenx/parts/1"),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
