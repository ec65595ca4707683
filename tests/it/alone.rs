//! Networks of processes whose pace is looked at. `scripts/test` runs these one at a time and beside
//! nothing else; on two cores, a dozen nodes and a compiler or a browser's library in another test
//! would measure each other.

mod audit;
mod change;
mod compute;
mod faults;
mod observed;
mod partition;
