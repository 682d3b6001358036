use super::*;
use crate::trial;

const TWO: &str = r#"
    [[reviewer]]
    name = "dana"
    mail = "dana@example.com"
    slack = "U1"

    [[route]]
    dataset = "orders*"
    customer = "acme"
    slack = ["C1"]
    reviewers = ["dana"]
    deadline = "2h"
    remind_after = ["30m", "1h"]

    [[route]]
    slack = ["C2"]
"#;

fn request(dataset: &str, customer: &str) -> ReviewRequest {
    ReviewRequest { dataset: dataset.into(), customer: customer.into(), ..trial::request() }
}

#[test]
fn the_first_matching_route_wins() {
    let routes = Routes::parse(TWO).unwrap();
    let check = |dataset, customer, channel: &str| {
        assert_eq!(routes.for_request(&request(dataset, customer)).unwrap().slack, [channel]);
    };
    check("orders", "acme", "C1");
    check("orders-eu", "acme", "C1");
    check("orders", "other", "C2");
    let first = routes.for_request(&request("orders", "acme")).unwrap();
    assert_eq!(first.deadline, Seconds(7200));
    assert_eq!(first.remind_after, [Seconds(1800), Seconds(3600)]);
    assert_eq!(first.at_deadline, AtDeadline::Expire);
}

#[test]
fn a_bad_file_says_what_to_change() {
    let check = |text: &str, part: &str| {
        let error = Routes::parse(text).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    };
    check("[[route]]\nslak = []", "slak");
    check("[[route]]", "route 1: nobody would be asked");
    check("[[route]]\nreviewers = [\"lee\"]", "no [[reviewer]] is called \"lee\"");
    check("[[route]]\nslack = [\"C\"]\ndeadline = \"30d\"", "line 3, route 1: deadline must be shorter than 30d");
    check("[[route]]\nslack = [\"C\"]\ndeadline = \"0s\"", "line 3, route 1: deadline must be longer");
    check("[[route]]\nslack = [\"C\"]\ndeadline = \"5\"", "duration");
    check("[[route]]\nslack = [\"C\"]\nquorum = 0", "quorum");
    check("[[route]]\nslack = [\"C\"]\nat_deadline = \"approve\"", "approve-unseen");
    check("[[route]]\nslack = [\"C\"]\ndataset = \"[\"", "route 1");
}

#[test]
fn what_would_come_after_the_deadline_is_refused_by_line_and_key() {
    let check = |times: &str, problem: Option<&str>| {
        let text = format!("[[route]]\nslack = ['A']\n\n[[route]]\nslack = ['B']\n{times}");
        let refused = Routes::parse(&text).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref(), problem, "{times}");
    };
    check("remind_after = ['23h']\nescalate = { after = '23h' }", None);
    check("deadline = '29d'\nremind_after = ['28d']", None);
    let late = |line, key| format!("line {line}, route 2: {key}: 2h is not before the deadline of 2h");
    check("deadline = '2h'\nremind_after = [\n'1h',\n'2h']", Some(&late(9, "remind_after")));
    check("deadline = '2h'\n[route.escalate]\nafter = '2h'", Some(&late(7, "escalate.after")));
    let usual = "line 6, route 2: remind_after: 25h is not before the deadline of 1d";
    check("remind_after = ['25h']", Some(usual));
}
