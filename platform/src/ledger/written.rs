//! What a document holds that this version does not know.
//!
//! Two versions work on the same rounds while one takes the other's place. A field that the newer one added stays where it
//! stood when the older one writes the round again: a list of events only grows, so that a place in it is a place for good.
//! An event of a kind that is not known is none of this: such a document cannot be read, and is left to the newer version.

use std::{fmt, sync::Arc};

use holdpoint_review::Round;
use serde_json::Value;

/// A round's document as it stands in S3. Shows itself to nobody: it holds a task token.
#[derive(Clone)]
pub(super) struct Written(Arc<[u8]>);

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Written(…)")
    }
}

impl From<&[u8]> for Written {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl Written {
    /// The next document: this round, with what is not known of the one that was read as `read`.
    pub(super) fn followed_by(&self, read: &Round, round: &Round) -> Vec<u8> {
        let known = to_bytes(read);
        let unknown = || {
            let [written, known] = [&*self.0, &known].map(|bytes| serde_json::from_slice::<Value>(bytes).ok());
            left(&written?, &known?)
        };
        match if *known == *self.0 { None } else { unknown() } {
            None => to_bytes(round),
            Some(unknown) => {
                let mut next = serde_json::to_value(round).expect("a round is plain data");
                put_back(&mut next, unknown);
                serde_json::to_vec(&next).expect("it is plain data")
            }
        }
    }
}

pub(super) fn to_bytes(round: &Round) -> Vec<u8> {
    serde_json::to_vec(round).expect("a round is plain data")
}

/// The fields that are written and not known, each where it stands; none where all are.
fn left(written: &Value, known: &Value) -> Option<Value> {
    match (written, known) {
        (Value::Object(written), Value::Object(known)) => {
            let fields = written.iter().filter_map(|(name, value)| {
                let left = known.get(name).map_or_else(|| Some(value.clone()), |known| left(value, known));
                Some((name.clone(), left?))
            });
            let fields: serde_json::Map<_, _> = fields.collect();
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        (Value::Array(written), Value::Array(known)) => {
            let items = written.iter().zip(known).map(|(written, known)| left(written, known).unwrap_or_default());
            let items: Vec<_> = items.collect();
            items.iter().any(|item| !item.is_null()).then_some(Value::Array(items))
        }
        _ => None,
    }
}

fn put_back(next: &mut Value, left: Value) {
    match (next, left) {
        (Value::Object(next), Value::Object(left)) => {
            for (name, value) in left {
                match next.get_mut(&name) {
                    Some(known) => put_back(known, value),
                    None => drop(next.insert(name, value)),
                }
            }
        }
        (Value::Array(next), Value::Array(left)) => {
            next.iter_mut().zip(left).for_each(|(next, left)| put_back(next, left));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_review::{Channel, Input, Purpose, Verdict, Who, step, vote};
    use serde_json::json;

    use super::*;
    use crate::{
        now,
        trial::{input, opened},
    };

    fn open() -> Round {
        opened(&input("first", 0))
    }

    #[test]
    fn what_a_newer_version_wrote_stays_where_it_stood_when_this_one_writes() {
        let who = Who::MailOwner("d@e".into());
        let voted = vote(&open(), &who, Verdict::Approve, None, now()).unwrap().write.unwrap();
        let mut newer = serde_json::to_value(&voted).unwrap();
        newer["shift"] = json!({ "of": "night" });
        newer["events"][1]["voter"]["glasses"] = json!(true);
        let bytes = serde_json::to_vec(&newer).unwrap();
        let read: Round = serde_json::from_slice(&bytes).unwrap();
        let told = Input::Undelivered {
            channel: Channel::Mail("d@e".into()),
            purpose: Purpose::Request,
            reason: "no such address".into(),
        };
        let changed = step(&read, told, now()).write.unwrap();

        let next = Written::from(&bytes[..]).followed_by(&read, &changed);
        assert_eq!(serde_json::from_slice::<Round>(&next).unwrap(), changed);
        let next: Value = serde_json::from_slice(&next).unwrap();
        let field = |document: &Value| [document["shift"].clone(), document["events"][1]["voter"]["glasses"].clone()];
        assert_eq!(field(&next), field(&newer));
    }

    #[test]
    fn a_round_of_which_all_is_known_is_written_as_it_is_and_never_shown() {
        let round = open();
        let written = Written::from(&to_bytes(&round)[..]);
        assert_eq!(written.followed_by(&round, &round), to_bytes(&round));
        assert!(!format!("{written:?}").contains("one"));
    }
}
