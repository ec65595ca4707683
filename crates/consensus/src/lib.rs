//! PoA/VRF Byzantine-fault-tolerant consensus over Malachite's core: a pure machine, input in,
//! effects out.
