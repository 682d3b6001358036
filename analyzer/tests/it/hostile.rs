//! b42: every hostile file ends in a verdict or a named error, never in a panic.

use std::io::Write;

use polars::prelude::*;

use crate::{Customer, acme, checks, orders};

/// Delivers a file and expects it to be held for a reason that holds these words.
fn held(name: &str, bytes: &[u8], words: &str) {
    let analysis = acme().deliver(name, bytes);
    assert!(analysis.report.needs_review, "{name}");
    let reason = &analysis.report.findings[0].reason;
    assert!(reason.contains(words), "{name}: {reason:?} lacks {words:?}");
}

fn passes(name: &str, bytes: &[u8]) {
    let analysis = acme().deliver(name, bytes);
    assert_eq!(analysis.report.records, 100, "{name}: {:?}", analysis.report.findings);
    assert!(!analysis.report.needs_review, "{name}: {:?}", analysis.report.findings);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn b42_empty_and_header_only_files_are_held() {
    held("push.csv", b"", "not even a header");
    held("push.csv", b"\n\n  \n", "not even a header");
    held("push.csv", b"id,day,currency,amount", "no record");
}

#[test]
fn b42_broken_text_is_held_and_said_where() {
    let mut bytes = orders(6, 100).into_bytes();
    bytes[40] = 0xff;
    held("push.csv", &bytes, "byte 40 cannot be read");
    held("push.csv", &[0, 159, 146, 150], "UTF-8");
}

#[test]
fn b42_a_ragged_file_is_held() {
    let text = orders(6, 100).replacen("EUR,10.50", "EUR,10.50,surplus,more", 1);
    held("push.csv", text.as_bytes(), "the record in line 2 has 6 fields, the header has 4");
}

#[test]
fn b42_a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let text = orders(6, 100).replacen("EUR", "\"EUR", 1) + &"x".repeat(65 << 20);
    held("push.csv", text.as_bytes(), "a quote is not closed");
}

#[test]
fn b42_a_quote_that_the_file_ends_in_is_named_by_its_line() {
    let text = orders(6, 100);
    held("push.csv", text.replacen("EUR", "\"EUR", 1).as_bytes(), "a quote of the record in line 2 is never closed");
    held(
        "push.csv",
        text.replacen("10.50", "\"10.50", 1).as_bytes(),
        "a quote of the record in line 2 is never closed",
    );
    held("push.csv", b"id,\"day\n1,2\n", "a quote of the record in line 1 is never closed");
    let notes = |end: &str| format!("id,note\n1,\"left at\nthe door\"{end}");
    for end in ["", "\n", "\r\n"] {
        assert_eq!(Customer::new().deliver("push.csv", notes(end).as_bytes()).report.records, 1, "{end:?}");
    }
}

#[test]
fn b42_what_is_delivered_by_mistake_is_called_what_it_is() {
    held("push.csv", b"PK\x03\x04\x14\0\x06\0xl/workbook.xml", "a ZIP archive, as files of Excel are: deliver CSV");
    held("push.csv", b"<!DOCTYPE html><title>403 Forbidden</title>", "a page of HTML");
    let utf16: Vec<u8> = "\u{feff}id,day".encode_utf16().flat_map(u16::to_le_bytes).collect();
    held("push.csv", &utf16, "text in UTF-16");
    held("push.csv", orders(6, 100).replace('\n', "\r").as_bytes(), "text whose lines end in CR alone");
}

#[test]
fn b42_more_columns_than_there_are_names_for_are_held() {
    held("push.csv", format!("{}\n1\n", ",".repeat(30_000)).as_bytes(), "there are over 20000");
}

#[test]
fn b42_lines_end_in_a_line_feed_and_those_without_anything_are_no_records() {
    let lines = orders(6, 100).replace('\n', "\r\n").replacen("EUR", "E\rUR", 1);
    let analysis = acme().deliver("push.csv", lines.replacen("\r\n", "\r\n\n\r\n\n", 2).as_bytes());
    assert_eq!((analysis.report.records, analysis.report.anomalous), (100, 1), "{:?}", analysis.report.findings);
    held("push.csv", b"a,b\r\n\r\n\n1,2\r\n1,2,3\r\n", "the record in line 5 has 3 fields");
}

#[test]
fn b42_in_a_single_column_a_line_without_anything_lacks_its_value() {
    let analysis = Customer::new().deliver("push.csv", b"email\na@x.com\n\n\r\nb@x.com\n");
    assert_eq!(analysis.report.records, 4);
}

#[test]
fn b42_columns_of_one_name_are_told_apart() {
    let text = orders(6, 100).replacen("day,currency", "day,day", 1);
    let analysis = acme().deliver("push.csv", text.as_bytes());
    assert_eq!(analysis.page.columns, ["id", "day", "day_duplicated_0", "amount"]);
}

#[test]
fn b42_a_record_cut_short_lacks_its_values() {
    let text = orders(6, 100).replacen(",EUR,10.50", "", 1);
    let analysis = acme().deliver("push.csv", text.as_bytes());
    assert_eq!((analysis.report.anomalous, checks(&analysis)[0]), (1, "null where never null"));
}

#[test]
fn b42_a_name_that_promises_another_format_is_held() {
    held("push.parquet", orders(6, 100).as_bytes(), "named Parquet but its content is CSV");
    held("push.csv", b"{\"id\": 1}\n", "named CSV but its content is NDJSON");
}

#[test]
fn b42_a_truncated_parquet_file_is_held() {
    held("push.parquet", b"PAR1\x15\x04\x15\x00", "cannot be read as Parquet");
    let whole = parquet(&[]);
    for length in [4, 5, 12, whole.len() / 2, whole.len() - 5] {
        held("push.parquet", &whole[..length], "Parquet");
    }
}

/// To read a schema is to go down it, and a process has only so much stack.
#[test]
fn b42_columns_nested_without_end_are_held() {
    held("push.parquet", &parquet_of(1_000_000, INT32), "they are nested over 64 deep");
    held("push.parquet", &parquet_of(20, INT32), "no record");
}

#[test]
fn b42_numbers_of_sixteen_bits_are_held() {
    held("push.parquet", &parquet_of(0, FLOAT16), "x holds floats of 16 bits");
    held("push.parquet", &parquet_of(2, FLOAT16), "g.g.x holds floats of 16 bits");
}

// Nodes of a schema in Thrift's compact protocol. Fields: type, length, repetition, name, children, logical type.
const INT32: &[u8] = b"\x15\x02\x25\x02\x18\x01x\x00";
const FLOAT16: &[u8] = b"\x15\x0e\x15\x04\x15\x02\x18\x01x\x6c\xfc\x00\x00\x00";

/// A Parquet file without records, of one column in so many groups.
fn parquet_of(groups: u32, leaf: &[u8]) -> Vec<u8> {
    let (root, group) = (b"\x48\x01r\x15\x02\x00", b"\x35\x02\x18\x01g\x15\x02\x00");
    let nodes = groups + 2;
    let count = [nodes | 128, nodes >> 7 | 128, nodes >> 14].map(|part| part.to_le_bytes()[0]);
    let version_and_schema = [&b"\x15\x02\x19\xfc"[..], &count].concat();
    let groups = group.repeat(groups.try_into().unwrap());
    let footer = [&version_and_schema[..], root, &groups, leaf, b"\x16\x00\x19\x0c\x00"].concat();
    let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
    [b"PAR1", &footer[..], &length, b"PAR1"].concat()
}

#[test]
fn b42_damaged_compression_is_held() {
    let packed = gzip(orders(6, 100).as_bytes());
    held("push.csv.gz", &packed[..packed.len() / 2], "damaged");
    held("push.csv.gz", &[&packed[..20], &[7; 40][..]].concat(), "");
}

#[test]
fn b42_ten_thousand_columns_are_judged() {
    let names: Vec<String> = (0..10_000).map(|at| format!("c{at}")).collect();
    let text = format!("{}\n{}\n", names.join(","), vec!["1"; 10_000].join(","));
    let analysis = Customer::new().deliver("push.csv", text.as_bytes());
    assert_eq!((analysis.report.records, analysis.page.columns.len()), (1, 10_000));
}

#[test]
fn b42_json_lines_that_are_none_are_held() {
    held("push.ndjson", b"{\"id\": 1}\n{\"id\": \n", "line 2 is not a JSON object");
    held("push.jsonl", b"{\"id\": 1}\n[1]\n", "line 2 is not a JSON object");
    held("push.ndjson", b"{}\n", "");
}

#[test]
fn every_format_and_packing_of_a_push_is_read_alike() {
    let text = orders(6, 100);
    passes("push.csv", text.as_bytes());
    passes("push", text.as_bytes());
    passes("push.csv", format!("\u{feff}{text}").as_bytes());
    passes("push.csv", text.replace('\n', "\r\n").as_bytes());
    passes("push.csv", text.replace(',', ";").as_bytes());
    passes("push.tsv", text.replace(',', "\t").as_bytes());
    passes("push.csv.gz", &gzip(text.as_bytes()));
    passes("push.csv.zst", &zstd::encode_all(text.as_bytes(), 1).unwrap());
    passes("push.ndjson", json_lines(&text).as_bytes());
    passes("push.parquet", &parquet(&[]));
    passes("push.parquet", &parquet(&[("currency", DataType::Binary), ("amount", DataType::Decimal(10, 2))]));
    passes("push.parquet", &parquet(&[("amount", DataType::Decimal(38, 2)), ("day", DataType::Date)]));
}

fn json_lines(csv: &str) -> String {
    let record = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let [id, day, currency, amount] = fields[..] else { panic!("four fields") };
        format!("{{\"id\": {id}, \"day\": \"{day}\", \"currency\": \"{currency}\", \"amount\": {amount}}}\n")
    };
    csv.lines().skip(1).map(record).collect()
}

/// The orders with the columns that are named in these types; the others are text.
fn parquet(types: &[(&str, DataType)]) -> Vec<u8> {
    let text = orders(6, 100);
    let mut frame = CsvReader::new(std::io::Cursor::new(text))
        .with_options(CsvReadOptions::default().with_infer_schema_length(Some(0)))
        .finish()
        .unwrap();
    for (name, dtype) in types {
        let column = frame.column(name).unwrap().cast(dtype).unwrap();
        frame.with_column(column).unwrap();
    }
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    bytes
}
