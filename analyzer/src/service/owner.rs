//! Whose a push is: one customer's, by its key; several customers', by a column; or nobody knows.

use std::{collections::BTreeMap, str::FromStr};

use holdpoint_review::{ObjectVersion, PushId};

use super::key::KeyPattern;

/// Dataset and customer of a push of which nobody knows whose it is; a route can name it.
pub(crate) const UNMATCHED: &str = "unmatched";
/// Where the parts of pushes of several customers lie.
const PARTS: &str = "parts/{dataset}/{customer}/{file}";
/// Characters of a file's name that a part keeps.
const FILE_NAME: usize = 200;

/// Whose a push is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) dataset: String,
    /// For a push of several customers whoever its key names: it is only asked of when the push cannot be taken apart.
    pub(crate) customer: String,
    /// The column that says whose each record is.
    pub(crate) column: Option<String>,
    /// Why nobody can judge it.
    pub(crate) unknown: Option<String>,
}

/// How owners are told.
#[derive(Debug, Clone)]
pub(crate) struct Owners {
    /// Where the parts lie; in another bucket a key like theirs is a push like any other.
    pub(crate) bucket: String,
    pub(crate) pattern: KeyPattern,
    pub(crate) columns: CustomerColumns,
}

impl Owners {
    pub(crate) fn of(&self, version: &ObjectVersion) -> Owner {
        let parts: KeyPattern = PARTS.parse().expect("ours is a pattern");
        let part = parts.read(&version.key).filter(|_| version.bucket == self.bucket);
        let owner = |(dataset, customer): (&str, &str), column, unknown| Owner {
            dataset: dataset.to_owned(),
            customer: customer.to_owned(),
            column,
            unknown,
        };
        if let Some(part @ (_, customer)) = part {
            let nobodys = customer == UNMATCHED;
            return owner(
                part,
                None,
                nobodys.then(|| "these records do not say which customer they are of".to_owned()),
            );
        }
        let Some(names) = self.pattern.read(&version.key) else {
            let why = format!("its key {:?} does not match HOLDPOINT_KEY_PATTERN: whose is it?", version.key);
            return owner((UNMATCHED, UNMATCHED), None, Some(why));
        };
        owner(names, self.columns.of(names.0).map(ToOwned::to_owned), None)
    }
}

/// The key of one customer's records of a push. It derives from the push alone, so that a push taken apart twice has the same parts.
pub(crate) fn part_key(dataset: &str, customer: Option<&str>, push: &PushId, key: &str) -> String {
    let customer = customer.map_or_else(|| UNMATCHED.to_owned(), in_key);
    let file = key.rsplit('/').next().unwrap_or_default();
    let file = file.trim_end_matches(".gz").trim_end_matches(".zst");
    let surplus = file.chars().count().saturating_sub(FILE_NAME);
    let file: String = file.chars().skip(surplus).collect();
    format!("{}{push}/{file}", parts_prefix(dataset, &customer))
}

/// Under which the parts of one customer lie, who is named as in reports.
pub(crate) fn parts_prefix(dataset: &str, customer: &str) -> String {
    format!("parts/{dataset}/{customer}/")
}

/// A customer's name as one segment of a key: what would end the segment or be read as something else is percent-encoded.
pub(crate) fn in_key(customer: &str) -> String {
    let whole = [".", "..", UNMATCHED].contains(&customer);
    let mut text = String::new();
    for (at, c) in customer.chars().enumerate() {
        if c.is_control() || matches!(c, '/' | '\\' | '%') || (whole && at == 0) {
            let mut bytes = [0; 4];
            text.extend(c.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        } else {
            text.push(c);
        }
    }
    text
}

/// Which column says whose each record is: `client` for every dataset, or `orders=client,returns=account`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CustomerColumns {
    everywhere: Option<String>,
    by_dataset: BTreeMap<String, String>,
}

impl CustomerColumns {
    pub(crate) fn of(&self, dataset: &str) -> Option<&str> {
        self.by_dataset.get(dataset).or(self.everywhere.as_ref()).map(String::as_str)
    }
}

impl FromStr for CustomerColumns {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write a column, or dataset=column, several separated by commas";
        let mut columns = Self::default();
        for entry in text.split(',').map(str::trim) {
            let (dataset, column) =
                entry.split_once('=').map_or((None, entry), |(dataset, column)| (Some(dataset), column));
            let is_taken = match dataset {
                _ if column.is_empty() => true,
                Some(dataset) => columns.by_dataset.insert(dataset.to_owned(), column.to_owned()).is_some(),
                None => columns.everywhere.replace(column.to_owned()).is_some(),
            };
            if is_taken {
                return Err(FORM);
            }
        }
        Ok(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(bucket: &str, key: &str) -> Owner {
        let pattern = "incoming/{dataset}/{customer}/{file}".parse().unwrap();
        let owners = Owners { bucket: "ours".to_owned(), pattern, columns: "orders=client".parse().unwrap() };
        owners.of(&ObjectVersion { bucket: bucket.to_owned(), key: key.to_owned(), version_id: "v".to_owned() })
    }

    #[test]
    fn a_customer_column_holds_for_its_dataset_or_for_all() {
        let check = |text: &str, dataset: &str, expected: Option<&str>| {
            assert_eq!(text.parse::<CustomerColumns>().unwrap().of(dataset), expected, "{text} {dataset}");
        };
        check("client", "orders", Some("client"));
        check("orders=client, returns=account id", "returns", Some("account id"));
        check("orders=client", "other", None);
        check("client,orders=account", "orders", Some("account"));
        for bad in ["", "a,b", "orders=", "orders=a,orders=b"] {
            assert!(bad.parse::<CustomerColumns>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_push_of_several_customers_is_taken_apart_once() {
        assert_eq!(owner("ours", "incoming/orders/all/a.csv").column.as_deref(), Some("client"));
        assert_eq!(owner("ours", "incoming/stock/acme/a.csv").column, None);
        let part = owner("ours", "parts/orders/acme/0a1b/a.csv");
        assert_eq!((part.customer.as_str(), part.column, part.unknown), ("acme", None, None));
        assert!(owner("ours", "parts/orders/unmatched/0a1b/a.csv").unknown.is_some());
        assert_eq!(owner("theirs", "parts/orders/acme/0a1b/a.csv").customer, UNMATCHED);
    }

    #[test]
    fn any_name_is_one_segment_of_a_key_and_no_two_are_the_same() {
        let push = PushId::of("b", "k", "v");
        let key = |customer| part_key("orders", customer, &push, "incoming/orders/all/2026/a.csv.gz");
        assert_eq!(key(Some("Müller & Co")), format!("parts/orders/Müller & Co/{push}/a.csv"));
        assert_eq!(key(Some("a/b")), format!("parts/orders/a%2Fb/{push}/a.csv"));
        assert_eq!(key(Some("..")), format!("parts/orders/%2E./{push}/a.csv"));
        assert_eq!(key(None), format!("parts/orders/unmatched/{push}/a.csv"));
        let names = ["a/b", "a%2Fb", "unmatched", ".", "..", "\u{1}", "%01"];
        let keys: std::collections::BTreeSet<_> =
            names.map(|name| key(Some(name))).into_iter().chain([key(None)]).collect();
        assert_eq!(keys.len(), names.len() + 1);
    }
}
