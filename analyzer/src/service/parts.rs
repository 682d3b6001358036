//! A push of several customers: each one's records become an object under `parts/` and a push of their own.
//!
//! Runs again from the start after a crash. A part's key derives from the push and its content from the push's bytes, and it is
//! written once, so that a second run finds the same object versions and announces them again; a push that is announced twice
//! is dealt with once. All parts are stored before the first is announced: what could not be taken apart is held as a whole,
//! and nothing of it should be on its way already. The push itself has no report, no execution and no tag.

use std::{path::Path, time::Duration};

use holdpoint_review::ObjectVersion;

use super::{
    event,
    owner::part_key,
    push::{PushError, Pushes},
};
use crate::read::{NotSplit, Unreadable, split};

impl Pushes {
    /// Stores and announces each customer's part of the push in `folder`; how many there are, or why it stays whole.
    pub(super) async fn take_apart(
        &self,
        version: &ObjectVersion,
        dataset: &str,
        column: &str,
        folder: &Path,
    ) -> Result<Result<usize, String>, PushError> {
        let into = folder.join("parts");
        std::fs::create_dir(&into)?;
        let (file, name, column) = (folder.join("push"), version.key.clone(), column.to_owned());
        let split = tokio::task::spawn_blocking(move || split(&file, Path::new(&name), &column, &into));
        let parts = match split.await? {
            Ok(parts) => parts,
            Err(NotSplit::Unreadable(Unreadable::Io(error))) => return Err(error.into()),
            Err(not_split) => return Ok(Err(not_split.to_string())),
        };
        let mut stored = Vec::new();
        for part in parts {
            let key = part_key(dataset, part.customer.as_deref(), &version.push_id(), &version.key);
            stored.push(self.store.write_part_once(&key, &part.file, version).await?);
        }
        for part in &stored {
            self.queue.send(&event::about(part), Duration::ZERO).await?;
        }
        Ok(Ok(stored.len()))
    }
}
