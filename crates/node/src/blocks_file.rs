//! Files of RLP blocks, one after the other without separators, as go-ethereum exports them; and
//! files of blocks with their seals: [`MAGIC`], then an RLP list of block and seal for each.

use crate::{datadir::file_error, error::NodeError};
use alloy_primitives::Bytes;
use alloy_rlp::{Decodable, Encodable};
use mfenx_primitives::{Block, RecoveredBlock};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

/// Longest block that is read; EIP-7934 allows 8 MiB, older blocks had no limit but their gas.
const BLOCK_BYTES_MAX: usize = 32 << 20;

/// How a file of blocks with seals begins. No RLP list does.
const MAGIC: &[u8; 22] = b"mfenx sealed blocks 1\n";

/// Reads blocks from a file, one at a time.
#[derive(Debug)]
pub(crate) struct BlocksReader {
    path: PathBuf,
    input: BufReader<File>,
    offset: u64,
    size: u64,
    sealed: bool,
}

/// Where in its file a block begins and ends, in bytes.
pub(crate) type Place = (u64, u64);

/// A block of a file, with its seal when the file has seals.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) block: Block,
    pub(crate) seal: Option<Bytes>,
}

impl Iterator for BlocksReader {
    type Item = Result<(Place, Entry), NodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_block().transpose()
    }
}

impl BlocksReader {
    pub(crate) fn open(path: &Path) -> Result<Self, NodeError> {
        let file = File::open(path).map_err(|source| file_error(path, source))?;
        let size = file.metadata().map_err(|source| file_error(path, source))?.len();
        let mut input = BufReader::with_capacity(1 << 20, file);
        let head = input.fill_buf().map_err(|source| file_error(path, source))?;
        let sealed = head.starts_with(MAGIC);
        let offset = if sealed { MAGIC.len() } else { 0 };
        input.consume(offset);
        Ok(Self { path: path.into(), input, offset: offset as u64, size, sealed })
    }

    /// Whether the file has seals.
    pub(crate) const fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The size of the file in bytes.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// That there is something to read, to be asked before anything is read.
    ///
    /// # Errors
    /// The file is empty.
    pub(crate) fn require_content(&self) -> Result<(), NodeError> {
        let empty = self.size == 0 && !self.sealed && self.input.buffer().is_empty();
        if empty { Err(self.fail("the file is empty")) } else { Ok(()) }
    }

    fn fail(&self, reason: impl Into<String>) -> NodeError {
        NodeError::BlocksFile {
            path: self.path.clone(),
            offset: self.offset,
            reason: reason.into(),
        }
    }

    /// The next block, or `None` at the end of the file.
    fn next_block(&mut self) -> Result<Option<(Place, Entry)>, NodeError> {
        let Some(bytes) = self.next_list()? else { return Ok(None) };
        let mut rest = bytes.as_slice();
        let entry = if self.sealed {
            sealed_entry(&mut rest)
        } else {
            Block::decode(&mut rest).map(|block| Entry { block, seal: None })
        };
        let entry = entry.map_err(|error| self.fail(format!("not an RLP block: {error}")))?;
        let offset = self.offset;
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(Some(((offset, self.offset), entry)))
    }

    /// The bytes of the next RLP list, header included.
    fn next_list(&mut self) -> Result<Option<Vec<u8>>, NodeError> {
        let mut first = [0_u8];
        match self.input.read(&mut first) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(source) => return Err(file_error(&self.path, source)),
        }
        let [lead] = first;
        let mut bytes = vec![lead];
        let payload = match lead {
            0xc0..=0xf7 => usize::from(lead - 0xc0),
            0xf8..=0xff => {
                let width = usize::from(lead - 0xf7);
                self.append(&mut bytes, width)?;
                let length = bytes.iter().skip(1);
                length.fold(0_usize, |sum, byte| sum.saturating_mul(256) | usize::from(*byte))
            }
            _ => return Err(self.fail("a block starts with an RLP list; is this a block export?")),
        };
        if payload > BLOCK_BYTES_MAX {
            return Err(
                self.fail(format!("a block of {payload} bytes; the most is {BLOCK_BYTES_MAX}"))
            );
        }
        self.append(&mut bytes, payload)?;
        Ok(Some(bytes))
    }

    fn append(&mut self, bytes: &mut Vec<u8>, count: usize) -> Result<(), NodeError> {
        let start = bytes.len();
        let read = self.input.by_ref().take(count as u64).read_to_end(bytes);
        read.map_err(|source| file_error(&self.path, source))?;
        if bytes.len() - start < count {
            return Err(self.fail("the file ends in the middle of this block"));
        }
        Ok(())
    }
}

/// Reads a list of a block and its seal, and nothing else.
fn sealed_entry(bytes: &mut &[u8]) -> alloy_rlp::Result<Entry> {
    let mut rest = alloy_rlp::Header::decode_bytes(bytes, true)?;
    let (block, seal) = (Block::decode(&mut rest)?, Bytes::decode(&mut rest)?);
    if !rest.is_empty() {
        return Err(alloy_rlp::Error::Custom("more than a block and its seal"));
    }
    Ok(Entry { block, seal: Some(seal) })
}

/// Writes blocks to a new file.
#[derive(Debug)]
pub(crate) struct BlocksWriter {
    path: PathBuf,
    output: BufWriter<File>,
    buffer: Vec<u8>,
}

impl BlocksWriter {
    /// Creates the file, for blocks with seals or without; one that exists is not overwritten.
    pub(crate) fn create(path: &Path, sealed: bool) -> Result<Self, NodeError> {
        let file = File::create_new(path).map_err(|source| file_error(path, source))?;
        let mut output = BufWriter::new(file);
        if sealed {
            output.write_all(MAGIC).map_err(|source| file_error(path, source))?;
        }
        Ok(Self { path: path.into(), output, buffer: Vec::new() })
    }

    /// Appends a block, with its seal in a file of these.
    pub(crate) fn write(
        &mut self,
        block: &RecoveredBlock,
        seal: Option<&[u8]>,
    ) -> Result<(), NodeError> {
        self.buffer.clear();
        let block = block.block();
        match seal {
            None => block.encode(&mut self.buffer),
            Some(seal) => {
                let payload_length = block.length() + seal.length();
                alloy_rlp::Header { list: true, payload_length }.encode(&mut self.buffer);
                block.encode(&mut self.buffer);
                seal.encode(&mut self.buffer);
            }
        }
        self.output.write_all(&self.buffer).map_err(|source| file_error(&self.path, source))
    }

    pub(crate) fn finish(self) -> Result<(), NodeError> {
        let Self { path, output, .. } = self;
        let sync = |output: BufWriter<File>| -> io::Result<()> {
            output.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        sync(output).map_err(|source| file_error(&path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(bytes: &[u8]) -> Result<Vec<(Place, Entry)>, NodeError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        BlocksReader::open(file.path())?.collect()
    }

    #[test]
    fn blocks_follow_each_other_and_damage_is_located() {
        let block = alloy_rlp::encode(Block::default());
        let two = [block.as_slice(), &block].concat();
        let read = read_all(&two).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read[1].0, (block.len() as u64, two.len() as u64));
        assert!(read_all(&[]).unwrap().is_empty());
        let cut = read_all(&two[..two.len() - 1]).unwrap_err().to_string();
        assert!(cut.contains(&format!("byte {}", block.len())) && cut.contains("middle"), "{cut}");
        let text = read_all(b"{\"config\":").unwrap_err().to_string();
        assert!(text.contains("byte 0"), "{text}");
        let huge = read_all(&[0xff; 9]).unwrap_err().to_string();
        assert!(huge.contains("the most is"), "{huge}");
    }

    #[test]
    fn an_empty_file_is_no_file_of_blocks() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let wants = || BlocksReader::open(file.path()).unwrap().require_content();
        let text = wants().unwrap_err().to_string();
        assert!(text.ends_with("the file is empty"), "{text}");
        for bytes in [MAGIC, &[0xc0][..]] {
            std::fs::write(file.path(), bytes).unwrap();
            wants().unwrap();
        }
    }

    #[test]
    fn seals_come_back_with_their_blocks() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("blocks");
        let mut writer = BlocksWriter::create(&path, true).unwrap();
        let block = RecoveredBlock::recover(Block::default()).unwrap();
        for seal in [&b""[..], b"s", &[7; 300]] {
            writer.write(&block, Some(seal)).unwrap();
        }
        writer.finish().unwrap();
        let reader = BlocksReader::open(&path).unwrap();
        assert!(reader.is_sealed());
        let read: Vec<_> = reader.map(Result::unwrap).collect();
        let seals: Vec<_> = read.iter().map(|(_, entry)| entry.seal.clone().unwrap()).collect();
        assert_eq!(seals, [Bytes::new(), Bytes::from_static(b"s"), Bytes::from(vec![7; 300])]);
        let bytes = std::fs::read(&path).unwrap();
        let (_, end) = read.last().unwrap().0;
        assert_eq!(end, bytes.len() as u64);
        let cut = read_all(&bytes[..bytes.len() - 1]).unwrap_err().to_string();
        assert!(cut.contains("middle"), "{cut}");
        // What has no magic is a file of plain blocks, of which none looks like this.
        let plain = read_all(&bytes[MAGIC.len()..]).unwrap_err().to_string();
        assert!(plain.contains("not an RLP block"), "{plain}");
    }
}
