//! The ledger: one JSON document per round in S3, written only by compare-and-swap, and an index of the open ones. What a newer
//! version wrote into a document, and this one does not know, stays in it.

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{get_object::GetObjectError, put_object::PutObjectError},
    primitives::ByteStream,
};
use holdpoint_review::{ReviewId, Round};

mod open;
mod written;

pub use self::open::OpenRounds;
use self::written::{Written, to_bytes};

/// Where rounds are kept.
#[derive(Debug, Clone)]
pub struct Ledger {
    s3: Client,
    bucket: String,
}

/// A round as it was read or written, with what a compare-and-swap needs.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The round.
    pub round: Round,
    etag: String,
    written: Written,
}

/// The ledger cannot be read now, or holds what is no round.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// S3 did not answer, or refused: try again.
    #[error("the ledger cannot be read")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A person must look: somebody else wrote there, or a newer version of the program.
    #[error("the ledger's document {key} is no round that this version knows")]
    Foreign {
        /// Its key.
        key: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
}

/// A write that did not surely happen.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another write came first: read again.
    #[error("the round was changed by another write")]
    Refused,
    /// No answer: the write may have happened; read again.
    #[error("the ledger cannot be written")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Ledger {
    /// The ledger in this bucket, under `reviews/` and `open/`.
    pub fn new(s3: Client, bucket: impl Into<String>) -> Self {
        Self { s3, bucket: bucket.into() }
    }

    /// One round; none where it was never opened.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn read(&self, review: &ReviewId, round: u32) -> Result<Option<Stored>, ReadError> {
        let key = round_key(review, round);
        let object = match self.s3.get_object().bucket(&self.bucket).key(&key).send().await {
            Ok(object) => object,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(ReadError::Unavailable(error.into())),
        };
        let etag = object.e_tag().unwrap_or_default().to_owned();
        let bytes = object.body.collect().await.map_err(|error| ReadError::Unavailable(error.into()))?;
        let bytes = bytes.into_bytes();
        let round = serde_json::from_slice(&bytes).map_err(|source| ReadError::Foreign { key, source })?;
        Ok(Some(Stored { round, etag, written: Written::from(&bytes[..]) }))
    }

    /// The newest round of a review; none where there is none.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn latest(&self, review: &ReviewId) -> Result<Option<Stored>, ReadError> {
        match self.newest_number(review).await? {
            Some(number) => self.read(review, number).await,
            None => Ok(None),
        }
    }

    /// Whether there is a round after this one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn has_later(&self, round: &Round) -> Result<bool, ReadError> {
        Ok(self.newest_number(&round.review_id).await?.is_some_and(|newest| newest > round.round))
    }

    async fn newest_number(&self, review: &ReviewId) -> Result<Option<u32>, ReadError> {
        let prefix = format!("reviews/{review}/");
        // A review has a handful of rounds; one page holds a thousand.
        let listed = self.s3.list_objects_v2().bucket(&self.bucket).prefix(&prefix).send().await;
        let listed = listed.map_err(|error| ReadError::Unavailable(error.into()))?;
        let number = |key: &str| key.strip_prefix(&prefix)?.strip_suffix(".json")?.parse().ok();
        Ok(listed.contents().iter().filter_map(|object| number(object.key()?)).max())
    }

    /// Writes a round that must not exist yet.
    ///
    /// # Errors
    /// [`WriteError`]; either way, read again.
    pub async fn create(&self, round: Round) -> Result<Stored, WriteError> {
        let bytes = to_bytes(&round);
        self.put(round, bytes, None).await
    }

    /// Writes a round over the one that was read.
    ///
    /// # Errors
    /// [`WriteError`]; either way, read again.
    pub async fn replace(&self, read: &Stored, round: Round) -> Result<Stored, WriteError> {
        let bytes = read.written.followed_by(&read.round, &round);
        self.put(round, bytes, Some(&read.etag)).await
    }

    async fn put(&self, round: Round, bytes: Vec<u8>, over: Option<&str>) -> Result<Stored, WriteError> {
        let written = Written::from(&bytes[..]);
        let put = self.s3.put_object().bucket(&self.bucket).key(round_key(&round.review_id, round.round));
        let put = put.content_type("application/json").body(ByteStream::from(bytes));
        let put = match over {
            Some(etag) => put.if_match(etag),
            None => put.if_none_match("*"),
        };
        match put.send().await {
            Ok(reply) => Ok(Stored { round, etag: reply.e_tag().unwrap_or_default().to_owned(), written }),
            Err(error) if is_refused(&error) => Err(WriteError::Refused),
            Err(error) => Err(WriteError::Unknown(error.into())),
        }
    }

    /// Enters a round into the index of open reviews; done before the round is written, so that none is missing. An entry that
    /// is there stays, with its time, which says since when the review is open.
    ///
    /// # Errors
    /// [`WriteError::Unknown`].
    pub async fn enter_index(&self, round: &Round) -> Result<(), WriteError> {
        let put = self.s3.put_object().bucket(&self.bucket).key(index_key(round)).body(ByteStream::default());
        match put.if_none_match("*").send().await {
            Err(error) if !is_refused(&error) => Err(WriteError::Unknown(error.into())),
            _ => Ok(()),
        }
    }

    /// Takes a round from the index of open reviews; nothing happens where it is not in it.
    ///
    /// # Errors
    /// [`WriteError::Unknown`].
    pub async fn leave_index(&self, round: &Round) -> Result<(), WriteError> {
        let delete = self.s3.delete_object().bucket(&self.bucket).key(index_key(round));
        delete.send().await.map_err(|error| WriteError::Unknown(error.into()))?;
        Ok(())
    }
}

fn round_key(review: &ReviewId, round: u32) -> String {
    format!("reviews/{review}/{round}.json")
}

/// With the round's number, so that a late farewell of one round does not take the next one's entry along.
fn index_key(round: &Round) -> String {
    format!("open/{}/{}/{}-{}", round.request.dataset, round.request.customer, round.review_id, round.round)
}

fn is_missing(error: &SdkError<GetObjectError>) -> bool {
    error.as_service_error().is_some_and(GetObjectError::is_no_such_key)
}

/// 412: the condition does not hold. 409: another conditional write is under way. 404: the round to be replaced is gone.
fn is_refused(error: &SdkError<PutObjectError>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    matches!(code, Some("PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey"))
}
