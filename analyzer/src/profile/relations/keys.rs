//! What one column's values say about another's: for each key, the values that came with it and how often.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::value::ends_in_zeros;

/// Keys kept; beyond, those whose hash ends in enough zero bits, the same in every push.
const KEYS: usize = 1024;
/// A key with more different values than this decides nothing.
const VALUES: usize = 8;

/// Values by key, as hashes. Merges exactly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Stored", try_from = "Stored")]
pub(crate) struct Keys {
    level: u8,
    votes: BTreeMap<u32, Votes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Votes {
    Few(BTreeMap<u32, u32>),
    /// Too many different values; how many records.
    Many(u32),
}

/// What the records with one key say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) key: u32,
    /// The most frequent value; none where there are too many.
    pub(crate) value: Option<u32>,
    /// Records with that value.
    pub(crate) agree: u32,
    /// Records with the key.
    pub(crate) of: u32,
}

impl Verdict {
    /// Whether one value so dominates that the others are taken for wrong.
    pub(crate) fn decides(&self) -> bool {
        self.of >= 3 && self.agree * 3 > self.of * 2
    }
}

impl Keys {
    pub(crate) fn add(&mut self, key: u32, value: u32) {
        self.add_votes(key, &Votes::Few([(value, 1)].into()));
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        self.thin_to(other.level);
        for (key, votes) in &other.votes {
            self.add_votes(*key, votes);
        }
    }

    /// In the order of the keys.
    pub(crate) fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        self.votes.iter().map(|(key, votes)| match votes {
            Votes::Many(of) => Verdict { key: *key, value: None, agree: 0, of: *of },
            Votes::Few(values) => {
                let most = values.iter().max_by_key(|(value, count)| (**count, **value));
                let (value, agree) = most.map_or((None, 0), |(value, count)| (Some(*value), *count));
                Verdict { key: *key, value, agree, of: values.values().sum() }
            }
        })
    }

    /// How many records with this key have this value.
    pub(crate) fn count(&self, key: u32, value: u32) -> u32 {
        match self.votes.get(&key) {
            Some(Votes::Few(values)) => values.get(&value).copied().unwrap_or(0),
            _ => 0,
        }
    }

    fn add_votes(&mut self, key: u32, votes: &Votes) {
        if !ends_in_zeros(key.into(), self.level.into()) {
            return;
        }
        self.votes.entry(key).or_insert_with(|| Votes::Few(BTreeMap::new())).absorb(votes);
        while self.votes.len() > KEYS {
            self.thin_to(self.level + 1);
        }
    }

    fn thin_to(&mut self, level: u8) {
        if level > self.level {
            self.level = level;
            self.votes.retain(|key, _| ends_in_zeros((*key).into(), level.into()));
        }
    }
}

impl Votes {
    fn of(&self) -> u32 {
        match self {
            Self::Few(values) => values.values().sum(),
            Self::Many(of) => *of,
        }
    }

    fn absorb(&mut self, other: &Self) {
        let of = self.of() + other.of();
        if let (Self::Few(values), Self::Few(more)) = (&mut *self, other) {
            for (value, count) in more {
                *values.entry(*value).or_default() += count;
            }
            if values.len() <= VALUES {
                return;
            }
        }
        *self = Self::Many(of);
    }
}

/// As written: key, value and count as little-endian bytes in base64; a key of many values has one entry of value 0 and count 0
/// before that of its records.
#[derive(Serialize, Deserialize)]
struct Stored {
    level: u8,
    votes: String,
}

impl From<Keys> for Stored {
    fn from(keys: Keys) -> Self {
        let mut bytes = Vec::new();
        let mut write = |key: u32, value: u32, count: u32| {
            bytes.extend([key, value, count].iter().flat_map(|number| number.to_le_bytes()));
        };
        for (key, votes) in &keys.votes {
            match votes {
                Votes::Few(values) => values.iter().for_each(|(value, count)| write(*key, *value, *count)),
                Votes::Many(of) => {
                    write(*key, 0, 0);
                    write(*key, 0, *of);
                }
            }
        }
        Self { level: keys.level, votes: BASE64_STANDARD_NO_PAD.encode(bytes) }
    }
}

impl TryFrom<Stored> for Keys {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let bytes = BASE64_STANDARD_NO_PAD.decode(stored.votes).map_err(|_| "keys are not base64")?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        let (entries, odd) = numbers.as_chunks::<3>();
        if !rest.is_empty() || !odd.is_empty() {
            return Err("keys end in the middle of one".to_owned());
        }
        let mut votes: BTreeMap<u32, Votes> = BTreeMap::new();
        for entry in entries {
            let [key, value, count] = entry.map(u32::from_le_bytes);
            match votes.entry(key).or_insert_with(|| Votes::Few(BTreeMap::new())) {
                many if count == 0 => *many = Votes::Many(0),
                Votes::Many(of) => *of = count,
                Votes::Few(values) => drop(values.insert(value, count)),
            }
        }
        Ok(Self { level: stored.level, votes })
    }
}
