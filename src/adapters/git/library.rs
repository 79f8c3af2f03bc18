//! What libgit2 keeps for the whole process.
//!
//! Input: settings. Output: global options. It opens nothing. Invariants: a silent peer ends a call; no configuration
//! of the user or the machine (aliases of URLs, helpers, proxies) has a say; little is cached in memory.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use git2::{ConfigLevel, Error, opts};

use super::settings::Settings;

static PREPARING: Mutex<()> = Mutex::new(());
const OBJECT_CACHE_BYTES: isize = 8 << 20;
const MAPPED_BYTES: usize = 64 << 20;
const MAP_WINDOW_BYTES: usize = 1 << 20;

/// Sets the options. A later repository sets them anew: they are one set for the process.
pub(super) fn prepare(settings: &Settings) -> Result<(), Error> {
    let _one_at_a_time = PREPARING.lock().unwrap_or_else(PoisonError::into_inner);
    let milliseconds = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    #[expect(unsafe_code, reason = "libgit2's options are plain globals; they are written under a lock, before use")]
    unsafe {
        opts::set_server_connect_timeout_in_milliseconds(milliseconds(settings.limits().connect_time))?;
        opts::set_server_timeout_in_milliseconds(milliseconds(settings.limits().server_time))?;
        for level in [ConfigLevel::System, ConfigLevel::Global, ConfigLevel::XDG, ConfigLevel::ProgramData] {
            opts::set_search_path(level, "")?;
        }
        opts::set_cache_max_size(OBJECT_CACHE_BYTES)?;
        opts::set_mwindow_size(MAP_WINDOW_BYTES)?;
        opts::set_mwindow_mapped_limit(MAPPED_BYTES)?;
        if let Some(file) = settings.ca_file() {
            opts::set_ssl_cert_file(file)?;
        }
    }
    Ok(())
}
