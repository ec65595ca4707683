//! What is wrong with a key or a proof.

/// Why a key or a proof is refused. Each is the fault of whoever made the bytes: refuse the message
/// that carried them; trying again does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VrfError {
    /// The encoding has a fixed length, and this is another.
    #[error("{actual} bytes in the place of {expected}")]
    Length {
        /// Bytes of the encoding.
        expected: usize,
        /// Bytes there were.
        actual: usize,
    },
    /// Not a point of the curve, or not the one encoding of it that RFC 8032, section 5.1.3 allows.
    #[error("not the canonical encoding of a point of the curve")]
    Point,
    /// The order of the point divides the cofactor 8; the identity is one of these.
    #[error("the point is of small order")]
    SmallOrder,
    /// The scalar `s` of a proof is not below the order of the group.
    #[error("the scalar is not reduced")]
    Scalar,
    /// None of the 256 tries hashed the input to a point. Its probability is about 2^-256.
    #[error("the input does not hash to the curve")]
    Input,
    /// The proof does not belong to this key and this input.
    #[error("the proof is not of this key and this input")]
    Mismatch,
}
