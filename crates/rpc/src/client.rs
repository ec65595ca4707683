//! Whom a request is from, as far as the transport can tell.

/// A client: a number that its transport knows it by, such as its address. Requests with the same
/// number share what one client may have; requests without one share only what all may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId(pub u128);
