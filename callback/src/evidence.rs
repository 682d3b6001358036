//! The evidence that a request names, read from S3 within bounds.
//!
//! `report.json` counts only if its bytes have the hash that the request names: what was approved is what goes on.
//! `page.json` is an extra; whatever is wrong with it, the report alone is shown. Nothing here can stop a page.

use std::{error::Error, time::Duration};

use aws_sdk_s3::{Client, error::DisplayErrorContext, presigning::PresigningConfig};
use holdpoint_review::{ContentHash, Evidence, PageData, Report, ReviewRequest};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tracing::warn;

use crate::app::App;

/// Bytes of one document that are kept to be shown.
const SHOWN_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of a report that are hashed; what is larger was not written by us.
const HASHED_BYTES: usize = 64 * 1024 * 1024;

/// Time to read both documents. The page is shown without them rather than late.
const PATIENCE: Duration = Duration::from_secs(10);

/// A fresh link to the flagged rows works so long.
const DOWNLOAD_LIFE: Duration = Duration::from_mins(5);

/// Our own bucket also holds the ledger, with its secrets: of it, only what lies here is evidence.
const OUR_EVIDENCE: &str = "reports/";

/// What there is to see.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen {
    /// The request names no evidence: it speaks for itself.
    None,
    /// The report, as it was when the request was made.
    Report(Box<Report>, PageData),
    /// It cannot be read now, is gone, or is larger than a page can show; the request's own findings are all there is.
    Unreadable,
    /// The report is not the one that the request speaks of.
    Changed,
}

/// Reads what a page shows.
pub(crate) async fn look(app: &App, request: &ReviewRequest) -> Seen {
    let Some(evidence) = &request.evidence else { return Seen::None };
    if !is_evidence(app, evidence, &evidence.report) {
        return Seen::Unreadable;
    }
    let page = async {
        let page = if is_evidence(app, evidence, &evidence.page) { Some(&evidence.page) } else { None };
        read(&app.s3, &evidence.bucket, page?, SHOWN_BYTES).await?.parse::<PageData>("page.json")
    };
    let both = async { tokio::join!(read_report(app, evidence), page) };
    match tokio::time::timeout(PATIENCE, both).await {
        Ok((Some(report), _)) if report.hash != evidence.report_hash => Seen::Changed,
        Ok((Some(report), page)) => match report.parse::<Report>("report.json") {
            Some(report) => Seen::Report(Box::new(report), page.unwrap_or_default()),
            None => Seen::Unreadable,
        },
        Ok((None, _)) | Err(_) => Seen::Unreadable,
    }
}

/// Whether the report is surely another one than the request speaks of: then nothing may be decided.
///
/// A report that cannot be read is no such proof: the reviewer has seen the request, and the decision names its hash.
pub(crate) async fn is_changed(app: &App, request: &ReviewRequest) -> bool {
    let Some(evidence) = &request.evidence else { return false };
    let report = tokio::time::timeout(PATIENCE, read_report(app, evidence)).await;
    report.ok().flatten().is_some_and(|report| report.hash != evidence.report_hash)
}

/// A fresh address of the flagged rows, as an attachment; none where there are none.
pub(crate) async fn flagged_url(app: &App, request: &ReviewRequest) -> Option<String> {
    let evidence = request.evidence.as_ref().filter(|evidence| is_evidence(app, evidence, &evidence.flagged))?;
    let name: String = request.key.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    let get = app.s3.get_object().bucket(&evidence.bucket).key(&evidence.flagged);
    let get = get.response_content_disposition(format!("attachment; filename=\"flagged-{name}.csv\""));
    let get = get.response_content_type("text/csv; charset=utf-8");
    let life = PresigningConfig::expires_in(DOWNLOAD_LIFE).expect("five minutes are less than a week");
    match get.presigned(life).await {
        Ok(signed) => Some(signed.uri().to_owned()),
        Err(error) => {
            warn!(error = %DisplayErrorContext(error), "the flagged rows' address could not be signed");
            None
        }
    }
}

fn is_evidence(app: &App, evidence: &Evidence, key: &str) -> bool {
    evidence.bucket != app.config.common.bucket || key.starts_with(OUR_EVIDENCE)
}

/// What was read of an object: the hash of all of it, and its bytes where they are few enough.
struct Content {
    hash: ContentHash,
    bytes: Option<Vec<u8>>,
}

impl Content {
    fn parse<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let Some(bytes) = &self.bytes else {
            warn!("{name} is too large to be shown");
            return None;
        };
        let parsed = serde_json::from_slice(bytes);
        // Not the parser's own text: it may repeat a value.
        let unknown = |error: serde_json::Error| {
            warn!(json.line = error.line(), json.column = error.column(), "{name} is not what this version knows");
        };
        parsed.map_err(unknown).ok()
    }
}

async fn read_report(app: &App, evidence: &Evidence) -> Option<Content> {
    if !is_evidence(app, evidence, &evidence.report) {
        return None;
    }
    read(&app.s3, &evidence.bucket, &evidence.report, HASHED_BYTES).await
}

/// Reads an object piece by piece, up to a limit; beyond it, what was read so far counts, with a hash that fits nothing.
async fn read(s3: &Client, bucket: &str, key: &str, limit: usize) -> Option<Content> {
    let reply = Box::pin(s3.get_object().bucket(bucket).key(key).send()).await;
    let reply = reply.map_err(|error| warn!(error = %DisplayErrorContext(error), "evidence cannot be read"));
    let mut body = reply.ok()?.body;
    let (mut hasher, mut bytes, mut length) = (Sha256::new(), Vec::new(), 0);
    loop {
        match body.try_next().await {
            Ok(Some(piece)) => {
                hasher.update(&piece);
                length += piece.len();
                if length <= SHOWN_BYTES {
                    bytes.extend_from_slice(&piece);
                }
                if length > limit {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                warn!(error = &error as &dyn Error, "evidence breaks off");
                return None;
            }
        }
    }
    let bytes = (length <= SHOWN_BYTES).then_some(bytes);
    Some(Content { hash: ContentHash::of_sha256(hasher.finalize().into()), bytes })
}
