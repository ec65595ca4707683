//! Files of RLP blocks, one after the other without separators, as go-ethereum exports them.

use crate::{datadir::file_error, error::NodeError};
use alloy_rlp::{Decodable, Encodable};
use mfenx_primitives::{Block, RecoveredBlock};
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

/// Longest block that is read; EIP-7934 allows 8 MiB, older blocks had no limit but their gas.
const BLOCK_BYTES_MAX: usize = 32 << 20;

/// Reads blocks from a file, one at a time.
#[derive(Debug)]
pub(crate) struct BlocksReader {
    path: PathBuf,
    input: BufReader<File>,
    offset: u64,
    size: u64,
}

/// Where in its file a block begins and ends, in bytes.
pub(crate) type Place = (u64, u64);

impl Iterator for BlocksReader {
    type Item = Result<(Place, Block), NodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_block().transpose()
    }
}

impl BlocksReader {
    pub(crate) fn open(path: &Path) -> Result<Self, NodeError> {
        let file = File::open(path).map_err(|source| file_error(path, source))?;
        let size = file.metadata().map_err(|source| file_error(path, source))?.len();
        let input = BufReader::with_capacity(1 << 20, file);
        Ok(Self { path: path.into(), input, offset: 0, size })
    }

    /// The size of the file in bytes.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    fn fail(&self, reason: impl Into<String>) -> NodeError {
        NodeError::BlocksFile {
            path: self.path.clone(),
            offset: self.offset,
            reason: reason.into(),
        }
    }

    /// The next block, or `None` at the end of the file.
    fn next_block(&mut self) -> Result<Option<(Place, Block)>, NodeError> {
        let Some(bytes) = self.next_list()? else { return Ok(None) };
        let block = Block::decode(&mut bytes.as_slice())
            .map_err(|error| self.fail(format!("not an RLP block: {error}")))?;
        let offset = self.offset;
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(Some(((offset, self.offset), block)))
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

/// Writes blocks to a new file.
#[derive(Debug)]
pub(crate) struct BlocksWriter {
    path: PathBuf,
    output: BufWriter<File>,
    buffer: Vec<u8>,
}

impl BlocksWriter {
    /// Creates the file; one that exists is not overwritten.
    pub(crate) fn create(path: &Path) -> Result<Self, NodeError> {
        let file = File::create_new(path).map_err(|source| file_error(path, source))?;
        Ok(Self { path: path.into(), output: BufWriter::new(file), buffer: Vec::new() })
    }

    pub(crate) fn write(&mut self, block: &RecoveredBlock) -> Result<(), NodeError> {
        self.buffer.clear();
        block.block().encode(&mut self.buffer);
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

    fn read_all(bytes: &[u8]) -> Result<Vec<(Place, Block)>, NodeError> {
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
}
