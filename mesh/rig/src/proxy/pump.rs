//! One direction of one connection.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::tcp::{ReadHalf, WriteHalf},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use super::fault::{Direction, State};

/// What is under way at most: so many pieces, so many bytes each. Then the sender has to wait, as with a full window.
const PIECES_MAX: usize = 64;
const PIECE: usize = 16 * 1024;

type Piece = (Instant, Vec<u8>);

/// Carries bytes until their end, which is passed on too.
pub(super) async fn pump(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    direction: Direction,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    let (pieces, under_way) = mpsc::channel(PIECES_MAX);
    tokio::try_join!(take(from, pieces, state.clone()), give(to, under_way, direction, state)).map(drop)
}

/// Reads, and stamps with the time at which it is due.
async fn take(
    mut from: ReadHalf<'_>,
    pieces: mpsc::Sender<Piece>,
    state: watch::Receiver<State>,
) -> io::Result<()> {
    loop {
        let mut piece = vec![0; PIECE];
        let length = from.read(&mut piece).await?;
        piece.truncate(length);
        let due = Instant::now() + state.borrow().delay();
        // An empty piece is the end.
        if pieces.send((due, piece)).await.is_err() || length == 0 {
            return Ok(());
        }
    }
}

async fn give(
    mut to: WriteHalf<'_>,
    mut under_way: mpsc::Receiver<Piece>,
    direction: Direction,
    mut state: watch::Receiver<State>,
) -> io::Result<()> {
    // Since the last change of what is wrong.
    let (mut changes, mut given) = (u64::MAX, 0);
    while let Some((due, mut piece)) = under_way.recv().await {
        let now = until_through(due, direction, &mut state).await?;
        if now.changes != changes {
            (changes, given) = (now.changes, 0);
        }
        let length = piece.len() as u64;
        if let Some(rest) = now.allowance(direction).map(|bytes| bytes.saturating_sub(given))
            && rest < length
        {
            piece.truncate(usize::try_from(rest).unwrap_or(usize::MAX));
            to.write_all(&piece).await?;
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if piece.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&piece).await?;
        given += length;
    }
    Ok(())
}

/// Waits until something that is due then gets through in this direction, and answers what is wrong by then.
async fn until_through(
    due: Instant,
    direction: Direction,
    state: &mut watch::Receiver<State>,
) -> io::Result<State> {
    loop {
        let now = *state.borrow_and_update();
        let is_swallowed = now.swallows(direction);
        // What was delayed is not when the link is whole again.
        let is_late = !now.delay().is_zero() && due > Instant::now();
        if !is_swallowed && !is_late {
            return Ok(now);
        }
        tokio::select! {
            changed = state.changed() => changed.map_err(|_gone| io::Error::from(io::ErrorKind::BrokenPipe))?,
            () = sleep_until(due), if !is_swallowed => {}
        }
    }
}
