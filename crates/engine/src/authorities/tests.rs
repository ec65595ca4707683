//! The registry contract, run in the EVM; a failing random test prints its seed and shortest case.

mod attacks;
mod interface;
mod model;
mod reading;
mod rules;
mod support;
