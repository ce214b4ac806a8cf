//! Typed reads.

use scylla::{
    deserialize::row::DeserializeRow, response::query_result::QueryRowsResult, serialize::row::SerializeRow,
};

use crate::cql::{Cql, CqlError, Statement};

/// The first row of an answer.
pub(super) async fn first<R>(
    cql: &Cql,
    statement: &Statement,
    values: impl SerializeRow,
) -> Result<Option<R>, CqlError>
where
    R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
{
    cql.rows(statement, values).await?.maybe_first_row::<R>().map_err(CqlError::unexpected)
}

/// Every row of an answer.
pub(super) async fn all<R>(
    cql: &Cql,
    statement: &Statement,
    values: impl SerializeRow,
) -> Result<Vec<R>, CqlError>
where
    R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
{
    let rows: QueryRowsResult = cql.rows(statement, values).await?;
    let rows = rows.rows::<R>().map_err(CqlError::unexpected)?;
    rows.collect::<Result<Vec<_>, _>>().map_err(CqlError::unexpected)
}
