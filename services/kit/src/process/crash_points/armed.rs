//! Reading what shall be armed, and arming it.

use std::{
    collections::BTreeMap,
    process::abort,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};

use super::{ArmError, POINTS, POINTS_ON_SERVERS, SWITCHES, hold::Hold};

/// Every name there is.
const ALL: [&[&str]; 3] = [POINTS, POINTS_ON_SERVERS, SWITCHES];

/// Arms what the variables ask for; it holds for the life of the process.
pub(super) fn arm(program: &'static str, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), ArmError> {
    for switch in variable("FAILPOINTS").iter().flat_map(|all| all.split(';')).filter(|one| !one.is_empty()) {
        let halves = switch.split_once('=');
        let (name, actions) = halves.ok_or_else(|| wrong("FAILPOINTS: expected name=actions;…"))?;
        let name = known(name.trim())?;
        fail::cfg(name, actions).map_err(|error| wrong(format!("FAILPOINTS: {name}: {error}")))?;
    }
    if let Some(points) = variable("HOLD_AT") {
        let folder = variable("HOLD_IN").ok_or_else(|| wrong("HOLD_AT is set without HOLD_IN"))?;
        let mut turns = BTreeMap::<_, Vec<_>>::new();
        for point in points.split(',') {
            let (name, turn) = parse(point)?;
            turns.entry(name).or_default().extend(turn);
        }
        for (name, turns) in turns {
            let hold = Hold::new(program, name, turns, folder.clone().into());
            each_time(name, move |time| hold.arrived(time))?;
        }
    }
    if let Some(point) = variable("CRASH_AT") {
        let (name, turn) = parse(&point)?;
        each_time(name, move |time| {
            if time == turn.unwrap_or(1) {
                eprintln!("{program}: crashed at {name}, time {time}");
                abort();
            }
        })?;
    }
    Ok(())
}

/// Calls `arrived` with how often the point was reached by now.
fn each_time(name: &'static str, arrived: impl Fn(u64) + Send + Sync + 'static) -> Result<(), ArmError> {
    if fail::list().into_iter().any(|(other, _)| other == name) {
        return Err(wrong(format!("{name} is armed twice")));
    }
    let times = Arc::new(AtomicU64::new(0));
    let arrive = move || arrived(times.fetch_add(1, SeqCst) + 1);
    fail::cfg_callback(name, arrive).map_err(|error| wrong(format!("{name}: {error}")))
}

/// `name` or `name#turn`.
fn parse(point: &str) -> Result<(&'static str, Option<u64>), ArmError> {
    let (name, turn) = match point.split_once('#') {
        Some((name, turn)) => (name, Some(turn)),
        None => (point, None),
    };
    let name = known(name)?;
    let turn = turn.map(|turn| {
        let number = turn.parse().ok().filter(|number| *number > 0);
        number.ok_or_else(|| wrong(format!("{point}: expected a number from 1 behind the #")))
    });
    Ok((name, turn.transpose()?))
}

fn known(name: &str) -> Result<&'static str, ArmError> {
    let all = ALL.concat();
    let found = all.iter().copied().find(|known| *known == name);
    found.ok_or_else(|| wrong(format!("there is no point {name}; there are {}", all.join(", "))))
}

fn wrong(what: impl Into<String>) -> ArmError {
    ArmError(what.into())
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    fn refusal(set: &[(&str, &str)]) -> String {
        let variable = |name: &str| {
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        arm("test", &variable).unwrap_err().to_string()
    }

    #[test]
    fn what_there_is_not_is_refused() {
        assert!(
            refusal(&[("CRASH_AT", "relay.befor-publish")])
                .starts_with("there is no point relay.befor-publish")
        );
        for turn in ["", "0", "-1", "x"] {
            let said = refusal(&[("CRASH_AT", &format!("relay.before-publish#{turn}"))]);
            assert!(said.contains("expected a number from 1"), "{said}");
        }
        assert!(refusal(&[("HOLD_AT", "cache.after-load")]).contains("without HOLD_IN"));
        assert!(refusal(&[("FAILPOINTS", "bug.no-fsinc=return")]).contains("no point bug.no-fsinc"));
        assert!(refusal(&[("FAILPOINTS", "bug.no-fsync=retrun")]).contains("bug.no-fsync"));
        assert!(refusal(&[("FAILPOINTS", "bug.no-fsync")]).contains("expected name=actions"));
    }

    /// The sources of every crate, but no tests.
    fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = entry.file_name().unwrap().to_str().unwrap();
            if entry.is_dir() && !matches!(name, "target" | "tests") && !name.starts_with('.') {
                sources(&entry, into);
            } else if name.ends_with(".rs") {
                into.push(entry);
            }
        }
    }

    #[test]
    fn the_lists_name_every_point_in_the_sources_and_no_other() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), &mut files);
        let mut found = BTreeSet::new();
        for text in files.iter().map(|file| fs::read_to_string(file).unwrap()) {
            // The openings are put together, so that this file does not name a point by them.
            for opening in [concat!("fail_point!", "(\""), concat!("seeded", "(\"")] {
                let points = text.split(opening).skip(1).map(|rest| rest.split('"').next().unwrap());
                found.extend(points.map(str::to_owned));
            }
        }
        let listed = ALL.concat().into_iter().map(str::to_owned).collect();
        assert_eq!(found, listed);
        assert_eq!(listed.len(), ALL.concat().len(), "a name is listed twice");
    }
}
