//! Who can be served at the same time.

/// The smallest number of `left` that cannot each have one of `right` that fits them, no two the same one.
///
/// It goes along augmenting paths, so it takes time as the product of all three of `left`, `right` and the fits of
/// one: they are the requests about one payment and what was done for it, so they are few.
pub(super) fn unmatched<'a, L, R>(left: &'a [L], right: &[R], fits: impl Fn(&L, &R) -> bool) -> Vec<&'a L> {
    let mut taken = vec![None; right.len()];
    let mut alone = Vec::new();
    for (place, one) in left.iter().enumerate() {
        let mut was_tried = vec![false; right.len()];
        if !finds(place, left, right, &fits, &mut taken, &mut was_tried) {
            alone.push(one);
        }
    }
    alone
}

/// Gives the one at `place` one of `right`, if need be by moving others to another one.
fn finds<L, R>(
    place: usize,
    left: &[L],
    right: &[R],
    fits: &impl Fn(&L, &R) -> bool,
    taken: &mut [Option<usize>],
    was_tried: &mut [bool],
) -> bool {
    for (to, other) in right.iter().enumerate() {
        if was_tried[to] || !fits(&left[place], other) {
            continue;
        }
        was_tried[to] = true;
        let is_free = match taken[to] {
            None => true,
            Some(by) => finds(by, left, right, fits, taken, was_tried),
        };
        if is_free {
            taken[to] = Some(place);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(left: &[&[u32]], right: &[u32]) -> usize {
        unmatched(left, right, |left, right| left.contains(right)).len()
    }

    #[test]
    fn others_move_to_make_room() {
        assert_eq!(alone(&[&[1, 2], &[1]], &[1, 2]), 0);
        assert_eq!(alone(&[&[1, 2], &[2, 3], &[1], &[1]], &[1, 2, 3]), 1);
        assert_eq!(alone(&[&[1], &[1]], &[1]), 1);
        assert_eq!(alone(&[&[1], &[2]], &[2, 2]), 1);
        assert_eq!(alone(&[], &[1]), 0);
        assert_eq!(alone(&[&[1]], &[]), 1);
    }
}
