//! The real file: 20,000 dirty rows.

use proto::user::v1::ImportUsersRequest;

/// `count` rows of the real file from the one at `from`, as one import.
pub(crate) fn rows(from: usize, count: usize, import_id: &str) -> Vec<ImportUsersRequest> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/data/users.csv");
    let records = csv::Reader::from_path(file).unwrap().into_records().skip(from).take(count);
    records
        .map(|record| record.unwrap())
        .map(|record| ImportUsersRequest {
            email: record[0].to_owned(),
            display_name: record[1].to_owned(),
            locale: record[2].to_owned(),
            import_id: import_id.to_owned(),
        })
        .collect()
}
