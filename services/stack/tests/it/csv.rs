//! The real file: 20,000 dirty rows.

use proto::user::v1::ImportUsersRequest;

/// The first `rows` rows of the real file, as one import.
pub(crate) fn rows(rows: usize, import_id: &str) -> Vec<ImportUsersRequest> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/data/users.csv");
    let records = csv::Reader::from_path(file).unwrap().into_records().take(rows);
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
