//! What stands in the manifests about the programs is what the programs say themselves.

use std::{fs, path::PathBuf, process::Command};

use mesh_events::Subscription;

use super::programs::{NOTIFICATION, PAYMENT, Service, USER};

fn folder(service: Service) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../k8s/base").join(service.name)
}

/// As `cargo run -p user -- --print-config > k8s/base/user/settings.toml` writes it.
#[test]
fn the_settings_in_the_manifests_are_the_programs_own_defaults() {
    for service in [USER, PAYMENT, NOTIFICATION] {
        let printed = Command::new(service.path()).arg("--print-config").output().unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        let file = folder(service).join("settings.toml");
        let written = fs::read_to_string(&file).unwrap();
        let package = service.name;
        assert!(
            String::from_utf8(printed.stdout).unwrap() == written,
            "{} is not what the program prints: cargo run -p {package} -- --print-config > k8s/base/{package}/settings.toml",
            file.display(),
        );
    }
}

/// The environment of the manifests is read as settings: a mistyped variable would be a pod that does not start.
#[test]
fn every_variable_in_the_manifests_is_a_setting() {
    for service in [USER, PAYMENT, NOTIFICATION] {
        let manifest = fs::read_to_string(folder(service).join("deployment.yaml")).unwrap();
        let overlay = folder(service).join("../../overlays/dev/kustomization.yaml");
        let texts = manifest + &fs::read_to_string(overlay).unwrap();
        let words = texts.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        let variables: Vec<_> = words.filter(|word| word.starts_with(service.prefix)).collect();
        assert!(variables.len() > 5, "{variables:?}");
        let printed = Command::new(service.path()).arg("--print-config").output().unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        for variable in variables {
            assert!(
                printed.contains(&format!("# {variable};")),
                "{variable} is no setting of {}",
                service.program
            );
        }
    }
}

#[test]
fn the_platforms_queues_are_those_that_its_services_subscribe_to() {
    let sorted = |mut subscriptions: Vec<Subscription>| {
        subscriptions.iter_mut().for_each(|subscription| subscription.kinds.sort());
        subscriptions.sort_by(|a, b| a.queue.cmp(&b.queue));
        subscriptions
    };
    let mut asked = vec![user::events::subscription()];
    asked.extend(notification::events::subscriptions());
    assert_eq!(sorted(service_kit::process::topology()), sorted(asked));
}
