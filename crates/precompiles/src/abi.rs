//! The part of Solidity's ABI that the precompiles need, read strictly.
//!
//! An argument list has exactly one encoding: the one that compilers and client libraries make.
//! Dynamic values follow the head in order and without gaps, padding is zero, and nothing follows.
//! Reading copies nothing and takes time in proportion to the number of arguments, not of bytes.

/// Selector of `Error(string)`.
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
const WORD: usize = 32;

/// Why an input is no call; the text of the revert.
pub(crate) type Malformed = &'static str;

/// The arguments of a call that are not read yet.
pub(crate) struct Arguments<'a> {
    head: &'a [u8],
    tail: &'a [u8],
    /// Bytes from the start of the arguments to `tail`.
    tail_offset: usize,
}

impl<'a> Arguments<'a> {
    /// Begins to read a call of the function with `selector`, whose head has `head_words` words.
    pub(crate) fn of(
        input: &'a [u8],
        selector: [u8; 4],
        head_words: usize,
    ) -> Result<Self, Malformed> {
        let (called, arguments) = input.split_first_chunk::<4>().ok_or("no selector")?;
        if *called != selector {
            return Err("unknown function");
        }
        let tail_offset = head_words * WORD;
        let (head, tail) = arguments.split_at_checked(tail_offset).ok_or("arguments missing")?;
        Ok(Self { head, tail, tail_offset })
    }

    /// The next word of the head.
    pub(crate) fn word(&mut self) -> Result<&'a [u8; 32], Malformed> {
        let (word, rest) = self.head.split_first_chunk().ok_or("arguments missing")?;
        self.head = rest;
        Ok(word)
    }

    /// The next word as an integer; `None` for one of 2^64 or more.
    pub(crate) fn u64(&mut self) -> Result<Option<u64>, Malformed> {
        Ok(integer(self.word()?))
    }

    /// The next word as a `uint32`.
    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        let value = self.u64()?.and_then(|value| u32::try_from(value).ok());
        value.ok_or("not a uint32")
    }

    /// The next argument, of type `bytes`.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.tail_length()?;
        let content = self.take(length)?;
        let padding = self.take(length.wrapping_neg() % WORD)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err("padding is not zero");
        }
        Ok(content)
    }

    /// The next argument, of type `bytes32[]` with at most `max` elements.
    pub(crate) fn words(&mut self, max: usize) -> Result<&'a [[u8; 32]], Malformed> {
        let length = self.tail_length()?;
        if length > max {
            return Err("array is too long");
        }
        Ok(self.take(length * WORD)?.as_chunks().0)
    }

    /// Says that there is nothing more.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.head.is_empty() && self.tail.is_empty() { Ok(()) } else { Err("trailing bytes") }
    }

    /// Follows the offset in the head to the length that stands at the beginning of the tail.
    fn tail_length(&mut self) -> Result<usize, Malformed> {
        if self.u64()? != Some(self.tail_offset as u64) {
            return Err("offset is not canonical");
        }
        let length = self.take(WORD)?.try_into().ok().and_then(integer);
        length.and_then(|length| usize::try_from(length).ok()).ok_or("length is too large")
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.tail.split_at_checked(bytes).ok_or("arguments are cut short")?;
        self.tail = rest;
        self.tail_offset += bytes;
        Ok(taken)
    }
}

fn integer(word: &[u8; 32]) -> Option<u64> {
    let (high, low) = word.split_last_chunk::<8>()?;
    high.iter().all(|byte| *byte == 0).then_some(u64::from_be_bytes(*low))
}

/// An encoded integer.
pub(crate) fn word(value: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word.iter_mut().rev().zip(value.to_le_bytes()).for_each(|(to, from)| *to = from);
    word
}

/// An encoded `bool`.
pub(crate) fn boolean(value: bool) -> [u8; 32] {
    word(u64::from(value))
}

/// Adds `content` with its length and padding: the tail of an argument of type `bytes`.
pub(crate) fn push_bytes(encoded: &mut Vec<u8>, content: &[u8]) {
    encoded.extend_from_slice(&word(content.len() as u64));
    encoded.extend_from_slice(content);
    encoded.resize(encoded.len() + content.len().wrapping_neg() % WORD, 0);
}

/// A word and `bytes`, encoded.
pub(crate) fn word_and_bytes(first: &[u8; 32], content: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(4 * WORD + content.len());
    encoded.extend_from_slice(first);
    encoded.extend_from_slice(&word(2 * WORD as u64));
    push_bytes(&mut encoded, content);
    encoded
}

/// `Error(reason)`, encoded.
pub(crate) fn error(reason: &str) -> Vec<u8> {
    let mut encoded = ERROR.to_vec();
    encoded.extend_from_slice(&word(WORD as u64));
    push_bytes(&mut encoded, reason.as_bytes());
    encoded
}
