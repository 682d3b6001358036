//! Who reviews what: the routes file, on disk or in S3, read again when it changed.
//!
//! A bad file at start ends the worker, since it could ask nobody. A bad file later keeps the one before and says so:
//! a typing error must not stop reviews that went well a minute ago. Checked when a task needs a route, at most every few
//! seconds; there is no watcher.

use std::{
    path::PathBuf,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use holdpoint_platform::Clients;
use holdpoint_review::{BadRoutes, Routes};
use tokio::{sync::Mutex, time::Instant};
use tracing::{error, info};

use self::reach::Reach;

pub(crate) mod reach;

/// A changed file counts after so long at most; a push of a thousand files reads it once.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// Where the routes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RoutesSource {
    File(PathBuf),
    S3 { bucket: String, key: String },
}

impl FromStr for RoutesSource {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(place) = text.strip_prefix("s3://") else { return Ok(Self::File(text.into())) };
        match place.split_once('/') {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Self::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
            }
            _ => Err("write a path, or s3://bucket/key"),
        }
    }
}

impl std::fmt::Display for RoutesSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
        }
    }
}

/// Why routes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RoutesError {
    /// The file or object is not there, or may not be read.
    #[error("cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It says something that no route can be.
    #[error(transparent)]
    Bad(#[from] BadRoutes),
    /// It names a channel that this worker has no way to.
    #[error("{0}")]
    OutOfReach(String),
}

/// The routes as they are now.
pub(crate) struct RouteBook {
    source: RoutesSource,
    clients: Clients,
    reach: Reach,
    check_every: Duration,
    /// Guards the routes that are in use with what is known of their file, so that one task at a time reads it again.
    open: Mutex<Page>,
}

struct Page {
    routes: Arc<Routes>,
    version: Version,
    checked: Instant,
}

/// What tells one state of the file from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Version {
    File { modified: Option<SystemTime>, size_bytes: u64 },
    Object { etag: String },
}

impl RouteBook {
    /// Reads the routes for the first time.
    ///
    /// # Errors
    /// [`RoutesError`]: end, and say what to mend.
    pub(crate) async fn open(source: RoutesSource, clients: Clients, reach: Reach) -> Result<Self, RoutesError> {
        let (version, text) = read(&source, &clients, None).await?.expect("what was never read has changed");
        let page = Page { routes: Arc::new(parse(&text, &reach)?), version, checked: Instant::now() };
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
        let Some((version, text)) = read(&self.source, &self.clients, Some(&page.version)).await? else {
            return Ok(());
        };
        // Also when it is bad, so that it is said once and not every few seconds.
        page.version = version;
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

/// The file's text and version; none where it is still the known one.
async fn read(
    source: &RoutesSource,
    clients: &Clients,
    known: Option<&Version>,
) -> Result<Option<(Version, String)>, RoutesError> {
    match source {
        RoutesSource::File(path) => read_file(path, known).map_err(|error| RoutesError::Unreadable(error.into())),
        RoutesSource::S3 { bucket, key } => read_object(bucket, key, clients, known).await,
    }
}

fn read_file(path: &PathBuf, known: Option<&Version>) -> std::io::Result<Option<(Version, String)>> {
    let metadata = std::fs::metadata(path)?;
    let version = Version::File { modified: metadata.modified().ok(), size_bytes: metadata.len() };
    if known == Some(&version) {
        return Ok(None);
    }
    Ok(Some((version, std::fs::read_to_string(path)?)))
}

async fn read_object(
    bucket: &str,
    key: &str,
    clients: &Clients,
    known: Option<&Version>,
) -> Result<Option<(Version, String)>, RoutesError> {
    let mut get = clients.s3.get_object().bucket(bucket).key(key);
    if let Some(Version::Object { etag }) = known {
        get = get.if_none_match(etag);
    }
    let object = match get.send().await {
        Ok(object) => object,
        Err(error) if error.raw_response().is_some_and(|reply| reply.status().as_u16() == 304) => return Ok(None),
        Err(error) => return Err(RoutesError::Unreadable(error.into())),
    };
    let version = Version::Object { etag: object.e_tag().unwrap_or_default().to_owned() };
    let bytes = object.body.collect().await.map_err(|error| RoutesError::Unreadable(error.into()))?;
    let text = String::from_utf8(bytes.into_bytes().into()).map_err(|error| RoutesError::Unreadable(error.into()))?;
    Ok(Some((version, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book_of(path: &std::path::Path) -> impl Future<Output = Result<RouteBook, RoutesError>> {
        let reach = Reach { slack_bot: true, webhooks: crate::config::Webhooks::default(), mail: false };
        let nowhere = Clients::of_stand_in("http://127.0.0.1:9", "worker");
        RouteBook::open(RoutesSource::File(path.to_owned()), nowhere, reach)
    }

    #[test]
    fn routes_are_a_path_or_an_object() {
        assert_eq!("conf/routes.toml".parse(), Ok(RoutesSource::File("conf/routes.toml".into())));
        let object = RoutesSource::S3 { bucket: "b".into(), key: "c/r.toml".into() };
        assert_eq!("s3://b/c/r.toml".parse(), Ok(object.clone()));
        assert_eq!(object.to_string(), "s3://b/c/r.toml");
        for bad in ["s3://b", "s3:///r.toml", "s3://b/"] {
            assert!(bad.parse::<RoutesSource>().is_err(), "{bad}");
        }
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
