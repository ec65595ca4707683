// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// Where the precompiles stand.
library Precompiles {
    address internal constant BLAKE3 = 0x00000000000000000000000000000002B4030001;
    address internal constant ED25519 = 0x00000000000000000000000000000002B4030002;
    address internal constant BEACON = 0x00000000000000000000000000000002b4030004;
    address internal constant COMPUTE_VERIFY = 0x00000000000000000000000000000002B4030005;
}
