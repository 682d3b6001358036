//! The world that the scenarios are told in: the stand-in for AWS, the catchers, and the three services, each of which can be
//! killed and started again.
//!
//! A service runs on a thread and a runtime of its own, so that killing it drops everything it had in hand, as a crash does.

pub mod browser;
mod elsewhere;
mod ended;
mod roles;
mod service;
mod template;
mod world;

pub use elsewhere::lacks;
pub use ended::{Ended, eventually};
pub use roles::Grant;
pub use service::{Log, Service, on_own_thread};
pub use world::{Held, Options, World, is_settled, link_in, link_in_message, several_customers, shown};
