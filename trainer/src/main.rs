//! `ncsn-trainer`
fn main() {}
