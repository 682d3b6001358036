//! Listings: keys, versions, common prefixes, a page at a time.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::answer::Answer;
use super::bucket::Version;
use super::request::S3Request;
use super::{S3, timestamp};
use crate::aws::ServiceError;

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListBucketResult {
    name: String,
    prefix: String,
    max_keys: usize,
    key_count: usize,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_continuation_token: Option<String>,
    contents: Vec<Listed>,
    common_prefixes: Vec<CommonPrefix>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListVersionsResult {
    name: String,
    prefix: String,
    max_keys: usize,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_key_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_version_id_marker: Option<String>,
    #[serde(rename = "Version")]
    versions: Vec<Listed>,
    #[serde(rename = "DeleteMarker")]
    delete_markers: Vec<Listed>,
    common_prefixes: Vec<CommonPrefix>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_latest: Option<bool>,
    last_modified: String,
    #[serde(rename = "ETag", skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CommonPrefix {
    prefix: String,
}

/// What one page holds of something listed by key.
#[derive(Debug, PartialEq, Eq)]
struct Page<T> {
    items: Vec<(String, T)>,
    prefixes: Vec<String>,
    /// After which key the next page starts, when there is one.
    next: Option<String>,
}

impl S3 {
    pub(crate) fn list_objects_v2(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let asked = Asked::new(request)?;
        let after = match request.query("continuation-token") {
            Some(token) => read_token(token)?,
            None => request.query("start-after").unwrap_or_default().to_owned(),
        };
        let page = self.with(&request.bucket, |bucket| {
            let current = bucket.entries(&asked.prefix).filter_map(|(key, versions)| Some((key, versions.last()?)));
            let objects = current.filter(|(key, version)| version.object.is_some() && *key > after.as_str());
            Ok(asked.page(objects.map(|(key, version)| (key, asked.show(key, version)))))
        })?;
        let result = ListBucketResult {
            name: request.bucket.clone(),
            prefix: asked.encode(&asked.prefix),
            max_keys: asked.max,
            key_count: page.items.len() + page.prefixes.len(),
            is_truncated: page.next.is_some(),
            encoding_type: asked.encoding_type(),
            next_continuation_token: page.next.map(|key| URL_SAFE_NO_PAD.encode(key)),
            contents: page.items.into_iter().map(|(_, listed)| listed).collect(),
            common_prefixes: asked.show_prefixes(&page.prefixes),
        };
        Ok(Answer::xml(200, "ListBucketResult", &result))
    }

    pub(crate) fn list_object_versions(&self, request: &S3Request) -> Result<Answer, ServiceError> {
        let asked = Asked::new(request)?;
        let key_marker = request.query("key-marker").unwrap_or_default().to_owned();
        let id_marker = request.query("version-id-marker").filter(|id| !id.is_empty());
        let page = self.with(&request.bucket, |bucket| {
            let entries = bucket.entries(&asked.prefix).flat_map(|(key, versions)| {
                let newest_first = versions.iter().rev().enumerate();
                let at_marker = id_marker.filter(|_| key == key_marker);
                let seen = at_marker.and_then(|id| newest_first.clone().position(|(_, version)| version.id == id));
                let skipped = match seen {
                    Some(seen) => seen + 1,
                    None if key <= key_marker.as_str() && !key_marker.is_empty() => versions.len(),
                    None => 0,
                };
                newest_first.skip(skipped).map(move |(age, version)| (key, (age == 0, version)))
            });
            let shown = entries.map(|(key, (latest, version))| (key, asked.show_version(key, version, latest)));
            Ok(asked.page(shown))
        })?;
        let next_version = page.items.last().filter(|(key, _)| page.next.as_ref() == Some(key));
        let next_version_id_marker = next_version.and_then(|(_, listed)| listed.version_id.clone());
        let listed = page.items.into_iter().map(|(_, listed)| listed);
        let (versions, delete_markers) = listed.partition(|listed| listed.etag.is_some());
        let result = ListVersionsResult {
            name: request.bucket.clone(),
            prefix: asked.encode(&asked.prefix),
            max_keys: asked.max,
            is_truncated: page.next.is_some(),
            encoding_type: asked.encoding_type(),
            next_key_marker: page.next.as_deref().map(|key| asked.encode(key)),
            next_version_id_marker,
            versions,
            delete_markers,
            common_prefixes: asked.show_prefixes(&page.prefixes),
        };
        Ok(Answer::xml(200, "ListVersionsResult", &result))
    }
}

/// What every listing can be asked for.
struct Asked {
    prefix: String,
    delimiter: Option<String>,
    max: usize,
    /// Keys percent-encoded, as XML cannot carry all of them.
    encoded: bool,
}

impl Asked {
    fn new(request: &S3Request) -> Result<Self, ServiceError> {
        let max = match request.query("max-keys") {
            None => 1_000,
            Some(max) => max.parse::<usize>().map_err(|_| invalid("max-keys"))?.min(1_000),
        };
        Ok(Self {
            prefix: request.query("prefix").unwrap_or_default().to_owned(),
            delimiter: request.query("delimiter").filter(|delimiter| !delimiter.is_empty()).map(ToOwned::to_owned),
            max,
            encoded: request.query("encoding-type") == Some("url"),
        })
    }

    fn page<'a, T>(&self, items: impl Iterator<Item = (&'a str, T)>) -> Page<T> {
        let mut page = Page { items: Vec::new(), prefixes: Vec::new(), next: None };
        let mut last = String::new();
        for (key, item) in items {
            let common = self.common_prefix(key);
            if common.is_some() && common == page.prefixes.last().map(String::as_str) {
                continue;
            }
            if page.items.len() + page.prefixes.len() >= self.max {
                page.next = (self.max > 0).then_some(last);
                return page;
            }
            if let Some(common) = common {
                last = format!("{common}{}", char::MAX); // behind every key that it stands for
                page.prefixes.push(common.to_owned());
            } else {
                key.clone_into(&mut last);
                page.items.push((key.to_owned(), item));
            }
        }
        page
    }

    fn common_prefix<'a>(&self, key: &'a str) -> Option<&'a str> {
        let delimiter = self.delimiter.as_ref()?;
        let at = key[self.prefix.len()..].find(delimiter)?;
        Some(&key[..self.prefix.len() + at + delimiter.len()])
    }

    fn show(&self, key: &str, version: &Version) -> Listed {
        let object = version.object.as_ref();
        Listed {
            key: self.encode(key),
            version_id: None,
            is_latest: None,
            last_modified: timestamp(version.modified),
            etag: object.map(|object| object.etag.clone()),
            size: object.map(|object| object.body.len()),
            storage_class: object.map(|_| "STANDARD"),
        }
    }

    fn show_version(&self, key: &str, version: &Version, latest: bool) -> Listed {
        Listed { version_id: Some(version.id.clone()), is_latest: Some(latest), ..self.show(key, version) }
    }

    fn show_prefixes(&self, prefixes: &[String]) -> Vec<CommonPrefix> {
        prefixes.iter().map(|prefix| CommonPrefix { prefix: self.encode(prefix) }).collect()
    }

    fn encode(&self, text: &str) -> String {
        if self.encoded { utf8_percent_encode(text, KEPT).to_string() } else { text.to_owned() }
    }

    fn encoding_type(&self) -> Option<String> {
        self.encoded.then(|| "url".to_owned())
    }
}

fn read_token(token: &str) -> Result<String, ServiceError> {
    let key = URL_SAFE_NO_PAD.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
    key.ok_or_else(|| invalid("continuation-token"))
}

fn invalid(name: &str) -> ServiceError {
    ServiceError::bad_request("InvalidArgument", format!("The {name} provided is incorrect"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every page, one after the other, as a client sees them.
    fn walk(keys: &[&str], prefix: &str, delimiter: Option<&str>, max: usize) -> Vec<String> {
        let asked =
            Asked { prefix: prefix.to_owned(), delimiter: delimiter.map(ToOwned::to_owned), max, encoded: false };
        let (mut seen, mut after) = (Vec::new(), Some(String::new()));
        while let Some(start) = after {
            let listed = keys.iter().filter(|key| key.starts_with(prefix) && **key > start.as_str());
            let page = asked.page(listed.map(|key| (*key, ())));
            assert!(page.items.len() + page.prefixes.len() <= max, "a page is too large");
            let mut entries: Vec<String> = page.items.into_iter().map(|(key, ())| key).chain(page.prefixes).collect();
            entries.sort();
            seen.extend(entries);
            after = page.next;
        }
        seen
    }

    #[test]
    fn pages_of_any_size_show_the_same_entries() {
        let keys = ["a", "l/1/x", "l/1/y", "l/2", "l/3/x", "l/4", "m/5"];
        for max in 1..=8 {
            assert_eq!(walk(&keys, "", None, max), keys);
            assert_eq!(walk(&keys, "l/", Some("/"), max), ["l/1/", "l/2", "l/3/", "l/4"]);
            assert_eq!(walk(&keys, "", Some("/"), max), ["a", "l/", "m/"]);
            assert_eq!(walk(&keys, "l", Some("/"), max), ["l/"]);
        }
    }
}
