//! The settings of the log.

use mesh_telemetry::{LogConfig, LogFilter, LogFormat};

use crate::config::Section;

pub(super) fn read(section: &mut Section<'_>) -> LogConfig {
    let format = section.choice(
        "format",
        LogFormat::Human,
        &[("human", LogFormat::Human), ("json", LogFormat::Json)],
        "How log lines are written to standard error: human, or json with one object a line",
    );
    let filter = section.get_if(
        "filter",
        "info".to_owned(),
        |filter: &String| filter.parse::<LogFilter>().is_ok(),
        "levels like info or warn,mesh_rpc=debug",
        "What is logged",
    );
    LogConfig { format, filter }
}
