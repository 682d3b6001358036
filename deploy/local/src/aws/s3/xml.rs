//! S3's XML, by serde: the shapes stand where they are used.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::aws::ServiceError;

/// A document with this root.
pub(crate) fn write<T: Serialize>(root: &str, value: &T) -> String {
    let body = quick_xml::se::to_string_with_root(root, value).expect("our shapes have XML names and no odd maps");
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}")
}

pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    let malformed = |detail: String| {
        let message = format!("The XML you provided was not well-formed or did not validate: {detail}");
        ServiceError::bad_request("MalformedXML", message)
    };
    quick_xml::de::from_reader(body).map_err(|error| malformed(error.to_string()))
}
