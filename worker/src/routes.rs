//! Who reviews what: the routes file, on disk or in S3, read again when it changed.
//!
//! A bad file at start ends the worker, since it could ask nobody. A bad file later keeps the one before and says so:
//! a typing error must not stop reviews that went well a minute ago. Checked when a task needs a route, at most every few
//! seconds; there is no watcher.

use std::{sync::Arc, time::Duration};

use holdpoint_platform::{Clients, Document, DocumentError, Edition};
use holdpoint_review::{BadRoutes, Routes};
use tokio::{sync::Mutex, time::Instant};
use tracing::{error, info};

use self::reach::Reach;

pub(crate) mod reach;

/// A changed file counts after so long at most; a push of a thousand files reads it once.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// Why routes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RoutesError {
    /// The file or object is not there, or may not be read.
    #[error(transparent)]
    Unreadable(#[from] DocumentError),
    /// It says something that no route can be.
    #[error(transparent)]
    Bad(#[from] BadRoutes),
    /// It is for another environment, or names somebody whom this worker has no way to.
    #[error("{0}")]
    OutOfReach(String),
}

/// The routes as they are now.
pub(crate) struct RouteBook {
    source: Document,
    clients: Clients,
    reach: Reach,
    check_every: Duration,
    /// Guards the routes that are in use with what is known of their file, so that one task at a time reads it again.
    open: Mutex<Page>,
}

struct Page {
    routes: Arc<Routes>,
    edition: Edition,
    checked: Instant,
}

impl RouteBook {
    /// Reads the routes for the first time.
    ///
    /// # Errors
    /// [`RoutesError`]: end, and say what to mend.
    pub(crate) async fn open(source: Document, clients: Clients, reach: Reach) -> Result<Self, RoutesError> {
        let (edition, text) = source.read(&clients.s3, None).await?.expect("what was never read has changed");
        let page = Page { routes: Arc::new(parse(&text, &reach)?), edition, checked: Instant::now() };
        Ok(Self { source, clients, reach, check_every: CHECK_EVERY, open: Mutex::new(page) })
    }

    /// The routes, read again if they changed.
    pub(crate) async fn current(&self) -> Arc<Routes> {
        let mut page = self.open.lock().await;
        if page.checked.elapsed() >= self.check_every {
            page.checked = Instant::now();
            if let Err(error) = self.turn(&mut page).await {
                error!(routes = %self.source, error = &error as &dyn std::error::Error, "the routes cannot be used; the ones before stay");
            }
        }
        page.routes.clone()
    }

    async fn turn(&self, page: &mut Page) -> Result<(), RoutesError> {
        let Some((edition, text)) = self.source.read(&self.clients.s3, Some(&page.edition)).await? else {
            return Ok(());
        };
        // Also when it is bad, so that it is said once and not every few seconds.
        page.edition = edition;
        page.routes = Arc::new(parse(&text, &self.reach)?);
        info!(routes = %self.source, "the routes changed");
        Ok(())
    }
}

fn parse(text: &str, reach: &Reach) -> Result<Routes, RoutesError> {
    let routes = Routes::parse(text)?;
    reach.check(&routes).map_err(RoutesError::OutOfReach)?;
    Ok(routes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book_of(path: &std::path::Path) -> impl Future<Output = Result<RouteBook, RoutesError>> {
        let reach = Reach {
            environment: "test".into(),
            slack_bot: true,
            webhooks: crate::config::Webhooks::default(),
            mail: false,
        };
        let nowhere = Clients::of_stand_in("http://127.0.0.1:9", "worker");
        RouteBook::open(Document::File(path.to_owned()), nowhere, reach)
    }

    #[tokio::test]
    async fn a_bad_file_at_start_is_fatal() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[[route]]\nslak = []").unwrap();
        assert!(matches!(book_of(file.path()).await, Err(RoutesError::Bad(_))));
        std::fs::write(file.path(), "[[reviewer]]\nname='d'\nmail='d@e'\n[[route]]\nreviewers=['d']").unwrap();
        assert!(matches!(book_of(file.path()).await, Err(RoutesError::OutOfReach(_))));
    }

    #[tokio::test]
    async fn a_bad_new_file_keeps_the_old_one_and_a_good_one_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "[[route]]\nslack = ['C1']").unwrap();
        let mut book = book_of(file.path()).await.unwrap_or_else(|error| panic!("{error}"));
        let first = book.current().await;

        std::fs::write(file.path(), "[[route]]\nslak = ['C2-longer']").unwrap();
        assert_eq!(book.current().await, first, "not looked at within five seconds");
        book.check_every = Duration::ZERO;
        assert_eq!(book.current().await, first, "bad");

        std::fs::write(file.path(), "[[route]]\nslack = ['C2-longer-still']").unwrap();
        assert_ne!(book.current().await, first);
    }
}
