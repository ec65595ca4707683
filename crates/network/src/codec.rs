//! How requests and responses look on a stream.
//!
//! A request is a length (4 bytes, big endian) and that many bytes. A response is a byte that says
//! what it is (0 data, 1 busy, 2 unavailable), and for data a length and that many bytes.
//!
//! A length above the bound ends the stream; memory is taken as bytes arrive, never by what a
//! length promises.

use crate::config::REQUEST_BYTES_MAX;
use bytes::Bytes;
use libp2p::{
    StreamProtocol,
    futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    request_response,
};
use std::io;

/// Read and written at once, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

const DATA: u8 = 0;
const BUSY: u8 = 1;
const UNAVAILABLE: u8 = 2;

/// What comes back for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Data(Bytes),
    /// More is being asked than is answered at once.
    Busy,
    /// There is no such thing here.
    Unavailable,
}

/// The codec of one protocol.
#[derive(Debug, Clone)]
pub(crate) struct FrameCodec {
    pub(crate) response_bytes_max: usize,
}

impl request_response::Codec for FrameCodec {
    type Protocol = StreamProtocol;
    type Request = Bytes;
    type Response = Answer;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Bytes>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_frame(io, REQUEST_BYTES_MAX).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Answer>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut kind = [0];
        io.read_exact(&mut kind).await?;
        match kind {
            [DATA] => read_frame(io, self.response_bytes_max).await.map(Answer::Data),
            [BUSY] => Ok(Answer::Busy),
            [UNAVAILABLE] => Ok(Answer::Unavailable),
            [other] => Err(invalid(format!("a response of unknown kind {other}"))),
        }
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Bytes,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &request).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        answer: Answer,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        match answer {
            Answer::Data(data) => {
                io.write_all(&[DATA]).await?;
                write_frame(io, &data).await
            }
            Answer::Busy => io.write_all(&[BUSY]).await,
            Answer::Unavailable => io.write_all(&[UNAVAILABLE]).await,
        }
    }
}

async fn read_frame<T>(io: &mut T, bytes_max: usize) -> io::Result<Bytes>
where
    T: AsyncRead + Unpin + Send,
{
    let mut prefix = [0; 4];
    io.read_exact(&mut prefix).await?;
    let length = u32::from_be_bytes(prefix) as usize;
    if length > bytes_max {
        return Err(invalid(format!("{length} bytes announced, at most {bytes_max} are allowed")));
    }
    let mut data = Vec::new();
    while data.len() < length {
        let start = data.len();
        data.resize(length.min(start + CHUNK_BYTES), 0);
        let (_, rest) = data.split_at_mut(start);
        io.read_exact(rest).await?;
    }
    Ok(data.into())
}

async fn write_frame<T>(io: &mut T, data: &[u8]) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
{
    let length = u32::try_from(data.len()).map_err(|_| invalid("above 4 GiB".into()))?;
    io.write_all(&length.to_be_bytes()).await?;
    for chunk in data.chunks(CHUNK_BYTES) {
        io.write_all(chunk).await?;
    }
    io.flush().await
}

fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;
    use libp2p::futures::{executor::block_on, io::Cursor};
    use proptest::prelude::*;
    use request_response::Codec as _;
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    const RESPONSE_BYTES_MAX: usize = 200_000;

    fn codec() -> FrameCodec {
        FrameCodec { response_bytes_max: RESPONSE_BYTES_MAX }
    }

    fn read_response(bytes: &[u8]) -> io::Result<Answer> {
        block_on(codec().read_response(&Protocol::Blocks.stream(), &mut Cursor::new(bytes)))
    }

    fn read_request(bytes: &[u8]) -> io::Result<Bytes> {
        block_on(codec().read_request(&Protocol::Blocks.stream(), &mut Cursor::new(bytes)))
    }

    fn written(answer: Answer) -> Vec<u8> {
        let mut wire = Cursor::new(Vec::new());
        block_on(codec().write_response(&Protocol::Blocks.stream(), &mut wire, answer)).unwrap();
        wire.into_inner()
    }

    fn answer() -> impl Strategy<Value = Answer> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..RESPONSE_BYTES_MAX)
                .prop_map(|data| Answer::Data(data.into())),
            Just(Answer::Busy),
            Just(Answer::Unavailable),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn answers_survive_the_wire(answer in answer()) {
            prop_assert_eq!(read_response(&written(answer.clone())).unwrap(), answer);
        }

        #[test]
        fn requests_survive_the_wire(
            data in prop::collection::vec(any::<u8>(), 0..=REQUEST_BYTES_MAX),
        ) {
            let mut wire = Cursor::new(Vec::new());
            let request = Bytes::from(data);
            let protocol = Protocol::Parts.stream();
            block_on(codec().write_request(&protocol, &mut wire, request.clone())).unwrap();
            prop_assert_eq!(read_request(wire.get_ref()).unwrap(), request);
        }

        #[test]
        fn any_bytes_are_an_answer_within_bounds_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            if let Ok(Answer::Data(data)) = read_response(&bytes) {
                prop_assert!(data.len() <= bytes.len());
            }
            if let Ok(data) = read_request(&bytes) {
                prop_assert!(data.len() <= REQUEST_BYTES_MAX);
            }
        }

        #[test]
        fn a_cut_answer_is_an_error(answer in answer(), cut in any::<prop::sample::Index>()) {
            let wire = written(answer);
            let cut = cut.index(wire.len());
            prop_assert!(read_response(&wire[..cut]).is_err());
        }
    }

    #[test]
    fn the_wire_format_is_frozen() {
        let data = Answer::Data(Bytes::from_static(b"abc"));
        assert_eq!(written(data), [0, 0, 0, 0, 3, b'a', b'b', b'c']);
        assert_eq!(written(Answer::Busy), [1]);
        assert_eq!(written(Answer::Unavailable), [2]);
        assert!(read_response(&[3]).unwrap_err().to_string().contains("unknown kind 3"));
    }

    #[test]
    fn a_length_above_the_bound_is_refused_before_anything_is_read() {
        let error = read_request(&[0xff, 0xff, 0xff, 0xff]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let error = read_response(&[0, 0xff, 0xff, 0xff, 0xff]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    /// Delivers a prefix that promises much, then little, and notes the longest buffer it was
    /// handed.
    struct Stingy {
        bytes: Cursor<Vec<u8>>,
        asked_max: usize,
    }

    impl AsyncRead for Stingy {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.asked_max = self.asked_max.max(buffer.len());
            Pin::new(&mut self.bytes).poll_read(cx, buffer)
        }
    }

    #[test]
    fn a_promise_takes_no_more_memory_than_one_chunk() {
        let mut wire = vec![DATA];
        wire.extend(u32::MAX.to_be_bytes());
        wire.extend([0; 10]);
        let mut io = Stingy { bytes: Cursor::new(wire), asked_max: 0 };
        let mut codec = FrameCodec { response_bytes_max: u32::MAX as usize };
        let result = block_on(codec.read_response(&Protocol::Blocks.stream(), &mut io));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(io.asked_max, CHUNK_BYTES);
    }
}
