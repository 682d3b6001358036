//! The open reviews: what the index lists, read one by one, since only a round itself says whether it is still open.

use holdpoint_review::{ReviewId, Round};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{Ledger, ReadError};

/// Rounds read at once: a thousand are read within a few seconds, and S3 is not overrun.
const AT_ONCE: usize = 24;

/// Open reviews, as many as were to be read.
#[derive(Debug, Clone, Default)]
pub struct OpenRounds {
    /// The rounds, in no order.
    pub rounds: Vec<Round>,
    /// Whether there are more than were to be read.
    pub more: bool,
}

impl Ledger {
    /// Reads open reviews, at most so many.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn open_rounds(&self, most: usize) -> Result<OpenRounds, ReadError> {
        self.open_rounds_of(|_| true, most).await
    }

    /// Reads open reviews, at most so many, of those whose dataset and customer are wanted: asked of `dataset/customer`, before
    /// anything is read, and each name may hold slashes.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn open_rounds_of(&self, wanted: impl Fn(&str) -> bool, most: usize) -> Result<OpenRounds, ReadError> {
        let (listed, more) = self.list_open_of(wanted, most).await?;
        let mut waiting = listed.into_iter();
        let (mut reading, mut rounds) = (JoinSet::new(), Vec::new());
        loop {
            for (review, round) in waiting.by_ref().take(AT_ONCE.saturating_sub(reading.len())) {
                let ledger = self.clone();
                reading.spawn(async move { ledger.read(&review, round).await });
            }
            match reading.join_next().await {
                Some(read) => {
                    let read = match read.expect("reading does not panic, and nobody aborts it") {
                        // One document that another version wrote must not hide all the others.
                        Err(error @ ReadError::Foreign { .. }) => {
                            tracing::error!(%error, "an open review cannot be read");
                            continue;
                        }
                        read => read?,
                    };
                    rounds.extend(read.map(|stored| stored.round).filter(Round::is_open));
                }
                None => return Ok(OpenRounds { rounds, more }),
            }
        }
    }

    /// What the index of open reviews lists, at most so much; and whether there is more. A round may be closed all the same:
    /// its entry goes when nothing is left to do.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn list_open(&self, most: usize) -> Result<(Vec<(ReviewId, u32)>, bool), ReadError> {
        self.list_open_of(|_| true, most).await
    }

    async fn list_open_of(
        &self,
        wanted: impl Fn(&str) -> bool,
        most: usize,
    ) -> Result<(Vec<(ReviewId, u32)>, bool), ReadError> {
        let mut pages = self.s3.list_objects_v2().bucket(&self.bucket).prefix("open/").into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| ReadError::Unavailable(error.into()))?;
            let entries = page.contents().iter().filter_map(|object| entry(object.key()?));
            listed.extend(entries.filter(|(names, ..)| wanted(names)).map(|(_, review, round)| (review, round)));
            if listed.len() > most {
                listed.truncate(most);
                return Ok((listed, true));
            }
        }
        Ok((listed, false))
    }

    /// When each entry of the index was made, without reading any round.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn open_since(&self) -> Result<Vec<Timestamp>, ReadError> {
        let mut pages = self.s3.list_objects_v2().bucket(&self.bucket).prefix("open/").into_paginator().send();
        let mut since = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| ReadError::Unavailable(error.into()))?;
            let entered = page.contents().iter().filter_map(|object| object.last_modified());
            since.extend(entered.filter_map(|at| Timestamp::from_second(at.secs()).ok()));
        }
        Ok(since)
    }

    /// Every round that there is.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn list_all(&self) -> Result<Vec<(ReviewId, u32)>, ReadError> {
        let mut pages = self.s3.list_objects_v2().bucket(&self.bucket).prefix("reviews/").into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| ReadError::Unavailable(error.into()))?;
            listed.extend(page.contents().iter().filter_map(|object| round(object.key()?)));
        }
        Ok(listed)
    }
}

fn round(key: &str) -> Option<(ReviewId, u32)> {
    let (review, round) = key.strip_prefix("reviews/")?.strip_suffix(".json")?.split_once('/')?;
    Some((review.parse().ok()?, round.parse().ok()?))
}

/// The names, review and round of an entry: the names may hold slashes.
fn entry(key: &str) -> Option<(&str, ReviewId, u32)> {
    let (names, last) = key.strip_prefix("open/")?.rsplit_once('/')?;
    let (review, round) = last.rsplit_once('-')?;
    Some((names, review.parse().ok()?, round.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

    use super::*;
    use crate::Clients;

    #[test]
    fn an_entry_is_read_whatever_its_names_hold() {
        let review = ReviewId::of("e", "s", "k");
        for names in ["orders/acme", "a/b/c", "-/-1"] {
            assert_eq!(entry(&format!("open/{names}/{review}-2")), Some((names, review.clone(), 2)), "{names}");
        }
        assert_eq!(entry("open/orders/acme/else-2"), None);
    }

    #[tokio::test]
    async fn what_nobody_looks_for_does_not_count_towards_what_is_listed() {
        let double = MockServer::start().await;
        let reviews = ["1", "2", "3"].map(|key| ReviewId::of("e", "s", key));
        let keys = reviews.iter().zip(["orders/acme", "orders/globex", "stock/acme"]);
        let keys: Vec<_> =
            keys.map(|(review, names)| format!("<Contents><Key>open/{names}/{review}-1</Key></Contents>")).collect();
        let body = format!("<ListBucketResult>{}</ListBucketResult>", keys.concat());
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(200).set_body_string(body)).mount(&double).await;
        let ledger = Ledger::new(Clients::of_stand_in(&double.uri(), "test").s3, "bucket");
        let check = async |part: &str, most: usize, expected: &[usize], more: bool| {
            let listed = ledger.list_open_of(|names| names.contains(part), most).await.unwrap();
            let expected = expected.iter().map(|place| (reviews[*place].clone(), 1)).collect::<Vec<_>>();
            assert_eq!(listed, (expected, more), "{part} {most}");
        };
        check("", 2, &[0, 1], true).await;
        check("", 3, &[0, 1, 2], false).await;
        check("acme", 2, &[0, 2], false).await;
        check("stock", 1, &[2], false).await;
    }
}
