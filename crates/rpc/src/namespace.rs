//! The groups of methods that an operator may expose.

use std::{fmt, str::FromStr};

/// A group of methods with a common prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Namespace {
    /// `eth_*`: the chain.
    Eth,
    /// `net_*`: the network's identity and peers.
    Net,
    /// `web3_*`: the client's version and a hash.
    Web3,
    /// `txpool_*`: what waits for a block; read only.
    Txpool,
    /// `mfenx_*`: what Ethereum has no name for.
    Mfenx,
}

impl Namespace {
    /// What is exposed unless the operator says otherwise: all of them.
    pub const DEFAULT: [Self; 5] = [Self::Eth, Self::Net, Self::Web3, Self::Txpool, Self::Mfenx];

    /// The prefix of the methods, without the underscore.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eth => "eth",
            Self::Net => "net",
            Self::Web3 => "web3",
            Self::Txpool => "txpool",
            Self::Mfenx => "mfenx",
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no namespace \"{0}\"; there are eth, net, web3, txpool and mfenx")]
pub struct UnknownNamespace(String);

impl FromStr for Namespace {
    type Err = UnknownNamespace;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::DEFAULT
            .into_iter()
            .find(|namespace| namespace.name() == name)
            .ok_or_else(|| UnknownNamespace(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nothing_else_is_one() {
        for namespace in Namespace::DEFAULT {
            assert_eq!(namespace.to_string().parse(), Ok(namespace));
        }
        assert!("admin".parse::<Namespace>().is_err());
    }
}
