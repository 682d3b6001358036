//! Deletes what is kept of a customer: baselines, parts, reports.
//!
//! Every version of them, since the bucket keeps versions. Reports lie by push, so each one is read to learn whose it is: slow,
//! and rare. What the customer delivered is not ours to delete; the ledger says who decided what and goes by its own lifecycle;
//! whoever has yet to decide a review of theirs sees the request without its evidence.

use holdpoint_platform::Clients;
use holdpoint_review::baseline_prefix;
use serde::Deserialize;
use tracing::info;

use super::{Config, LearnError, owner::parts_prefix, store::Store};

const REPORTS: &str = "reports/";

/// All that must be known of a report to forget it, whatever version wrote it.
#[derive(Deserialize)]
struct Whose {
    dataset: String,
    customer: String,
}

/// Deletes all that is kept of one customer of a dataset; how many objects there were. Again does no harm.
///
/// # Errors
/// S3 did not answer, or refused: some of it may be deleted; try again.
pub async fn forget(config: &Config, clients: &Clients, dataset: &str, customer: &str) -> Result<usize, LearnError> {
    let store = Store { s3: clients.s3.clone(), bucket: config.bucket.clone() };
    let mut erased = store.erase(&baseline_prefix(dataset, customer)).await?;
    erased += store.erase(&parts_prefix(dataset, customer)).await?;
    for (key, _) in store.list(REPORTS).await? {
        let Some(folder) = key.strip_suffix("report.json") else { continue };
        let Some(bytes) = store.read(&key).await? else { continue };
        let whose = serde_json::from_slice::<Whose>(&bytes).ok();
        if whose.is_some_and(|whose| whose.dataset == dataset && whose.customer == customer) {
            // The report last: it is how the others are found again.
            for name in ["flagged.csv", "page.json", "profile.json", "report.json"] {
                erased += store.erase(&format!("{folder}{name}")).await?;
            }
        }
    }
    info!(erased, "a customer was forgotten");
    Ok(erased)
}
