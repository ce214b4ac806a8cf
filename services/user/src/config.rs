//! The settings of the user service.

use std::{net::SocketAddr, time::Duration};

use service_kit::{cache::CacheConfig, config::Section};

const HOUR: Duration = Duration::from_secs(3_600);

/// The settings of the user service.
#[derive(Clone, Debug)]
pub struct UserConfig {
    /// Where the service listens.
    pub listen: SocketAddr,
    /// How profiles are cached.
    pub profile_cache: CacheConfig,
}

impl UserConfig {
    /// Reads the settings from the service's section.
    pub fn read(section: &mut Section<'_>) -> Self {
        let listen = section.get(
            "listen",
            SocketAddr::from(([127, 0, 0, 1], 50051)),
            "an address like 127.0.0.1:50051",
            "Where the user service listens",
        );
        let present_ttl = section.duration(
            "profile_cache_ttl",
            HOUR,
            Duration::from_secs(1)..=24 * HOUR,
            "How long a profile is served from memory before it is read again",
        );
        let capacity_bytes =
            section.size("profile_cache_size", 16 << 20, 1 << 20..=16 << 30, "Memory for cached profiles");
        let profile_cache =
            CacheConfig { name: "profile", capacity_bytes, present_ttl, ..CacheConfig::default() };
        Self { listen, profile_cache }
    }
}
