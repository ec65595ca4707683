//! ECVRF-EDWARDS25519-SHA512-TAI (RFC 9381): prove, verify, hash.
