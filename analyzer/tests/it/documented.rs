//! `docs/how-holdpoint-judges.md` against the code.

fn file(name: &str) -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)).unwrap()
}

#[test]
fn every_check_is_explained_by_the_name_that_findings_have() {
    let (code, page) = (file("analyzer/src/rules.rs"), file("docs/how-holdpoint-judges.md"));
    let names = regex::Regex::new(r#"Self::\w+ => "([^"]+)","#).unwrap();
    let names: Vec<_> = names.captures_iter(&code).map(|name| name[1].to_owned()).collect();
    assert!(names.len() >= 31, "{names:?}");
    for name in names.into_iter().chain(["first push".to_owned()]) {
        assert!(page.contains(&format!("**{name}**")), "{name:?} is not on the page");
    }
}
