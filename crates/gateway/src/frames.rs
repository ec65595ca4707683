//! Frames of a WebSocket (RFC 6455): messages out of them, and into them.
//!
//! Invariants:
//! - no more of a message is read than it may have, however it is cut into frames;
//! - what stands between the frames of a message (a ping, a pong) leaves the message alone;
//! - memory is taken for what has arrived, not for what a frame says will come, and long messages
//!   of all connections share a bound.
//!
//! Deliberately absent: extensions, fragments of our own, and a look at the encoding of text, which
//! the JSON parser takes.

use crate::body_space::{BodySpace, Room};
use soketto::{
    Parsing,
    base::{Codec, Error as CodecError, Header, OpCode},
};
use std::{io, sync::Arc};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A header: 2 bytes, 8 of a long length, 4 of the mask.
const HEADER_BYTES_MAX: usize = 14;
/// What a control frame can carry.
const CONTROL_BYTES_MAX: usize = 125;

/// Why a WebSocket ends, as its other end is told.
pub(crate) mod code {
    pub(crate) const NORMAL: u16 = 1000;
    pub(crate) const GOING_AWAY: u16 = 1001;
    pub(crate) const PROTOCOL: u16 = 1002;
    pub(crate) const TOO_LONG: u16 = 1009;
}

/// Messages up to this length, in bytes, need no room that others might wait for: connections are
/// bounded, and so are these.
const SMALL_BYTES: usize = 64 * 1_024;

/// A message.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    /// Given back when the request has been answered.
    room: Option<Room>,
}

/// What has come.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A whole message, of text or not, with the room that it takes.
    Message(Message),
    /// To be sent back.
    Ping(Vec<u8>),
    Pong,
    /// The other end says goodbye.
    Close,
}

/// Why nothing more can be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A message is longer than it may be.
    TooLong,
    /// What came is no WebSocket.
    Protocol,
    /// The connection has ended.
    Gone,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// The half that reads. It buffers nothing: give it a reader that does.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    reader: R,
    codec: Codec,
    message_bytes_max: usize,
    /// What has arrived of a message in several frames.
    message: Option<Message>,
    /// What all connections share.
    space: Arc<BodySpace>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(reader: R, message_bytes_max: usize, space: Arc<BodySpace>) -> Self {
        let mut codec = Codec::new();
        codec.set_max_data_size(message_bytes_max.max(CONTROL_BYTES_MAX));
        Self { reader, codec, message_bytes_max, message: None, space }
    }

    /// The next message, or what stands before it. Not to be given up on the way.
    pub(crate) async fn next(&mut self) -> Result<Incoming, Broken> {
        loop {
            let header = self.header().await?;
            // Whoever is no server masks what it sends.
            if !header.is_masked() {
                return Err(Broken::Protocol);
            }
            if header.opcode().is_control() {
                let mut payload = Vec::new();
                self.payload(&header, &mut payload).await?;
                match header.opcode() {
                    OpCode::Ping => return Ok(Incoming::Ping(payload)),
                    OpCode::Pong => return Ok(Incoming::Pong),
                    _ => return Ok(Incoming::Close),
                }
            }
            let mut message = match (header.opcode(), self.message.take()) {
                (OpCode::Continue, Some(message)) => message,
                (OpCode::Text | OpCode::Binary, None) => Message::default(),
                _ => return Err(Broken::Protocol),
            };
            let length = message.bytes.len().saturating_add(header.payload_len());
            if length > self.message_bytes_max {
                return Err(Broken::TooLong);
            }
            if length > SMALL_BYTES && message.room.is_none() {
                // All that more frames may bring, at once: nobody waits for room and holds some.
                let most = if header.is_fin() { length } else { self.message_bytes_max };
                let room = self.space.room(most as u64).await;
                message.room = Some(room.ok_or(Broken::Gone)?);
            }
            self.payload(&header, &mut message.bytes).await?;
            if header.is_fin() {
                return Ok(Incoming::Message(message));
            }
            self.message = Some(message);
        }
    }

    async fn header(&mut self) -> Result<Header, Broken> {
        let mut bytes = [0; HEADER_BYTES_MAX];
        let mut length = 0;
        loop {
            let read = bytes.get(..length).unwrap_or_default();
            match self.codec.decode_header(read) {
                Ok(Parsing::Done { value, .. }) => return Ok(value),
                Ok(Parsing::NeedMore(more)) => {
                    let rest = bytes.get_mut(length..length + more).ok_or(Broken::Protocol)?;
                    self.reader.read_exact(rest).await?;
                    length += more;
                }
                Err(CodecError::PayloadTooLarge { .. }) => return Err(Broken::TooLong),
                Err(_) => return Err(Broken::Protocol),
            }
        }
    }

    /// Appends what a frame carries.
    async fn payload(&mut self, header: &Header, to: &mut Vec<u8>) -> Result<(), Broken> {
        let (start, length) = (to.len(), header.payload_len());
        let read = (&mut self.reader).take(length as u64).read_to_end(to).await?;
        if read < length {
            return Err(Broken::Gone);
        }
        Codec::apply_mask(header, to.get_mut(start..).unwrap_or_default());
        Ok(())
    }
}

/// The half that writes. It buffers nothing: give it a writer that does.
#[derive(Debug)]
pub(crate) struct FrameWriter<W> {
    writer: W,
    codec: Codec,
    /// Writing was given up in the middle of a frame: nothing can follow.
    is_cut: bool,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer, codec: Codec::new(), is_cut: false }
    }

    pub(crate) async fn text(&mut self, text: &str) -> io::Result<()> {
        self.frame(OpCode::Text, text.as_bytes()).await
    }

    pub(crate) async fn ping(&mut self) -> io::Result<()> {
        self.frame(OpCode::Ping, &[]).await
    }

    /// Sends back what came with a ping.
    pub(crate) async fn pong(&mut self, payload: &[u8]) -> io::Result<()> {
        self.frame(OpCode::Pong, payload).await
    }

    /// Says goodbye and why.
    pub(crate) async fn close(&mut self, code: u16) -> io::Result<()> {
        if !self.is_cut {
            self.frame(OpCode::Close, &code.to_be_bytes()).await?;
        }
        self.writer.shutdown().await
    }

    async fn frame(&mut self, opcode: OpCode, payload: &[u8]) -> io::Result<()> {
        let mut header = Header::new(opcode);
        header.set_payload_len(payload.len());
        self.is_cut = true;
        self.writer.write_all(self.codec.encode_header(&header)).await?;
        self.writer.write_all(payload).await?;
        self.writer.flush().await?;
        self.is_cut = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of a client, masked.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut bytes = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
        bytes.extend(mask);
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }

    /// What came, without the room that it takes.
    #[derive(Debug, PartialEq, Eq)]
    enum Came {
        Message(Vec<u8>),
        Ping(Vec<u8>),
        Pong,
        Close,
    }

    async fn read(bytes: Vec<u8>) -> Vec<Result<Came, Broken>> {
        let space = Arc::new(BodySpace::new(1 << 20));
        let mut reader = FrameReader::new(bytes.as_slice(), 100, space);
        let mut all = Vec::new();
        loop {
            let next = reader.next().await.map(|incoming| match incoming {
                Incoming::Message(message) => Came::Message(message.bytes),
                Incoming::Ping(payload) => Came::Ping(payload),
                Incoming::Pong => Came::Pong,
                Incoming::Close => Came::Close,
            });
            let is_over = next.is_err();
            all.push(next);
            if is_over {
                return all;
            }
        }
    }

    fn message(text: &[u8]) -> Result<Came, Broken> {
        Ok(Came::Message(text.to_vec()))
    }

    /// The header of a masked text frame of so many bytes, with the mask of zeros.
    fn long_header(first: u8, length: u64) -> Vec<u8> {
        let mut bytes = vec![first, 0xff];
        bytes.extend(length.to_be_bytes());
        bytes.extend([0; 4]);
        bytes
    }

    #[tokio::test]
    async fn long_messages_of_all_connections_share_their_room() {
        let (space, long) = (Arc::new(BodySpace::new(150 << 10)), 100 << 10);
        let connection = || {
            let (far, near) = tokio::io::duplex(1 << 20);
            (far, FrameReader::new(near, 1 << 20, Arc::clone(&space)))
        };
        let frame = |first| [long_header(first, long as u64), vec![b'x'; long]].concat();
        let ((mut first, mut first_reader), (mut second, mut second_reader)) =
            (connection(), connection());
        first.write_all(&frame(0x81)).await.unwrap();
        second.write_all(&frame(0x81)).await.unwrap();
        let Ok(Incoming::Message(held)) = first_reader.next().await else { panic!("no message") };
        assert_eq!(held.bytes.len(), long);
        let brief = std::time::Duration::from_millis(20);
        let waiting = tokio::time::timeout(brief, second_reader.next()).await;
        assert!(waiting.is_err(), "there is room for one of them");
        drop(held);
        // The header was read before, and what follows it is still there.
        assert!(space.room(150 << 10).await.is_some());
        // Short ones need none.
        let all = space.room(150 << 10).await;
        let (mut third, mut third_reader) = connection();
        third.write_all(&super::tests::frame(0x81, b"ping")).await.unwrap();
        assert!(matches!(third_reader.next().await, Ok(Incoming::Message(_))));
        drop(all);
    }

    #[tokio::test]
    async fn fragments_are_put_together_whatever_stands_between_them() {
        let bytes = [
            frame(0x01, b"ab"),
            frame(0x8a, b""),
            frame(0x00, b"cd"),
            frame(0x89, b"hello"),
            frame(0x80, b"e"),
            frame(0x82, &[7; 100]),
            frame(0x88, b""),
        ];
        assert_eq!(
            read(bytes.concat()).await,
            [
                Ok(Came::Pong),
                Ok(Came::Ping(b"hello".to_vec())),
                message(b"abcde"),
                message(&[7; 100]),
                Ok(Came::Close),
                Err(Broken::Gone),
            ]
        );
    }

    #[tokio::test]
    async fn a_message_is_too_long_as_soon_as_a_frame_says_so() {
        // Nothing of the frame over the limit has to come.
        let fragments = [frame(0x01, &[0; 60]), frame(0x00, &[0; 40])].concat();
        let mut one_more = fragments.clone();
        one_more.extend(&frame(0x80, b"x")[..6]);
        assert_eq!(read(one_more).await, [Err(Broken::TooLong)]);
        let mut at = fragments;
        at.extend(frame(0x80, b""));
        assert_eq!(read(at).await, [message(&[0; 100]), Err(Broken::Gone)]);
        assert_eq!(read(frame(0x81, &[0; 101])[..6].to_vec()).await, [Err(Broken::TooLong)]);
        // 2^63 bytes.
        let huge = [0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4].to_vec();
        assert_eq!(read(huge).await, [Err(Broken::TooLong)]);
    }

    #[tokio::test]
    async fn what_is_no_websocket_is_told_apart() {
        for bytes in [
            vec![0x81, 0x01, b'x'],                            // not masked
            frame(0x80, b"x"),                                 // the end of nothing
            [frame(0x01, b"x"), frame(0x81, b"y")].concat(),   // a message in a message
            frame(0x83, b"x"),                                 // a reserved opcode
            frame(0xc1, b"x"),                                 // a reserved bit
            frame(0x09, b"x"),                                 // half a ping
            [vec![0x89, 0xfe, 0, 126], vec![0; 130]].concat(), // a long ping
        ] {
            assert_eq!(read(bytes.clone()).await, [Err(Broken::Protocol)], "{bytes:?}");
        }
        assert_eq!(read(frame(0x81, b"xyz")[..8].to_vec()).await, [Err(Broken::Gone)]);
    }

    #[tokio::test]
    async fn frames_are_written_with_the_three_lengths() {
        let mut bytes = Vec::new();
        let mut writer = FrameWriter::new(&mut bytes);
        writer.text("a").await.unwrap();
        writer.text(&"b".repeat(126)).await.unwrap();
        writer.text(&"c".repeat(65_536)).await.unwrap();
        writer.close(code::TOO_LONG).await.unwrap();
        assert_eq!(bytes[..3], [0x81, 1, b'a']);
        assert_eq!(bytes[3..8], [0x81, 126, 0, 126, b'b']);
        assert_eq!(bytes[133..144], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0, b'c']);
        assert_eq!(bytes[65_679..], [0x88, 2, 3, 0xf1]);
    }
}
