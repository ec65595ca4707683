//! Every precompile against the library that does the same, and all of them against wrong input.

mod against_libraries;
mod beacons;
mod computing;
mod malformed;
mod shapes;
mod support;
