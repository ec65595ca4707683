//! Who may connect: so many in all, and so many from one client.

use crate::{config::GatewayConfig, metrics::OpenConnection};
use mfenx_rpc::{ClientId, RpcServer};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are as many connections as there may be.
    Full,
    /// The client has as many connections as one client may have.
    Client,
}

impl Refusal {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Client => "client",
        }
    }
}

/// The places.
#[derive(Debug)]
pub(crate) struct Admission {
    total_max: usize,
    client_max: usize,
    limit_loopback: bool,
    server: RpcServer,
    taken: Mutex<Taken>,
}

/// Bounded, for there is no entry without a connection.
#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_client: HashMap<IpAddr, Client>,
}

#[derive(Debug)]
struct Client {
    connections: usize,
    /// Bounds what its connections have unsent together.
    server: RpcServer,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    client: IpAddr,
    server: RpcServer,
    _open: OpenConnection,
}

impl Admission {
    /// Every client gets a share of `server`.
    pub(crate) fn new(config: &GatewayConfig, server: RpcServer) -> Self {
        Self {
            total_max: config.connections_max,
            client_max: config.connections_per_client_max,
            limit_loopback: config.limit_loopback,
            server,
            taken: Mutex::default(),
        }
    }

    /// A place for a connection from `address`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, Refusal> {
        let client = client(address);
        let mut taken = self.taken();
        if taken.total >= self.total_max {
            return Err(Refusal::Full);
        }
        let is_limited = self.limit_loopback || !client.is_loopback();
        let count = taken.by_client.get(&client).map_or(0, |client| client.connections);
        if is_limited && count >= self.client_max {
            return Err(Refusal::Client);
        }
        let entry = taken.by_client.entry(client).or_insert_with(|| Client {
            connections: 0,
            server: if is_limited {
                self.server.for_client(id(client))
            } else {
                self.server.clone()
            },
        });
        entry.connections += 1;
        let server = entry.server.clone();
        taken.total += 1;
        Ok(Place { admission: Arc::clone(self), client, server, _open: OpenConnection::new() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics while it is held; and numbers are never half written.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What answers this client.
    pub(crate) const fn server(&self) -> &RpcServer {
        &self.server
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.admission.taken();
        taken.total = taken.total.saturating_sub(1);
        if let Some(client) = taken.by_client.get_mut(&self.client) {
            client.connections = client.connections.saturating_sub(1);
            if client.connections == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

/// Whom an address belongs to. A household or a server gets an IPv6 network of 64 bits, so that
/// counts as one client.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let network = address.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(network).into()
        }
        other => other,
    }
}

/// The same client has the same number whenever it comes.
fn id(client: IpAddr) -> ClientId {
    ClientId(match client {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonrpsee::RpcModule;
    use mfenx_rpc::RpcLimits;

    fn admission(total: usize, client: usize, limit_loopback: bool) -> Arc<Admission> {
        let limits = RpcLimits::default();
        let server = RpcServer::new(RpcModule::new(()), &limits);
        let config = GatewayConfig {
            connections_max: total,
            connections_per_client_max: client,
            limit_loopback,
            ..GatewayConfig::default()
        };
        Arc::new(Admission::new(&config, server))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn clients_are_addresses_or_networks() {
        assert_eq!(client(ip("::ffff:1.2.3.4")), ip("1.2.3.4"));
        assert_eq!(client(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_ne!(client(ip("2001:db8:1:3::1")), client(ip("2001:db8:1:2::1")));
        assert_eq!(client(ip("::1")), ip("::1"));
        assert_ne!(id(ip("1.2.3.4")), id(ip("1.2.3.5")));
        assert_ne!(id(ip("1.2.3.4")), id(ip("::102:304")));
    }

    #[test]
    fn places_are_limited_and_come_back() {
        let admission = admission(3, 2, false);
        let first = admission.admit(ip("1.1.1.1")).unwrap();
        let _second = admission.admit(ip("1.1.1.1")).unwrap();
        assert_eq!(admission.admit(ip("1.1.1.1")).unwrap_err(), Refusal::Client);
        let _third = admission.admit(ip("2.2.2.2")).unwrap();
        assert_eq!(admission.admit(ip("3.3.3.3")).unwrap_err(), Refusal::Full);
        drop(first);
        admission.admit(ip("1.1.1.1")).unwrap();
        assert_eq!(admission.taken().by_client.len(), 2);
    }

    #[test]
    fn a_refused_client_leaves_no_entry() {
        let admission = admission(10, 0, false);
        assert_eq!(admission.admit(ip("1.1.1.1")).unwrap_err(), Refusal::Client);
        assert!(admission.admit(ip("127.0.0.1")).is_ok());
        assert!(admission.taken().by_client.is_empty());
    }
}
