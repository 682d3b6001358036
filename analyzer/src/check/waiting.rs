//! A line on the terminal of somebody who waits for longer than a second; nothing where there is no terminal.
//!
//! By hand, since it is one line that is written over: a crate for bars brings more than is used of it.

use std::{
    io::{self, IsTerminal, Write},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use holdpoint_review::evidence::counted;

use super::output::printable;
use crate::progress::Progress;

/// Whoever waits no longer than this needs no bar.
const PATIENCE: Duration = Duration::from_secs(1);
const EVERY: Duration = Duration::from_millis(200);
/// Characters of the bar, and of the name before it: eighty with what else there is.
const WIDTH: usize = 24;
const NAME: usize = 28;

/// Shows how far something is until it is dropped.
#[derive(Debug)]
pub(super) struct Waiting(Option<(Sender<()>, JoinHandle<()>)>);

impl Waiting {
    /// For something by this name, made of such things as `progress` counts.
    pub(super) fn on(name: &str, noun: &'static str, progress: &Progress) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let (name, progress) = (printable(name), progress.clone());
        let (over, is_over) = channel();
        let thread = std::thread::spawn(move || {
            let mut wait = PATIENCE;
            while is_over.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                // Nobody is told less by a bar that cannot be drawn.
                let _ = write!(io::stderr(), "\r\x1b[2K{}", drawn(&name, noun, &progress));
                wait = EVERY;
            }
            if wait == EVERY {
                let _ = write!(io::stderr(), "\r\x1b[2K");
            }
        });
        Self(Some((over, thread)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((over, thread)) = self.0.take() {
            drop(over);
            // It does not panic; if it did, there is nothing left to draw.
            let _ = thread.join();
        }
    }
}

fn drawn(name: &str, noun: &str, progress: &Progress) -> String {
    let surplus = name.chars().count().saturating_sub(NAME);
    let name: String = name.chars().skip(surplus).collect();
    let count = counted(progress.count(), noun);
    let Some(share) = progress.share() else { return format!("{name}  {count}") };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
    let (filled, percent) = ((share * 24.0) as usize, (share * 100.0) as u8);
    format!("{name}  {}{}  {percent:>2} %  {count}", "█".repeat(filled), "░".repeat(WIDTH - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_as_far_as_that_is_known() {
        let progress = Progress::default();
        progress.advance(1_200);
        assert_eq!(drawn("push.parquet", "record", &progress), "push.parquet  1,200 records");
        progress.begin(4_000);
        progress.advance(1_000);
        assert_eq!(drawn("push.csv", "record", &progress), "push.csv  ██████░░░░░░░░░░░░░░░░░░  25 %  1,000 records");
        progress.advance(9_000);
        let line = drawn("a/folder/with/a/name/longer/than/the/line.csv", "record", &progress);
        assert_eq!(line, "ame/longer/than/the/line.csv  ███████████████████████░  99 %  10,000 records");
    }
}
