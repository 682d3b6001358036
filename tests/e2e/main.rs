//! Scenarios, told over the wire: all three services against one world each.

#[macro_use]
extern crate holdpoint_e2e;

mod announced;
mod browser;
mod bursts;
mod changes;
mod crash;
mod deadline;
mod decisions;
mod ends;
mod events;
mod faults;
mod history;
mod hostile;
mod leaks;
mod machines;
mod manifest;
mod measured;
mod operators;
mod parts;
mod pushes;
mod requests;
mod rights;
