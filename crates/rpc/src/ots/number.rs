//! Numbers as Otterscan sends them: JSON numbers, where the rest of the world writes quantities.
//! Both are read.

use crate::{block_id::BlockId, error::RpcError, params::Args};

/// A number.
pub(crate) fn plain(args: &Args<'_>, index: usize) -> Result<u64, RpcError> {
    match args.json(index) {
        Some(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            text.parse().map_err(|_| RpcError::argument(index, "a whole number is expected here"))
        }
        _ => args.quantity(index),
    }
}

/// A block's number or tag, but not its hash.
pub(crate) fn block(args: &Args<'_>, index: usize) -> Result<BlockId, RpcError> {
    match args.json(index) {
        Some(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            plain(args, index).map(BlockId::Number)
        }
        _ => args.block_number(index),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_quantities_and_tags_are_read() {
        let args = |json| Args::parse(Some(json), 1).unwrap();
        assert_eq!(plain(&args("[25]"), 0).unwrap(), 25);
        assert_eq!(plain(&args("[\"0x19\"]"), 0).unwrap(), 25);
        assert_eq!(block(&args("[25]"), 0).unwrap(), BlockId::Number(25));
        assert_eq!(block(&args("[\"latest\"]"), 0).unwrap(), BlockId::Latest);
        for bad in ["[]", "[1.5]", "[-1]", "[\"25\"]", "[99999999999999999999]", "[{}]"] {
            assert!(plain(&args(bad), 0).is_err(), "{bad}");
            assert!(block(&args(bad), 0).is_err(), "{bad}");
        }
    }
}
