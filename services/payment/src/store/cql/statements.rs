//! The statements, each prepared once.

use service_kit::cql::{Cql, CqlError, Purpose, Statement};

/// All statements on the books and on what points into them.
#[derive(Debug)]
pub(super) struct Statements {
    // Of a book.
    pub(super) standing: Statement,
    pub(super) unborn: Statement,
    pub(super) book: Statement,
    pub(super) payments_of_book: Statement,
    pub(super) transfers: Statement,
    pub(super) operation: Statement,
    pub(super) operations_of_payment: Statement,
    pub(super) set_statics: Statement,
    pub(super) put_anchor: Statement,
    pub(super) put_payment: Statement,
    pub(super) put_row: Statement,
    pub(super) drop_row: Statement,
    // What points into it.
    pub(super) homes: Statement,
    pub(super) put_home: Statement,
    pub(super) by_user: Statement,
    pub(super) put_by_user: Statement,
    pub(super) books: Statement,
    pub(super) put_book: Statement,
    pub(super) payments_of_day: Statement,
    pub(super) put_payment_of_day: Statement,
    // Work.
    pub(super) work: Statement,
    pub(super) put_work: Statement,
    pub(super) drop_work: Statement,
    pub(super) slices: Statement,
    pub(super) put_slice: Statement,
    pub(super) floor: Statement,
    pub(super) first_floor: Statement,
    pub(super) raise_floor: Statement,
}

impl Statements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, CqlError> {
        use Purpose::{Cas, Decide, Mark, Read, Write};
        let prepare = |purpose, text| cql.prepare(purpose, text);
        Ok(Self {
            standing: prepare(Read, STANDING).await?,
            unborn: prepare(Read, "SELECT DISTINCT book, rev, version FROM payment_book WHERE book = ?")
                .await?,
            book: prepare(Read, BOOK).await?,
            payments_of_book: prepare(Read, PAYMENTS_OF_BOOK).await?,
            transfers: prepare(Read, TRANSFERS).await?,
            operation: prepare(Read, OPERATION).await?,
            operations_of_payment: prepare(Read, OPERATIONS_OF_PAYMENT).await?,
            set_statics: prepare(Cas, SET_STATICS).await?,
            put_anchor: prepare(Cas, "INSERT INTO payment_book (book, kind, sort) VALUES (?, ?, ?)").await?,
            put_payment: prepare(Cas, PUT_PAYMENT).await?,
            put_row: prepare(Cas, "INSERT INTO payment_book (book, kind, sort, body) VALUES (?, ?, ?, ?)")
                .await?,
            drop_row: prepare(Cas, "DELETE FROM payment_book WHERE book = ? AND kind = ? AND sort = ?")
                .await?,
            homes: prepare(Read, "SELECT book FROM payment_home WHERE payment_id = ?").await?,
            put_home: prepare(Write, "INSERT INTO payment_home (payment_id, book) VALUES (?, ?)").await?,
            by_user: prepare(Read, BY_USER).await?,
            put_by_user: prepare(Write, PUT_BY_USER).await?,
            books: prepare(Read, "SELECT book FROM book_index WHERE shard = ? AND book > ? LIMIT ?").await?,
            put_book: prepare(Write, "INSERT INTO book_index (shard, book) VALUES (?, ?)").await?,
            payments_of_day: prepare(Read, PAYMENTS_OF_DAY).await?,
            put_payment_of_day: prepare(Write, PUT_PAYMENT_OF_DAY).await?,
            work: prepare(Read, WORK).await?,
            put_work: prepare(Write, PUT_WORK).await?,
            drop_work: prepare(Mark, DROP_WORK).await?,
            slices: prepare(Read, SLICES).await?,
            put_slice: prepare(Write, "INSERT INTO payment_slice (kind, slice) VALUES (?, ?)").await?,
            floor: prepare(Decide, "SELECT floor FROM payment_work_floor WHERE kind = ?").await?,
            first_floor: prepare(Cas, FIRST_FLOOR).await?,
            raise_floor: prepare(Cas, RAISE_FLOOR).await?,
        })
    }
}

const STANDING: &str = "SELECT kind, rev, version, held, captured, refunding, refunded, body, operation, filed \
     FROM payment_book WHERE book = ? AND (kind, sort) IN ((-1, 0x00), (1, ?), (5, ?))";
const BOOK: &str = "SELECT DISTINCT book, version, held, captured, refunding, refunded \
     FROM payment_book WHERE book = ?";
const PAYMENTS_OF_BOOK: &str = "SELECT body, operation, filed \
     FROM payment_book WHERE book = ? AND kind = 1 AND sort IN ?";
const TRANSFERS: &str =
    "SELECT sort, body FROM payment_book WHERE book = ? AND kind = 2 AND sort > ? LIMIT ?";
const OPERATION: &str = "SELECT body FROM payment_book WHERE book = ? AND kind = 4 AND sort = ?";
const OPERATIONS_OF_PAYMENT: &str = "SELECT sort, body \
     FROM payment_book WHERE book = ? AND kind = 4 AND sort > ? AND sort <= ? LIMIT ?";
const SET_STATICS: &str = "UPDATE payment_book \
     SET version = ?, held = ?, captured = ?, refunding = ?, refunded = ? WHERE book = ?";
const PUT_PAYMENT: &str = "INSERT INTO payment_book \
     (book, kind, sort, body, operation, filed, state, amount_minor) VALUES (?, 1, ?, ?, ?, ?, ?, ?)";
const BY_USER: &str = "SELECT payment_id, currency \
     FROM payments_by_user WHERE user_id = ? AND payment_id < ? LIMIT ?";
const PUT_BY_USER: &str = "INSERT INTO payments_by_user (user_id, payment_id, currency) VALUES (?, ?, ?)";
const PAYMENTS_OF_DAY: &str = "SELECT payment_id, book \
     FROM payment_index WHERE day = ? AND shard = ? AND payment_id > ? LIMIT ?";
const PUT_PAYMENT_OF_DAY: &str =
    "INSERT INTO payment_index (day, shard, payment_id, book) VALUES (?, ?, ?, ?)";
const WORK: &str = "SELECT sort, book \
     FROM payment_work WHERE kind = ? AND slice = ? AND shard = ? AND sort > ? AND sort <= ? LIMIT ?";
const PUT_WORK: &str = "INSERT INTO payment_work (kind, slice, shard, sort, book) VALUES (?, ?, ?, ?, ?)";
const DROP_WORK: &str =
    "DELETE FROM payment_work WHERE kind = ? AND slice = ? AND shard = ? AND sort = ? AND book = ?";
const SLICES: &str = "SELECT slice FROM payment_slice WHERE kind = ? AND slice >= ? AND slice <= ?";
const FIRST_FLOOR: &str = "INSERT INTO payment_work_floor (kind, floor) VALUES (?, ?) IF NOT EXISTS";
const RAISE_FLOOR: &str = "UPDATE payment_work_floor SET floor = ? WHERE kind = ? IF floor = ?";
