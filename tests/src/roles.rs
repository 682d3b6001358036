//! The roles in `deploy/aws/stack.yaml`, held against what services really ask of AWS.
//!
//! In every world the stand-in denies what the stack's roles do not allow, so that each scenario shows that nothing is
//! missing. Which grants were needed is noted, so that one of them can show that none is there for nothing. What is shown
//! holds for identity policies of one account; the bucket's own policy, keys and quotas are AWS's to judge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use holdpoint_local::aws::Permission;
use serde_json::Value;

use crate::template::Template;

const STACK: &str = include_str!("../../deploy/aws/stack.yaml");

/// Whose access key has which role.
const ROLES: [(&str, &str); 5] = [
    ("analyzer", "AnalyzerRole"),
    ("history", "HistoryRole"),
    ("worker", "WorkerRole"),
    ("callback", "CallbackRole"),
    ("states", "MachineRole"),
];

/// What one role may do: an action on resources, either of which may have wildcards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Whose.
    pub role: String,
    /// As in the policy.
    pub action: String,
    /// As in the policy.
    pub resource: String,
}

static GRANTS: LazyLock<Vec<Grant>> = LazyLock::new(|| {
    let template = Template::read(STACK, names());
    let grants_of = |(of, role): &(&str, &str)| {
        let policies = template.property(role, "Policies");
        let statements = entries(&policies).flat_map(|policy| entries(&policy["PolicyDocument"]["Statement"]));
        statements.flat_map(|statement| grants(of, statement)).collect::<Vec<_>>()
    };
    ROLES.iter().flat_map(grants_of).collect()
});

/// What was asked in one world.
pub(crate) struct Asked {
    grants: &'static [Grant],
    /// Guards two sets, into which a request is put in one step.
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Each grant that was needed, and for which resources.
    used: BTreeMap<Grant, BTreeSet<String>>,
    denied: BTreeSet<(String, Permission)>,
}

impl Asked {
    /// Nothing yet.
    pub(crate) fn of_stack() -> Self {
        Self { grants: &GRANTS, seen: Mutex::default() }
    }

    /// Whether the stack allows it. Whoever has no role there is somebody else, and may do everything.
    pub(crate) fn is_allowed(&self, access_key: &str, permission: &Permission) -> bool {
        if ROLES.iter().all(|(key, _)| *key != access_key) {
            return true;
        }
        let fits = |grant: &&Grant| {
            grant.role == access_key
                && matches(&grant.action, &permission.action)
                && matches(&grant.resource, &permission.resource)
        };
        let fitting: Vec<&Grant> = self.grants.iter().filter(fits).collect();
        let mut seen = self.seen();
        if fitting.is_empty() {
            seen.denied.insert((access_key.to_owned(), permission.clone()));
        }
        for grant in &fitting {
            seen.used.entry((*grant).clone()).or_default().insert(permission.resource.clone());
        }
        !fitting.is_empty()
    }

    /// What was asked and is not allowed.
    pub(crate) fn denied(&self) -> Vec<String> {
        let line = |(who, what): &(String, Permission)| format!("{who}: {} on {}", what.action, what.resource);
        self.seen().denied.iter().map(line).collect()
    }

    /// What is allowed and was not asked.
    pub(crate) fn unused(&self) -> Vec<Grant> {
        let seen = self.seen();
        self.grants.iter().filter(|grant| !seen.used.contains_key(grant)).cloned().collect()
    }

    /// What is allowed for more than one thing and was asked for only one, and that thing.
    pub(crate) fn too_wide(&self) -> Vec<(Grant, String)> {
        let seen = self.seen();
        let many = seen.used.iter().filter(|(grant, _)| grant.resource.contains('*') && grant.resource != "*");
        let only = many.filter(|(_, resources)| resources.len() == 1);
        only.flat_map(|(grant, resources)| resources.iter().map(|one| (grant.clone(), one.clone()))).collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} on {}", self.role, self.action, self.resource)
    }
}

/// What the stack's things are called in the stand-in.
fn names() -> BTreeMap<&'static str, String> {
    const REGION: &str = "us-east-1:000000000000";
    let queues = [
        ("Pushes.Arn", "pushes"),
        ("Clock.Arn", "clock"),
        ("Notices.Arn", "notices.fifo"),
        ("NoticesDead.Arn", "notices-dead.fifo"),
    ];
    let queues = queues.map(|(id, name)| (id, format!("arn:aws:sqs:{REGION}:{name}")));
    let others = [
        ("AWS::Partition", "aws".to_owned()),
        ("AWS::Region", "us-east-1".to_owned()),
        ("AWS::AccountId", "000000000000".to_owned()),
        ("Bucket.Arn", "arn:aws:s3:::holdpoint".to_owned()),
        ("Artifacts", "artifacts".to_owned()),
        ("Activity", format!("arn:aws:states:{REGION}:activity:review")),
        ("Machine", format!("arn:aws:states:{REGION}:stateMachine:review")),
        ("Machine.Name", "review".to_owned()),
        ("OtherExecutions", format!("arn:aws:states:{REGION}:execution:other:*")),
        ("Announcements", format!("arn:aws:sns:{REGION}:announcements")),
        ("KmsKeyArn", format!("arn:aws:kms:{REGION}:key/key")),
    ];
    queues.into_iter().chain(others).collect()
}

fn grants(role: &str, statement: &Value) -> Vec<Grant> {
    assert_eq!(statement["Effect"], "Allow", "{statement}");
    assert!(statement.get("Condition").is_none(), "conditions are not understood here: {statement}");
    let texts = |field: &str| entries(&statement[field]).map(|text| text.as_str().expect("a text").to_owned());
    let on_each = |action: String| texts("Resource").map(move |resource| (action.clone(), resource));
    let pairs = texts("Action").flat_map(on_each);
    pairs.map(|(action, resource)| Grant { role: role.to_owned(), action, resource }).collect()
}

/// Where a policy may have one or a list.
fn entries(one_or_more: &Value) -> impl Iterator<Item = &Value> {
    one_or_more.as_array().map_or(std::slice::from_ref(one_or_more), Vec::as_slice).iter()
}

/// Whether a text is what a pattern of IAM says: `*` is anything, a slash included.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| matches(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything_and_everything_else_is_itself() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        };
        check("s3:GetObject", "s3:GetObject", true);
        check("s3:GetObject", "s3:GetObjectVersion", false);
        check("s3:Get*", "s3:GetObjectVersion", true);
        check("arn:b/reports/*", "arn:b/reports/a/b.json", true);
        check("arn:b/reports/*", "arn:b/reports", false);
        check("arn:b/reports/*/profile.json", "arn:b/reports/1/profile.json", true);
        check("arn:b/reports/*/profile.json", "arn:b/reports/1/report.json", false);
        check("*", "", true);
        check("arn:*", "*", false);
    }
}
