//! The rules that owners declare, one document per dataset, read again when it or one of its lists changed.
//!
//! A bad new document keeps the rules before and says so, like routes. A bad first one fails the push, which comes again and is
//! held in the end: rules that an owner wrote must not be left out in silence. So a document that vanishes does not take its
//! rules along either; an empty one does.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr, time::Duration};

use holdpoint_platform::{Document, DocumentError, Edition};
use tokio::{sync::Mutex, time::Instant};
use tracing::{error, info};

use crate::Declared;

/// A changed document counts after so long at most.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// Stands for the dataset.
const DATASET: &str = "{dataset}";

/// Where the rules are: a path or `s3://bucket/key`, in which `{dataset}` stands for the dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RulesPlace(String);

impl FromStr for RulesPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Document>().map(|_| Self(text.to_owned()))
    }
}

impl RulesPlace {
    fn document(&self, dataset: &str) -> Document {
        self.0.replace(DATASET, dataset).parse().expect("it was one with {dataset} in it")
    }
}

/// Why a dataset has no rules to be judged by.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RulesError {
    #[error("{0}")]
    Unreadable(Document, #[source] DocumentError),
    #[error("{0}: {1}")]
    Words(Document, String),
}

/// The rules as they are now.
#[derive(Debug)]
pub(crate) struct RuleBook {
    place: Option<RulesPlace>,
    s3: aws_sdk_s3::Client,
    check_every: Duration,
    /// Guards the rules in use, by dataset, so that one push at a time reads them again.
    open: Mutex<BTreeMap<String, Page>>,
}

#[derive(Debug)]
struct Page {
    declared: Declared,
    known: Known,
    /// Whether the last reading broke off, so that what changed before is not in the rules yet.
    broke_off: bool,
    checked: Instant,
}

/// The documents that rules are made of, as they were last read.
type Known = BTreeMap<Document, (Edition, String)>;

impl RuleBook {
    pub(crate) fn new(place: Option<RulesPlace>, s3: aws_sdk_s3::Client) -> Self {
        Self { place, s3, check_every: CHECK_EVERY, open: Mutex::new(BTreeMap::new()) }
    }

    /// Reads the rules that are of every dataset, so that a service does not start with bad ones.
    pub(crate) async fn try_out(&self) -> Result<(), RulesError> {
        match &self.place {
            Some(place) if !place.0.contains(DATASET) => self.of("").await.map(drop),
            _ => Ok(()),
        }
    }

    /// A dataset's rules, read again if they changed.
    pub(crate) async fn of(&self, dataset: &str) -> Result<Declared, RulesError> {
        let Some(place) = self.place.as_ref().filter(|_| ![".", ".."].contains(&dataset)) else {
            return Ok(Declared::default());
        };
        let mut open = self.open.lock().await;
        let document = place.document(dataset);
        let Some(page) = open.get_mut(dataset) else {
            let mut known = Known::new();
            let may_be_missing = place.0.contains(DATASET);
            let declared = match self.read(&document, &mut known, true).await {
                Err(RulesError::Unreadable(_, DocumentError::Missing)) if may_be_missing && known.is_empty() => {
                    Declared::default()
                }
                read => read?.unwrap_or_default(),
            };
            let page = Page { declared: declared.clone(), known, broke_off: false, checked: Instant::now() };
            open.insert(dataset.to_owned(), page);
            return Ok(declared);
        };
        if page.checked.elapsed() >= self.check_every {
            page.checked = Instant::now();
            self.turn(&document, page).await;
        }
        Ok(page.declared.clone())
    }

    async fn turn(&self, document: &Document, page: &mut Page) {
        let was_there = !page.known.is_empty();
        let read = self.read(document, &mut page.known, page.broke_off).await;
        page.broke_off = matches!(read, Err(RulesError::Unreadable(..)));
        match read {
            Ok(None) => {}
            Ok(Some(declared)) => {
                page.declared = declared;
                info!(rules = %document, "the rules changed");
            }
            Err(RulesError::Unreadable(_, DocumentError::Missing)) if !was_there => {}
            Err(error) => {
                error!(rules = %document, error = &error as &dyn std::error::Error, "the rules cannot be used; the ones before stay");
            }
        }
    }

    /// The rules and their lists; none where all of them are as they were, unless they are wanted anyway.
    async fn read(&self, document: &Document, known: &mut Known, anyway: bool) -> Result<Option<Declared>, RulesError> {
        let mut changed = anyway | self.look(document, known).await?;
        let words = |why| RulesError::Words(document.clone(), why);
        let mut declared = Declared::parse(&known[document].1).map_err(words)?;
        let lists: Vec<(PathBuf, Document)> =
            declared.lists().into_iter().map(|list| (list.clone(), document.beside(&list))).collect();
        for (_, list) in &lists {
            changed |= self.look(list, known).await?;
        }
        for (name, list) in &lists {
            declared.fill(name, &known[list].1);
        }
        Ok(Some(declared).filter(|_| changed))
    }

    /// Whether a document changed. What it says counts as known even when it is bad, so that it is said once.
    async fn look(&self, document: &Document, known: &mut Known) -> Result<bool, RulesError> {
        let edition = known.get(document).map(|(edition, _)| edition);
        let read = document.read(&self.s3, edition).await;
        match read.map_err(|error| RulesError::Unreadable(document.clone(), error))? {
            Some(text) => {
                known.insert(document.clone(), text);
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_platform::Clients;

    use super::*;

    struct Desk {
        folder: tempfile::TempDir,
        book: RuleBook,
    }

    impl Desk {
        fn with(place: &str, files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().join(place).display().to_string().parse().unwrap();
            let mut book = RuleBook::new(Some(place), Clients::of_stand_in("http://127.0.0.1:9", "analyzer").s3);
            book.check_every = Duration::ZERO;
            let desk = Self { folder, book };
            for (name, text) in files {
                desk.write(name, text);
            }
            desk
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }

        async fn rules(&self, dataset: &str) -> usize {
            self.book.of(dataset).await.unwrap().rules().len()
        }
    }

    #[tokio::test]
    async fn each_dataset_has_its_own_rules_or_none() {
        let desk = Desk::with("{dataset}.toml", &[("orders.toml", "[column.id]\nrequired = true\nunique = true\n")]);
        assert_eq!((desk.rules("orders").await, desk.rules("stock").await, desk.rules("..").await), (2, 0, 0));
        desk.write("stock.toml", "[column.id]\nrequired = true\n");
        assert_eq!(desk.rules("stock").await, 1, "rules that come later count");
    }

    #[tokio::test]
    async fn a_bad_new_document_or_none_keeps_the_rules_before_and_a_good_one_counts() {
        let desk = Desk::with("rules.toml", &[("rules.toml", "[column.id]\nrequired = true\n")]);
        assert_eq!(desk.rules("orders").await, 1);
        desk.write("rules.toml", "[column.id]\nrequird = true\n");
        assert_eq!(desk.rules("orders").await, 1, "bad");
        std::fs::remove_file(desk.folder.path().join("rules.toml")).unwrap();
        assert_eq!(desk.rules("orders").await, 1, "gone");
        desk.write("rules.toml", "");
        assert_eq!(desk.rules("orders").await, 0, "empty");
    }

    #[tokio::test]
    async fn a_list_is_read_again_when_it_changes_and_missed_when_it_is_gone() {
        let rules = "[column.currency]\nlist = \"currencies.txt\"\n";
        let desk = Desk::with("rules.toml", &[("rules.toml", rules), ("currencies.txt", "EUR\n")]);
        let known = async || format!("{:?}", desk.book.of("orders").await.unwrap().rules());
        assert!(known().await.contains("EUR"));
        desk.write("currencies.txt", "EUR\nUSD\n");
        assert!(known().await.contains("USD"));
        std::fs::remove_file(desk.folder.path().join("currencies.txt")).unwrap();
        desk.write("rules.toml", &format!("{rules}required = true\n"));
        assert_eq!(desk.rules("orders").await, 1, "half of the change is none of it");
        desk.write("currencies.txt", "EUR\nUSD\n");
        assert_eq!(desk.rules("orders").await, 2);
    }

    #[tokio::test]
    async fn bad_rules_at_first_are_an_error_that_names_the_line() {
        let desk = Desk::with("rules.toml", &[("rules.toml", "[column.id]\nrequird = true\n")]);
        let error = desk.book.try_out().await.unwrap_err().to_string();
        assert!(error.contains("rules.toml: line 2: unknown field `requird`"), "{error}");
        let nothing = Desk::with("rules.toml", &[]);
        assert!(nothing.book.try_out().await.unwrap_err().to_string().ends_with("rules.toml"));
    }
}
