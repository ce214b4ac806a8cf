//! What conditional writes answer.

use scylla::{
    response::query_result::QueryResult,
    value::{CqlValue, Row},
};

use super::CqlError;

/// What became of a conditional write.
#[derive(Clone, Debug, PartialEq)]
pub enum Cas {
    /// It happened.
    Applied,
    /// It did not: what is there is not what it asked for.
    Refused(CurrentRow),
}

/// What was there instead; empty when there was no row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurrentRow(Vec<(String, CqlValue)>);

impl CurrentRow {
    /// The value of a column; `None` when it is null, or was not part of the condition.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&CqlValue> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }
}

impl Cas {
    /// Whether it happened.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        matches!(self, Self::Applied)
    }

    /// Reads an answer by the names of its columns: ScyllaDB always adds the row as it was, Cassandra only when the
    /// write was refused.
    pub(super) fn read(result: QueryResult) -> Result<Self, CqlError> {
        const APPLIED: &str = "[applied]";
        let rows = result.into_rows_result().map_err(CqlError::unexpected)?;
        let names: Vec<_> = rows.column_specs().iter().map(|column| column.name().to_owned()).collect();
        let row: Row = rows.first_row().map_err(CqlError::unexpected)?;
        let columns = names.into_iter().zip(row.columns);
        let mut current: Vec<_> =
            columns.filter_map(|(name, value)| value.map(|value| (name, value))).collect();
        let Some(at) = current.iter().position(|(name, _)| name == APPLIED) else {
            return Err(CqlError::Unexpected("the answer to a conditional write has no [applied]".into()));
        };
        match current.swap_remove(at).1 {
            CqlValue::Boolean(true) => Ok(Self::Applied),
            CqlValue::Boolean(false) => Ok(Self::Refused(CurrentRow(current))),
            _ => Err(CqlError::Unexpected("[applied] is not a boolean".into())),
        }
    }
}
