//! Why the gateway cannot serve.

use std::{io, net::SocketAddr};

/// Why the port is not open.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Another program has the port: stop it, or choose another port.
    #[error(
        "cannot listen on {address}: another program does already; stop it (find it with \
         `ss -ltnp 'sport = :{}'`), or choose another address or port", address.port()
    )]
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system does not let this user have the port: choose a port above 1023.
    #[error(
        "cannot listen on {address}: permission denied; ports below 1024 need privileges, choose \
         another port"
    )]
    PermissionDenied {
        /// The address.
        address: SocketAddr,
    },
    /// The address is not one of this machine: choose another.
    #[error("cannot listen on {address}: this machine does not have that address; choose another")]
    AddressNotHere {
        /// The address.
        address: SocketAddr,
    },
    /// The system refused for another reason.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl GatewayError {
    pub(crate) fn bind(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddressInUse { address },
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { address },
            io::ErrorKind::AddrNotAvailable => Self::AddressNotHere { address },
            _ => Self::Bind { address, source },
        }
    }
}
