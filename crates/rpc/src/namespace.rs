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
    /// `debug_*`: raw encodings and traces in go-ethereum's form.
    Debug,
    /// `trace_*`: traces in OpenEthereum's form.
    Trace,
    /// `ots_*`: what the explorer Otterscan asks.
    Ots,
    /// `erigon_*`: what Otterscan asks besides.
    Erigon,
    /// `testing_*`: making blocks for test suites.
    Testing,
}

impl Namespace {
    /// What everybody may ask.
    pub const PUBLIC: [Self; 5] = [Self::Eth, Self::Net, Self::Web3, Self::Txpool, Self::Mfenx];

    /// Everything but `testing`, which has to be named.
    pub const ALL: [Self; 9] = [
        Self::Eth,
        Self::Net,
        Self::Web3,
        Self::Txpool,
        Self::Mfenx,
        Self::Debug,
        Self::Trace,
        Self::Ots,
        Self::Erigon,
    ];

    /// Reads names separated by commas; `public` and `all` stand for [`Self::PUBLIC`] and
    /// [`Self::ALL`].
    ///
    /// # Errors
    /// One of them is no namespace.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, UnknownNamespace> {
        let mut namespaces = Vec::new();
        for name in list.split(',').map(str::trim) {
            match name {
                "public" => namespaces.extend(Self::PUBLIC),
                "all" => namespaces.extend(Self::ALL),
                name => namespaces.push(name.parse()?),
            }
        }
        namespaces.sort_unstable();
        namespaces.dedup();
        Ok(namespaces)
    }

    /// The prefix of the methods, without the underscore.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eth => "eth",
            Self::Net => "net",
            Self::Web3 => "web3",
            Self::Txpool => "txpool",
            Self::Mfenx => "mfenx",
            Self::Debug => "debug",
            Self::Trace => "trace",
            Self::Ots => "ots",
            Self::Erigon => "erigon",
            Self::Testing => "testing",
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
#[error(
    "there is no namespace \"{0}\"; there are eth, net, web3, txpool, mfenx (together: public), \
     debug, trace, ots, erigon (with those: all), and testing"
)]
pub struct UnknownNamespace(String);

impl FromStr for Namespace {
    type Err = UnknownNamespace;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .chain([Self::Testing])
            .find(|namespace| namespace.name() == name)
            .ok_or_else(|| UnknownNamespace(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nothing_else_is_one() {
        for namespace in Namespace::ALL.into_iter().chain([Namespace::Testing]) {
            assert_eq!(namespace.to_string().parse(), Ok(namespace));
        }
        assert!("admin".parse::<Namespace>().is_err());
    }

    #[test]
    fn lists_may_name_sets() {
        assert_eq!(Namespace::parse_list("public"), Ok(Namespace::PUBLIC.to_vec()));
        assert_eq!(Namespace::parse_list("eth, all"), Ok(Namespace::ALL.to_vec()));
        let both = Namespace::parse_list("all,testing").unwrap();
        assert_eq!(both.len(), Namespace::ALL.len() + 1);
        assert!(Namespace::parse_list("eth,").is_err());
    }
}
