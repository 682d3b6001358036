use std::collections::BTreeMap;

use polars::prelude::*;

use super::*;

/// The parts of a file as text, by customer; nobody's by nothing.
fn parts_of(name: &str, bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, NotSplit> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("push");
    std::fs::write(&file, bytes).unwrap();
    let parts = split(&file, Path::new(name), "client", folder.path())?;
    let read = |part: Part| (part.customer.unwrap_or_default(), std::fs::read(part.file).unwrap());
    Ok(parts.into_iter().map(read).collect())
}

fn check(name: &str, text: &str, expected: &[(&str, &str)]) {
    let parts = parts_of(name, text.as_bytes()).unwrap();
    let parts: Vec<_> =
        parts.iter().map(|(customer, bytes)| (customer.as_str(), std::str::from_utf8(bytes).unwrap())).collect();
    assert_eq!(parts, expected);
}

#[test]
fn each_customer_gets_its_records_in_their_order() {
    check(
        "a.csv",
        "\u{feff}id,client,text\n1,acme,\"a,\nb\"\n2,beta,x\n3, acme ,y\n",
        &[("acme", "id,client,text\n1,acme,\"a,\nb\"\n3, acme ,y\n"), ("beta", "id,client,text\n2,beta,x\n")],
    );
    check("a.csv", "client;n\nacme;1,5\n", &[("acme", "client;n\nacme;1,5\n")]);
    check(
        "a.ndjson",
        "{\"client\": \"acme\", \"n\": 1.50}\n\n{\"client\": 7}\n{\"n\": 2}\n",
        &[("", "{\"n\": 2}\n"), ("7", "{\"client\": 7}\n"), ("acme", "{\"client\": \"acme\", \"n\": 1.50}\n")],
    );
}

#[test]
fn records_that_name_nobody_stay_together() {
    let long = "x".repeat(NAME_BYTES + 1);
    check(
        "a.csv",
        &format!("id,client\n1,\n2,  \n3\n4,{long}\n"),
        &[("", &format!("id,client\n1,\n2,  \n3\n4,{long}\n"))],
    );
}

#[test]
fn a_ragged_record_is_its_customers_own_affair() {
    check(
        "a.csv",
        "client,n\nacme,1,surplus\nbeta,2\n",
        &[("acme", "client,n\nacme,1,surplus\n"), ("beta", "client,n\nbeta,2\n")],
    );
}

#[test]
fn what_cannot_be_taken_apart_says_why() {
    let check = |name: &str, text: &str, expected: &str| {
        assert_eq!(parts_of(name, text.as_bytes()).unwrap_err().to_string(), expected);
    };
    check("a.csv", "", "the file is empty: not even a header");
    check("a.csv", "id,client\n", "the file holds a header and no record");
    check("a.csv", "id,customer\n1,acme\n", "the file has no column client, which says whose each record is");
    check("a.ndjson", "{\"id\": 1}\n", "the file has no column client, which says whose each record is");
    check("a.ndjson", "{\"client\": 1}\n{\n", "line 2 is not a JSON object");
    let many: Vec<String> = (0..=CUSTOMERS).map(|at| at.to_string()).collect();
    let refused = "column client has more than 500 different values: they cannot all be customers";
    check("a.csv", &format!("client\n{}\n", many.join("\n")), refused);
}

fn parquet(frame: &mut DataFrame) -> Vec<u8> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(frame).unwrap();
    bytes
}

#[test]
fn parquet_keeps_its_columns_and_their_types() {
    let clients = ["acme", "beta", " acme", "", "beta"];
    let mut whole = df!("id" => [1_i64, 2, 3, 4, 5], "client" => clients, "paid" => [0.5, 1.5, 2.5, 3.5, 4.5]).unwrap();
    let parts = parts_of("a.parquet", &parquet(&mut whole)).unwrap();
    let read = |customer: &str| ParquetReader::new(std::io::Cursor::new(parts[customer].clone())).finish().unwrap();
    assert_eq!(parts.keys().collect::<Vec<_>>(), ["", "acme", "beta"]);
    assert_eq!(read("acme"), df!("id" => [1_i64, 3], "client" => ["acme", " acme"], "paid" => [0.5, 2.5]).unwrap());
    assert_eq!(read("").height() + read("acme").height() + read("beta").height(), 5);
}

#[test]
fn parquet_of_many_batches_is_whole_in_its_parts() {
    let records = i64::try_from(super::parquet::KEPT_CELLS / 2).unwrap() + 65_536 + 7;
    let ids: Vec<i64> = (0..records).collect();
    let clients: Vec<String> = ids.iter().map(|id| format!("c{}", id % 3)).collect();
    let parts = parts_of("a.parquet", &parquet(&mut df!("id" => &ids, "client" => &clients).unwrap())).unwrap();
    for (rest, customer) in ["c0", "c1", "c2"].into_iter().enumerate() {
        let own = ParquetReader::new(std::io::Cursor::new(parts[customer].clone())).finish().unwrap();
        let expected: Vec<i64> = ids.iter().copied().filter(|id| id % 3 == i64::try_from(rest).unwrap()).collect();
        assert_eq!(
            own.column("id").unwrap().i64().unwrap().to_vec(),
            expected.into_iter().map(Some).collect::<Vec<_>>()
        );
    }
}
