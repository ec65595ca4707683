//! A list of byte strings of which each can be found without reading the others.
//!
//! `count: u32 | end of each item, counted from the first item: u32 * count | items`

use super::decoder::Decoder;
use crate::error::StoreError;

/// Bytes of a count and of an offset.
const WORD: usize = 4;

/// The items of an encoded list; what follows the list is [`Self::tail`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct List<'a> {
    ends: &'a [u8],
    items: &'a [u8],
    tail: &'a [u8],
    table: &'static str,
}

impl<'a> List<'a> {
    pub(crate) fn decode(table: &'static str, bytes: &'a [u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(table, bytes);
        let count = decoder.u32()? as usize;
        let ends = decoder.take(count.saturating_mul(WORD))?;
        let total = ends.last_chunk::<WORD>().map_or(0, |end| u32::from_be_bytes(*end));
        let items = decoder.take(total as usize)?;
        Ok(Self { ends, items, tail: decoder.rest(), table })
    }

    pub(crate) const fn len(&self) -> usize {
        self.ends.len() / WORD
    }

    /// What follows the list.
    pub(crate) const fn tail(&self) -> &'a [u8] {
        self.tail
    }

    fn end(&self, index: usize) -> Option<usize> {
        let start = index.checked_mul(WORD)?;
        let end = self.ends.get(start..start.checked_add(WORD)?)?.first_chunk::<WORD>()?;
        Some(u32::from_be_bytes(*end) as usize)
    }

    /// The item at `index`, or `None` behind the last one.
    pub(crate) fn get(&self, index: usize) -> Result<Option<&'a [u8]>, StoreError> {
        let Some(end) = self.end(index) else { return Ok(None) };
        let start = match index.checked_sub(1) {
            Some(previous) => self.end(previous).unwrap_or_default(),
            None => 0,
        };
        let item = self.items.get(start..end);
        let corrupt = StoreError::Corrupt { table: self.table, reason: "offsets are not in order" };
        item.map(Some).ok_or(corrupt)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Result<&'a [u8], StoreError>> + '_ {
        (0..self.len()).map(|index| Ok(self.get(index)?.unwrap_or_default()))
    }
}

/// Appends a list of `count` items, each written by `write`.
///
/// # Errors
/// The items are longer than 4 GiB together.
pub(crate) fn encode_list<T>(
    table: &'static str,
    items: &[T],
    out: &mut Vec<u8>,
    mut write: impl FnMut(&T, &mut Vec<u8>),
) -> Result<(), StoreError> {
    let too_large = |bytes: usize| StoreError::TooLarge { table, key_bytes: 0, value_bytes: bytes };
    let count = u32::try_from(items.len()).map_err(|_| too_large(items.len()))?;
    out.extend_from_slice(&count.to_be_bytes());
    let ends = out.len();
    out.resize(ends.saturating_add(items.len().saturating_mul(WORD)), 0);
    let start = out.len();
    for (index, item) in items.iter().enumerate() {
        write(item, out);
        let length = out.len().saturating_sub(start);
        let end = u32::try_from(length).map_err(|_| too_large(length))?;
        let at = ends.saturating_add(index.saturating_mul(WORD));
        if let Some(place) = out.get_mut(at..at.saturating_add(WORD)) {
            place.copy_from_slice(&end.to_be_bytes());
        }
    }
    Ok(())
}
