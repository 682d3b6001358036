//! Scenarios, told over the wire: all three services against one world each.

mod crash;
mod deadline;
mod decisions;
mod events;
mod faults;
mod history;
mod leaks;
mod machines;
mod parts;
mod pushes;
